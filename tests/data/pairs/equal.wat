;; halves as one, the second checked first
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (drop (i32.load (local.get $p))) (i32.store16 (local.get $p)
 (i32.const 1)) (i32.store16 offset=2 (local.get $p) (i32.const 2)) i32.const 0))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.store (local.get $p) (i32.const 0x20001)) i32.const 0))

;; a trap and a store that another trap forbids
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.div_u (i32.const 1) (local.get $q)) drop (i32.load
 (local.get $p))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.load (local.get $p)) (i32.div_u (i32.const 1)
 (local.get $q)) drop))

;; a memory of one size
(module (memory (export "m") 1 1) (func (export "t") (param $p i32) (param $q i32)
 (result i32) (local $i i32) (local $s i32) memory.size))
;;=
(module (memory (export "m") 1 1) (func (export "t") (param $p i32) (param $q i32)
 (result i32) (local $i i32) (local $s i32) i32.const 1))

;; a read-only memory
(module (memory 1) (data (i32.const 0) "a") (func (export "f") (result i32) (i32.load8_u
 (i32.const 0))))
;;=
(module (memory 1) (data (i32.const 0) "a") (func (export "f") (result i32) i32.const 97))

;; a private global that nobody sets
(module (import "h" "f" (func $h (param i32))) (global $g (mut i32) (i32.const 5)) (func
 (export "t") (result i32) (call $h (i32.const 0)) (global.get $g)))
;;=
(module (import "h" "f" (func $h (param i32))) (global $g (mut i32) (i32.const 5)) (func
 (export "t") (result i32) (call $h (i32.const 0)) i32.const 5))

;; a chain and its table
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.eq (local.get $p) (i32.const 0)) if i32.const 1 return end
 (i32.eq (local.get $p) (i32.const 1)) if i32.const 2 return end i32.const 3))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) block block block (br_table 0 1 2 (local.get $p))
 end i32.const 1 return end i32.const 2 return end i32.const 3))

;; float operations in their order
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) (i32.reinterpret_f32 (f32.neg (f32.neg (f32.reinterpret_i32
 (local.get $p)))))))
;;=
(module (memory (export "m") 1) (func (export "t") (param $p i32) (param $q i32) (result i32)
 (local $i i32) (local $s i32) local.get $p))

;; a private function that surely returns
(module (func $a (param i32) (drop (i32.mul (local.get 0) (i32.const 2)))) (func (export "f")
 (param i32) (call $a (local.get 0))))
;;=
(module (func $a (param i32) (drop (i32.mul (local.get 0) (i32.const 2)))) (func (export "f")
 (param i32)))

