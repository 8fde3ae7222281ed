(;@
about = "i64 and i32"
calls = """
f(100) -> 6402
f(-5) -> 18014398509481665
g(100) -> 204804
g(-1) -> -2017
"""
expect = """
module: *.mul == 0
module: *.div_u == 0
module: *.rem_u == 0
"""
@;)
(module
  (func (export "f") (param i64) (result i64) (i64.add (i64.mul (local.get 0) (i64.const 64)) (i64.add (i64.div_u (local.get 0) (i64.const 1024)) (i64.rem_u (i64.const 8) (i64.const 3)))))
  (func (export "g") (param i32) (result i32) (i32.xor (i32.rem_u (local.get 0) (i32.const 32)) (i32.mul (i32.const 2048) (local.get 0)))))
