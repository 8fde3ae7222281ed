(;@
about = "checks in helper"
calls = """
f(5) -> void
f(100) -> trap
"""
expect = """
module: compare <= 1
"""
@;)
(module
  (memory (export "m") 1)
  (func $get (param i32) (result i32) (if (i32.ge_u (local.get 0) (i32.const 64)) (then (unreachable))) (i32.load8_u (local.get 0)))
  (func $put (param i32 i32) (if (i32.ge_u (local.get 0) (i32.const 64)) (then (unreachable))) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "f") (param i32) (call $put (local.get 0) (i32.add (call $get (local.get 0)) (i32.const 1)))))
