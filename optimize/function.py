"""One function: measure the candidates, prove the cheapest, else the next, else keep the original.

This is where "never worse" and "every change proven" are decided, in one place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .report import FunctionRecord, Status

__all__ = ["Candidate", "Check", "Measure", "Outcome", "Verdict", "improve"]

MAX_PROOFS = 4
"""Candidates of one function that are tried in the validator: a fifth is hardly ever proven when
four were not, and each costs as much as a proof."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to write a function.

    `new_types` are function types (parameters, results) appended to the module's; `hints` go to
    the validator untouched and are not trusted there. `rules` contributed to it.
    """

    body: bytes
    new_types: tuple[Any, ...] = ()
    hints: Any = None
    rules: tuple[str, ...] = ()


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
    """The record of one function, and its new body if there is a proven one."""

    record: FunctionRecord
    body: bytes | None = None
    new_types: tuple[Any, ...] = ()


def improve(
    index: int,
    name: str,
    original: bytes,
    candidates: Iterable[Candidate],
    *,
    check: Check,
    measure: Measure,
    began: float,
    nothing: str = "nothing cheaper found",
) -> Outcome:
    """Take the cheapest proven candidate that is cheaper than the original body.

    `began` is when work on the function started (`time.perf_counter()`), `nothing` the reason to
    state when no candidate is cheaper.
    """
    cheaper = _cheaper(original, candidates, measure)
    worst: Status = "unchanged"
    reason = nothing
    queries = rlimit = rejected = 0
    for candidate in cheaper[:MAX_PROOFS]:
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
            return Outcome(record, candidate.body, candidate.new_types)
        rejected += 1
        if rejected == 1:
            worst = "refuted" if verdict.status == "refuted" else "unknown"
            reason = verdict.reason
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


def _cheaper(
    original: bytes, candidates: Iterable[Candidate], measure: Measure
) -> Sequence[Candidate]:
    """Candidates that cost less than the original, cheapest first, each body once.

    Ties are broken by the order in which the candidates came, which is fixed.
    """
    limit = measure.key(original)
    ranked: dict[bytes, tuple[tuple[float, ...], int, Candidate]] = {}
    for position, candidate in enumerate(candidates):
        if candidate.body in ranked or not measure.allows(original, candidate.body):
            continue
        key = measure.key(candidate.body)
        if key < limit:
            ranked[candidate.body] = (key, position, candidate)
    return [found[2] for found in sorted(ranked.values(), key=lambda found: found[:2])]
