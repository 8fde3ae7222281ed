(;@
about = "an exported table may be changed between calls"
calls = """
f(3)
!table t 0 = g
f(3)
"""
expect = """
module: indirect >= 1
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (table (export "t") 1 funcref) (elem (i32.const 0) $one)
  (func $one (type $t) (i32.add (local.get 0) (i32.const 1)))
  (func (export "g") (type $t) (i32.mul (local.get 0) (i32.const 10)))
  (func (export "f") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0))))
