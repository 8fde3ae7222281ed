"""Other choices for single terms: valid wherever they are offered, priced over the whole graph."""

from __future__ import annotations

import hashlib

import pytest
import wasmtime
from eqsat.egraph import Engine
from eqsat.extract import Choices, apply, cost_model
from eqsat.ir.demand import simplify
from eqsat.ir.graph import Function
from eqsat.lowering import STYLES, emit, lower
from eqsat.optimize.closer import closer
from eqsat.optimize.measure import SizeCost, choosing
from eqsat.rules import book
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import BY_NAME
from eqsat.wasm.rewrite import replace

from .observed import observe
from .processes import answers
from .test_extract_programs import ARGUMENTS, program

MODEL = choosing(cost_model("bytes"))
MINIMUM = [65536]
LEAF = MODEL.leaf


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(book.load().lines())


def chosen(engine: Engine, function: Function) -> Choices:
    return Choices(engine.saturate([function]), 0, MODEL, MINIMUM)


def function(body: str) -> Function:
    text = f'(module (func (export "f") (param i32 i32 i32) (result i32) {body}))'
    return simplify(lower(Module.parse(bytes(wasmtime.wat2wasm(text))), 0))


def compare(engine: Engine, seeds: range, offered: int) -> int:
    """Put what is offered in place, two deep; gives how many choices were tried."""
    tried = 0
    for seed in seeds:
        source = program(seed)
        expected = observe(source.data, ARGUMENTS)
        choices = chosen(engine, simplify(lower(source, 0)))
        pins: dict[int, tuple[int, tuple[int, ...]]] = {}
        for _ in range(2):
            options = choices.options(pins)
            for number, (_, value, term) in enumerate(options[:: 1 + len(options) // offered]):
                graph = choices.graph({**pins, value: term})
                if graph is None:
                    continue
                tried += 1
                body = emit(graph, STYLES[number % len(STYLES)]).body
                found = observe(replace(source, {0: body}).data, ARGUMENTS)
                assert found == expected, f"seed {seed}, value {value}, {term}, beside {pins}"
            for _, value, term in options[:1]:
                pins = {**pins, value: term}
    return tried


def test_what_is_offered_is_equal(engine: Engine) -> None:
    assert compare(engine, range(8), 6) > 40


@pytest.mark.slow
def test_what_is_offered_is_equal_in_many_programs(engine: Engine) -> None:
    assert compare(engine, range(5_000, 5_300), 8) > 1_000


def test_without_pins_it_is_what_apply_gives(engine: Engine) -> None:
    for seed in range(6):
        graph = simplify(lower(program(seed), 0))
        found = engine.saturate([graph])
        same = Choices(found, 0, MODEL, MINIMUM).graph()
        assert same is not None
        expected = apply(graph, found, 0, MODEL, MINIMUM)
        assert emit(same, STYLES[0]).body == emit(expected, STYLES[0]).body


PAIR = "(i32.and (local.get 0) (local.get 1))"
SUM = f"(i32.or {PAIR} (i32.and (local.get 0) (local.get 2)))"


def as_sum(choices: Choices) -> list[int]:
    """What it would add to write an `or` of two `and` instead of one `and` of an `or`."""
    own = {value.id: value.op for value in choices.costs.values}
    code = BY_NAME["i32.or"]
    ands = {choices.costs.classes[value] for value, op in own.items() if op == BY_NAME["i32.and"]}
    return [
        more
        for more, value, (op, classes) in choices.options()
        if own[value] == op == code and set(classes) <= ands
    ]


def test_a_part_that_is_there_costs_its_use_alone(engine: Engine) -> None:
    # (a & b) | (a & c) is chosen as a & (b | c): one operation and one use less, three bytes, which
    # is more than prices are rough by.
    assert as_sum(chosen(engine, function(SUM))) == []
    # Where a & b is there anyway it only has to be kept in a local, for the price of two uses.
    assert as_sum(chosen(engine, function(f"(i32.xor {PAIR} {SUM})"))) == [LEAF]


def test_a_closer_look_finds_shorter_bodies_and_never_longer_ones(engine: Engine) -> None:
    measure, better = SizeCost(), 0
    for seed in (1, 2, 3, 11, 13, 33):
        graph = simplify(lower(program(seed), 0))
        choices = chosen(engine, graph)
        first = choices.graph()
        assert first is not None
        before = min(measure.key(emit(first, style).body) for style in STYLES)
        found = closer(choices, measure, 1_000, lambda: False)
        if found is not None:
            assert min(measure.key(emit(found, style).body) for style in STYLES) < before
            better += 1
    assert better >= 2


def test_a_closer_look_ends_when_it_is_late(engine: Engine) -> None:
    asked: list[int] = []

    def late() -> bool:
        asked.append(1)
        return len(asked) > 3

    closer(chosen(engine, simplify(lower(program(3), 0))), SizeCost(), 100, late)
    assert len(asked) == 4


def digest() -> str:
    engine = Engine(book.load().lines())
    seen = hashlib.sha256()
    for seed in (1, 11, 13):
        choices = chosen(engine, simplify(lower(program(seed), 0)))
        seen.update(repr(choices.options()).encode())
        found = closer(choices, SizeCost(), 1_000, lambda: False)
        if found is not None:
            seen.update(emit(found, STYLES[0]).body)
    return seen.hexdigest()


def test_every_process_looks_at_the_same_choices() -> None:
    assert answers("test_extract_local") == {digest()}


if __name__ == "__main__":
    print(digest())
