(;@
about = "multi value and early return"
calls = """
f(100) -> 100
f(-5) -> -1
"""
expect = """
reach f: functions <= 1
"""
@;)
(module
  (func $split (param i64) (result i32 i32)
    (if (i64.lt_s (local.get 0) (i64.const 0)) (then (return (i32.const -1) (i32.const -1))))
    (i32.wrap_i64 (local.get 0)) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))
  (func $join (param i32 i32) (result i64) (i64.or (i64.extend_i32_u (local.get 0)) (i64.shl (i64.extend_i32_u (local.get 1)) (i64.const 32))))
  (func (export "f") (param i64) (result i64) (call $join (call $split (local.get 0)))))
