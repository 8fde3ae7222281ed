(;@
about = "what follows a loop that need not end is not done before it"
calls = """
run(3)
run(0)
read()
"""
@;)
(module
  (memory 1)
  (func (export "run") (param i32)
    (loop $l
      (br_if $l (i32.and (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 3))))
    (i32.store (i32.const 8) (i32.const 1))
    (i32.store (i32.sub (i32.const 0) (local.get 0)) (i32.const 2)))
  (func (export "read") (result i32) (i32.load (i32.const 8))))
