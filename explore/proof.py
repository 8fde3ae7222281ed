"""Proofs as plain data: the verdict beside a choice, and all the parts of one."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from ..optimize.function import Candidate
from ..optimize.workbench import Bench
from ..verify.machine import FILL
from ..verify.trace import Trace
from ..verify.validator import Verdict
from ..verify.witness import TARGET
from .runs import Calls

__all__ = ["PROOF_SECONDS", "calls_json", "parts", "verdict_json"]

PROOF_SECONDS: Final = 10.0
"""Fuse of one proof: the answer is `unknown` then, and a worker is never stuck."""


def calls_json(calls: Calls, called: str) -> list[list[Any]]:
    """Calls as name and arguments; the function of a harness is `called` as people know it."""
    names = {TARGET: called, FILL: "the host fills memories and globals"}
    return [[names.get(name, name), [str(a) for a in arguments]] for name, arguments in calls]


def verdict_json(verdict: Verdict, called: str) -> dict[str, Any]:
    """A verdict with its counterexample, about a function that is `called` so."""
    example = verdict.counterexample
    return {
        "status": verdict.status,
        "method": verdict.method,
        "reason": verdict.reason.replace(TARGET, called),
        "queries": verdict.queries,
        "rlimit": verdict.rlimit,
        "seconds": round(verdict.seconds, 4),
        "assumptions": list(verdict.assumptions),
        "counterexample": None
        if example is None
        else {
            "calls": calls_json(example.calls, called),
            "original": example.original,
            "new": example.new,
        },
    }


def parts(bench: Bench, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """What was to be shown of the candidate that `Bench.settled` takes, and how it was.

    Claims with how each was settled, what relates the loops, and the solver's questions as
    SMT-LIB. A question whose `about` is empty is about a part that several claims may have.
    """
    candidate, _ = bench.settled(candidates, seconds=PROOF_SECONDS)
    trace = Trace()
    verdict = bench.prove(candidate, seconds=PROOF_SECONDS, trace=trace)
    return {
        "status": verdict.status,
        "method": verdict.method,
        "reason": verdict.reason,
        "assumptions": list(verdict.assumptions),
        "claims": [asdict(claim) for claim in trace.claims],
        "total": trace.total,
        "invariants": trace.invariants,
        "queries": [asdict(query) for query in trace.queries],
    }
