(;@
about = "constant table and select"
calls = """
f(100) -> 102
f(-5) -> -3
"""
expect = """
module: br_table == 0
module: select == 0
module: if == 0
"""
@;)
(module
  (global $mode i32 (i32.const 1))
  (func (export "f") (param i64) (result i64)
    (block $a (block $b (block $c (br_table $a $c $b (global.get $mode))) (return (i64.add (local.get 0) (select (i64.const 1) (i64.const 2) (i32.eqz (global.get $mode)))))) (return (i64.const 5)))
    (i64.const 6)))
