"""The validator of one function at a time: original body against new body.

The ladder, cheapest first: equal bytes; one normalised term graph for both bodies, in which most
obligations are settled by being the same term; then the solver (``sweep.py``). Nothing that the
optimizer says is trusted: hints only choose induction hypotheses. Whatever is not modelled makes
the verdict ``unknown``, never ``proven``.

Modelling decisions:

- Traps: whether, and the state that can be seen then; not which trap. Exhaustion of stack and
  fuel are not modelled.
- Floats: an operation is a function of its operands' bits. The specification leaves the bits of a
  NaN result open, so this holds per evaluation only; an optimizer must therefore neither commute
  nor duplicate an operation whose NaN could be seen. Merging two equal ones is fine.
- A call may change all state that either body mentions, may grow memories, and may not return.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Literal

from .context import Context
from .joins import Repeats
from .obligations import Obligation, Obligations, collect
from .promises import escaped
from .reader import (
    FunctionType,
    Instruction,
    Malformed,
    Module,
    Unsupported,
    ValueType,
    read_body,
    read_module,
)
from .relation import Heads, Hints, Relation
from .rotation import rotatable, rotated
from .scan import Scan, TooDeep, scan
from .space import Space, width_of
from .symbolic import Execution, HeadPolicy
from .terms import FALSE, LATE, TRUE, Exhausted, Terms
from .trace import How, Trace

QUERY_RLIMIT: Final = 500_000
"""Solver units per query: about 0.1 s, enough for nearly all local rewrites."""

FUNCTION_RLIMIT: Final = 5_000_000
"""Solver units per function: about one second."""

MAX_INSTRUCTIONS: Final = 60_000
"""Instructions of one body: beyond it the symbolic execution would take seconds."""

MAX_ROUNDS: Final = 6
"""Executions of the new body while guesses about its loops are improved."""

MAX_ONCE: Final = 12
"""Loops of an original that are tried as running once: each that is not costs one more run."""

MAX_SUSPECTS: Final = 8
"""Arguments kept for the search of a witness."""

RECURSION: Final = 60_000
"""Python frames for diagrams as deep as the longest chain of conditions."""

Status = Literal["proven", "refuted", "unknown"]


class SetEscapes(Unsupported):
    """A contract speaks of what stays inside, and something may have gone elsewhere."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Calls in a harness, the last of which shows a difference, and what either body did."""

    function: int
    calls: tuple[tuple[str, tuple[int | float | None, ...]], ...]
    original: str
    new: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one function, how it came about and what it cost."""

    status: Status
    method: str = ""
    reason: str = ""
    queries: int = 0
    rlimit: int = 0
    seconds: float = 0.0
    assumptions: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    suspects: tuple[tuple[int, ...], ...] = ()
    """Arguments, as bit patterns, for which the bodies may differ: where to look for a witness."""


@dataclass(slots=True)
class Body:
    """A decoded body with the facts of its scan."""

    declared: list[ValueType]
    code: list[Instruction]
    scan: Scan


class Validator:
    """Checks new bodies for the functions of one original module.

    Cheap to construct (one pass over the sections); holds no solver state. Raises
    ``Malformed`` if the bytes are not a module.
    """

    def __init__(self, original: bytes) -> None:
        self.bytes = original
        self.module: Module = read_module(original)

    def check(
        self,
        index: int,
        new_body: bytes,
        new_types: Sequence[tuple[Sequence[ValueType], Sequence[ValueType]]] = (),
        *,
        hints: Hints | None = None,
        rlimit: int = FUNCTION_RLIMIT,
        query_rlimit: int = QUERY_RLIMIT,
        deadline: float | None = None,
        witness_seconds: float = 0.0,
        original: bytes | None = None,
        trace: Trace | None = None,
    ) -> Verdict:
        """Whether function ``index`` (function index space) may have the code entry ``new_body``.

        ``new_body`` is locals and code without the size field, as in the code section;
        ``new_types`` are function types appended after the original's. ``rlimit`` and
        ``query_rlimit`` bound the solver in its own units; ``deadline`` is a
        ``time.perf_counter()`` value at which the answer becomes unknown. With
        ``witness_seconds``, what is not proven is run in a harness for that long: a difference
        makes it refuted. ``original`` is the code entry to compare with, if it is not the
        module's: one that was proven equal to it (such a pair is not run in a harness).
        ``trace`` is filled with what was to be shown and how it was.
        """
        started = time.perf_counter()
        module = self.module
        old_body = module.bodies[index - module.imported_functions]
        if original is not None:
            old_body, witness_seconds = original, 0.0
        if new_body == old_body:
            return Verdict("proven", "identical", seconds=time.perf_counter() - started)
        types: list[FunctionType | None] = [
            *module.types,
            *(FunctionType(tuple(p), tuple(r)) for p, r in new_types),
        ]

        def judge() -> Verdict:
            pair = Pair(
                Context(module, types, trace=trace),
                index,
                read(old_body),
                read(new_body),
                hints or Hints(),
            )
            return pair.decide(rlimit, query_rlimit, deadline)

        verdict = guarded(judge)
        if verdict.status == "unknown" and witness_seconds > 0:
            verdict = self._refuted(index, new_body, new_types, verdict, witness_seconds)
        return replace(verdict, seconds=time.perf_counter() - started)

    def _refuted(
        self,
        index: int,
        body: bytes,
        new_types: Sequence[tuple[Sequence[ValueType], Sequence[ValueType]]],
        verdict: Verdict,
        seconds: float,
    ) -> Verdict:
        """Refuted if running both bodies shows a difference, else the verdict as it was."""
        from .machine import from_bits
        from .witness import find_witness

        types = self.module.function_type(index).params
        first = [from_bits(types, one) for one in verdict.suspects]
        found = find_witness(
            self.bytes, index, body, new_types, seconds=seconds, seed=index,
            first=[one for one in first if one is not None],
        )  # fmt: skip
        if found is None:
            return verdict
        counterexample = Counterexample(index, found.calls, found.original, found.output)
        return replace(verdict, status="refuted", reason=str(found), counterexample=counterexample)


def guarded(judge: Callable[[], Verdict]) -> Verdict:
    """A verdict; what the validator cannot do is unknown with a reason."""
    try:
        with deep_recursion():
            return judge()
    except (Unsupported, Exhausted, TooDeep, Malformed) as problem:
        return Verdict("unknown", reason=str(problem))
    except Repeats:
        return Verdict("unknown", reason="a loop repeats only in a normal form")
    except RecursionError:
        return Verdict("unknown", reason="conditions nested too deeply")


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for deep diagrams; calls of Python functions need no C stack since Python 3.11."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Pair:
    """One comparison: both executions and what is left to prove.

    Both bodies name things by the old module's indices, where the function is ``index``.
    ``parameters`` and ``results`` are the positions of its old type that the new one still has,
    ``None`` for all. ``ends`` says when its return ends a task (``promises.py``).
    """

    def __init__(
        self,
        context: Context,
        index: int,
        old: Body,
        new: Body,
        hints: Hints,
        *,
        parameters: Sequence[int] | None = None,
        results: Sequence[int] | None = None,
        ends: str | None = None,
    ) -> None:
        self.ends = ends
        self.index = index
        self.kind = kind = context.module.function_type(index)
        self.old, self.new = old, new
        self.parameters, self.results = parameters, results
        self.space = Space(context, [self.old.scan, self.new.scan])
        self.given = given_parameters(self.space, kind, index)
        self.hints = hints
        self.collected = Obligations(self.space)
        self.loops = 0

    @property
    def terms(self) -> Terms:
        """The shared term store."""
        return self.space.terms

    def decide(self, rlimit: int, query_rlimit: int, deadline: float | None) -> Verdict:
        """Climb the ladder; if it does not do, with loops that test at their end."""
        verdict = self._climb(rlimit, query_rlimit, deadline)
        if verdict.status == "proven" or not self.hints.loops:
            return verdict
        if deadline is not None and time.perf_counter() > deadline:
            return verdict
        turned = self._turned()
        again = None if turned is None else turned._climb(rlimit, query_rlimit, deadline)
        return verdict if again is None or again.status != "proven" else again

    def _turned(self) -> "Pair | None":
        """The same comparison with those loops rotated that the new body seems to have rotated."""
        old, new = rotatable(self.old.code), rotatable(self.new.code)
        loops = [
            old[hint.original]
            for hint in self.hints.loops
            if hint.original in old and hint.loop not in new
        ]
        if not loops:
            return None
        return Pair(
            self.space.context,
            self.index,
            make_body(self.old.declared, rotated(self.old.code, loops)),
            self.new,
            self.hints,
            parameters=self.parameters,
            results=self.results,
            ends=self.ends,
        )

    def _climb(self, rlimit: int, query_rlimit: int, deadline: float | None) -> Verdict:
        self.terms.deadline = deadline
        problem = self.execute(deadline)
        if self.loops and problem != LATE and (problem is not None or self.collected.open):
            # Perhaps the new body knows what a loop leaves in memory.
            self.space.memory.thorough()
            problem = self.execute(deadline, cells=True)
        if problem is not None:
            return Verdict("unknown", reason=problem)
        obligations = self.collected.open
        if not obligations:
            self._trace({})
            return Verdict("proven", "loops" if self.loops else "normalised")
        from .sweep import Sweep

        sweep = Sweep(self.space, rlimit, query_rlimit, deadline)
        left = sweep.settle(obligations)
        self._trace(sweep.how)
        if left is None:
            method = "sweep" if not sweep.direct else "solver"
            return Verdict("proven", method, queries=sweep.queries, rlimit=sweep.spent)
        return Verdict(
            "unknown",
            reason=left,
            queries=sweep.queries,
            rlimit=sweep.spent,
            suspects=tuple(map(self._arguments, sweep.suspects[:MAX_SUSPECTS])),
        )

    def _trace(self, how: Mapping[Obligation, How]) -> None:
        """Tell who asked for it what was to be shown; ``how`` is about what was open."""
        trace = self.space.context.trace
        if trace is None:
            return
        trace.invariants = self.collected.invariants
        for o in self.collected.open:
            reached = how.get(o, "not reached")
            trace.claim(self.terms, o.about, reached, o.condition, o.original, o.new)
        for o in self.collected.settled:
            trace.claim(self.terms, o.about, "same term", o.condition, o.original, o.new)

    def _arguments(self, given: dict[int, int]) -> tuple[int, ...]:
        """The arguments among values of symbols; 0 where nothing is said."""
        return tuple(given.get(term, 0) for term in self.given)

    def execute(self, deadline: float | None = None, *, cells: bool = False) -> str | None:
        """Run both bodies and collect the obligations; a reason if they cannot be compared."""
        original = self._original(cells)
        if original.returned is not None and self.results is not None:
            values = original.returned.values
            original.returned.values = [values[i] for i in self.results]
        self.loops = len(original.loops)
        live: dict[int, int] = {}
        if self.new.scan.loops:
            from .liveness import live_at_heads

            live = live_at_heads(self.new.code, self.new.scan)
        relation = Relation(self.space, original, self.hints, live)
        blocks: frozenset[int] = frozenset()
        if len(self.new.scan.loops) > len(original.loops):
            # Some of them may never repeat, as the new body alone shows.
            kind, given = self._narrowed()
            blocks = execute_original(self.space, kind, self.new, given, once=True).blocks
        never: frozenset[int] = frozenset()
        best: Obligations | None = None
        for _ in range(MAX_ROUNDS):
            if deadline is not None and time.perf_counter() > deadline:
                return LATE
            run = self._run(self.new, relation.head, blocks, new=True)
            relation.restart(run)
            try:
                run.run()
            except Repeats as loop:
                # It looked like a block under a guess that has changed since.
                blocks -= {loop.ordinal}
                never |= {loop.ordinal}
                continue
            unrepeated = _unrepeated(run) - never
            if unrepeated:
                blocks |= unrepeated
                continue
            if escaped(original) or escaped(run):
                raise SetEscapes("a waitable set that is dropped goes elsewhere")
            found = collect(self.space, original, run, relation, self.ends)
            for claim in run.claims:
                found.equal(*claim)
            for happening, condition in run.calls.items():
                # A call that the original does not make could be one that never comes back.
                made = original.calls.get(happening, FALSE)
                found.equal("call without counterpart", condition, made, TRUE)
            if found.impossible is not None:
                return found.impossible
            if best is None or len(found.open) < len(best.open):
                best = found
            if not found.open or not relation.improve():
                break
        if best is None:
            return "no relation between the loops found"
        self.collected = best
        return None

    def _original(self, cells: bool) -> Execution:
        fewer = len(self.new.scan.loops) < len(self.old.scan.loops)
        return execute_original(
            self.space, self.kind, self.old, self.given, cells=cells, once=fewer
        )

    def _run(
        self, body: Body, head: HeadPolicy, blocks: frozenset[int], *, new: bool = False
    ) -> Execution:
        kind, given = self._narrowed() if new else (self.kind, self.given)
        return Execution(self.space, kind, body.declared, body.code, body.scan, head, blocks, given)

    def _narrowed(self) -> tuple[FunctionType, list[int]]:
        """Type and parameters of the new function."""
        given = self.given
        if self.parameters is not None:
            given = [given[i] for i in self.parameters]
        return narrowed(self.kind, self.parameters, self.results), given


def narrowed(
    kind: FunctionType, parameters: Sequence[int] | None, results: Sequence[int] | None
) -> FunctionType:
    """A function type with only these positions, in this order."""
    params, values = kind.params, kind.results
    if parameters is not None:
        params = tuple(params[i] for i in parameters)
    if results is not None:
        values = tuple(values[i] for i in results)
    return FunctionType(params, values)


def given_parameters(space: Space, kind: FunctionType, index: int) -> list[int]:
    """The terms of a function's parameters on entry."""
    found = []
    for i, type_ in enumerate(kind.params):
        constant = space.context.argument(index, i)
        width = width_of(type_)
        if constant is None:
            found.append(space.terms.variable(width, "local", i))
        else:
            found.append(space.terms.constant(constant, width))
    return found


def execute_original(
    space: Space,
    kind: FunctionType,
    body: Body,
    given: Sequence[int],
    *,
    cells: bool = False,
    once: bool = False,
) -> Execution:
    """Execute a body by itself; loops that never repeat count as blocks.

    With ``once`` each loop is first taken for one that runs once from its entry: that is exact
    until a branch to its head turns out to be possible.
    """
    blocks: frozenset[int] = frozenset()
    if once and len(body.scan.loops) <= MAX_ONCE:
        blocks = frozenset(ordinal for ordinal, _ in body.scan.loops.values())
    never: frozenset[int] = frozenset()
    heads = Heads(space, cells=cells)
    while True:
        run = Execution(space, kind, body.declared, body.code, body.scan, heads, blocks, given)
        try:
            run.run()
        except Repeats as loop:
            blocks -= {loop.ordinal}
            never |= {loop.ordinal}
            continue
        unrepeated = _unrepeated(run) - never
        blocks |= unrepeated
        if not unrepeated and not heads.learn(run):
            return run


def _unrepeated(run: Execution) -> frozenset[int]:
    """Loops whose back edge cannot be taken."""
    return frozenset(
        loop.ordinal for loop in run.loops if loop.back is None or loop.back.condition == FALSE
    )


def read(body: bytes) -> Body:
    """Decode a body. Raises Malformed or Unsupported."""
    return make_body(*read_body(body))


def make_body(declared: list[ValueType], code: list[Instruction]) -> Body:
    """Scan decoded code. Raises Unsupported if it is too long."""
    if len(code) > MAX_INSTRUCTIONS:
        raise Unsupported(f"more than {MAX_INSTRUCTIONS} instructions")
    return Body(declared, code, scan(code))
