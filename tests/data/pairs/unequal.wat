;; halves as one: the first half is written before the trap
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store16 (local.get $p) (i32.const 1)) (i32.store16 offset=2
 (local.get $p) (i32.const 2)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (local.get $p) (i32.const 0x20001)) i32.const 0))

;; halves that wrap apart
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store16 (local.get $p) (i32.const 1)) (i32.store16 (i32.add
 (local.get $p) (i32.const 2)) (i32.const 2)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store16 offset=2 (local.get $p) (i32.const 2)) (i32.store16
 (local.get $p) (i32.const 1)) i32.const 0))

;; bytes in the other order
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store8 (i32.const 8) (i32.const 1)) (i32.store8
 (i32.const 9) (i32.const 2)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store16 (i32.const 8) (i32.const 0x102)) i32.const 0))

;; a word copied byte by byte over itself
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (local.get $q) (i32.load
 (local.get $p))) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load (local.get $p)) drop (i32.store8 (local.get $q)
 (i32.load8_u (local.get $p))) (i32.store8 offset=1 (local.get $q) (i32.load8_u offset=1
 (local.get $p))) (i32.store8 offset=2 (local.get $q) (i32.load8_u offset=2 (local.get $p)))
 (i32.store8 offset=3 (local.get $q) (i32.load8_u offset=3 (local.get $p))) i32.const 0))

;; halves of one load, in other memory
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i64.store (i32.const 16) (i64.load
 (local.get $p))) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (i32.const 16) (i32.load (local.get $p))) (i32.store
 (i32.const 20) (i32.load offset=4 (local.get $p))) i32.const 0))

;; overlapping stores swapped
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (local.get $p) (i32.const 7)) (i32.store8
 (local.get $q) (i32.const 1)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store8 (local.get $q) (i32.const 1)) (i32.store
 (local.get $p) (i32.const 7)) i32.const 0))

;; a store forwarded past one that may overlap it
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (local.get $p) (i32.const 7)) (i32.store8 offset=3
 (local.get $q) (i32.const 9)) (i32.load (local.get $p))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (local.get $p) (i32.const 7)) (i32.store8 offset=3
 (local.get $q) (i32.const 9)) i32.const 7))

;; the stored value is not cut
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store8 (i32.const 4) (local.get $p)) (i32.load8_u
 (i32.const 4))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store8 (i32.const 4) (local.get $p)) (local.get $p)))

;; a dead store that a trap shows
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (i32.const 0) (i32.const 5)) (i32.load
 (local.get $p)) drop (i32.store (i32.const 0) (i32.const 6)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load (local.get $p)) drop (i32.store (i32.const 0)
 (i32.const 6)) i32.const 0))

;; an offset that does not wrap
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load offset=4 (i32.sub (local.get $p) (i32.const 4)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load (local.get $p))))

;; an access of another width traps elsewhere
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.and (i32.load (local.get $p)) (i32.const 255))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load8_u (local.get $p))))

;; fill of another byte
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.fill (i32.const 0) (local.get $p)
 (i32.const 8)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.fill (i32.const 0) (i32.and (local.get $p)
 (i32.const 127)) (i32.const 8)) i32.const 0))

;; copy in pieces that overlap
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.copy (local.get $p) (local.get $q)
 (i32.const 8)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.copy (local.get $p) (local.get $q) (i32.const 4))
 (memory.copy (i32.add (local.get $p) (i32.const 4)) (i32.add (local.get $q) (i32.const 4))
 (i32.const 4)) i32.const 0))

;; a copy of nothing may trap
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.copy (local.get $p) (i32.const 0)
 (i32.const 0)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) i32.const 0))

;; a fill of nothing may trap
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.fill (local.get $p) (i32.const 0)
 (i32.const 0)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) i32.const 0))

;; a store moved across a call
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32)
 (i32.store (i32.const 0) (i32.const 5)) (call $h (local.get $p))))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (call $h
 (local.get $p)) (i32.store (i32.const 0) (i32.const 5))))

;; a load moved across a call
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (call $h
 (local.get $p)) (i32.load (i32.const 0)) i32.add))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32)
 (i32.load (i32.const 0)) (call $h (local.get $p)) i32.add))

;; calls swapped
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (i32.sub
 (call $h (local.get $p)) (call $h (local.get $q)))))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32)
 (local.set $i (call $h (local.get $q))) (i32.sub (call $h (local.get $p)) (local.get $i))))

;; one call for two
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (i32.add
 (call $h (local.get $p)) (call $h (local.get $p)))))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (i32.mul
 (call $h (local.get $p)) (i32.const 2))))

;; an unused call dropped
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (call $h
 (local.get $p)) drop i32.const 0))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32)
 (local $s i32) i32.const 0))

;; a trap before the call
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (call $h
 (local.get $p)) (i32.div_u (local.get $p) (local.get $q)) i32.add))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32)
 (i32.div_u (local.get $p) (local.get $q)) (call $h (local.get $p)) i32.add))

;; a trap after the store
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.div_u (i32.const 1) (local.get $q)) (i32.store
 (i32.const 0) (i32.const 1))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (i32.const 0) (i32.const 1)) (i32.div_u (i32.const 1)
 (local.get $q))))

;; the size before a call
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (call $h
 (local.get $p)) drop memory.size))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32)
 (local $s i32) memory.size (call $h (local.get $p)) drop))

;; the size before growth
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.grow (i32.const 1)) drop memory.size))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) memory.size (memory.grow (i32.const 1)) drop))

;; growth that succeeds
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.grow (i32.const 1))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.grow (i32.const 1)) drop i32.const 1))

;; growth twice
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.grow (i32.const 1)) drop (memory.grow (i32.const 1))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.grow (i32.const 2)) i32.const 1 i32.add))

;; bounds from before growth
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (memory.grow (i32.const 1)) drop (i32.load (local.get $p))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load (local.get $p)) (memory.grow (i32.const 1)) drop))

;; a loop that ends or not
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) loop (br_if 0 (local.get $p)) end i32.const 1))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) i32.const 1))

;; divergence for a trap
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) loop (br_if 0 (local.get $p)) end i32.const 1))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) local.get $p if unreachable end i32.const 1))

;; a call after divergence
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) loop
 (br_if 0 (local.get $p)) end (call $h (i32.const 1))))
;;=
(module (import "h" "f" (func $h (param i32) (result i32))) (memory (export "m") 1) (func
 (export "t") (param $p i32) (param $q i32) (result i32) (local $i i32) (local $s i32) (call $h
 (i32.const 1)) loop (br_if 0 (local.get $p)) end))

;; at least once or not
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block loop (br_if 1 (i32.ge_u (local.get $i) (local.get $p)))
 (i32.store8 (local.get $i) (i32.const 1)) (local.set $i (i32.add (local.get $i)
 (i32.const 1))) br 0 end end local.get $i))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) loop (i32.store8 (local.get $i) (i32.const 1)) (local.set $i
 (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $i) (local.get $p)))
 end local.get $i))

;; signed or unsigned bound
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block loop (br_if 1 (i32.ge_s (local.get $i) (local.get $p)))
 (local.set $i (i32.add (local.get $i) (i32.const 1))) br 0 end end local.get $i))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block loop (br_if 1 (i32.ge_u (local.get $i) (local.get $p)))
 (local.set $i (i32.add (local.get $i) (i32.const 1))) br 0 end end local.get $i))

;; equal for smaller
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block loop (br_if 1 (i32.ge_u (local.get $i) (local.get $p)))
 (local.set $i (i32.add (local.get $i) (i32.const 2))) br 0 end end local.get $i))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block loop (br_if 1 (i32.eq (local.get $i) (local.get $p)))
 (local.set $i (i32.add (local.get $i) (i32.const 2))) br 0 end end local.get $i))

;; a division that runs when the loop does not
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block loop (br_if 1 (i32.ge_u (local.get $i) (local.get $p)))
 (local.set $s (i32.add (local.get $s) (i32.div_u (i32.const 9) (local.get $q)))) (local.set $i
 (i32.add (local.get $i) (i32.const 1))) br 0 end end local.get $s))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.div_u (i32.const 9) (local.get $q)) local.set $q block loop
 (br_if 1 (i32.ge_u (local.get $i) (local.get $p))) (local.set $s (i32.add (local.get $s)
 (local.get $q))) (local.set $i (i32.add (local.get $i) (i32.const 1))) br 0 end
 end local.get $s))

;; a load that the loop changes
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) loop (local.set $s (i32.add (local.get $s) (i32.load
 (i32.const 8)))) (i32.store8 (local.get $i) (i32.const 3)) (br_if 0 (i32.lt_u (local.tee $i
 (i32.add (local.get $i) (i32.const 1))) (i32.const 12))) end local.get $s))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load (i32.const 8)) local.set $q loop (local.set $s
 (i32.add (local.get $s) (local.get $q))) (i32.store8 (local.get $i) (i32.const 3)) (br_if 0
 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 12)))
 end local.get $s))

;; the test of a loop has an effect
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block loop (i32.store (i32.const 0) (i32.add (i32.load
 (i32.const 0)) (i32.const 1))) (br_if 1 (i32.ge_u (local.get $i) (i32.const 3))) (local.set $i
 (i32.add (local.get $i) (i32.const 1))) br 0 end end local.get $i))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block (br_if 0 (i32.ge_u (local.get $i) (i32.const 3))) loop
 (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (local.set $i
 (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $i) (i32.const 3))) end
 end local.get $i))

;; inner and outer loop exchanged
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) loop (local.set $q (i32.const 0)) loop (local.set $s (i32.add
 (i32.mul (local.get $s) (i32.const 3)) (local.get $q))) (br_if 0 (i32.lt_u (local.tee $q
 (i32.add (local.get $q) (i32.const 1))) (i32.const 4))) end (br_if 0 (i32.lt_u (local.tee $i
 (i32.add (local.get $i) (i32.const 1))) (i32.const 3))) end local.get $s))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) loop (local.set $q (i32.const 0)) loop (local.set $s (i32.add
 (i32.mul (local.get $s) (i32.const 3)) (local.get $q))) (br_if 0 (i32.lt_u (local.tee $q
 (i32.add (local.get $q) (i32.const 1))) (i32.const 3))) end (br_if 0 (i32.lt_u (local.tee $i
 (i32.add (local.get $i) (i32.const 1))) (i32.const 4))) end local.get $s))

;; a sum of zeros
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.reinterpret_f32 (f32.add (f32.reinterpret_i32
 (local.get $p)) (f32.const 0)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) local.get $p))

;; a NaN through a product
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (f32.eq (f32.mul (f32.reinterpret_i32 (local.get $p))
 (f32.const 0)) (f32.const 0))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) i32.const 1))

;; a comparison of NaNs negated
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.eqz (f32.lt (f32.reinterpret_i32 (local.get $p))
 (f32.const 1)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (f32.ge (f32.reinterpret_i32 (local.get $p)) (f32.const 1))))

;; equal to itself
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (f32.eq (f32.reinterpret_i32 (local.get $p))
 (f32.reinterpret_i32 (local.get $p)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) i32.const 1))

;; least of zeros
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.reinterpret_f32 (f32.min (f32.reinterpret_i32
 (local.get $p)) (f32.const 0)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.reinterpret_f32 (select (f32.reinterpret_i32
 (local.get $p)) (f32.const 0) (f32.lt (f32.reinterpret_i32 (local.get $p)) (f32.const 0))))))

;; a conversion that saturates
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.trunc_f32_s (f32.convert_i32_u (local.get $p)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.trunc_sat_f32_s (f32.convert_i32_u (local.get $p)))))

;; rounded on the way
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.trunc_sat_f32_s (f32.convert_i32_s (local.get $p)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) local.get $p))

;; division by minus one
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.div_s (local.get $p) (i32.const -1))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.sub (i32.const 0) (local.get $p))))

;; signed division by shifting
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.div_s (local.get $p) (i32.const 4))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.shr_s (local.get $p) (i32.const 2))))

;; an operand that traps when not chosen
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) local.get $q if (result i32) (i32.div_u (local.get $p)
 (local.get $q)) else i32.const 0 end))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (select (i32.div_u (local.get $p) (local.get $q)) (i32.const 0)
 (local.get $q))))

;; a vector's lanes
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i8x16.extract_lane_s 3 (i8x16.splat (local.get $p)))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i8x16.extract_lane_u 3 (i8x16.splat (local.get $p)))))

;; a target permuted
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block block (br_table 0 1 2 (local.get $p))
 end i32.const 1 return end i32.const 2 return end i32.const 3))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block block (br_table 1 0 2 (local.get $p))
 end i32.const 1 return end i32.const 2 return end i32.const 3))

;; a table for a chain that asks signed
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block (br_if 0 (i32.lt_s (local.get $p) (i32.const 2)))
 br 1 end i32.const 2 return end i32.const 3))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block (br_table 0 0 1 (local.get $p)) end i32.const 2
 return end i32.const 3))

;; a difference that wraps
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block (br_table 0 0 1 (i32.sub (local.get $p)
 (i32.const 5))) end i32.const 2 return end i32.const 3))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block (br_table 1 1 1 1 1 0 0 0 1 (local.get $p))
 end i32.const 2 return end i32.const 3))

;; a chain that asks for a constant twice
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.eq (local.get $p) (i32.const 3)) if i32.const 1 return end
 (i32.eq (local.get $p) (i32.const 3)) if i32.const 2 return end i32.const 3))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block block (br_table 2 2 2 1 2 (local.get $p))
 end i32.const 1 return end i32.const 2 return end i32.const 3))

;; exports swapped
(module (func (export "a") (result i32) i32.const 1) (func (export "b")
 (result i32) i32.const 2))
;;=
(module (func (export "b") (result i32) i32.const 1) (func (export "a")
 (result i32) i32.const 2))

;; a start function lost
(module (memory (export "m") 1) (func $s (i32.store (i32.const 0) (i32.const 1))) (start $s))
;;=
(module (memory (export "m") 1) (func $s (i32.store (i32.const 0) (i32.const 1))))

;; a start function that traps
(module (func $s unreachable) (start $s) (func (export "f")))
;;=
(module (func $s) (start $s) (func (export "f")))

;; segments in the other order
(module (memory (export "m") 1) (data (i32.const 0) "abcd") (data (i32.const 2) "xy"))
;;=
(module (memory (export "m") 1) (data (i32.const 2) "xy") (data (i32.const 0) "abcd"))

;; a segment that does not fit
(module (memory 1) (data (i32.const 65535) "ab") (func (export "f")))
;;=
(module (memory 1) (func (export "f")))

;; a read-only memory is not: copy
(module (memory $r 1) (data (i32.const 0) "a") (func (export "w") (memory.copy (i32.const 0)
 (i32.const 8) (i32.const 1))) (func (export "f") (result i32) (i32.load8_u (i32.const 0))))
;;=
(module (memory $r 1) (data (i32.const 0) "a") (func (export "w") (memory.copy (i32.const 0)
 (i32.const 8) (i32.const 1))) (func (export "f") (result i32) i32.const 97))

;; a read-only memory is not: init
(module (memory $r 1) (data (i32.const 0) "a") (data $d "b") (func (export "w")
 (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))) (func (export "f") (result i32)
 (i32.load8_u (i32.const 0))))
;;=
(module (memory $r 1) (data (i32.const 0) "a") (data $d "b") (func (export "w")
 (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))) (func (export "f")
 (result i32) i32.const 97))

;; a read-only memory is exported
(module (memory (export "m") 1) (data (i32.const 0) "a") (func (export "f") (result i32)
 (i32.load8_u (i32.const 0))))
;;=
(module (memory (export "m") 1) (data (i32.const 0) "a") (func (export "f")
 (result i32) i32.const 97))

;; a read-only memory ends
(module (memory 1) (data (i32.const 0) "a") (func (export "f") (param i32) (result i32)
 (i32.load8_u (i32.and (local.get 0) (i32.const 65536)))))
;;=
(module (memory 1) (data (i32.const 0) "a") (func (export "f") (param i32)
 (result i32) i32.const 97))

;; a read-only memory that a later segment overwrites
(module (memory 1) (data (i32.const 0) "ab") (data (i32.const 1) "c") (func (export "f")
 (result i32) (i32.load8_u (i32.const 1))))
;;=
(module (memory 1) (data (i32.const 0) "ab") (data (i32.const 1) "c") (func (export "f")
 (result i32) i32.const 98))

;; a private global changed by a call back
(module (import "h" "f" (func $h (param i32))) (global $g (mut i32) (i32.const 5)) (func
 (export "set") (param i32) (global.set $g (local.get 0))) (func (export "t") (result i32)
 (call $h (i32.const 0)) (global.get $g)))
;;=
(module (import "h" "f" (func $h (param i32))) (global $g (mut i32) (i32.const 5)) (func
 (export "set") (param i32) (global.set $g (local.get 0))) (func (export "t") (result i32)
 (global.get $g) (call $h (i32.const 0))))

;; a private global that is set once
(module (import "h" "f" (func $h (param i32))) (global $g (mut i32) (i32.const 5)) (func
 (export "set") (global.set $g (i32.const 6))) (func (export "t") (result i32)
 (global.get $g)))
;;=
(module (import "h" "f" (func $h (param i32))) (global $g (mut i32) (i32.const 5)) (func
 (export "set") (global.set $g (i32.const 6))) (func (export "t") (result i32) i32.const 5))

;; an element through a global of the host
(module (import "h" "g" (global $o i32)) (table 40000 funcref) (type $t (func (result i32)))
 (elem (global.get $o) $a $b) (func $a (result i32) i32.const 1) (func $b
 (result i32) i32.const 2) (func (export "f") (param i32) (result i32) (call_indirect (type $t)
 (local.get 0))))
;;=
(module (import "h" "g" (global $o i32)) (table 40000 funcref) (type $t (func (result i32)))
 (elem (global.get $o) $b $a) (func $a (result i32) i32.const 1) (func $b
 (result i32) i32.const 2) (func (export "f") (param i32) (result i32) (call_indirect (type $t)
 (local.get 0))))

;; a table that is changed
(module (table $t 2 funcref) (type $t (func (result i32))) (elem (i32.const 0) $a $b) (func $a
 (result i32) i32.const 1) (func $b (result i32) i32.const 2) (func (export "s") (table.copy
 (i32.const 0) (i32.const 1) (i32.const 1))) (func (export "f") (result i32) (call_indirect
 (type $t) (i32.const 0))))
;;=
(module (table $t 2 funcref) (type $t (func (result i32))) (elem (i32.const 0) $a $b) (func $a
 (result i32) i32.const 1) (func $b (result i32) i32.const 2) (func (export "s") (table.copy
 (i32.const 0) (i32.const 1) (i32.const 1))) (func (export "f") (result i32) (call $a)))

;; elements of two segments
(module (table 2 funcref) (type $t (func (result i32))) (elem (i32.const 0) $a $a) (elem
 (i32.const 1) $b) (func $a (result i32) i32.const 1) (func $b (result i32) i32.const 2) (func
 (export "f") (result i32) (call_indirect (type $t) (i32.const 1))))
;;=
(module (table 2 funcref) (type $t (func (result i32))) (elem (i32.const 0) $a $a) (elem
 (i32.const 1) $b) (func $a (result i32) i32.const 1) (func $b (result i32) i32.const 2) (func
 (export "f") (result i32) (call $a)))

;; an indirect call of another type
(module (table 1 funcref) (type $t (func (result i32))) (elem (i32.const 0) $a) (func $a
 (result i64) i64.const 1) (func (export "f") (result i32) (call_indirect (type $t)
 (i32.const 0))))
;;=
(module (table 1 funcref) (type $t (func (result i32))) (elem (i32.const 0) $a) (func $a
 (result i64) i64.const 1) (func (export "f") (result i32) (i32.wrap_i64 (call $a))))

;; functions that only call each other
(module (func $a (param i32) (result i32) local.get 0 if (result i32) (call $b (i32.sub
 (local.get 0) (i32.const 1))) else i32.const 1 end) (func $b (param i32) (result i32) (call $a
 (local.get 0))) (export "a" (func $a)))
;;=
(module (func $a (param i32) (result i32) local.get 0 if (result i32) (call $b (i32.sub
 (local.get 0) (i32.const 1))) else i32.const 1 end) (func $b (param i32) (result i32) (call $b
 (local.get 0))) (export "a" (func $a)))

;; a call that may not return dropped
(module (func $a (param i32) loop (br_if 0 (local.get 0)) end) (func (export "f") (param i32)
 (call $a (local.get 0))))
;;=
(module (func $a (param i32) loop (br_if 0 (local.get 0)) end) (func (export "f")
 (param i32)))

;; a call that may trap dropped
(module (memory 1) (func $a (param i32) (drop (i32.load (local.get 0)))) (func (export "f")
 (param i32) (call $a (local.get 0))))
;;=
(module (memory 1) (func $a (param i32) (drop (i32.load (local.get 0)))) (func (export "f")
 (param i32)))

;; memories swapped
(module (memory $a (export "a") 1) (memory $b (export "b") 1) (func (export "f") (param i32)
 (i32.store $a (i32.const 0) (local.get 0))))
;;=
(module (memory $a (export "a") 1) (memory $b (export "b") 1) (func (export "f") (param i32)
 (i32.store $b (i32.const 0) (local.get 0))))

;; memories swapped behind their exports
(module (memory $a 1) (memory $b 2) (export "a" (memory $a)) (export "b" (memory $b)) (func
 (export "f") (result i32) (memory.size $a)))
;;=
(module (memory $a 2) (memory $b 1) (export "a" (memory $b)) (export "b" (memory $a)) (func
 (export "f") (result i32) (memory.size $a)))

;; copy between memories the other way
(module (memory $a (export "a") 1) (memory $b (export "b") 1) (data $a (i32.const 0) "x")
 (func (export "f") (memory.copy $b $a (i32.const 0) (i32.const 0) (i32.const 1))))
;;=
(module (memory $a (export "a") 1) (memory $b (export "b") 1) (data $a (i32.const 0) "x")
 (func (export "f") (memory.copy $a $b (i32.const 0) (i32.const 0) (i32.const 1))))

;; a wide address that wraps
(module (memory (export "m") i64 1) (func (export "f") (param i64) (result i32)
 (i32.load offset=8 (i64.sub (local.get 0) (i64.const 8)))))
;;=
(module (memory (export "m") i64 1) (func (export "f") (param i64) (result i32) (i32.load
 (local.get 0))))

;; a wide address cut
(module (memory (export "m") i64 1) (func (export "f") (param i64) (result i32) (i32.load
 (local.get 0))))
;;=
(module (memory (export "m") i64 1) (func (export "f") (param i64) (result i32) (i32.load
 (i64.and (local.get 0) (i64.const 0xffffffff)))))

;; a global of the host taken for its last value
(module (global $g (export "g") (mut i32) (i32.const 5)) (func (export "f") (result i32)
 (global.get $g)))
;;=
(module (global $g (export "g") (mut i32) (i32.const 5)) (func (export "f")
 (result i32) i32.const 5))

;; an initial value changed
(module (global $g (mut i32) (i32.const 5)) (func (export "s") (global.set $g (i32.const 1)))
 (func (export "f") (result i32) (global.get $g)))
;;=
(module (global $g (mut i32) (i32.const 6)) (func (export "s") (global.set $g (i32.const 1)))
 (func (export "f") (result i32) (global.get $g)))

;; a limit raised
(module (memory (export "m") 1 1) (func (export "f") (result i32) (memory.grow
 (i32.const 1))))
;;=
(module (memory (export "m") 1 2) (func (export "f") (result i32) (memory.grow
 (i32.const 1))))

;; imports swapped
(module (import "h" "a" (func $a (param i32))) (import "h" "b" (func $b (param i32))) (func
 (export "f") (call $a (i32.const 1)) (call $b (i32.const 2))))
;;=
(module (import "h" "b" (func $a (param i32))) (import "h" "a" (func $b (param i32))) (func
 (export "f") (call $a (i32.const 1)) (call $b (i32.const 2))))

;; merged although different
(module (func $a (export "a") (param i32) (result i32) (i32.add (local.get 0)
 (i32.const 1)))(func $b (export "b") (param i32) (result i32) (i32.sub (local.get 0)
 (i32.const 1))))
;;=
(module (func $a (export "a") (export "b") (param i32) (result i32) (i32.add (local.get 0)
 (i32.const 1))))

;; a table grown by a function
(module (table $t 1 funcref) (func (export "g") (result i32) (table.grow $t (ref.null func)
 (i32.const 1))) (func (export "f") (result i32) (table.size $t)))
;;=
(module (table $t 1 funcref) (func (export "g") (result i32) (table.grow $t (ref.null func)
 (i32.const 1))) (func (export "f") (result i32) i32.const 1))

;; a dropped segment
(module (memory (export "m") 1) (data $d "abc") (func (export "d") (data.drop $d)) (func
 (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))))
;;=
(module (memory (export "m") 1) (data $d "abc") (func (export "d")) (func (export "f")
 (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))))

