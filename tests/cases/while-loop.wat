(;@
about = "while loop"
calls = """
f(16, 5) -> 2479
f(3, 0) -> 0
f(16, 1) -> 209
"""
expect = """
fuel f(16, 200) <= 0.85x
"""
@;)
(module
  (func (export "f") (param $p i64) (param $n i32) (result i64) (local $s i64)
    (block $x (loop $l
      (br_if $x (i32.eqz (local.get $n)))
      (local.set $s (i64.xor (i64.rotl (local.get $s) (i64.const 1)) (i64.mul (i64.add (local.get $p) (i64.const 3)) (i64.sub (local.get $p) (i64.const 5)))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $l)))
    (local.get $s)))
