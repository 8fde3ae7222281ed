(;@
about = "mixed scalars"
calls = """
run(3, 4.0) -> 7.0
run(-1, 0.5) -> -0.5
"""
expect = """
module: mem == 0
module: memories == 0
reach run: functions <= 2
"""
@;)
(module
  (memory $a 1) (memory $b 1)
  (func $callee (param i32) (result i32)
    (f64.store $b (i32.const 200) (f64.add (f64.load $b (local.get 0)) (f64.convert_i64_s (i64.load $b offset=8 (local.get 0)))))
    (i32.const 200))
  (func (export "run") (param i64 f64) (result f64) (local i32)
    (f64.store $a (i32.const 16) (local.get 1)) (i64.store $a offset=8 (i32.const 16) (local.get 0))
    (f64.store $b (i32.const 48) (f64.load $a (i32.const 16)))
    (i64.store $b offset=8 (i32.const 48) (i64.load $a (i32.const 24)))
    (local.set 2 (call $callee (i32.const 48)))
    (f64.store $a (i32.const 32) (f64.load $b (local.get 2)))
    (f64.load $a (i32.const 32))))
