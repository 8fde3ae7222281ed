(;@
about = "ring of dead functions"
calls = """
keep(3) -> 4
"""
expect = """
module: functions <= 1
module: types <= 1
module: globals == 0
module: tables == 0
module: import e.x == 0
module: elems == 0
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (import "e" "x" (func $x (param i32) (result i32)))
  (table 2 funcref) (elem (i32.const 0) $a $b)
  (global $g (mut i32) (i32.const 5))
  (func $a (type $t) (global.set $g (local.get 0)) (call_indirect (type $t) (call $x (local.get 0)) (global.get $g)))
  (func $b (type $t) (call $a (local.get 0)))
  (func (export "keep") (type $t) (i32.add (local.get 0) (i32.const 1))))
