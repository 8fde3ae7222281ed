"""Operands narrowed by the decisions above them: what is left must be equal where they hold."""

from itertools import product

import pytest
import wasmtime
from eqsat.verify.context import Context
from eqsat.verify.focus import Focus
from eqsat.verify.reader import read_module
from eqsat.verify.simulate import Simulation
from eqsat.verify.space import Space
from eqsat.verify.sweep import reachable
from hypothesis import given
from hypothesis import strategies as st

from .test_verify_cells import assert_told_apart, check

NAMES = ("a", "b", "c")
OPERATIONS = ("i32.add", "i32.and", "i32.mul", "i32.shr_u", "i32.rotl", "i32.div_u")

Build = tuple[object, ...]

values = st.recursive(
    st.sampled_from(NAMES) | st.sampled_from((0, 1, 4, 255)),
    lambda inner: (
        st.tuples(st.sampled_from(OPERATIONS), inner, inner)
        | st.tuples(st.just("ite"), inner, inner, inner)
        | st.tuples(st.just("below"), inner, inner, inner, inner)
    ),
    max_leaves=12,
)


def build(space: Space, what: object) -> int:
    terms, ops = space.terms, space.values
    match what:
        case str():
            return terms.variable(32, what)
        case int():
            return terms.constant(what, 32)
        case ("ite", asked, hi, lo):
            return terms.ite(ops.truth(build(space, asked)), build(space, hi), build(space, lo))
        case ("below", a, b, hi, lo):
            asked = ops.compare("lt_u", build(space, a), build(space, b))
            return terms.ite(asked, build(space, hi), build(space, lo))
        case (str(name), a, b):
            return ops.apply(name, build(space, a), build(space, b))
    raise AssertionError(what)


@given(values, values, values)
def test_equal_where_the_condition_holds(value: Build, place: Build, asked: Build) -> None:
    data = bytes(wasmtime.wat2wasm("(module (memory 1))"))
    parsed = read_module(data)
    space = Space(Context(parsed, list(parsed.types)), [])
    terms = space.terms
    care = space.values.truth(build(space, asked))
    term = build(space, value)
    memory = terms.variable(-1, "memory")
    stored = space.memory.load(
        space.memory.store(memory, build(space, place), term, 4), build(space, value), 4
    )
    narrow = Focus(space).narrow
    for whole in (term, stored):
        narrowed = narrow(whole, care)
        simulation = Simulation(terms)
        for given_values in product((0, 1, 3, 256), repeat=3):
            symbols = {terms.variable(32, n): v for n, v in zip(NAMES, given_values, strict=True)}
            simulation.add_vector(symbols)
        simulation.evaluate(sorted(reachable(space, [whole, narrowed, care])))
        for vector in simulation.vectors:
            if vector[care]:
                assert vector[whole] == vector[narrowed]


def pieces(place: str, nothing: str = "local.get 2 i32.eqz") -> str:
    """A copy out of a ring in two pieces, of a length that memory limits; `nothing` ends it."""
    return f"""(local i32 i32 i32 i32)
      {place} local.set 5
      i32.const 8 local.get 5 i32.load8_u offset=4 i32.sub local.set 3
      local.get 1 local.get 3 local.get 1 local.get 3 i32.lt_u select local.set 2
      {nothing} if i32.const 0 return end
      i32.const 16 local.get 5 i32.load8_u offset=8 i32.const 15 i32.and i32.sub local.set 4
      local.get 2 local.get 4 local.get 2 local.get 4 i32.lt_u select local.set 4
      local.get 5 local.get 5 i32.load offset=12 i32.add i32.const 64 local.get 4 memory.copy
      local.get 2 local.get 4 i32.gt_u if
        local.get 5 i32.const 64 local.get 4 i32.add local.get 2 local.get 4 i32.sub memory.copy
      end local.get 2"""


CALLS = ((1, 3), (2, 5), (3, 9), (0, 0))
FILLED = bytes((3, 0, 0, 0)) * 32
MASKED = "local.get 0 i32.const 2147483647 i32.and i32.const 16 i32.mul"
SHIFTED = "local.get 0 i32.const 4 i32.shl"
OLD = pieces(MASKED)
EQUAL = {
    "another address": (OLD, pieces(SHIFTED)),
    "another address and test": (OLD, pieces(SHIFTED, "i32.const 0 local.get 2 i32.eq")),
}
UNEQUAL = {
    "a wrong address": (OLD, pieces("local.get 0 i32.const 3 i32.shl")),
    "a wrong test": (OLD, pieces(SHIFTED, "local.get 2 i32.const 4 i32.and")),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_pairs_are_proven(name: str) -> None:
    verdict = check(*EQUAL[name], ())
    assert verdict.status == "proven", verdict.reason


@pytest.mark.parametrize("name", UNEQUAL)
def test_unequal_pairs_are_not_proven(name: str) -> None:
    assert_told_apart(*UNEQUAL[name], calls=CALLS, memory=FILLED)
