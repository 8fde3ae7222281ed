;; A table of resource handles as a component fuser writes it, and who uses it: something to look
;; into with `eqsat explore examples/handles.wat`.
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 16))
  (func $handle_new (export "handle_new") (param $rep i32) (result i32)
    (local $slot i32)
    (local.set $slot (global.get $next))
    (i32.store (local.get $slot) (i32.const 1))
    (i32.store offset=4 (local.get $slot) (local.get $rep))
    (global.set $next (i32.add (global.get $next) (i32.const 8)))
    (i32.div_u (i32.sub (local.get $slot) (i32.const 16)) (i32.const 8)))
  (func $handle_rep (export "handle_rep") (param $h i32) (param $base i32) (result i32)
    (local $p i32)
    (local.set $p (i32.add (i32.mul (local.get $h) (i32.const 8)) (local.get $base)))
    (if (result i32) (i32.eq (i32.and (i32.load (local.get $p)) (i32.const 15)) (i32.const 0))
      (then (i32.const -1))
      (else
        (i32.load
          (i32.add (i32.add (i32.mul (local.get $h) (i32.const 8)) (local.get $base))
            (i32.const 4))))))
  (func $handle_drop (export "handle_drop") (param $h i32)
    (i32.store (i32.add (i32.mul (local.get $h) (i32.const 8)) (i32.const 16)) (i32.const 0)))
  (func $hash (export "hash") (param $from i32) (param $count i32) (result i32)
    (local $i i32) (local $sum i32)
    (block $out
      (br_if $out (i32.eqz (local.get $count)))
      (loop $more
        (local.set $sum
          (i32.xor
            (i32.add (i32.mul (local.get $sum) (i32.const 33)) (local.get $sum))
            (i32.load8_u (i32.add (local.get $from) (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $i) (local.get $count)))))
    (i32.and (i32.shl (i32.shr_u (local.get $sum) (i32.const 3)) (i32.const 3)) (i32.const -8))))
