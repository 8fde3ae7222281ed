(;@
about = "minus zero and NaN are not what they are compared with"
calls = """
f(-0.0)
f(nan)
f(1.5)
"""
@;)
(module
  (func (export "f") (param f64) (result i64)
    (i64.reinterpret_f64 (f64.abs (f64.mul (f64.add (local.get 0) (f64.const 0)) (f64.const 1))))))
