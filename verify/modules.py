"""Two whole modules: is the second one allowed to stand for the first?

*Proven* if a step between them (``pairing.py``) gets a certificate. *Refuted* only with a witness
through exports that running both modules shows, and only without contracts: what these allow to
differ, a run shows as well. Everything else is *unknown*, with a reason.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from .certificate import IDENTICAL, certify, read_side
from .differential import Difference, explore
from .machine import Value, from_bits
from .pairing import guess_step
from .reader import Malformed, Unsupported, read_module
from .validator import FUNCTION_RLIMIT, QUERY_RLIMIT, Status, Verdict

WITNESS_SECONDS: Final = 2.0
"""Wall time for the search of a witness, once something is not proven."""

WITNESS_CALLS: Final = 4_000
"""Calls in the search of a witness."""

SEED: Final = 2024
"""Seed of the search, so that it finds the same from run to run."""


@dataclass(frozen=True, slots=True)
class ModuleVerdict:
    """What is known about two modules.

    ``functions`` holds the verdict of every function whose body differs, by the old index;
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
    entries: tuple[str, ...] | None = None,
    contracts: frozenset[str] = frozenset(),
    smt2: Path | None = None,
) -> ModuleVerdict:
    """Prove that module ``b`` does what ``a`` does, or show that it does not.

    ``rlimit`` and ``query_rlimit`` bound the solver per function and per query; ``deadline`` is a
    ``time.monotonic()`` value after which functions stay unknown. Both modules should be valid.
    ``entries`` and ``contracts`` are as in :class:`~.plan.Step`. ``smt2`` is a folder that gets
    the solver's queries, one file each; raises OSError if that cannot be written.
    """
    if a == b:
        return ModuleVerdict("proven", "equal bytes")
    until = None
    if deadline is not None:
        until = time.perf_counter() + deadline - time.monotonic()
    try:
        step = guess_step(read_side(a), read_side(b), entries)
    except (Malformed, Unsupported, IndexError) as problem:
        reason = str(problem) or "indices out of range"
        return _search(a, b, deadline, reason, (), (reason,))
    step = replace(step, contracts=contracts)
    promised = entries is not None or bool(contracts)
    record = None if smt2 is None else _Queries(smt2).add
    found = certify(
        a, b, step, rlimit=rlimit, query_rlimit=query_rlimit, deadline=until, record=record
    )
    verdicts = tuple((i, v) for i, v in sorted(found.functions.items()) if v is not IDENTICAL)
    if found.status == "proven":
        return ModuleVerdict("proven", found.reason, verdicts, assumptions=found.used)
    violations = () if found.functions else (found.reason,)
    if promised:
        return ModuleVerdict("unknown", found.reason, verdicts, violations)
    return _search(a, b, deadline, found.reason, verdicts, violations)


class _Queries:
    """A folder of numbered queries."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.count = folder, 0

    def add(self, text: str) -> None:
        """Write the next one."""
        self.count += 1
        (self.folder / f"{self.count:05}.smt2").write_text(text)


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
            a, b, seconds=seconds, seed=SEED, calls=WITNESS_CALLS,
            first=_suspects(a, functions), values=_values(a, functions),
        )  # fmt: skip
        if explored.difference is not None:
            return ModuleVerdict(
                "refuted", str(explored.difference), functions, violations, explored.difference
            )
    return ModuleVerdict("unknown", reason, functions, violations)


def _values(a: bytes, functions: tuple[tuple[int, Verdict], ...]) -> list[int]:
    """Integers that the functions without proof are about."""
    open_ = [i for i, verdict in functions if verdict.status != "proven"]
    if not open_:
        return []
    from .witness import constants

    module = read_module(a)
    return constants(module.bodies[i - module.imported_functions] for i in open_)


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
