"""The search for a witness: contents of memory, constants of the bodies, order of exports."""

import wasmtime
from eqsat.verify.differential import explore, replay
from eqsat.verify.machine import FILL
from eqsat.verify.modules import prove_modules
from eqsat.verify.reader import read_module
from eqsat.verify.witness import constants, find_witness
from eqsat.verify.witnessfile import read_calls, to_text


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


READS = """(module (memory (export "m") 1) (func (export "f") (param i32) (result i32)
 local.get 0 i32.const 1020 i32.and i32.load{} offset=64))"""


def test_what_the_host_writes_is_told_apart_and_replayed() -> None:
    a, b = wasm(READS.format("")), wasm(READS.format("16_u"))
    verdict = prove_modules(a, b)
    assert verdict.status == "refuted"
    assert verdict.witness is not None
    assert verdict.witness.calls[0][0] == FILL
    calls = read_calls(to_text(verdict.witness, a, b))
    again = replay(a, b, calls)
    assert again is not None
    assert (again.original, again.output) == (verdict.witness.original, verdict.witness.output)
    assert replay(a, b, calls[1:]) is None  # the memory starts with zeros


def test_a_private_memory_is_never_filled() -> None:
    text = READS.replace('(export "m")', "")
    a, b = wasm(text.format("")), wasm(text.format("16_u"))
    assert prove_modules(a, b).status != "refuted"


def test_a_global_of_the_host_is_filled() -> None:
    text = """(module (global $g (export "g") (mut i32) (i32.const 0))
     (func (export "f") (result i32) global.get $g {}))"""
    a, b = wasm(text.format("")), wasm(text.format("i32.const 255 i32.and"))
    assert prove_modules(a, b).status == "refuted"


def test_constants_of_a_body_are_tried() -> None:
    text = '(module (func (export "f") (param i64) (result i32) local.get 0 i64.const {} i64.eq))'
    a, b = wasm(text.format(987_654_321_123)), wasm(text.format(987_654_321_124))
    bodies = [read_module(one).bodies[0] for one in (a, b)]
    assert 987_654_321_124 in constants(bodies)
    assert find_witness(a, 0, bodies[1], seconds=5, seed=1) is not None
    assert prove_modules(a, b).status == "refuted"


def test_the_order_of_exports_shows_no_difference() -> None:
    exports = ['(export "m" (memory 0))', '(export "n" (memory 1))']
    text = """(module (memory 1) (memory 2) (data (i32.const 3) "x") {}
     (func (export "f") (param i32) local.get 0 local.get 0 i32.store8))"""
    a, b = wasm(text.format(" ".join(exports))), wasm(text.format(" ".join(exports[::-1])))
    assert explore(a, b, seconds=5, seed=1, calls=60).difference is None
    assert prove_modules(a, b).status != "refuted"


LONG = """(module (func (export "f") (param i32) (result i32) (local i32)
 loop local.get 1 i32.const 1 i32.add local.tee 1 local.get 0 i32.const 31 i32.and i32.const 400000
   i32.add i32.lt_u br_if 0 end
 local.get 1 i32.const {} i32.xor))"""


def test_calls_that_take_long_are_given_more_fuel() -> None:
    a, b = wasm(LONG.format(7)), wasm(LONG.format(5))
    found = explore(a, b, seconds=30, seed=1, calls=40).difference
    assert found is not None
    again = replay(a, b, found.calls)
    assert again is not None
    assert explore(a, a, seconds=30, seed=1, calls=40).difference is None


def test_a_slow_module_does_not_run_on() -> None:
    fast = """(module (func (export "f") (param i32) (result i32)
     local.get 0 i32.const 31 i32.and i32.const 400000 i32.add i32.const 7 i32.xor))"""
    assert (
        explore(wasm(fast), wasm(LONG.format(7)), seconds=30, seed=1, calls=20).difference is None
    )
    ever = fast.replace("local.get 0", "loop local.get 0 br_if 0 end local.get 0", 1)
    assert "runs on" in str(
        explore(wasm(fast), wasm(ever), seconds=30, seed=1, calls=20).difference
    )


def test_a_deep_recursion_shows_nothing() -> None:
    """Exhaustion of the stack is not modelled: neither side of a proof, nor a witness."""
    flat = '(module (func (export "f") (result i32) i32.const 0))'
    deep = """(module (func $r (param i32) (result i32) local.get 0 if (result i32)
      local.get 0 i32.const 1 i32.sub call $r else i32.const 0 end)
     (func (export "f") (result i32) i32.const 1000000 call $r))"""
    assert explore(wasm(flat), wasm(deep), seconds=10, seed=1, calls=10).difference is None
