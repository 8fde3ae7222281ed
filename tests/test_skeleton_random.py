"""Random programs over memory do the same with a tidied skeleton, and most changes are proven."""

import pytest
from eqsat.ir.check import check
from eqsat.lowering import STYLES, emit, lower
from eqsat.skeleton import tidy
from eqsat.verify.relation import Hints, LoopHint
from eqsat.verify.validator import Validator
from eqsat.wasm.rewrite import replace

from .memory_programs import ARGUMENTS, FUEL, program
from .observed import observe

MINIMUM = [65_536, 65_536]
RLIMIT = 200_000


def compare(seeds: range, *, quick: bool = True) -> tuple[int, int]:
    """Run all; numbers of changed functions and of those that the validator proves."""
    changed = proven = 0
    for seed in seeds:
        source = program(seed)
        graph = lower(source, 1)
        new = tidy(graph, MINIMUM, fast=seed % 3 > 0)
        check(new)
        if new is graph:
            continue
        changed += 1
        expected = observe(source.data, ARGUMENTS, FUEL)
        for style in (STYLES[seed % len(STYLES)],) if quick else STYLES:
            emission = emit(new, style)
            found = observe(replace(source, {1: emission.body}).data, ARGUMENTS, FUEL)
            assert found == expected, (seed, style.name)
        hints = Hints(tuple(LoopHint(k, *hint) for k, hint in enumerate(emission.hints)))
        verdict = Validator(source.data).check(1, emission.body, hints=hints, rlimit=RLIMIT)
        assert verdict.status != "refuted"
        proven += verdict.status == "proven"
    return changed, proven


@pytest.mark.parametrize("start", range(0, 120, 40))
def test_random_programs(start: int) -> None:
    changed, proven = compare(range(start, start + 40))
    assert changed > 20
    assert proven >= 0.6 * changed


@pytest.mark.slow
def test_many_random_programs() -> None:
    compare(range(1_000, 3_000), quick=False)
