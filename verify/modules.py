"""Two whole modules: is the second one allowed to stand for the first?

*Proven* if nothing but bodies, appended types and custom sections differs and every body that
differs is proven. *Refuted* only with a witness through exports that running both modules shows.
Everything else is *unknown*, with a reason. A function that was not looked at is never proven.
"""

import time
from dataclasses import dataclass
from typing import Final

from .differential import Difference, explore
from .frame import changed_functions, check_frame
from .machine import Value, from_bits
from .reader import Malformed, Unsupported, read_module
from .validator import FUNCTION_RLIMIT, QUERY_RLIMIT, Status, Validator, Verdict

WITNESS_SECONDS: Final = 2.0
"""Wall time for the search of a witness, once something is not proven."""

WITNESS_CALLS: Final = 4_000
"""Calls in the search of a witness."""

SEED: Final = 2024
"""Seed of the search, so that it finds the same from run to run."""


@dataclass(frozen=True, slots=True)
class ModuleVerdict:
    """What is known about two modules.

    ``functions`` holds the verdict of every function whose body differs, by function index;
    ``violations`` what differs outside of bodies; ``witness`` the calls that show a difference.
    """

    status: Status
    reason: str = ""
    functions: tuple[tuple[int, Verdict], ...] = ()
    violations: tuple[str, ...] = ()
    witness: Difference | None = None
    assumptions: tuple[str, ...] = ()


def prove_modules(
    a: bytes,
    b: bytes,
    *,
    rlimit: int = FUNCTION_RLIMIT,
    query_rlimit: int = QUERY_RLIMIT,
    deadline: float | None = None,
) -> ModuleVerdict:
    """Prove that module ``b`` does what ``a`` does, or show that it does not.

    ``rlimit`` and ``query_rlimit`` bound the solver per function and per query; ``deadline`` is a
    ``time.monotonic()`` value after which functions stay unknown. Both modules should be valid.
    """
    if a == b:
        return ModuleVerdict("proven", "equal bytes")
    violations = check_frame(a, b)
    if violations:
        return _search(a, b, deadline, violations[0], (), tuple(violations))
    try:
        changed = changed_functions(a, b)
        verdicts = _functions(a, b, changed, rlimit, query_rlimit, deadline)
    except (Malformed, Unsupported) as problem:
        return _search(a, b, deadline, str(problem), (), ())
    open_ = [(i, v) for i, v in verdicts if v.status != "proven"]
    if not open_:
        assumptions = sorted({text for _, v in verdicts for text in v.assumptions})
        return ModuleVerdict(
            "proven", f"{len(changed)} changed functions", verdicts, assumptions=tuple(assumptions)
        )
    index, verdict = open_[0]
    reason = f"function {index}: {verdict.reason or verdict.status}"
    return _search(a, b, deadline, reason, verdicts, ())


def _functions(
    a: bytes, b: bytes, changed: list[int], rlimit: int, query_rlimit: int, deadline: float | None
) -> tuple[tuple[int, Verdict], ...]:
    old, new = read_module(a), read_module(b)
    appended = []
    for kind in new.types[len(old.types) :]:
        # A type that is no function type cannot be named by what the validator models.
        appended.append(((), ()) if kind is None else (kind.params, kind.results))
    validator = Validator(a)
    found = []
    for index in changed:
        if deadline is not None and time.monotonic() > deadline:
            found.append((index, Verdict("unknown", reason="deadline")))
            continue
        until = None
        if deadline is not None:
            until = time.perf_counter() + deadline - time.monotonic()
        body = new.bodies[index - new.imported_functions]
        found.append(
            (
                index,
                validator.check(
                    index, body, appended, rlimit=rlimit, query_rlimit=query_rlimit, deadline=until
                ),
            )
        )
    return tuple(found)


def _search(
    a: bytes,
    b: bytes,
    deadline: float | None,
    reason: str,
    functions: tuple[tuple[int, Verdict], ...],
    violations: tuple[str, ...],
) -> ModuleVerdict:
    """Not proven: look for a witness by running both modules."""
    seconds = WITNESS_SECONDS
    if deadline is not None:
        seconds = min(seconds, deadline - time.monotonic())
    if seconds > 0:
        explored = explore(
            a, b, seconds=seconds, seed=SEED, calls=WITNESS_CALLS, first=_suspects(a, functions)
        )
        if explored.difference is not None:
            return ModuleVerdict(
                "refuted", str(explored.difference), functions, violations, explored.difference
            )
    return ModuleVerdict("unknown", reason, functions, violations)


def _suspects(
    a: bytes, functions: tuple[tuple[int, Verdict], ...]
) -> list[tuple[str, tuple[Value, ...]]]:
    """Calls of exports with the arguments that the validator suspects."""
    if not any(v.suspects for _, v in functions):
        return []
    module = read_module(a)
    names = {index: name for name, kind, index in module.exports if kind == 0}
    calls: list[tuple[str, tuple[Value, ...]]] = []
    for index, verdict in functions:
        if index in names:
            types = module.function_type(index).params
            suspects = [from_bits(types, one) for one in verdict.suspects]
            calls += [(names[index].decode(), one) for one in suspects if one is not None]
    return calls
