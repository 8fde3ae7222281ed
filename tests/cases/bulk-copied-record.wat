(;@
about = "bulk copied record"
calls = """
run(3, 4) -> -1
run(-1, 5) -> -6
"""
expect = """
module: mem == 0
module: memories == 0
"""
@;)
(module
  (memory $a 1) (memory $b 1)
  (func $callee (param i32) (result i32) (i32.sub (i32.load $b (local.get 0)) (i32.load $b offset=4 (local.get 0))))
  (func (export "run") (param i32 i32) (result i32)
    (i32.store $a (i32.const 16) (local.get 0)) (i32.store $a (i32.const 20) (local.get 1))
    (memory.copy $b $a (i32.const 96) (i32.const 16) (i32.const 8))
    (call $callee (i32.const 96))))
