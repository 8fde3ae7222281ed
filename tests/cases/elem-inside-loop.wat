(;@
about = "elem inside loop"
calls = """
f(5) -> 15
f(0) -> 0
"""
expect = """
module: indirect == 0
"""
@;)
(module
  (type $t (func (param i32) (result i32)))
  (table 2 2 funcref)
  (elem (i32.const 0) $h $k)
  (func $h (type $t) (i32.add (local.get 0) (i32.const 3)))
  (func $k (type $t) (i32.add (local.get 0) (i32.const 30)))
  (func (export "f") (param i32) (result i32) (local $s i32)
    (block $o (loop $l
      (br_if $o (i32.eqz (local.get 0)))
      (local.set $s (call_indirect (type $t) (local.get $s) (i32.const 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br $l)))
    (local.get $s)))
