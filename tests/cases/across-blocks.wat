(;@
about = "across blocks"
calls = """
f(100, 3) -> 367
f(-5, 0) -> 0
"""
expect = """
module: i32.mul <= 1
"""
@;)
(module
  (func (export "f") (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.mul (i32.add (local.get 0) (i32.const 9)) (local.get 1)))
    (if (result i32) (local.get 1)
      (then (i32.xor (i32.mul (local.get 1) (i32.add (i32.const 9) (local.get 0))) (i32.shr_u (local.get 2) (i32.const 3))))
      (else (i32.sub (local.get 2) (i32.mul (i32.add (local.get 0) (i32.const 9)) (local.get 1)))))))
