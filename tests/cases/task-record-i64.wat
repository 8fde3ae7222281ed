(;@
about = "task record i64"
calls = """
run(21) -> 168
run(-2) -> -9
"""
expect = """
module: mem == 0
module: memories == 0
module: global.* == 0
"""
@;)
(module
  (memory 2)
  (global $slot (mut i32) (i32.const 0))
  (func $fin (result i64) (local i32) (local.set 0 (global.get $slot)) (global.set $slot (i32.const 0)) (i64.load offset=16 (local.get 0)))
  (func (export "run") (param i64) (result i64)
    (i32.store8 offset=1 (i32.const 1024) (i32.const 1))
    (i64.store offset=8 (i32.const 1024) (i64.const -1))
    (i64.store offset=16 (i32.const 1024) (i64.rotl (local.get 0) (i64.const 3)))
    (global.set $slot (i32.const 1024))
    (call $fin)))
