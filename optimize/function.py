"""One function: measure the candidates, prove the cheapest, else the next, else keep the original.

This is where "never worse" and "every change proven" are decided, in one place.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from .report import FunctionRecord, Status

__all__ = ["Candidate", "Check", "Measure", "Outcome", "Verdict", "improve", "joined", "kept"]

MAX_PROOFS = 4
"""Candidates of one function that are tried in the validator: a fifth is hardly ever proven when
four were not, and each costs as much as a proof."""

NOTHING = "nothing cheaper found"
"""The reason of a function that stays as it is because no candidate costs less."""


HOPELESS = ("more than", "conditions nested", "deadline")
"""Beginnings of reasons that mostly lie in the original: then only candidates nearer to it are
tried, which the search changed less."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to write a function.

    `new_types` are function types (parameters, results) appended to the module's; `hints` go to
    the validator untouched and are not trusted there. `rules` contributed to it. `form` numbers the
    graph or the way of writing: candidates of one form share their difficulties. `via` are bodies
    on the way to it, each with its hints, as in an `Outcome`.
    """

    body: bytes
    new_types: tuple[Any, ...] = ()
    hints: Any = None
    rules: tuple[str, ...] = ()
    form: int = 0
    via: tuple[tuple[bytes, Any], ...] = ()


class Verdict(Protocol):
    """What the validator answers (`verify.Verdict`)."""

    @property
    def status(self) -> str:
        """`proven`, `refuted` or `unknown`."""
        ...

    @property
    def method(self) -> str:
        """Which step of the ladder decided."""
        ...

    @property
    def reason(self) -> str:
        """Why it is not proven."""
        ...

    @property
    def queries(self) -> int:
        """Solver queries."""
        ...

    @property
    def rlimit(self) -> int:
        """Solver units."""
        ...


Check = Callable[[int, Candidate], Verdict]
"""Proves one candidate for the function of an index."""


class Measure(Protocol):
    """A cost as a key that orders bodies, and as one figure for the report."""

    def key(self, body: bytes) -> tuple[float, ...]:
        """Smaller is better; equal keys keep the original."""
        ...

    def allows(self, original: bytes, body: bytes) -> bool:
        """Whether a body may be taken at all, apart from being cheaper."""
        ...

    def figure(self, body: bytes) -> float:
        """The cost to show."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """The record of one function, and its new body if there is a proven one.

    `hints` are those with which the body was proven; `cut` says that time, not the search itself,
    ended the work on it. `via` are the bodies between the original and the new one, each with the
    hints with which it was proven equal to the one before; the new one equals the last of them.
    """

    record: FunctionRecord
    body: bytes | None = None
    new_types: tuple[Any, ...] = ()
    hints: Any = None
    cut: bool = False
    via: tuple[tuple[bytes, Any], ...] = ()


def improve(
    index: int,
    name: str,
    original: bytes,
    candidates: Iterable[Candidate],
    *,
    check: Check,
    measure: Measure,
    began: float,
    proofs: int = MAX_PROOFS,
    nothing: str = NOTHING,
) -> Outcome:
    """Take the cheapest proven candidate that is cheaper than the original body.

    `began` is when work on the function started (`time.perf_counter()`), `proofs` how many
    candidates are tried in the validator, `nothing` the reason to state when none is cheaper.
    """
    cheaper = _cheaper(original, candidates, measure)
    worst: Status = "unchanged"
    reason = nothing
    queries = rlimit = rejected = 0
    failures: Counter[int] = Counter()
    while cheaper and rejected < proofs:
        # The next form when one was not proven: its other ways of writing have the same trouble.
        candidate = min(cheaper, key=lambda one: failures[one.form])
        cheaper.remove(candidate)
        verdict = check(index, candidate)
        queries += verdict.queries
        rlimit += verdict.rlimit
        if verdict.status == "proven":
            record = FunctionRecord(
                index=index,
                name=name,
                status="proven",
                reason="",
                bytes_before=len(original),
                bytes_after=len(candidate.body),
                cost_before=measure.figure(original),
                cost_after=measure.figure(candidate.body),
                rules=candidate.rules,
                method=verdict.method,
                queries=queries,
                rlimit=rlimit,
                rejected=rejected,
                seconds=time.perf_counter() - began,
            )
            return Outcome(record, candidate.body, candidate.new_types, candidate.hints)
        rejected += 1
        failures[candidate.form] += 1
        if rejected == 1:
            worst = "refuted" if verdict.status == "refuted" else "unknown"
            reason = verdict.reason
        if verdict.reason.startswith(HOPELESS):
            cheaper = [one for one in cheaper if _nearer(one.form, candidate.form)]
    cost = measure.figure(original)
    return Outcome(
        FunctionRecord(
            index=index,
            name=name,
            status=worst,
            reason=reason,
            bytes_before=len(original),
            bytes_after=len(original),
            cost_before=cost,
            cost_after=cost,
            queries=queries,
            rlimit=rlimit,
            rejected=rejected,
            seconds=time.perf_counter() - began,
        )
    )


def _nearer(form: int, other: int) -> bool:
    """Whether a form is nearer to the original than another: they are numbered as they were made,
    and below zero is what has been written in a more different way."""
    return form >= 0 and (form < other or other < 0)


def joined(first: Outcome, second: Outcome) -> Outcome:
    """One outcome for two visits in a row; what the second changed, it changed in the first's."""
    a, b = first.record, second.record
    changed = second.body is not None
    # What the record says is what led to the body; without any, a candidate that found no proof.
    telling = b if changed or (first.body is None and b.status in ("unknown", "refuted")) else a
    record = FunctionRecord(
        index=a.index,
        name=a.name,
        status=telling.status,
        reason=telling.reason,
        bytes_before=a.bytes_before,
        bytes_after=b.bytes_after if changed else a.bytes_after,
        cost_before=a.cost_before,
        cost_after=b.cost_after if changed else a.cost_after,
        rules=tuple(sorted({*a.rules, *b.rules})),
        method=telling.method,
        queries=a.queries + b.queries,
        rlimit=a.rlimit + b.rlimit,
        rejected=a.rejected + b.rejected,
        seconds=a.seconds + b.seconds,
    )
    if not changed:
        return replace(first, record=record, cut=second.cut)
    via = first.via if first.body is None else (*first.via, (first.body, first.hints))
    return replace(second, record=record, via=(*via, *second.via))


def kept(outcome: Outcome, reason: str) -> Outcome:
    """The outcome of a function that gets its original back after all."""
    record = outcome.record
    return Outcome(
        replace(
            record,
            status="unknown",
            reason=reason,
            bytes_after=record.bytes_before,
            cost_after=record.cost_before,
            rules=(),
        )
    )


def _cheaper(original: bytes, candidates: Iterable[Candidate], measure: Measure) -> list[Candidate]:
    """Candidates that cost less than the original, cheapest first, each body once.

    Ties are broken by the order in which the candidates came, which is fixed.
    """
    limit = measure.key(original)
    ranked: dict[bytes, tuple[tuple[float, ...], int, Candidate]] = {}
    for position, candidate in enumerate(candidates):
        if candidate.body in ranked:
            continue
        key = measure.key(candidate.body)
        if key < limit and measure.allows(original, candidate.body):
            ranked[candidate.body] = (key, position, candidate)
    return [found[2] for found in sorted(ranked.values(), key=lambda found: found[:2])]
