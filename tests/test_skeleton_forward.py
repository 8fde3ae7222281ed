"""What is known to be in memory: which loads and stores go, and which have to stay."""

import pytest
import wasmtime
from eqsat.ir.check import check
from eqsat.ir.graph import Anchor, Function, walk
from eqsat.lowering import lower
from eqsat.skeleton import tidy
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import OPCODES

HEAD = """(module (memory $m 1) (memory $n 1) (memory $w i64 1)
  (global $g (mut i32) (i32.const 0)) (global $f (mut funcref) (ref.null func))
  (func $x)
  (func (param $p i32) (param $q i32) (param $c i32) (param $l i64) (result i32)
    (local $i i32) """


def graph(body: str) -> Function:
    data = bytes(wasmtime.wat2wasm(f"{HEAD}{body}))"))
    return lower(Module.parse(data), 1)


def left(body: str) -> list[str]:
    """Names of the anchors that a tidied body has."""
    function = graph(body)
    before = [node.id for node in walk(function.body) if isinstance(node, Anchor)]
    new = tidy(function, [65536, 65536, 65536])
    check(new)
    check(function)
    assert before == [node.id for node in walk(function.body) if isinstance(node, Anchor)]
    return [OPCODES[n.op].name for n in walk(new.body) if isinstance(n, Anchor)]


STORE = "(i32.store offset=4 (local.get $p) (local.get $q))"
LOAD = "(i32.load offset=4 (local.get $p))"

FORWARDED = {
    "after a store": f"{STORE} {LOAD}",
    "over another memory": f"{STORE} (i32.store $n (local.get $q) (i32.const 1)) {LOAD}",
    "over a disjoint store": f"{STORE} (i32.store8 offset=8 (local.get $p) (i32.const 1)) {LOAD}",
    "over growth": f"{STORE} (drop (memory.grow (i32.const 1))) {LOAD}",
    "after a load": f"(drop {LOAD}) {LOAD}",
    "from both arms": f"(if (local.get $c) (then {STORE}) (else (drop {LOAD}))) {LOAD}",
    "through a loop": f"{STORE} (loop $l {STORE} (br_if $l {LOAD})) {LOAD}",
    "past a branch": f"(block $b (drop {LOAD}) (br_if $b (local.get $c)) {STORE}) {LOAD}",
    "as a float": f"{STORE} (i32.trunc_sat_f32_s (f32.load offset=4 (local.get $p)))",
    "a masked byte": "(i32.store8 (local.get $p) (i32.load8_u (local.get $q)))"
    "(i32.load8_u (local.get $p))",
    "a global": "(global.set $g (local.get $q)) (call $x) (global.set $g (i32.const 2))"
    "(global.get $g)",
    "64-bit addresses": "(i32.store $w offset=8 (local.get $l) (i32.const 3))"
    "(i32.load $w offset=8 (local.get $l))",
}

KEPT = {
    "a pointer may meet it": f"{STORE} (i32.store (local.get $q) (i32.const 1)) {LOAD}",
    "an overlapping byte": f"{STORE} (i32.store8 offset=7 (local.get $p) (i32.const 1)) {LOAD}",
    "a call": f"{STORE} (call $x) {LOAD}",
    "in one arm only": f"(if (local.get $c) (then {STORE})) {LOAD}",
    "stored in the loop": f"{STORE} (loop $l (drop {LOAD}) (call $x) (br_if $l (local.get $c)))"
    "(i32.const 0)",
    "the sum may wrap": f"(i32.store (i32.add (local.get $p) (i32.const 4)) (local.get $q)){LOAD}",
    "a fill": f"{STORE} (memory.fill (local.get $q) (local.get $q) (i32.const 8)) {LOAD}",
    "half of it": f"{STORE} (i32.wrap_i64 (i64.load offset=4 (local.get $p)))",
    "a call and a global": "(global.set $g (local.get $q)) (call $x) (global.get $g)",
}


FIRST = {"after a load", "from both arms", "past a branch", "a masked byte"}
"""Where the first load tells what is there."""


@pytest.mark.parametrize("name", FORWARDED)
def test_known_contents_are_used(name: str) -> None:
    found = left(FORWARDED[name])
    loads = [op for op in found if ".load" in op or op == "global.get"]
    assert len(loads) == (name in FIRST)


@pytest.mark.parametrize("name", KEPT)
def test_loads_that_have_to_stay(name: str) -> None:
    found = left(KEPT[name])
    assert any(".load" in op or op == "global.get" for op in found[1:])


def test_a_store_of_what_is_there_goes() -> None:
    assert left(f"(i32.store offset=4 (local.get $p) {LOAD}) (i32.const 0)") == ["i32.load"]
    assert left("(global.set $g (global.get $g)) (i32.const 0)") == []


def test_a_loop_variable_in_memory_becomes_a_parameter() -> None:
    body = f"""{STORE} (loop $l
        (i32.store offset=4 (local.get $p) (i32.add {LOAD} (i32.const 1)))
        (br_if $l (i32.lt_s {LOAD} (local.get $c)))) {LOAD}"""
    assert left(body) == ["i32.store", "i32.store"]
