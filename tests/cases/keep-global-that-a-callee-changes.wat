(;@
about = "a call between may write what was read"
calls = """
run(4)
run(9)
"""
[host]
"e.log" = 0
@;)
(module
  (import "e" "log" (func $log (param i32)))
  (global $g (mut i32) (i32.const 3))
  (func $bump (param i32) (global.set $g (i32.add (global.get $g) (local.get 0))) (call $log (global.get $g)))
  (func (export "run") (param i32) (result i32) (local i32)
    (local.set 1 (global.get $g))
    (call $bump (local.get 0))
    (i32.sub (global.get $g) (local.get 1))))
