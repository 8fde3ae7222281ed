(;@
about = "chain of ifs through wrapper"
calls = """
run(10) -> 100
run(-3) -> 9
"""
expect = """
module: const 4242 == 0
module: const 5151 == 0
reach run: functions <= 2
"""
@;)
(module
  (global $res (mut i32) (i32.const 0))
  (func $cb (param $p i32) (param $ev i32) (result i32)
    (if (i32.eq (i32.const 2) (local.get $ev)) (then (global.set $res (i32.const 4242)) (return (i32.const 0))))
    (if (result i32) (i32.ge_u (local.get $ev) (i32.const 4))
      (then (global.set $res (i32.const 5151)) (i32.const 18))
      (else (global.set $res (i32.mul (local.get $p) (local.get $p))) (i32.const 0))))
  (func $enter (param i32 i32) (result i32) (call $cb (local.get 1) (local.get 0)))
  (func $lift (param i32) (result i32) (call $enter (i32.const 0) (local.get 0)))
  (func (export "run") (param i32) (result i32)
    (if (i32.and (i32.const 15) (call $lift (local.get 0))) (then unreachable))
    (global.get $res)))
