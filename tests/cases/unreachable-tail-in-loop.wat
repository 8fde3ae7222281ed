(;@
about = "unreachable tail in loop"
calls = """
f(100) -> 7
f(0) -> 7
"""
expect = """
module: const 999 == 0
module: loop == 1
"""
@;)
(module
  (func (export "f") (param i32) (result i32)
    (loop $l
      (if (i32.eqz (local.get 0)) (then (return (i32.const 7)) (local.set 0 (i32.const 999))))
      (local.set 0 (i32.shr_u (local.get 0) (i32.const 1)))
      (br $l)
      (drop (i32.const 999)))
    (i32.const 999)))
