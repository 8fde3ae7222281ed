(;@
about = "two adapters one entry"
calls = """
a(3) -> 4
b(3) -> 738
a(-1) -> 8
b(1000000) -> 999991
"""
expect = """
reach a: functions <= 2
reach b: functions <= 2
reach a: anycall <= 1
"""
@;)
(module
  (global $r (mut i64) (i64.const 0))
  (func $work (param i64 i64) (result i64) (local i64)
    (if (i64.lt_s (local.get 0) (local.get 1)) (then (return (i64.sub (local.get 1) (local.get 0)))))
    (local.set 2 (i64.xor (local.get 0) (i64.const 255)))
    (i64.mul (local.get 2) (local.get 1)))
  (func $ret (param i64) (local.get 0) (global.set $r))
  (func $lift (param i64 i64) (result i32)
    (call $ret (call $work (local.get 0) (local.get 1)))
    i32.const 0)
  (func (export "a") (param i64) (result i64)
    (if (i32.rem_u (call $lift (local.get 0) (i64.const 7)) (i32.const 16)) (then unreachable))
    (global.get $r))
  (func (export "b") (param i64) (result i64)
    (if (i32.eqz (i32.eqz (i32.and (call $lift (i64.const 9) (local.get 0)) (i32.const 15)))) (then unreachable))
    (global.get $r)))
