"""Chains of rule steps: each step keeps the value, each rule is proven, ends are what was asked."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from eqsat.egraph import Engine, Trace
from eqsat.egraph.fold import FOLDS
from eqsat.explore.why import Step, Why
from eqsat.optimize.options import Options
from eqsat.optimize.workbench import Bench, Workbench
from eqsat.rules.pretty import Tree, tree
from eqsat.wasm.module import Module
from eqsat.wasm.text_in import assemble

FUNCTIONS = {
    "strength": "(i32.add (i32.mul (local.get $x) (i32.const 8)) (local.get $y))",
    "constants": """(i32.sub (i32.add (i32.add (local.get $x) (i32.const 5)) (i32.const 7))
      (i32.const 12))""",
    "compare": "(i32.eqz (i32.eqz (i32.lt_u (local.get $x) (local.get $y))))",
    "masks": """(i32.and (i32.shl (i32.shr_u (local.get $x) (i32.const 3)) (i32.const 3))
      (i32.const -8))""",
    "twice": """(i32.sub (i32.mul (i32.add (local.get $x) (i32.const 0)) (i32.const 4))
      (i32.shl (local.get $x) (i32.const 2)))""",
    "nested": """(i32.add (i32.mul (i32.mul (local.get $x) (i32.const 2)) (i32.const 4))
      (i32.mul (local.get $y) (i32.const 8)))""",
    "select": """(select (i32.add (local.get $x) (local.get $y))
      (i32.add (local.get $y) (local.get $x)) (i32.eqz (local.get $x)))""",
}


@pytest.fixture(scope="module")
def workbench() -> Workbench:
    bodies = "\n".join(
        f"(func ${name} (param $x i32) (param $y i32) (result i32) {text})"
        for name, text in FUNCTIONS.items()
    )
    return Workbench(Module.parse(assemble(f"(module {bodies})".encode())), Options(max_iters=6))


def value(term: Tree, leaves: dict[str, int]) -> int:
    """The value of a term in the rules' notation."""
    if isinstance(term, str):
        return leaves[term]
    head = term[0]
    assert isinstance(head, str)
    if head.endswith(".const"):
        assert isinstance(term[1], str)
        return int(term[1])
    found = FOLDS[head](*(value(operand, leaves) for operand in term[1:]))
    assert found is not None
    return found


def every(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from every(step.steps)


def chains(bench: Bench) -> Iterator[tuple[Step, ...]]:
    why = Why.of(bench)
    for position in bench.forms.origins:
        for form in bench.forms_at(position):
            if form.kind != "own":
                steps = why.chain(position, form.text)
                assert steps is not None, form
                yield steps


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_step_keeps_the_value(workbench: Workbench, name: str) -> None:
    bench = workbench.bench(list(FUNCTIONS).index(name))
    rules = {rule.name: rule for rule in workbench.book.rules}
    chance = random.Random(1)
    samples = [{"$x": 0, "$y": -1}, {"$x": -(1 << 31), "$y": 7}]
    samples += [{n: chance.randint(-(1 << 31), (1 << 31) - 1) for n in ("$x", "$y")}
                for _ in range(8)]  # fmt: skip
    seen = 0
    for steps in chains(bench):
        assert steps
        for step in every(steps):
            assert step.kind in ("rule", "operand", "computed")
            if step.kind == "rule":
                assert rules[step.rule].equation == step.equation
            before, after = tree(step.before), tree(step.after)
            for leaves in samples:
                assert value(before, leaves) == value(after, leaves), step
            seen += 1
        # The chain hangs together: each step goes on from a form of the last one's operation.
        for one, other in pairwise(steps):
            ends = tree(one.after), tree(other.before)
            if "operand" not in (one.kind, other.kind):
                assert ends[0][0] == ends[1][0]
    assert seen


def test_a_chain_names_the_rule_and_its_guard(workbench: Workbench) -> None:
    why = Why.of(workbench.bench(0))
    (step,) = why.chain(2, "(i32.shl $0 (i32.const 3))") or ()
    assert (step.kind, step.rule, step.reversed) == ("rule", "i32/mul-pow2", False)
    assert step.as_json()["before"] == "$x * 8"
    assert step.as_json()["after"] == "$x << 3"
    assert step.guard == "c > 1, 0 == (c & (c - 1))"
    assert why.makers(2)["(i32.shl $0 (i32.const 3))"] == ["i32/mul-pow2"]
    assert why.chain(2, "own") == ()


def test_memory_and_merges_have_reasons_too() -> None:
    text = b"""(module (memory 1) (func (param $p i32) (param $v i32) (result i32)
      (i32.store (local.get $p) (local.get $v))
      (i32.add (i32.load (local.get $p)) (i32.const 1))))"""
    bench = Workbench(Module.parse(assemble(text)), Options(max_iters=6)).bench(0)
    why = Why.of(bench)
    load = 4
    forms = {form.shown: form for form in bench.forms_at(load)}
    steps = why.chain(load, forms["$v"].text)
    assert steps is not None
    assert "program" in [step.kind for step in steps]
    assert [step.rule for step in every(steps) if step.rule]


def test_recording_changes_nothing(workbench: Workbench) -> None:
    for index in range(len(FUNCTIONS)):
        bench = workbench.bench(index)
        trace, traced = bench.traced()
        assert traced.nodes == bench.saturation.nodes
        assert traced.constants == bench.saturation.constants
        assert trace.applications


def test_an_engine_without_records_leaves_the_trace_empty(workbench: Workbench) -> None:
    trace = Trace(workbench.book.rules)
    bench = workbench.bench(0)
    Engine(workbench.book.lines()).saturate([bench.graph], workbench.limits(), trace)
    assert not trace.applications
    assert trace.classes
