(;@
about = "nested else with results"
calls = """
cb(11) -> 4
cb(12) -> 5
cb(13) -> 6
cb(14) -> 40
cb(15) -> 51
cb(16) -> 33
cb(17) -> 12
cb(0) -> 0
cb(-1) -> 0
"""
expect = """
func cb: br_table >= 1 || fuel cb(17) <= 0.6x
fuel cb(17) <= 0.7x
"""
[host]
"e.a" = 4
"e.b" = 5
"e.c" = 6
@;)
(module
  (import "e" "a" (func $a (result i32))) (import "e" "b" (func $b (result i32))) (import "e" "c" (func $c (result i32)))
  (func (export "cb") (param i32) (result i32)
    (if (result i32) (i32.eq (i32.const 11) (local.get 0)) (then (call $a)) (else
    (if (result i32) (i32.eq (local.get 0) (i32.const 12)) (then (call $b)) (else
    (if (result i32) (i32.eq (local.get 0) (i32.const 13)) (then (call $c)) (else
    (if (result i32) (i32.eq (local.get 0) (i32.const 14)) (then (i32.const 40)) (else
    (if (result i32) (i32.eq (local.get 0) (i32.const 15)) (then (i32.const 51)) (else
    (if (result i32) (i32.eqz (i32.sub (local.get 0) (i32.const 16))) (then (i32.const 33)) (else
    (if (result i32) (i32.eq (local.get 0) (i32.const 17)) (then (i32.mul (call $a) (i32.const 3))) (else (i32.const 0)))))))))))))))))
