"""What a measurement says against the lock: findings, whose fault each is, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal

from .config import PER_MODULE, CheckConfig, Tolerance
from .lock import Line, Lock, Measured
from .measure import Alarm, Measurement

__all__ = ["RULES", "Cause", "Comparison", "Finding", "Verdict", "compare"]

Cause = Literal["optimizer", "source", "tools", "eqsat"]

RULES: dict[str, tuple[str, str]] = {
    "EQ001": ("size-regression", "the output is larger than the lock says"),
    "EQ002": ("fuel-regression", "the output costs more than the lock says"),
    "EQ003": ("proof-lost", "a change that was proven is not proven any more"),
    "EQ004": ("refuted", "a cheaper form is refuted that was not before"),
    "EQ005": ("unproved-function", "a cheaper form of a new or changed function is not proven"),
    "EQ006": ("nondeterminism", "the same input gave two outputs"),
    "EQ007": ("stale-lock", "the lock does not fit the modules, the tools or the budget"),
    "EQ008": ("wrong-output", "an output is not valid or behaves differently"),
}
"""Rule ids with a short name and what they mean."""


class Verdict(IntEnum):
    """The exit codes of a check, worst last in `WORST`."""

    PASSED = 0
    REGRESSION = 1
    LOCK = 4
    UNSOUND = 5


WORST = (Verdict.PASSED, Verdict.REGRESSION, Verdict.LOCK, Verdict.UNSOUND)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: `fails` says whether it counts, `verdict` as what.

    `before`, `after` and `limit` are figures in `unit`s where there are any; `function` is a key of
    the lock, empty for the module as a whole.
    """

    rule: str
    path: str
    function: str
    cause: Cause
    message: str
    verdict: Verdict = Verdict.REGRESSION
    fails: bool = True
    unit: str = ""
    before: float = 0.0
    after: float = 0.0
    limit: float = 0.0
    input: str = ""
    """Short hash of the function's input: what makes the finding the same in the next run."""

    @property
    def growth(self) -> float:
        """How much worse, relative to before."""
        return (self.after - self.before) / self.before if self.before else float(bool(self.after))

    @property
    def name(self) -> str:
        """The short name of the rule."""
        return RULES[self.rule][0]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All findings, worst first; improvements, which never fail; and notes for people."""

    findings: tuple[Finding, ...]
    improvements: tuple[Finding, ...]
    notes: tuple[str, ...]
    modules: int
    functions: int

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return tuple(one for one in self.findings if one.fails)

    def verdict(self) -> Verdict:
        """The worst of all."""
        found = {one.verdict for one in self.failing}
        return next((one for one in reversed(WORST) if one in found), Verdict.PASSED)


def compare(
    config: CheckConfig,
    lock: Lock | None,
    measurement: Measurement,
    *,
    tools: Mapping[str, str],
    locked: bool,
    whole: bool = True,
) -> Comparison:
    """Compare a measurement with the lock (None: there is none yet).

    With `locked`, a lock of other tools or another budget is itself a finding; else a note. `whole`
    says that all modules were measured, not one shard.
    """
    notes: list[str] = []
    found = [_alarm(one) for one in measurement.alarms]
    better: list[Finding] = []
    if measurement.warning:
        notes.append(measurement.warning)
    where = Path(config.source).name if config.lock == PER_MODULE else config.lock
    if lock is None:
        found.append(_stale(where, "there is no lock yet: run eqsat check --update", True))
    else:
        for message in _terms(config, lock, tools):
            if locked:
                found.append(_stale(where, f"{message}: run eqsat check --update", True))
            else:
                notes.append(message)
        same_terms = not _terms(config, lock, tools)
        for path, new in sorted(measurement.modules.items()):
            old = lock.modules.get(path)
            if old is None:
                found.append(_stale(path, "not in the lock: run eqsat check --update", locked))
                continue
            for one in _module(config, old, new, same_terms):
                (better if one.after < one.before and one.unit else found).append(one)
        if whole:
            alarmed = {one.path for one in measurement.alarms}
            for path in sorted(lock.modules.keys() - measurement.modules.keys() - alarmed):
                message = "in the lock, but not a module of the configuration any more"
                found.append(_stale(path, message, locked))
    order = sorted(found, key=_badness)
    best = sorted(better, key=lambda one: (one.growth, one.path, one.function))
    total = sum(one.functions.get("total", 0) for one in measurement.modules.values())
    return Comparison(tuple(order), tuple(best), tuple(notes), len(measurement.modules), total)


def _badness(one: Finding) -> tuple[Any, ...]:
    return (
        not one.fails,
        -WORST.index(one.verdict),
        -(one.after - one.before) if one.unit == "bytes" else 0,
        -one.growth if one.unit else 0,
        one.path,
        one.function,
        one.rule,
    )


def _alarm(alarm: Alarm) -> Finding:
    rule = "EQ006" if alarm.nondeterminism else "EQ008"
    return Finding(rule, alarm.path, "", "eqsat", alarm.message, Verdict.UNSOUND)


def _stale(path: str, message: str, fails: bool) -> Finding:
    return Finding("EQ007", path, "", "tools", message, Verdict.LOCK, fails)


def _terms(config: CheckConfig, lock: Lock, tools: Mapping[str, str]) -> list[str]:
    """What is different about tools and budget, one line each."""
    found = []
    changed = [name for name in tools if lock.tools.get(name) != tools[name]]
    if changed:
        pairs = ", ".join(
            f"{name} {lock.tools.get(name, 'none')[:12]} is now {tools[name][:12]}"
            for name in changed
        )
        found.append(f"the lock was written by other tools ({pairs})")
    budget = config.budget()
    other = [name for name in budget if lock.budget.get(name) != budget[name]]
    if other:
        pairs = ", ".join(f"{name} {lock.budget.get(name)} is now {budget[name]}" for name in other)
        found.append(f"the lock was written under other terms ({pairs})")
    return found


def _module(
    config: CheckConfig, old: Measured, new: Measured, same_terms: bool
) -> Iterator[Finding]:
    same = old.input == new.input
    cause: Cause = "optimizer" if same else "source"
    if same and same_terms and old.output != new.output:
        yield Finding(
            "EQ006",
            new.path,
            "",
            "eqsat",
            "same input, tools and budget, but another output than the lock has",
            Verdict.UNSOUND,
        )
    yield from _moved(config, new.path, "", cause, old.bytes[1], new.bytes[1], config.total)
    for key in sorted(old.lines.keys() | new.lines.keys()):
        yield from _function(config, new, key, old.lines.get(key), new.lines.get(key), cause)
    fuels = {call.label: call.fuel for call in old.calls}
    for call in new.calls:
        before = fuels.get(call.label)
        if before is None or call.fuel is None:
            continue
        own: Cause = "optimizer" if same else "source"
        yield from _moved(
            config, new.path, call.label, own, before[1], call.fuel[1], config.fuel, "fuel"
        )


def _function(
    config: CheckConfig,
    new: Measured,
    key: str,
    old: Line | None,
    now: Line | None,
    whole: Cause,
) -> Iterator[Finding]:
    path = new.path
    if now is None:
        plain = new.plain.get(key)
        if old is None or plain is None or plain[0] != old.input or old.proof != "proven":
            return  # gone, or another function by now, or nothing that was gained before
        limit = _function_limit(config, path, key)
        yield from _moved(
            config, path, key, "optimizer", old.bytes[1], plain[1], limit, source=old.input
        )
        return
    if old is None:
        if now.proof in ("unknown", "refuted"):
            yield _unproved(config, path, now, whole)
        return
    same = old.input == now.input
    cause: Cause = "optimizer" if same else "source"
    if old.proof != now.proof and now.proof == "refuted":
        yield _proof("EQ004", config, path, now, cause, f"refuted, was {old.proof}")
    elif old.proof == "proven" and now.proof == "unknown":
        if same:
            yield _proof("EQ003", config, path, now, cause, "not proven any more")
        else:
            yield _unproved(config, path, now, cause)
    if same:
        limit = _function_limit(config, path, key)
        yield from _moved(
            config, path, key, cause, old.bytes[1], now.bytes[1], limit, source=now.input
        )
        if config.cost == "bytes":
            return  # what it costs is what it weighs, and that was just told
        fuel = _override(config, path, key, "fuel") or config.fuel
        yield from _moved(
            config, path, key, cause, old.cost[1], now.cost[1], fuel, "cost", now.input
        )


def _unproved(config: CheckConfig, path: str, line: Line, cause: Cause) -> Finding:
    return _proof("EQ005", config, path, line, cause, f"a cheaper form is {line.proof}")


def _proof(
    rule: str, config: CheckConfig, path: str, line: Line, cause: Cause, message: str
) -> Finding:
    wanted = _override(config, path, line.key, "require_proof")
    kind = "refuted" if rule == "EQ004" else "proof"
    fails = kind in config.fail_on and wanted is not False
    detail = f"{message} ({line.note})" if line.note else message
    return Finding(rule, path, line.key, cause, detail, fails=fails, input=line.input)


FIGURES = {"bytes": ("EQ001", "size"), "cost": ("EQ002", "fuel"), "fuel": ("EQ002", "fuel")}
"""The rule of a finding by the unit of its figures, and what `fail-on` calls it."""


def _moved(
    config: CheckConfig,
    path: str,
    key: str,
    cause: Cause,
    before: float,
    after: float,
    tolerance: Tolerance,
    unit: str = "bytes",
    source: str = "",
) -> Iterator[Finding]:
    """A finding if a figure is not what it was."""
    if before != after:
        rule, kind = FIGURES[unit]
        limit = tolerance.limit(before)
        fails = after > limit and kind in config.fail_on
        yield _figure(rule, path, key, cause, unit, before, after, limit, fails, source)


def _figure(
    rule: str,
    path: str,
    key: str,
    cause: Cause,
    unit: str,
    before: float,
    after: float,
    limit: float,
    fails: bool,
    source: str,
) -> Finding:
    message = f"{unit} {before:g} -> {after:g} ({after - before:+g}, limit {limit - before:+g})"
    return Finding(
        rule,
        path,
        key,
        cause,
        message,
        Verdict.REGRESSION,
        fails,
        unit,
        before,
        after,
        limit,
        source,
    )


def _function_limit(config: CheckConfig, path: str, key: str) -> Tolerance:
    found = _override(config, path, key, "function")
    return config.function if found is None else found


def _override(config: CheckConfig, path: str, key: str, name: str) -> Any:  # noqa: ANN401 (what the field of that name holds)
    """The last override that says something about this function."""
    chosen: Sequence[Any] = [
        value
        for one in config.overrides
        if one.covers(path, key) and (value := getattr(one, name)) is not None
    ]
    return chosen[-1] if chosen else None
