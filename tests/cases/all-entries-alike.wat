(;@
about = "all entries alike"
calls = """
f(5, 0) -> 8
f(5, 1) -> 8
f(7, 3) -> 10
"""
expect = """
module: indirect == 0
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (table 4 4 funcref) (elem (i32.const 0) $h $h $h $h)
  (func $h (type $t) (i32.add (local.get 0) (i32.const 3)))
  (func (export "f") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.and (local.get 1) (i32.const 3)))))
