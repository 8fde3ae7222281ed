(;@
about = "loops and indirect users"
calls = """
a(5) -> 24710
b(5) -> 0
c(7, 0) -> 12290
c(7, 1) -> 12290
"""
expect = """
module: functions <= 0.7x
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (table 2 funcref) (elem (i32.const 0) $s1 $s2)
  (func $s1 (type $t) (local i32) (loop (local.set 1 (i32.add (local.get 1) (i32.mul (local.get 0) (local.get 0)))) (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1))))) (i32.xor (local.get 1) (i32.const 12345)))
  (func $s2 (type $t) (local i32) (loop (local.set 1 (i32.add (local.get 1) (i32.mul (local.get 0) (local.get 0)))) (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1))))) (i32.xor (local.get 1) (i32.const 12345)))
  (func $s3 (type $t) (local i32) (loop (local.set 1 (i32.add (local.get 1) (i32.mul (local.get 0) (local.get 0)))) (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1))))) (i32.xor (local.get 1) (i32.const 12345)))
  (func (export "a") (param i32) (result i32) (i32.add (call $s1 (local.get 0)) (call $s3 (i32.const 9))))
  (func (export "b") (param i32) (result i32) (i32.sub (call $s2 (local.get 0)) (call $s3 (local.get 0))))
  (func (export "c") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.and (local.get 1) (i32.const 1)))))
