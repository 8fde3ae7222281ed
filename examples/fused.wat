;; Two components in one module, as a component fuser links them: the provider has memory 0, the
;; consumer memory 1. `eqsat opt examples/fused.wat -o out.wasm --cost fuel --entry run` leaves
;; nothing of the boundary between them.
(module
  (type $swap (func (param i32 i32) (result i32)))
  (memory $provider (export "memory") 1)
  (memory $consumer (export "memory$2") 1)
  (table $exports 1 funcref)
  (elem (table $exports) (i32.const 0) func $swap)

  ;; The provider: swap(point) -> point, its result in a static area.
  (func $swap (param $x i32) (param $y i32) (result i32)
    (i32.store $provider (i32.const 1024) (local.get $y))
    (i32.store $provider offset=4 (i32.const 1024) (local.get $x))
    (i32.const 1024))
  (func $post_swap (param $area i32))

  ;; The adapter: calls through the provider's table and copies the result to the consumer.
  (func $adapter (export "adapter") (param $x i32) (param $y i32) (param $area i32)
    (local $result i32) (local i32 i32)
    (local.set $result
      (call_indirect $exports (type $swap) (local.get $x) (local.get $y) (i32.const 0)))
    (memory.copy $consumer $provider (local.get $area) (local.get $result) (i32.const 8))
    (call $post_swap (local.get $result)))

  ;; The consumer: reads the result back from a static area of its own.
  (func $run (export "run") (param $n i32) (result i32)
    (local $sum i32)
    (block $out
      (br_if $out (i32.eqz (local.get $n)))
      (loop $more
        (call $adapter (local.get $n) (local.get $sum) (i32.const 2048))
        (local.set $sum
          (i32.add
            (i32.load $consumer (i32.const 2048))
            (i32.load $consumer offset=4 (i32.const 2048))))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (local.get $sum)))
