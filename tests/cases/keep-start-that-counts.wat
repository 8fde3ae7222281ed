(;@
about = "what the start function did is there"
calls = """
get()
get()
"""
@;)
(module
  (global $g (mut i32) (i32.const 40))
  (func $init (global.set $g (i32.add (global.get $g) (i32.const 2))))
  (start $init)
  (func (export "get") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))
