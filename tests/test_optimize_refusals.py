"""Steps that were not proven: tried again only where that may help, and never believed proven."""

import json
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import eqsat
import pytest
from eqsat.optimize.cache import Entry, Store
from eqsat.optimize.options import Options
from eqsat.optimize.program import Program
from eqsat.optimize.refusals import Refusal, Refusals
from eqsat.wasm.module import Module

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"
FAILED = Refusal(frozenset((3, 5)), "unknown", "function 3: solver budget", ("trap-kills",))


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(budget=2.0, cache=tmp_path / "results.db")


def remembered(options: Options) -> Refusals:
    found = Refusals.prepare(options)
    assert found is not None
    return found


def test_failures_are_remembered_for_as_much_time(options: Options) -> None:
    first = remembered(options)
    first.note(b"always", FAILED, None)
    first.note(b"late", FAILED, 0.4)
    assert first.known(b"always", 9.0) is None  # not yet written
    first.flush(None)
    again = remembered(options)
    for seconds in (0.1, 60.0, None):
        assert again.known(b"always", seconds) == FAILED
    assert again.known(b"late", 0.4) == FAILED
    assert again.known(b"late", 0.5) == FAILED
    assert again.known(b"late", 0.7) is None
    assert again.known(b"late", None) is None
    assert again.known(b"other", 0.1) is None
    assert remembered(replace(options, assume=("trap-kills",))).known(b"always", 0.1) is None


def test_proofs_get_the_time_they_took(options: Options) -> None:
    first = remembered(options)
    first.note_proof(b"slow", 2.0)
    first.flush(None)
    again = remembered(options)
    assert again.known(b"slow", 0.4) is None
    assert again.allowance(b"slow", 0.4) == 6.0
    assert again.allowance(b"slow", 60.0) == 60.0
    assert again.allowance(b"slow", None) is None
    assert again.allowance(b"other", 0.4) == 0.4


def test_no_cache_and_broken_cache(options: Options) -> None:
    assert Refusals.prepare(replace(options, cache=None)) is None
    assert options.cache is not None
    options.cache.write_bytes(b"no database" * 99)
    found = remembered(options)
    assert found.known(b"x", None) is None
    found.note(b"x", FAILED, None)
    found.flush(0.1)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b'{"failed": "x", "status": "unknown", "reason": "", "used": [], "seconds": null}',
        b'{"failed": [], "status": "proven", "reason": "", "used": [], "seconds": null}',
        b'{"failed": [], "status": "unknown", "reason": "", "used": [], "seconds": "long"}',
    ],
)
def test_nonsense_is_worth_a_try(options: Options, payload: bytes) -> None:
    """Above all an entry that says proven: a step is proven by the validator alone."""
    first = remembered(options)
    first.note(b"x", FAILED, None)
    first.flush(None)
    assert options.cache is not None
    store = Store(options.cache)
    (one,) = (entry for entry in store.entries() if isinstance(entry, Entry))
    store.put([replace(one, payload=payload)], {})
    assert remembered(options).known(b"x", None) is None


def test_a_known_failure_costs_no_certificate(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    verdict = SimpleNamespace(status="unknown", reason="function 1: deadline")
    certificate = SimpleNamespace(
        status="unknown", reason="function 1: deadline", functions={1: verdict}, used=()
    )

    def certify(_: Program, step: object, patience: float | None) -> tuple[Any, bytes]:
        asked.append(patience)
        return certificate, b""

    monkeypatch.setattr(Program, "certify", certify)
    monkeypatch.setattr("eqsat.optimize.program._without", lambda *_: None)
    step = SimpleNamespace(
        kind="inline",
        changes=SimpleNamespace(bodies={1: b"x"}, exports=None),
        touched=lambda: frozenset((1,)),
    )
    module = Module.parse(EXAMPLE.read_bytes())

    def run(options: Options, patience: float) -> Program:
        program = Program(
            module, options, lambda: None, refusals=remembered(options), patience=patience
        )
        assert not program._take(lambda _: step)  # type: ignore[arg-type, return-value]
        assert program.refusals is not None
        program.refusals.flush(None)
        return program

    run(options, 0.4)
    assert len(asked) == 1
    program = run(options, 0.4)
    assert len(asked) == 1
    assert program.records[0].reason == "function 1: deadline"
    run(options, 12.0)
    assert asked == [0.4, 12.0]


def test_counted_runs_are_the_same_with_the_memory(tmp_path: Path) -> None:
    options = Options(max_iters=2, rlimit=20_000, budget=None, cost="bytes")
    cached = replace(options, cache=tmp_path / "results.db")
    data = (Path(__file__).resolve().parent / "components" / "nested.wasm").read_bytes()
    found = [eqsat.optimize(data, options=one) for one in (options, cached, cached)]
    assert len({result.output for result in found}) == 1
    steps = [[(s.kind, s.status, s.reason) for s in result.report.steps] for result in found]
    assert steps[0] == steps[1] == steps[2]
    with sqlite3.connect(tmp_path / "results.db") as base:
        kinds = {kind for (kind,) in base.execute("SELECT kind FROM entries")}
    base.close()
    assert kinds <= {"batch", "step"}
    assert json.dumps(steps[0])


@pytest.mark.parametrize(("size", "share"), [(1_000, 0.5), (1 << 20, 0.1)])
def test_steps_leave_time_to_the_search(size: int, share: float) -> None:
    """Half of it, and more where there is more code than can be searched."""
    from eqsat.bench.scaling import synthetic
    from eqsat.optimize.budget import Clock
    from eqsat.optimize.program import Program
    from eqsat.optimize.report import Report
    from eqsat.optimize.rounds import CHECK_SHARE, _allot
    from eqsat.optimize.run import Run

    options = Options(budget=10.0)
    module = Module.parse(synthetic(size))
    now = time.monotonic()
    run = Run(
        module.data, options, Clock(now - 2.0, 10.0), None, lambda: False, Report(), module=module
    )
    for first, left in ((True, 10.0), (False, 8.0)):
        program = Program(module, options, lambda: now + 8.0)
        begun = time.monotonic()
        _allot(run, program, first=first)
        assert program.allowance == pytest.approx(share * left, abs=0.3)
        assert program.patience == pytest.approx(CHECK_SHARE * share * 10, abs=0.01)
        assert program.search_seconds == pytest.approx(left, abs=0.3)
        assert program.deadline() == pytest.approx(begun + share * left, abs=0.3)
    counted = Program(module, options, lambda: None)
    _allot(run, counted, first=True)
    assert counted.allowance is None
    assert counted.deadline() is None
