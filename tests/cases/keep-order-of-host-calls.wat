(;@
about = "two calls of the host keep their order and their number"
calls = """
run(1)
run(0)
"""
expect = """
module: import e.a == 1
module: import e.b == 1
"""
[host]
"e.a" = 5
"e.b" = 6
@;)
(module
  (import "e" "a" (func $a (param i32) (result i32)))
  (import "e" "b" (func $b (param i32) (result i32)))
  (func (export "run") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $a (i32.const 1)) (call $b (i32.const 2))))
      (else (i32.add (call $b (i32.const 2)) (call $a (i32.const 1)))))))
