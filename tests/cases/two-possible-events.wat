(;@
about = "two possible events"
calls = """
a(5) -> 5
b(6) -> 8
"""
expect = """
module: const 777777 == 0
module: const 888888 == 0
"""
@;)
(module
  (func $cb (param i32 i32) (result i32)
    (block $d (block $c (block $b (block $a
       (br_table $a $b $c $d (local.get 0)))
       (return (local.get 1)))
       (return (i32.const 777777)))
       (return (i32.add (local.get 1) (i32.const 2))))
    (i32.const 888888))
  (func (export "a") (param i32) (result i32) (call $cb (i32.const 0) (local.get 0)))
  (func (export "b") (param i32) (result i32) (call $cb (i32.const 2) (local.get 0))))
