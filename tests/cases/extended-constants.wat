(;@
about = "extended constants"
calls = """
f(100) -> 260
f(-5) -> 155
"""
expect = """
module: globals == 0
func f: instrs <= 3
"""
@;)
(module
  (global $a i64 (i64.const 40))
  (global $b (mut i64) (i64.const 2))
  (func (export "f") (param i64) (result i64) (i64.add (local.get 0) (i64.mul (global.get $a) (i64.shl (i64.const 1) (global.get $b))))))
