(;@
about = "flag returned by function"
calls = """
send(5) -> 0
send(-2) -> 0
"""
expect = """
module: const 1234567 == 0
module: import e.wait == 0
"""
@;)
(module
  (import "e" "wait" (func $wait (param i32)))
  (import "e" "put" (func $put (param i32)))
  (global $bp (mut i32) (i32.const 0))
  (func $set (param i32) (global.set $bp (local.get 0)))
  (func $backpressure (result i32) (i32.ne (global.get $bp) (i32.const 0)))
  (func (export "send") (param i32) (result i32)
    (call $set (i32.const 0))
    (if (call $backpressure) (then (call $wait (i32.const 1234567)) (return (i32.const -1))))
    (call $put (local.get 0))
    (i32.const 0)))
