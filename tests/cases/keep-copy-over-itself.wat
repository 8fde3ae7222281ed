(;@
about = "a copy that overlaps reads before it writes"
calls = """
f(11, 22)
"""
@;)
(module
  (memory (export "m") 1)
  (func (export "f") (param i32 i32) (result i32)
    (i32.store (i32.const 16) (local.get 0))
    (i32.store offset=4 (i32.const 16) (local.get 1))
    (memory.copy (i32.const 20) (i32.const 16) (i32.const 8))
    (i32.sub (i32.load (i32.const 20)) (i32.load (i32.const 24)))))
