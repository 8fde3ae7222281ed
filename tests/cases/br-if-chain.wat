(;@
about = "br if chain"
calls = """
cb(1) -> void
cb(2) -> void
cb(3) -> void
cb(4) -> void
cb(5) -> void
cb(6) -> void
cb(7) -> void
cb(-5) -> void
"""
expect = """
func cb: br_table >= 1 || fuel cb(6) <= 0.6x
fuel cb(6) <= 0.75x
"""
@;)
(module
  (import "e" "h" (func $h (param i32)))
  (func (export "cb") (param $e i32)
    (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
      (br_if $1 (i32.eq (local.get $e) (i32.const 1)))
      (br_if $2 (i32.eq (local.get $e) (i32.const 2)))
      (br_if $3 (i32.eq (local.get $e) (i32.const 3)))
      (br_if $4 (i32.eq (local.get $e) (i32.const 4)))
      (br_if $5 (i32.eq (local.get $e) (i32.const 5)))
      (br_if $6 (i32.eq (local.get $e) (i32.const 6)))
      (return))
      (call $h (i32.const 100)) (return))
      (call $h (i32.const 200)) (return))
      (call $h (i32.const 300)) (return))
      (call $h (i32.const 400)) (return))
      (call $h (i32.const 500)) (return))
    (call $h (i32.const 600))))
