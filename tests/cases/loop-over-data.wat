(;@
about = "loop over data"
calls = """
total() -> 155972
at(3) -> 11
"""
expect = """
module: loop == 0
func total: instrs <= 1
module: memories == 1
"""
@;)
(module
  (memory 1) (data (i32.const 16) "\05\07\09\0b")
  (func $sum (param i32 i32) (result i64) (local i64)
    (loop $l
      (local.set 2 (i64.add (i64.mul (local.get 2) (i64.const 31)) (i64.load8_u (local.get 0))))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if $l (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
    (local.get 2))
  (func (export "total") (result i64) (call $sum (i32.const 16) (i32.const 4)))
  (func (export "at") (param i32) (result i32) (i32.load8_u offset=16 (i32.and (local.get 0) (i32.const 3)))))
