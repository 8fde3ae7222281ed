"""Each kind of regression, planted: its finding, whose fault it is, and the exit code."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eqsat.check.compare import Comparison, Verdict, compare
from eqsat.check.config import CheckConfig, Override, Tolerance
from eqsat.check.lock import CallFuel, Line, Lock, Measured
from eqsat.check.measure import Alarm, Measurement

TOOLS = {"eqsat": "1", "z3-solver": "5"}
CONFIG = CheckConfig(Path(), "eqsat.toml", ("*.wasm",))
F = Line("f", "in", "out", (100, 80), (50, 40), "proven")
G = Line("g", "gin", "gin", (30, 30), (20, 20), "unknown", 7, "rlimit")
BASE = Measured(
    "a.wasm", "i" * 64, "o" * 64, (1000, 900), {"total": 3},
    (CallFuel("run(1)", (500, 400)),), {"f": F, "g": G}, {"h": ("hin", 60)},
)  # fmt: skip


def run(
    new: Measured | None,
    old: Measured | None = BASE,
    config: CheckConfig = CONFIG,
    locked: bool = False,
    tools: Mapping[str, str] = TOOLS,
    alarms: tuple[Alarm, ...] = (),
    **more: Any,  # noqa: ANN401
) -> Comparison:
    lock = Lock(TOOLS, CONFIG.budget(), {} if old is None else {old.path: replace(old, plain={})})
    modules = {} if new is None else {new.path: new}
    measurement = Measurement(modules, list(alarms))
    return compare(config, lock, measurement, tools=tools, locked=locked, **more)


def with_line(line: Line, **more: Any) -> Measured:  # noqa: ANN401
    return replace(BASE, lines={**BASE.lines, line.key: line}, **more)


def failing(found: Comparison) -> list[tuple[str, str, str]]:
    return [(one.rule, one.function, one.cause) for one in found.failing]


def test_no_change_is_no_finding() -> None:
    found = run(BASE)
    assert (found.findings, found.improvements, found.notes) == ((), (), ())
    assert found.verdict() == 0
    assert (found.modules, found.functions) == (1, 3)


OTHER: dict[str, Any] = {"input": "x" * 64, "output": "y" * 64}
"""A module whose source has changed."""


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (with_line(replace(F, bytes=(100, 81))), ("EQ001", "f", "optimizer")),
        (with_line(replace(F, cost=(50, 41))), ("EQ002", "f", "optimizer")),
        (with_line(replace(F, proof="unknown", note="hard")), ("EQ003", "f", "optimizer")),
        (with_line(replace(F, proof="refuted")), ("EQ004", "f", "optimizer")),
        (with_line(replace(G, proof="refuted")), ("EQ004", "g", "optimizer")),
        (
            with_line(replace(F, input="new", proof="unknown"), **OTHER),
            ("EQ005", "f", "source"),
        ),
        (with_line(replace(G, key="k"), **OTHER), ("EQ005", "k", "source")),
        (with_line(replace(G, key="k")), ("EQ005", "k", "optimizer")),
        (replace(BASE, bytes=(1000, 905), **OTHER), ("EQ001", "", "source")),
        (
            replace(BASE, lines={"g": G}, plain={"f": ("in", 100)}),
            ("EQ001", "f", "optimizer"),
        ),
        (
            replace(BASE, calls=(CallFuel("run(1)", (500, 401)),)),
            ("EQ002", "run(1)", "optimizer"),
        ),
        (
            replace(BASE, calls=(CallFuel("run(1)", (500, 401)),), **OTHER),
            ("EQ002", "run(1)", "source"),
        ),
    ],
)  # fmt: skip
def test_planted_regressions(new: Measured, expected: tuple[str, str, str]) -> None:
    found = run(new)
    assert failing(found) == [expected]
    assert found.verdict() is Verdict.REGRESSION


@pytest.mark.parametrize(
    "new",
    [
        with_line(replace(F, bytes=(100, 70), cost=(50, 30))),
        with_line(replace(G, proof="proven", bytes=(30, 20))),
        replace(BASE, bytes=(1000, 800)),
        replace(BASE, lines={"f": F}, plain={"g": ("gin", 30)}),
        replace(BASE, lines={"g": G}, plain={}),
        with_line(replace(F, key="new", proof="proven")),
        replace(BASE, calls=(CallFuel("run(1)", (500, 300)), CallFuel("run(2)", (1, 1)))),
        # Another source: what a function of it costs is nobody's regression.
        with_line(replace(F, input="new", bytes=(200, 180), cost=(90, 80)), **OTHER),
    ],
)
def test_improvements_and_changes_of_the_source_never_fail(new: Measured) -> None:
    found = run(new)
    assert found.failing == ()
    assert found.verdict() == 0


def test_improvements_are_told() -> None:
    found = run(with_line(replace(F, bytes=(100, 70))))
    (one,) = found.improvements
    assert (one.rule, one.function, one.growth) == ("EQ001", "f", -0.125)


@pytest.mark.parametrize(
    ("change", "new", "fails"),
    [
        ({"function": Tolerance(amount=1)}, with_line(replace(F, bytes=(100, 81))), False),
        ({"function": Tolerance(amount=1)}, with_line(replace(F, bytes=(100, 82))), True),
        ({"fuel": Tolerance(share=0.1)}, with_line(replace(F, cost=(50, 44))), False),
        ({"fuel": Tolerance(share=0.1)}, with_line(replace(F, cost=(50, 45))), True),
        ({"fail_on": frozenset(("fuel",))}, with_line(replace(F, bytes=(100, 81))), False),
        ({"fail_on": frozenset(("size",))}, with_line(replace(F, cost=(50, 45))), False),
        ({"fail_on": frozenset(("size",))}, with_line(replace(F, proof="unknown")), False),
        ({"fail_on": frozenset(("proof",))}, with_line(replace(F, proof="refuted")), False),
        (
            {"overrides": (Override("f*", require_proof=False),)},
            with_line(replace(F, proof="unknown")),
            False,
        ),
        (
            {"overrides": (Override("x*", require_proof=False),)},
            with_line(replace(F, proof="unknown")),
            True,
        ),
        (
            {"overrides": (Override(function=Tolerance(amount=9)), Override("f"))},
            with_line(replace(F, bytes=(100, 89))),
            False,
        ),
        (
            {"overrides": (Override(fuel=Tolerance(amount=9)), Override("f", fuel=Tolerance()))},
            with_line(replace(F, cost=(50, 41))),
            True,
        ),
    ],
)
def test_terms(change: dict[str, Any], new: Measured, fails: bool) -> None:
    found = run(new, config=replace(CONFIG, **change))
    assert bool(found.failing) == fails
    assert found.findings  # what does not fail is told


def test_same_everything_but_another_output_is_an_alarm() -> None:
    found = run(replace(BASE, output="z" * 64))
    assert failing(found) == [("EQ006", "", "eqsat")]
    assert found.verdict() is Verdict.UNSOUND
    later = run(replace(BASE, output="z" * 64), tools={**TOOLS, "z3-solver": "6"})
    assert later.failing == ()


def test_stale_locks() -> None:
    for locked in (False, True):
        fails = [("EQ007", "", "tools")] if locked else []
        other = {**TOOLS, "z3-solver": "6"}
        found = run(BASE, tools=other, locked=locked)
        assert failing(found) == fails
        said = [*found.notes, *(one.message for one in found.findings)]
        assert "z3-solver 5 is now 6" in said[0]
        assert failing(run(BASE, config=replace(CONFIG, rlimit=5), locked=locked)) == fails
        assert failing(run(BASE, old=None, locked=locked)) == fails
        assert failing(run(None, locked=locked)) == fails
        assert failing(run(None, locked=locked, whole=False)) == []
    assert run(BASE, tools={**TOOLS, "z3-solver": "6"}, locked=True).verdict() is Verdict.LOCK


def test_no_lock() -> None:
    found = compare(CONFIG, None, Measurement({"a.wasm": BASE}, []), tools=TOOLS, locked=False)
    assert found.verdict() is Verdict.LOCK


def test_the_worst_counts() -> None:
    worse = with_line(replace(F, bytes=(100, 81)))
    other = {**TOOLS, "z3-solver": "6"}
    assert run(worse, tools=other).verdict() is Verdict.REGRESSION
    assert run(worse, tools=other, locked=True).verdict() is Verdict.LOCK
    alarm = Alarm("b.wasm", "the output behaves differently")
    found = run(worse, tools=other, locked=True, alarms=(alarm,))
    assert found.verdict() is Verdict.UNSOUND
    assert found.findings[0].rule == "EQ008"
    assert int(found.verdict()) == 5


def test_worst_first() -> None:
    lines = {
        name: replace(F, key=name, bytes=(100, 80 + more))
        for name, more in (("a", 1), ("b", 9), ("c", 4))
    }
    old = replace(BASE, lines={name: replace(F, key=name) for name in lines})
    found = run(replace(BASE, lines=lines), old=old)
    assert [one.function for one in found.findings] == ["b", "c", "a"]


def test_bytes_are_not_told_twice() -> None:
    worse = with_line(replace(F, bytes=(100, 81), cost=(100, 81)))
    assert {one[0] for one in failing(run(worse))} == {"EQ001", "EQ002"}
    assert [one[0] for one in failing(run(worse, config=replace(CONFIG, cost="bytes")))] == [
        "EQ001"
    ]
