(;@
about = "a store at the end of memory traps, and what went before is seen"
calls = """
put(65530)
put(65534)
last()
"""
@;)
(module
  (memory 1) (global $n (mut i32) (i32.const 0))
  (func (export "put") (param i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store (local.get 0) (i32.const 7))
    (i32.store offset=4 (local.get 0) (i32.const 8)))
  (func (export "last") (result i32) (i32.add (global.get $n) (i32.load (i32.const 65532)))))
