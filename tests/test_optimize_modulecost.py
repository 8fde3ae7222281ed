"""What a whole module costs across calls, and what is left out of a step that came too late."""

import wasmtime
from eqsat.optimize.modulecost import ModuleCost
from eqsat.optimize.program import _slowest
from eqsat.verify.certificate import Certificate
from eqsat.verify.validator import Verdict
from eqsat.wasm.module import Module


def module(long: int, short: int) -> Module:
    """Two exports: a loop with so many operations in it, and so many operations alone."""
    work = "(global.set $g (i32.eqz (global.get $g)))"
    text = f"""(module (global $g (mut i32) (i32.const 0))
      (func (export "long") (loop (loop {work * long} (br_if 0 (global.get $g)))))
      (func (export "short") {work * short}))"""
    return Module.parse(bytes(wasmtime.wat2wasm(text)))


def key(made: Module, entered: tuple[int, ...] = (0, 1)) -> tuple[float, ...]:
    return ModuleCost("fuel", {}, 10_000).key(made, entered)


def test_every_way_in_counts_by_the_part_of_its_own_that_it_gains() -> None:
    """A long loop that gets 1 % cheaper does not pay for a call that gets twice as dear."""
    assert key(module(99, 20)) > key(module(100, 10))
    assert key(module(90, 10)) < key(module(100, 10))
    assert key(module(100, 9)) < key(module(100, 10))


def test_merged_functions_count_as_before() -> None:
    assert key(module(10, 10), (0, 1, 1)) > key(module(10, 10), (0, 1))


def test_after_a_late_certificate_the_quick_proofs_are_tried_again() -> None:
    found = {
        1: Verdict("proven", seconds=0.3),
        2: Verdict("proven", seconds=0.1),
        3: Verdict("unknown", reason="deadline"),
        4: Verdict("proven", seconds=0.2),
    }
    certificate = Certificate("unknown", "function 3: deadline", found)
    assert _slowest(certificate, 0.35) == {1}
    assert _slowest(certificate, 0.05) == {1, 2, 4}
    assert _slowest(certificate, 1.0) == frozenset()
