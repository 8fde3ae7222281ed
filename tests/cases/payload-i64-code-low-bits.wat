(;@
about = "payload i64 code low bits"
calls = """
run(3) -> 3
run(-1) -> 1048575
"""
expect = """
module: loop == 0
reach run: functions <= 2
"""
[host]
"e.poll" = 0
@;)
(module
  (import "e" "poll" (func $poll (param i64) (result i64)))
  (func $f (param i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 160))))
    (i64.shl (i64.and (local.get 0) (i64.const 1048575)) (i64.const 4)))
  (func (export "run") (param i64) (result i64) (local $p i64)
    (local.set $p (call $f (local.get 0)))
    (block $x (loop $l
      (br_if $x (i64.eqz (i64.and (local.get $p) (i64.const 15))))
      (local.set $p (call $poll (i64.shr_u (local.get $p) (i64.const 4))))
      (br $l)))
    (i64.shr_u (local.get $p) (i64.const 4))))
