"""Pairs of modules made to fool `eqsat prove`: unequal ones must never be proven.

They stand in ``data/pairs``: a line with the name, a module, ``;;=``, the other one. Each unequal
pair differs for some caller; the search for a witness finds all but the ``HIDDEN`` ones. Beside
them stand pairs that are equal for a reason that one must know.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import wasmtime
from eqsat.verify import modules
from eqsat.verify.certificate import certify, read_side
from eqsat.verify.differential import replay
from eqsat.verify.hints import Hints, LoopHint
from eqsat.verify.pairing import guess_step
from eqsat.verify.plan import Facts, Step

PAIRS = Path(__file__).parent / "data" / "pairs"

HIDDEN = ("growth twice", "functions that only call each other", "a call after divergence")
"""What the search does not play: a host short of memory, stacks that end, what was done before a
run that never ends."""


def read_pairs(name: str) -> dict[str, tuple[bytes, bytes]]:
    found = {}
    for text in (PAIRS / name).read_text().split("\n\n"):
        if text.strip():
            title, _, rest = text.strip().partition("\n")
            first, second = rest.split("\n;;=\n")
            title = title.removeprefix(";; ")
            assert title not in found
            found[title] = bytes(wasmtime.wat2wasm(first)), bytes(wasmtime.wat2wasm(second))
    return found


UNEQUAL = read_pairs("unequal.wat")
EQUAL = read_pairs("equal.wat")


@pytest.fixture(autouse=True)
def no_long_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "WITNESS_CALLS", 400)


@pytest.mark.parametrize("name", UNEQUAL)
def test_unequal_pairs_are_refuted(name: str) -> None:
    a, b = UNEQUAL[name]
    verdict = modules.prove_modules(a, b)
    assert verdict.status == ("unknown" if name in HIDDEN else "refuted"), verdict.reason
    if verdict.witness is not None:
        assert replay(a, b, verdict.witness.calls) is not None


@pytest.mark.parametrize("name", UNEQUAL)
def test_no_claim_gets_unequal_pairs_proven(name: str) -> None:
    a, b = UNEQUAL[name]
    for step in lies(a, b):
        found = certify(a, b, step, rlimit=30_000, query_rlimit=15_000)
        assert found.status != "proven", step


def lies(a: bytes, b: bytes) -> Iterator[Step]:
    """Steps with hints, unfolding and claims that an optimizer must not make."""
    old, new = read_side(a), read_side(b)
    step = guess_step(old, new)
    module = old.module
    own = range(module.imported_functions, len(module.functions))
    every = {i: frozenset(own) for i in own}
    yield replace(step, unfold=every)
    for depth in range(4):
        places = {i: ("local", (i + depth) % 4) for i in range(4)}
        hints = Hints(tuple(LoopHint(i, (i + depth) % 2, places) for i in range(2)))
        yield replace(step, hints=dict.fromkeys(range(len(new.module.functions)), hints))
    kinds = {i: module.function_type(i) for i in own}
    for value in (0, 1, 5):
        facts = Facts(
            globals=dict.fromkeys(range(len(module.globals)), value),
            arguments={i: (value,) * len(kind.params) for i, kind in kinds.items()},
            results={i: (value,) * len(kind.results) for i, kind in kinds.items()},
        )
        yield replace(step, facts=facts)
        yield replace(step, facts=facts, unfold=every)
    dead = Facts(
        dead_globals=frozenset(range(len(module.globals))),
        dead_memories=frozenset(range(len(module.memories))),
        dead_tables=frozenset(range(len(module.tables))),
    )
    yield replace(step, facts=dead)
    yield replace(step, facts=dead, unfold=every)


@pytest.mark.parametrize("name", EQUAL)
def test_equal_pairs_are_proven(name: str) -> None:
    verdict = modules.prove_modules(*EQUAL[name])
    assert verdict.status == "proven", verdict.reason
