(;@
about = "the locals of a body that was inlined into a loop start at zero each time"
calls = """
run(5)
run(1)
"""
@;)
(module
  (func $odd (param i32) (result i32) (local i32)
    (if (i32.and (local.get 0) (i32.const 1)) (then (local.set 1 (i32.add (local.get 1) (local.get 0)))))
    (local.get 1))
  (func (export "run") (param i32) (result i32) (local i32)
    (block $out (loop $l
      (br_if $out (i32.eqz (local.get 0)))
      (local.set 1 (i32.add (i32.mul (local.get 1) (i32.const 10)) (call $odd (local.get 0))))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br $l)))
    (local.get 1)))
