"""The last stage: complete the record of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .replay import replay_rows
from .report import FunctionRecord, Status
from .run import Run

if TYPE_CHECKING:
    from .program import Program

__all__ = ["describe", "records", "sha256"]

FEATURE_SPEED = 4e6
"""Bytes of module per second whose features are read off, measured on modules of 0.3 to 12 MB."""


def describe(run: Run) -> None:
    """Fill in what the report says about the module as a whole, and one record per function."""
    from .. import __version__
    from ..wasm.features import features

    report, options = run.report, run.options
    report.versions = {"eqsat": __version__, **_versions(), **run.versions}
    report.input_hash = sha256(run.data)
    report.output_hash = sha256(run.output)
    report.file_bytes = (len(run.data), len(run.output))
    report.cost = str(options.cost)
    report.budget = {
        "seconds": options.seconds,
        "max_iters": options.max_iters,
        "max_nodes": options.max_nodes,
        "rlimit": options.rlimit,
    }
    if _time_for_features(run):
        report.features = tuple(sorted(features(run.module)))
    report.contracts = tuple((name, _users(run, name)) for name in options.assume)
    report.entries = tuple((glob, _users(run, "entries")) for glob in options.entry)
    report.cached = run.recalled
    if run.program is not None:
        report.steps = tuple(run.program.records)
        report.places = run.program.places
    report.functions = records(run)
    report.replay = replay_rows(run.outcomes)
    before = sum(record.bytes_before for record in report.functions)
    report.code_bytes = (before, sum(record.bytes_after for record in report.functions))


def _users(run: Run, name: str) -> tuple[str, ...]:
    """The kinds of step whose proof needed a contract."""
    steps = () if run.program is None else run.program.records
    proven = [step for step in steps if step.status == "proven"]
    found = {s.kind for s in proven if any(u.partition(":")[0] == name for u in s.used)}
    return tuple(sorted(found))


def _time_for_features(run: Run) -> bool:
    """Whether reading all code once more fits into what is left of the budget."""
    left = run.clock.left()
    return run.options.counted or left is None or len(run.data) / FEATURE_SPEED < left


def _versions() -> dict[str, str]:
    """Installed versions of what decides about results."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("egglog", "z3-solver", "wasmtime"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def records(run: Run) -> list[FunctionRecord]:
    """One record per function of the input's own, in index order."""
    if run.program is not None:
        return _after_steps(run, run.program)
    by_index = {index: outcome.record for index, outcome in run.outcomes.items()}
    sizes = {
        run.module.imported_functions + offset: end - start
        for offset, (start, end) in enumerate(run.module.code)
    }
    for index, reason in run.lost.items():
        by_index[index] = _plain(run, index, sizes[index], "skipped", reason)
    for index in run.work.excluded:
        by_index[index] = _plain(run, index, sizes[index], "skipped", "not selected")
    for index in run.work.tiny:
        by_index[index] = _plain(run, index, sizes[index], "unchanged", "nothing to save")
    whole = run.report.unchanged_reason
    late = whole or ("interrupted" if run.report.interrupted else "budget")
    for index, size in sizes.items():
        if index not in by_index:
            by_index[index] = _plain(run, index, size, "skipped", late)
    for twin in run.work.duplicates:
        by_index[twin.index] = _twin(run, twin.index, by_index[twin.first])
    return [by_index[index] for index in sorted(by_index)]


def _after_steps(run: Run, program: Program) -> list[FunctionRecord]:
    """Records in terms of the input, where the module as a whole was changed."""
    from ..wasm.module import Module

    before = Module.parse(run.data)
    figure = _figure(run)
    whole = "interrupted" if run.report.interrupted else "budget"
    seen: set[int] = set()
    found = []
    for index in range(before.imported_functions, len(before.functions)):
        body = before.body_bytes(index)
        record = run.records.get(index) or _plain(run, index, len(body), "skipped", whole)
        record = replace(record, index=index, name=run.names.get(index, ""))
        place = program.places[index]
        if place is None or place in seen:
            method = "unreachable" if place is None else "merged"
            record = replace(
                record, status="proven", reason="", bytes_after=0, cost_after=0, method=method
            )
        else:
            seen.add(place)
            after = run.module.body_bytes(place)
            cost = figure(after)
            record = replace(record, bytes_after=len(after), cost_after=cost)
            if index in program.changed:
                method = record.method or "steps"
                record = replace(record, status="proven", reason="", method=method)
        found.append(
            replace(record, bytes_before=len(body), cost_before=record.cost_before or figure(body))
        )
    return found


def _figure(run: Run) -> Callable[[bytes], float]:
    """The cost of a body for the report; large modules are not worth the time."""
    if run.search is None or not _time_for_features(run):
        return lambda _: 0.0
    return run.search.measure.figure


def _plain(run: Run, index: int, size: int, status: Status, reason: str) -> FunctionRecord:
    return FunctionRecord(
        index=index,
        name=run.names.get(index, ""),
        status=status,
        reason=reason,
        bytes_before=size,
        bytes_after=size,
        cost_before=0,
        cost_after=0,
    )


def _twin(run: Run, index: int, first: FunctionRecord) -> FunctionRecord:
    """The record of a function whose body equals that of an earlier one."""
    return FunctionRecord(
        index=index,
        name=run.names.get(index, ""),
        status=first.status,
        reason=first.reason or f"the same body as function {first.index}",
        bytes_before=first.bytes_before,
        bytes_after=first.bytes_after,
        cost_before=first.cost_before,
        cost_after=first.cost_after,
        rules=first.rules,
        method=first.method,
    )


def sha256(data: bytes) -> str:
    """The hash by which the report names a module."""
    return hashlib.sha256(data).hexdigest()
