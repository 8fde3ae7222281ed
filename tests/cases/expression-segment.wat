(;@
about = "expression segment"
calls = """
f(2.5) -> 6.75
f(-1.0) -> 1.5
"""
expect = """
module: indirect == 0
module: tables == 0
"""
@;)
(module
  (type $t (func (param f64) (result f64)))
  (table 3 funcref)
  (elem (i32.const 0) funcref (ref.null func) (ref.func $h) (ref.null func))
  (func $h (param f64) (result f64) (f64.add (f64.mul (local.get 0) (local.get 0)) (f64.const 0.5)))
  (func (export "f") (param f64) (result f64) (local i32)
    (local.set 1 (i32.const 2)) 
    (call_indirect (type $t) (local.get 0) (i32.shr_u (local.get 1) (i32.const 1)))))
