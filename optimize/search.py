"""What a worker does with a batch of functions: graph, e-graph, choices, bytes, proofs.

Nothing native is loaded before the first batch, so that a pool can fork first.
"""

from __future__ import annotations

import copy
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .function import MAX_PROOFS, NOTHING, Candidate, Measure, Outcome, Verdict, improve
from .measure import USUAL, FuelCost, SizeCost, choosing
from .options import DEFAULT_MAX_ITERS, DEFAULT_MAX_NODES, DEFAULT_RLIMIT, Options
from .report import FunctionRecord
from .worklist import Batch

if TYPE_CHECKING:
    from ..egraph import Engine, Limits, Saturation
    from ..extract import CostModel
    from ..ir.graph import Function
    from ..lowering import Emission
    from ..rules.book import RuleBook
    from ..verify.relation import Hints
    from ..verify.validator import Validator
    from ..wasm.module import Module

__all__ = ["Search", "hints_of", "measure_for", "too_much"]

SATURATION_SHARE = 0.25
"""Part of the time left that one batch may spend in the e-graph: proofs need the rest."""

CHECK_SHARE = 0.08
"""Part of a wall budget that one proof may take: most take a hundredth, and those that take long
hardly ever end well. A closer look at one function may take as long."""

LAST_SHARE = 8
"""Part of a function's solver units, or of the time for one proof, that every further candidate
gets when one has used them up: most that are proven then need next to none."""

CHECK_LEAST = 0.05
"""Seconds one proof may take however small the budget."""

ROUNDS = 2
"""Saturations of one function: what the first changes in the skeleton (branches gone, loads
forwarded) lets a second find more, a third found nothing on the corpus."""


def measure_for(options: Options, model: CostModel | None = None) -> Measure:
    """The cost that decides, from the options; `model` is that of a cost file."""
    if options.cost == "bytes":
        return SizeCost()
    if model is None or isinstance(options.cost, str):
        return FuelCost(bounded=options.cost != "fuel")
    from ..wasm.opcodes import BY_NAME, OPCODES

    costs = {code: float(model.operation(code)) for code in OPCODES}
    for name in ("local.get", "local.set", "local.tee"):
        costs[BY_NAME[name]] = float(model.leaf)
    rounds = USUAL.rounds if model.rounds is None else float(model.rounds)
    return FuelCost(bounded=True, costs=costs, rounds=rounds)


THOROUGH_SPEED = 2_500
"""Bytes of bodies that one worker takes through everything in a second. With more code than the
budget allows at this speed every function is first written anew without the e-graph: that takes a
fifth of the time and brings most of what there is to gain in code that LLVM has optimized."""

PLAIN_SPEED = 10_000
"""Bytes of a large body that one worker writes anew in a second: what takes longer than the time
left would be begun in every run and never be done."""

PLAIN_STYLES = 2
"""Styles of such a first turn: the first two are the smallest one in three times of four."""

PLAIN_PROOFS = 2
"""Candidates that a first turn tries to prove: where ends of ways have become one, a proof may not
be found in time, and the same without that is nearly as small (7 of 18 in sql.js). Equal ends are
merged there only where no way gets longer: more takes longer than it brings where time is short
(Rust modules of 14 to 34 kB at 2 s)."""

MERGED = -1
"""In place of the number of a graph, for candidates in which equal ends are merged."""

ROTATED = 200
"""Bytes of a body up to which loops are rotated: of larger ones the proof takes too long (fannkuch,
1.7 kB: the time of all others)."""

PLAIN_CHECK_SHARE = 0.02
"""Part of a wall budget that a proof of a first turn may take."""

PLAIN_CHECK_PACE = 150e-6
"""Seconds that a proof of a first turn may take for each byte of the body, CHECK_LEAST at least: of
892 proofs in a module of 700 kB ten took longer; what failed in the end took most of the time."""

PLAIN_RLIMIT = 20_000
"""Solver units that a proof of a first turn may take: some milliseconds, for what is nearly equal
already."""


AMPLE = 4
"""Times the code could be searched in the time left where nothing has to come first."""


@dataclass(slots=True)
class _Form:
    """One graph of a function, and the rules that led to it."""

    graph: Function
    rules: tuple[str, ...] = ()


@dataclass(slots=True)
class Search:
    """The searcher of one module, the same in every worker."""

    data: bytes
    module: Module
    names: dict[int, str]
    options: Options
    book: RuleBook | None
    model: CostModel
    measure: Measure
    deadline: float | None
    """When the search has to be over (`time.monotonic()`); None under counted budgets."""
    fuse: float | None
    """When it is ended in any case."""
    minimum: list[int] = field(default_factory=list)
    """Minimum size of each memory in bytes."""
    _cut: bool = False
    """Whether the clock ended something that would have gone on."""
    _engine: Engine | None = None
    _validator: Validator | None = None

    @classmethod
    def prepare(
        cls,
        data: bytes,
        module: Module,
        names: dict[int, str],
        options: Options,
        deadline: float | None,
    ) -> Search:
        """Set up without loading anything native, unless the user's rules have to be proven.

        Raises RuleError and CostError for faulty user files, MissingSolver for `exact` without it.
        """
        from ..extract import cost_model, solver_version
        from .rulebook import book

        if options.extract == "exact":
            solver_version()

        model = cost_model(str(options.cost))
        return cls(
            data=data,
            module=module,
            names=names,
            options=options,
            book=book(options.rules, options.without),
            model=choosing(model),
            measure=measure_for(options, model),
            deadline=None if options.counted else deadline,
            fuse=deadline,
            minimum=_minimum(module),
        )

    def retarget(self, data: bytes) -> None:
        """Go on with another module: what the steps over the whole module made of it."""
        from ..wasm.module import Module

        self.data = data
        self.module = Module.parse(data)
        self.names = {}
        self.minimum = _minimum(self.module)
        self._validator = None

    def all(self, batches: Sequence[Batch], stop: Callable[[], bool]) -> Iterator[Outcome]:
        """Work on all batches in this process."""
        for batch in batches:
            if self.fuse is not None and time.monotonic() > self.fuse:
                return
            for outcome in self.run(batch):
                yield outcome
                if stop():
                    return

    def run(self, batch: Batch) -> Iterator[Outcome]:
        """Work on one batch; functions that time does not suffice for are left out."""
        forms: dict[int, list[_Form]] = {}
        saturated: dict[int, tuple[Saturation, int]] = {}
        bodies: dict[int, bytes] = {}
        self._cut = False
        for index, body in batch.functions:
            bodies[index] = self.module.body_bytes(index) if body is None else body
            graph = self._lower(index, body)
            if isinstance(graph, str):
                yield self._skipped(index, graph)
            else:
                forms[index] = [_Form(graph)]
        self._tidy(forms)
        if not batch.plain:
            saturated = self._saturate(forms)
            self._rotate({i: found for i, found in forms.items() if len(bodies[i]) <= ROTATED})
        unsaturated = self._cut
        for index in forms:
            if self._late():
                return
            self._cut = unsaturated
            try:
                outcome = self._improve(index, bodies[index], forms[index], batch)
                if index in saturated and outcome.record.reason == NOTHING and self._look():
                    found = self._closer(forms[index][-1], *saturated[index], len(bodies[index]))
                    if found is not None:
                        outcome = self._improve(index, bodies[index], [found], batch)
                yield replace(outcome, cut=self._cut)
            except Exception as fault:
                yield self._skipped(index, _fault(fault))

    def _improve(self, index: int, body: bytes, forms: Sequence[_Form], batch: Batch) -> Outcome:
        """Improve one function, which has this body by now."""
        plain = batch.plain
        seconds = self._patience(batch, len(body))
        late = False
        units = PLAIN_RLIMIT if plain else self.options.rlimit or DEFAULT_RLIMIT
        spent = 0

        def check(number: int, candidate: Candidate) -> Verdict:
            nonlocal spent, late
            rlimit = max(units - spent, units // LAST_SHARE)
            limit = seconds / LAST_SHARE if late and seconds is not None else seconds
            verdict = self._check(number, candidate, body, limit, rlimit)
            spent += verdict.rlimit
            late |= verdict.status != "proven" and "deadline" in verdict.reason
            return verdict

        return improve(
            index,
            self.names.get(index, ""),
            body,
            self._candidates(forms, PLAIN_STYLES if plain else None),
            check=check,
            measure=self.measure,
            began=time.perf_counter(),
            proofs=PLAIN_PROOFS if plain else MAX_PROOFS,
        )

    def _look(self) -> bool:
        """Whether to look at a function more closely: nobody else would need the time."""
        if self.options.extract == "tree":
            return False
        if self.deadline is None:
            return True
        size = sum(end - start for start, end in self.module.code)
        return not too_much(AMPLE * size, self.options, self.deadline - time.monotonic())

    def _share_left(self, share: float) -> float:
        """Seconds: this share of a wall budget, but no more than what is left of it."""
        assert self.deadline is not None
        left = self.deadline - time.monotonic()
        if self.options.seconds is not None:
            left = min(left, max(CHECK_LEAST, share * self.options.seconds))
        return left

    def _closer(self, form: _Form, saturation: Saturation, ordinal: int, size: int) -> _Form | None:
        """A form whose terms are chosen by what they cost when they are written down."""
        from ..extract import Choices
        from .closer import closer

        end = None if self.deadline is None else time.monotonic() + self._share_left(CHECK_SHARE)

        def late() -> bool:
            self._cut |= end is not None and time.monotonic() > end
            return self._cut

        choices = Choices(saturation, ordinal, self.model, self.minimum)
        first = None
        if self.options.extract == "exact":
            first = choices.exact(None if end is None else (end - time.monotonic()) / 2)
        graph = closer(choices, self.measure, size, late, first)
        return None if graph is None else _Form(graph, form.rules)

    def _lower(self, index: int, body: bytes | None) -> Function | str:
        """The function's graph, or why there is none."""
        from ..lowering import Unsupported, lower

        module = self.module if body is None else _with_body(self.module, body)
        try:
            return lower(module, index)
        except Unsupported as refusal:
            return str(refusal)
        except Exception as fault:
            return _fault(fault)

    def _tidy(self, forms: dict[int, list[_Form]]) -> None:
        """Add to the forms of each function its last one with a tidied skeleton."""
        from ..skeleton import tidy

        for found in forms.values():
            last = found[-1]
            try:
                graph = tidy(last.graph, self.minimum, fast=self.options.cost == "fuel")
            except Exception as fault:
                _fault(fault)
                continue
            if graph is not last.graph:
                found.append(_Form(graph, last.rules))

    def _rotate(self, forms: dict[int, list[_Form]]) -> None:
        """Add to the forms of each function its last one with loops that test behind a round."""
        from ..ir.demand import simplify
        from ..skeleton import rotate

        if self.options.cost != "fuel":
            return
        for found in forms.values():
            last = found[-1]
            try:
                graph = rotate(last.graph)
                if graph is not last.graph:
                    found.append(_Form(simplify(graph), last.rules))
            except Exception as fault:
                _fault(fault)

    def _saturate(self, forms: dict[int, list[_Form]]) -> dict[int, tuple[Saturation, int]]:
        """Add to the forms of each function what the rules make of its last one.

        Gives the last e-graph that each function was in, and its number there.
        """
        from ..extract import apply

        waiting = list(forms)
        saturated: dict[int, tuple[Saturation, int]] = {}
        for _ in range(ROUNDS):
            if not waiting or self._late():
                break
            graphs = [forms[index][-1].graph for index in waiting]
            try:
                result = self._loaded().saturate(graphs, self._limits())
            except Exception as fault:
                # A batch without rules is no reason to lose its functions: they are emitted.
                _fault(fault)
                break
            self._cut |= result.stopped == "deadline"
            rules = tuple(sorted(name for name, hits in result.hits.items() if hits))
            changed = []
            for ordinal, index in enumerate(waiting):
                saturated[index] = result, ordinal
                try:
                    graph = apply(graphs[ordinal], result, ordinal, self.model, self.minimum)
                except Exception as fault:
                    _fault(fault)
                    continue
                if graph is not graphs[ordinal]:
                    forms[index].append(_Form(graph, rules))
                    changed.append(index)
            self._tidy({index: forms[index] for index in changed})
            waiting = changed
        return saturated

    def _loaded(self) -> Engine:
        """The engine, with the rules registered."""
        if self._engine is None:
            from ..egraph import Engine

            assert self.book is not None
            self._engine = Engine(self.book.lines(), lazy=True)
        return self._engine

    def _limits(self) -> Limits:
        from ..egraph import Limits

        options = self.options
        deadline = None
        if self.deadline is not None:
            now = time.monotonic()
            deadline = now + SATURATION_SHARE * (self.deadline - now)
        return Limits(
            max_iters=options.max_iters or DEFAULT_MAX_ITERS,
            max_nodes=options.max_nodes or DEFAULT_MAX_NODES,
            deadline=deadline,
        )

    def _patience(self, batch: Batch, size: int) -> float | None:
        """Seconds that the proof of a body of so many bytes may take, None for no limit."""
        budget = self.options.seconds
        if budget is None:
            return None
        if batch.plain:
            return max(CHECK_LEAST, min(PLAIN_CHECK_SHARE * budget, PLAIN_CHECK_PACE * size))
        return max(CHECK_LEAST, CHECK_SHARE * batch.patience * budget)

    def _candidates(self, forms: Sequence[_Form], styles: int | None) -> Iterator[Candidate]:
        """The emissions of every graph of a function; the first so many alone in a first turn."""
        from ..lowering import STYLES, emissions

        for number, form in reversed(list(enumerate(forms))):
            for emission in emissions(form.graph, STYLES[:styles], merging=styles is None):
                # Where ends of ways are one, ways meet otherwise whatever the graph.
                kind = MERGED if emission.merged else number
                yield Candidate(emission.body, (), hints_of(emission), form.rules, kind)

    def _check(
        self, index: int, candidate: Candidate, body: bytes, seconds: float | None, rlimit: int
    ) -> Verdict:
        """Let the validator judge a candidate, in so many seconds and solver units.

        Against the body that the function has by now: so a run on the output would decide alike.
        """
        from ..verify.validator import Validator

        if self._validator is None:
            self._validator = Validator(self.data)
        deadline = None
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if seconds is not None:
                left = min(left, seconds)
            # The validator counts on the other clock.
            deadline = time.perf_counter() + left
        verdict = self._validator.check(
            index,
            candidate.body,
            candidate.new_types,
            hints=candidate.hints,
            rlimit=rlimit,
            deadline=deadline,
            original=body,
        )
        # The reason may stand within another one; a proof that ended in time has none.
        self._cut |= verdict.status != "proven" and "deadline" in verdict.reason
        return verdict

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def _skipped(self, index: int, reason: str) -> Outcome:
        size = len(self.module.body_bytes(index))
        return Outcome(
            FunctionRecord(
                index=index,
                name=self.names.get(index, ""),
                status="skipped",
                reason=reason,
                bytes_before=size,
                bytes_after=size,
                cost_before=0,
                cost_after=0,
            )
        )


def _minimum(module: Module) -> list[int]:
    """Minimum size of each memory in bytes."""
    return [memory.minimum << memory.page_size_log2 for memory in module.memories]


def too_much(size: int, options: Options, left: float | None) -> bool:
    """Whether so many bytes of bodies are more than `left` seconds suffice for.

    Never under counted budgets: there no clock decides.
    """
    if left is None or options.counted:
        return False
    return size > THOROUGH_SPEED * left * max(1, options.jobs)


def _fault(fault: Exception) -> str:
    """A fault of ours costs one function and is named in its record; EQSAT_DEBUG shows it."""
    if os.environ.get("EQSAT_DEBUG"):
        traceback.print_exception(fault)
    text = str(fault).splitlines()
    return f"fault: {type(fault).__name__}: {text[0] if text else ''}"[:200]


def hints_of(emission: Emission) -> Hints:
    """What the emission says about its loops, in the validator's words."""
    from ..verify.relation import Hints, LoopHint

    return Hints(
        tuple(
            LoopHint(ordinal, original, places)
            for ordinal, (original, places) in enumerate(emission.hints)
        )
    )


def _with_body(module: Module, body: bytes) -> Module:
    """The module as if all its functions had this body; good for lowering one of them."""
    changed = copy.copy(module)
    changed.data = body
    changed.code = [(0, len(body))] * len(module.code)
    return changed
