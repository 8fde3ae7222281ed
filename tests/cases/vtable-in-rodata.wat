(;@
about = "vtable in rodata"
calls = """
f(5) -> 21
f(-1) -> 15
"""
expect = """
module: indirect == 0
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (table 4 4 funcref) (elem (i32.const 1) $k $h)
  (memory 1) (data (i32.const 1024) "\02\00\00\00\01\00\00\00")
  (func $h (type $t) (i32.add (local.get 0) (i32.const 3)))
  (func $k (type $t) (i32.add (local.get 0) (i32.const 4)))
  (func $dyn (param i32 i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.load offset=4 (local.get 1))))
  (func (export "f") (param i32) (result i32) (i32.add (call $dyn (local.get 0) (i32.const 1024)) (call_indirect (type $t) (i32.const 9) (i32.load (i32.const 1024))))))
