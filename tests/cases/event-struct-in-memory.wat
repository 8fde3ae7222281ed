(;@
about = "event struct in memory"
calls = """
run(10) -> 11
run(-3) -> -2
"""
expect = """
module: const 4242 == 0
reach run: functions <= 2
module: memories == 0
"""
@;)
(module
  (memory 1)
  (global $res (mut i32) (i32.const 0))
  (func $cb (param $at i32) (result i32)
    (block $x (block $y (block $z
      (br_table $z $y $x (i32.load (local.get $at))))
      (global.set $res (i32.add (i32.load offset=4 (local.get $at)) (i32.const 1)))
      (return (i32.const 0)))
      (global.set $res (i32.const 4242))
      (return (i32.const 0)))
    (unreachable))
  (func (export "run") (param i32) (result i32)
    (i32.store (i32.const 64) (i32.const 0))
    (i32.store offset=4 (i32.const 64) (local.get 0))
    (drop (call $cb (i32.const 64)))
    (global.get $res)))
