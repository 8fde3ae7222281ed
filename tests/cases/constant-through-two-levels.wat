(;@
about = "constant through two levels"
calls = """
a(5) -> 35
b(6) -> 533
"""
expect = """
module: const 999 == 0
module: if == 0
"""
@;)
(module
  (func $leaf (param i32 i64 i32) (result i32)
    (if (i64.eq (local.get 1) (i64.const 2)) (then (return (i32.mul (local.get 0) (local.get 2)))))
    (i32.const 999))
  (func $mid (param i64 i32) (result i32)
    (i32.add (call $leaf (local.get 1) (local.get 0) (i32.const 3)) (call $leaf (i32.const 4) (local.get 0) (local.get 1))))
  (func (export "a") (param i32) (result i32) (call $mid (i64.const 2) (local.get 0)))
  (func (export "b") (param i32) (result i32) (i32.sub (call $mid (i64.const 2) (i32.const 77)) (local.get 0))))
