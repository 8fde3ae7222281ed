(;@
about = "table on the code"
calls = """
run(5) -> 45
run(70000) -> 70040
"""
expect = """
module: loop == 0
module: import $root.[waitable-set-poll] == 0
reach run: functions <= 2
"""
[host]
"$root.[waitable-set-poll]" = 0
@;)
(module
  (import "$root" "[waitable-set-poll]" (func $wsp (param i32 i32) (result i32)))
  (memory 1)
  (global $res (mut i64) (i64.const 0))
  (func $lift (param $n i64) (result i32)
    (global.set $res (i64.add (local.get $n) (i64.const 40)))
    (if (result i32) (i64.gt_s (local.get $n) (i64.const 100)) (then (i32.const 16)) (else (i32.const 4096))))
  (func $cb (param i32 i32 i32) (result i32) (global.set $res (i64.extend_i32_u (local.get 1))) (i32.const 0))
  (func (export "run") (param $n i64) (result i64) (local $p i32)
    (local.set $p (call $lift (local.get $n)))
    (block $exit (loop $drive
      (block $yield (block $wait
        (br_table $exit $yield $wait $yield (i32.and (local.get $p) (i32.const 15))))
        (drop (call $wsp (i32.shr_u (local.get $p) (i32.const 4)) (i32.const 0))))
      (local.set $p (call $cb (i32.load (i32.const 0)) (i32.load offset=4 (i32.const 0)) (i32.load offset=8 (i32.const 0))))
      (br $drive)))
    (global.get $res)))
