"""The module that tests of the explorer look at."""

HANDLE = b"""(module (memory (export "m") 1)
  (func $rep (export "rep") (param $h i32) (param $base i32) (result i32)
    (if (result i32)
      (i32.and
        (i32.load (i32.add (i32.mul (local.get $h) (i32.const 8)) (local.get $base)))
        (i32.const 15))
      (then (i32.load (i32.add
        (i32.add (i32.mul (local.get $h) (i32.const 8)) (local.get $base)) (i32.const 4))))
      (else (i32.const -1))))
  (func $other (export "other") (param $x i32) (result i32)
    (i32.sub (i32.add (local.get $x) (i32.const 5)) (i32.const 5))))"""

MUL = 2
"""The instruction that computes $h * 8."""
