(;@
about = "copy16 and 4"
calls = """
f(5) -> void
f(1) -> void
"""
expect = """
module: memory.copy == 0
"""
@;)
(module
  (memory $a (export "a") 1) (memory $b (export "b") 1)
  (func (export "f") (param i32)
    (memory.copy $a $b (local.get 0) (i32.const 32) (i32.const 4))
    (memory.copy $b $a (i32.const 64) (i32.const 16) (i32.const 16))))
