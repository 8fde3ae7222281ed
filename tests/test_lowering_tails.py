"""Equal ends of ways are written once, and the code still does the same."""

from __future__ import annotations

import pytest
from eqsat.ir.graph import Label
from eqsat.lowering import STYLES, Style, emit, lower
from eqsat.lowering.control import OUTER, ways_on
from eqsat.lowering.tails import keep_below, merge_tails
from eqsat.lowering.types import Instr
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import BY_NAME
from eqsat.wasm.rewrite import replace
from hypothesis import given, settings
from hypothesis import strategies as st

from .small_functions import module, results

I32 = 0x7F
CONST, STORE = BY_NAME["i32.const"], BY_NAME["i32.store"]
RETURN, UNREACHABLE = BY_NAME["return"], BY_NAME["unreachable"]
EPILOGUE = "(i32.store (i32.const 8) (local.get $t)) (return (i32.load (i32.const 16)))"

PROGRAMS = {
    "returns": f"""
      (local.set $t (i32.mul (local.get $n) (local.get $a)))
      (if (i32.eqz (local.get $n)) (then (i32.store (i32.const 16) (i32.const 1)) {EPILOGUE}))
      (if (i32.eqz (local.get $a)) (then (i32.store (i32.const 16) (i32.const 2)) {EPILOGUE}))
      (if (i32.lt_s (local.get $b) (i32.const 0)) (then (i32.store (i32.const 16) (local.get $b))
        {EPILOGUE}))
      (i32.store (i32.const 20) (local.get $t)) {EPILOGUE}""",
    "arms": """
      (if (local.get $n)
        (then (i32.store (i32.const 4) (local.get $a)) (i32.store (i32.const 8) (local.get $b)))
        (else (i32.store (i32.const 12) (local.get $a)) (i32.store (i32.const 8) (local.get $b))))
      (i32.load (i32.const 4))""",
    "traps": """
      (if (i32.eqz (local.get $n))
        (then (i32.store (i32.const 4) (i32.const 70000)) (unreachable)))
      (if (i32.eq (local.get $n) (i32.const 2))
        (then (i32.store (i32.const 4) (i32.const 70000)) (unreachable)))
      (if (i32.eq (local.get $n) (i32.const 3))
        (then (i32.store (i32.const 4) (i32.const 70000)) (unreachable)))
      (local.get $n)""",
    "rounds": """
      (loop $again
        (local.set $t (i32.add (local.get $t) (i32.const 1)))
        (if (i32.gt_s (local.get $t) (i32.const 40)) (then (return (local.get $u))))
        (if (i32.and (local.get $t) (i32.const 1)) (then
          (i32.store (i32.const 4) (local.get $t)) (i32.store (i32.const 8) (local.get $u))
          (br $again)))
        (local.set $u (i32.add (local.get $u) (local.get $a)))
        (if (i32.lt_s (local.get $u) (local.get $b)) (then
          (i32.store (i32.const 12) (local.get $t)) (i32.store (i32.const 8) (local.get $u))
          (br $again)))
        (local.set $u (i32.xor (local.get $u) (local.get $b)))
        (i32.store (i32.const 16) (local.get $t)) (i32.store (i32.const 8) (local.get $u))
        (br $again))
      (unreachable)""",
}


def written(source: Module, style: Style) -> bytes:
    """The module with its function emitted."""
    return replace(source, {0: emit(lower(source, 0), style).body}).data


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_happens(name: str, style: Style) -> None:
    source = module(PROGRAMS[name])
    assert results(written(source, style)) == results(source.data)


@pytest.mark.parametrize(
    ("name", "op", "count"),
    [("returns", "i32.load", 1), ("arms", "i32.store", 3), ("traps", "unreachable", 1)],
)
def test_the_tail_is_there_once(name: str, op: str, count: int) -> None:
    code = Module.parse(written(module(PROGRAMS[name]), STYLES[0])).body(0).instrs
    assert [i[0] for i in code].count(BY_NAME[op]) == count


def test_speed_takes_no_branch_more() -> None:
    """Ends keep their `return` where a branch to a common one would be executed as well."""
    get: Instr = (0x20, 0)
    tail: list[Instr] = [(CONST, 8), get, (STORE, 2, 0, 0), get, (RETURN,)]
    arm: list[Instr] = [get, (0x04, Label(1, "if"), None), *tail, (0x0B,)]
    code = [*arm, *arm, (CONST, 9)]
    assert merge_tails(code, (I32,), {}, set(), fast=True) == code
    assert merge_tails(code, (I32,), {}, set(), fast=False).count(tail[2]) == 1
    # The common end may be the function's own: then nothing is executed twice.
    assert merge_tails(code[:-1] + tail[:-1], (I32,), {}, set(), fast=True).count(tail[2]) == 1


def test_what_takes_values_from_below_stays() -> None:
    """The store takes an address and a value that each way pushed for itself."""
    label = Label(1, "if")
    then: list[Instr] = [(CONST, 1), (CONST, 2), (STORE, 2, 0, 0)]
    orelse: list[Instr] = [(CONST, 3), (CONST, 2), (STORE, 2, 0, 0)]
    code = [(0x20, 0), (0x04, label, None), *then, (0x05,), *orelse, (0x0B,)]
    assert merge_tails(code, (), {}, set(), fast=False) == code


def test_a_label_that_only_leads_on() -> None:
    outer, inner, loop = Label(1, "block"), Label(2, "block"), Label(3, "loop")
    code: list[Instr] = [
        *[(0x03, loop, None), (0x02, outer, None), (0x02, inner, None)],
        *[(0x20, 0), (0x0D, inner), (0x0B,), (0x0B,), (0x0C, loop), (0x0B,)],
    ]
    assert ways_on(code, ()) == {id(outer): loop, id(inner): loop}
    typed: list[Instr] = [(0x02, inner, I32), (CONST, 1), (0x0C, inner), (0x0B,), (RETURN,)]
    assert ways_on(typed, ()) == {}
    assert ways_on(typed, (I32,)) == {id(inner): OUTER}


def test_a_value_may_lie_below_a_trap() -> None:
    assert keep_below([(0x20, 0), (0x1A,), (UNREACHABLE,)], (), {}) == [(0x20, 0), (UNREACHABLE,)]
    falling: list[Instr] = [(0x20, 0), (0x1A,)]
    assert keep_below(falling, (), {}) == falling


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ends_of_all_kinds(data: st.DataObject) -> None:
    """Nested tests whose arms end in ways drawn from a few."""
    stores = [f"(i32.store (i32.const {k}) (local.get ${x}))" for k in (4, 8) for x in "ab"]
    ways = [
        "(return (local.get $a))",
        "(return (i32.load (i32.const 4)))",
        "(unreachable)",
        "(br $out)",
        "",
    ]

    def arm(depth: int) -> str:
        body = "".join(data.draw(st.lists(st.sampled_from(stores), max_size=3)))
        if depth:
            condition = data.draw(st.sampled_from(["$n", "$a", "$b"]))
            bit = 1 << data.draw(st.integers(0, 2))
            body += f"(if (i32.and (local.get {condition}) (i32.const {bit}))"
            body += f"(then {arm(depth - 1)}) (else {arm(depth - 1)}))"
            body += "".join(data.draw(st.lists(st.sampled_from(stores), max_size=2)))
        return body + data.draw(st.sampled_from(ways))

    source = module(f"(block $out {arm(3)}) (i32.load (i32.const 8))")
    expected = results(source.data)
    for style in (STYLES[0], STYLES[1], STYLES[2]):
        assert results(written(source, style)) == expected
