(;@
about = "offset and second table"
calls = """
f(5) -> 25
f(-9) -> -45
g(4) -> 8
"""
expect = """
module: indirect == 0
module: tables == 0
reach f: functions <= 1
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (table $u 2 funcref)
  (table $v 8 8 funcref)
  (global $base i32 (i32.const 3))
  (elem (table $v) (global.get $base) func $one $two $three)
  (func $one (param i32) (result i32) (i32.add (local.get 0) (i32.const 11)))
  (func $two (param i32) (result i32) (i32.mul (local.get 0) (i32.const 5)))
  (func $three (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0)))
  (func (export "f") (param i32) (result i32)
    (call_indirect $v (type $t) (local.get 0) (i32.add (global.get $base) (i32.const 1))))
  (func (export "g") (param i32) (result i32)
    (i32.add (call_indirect $v (type $t) (local.get 0) (i32.const 5))
             (call_indirect $v (type $t) (i32.const 1) (i32.const 3)))))
