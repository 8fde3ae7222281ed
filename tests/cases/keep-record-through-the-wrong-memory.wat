(;@
about = "the same address in another memory is another place"
calls = """
f(11, 22)
"""
@;)
(module
  (memory $a 1) (memory $b 1)
  (data (memory $b) (i32.const 64) "\\01\\00\\00\\00\\02\\00\\00\\00")
  (func (export "f") (param i32 i32) (result i32)
    (i32.store $a (i32.const 16) (local.get 0))
    (i32.store $a offset=4 (i32.const 16) (local.get 1))
    (i64.store $a (i32.const 64) (i64.load $a (i32.const 16)))
    (i32.add (i32.load $b (i32.const 64)) (i32.load $a offset=4 (i32.const 64)))))
