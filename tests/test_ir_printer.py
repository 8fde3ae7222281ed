"""The printed graph: values in place, effects and control in order, numbers by appearance."""

import wasmtime
from eqsat.ir.printer import format_function
from eqsat.lowering import lower
from eqsat.wasm.module import Module

TEXT = """(module (memory 1)
  (func (param $p i32) (param $n i32) (result i32) (local $i i32)
    (block $out (loop $next
      (br_if $out (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store offset=4 (local.get $p) (i32.load (local.get $p)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $i)))"""

PRINTED = """\
func(p0 p1)
  block b0
    loop l1(phi2 = (i32.const 0))
      br_if (i32.ge_u phi2 p1) b0()
      r3 = i32.load 2 0 0 p0
      i32.store 2 4 0 p0 r3
      br l1((i32.add phi2 (i32.const 1)))
  end()
  return phi2
"""


def printed(text: str) -> str:
    return format_function(lower(Module.parse(bytes(wasmtime.wat2wasm(text))), 0))


def test_a_loop_with_effects() -> None:
    assert printed(TEXT) == PRINTED


def test_names_of_locals_do_not_matter_and_order_of_effects_does() -> None:
    assert printed(TEXT.replace("$i", "$other")) == PRINTED
    swapped = TEXT.replace("offset=4", "offset=8")
    assert printed(swapped) != PRINTED
