(;@
about = "unused with data"
calls = """
f(5) -> 0
"""
expect = """
module: memories == 1
module: datasegs == 0
"""
@;)
(module
  (memory $a 1) (memory $b (export "b") 1)
  (data (memory $a) (i32.const 5) "abc")
  (func (export "f") (param i32) (result i32) (i32.load $b (i32.and (local.get 0) (i32.const 255)))))
