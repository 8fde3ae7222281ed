(;@
about = "flag in private memory"
calls = """
send(5) -> 0
send(-2) -> 0
"""
expect = """
module: const 1234567 == 0
module: import e.wait == 0
module: loop == 0
"""
@;)
(module
  (import "e" "wait" (func $wait (param i32)))
  (import "e" "put" (func $put (param i32)))
  (memory 1)
  (func (export "send") (param i32) (result i32)
    (block $go (loop $again
      (br_if $go (i32.eqz (i32.load8_u (i32.const 40))))
      (call $wait (i32.const 1234567)) (br $again)))
    (call $put (local.get 0))
    (i32.const 0)))
