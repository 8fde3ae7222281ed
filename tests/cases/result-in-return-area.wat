(;@
about = "result in return area"
calls = """
a(5) -> 12
a(60) -> 67
"""
expect = """
module: const 999 == 0
module: mem == 0
"""
@;)
(module
  (memory 1)
  (func $parse (param i32 i32)
    (i32.store8 (local.get 1) (i32.const 0))
    (i32.store offset=4 (local.get 1) (i32.add (local.get 0) (i32.const 7))))
  (func (export "a") (param i32) (result i32)
    (call $parse (local.get 0) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (i32.const 999))))
    (i32.load offset=4 (i32.const 64))))
