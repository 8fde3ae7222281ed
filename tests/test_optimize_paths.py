"""What a body can cost more than another on some way: by hand, and against an engine's fuel."""

from math import inf
from pathlib import Path

import pytest
import wasmtime
from eqsat.lowering import STYLES, Style, Unsupported, emit, lower
from eqsat.optimize.flow import flow
from eqsat.optimize.measure import ONCE, FuelCost, Profile, body_time
from eqsat.optimize.paths import excess
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

PROGRAMS = Path(__file__).parent / "programs"
FUEL = 1_000_000
EDGES = (0, 1, 2, 3, 5, 8, 31, 64, 255, 65536, -1, -8, 2**31 - 1, -(2**31))


def body(text: str) -> bytes:
    """The body of one function with an i32 parameter and two i32 locals."""
    wat = f"(module (func (param $x i32) (result i32) (local $a i32) (local $b i32) {text}))"
    return Module.parse(bytes(wasmtime.wat2wasm(wat))).body_bytes(0)


def more(before: str, after: str) -> float | None:
    return excess(flow(body(before)), flow(body(after)))


PLAIN = "local.get $x"


def test_straight_code_is_counted() -> None:
    assert more(PLAIN, PLAIN) == 0
    assert more(PLAIN, "local.get $x i32.const 1 i32.add") == 2
    assert more("local.get $x i32.const 1 i32.add", "(return (local.get $x))") == -2


def test_the_dearest_way_counts() -> None:
    arms = "(if (result i32) (local.get $x) (then {}) (else {}))"
    short, long = "i32.const 1", "i32.const 1 i32.const 2 i32.add"
    assert more(arms.format(short, long), arms.format(long, short)) == 2
    assert more(arms.format(short, long), arms.format(short, short)) == 0


def test_every_round_counts() -> None:
    loop = "(loop $l {} (br_if $l (local.tee $x (i32.sub (local.get $x) (i32.const 1))))) {}"
    move = "(local.set $a (i32.const 1))"
    assert more(loop.format("", "(i32.const 0)"), loop.format(move, "(i32.const 0)")) == inf
    # Out of the loop: dearer by nothing, since the loop runs once at least.
    behind = loop.format("", move + " (i32.const 0)")
    assert more(loop.format(move, "(i32.const 0)"), behind) == 0


def test_opposite_questions_are_seen_through() -> None:
    asked = "(if (i32.lt_s (local.get $x) (i32.const 3)) (then (local.set $a (i32.const 1)))) {}"
    jumped = (
        "(block $l (br_if $l (i32.ge_s (local.get $x) (i32.const 3)))"
        " (local.set $a (i32.const 1))) {}"
    )
    assert more(asked.format(PLAIN), jumped.format(PLAIN)) == 0
    held = (
        "(local.set $b (i32.lt_s (local.get $x) (i32.const 3)))"
        "(if (local.get $b) (then (call_indirect (local.get $b)))) local.get $x"
    )
    at_once = (
        "(if (i32.lt_s (local.get $x) (i32.const 3))"
        " (then (call_indirect (local.get $b)))) local.get $x"
    )
    table = "(module (table 1 funcref) (func (param $x i32) (result i32) (local $b i32) {}))"
    bodies = [
        Module.parse(bytes(wasmtime.wat2wasm(table.format(text)))).body_bytes(0)
        for text in (held, at_once)
    ]
    assert excess(flow(bodies[0]), flow(bodies[1])) == -2
    assert excess(flow(bodies[1]), flow(bodies[0])) == 2


def test_what_cannot_be_compared() -> None:
    branch = "(if (result i32) (local.get $x) (then (i32.const 1)) (else (i32.const 2)))"
    chosen = "(select (i32.const 1) (i32.const 2) (local.get $x))"
    assert more(branch, chosen) is None
    assert FuelCost(bounded=False).allows(body(branch), body(PLAIN))
    assert not FuelCost(bounded=False).allows(body(PLAIN), body(branch))


def test_ways_into_a_trap_do_not_count() -> None:
    trap = "(if (local.get $x) (then {} unreachable)) i32.const 0"
    assert more(trap.format(""), trap.format("(local.set $a (i32.const 1))")) == 0


def test_estimates_know_traps_loops_and_switches() -> None:
    loop = "(loop $l (br_if $l (i32.eqz (local.get $x)))) i32.const 0"
    assert body_time(body(loop), profile=Profile(rounds=2.0))[0] == 2 * 3 + 1
    trap = "(if (local.get $x) (then (local.set $a (i32.const 1)) unreachable)) i32.const 0"
    assert body_time(body(trap))[0] == pytest.approx(2 + 0.99 + 2 * 0.01)
    switch = (
        "(block $p (block $q (br_table $p $q (local.get $x))) (local.set $a (i32.const 1)))"
        "i32.const 0"
    )
    assert body_time(body(switch))[0] == pytest.approx(3 + 0.5 * 2)


def spent(data: bytes) -> dict[tuple[str, int, int], int]:
    """Fuel of every call that neither traps nor runs out of it, each in a fresh instance."""
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    module = wasmtime.Module(engine, data)
    found = {}
    for export in module.exports:
        if not isinstance(export.type, wasmtime.FuncType):
            continue
        for a in EDGES:
            for b in EDGES[::4]:
                store = wasmtime.Store(engine)
                store.set_fuel(FUEL)
                call = wasmtime.Instance(store, module, []).exports(store)[export.name]
                assert isinstance(call, wasmtime.Func)
                store.set_fuel(FUEL)
                try:
                    call(store, a, b)
                except wasmtime.Trap:
                    continue
                found[export.name, a, b] = FUEL - store.get_fuel()
    return found


def test_constants_of_an_arm_cost_nothing_on_the_other_way() -> None:
    """Written before the `if` they save a byte, and every round through the other arm pays."""
    text = """
     (loop $l
       (if (i32.and (local.get $x) (i32.const 3))
         (then
           (local.set $a (i32.rotl (local.get $x) (local.get $b)))
           (local.set $b (i32.mul (local.get $a) (local.get $a))))
         (else (local.set $a (i32.const 7)) (local.set $b (i32.const 9))))
       (br_if $l (local.tee $x (i32.xor (local.get $a) (i32.mul (local.get $b) (i32.const 5))))))
     (i32.add (local.get $a) (local.get $b))"""
    wat = f"(module (func (param $x i32) (result i32) (local $a i32) (local $b i32) {text}))"
    module = Module.parse(bytes(wasmtime.wat2wasm(wat)))
    graph = lower(module, 0)
    said = {s: excess(flow(module.body_bytes(0)), flow(emit(graph, s).body)) for s in STYLES}
    assert any(more is not None and more <= 0 for s, more in said.items() if not s.hoist), said


def test_what_two_rounds_pay_back_may_cost_once() -> None:
    loop = """{} (loop $l
      (local.set $a (i32.add (local.get $a) {}))
      (br_if $l (local.tee $x (i32.sub (local.get $x) (i32.const 1))))) (local.get $a)"""
    product = "(local.get $x)"
    for _ in range(4):
        product = f"(i32.mul {product} (local.get $x))"
    inside = body(loop.format("nop " * 4, product))
    before = body(loop.format(f"(local.set $b {product})", "(local.get $b)"))
    assert len(before) == len(inside)
    assert excess(flow(inside), flow(before)) == ONCE
    fuel = FuelCost(bounded=False)
    assert fuel.allows(inside, before)
    # By default no call may cost more.
    assert not FuelCost(bounded=True).allows(inside, before)
    # A single way that costs more has nothing to pay it back.
    arms = "(if (result i32) (local.get $x) (then {}) (else {}))"
    short, long = "i32.const 1", "i32.const 1 i32.const 2 i32.add"
    assert not fuel.allows(body(arms.format(short, long)), body(arms.format(long, short)))


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)
def test_no_call_costs_more_than_said(style: Style) -> None:
    module = Module.parse(bytes(wasmtime.wat2wasm((PROGRAMS / "control.wat").read_text())))
    before = spent(module.data)
    said: dict[str, float | None] = {}
    bodies: dict[int, bytes] = {}
    for export in module.exports:
        if export.kind != "func":
            continue
        try:
            emitted = emit(lower(module, export.index), style).body
        except Unsupported:
            continue
        bodies[export.index] = emitted
        said[export.name] = excess(flow(module.body_bytes(export.index)), flow(emitted))
    compared = 0
    for key, fuel in spent(replace(module, bodies).data).items():
        bound = said.get(key[0])
        if bound is not None and bound < inf:
            assert fuel - before[key] <= bound, key
            compared += 1
    assert compared > 100
