(;@
about = "a place that was not there is there after growing"
calls = """
f(65536)
g()
f(65536)
"""
@;)
(module
  (memory 1 3)
  (func (export "f") (param i32) (result i32) (i32.store (local.get 0) (i32.const 5)) (i32.load (local.get 0)))
  (func (export "g") (result i32) (memory.grow (i32.const 1))))
