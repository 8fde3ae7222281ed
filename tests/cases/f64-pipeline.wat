(;@
about = "f64 pipeline"
calls = """
run(2.5) -> 4.743416490252569
run(-8.0) -> nan
run(inf) -> inf
"""
expect = """
reach run: functions <= 2
module: mem == 0
module: loop == 0
module: indirect == 0
module: global.* == 0
module: import $root.[waitable-set-poll] == 0
"""
[host]
"$root.[waitable-set-poll]" = 0
@;)
(module
  (import "$root" "[waitable-set-poll]" (func $wsp (param i32 i32) (result i32)))
  (type $c (func (param i32 i32 i32) (result i32)))
  (memory $m 1) (memory $n 1)
  (table 2 funcref) (elem (i32.const 0) $cb0 $cb)
  (global $ctx (mut i32) (i32.const 0)) (global $out (mut f64) (f64.const 0))
  (func $impl (param f64) (result f64) (f64.mul (f64.sqrt (local.get 0)) (f64.const 3)))
  (func $task_return (param f64) (global.set $out (local.get 0)))
  (func $cb0 (type $c) (unreachable))
  (func $cb (type $c) (local $s i32)
    (local.set $s (global.get $ctx))
    (block $no (br_if $no (local.get 0))
      (call $task_return (call $impl (f64.load $m offset=8 (local.get $s))))
      (global.set $ctx (i32.const 0))
      (return (i32.const 0)))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (return (i32.const 2))))
    (i32.const 1))
  (func $lift (param f64) (result i32)
    (i32.store $m (i32.const 128) (i32.const 1))
    (f64.store $m offset=8 (i32.const 128) (local.get 0))
    (global.set $ctx (i32.const 128))
    (call_indirect (type $c) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "run") (param f64) (result f64) (local $p i32)
    (local.set $p (call $lift (local.get 0)))
    (block $x (loop $l
      (br_if $x (i32.eqz (i32.and (local.get $p) (i32.const 15))))
      (drop (call $wsp (i32.shr_u (local.get $p) (i32.const 4)) (i32.const 32)))
      (local.set $p (call_indirect (type $c) (i32.load $n (i32.const 32)) (i32.load $n (i32.const 36)) (i32.load $n (i32.const 40)) (i32.const 1)))
      (br $l)))
    (global.get $out)))
