(;@
about = "sink expensive"
calls = """
f(5, 0) -> 5
f(100, 1) -> 1098394
"""
expect = """
fuel f(5, 0) <= 0.6x
"""
@;)
(module
  (func $cold (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "f") (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.mul (i32.add (i32.mul (local.get 0) (local.get 0)) (i32.const 77)) (i32.xor (local.get 0) (i32.const 9))))
    (if (result i32) (local.get 1) (then (call $cold (local.get 2))) (else (local.get 0)))))
