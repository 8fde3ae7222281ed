(;@
about = "callee with loop returns exit"
calls = """
run(5) -> 547
run(0) -> 0
"""
expect = """
module: import $root.[waitable-set-poll] == 0
func run: loop <= 1
"""
[host]
"$root.[waitable-set-poll]" = 0
@;)
(module
  (import "$root" "[waitable-set-poll]" (func $wsp (param i32 i32) (result i32)))
  (memory 1)
  (global $res (mut i32) (i32.const 0))
  (func $lift (param $n i32) (result i32) (local $s i32)
    (block $o (loop $l
      (br_if $o (i32.eqz (local.get $n)))
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 3)) (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $l)))
    (global.set $res (local.get $s))
    (i32.shl (local.get $s) (i32.const 4)))
  (func $cb (param i32 i32 i32) (result i32) (global.set $res (local.get 1)) (i32.const 0))
  (func (export "run") (param $n i32) (result i32) (local $p i32)
    (local.set $p (call $lift (local.get $n)))
    (block $exit (loop $drive
      (block $yield (block $wait
        (br_table $exit $yield $wait $yield (i32.and (local.get $p) (i32.const 15))))
        (drop (call $wsp (i32.shr_u (local.get $p) (i32.const 4)) (i32.const 0))))
      (local.set $p (call $cb (i32.load (i32.const 0)) (i32.load offset=4 (i32.const 0)) (i32.load offset=8 (i32.const 0))))
      (br $drive)))
    (global.get $res)))
