"""Functions for which there is nothing to search: chosen by hand (`--pin`) or before (`--replay`).

They are proven like all others. What is not proven keeps its original, and the report says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .forms import FormError
from .function import Candidate, Outcome
from .pins import read_pins, resolve
from .replay import Replay, ReplayError, read_replay
from .report import FunctionRecord, Status
from .workbench import Bench, Choice, Workbench

if TYPE_CHECKING:
    from .run import Run

__all__ = ["ByHand", "by_hand", "set_aside"]

REPLAY_RLIMIT = 10_000_000
"""Solver units a replayed function may take: wall-clock runs prove with whatever time there is."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """The functions that are not searched."""

    choices: dict[int, tuple[Choice, ...]]
    replay: Replay | None = None


def set_aside(run: Run) -> None:
    """Take the functions that are not searched off the work list.

    Raises PinFileError and ReplayError for files that are not for this module, OSError.
    """
    options = run.options
    choices: dict[int, tuple[Choice, ...]] = {}
    replay = None
    if options.pin is not None:
        choices = resolve(read_pins(options.pin), run.module, run.names)
    if options.replay is not None:
        from .describe import sha256

        replay = read_replay(options.replay)
        if replay.input_hash != sha256(run.data):
            raise ReplayError(f"{options.replay}: a report about another module")
        own = range(run.module.imported_functions, len(run.module.functions))
        if any(index not in own for index in replay.candidates):
            raise ReplayError(f"{options.replay}: it names functions that are not there")
    if not choices and replay is None:
        return
    run.by_hand = ByHand(choices, replay)
    work = run.work
    run.work = replace(
        work,
        ranked=() if replay is not None else _without(work.ranked, choices),
        tiny=_without(work.tiny, choices),
        excluded=_without(work.excluded, choices),
        duplicates=()
        if replay is not None
        else tuple(twin for twin in work.duplicates if twin.index not in choices),
    )


def _without(indices: Sequence[int], taken: Iterable[int]) -> tuple[int, ...]:
    gone = set(taken)
    return tuple(index for index in indices if index not in gone)


def by_hand(run: Run) -> None:
    """Stage: prove what was chosen by hand or found by an earlier run."""
    if run.by_hand is None:
        return
    bench = Workbench(run.module, run.options)
    for index, choices in run.by_hand.choices.items():
        run.outcomes[index] = _pinned(run, bench, index, choices)
    if run.by_hand.replay is not None:
        for index, candidate in sorted(run.by_hand.replay.candidates.items()):
            run.outcomes[index] = _replayed(run, bench, index, candidate)


def _pinned(run: Run, bench: Workbench, index: int, choices: Sequence[Choice]) -> Outcome:
    from ..lowering import Unsupported

    began = time.perf_counter()
    try:
        one = bench.bench(index)
        candidates = one.candidates(one.chosen(choices))
    except (FormError, Unsupported) as error:
        return _refused(run, bench, index, choices, "skipped", str(error), began)
    if not candidates:
        return _refused(run, bench, index, choices, "skipped", "it cannot be written", began)
    candidate, verdict = one.settled(candidates)
    if verdict.status != "proven":
        return _refused(run, bench, index, choices, verdict.status, verdict.reason, began)
    run.report.pins += _rows(run, index, choices, "")
    return _taken(run, bench, one, candidate, verdict.method, verdict.rlimit, began)


def _taken(
    run: Run,
    bench: Workbench,
    one: Bench,
    candidate: Candidate,
    method: str,
    rlimit: int,
    began: float,
) -> Outcome:
    same = candidate.body == one.body
    record = FunctionRecord(
        index=one.index,
        name=run.names.get(one.index, ""),
        status="unchanged" if same else "proven",
        reason="pinned",
        bytes_before=len(one.body),
        bytes_after=len(candidate.body),
        cost_before=bench.measure.figure(one.body),
        cost_after=bench.measure.figure(candidate.body),
        rules=() if same else candidate.rules,
        method="" if same else method,
        rlimit=rlimit,
        seconds=time.perf_counter() - began,
    )
    return Outcome(record, None if same else candidate.body, candidate.new_types, candidate.hints)


def _refused(
    run: Run,
    bench: Workbench,
    index: int,
    choices: Sequence[Choice],
    status: Status,
    reason: str,
    began: float,
) -> Outcome:
    run.report.pins += _rows(run, index, choices, reason or "not proven")
    return _original(run, bench, index, status, f"pin refused: {reason}", began)


def _original(
    run: Run, bench: Workbench, index: int, status: Status, reason: str, began: float
) -> Outcome:
    body = run.module.body_bytes(index)
    cost = bench.measure.figure(body)
    return Outcome(
        FunctionRecord(
            index=index,
            name=run.names.get(index, ""),
            status=status,
            reason=reason,
            bytes_before=len(body),
            bytes_after=len(body),
            cost_before=cost,
            cost_after=cost,
            seconds=time.perf_counter() - began,
        )
    )


def _rows(
    run: Run, index: int, choices: Sequence[Choice], reason: str
) -> tuple[dict[str, str | int | bool], ...]:
    return tuple(
        {
            "function": index,
            "name": run.names.get(index, ""),
            "at": choice.at,
            "form": choice.form,
            "kept": not reason,
            "reason": reason,
        }
        for choice in choices
    )


def _replayed(run: Run, bench: Workbench, index: int, candidate: Candidate) -> Outcome:
    began = time.perf_counter()
    body = run.module.body_bytes(index)
    queries = rlimit = 0
    before = body
    for after, hints in (*candidate.via, (candidate.body, candidate.hints)):
        verdict = bench.validator.check(
            index,
            after,
            candidate.new_types,
            hints=hints,
            rlimit=run.options.rlimit or REPLAY_RLIMIT,
            original=before,
        )
        if verdict.status != "proven":
            status: Status = "refuted" if verdict.status == "refuted" else "unknown"
            return _original(run, bench, index, status, verdict.reason or "not proven", began)
        queries, rlimit, before = queries + verdict.queries, rlimit + verdict.rlimit, after
    record = FunctionRecord(
        index=index,
        name=run.names.get(index, ""),
        status="proven",
        reason="replayed",
        bytes_before=len(body),
        bytes_after=len(candidate.body),
        cost_before=bench.measure.figure(body),
        cost_after=bench.measure.figure(candidate.body),
        rules=candidate.rules,
        method=verdict.method,
        queries=queries,
        rlimit=rlimit,
        seconds=time.perf_counter() - began,
    )
    return Outcome(record, candidate.body, candidate.new_types, candidate.hints, via=candidate.via)
