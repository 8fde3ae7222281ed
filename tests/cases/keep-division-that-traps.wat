(;@
about = "an unused division by zero still traps"
calls = """
f(6, 3)
f(6, 0)
f(-2147483648, -1)
"""
@;)
(module
  (func (export "f") (param i32 i32) (result i32)
    (drop (i32.div_s (local.get 0) (local.get 1)))
    (i32.const 1)))
