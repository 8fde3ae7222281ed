(;@
about = "three globals"
calls = """
run(5, 6) -> 12.0
run(-7, 1) -> 2.0
"""
expect = """
module: global.* == 0
module: globals == 0
reach run: functions <= 1
"""
@;)
(module
  (global $a (mut i32) (i32.const 0)) (global $b (mut f64) (f64.const 0)) (global $c (mut i32) (i32.const 0))
  (func $shim (param i32 f64 i32) (global.set $a (local.get 0)) (global.set $b (local.get 1)) (global.set $c (local.get 2)))
  (func (export "run") (param i32 i32) (result f64)
    (call $shim (i32.add (local.get 0) (local.get 1)) (f64.convert_i32_s (local.get 1)) (local.get 0))
    (f64.add (global.get $b) (f64.convert_i32_s (i32.sub (global.get $a) (global.get $c))))))
