(;@
about = "record of two in memory"
calls = """
run(5) -> 20.0
run(-7) -> -28.0
"""
expect = """
module: mem == 0
module: memories == 0
"""
@;)
(module
  (memory 1)
  (func $shim (param i64 f32) (i64.store offset=16 (i32.const 0) (local.get 0)) (f32.store offset=24 (i32.const 0) (local.get 1)))
  (func (export "run") (param i64) (result f32)
    (call $shim (i64.mul (local.get 0) (i64.const 3)) (f32.convert_i64_s (local.get 0)))
    (f32.add (f32.convert_i64_s (i64.load offset=16 (i32.const 0))) (f32.load offset=24 (i32.const 0)))))
