"""Stores side by side: which become one, which stay two, and that both do the same."""

import pytest
import wasmtime
from eqsat.ir.graph import Anchor, walk
from eqsat.lowering import STYLES, emit, lower
from eqsat.skeleton import tidy
from eqsat.verify.validator import Validator
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import OPCODES
from eqsat.wasm.rewrite import replace

from .observed import observe

HEAD = """(module (memory $m (export "m") 1) (memory $n (export "n") 1)
  (func $x)
  (func (export "f") (param $p i32) (param $q i32) (local $i i32) (local $j i32) """

CALLS = ((0, 8), (8, 12), (65_532, 0), (65_534, 4), (65_520, 65_528), (-4, 0), (-8, -1))

P, Q = "(local.get $p)", "(local.get $q)"
SAFE = "(i32.and (local.get $p) (i32.const 248))"


def store(at: int, value: int, base: str = P, op: str = "i32.store") -> str:
    return f"({op} offset={at} {base} ({op[:3]}.const {value}))"


def copy(at: int, source: str = Q, target: str = P, memory: str = "$m") -> str:
    return f"(i32.store {memory} offset={at} {target} (i32.load offset={at} {source}))"


MERGED = {
    "the farther first": (store(4, 7) + store(0, -5), ["i64.store"]),
    "at places that are there": (
        store(0, 7, "(i32.const 16)") + store(0, 5, "(i32.const 20)"),
        ["i64.store"],
    ),
    "masked addresses": (store(0, 7, SAFE) + store(4, 5, SAFE), ["i64.store"]),
    "checked before": (
        f"(local.set $i (i32.load offset=12 {P}))" + store(0, 1) + store(4, 2),
        ["i32.load", "i64.store"],
    ),
    "bytes": (
        "".join(store(k, k + 250, op="i32.store8") for k in (3, 2, 1, 0)),
        ["i32.store"],
    ),
    "four pieces that are there": (
        "".join(store(2 * k, k - 2, SAFE, "i32.store16") for k in range(4)),
        ["i64.store"],
    ),
    "floats by their bits": (
        f"(f32.store offset=4 {P} (f32.const nan:0x200001)) (f32.store {P} (f32.const -0))",
        ["i64.store"],
    ),
    "past another memory": (
        store(0, 7, SAFE) + f"(i32.store $n {SAFE} (local.get $q))" + store(4, 5, SAFE),
        ["i32.store", "i64.store"],
    ),
    "what is loaded before": (
        f"(local.set $i (i32.load {Q})) (local.set $j (i32.load offset=4 {Q}))"
        f"(i32.store offset=4 {P} (local.get $j)) (i32.store {P} (local.get $i))",
        ["i64.load", "i64.store"],
    ),
    "field by field into another memory": (
        copy(0, SAFE, SAFE, "$n") + copy(4, SAFE, SAFE, "$n"),
        ["i64.load", "i64.store"],
    ),
}

KEPT = {
    "the nearer first may be all that happens": store(0, 7) + store(4, 5),
    "a call between": store(4, 7) + "(call $x)" + store(0, 5),
    "a trap between": store(4, 7) + f"(drop (i32.load $n {Q}))" + store(0, 5),
    "a load between that may meet it": (
        store(0, 7, SAFE)
        + "(local.set $i (i32.load8_u (i32.and (local.get $q) (i32.const 255))))"
        + store(4, 5, SAFE)
    ),
    "two addresses that may wrap": (
        store(0, 7, "(i32.add (local.get $p) (i32.const 4))") + store(0, 5)
    ),
    "a gap": store(8, 7, SAFE) + store(0, 5, SAFE),
    "of two sizes": store(4, 7, SAFE, "i32.store16") + store(0, 5, SAFE),
    "twice the same": store(4, 7, SAFE) + store(4, 7, SAFE, "i32.store16"),
    "a load that the first store may change": copy(0) + copy(4),
    "crossed": (
        f"(local.set $i (i32.load {Q})) (local.set $j (i32.load offset=4 {Q}))"
        f"(i32.store offset=4 {P} (local.get $i)) (i32.store {P} (local.get $j))"
    ),
}


def rewritten(body: str) -> tuple[list[str], Module, bytes]:
    source = Module.parse(bytes(wasmtime.wat2wasm(f"{HEAD}{body}))")))
    graph = lower(source, 1)
    new = tidy(graph, [65_536, 65_536])
    names = [OPCODES[n.op].name for n in walk(new.body) if isinstance(n, Anchor)]
    return names, source, emit(new, STYLES[0]).body


@pytest.mark.parametrize("name", MERGED)
def test_two_stores_become_one(name: str) -> None:
    body, left = MERGED[name]
    names, source, new = rewritten(body)
    assert names == left
    start = bytes(range(1, 255))
    after = replace(source, {1: new}).data
    assert observe(after, CALLS, memory=start) == observe(source.data, CALLS, memory=start)
    assert Validator(source.data).check(1, new).status == "proven"


@pytest.mark.parametrize("name", KEPT)
def test_what_somebody_could_tell_apart_stays(name: str) -> None:
    body = KEPT[name]
    _, source, _ = rewritten(body)
    stores = [n for n in rewritten(body)[0] if ".store" in n]
    untouched = [n for n in walk(lower(source, 1).body) if isinstance(n, Anchor)]
    assert len(stores) >= min(2, sum(".store" in OPCODES[n.op].name for n in untouched))
    assert "i64.store" not in stores
