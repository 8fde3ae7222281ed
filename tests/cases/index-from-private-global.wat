(;@
about = "index from private global"
calls = """
f(5) -> 8
f(-1) -> 2
"""
expect = """
module: indirect == 0
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (table 4 4 funcref) (elem (i32.const 1) $k $h)
  (global $vt (mut i32) (i32.const 0))
  (func $h (type $t) (i32.add (local.get 0) (i32.const 3)))
  (func $k (type $t) (i32.add (local.get 0) (i32.const 4)))
  (func $init (global.set $vt (i32.const 2)))
  (func (export "f") (param i32) (result i32) (call $init) (call_indirect (type $t) (local.get 0) (global.get $vt))))
