(component
  (core module $shared
    (func (export "double") (param i32) (result i32)
      i32.const 3 i32.const 4 i32.add drop
      local.get 0 i32.const 0 i32.add i32.const 8 i32.mul))
  (component $inner
    (core module $deep
      (func (export "g") (param i32) (result i32)
        local.get 0 i32.const 5 i32.add i32.const 6 i32.add i32.const 1 i32.mul))
    (core instance $i (instantiate $deep))
    (func (export "g") (param "x" u32) (result u32) (canon lift (core func $i "g"))))
  (core instance $s (instantiate $shared))
  (instance $n (instantiate $inner))
  (func (export "f") (param "x" u32) (result u32) (canon lift (core func $s "double")))
  (alias export $n "g" (func $g))
  (export "g" (func $g))
)
