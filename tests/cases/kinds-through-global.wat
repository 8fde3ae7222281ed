(;@
about = "kinds through global"
calls = """
go(5) -> 1
go(-2) -> 1
"""
expect = """
module: const 777777 == 0
module: import e.w == 0
"""
@;)
(module
  (import "e" "w" (func $w (param i32)))
  (import "e" "r" (func $r (param i32)))
  (global $ev (mut i32) (i32.const 2))
  (func $cb (param i32) (result i32)
    (if (i32.eq (global.get $ev) (i32.const 3)) (then (call $w (local.get 0)) (return (i32.const 777777))))
    (if (i32.eq (global.get $ev) (i32.const 2)) (then (call $r (local.get 0)) (return (i32.const 1))))
    (i32.const 0))
  (func (export "go") (param i32) (result i32) (global.set $ev (i32.const 2)) (call $cb (local.get 0))))
