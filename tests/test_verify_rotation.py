"""Loops written so that they test behind each round: the same run, and what must stay apart."""

import pytest
import wasmtime
from eqsat.ir.check import check as check_graph
from eqsat.ir.demand import simplify
from eqsat.ir.graph import BranchIf, Loop, walk
from eqsat.lowering import STYLES, Style, emit, lower
from eqsat.optimize.search import hints_of
from eqsat.skeleton import rotate
from eqsat.verify.reader import read_body
from eqsat.verify.rotation import rotatable
from eqsat.verify.validator import Validator
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

from .observed import observe
from .test_verify_cells import CALLS as SEVERAL
from .test_verify_cells import FILLED, INDEX, assert_told_apart, body_of, check, module

CALLS = (*SEVERAL, (5, 0))
PLACES: tuple[dict[int, tuple[object, ...]], ...] = ({2: ("local", 2), 3: ("local", 3)},)

ROUND = """local.get 3 i32.const 31 i32.mul local.get 2 i32.const 9 i32.xor i32.add local.set 3
  local.get 2 i32.const 4 i32.mul local.get 3 i32.store offset=64
  local.get 2 i32.const 1 i32.add local.set 2"""
TEST = "local.get 2 local.get 1 i32.const 15 i32.and i32.ge_u"

WHILE = f"(local i32 i32) block loop {TEST} br_if 1 {ROUND} br 0 end end local.get 3"
UNTIL = (
    f"(local i32 i32) block {TEST} br_if 0 loop {ROUND} {TEST} i32.eqz br_if 0 end end local.get 3"
)
LOADED = WHILE.replace(TEST, "local.get 2 i32.load8_u local.get 1 i32.const 7 i32.and i32.ge_u")

KEEPING = WHILE.replace("i32.const 9 i32.xor", "local.get 1 i32.const 3 i32.mul i32.xor")
"""The same with something that no round changes."""

EQUAL = {
    "a test behind each round": (WHILE, UNTIL),
    "a test that reads memory": (
        LOADED,
        UNTIL.replace(TEST, "local.get 2 i32.load8_u local.get 1 i32.const 7 i32.and i32.ge_u"),
    ),
}
UNEQUAL = {
    "no test before": (WHILE, UNTIL.replace(f"{TEST} br_if 0 loop", "loop")),
    "another test before": (
        WHILE,
        UNTIL.replace(f"{TEST} br_if 0 loop", f"{TEST} i32.eqz br_if 0 loop"),
    ),
    "a round more": (
        WHILE,
        UNTIL.replace(
            f"{TEST} i32.eqz br_if 0 end", TEST.replace("ge_u", "gt_u") + " i32.eqz br_if 0 end"
        ),
    ),
    "a round that continues": (
        WHILE.replace(
            "br 0 end",
            "local.get 3 i32.const 1 i32.and br_if 0 "
            "local.get 2 i32.const 1 i32.add local.set 2 br 0 end",
        ),
        UNTIL,
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_pairs_are_proven(name: str) -> None:
    verdict = check(*EQUAL[name], PLACES)
    assert verdict.status == "proven", verdict.reason


@pytest.mark.parametrize("name", UNEQUAL)
def test_unequal_pairs_are_not_proven(name: str) -> None:
    assert_told_apart(*UNEQUAL[name], PLACES, calls=CALLS)


@pytest.mark.parametrize(
    "text",
    [
        # A value stays on the stack behind the test.
        WHILE.replace("loop " + TEST, "loop local.get 1 " + TEST).replace(
            "br_if 1", "br_if 1 drop"
        ),
        # A test that writes through a call.
        WHILE.replace("loop " + TEST, "loop call $x " + TEST),
        # Another way round.
        WHILE.replace("br 0 end", "local.get 1 br_if 0 br 0 end"),
        UNTIL,
    ],
)
def test_other_loops_stay(text: str) -> None:
    assert not rotatable(read_body(body_of(module(text)))[1])


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)
@pytest.mark.parametrize("text", [KEEPING, KEEPING.replace("br_if 1", "i32.eqz i32.eqz br_if 1")])
def test_a_rotated_graph_does_the_same_and_is_proven(text: str, style: Style) -> None:
    data = module(text)
    parsed = Module.parse(data)
    graph = rotate(lower(parsed, INDEX))
    check_graph(graph)
    graph = simplify(graph)
    check_graph(graph)
    loop = next(node for node in walk(graph.body) if isinstance(node, Loop))
    assert not isinstance(loop.body[0], BranchIf)
    emitted = emit(graph, style)
    written = replace(parsed, {INDEX: emitted.body}).data
    assert observe(written, CALLS, memory=FILLED) == observe(data, CALLS, memory=FILLED)
    verdict = Validator(data).check(INDEX, emitted.body, hints=hints_of(emitted))
    assert verdict.status == "proven", verdict.reason


def test_a_loop_that_changes_everything_stays() -> None:
    graph = lower(Module.parse(module(WHILE)), INDEX)
    assert rotate(graph) is graph


def test_a_value_of_the_loop_is_read_behind_it() -> None:
    """Behind the loop its values differ by the way that was taken."""
    text = KEEPING.replace(
        "end end local.get 3", "end end local.get 3 local.get 2 i32.const 7 i32.mul i32.xor"
    )
    data = module(text)
    parsed = Module.parse(data)
    graph = simplify(rotate(lower(parsed, INDEX)))
    written = replace(parsed, {INDEX: emit(graph, STYLES[0]).body}).data
    wasmtime.Module.validate(wasmtime.Engine(), written)
    assert observe(written, CALLS, memory=FILLED) == observe(data, CALLS, memory=FILLED)
