(;@
about = "f64 over other store"
calls = """
f(5.0) -> 10.0
f(1.5) -> 3.0
"""
expect = """
module: f64.load == 0
"""
@;)
(module
  (memory $a 1) (memory $b (export "b") 1)
  (func (export "f") (param f64) (result f64)
    (f64.store $a (i32.const 8) (local.get 0))
    (i32.store $b (i32.const 8) (i32.const 3))
    (f64.add (f64.load $a (i32.const 8)) (f64.load $a (i32.const 8)))))
