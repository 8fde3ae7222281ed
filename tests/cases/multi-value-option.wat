(;@
about = "multi value option"
calls = """
a(5) -> 10
b(6) -> 14
"""
expect = """
module: unreachable == 0
module: const 999 == 0
"""
@;)
(module
  (func $find (param i32) (result i32 i32)
    (if (i32.gt_s (local.get 0) (i32.const 10)) (then (return (i32.const 1) (i32.const 10))))
    (i32.const 1) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "a") (param i32) (result i32) (local i32 i32)
    (call $find (local.get 0)) (local.set 2) (local.set 1)
    (if (i32.eqz (local.get 1)) (then (unreachable)))
    (local.get 2))
  (func (export "b") (param i32) (result i32) (local i32)
    (call $find (i32.add (local.get 0) (i32.const 1))) (local.set 1)
    (if (result i32) (then (local.get 1)) (else (i32.const 999)))))
