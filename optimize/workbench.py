"""One function on the bench: its e-graph, its forms, a graph with some of them chosen, proofs.

What the explorer shows and what `--pin` does come from here, so both give the same bytes. The
function has its e-graph to itself and is saturated once: what is chosen stays as it was chosen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .forms import Form, FormError, Forms
from .function import MAX_PROOFS, Candidate
from .options import DEFAULT_MAX_ITERS, DEFAULT_MAX_NODES, DEFAULT_RLIMIT, Options

if TYPE_CHECKING:
    from ..egraph import Engine, Limits, Saturation, Trace
    from ..extract import CostModel
    from ..ir.graph import Function, Value
    from ..rules.book import RuleBook
    from ..verify.trace import Trace as ProofTrace
    from ..verify.validator import Validator, Verdict
    from ..wasm.module import Module
    from .function import Measure

__all__ = ["Bench", "Choice", "Workbench"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The form (`Forms`) that is to stand in the place of what instruction `at` computes."""

    at: int
    form: str


class Workbench:
    """What benches of one module share: rules, engine, cost, validator.

    Raises RuleError and CostError for faulty user files, Malformed for bytes that are no module.
    Native libraries are loaded when they are first needed.
    """

    def __init__(self, module: Module, options: Options) -> None:
        from ..extract import cost_model
        from .measure import choosing
        from .rulebook import book
        from .search import measure_for

        self.module = module
        self.options = options
        model = cost_model(str(options.cost))
        self.model: CostModel = choosing(model)
        self.measure: Measure = measure_for(options, model)
        self.book: RuleBook = book(options.rules, options.without)
        self.minimum = [memory.minimum << memory.page_size_log2 for memory in module.memories]

    @cached_property
    def engine(self) -> Engine:
        """The engine with the rules registered."""
        from ..egraph import Engine

        return Engine(self.book.lines())

    @cached_property
    def tracer(self) -> Engine:
        """An engine that records every match."""
        from ..egraph import Engine

        return Engine(self.book.traced_lines())

    @cached_property
    def validator(self) -> Validator:
        """The validator of the module."""
        from ..verify.validator import Validator

        return Validator(self.module.data)

    def limits(self) -> Limits:
        """Limits of a saturation: counts alone, whatever budget the options give."""
        from ..egraph import Limits

        return Limits(
            self.options.max_iters or DEFAULT_MAX_ITERS, self.options.max_nodes or DEFAULT_MAX_NODES
        )

    def bench(self, index: int) -> Bench:
        """Put a function on the bench. Raises Unsupported if it is beyond the lowering."""
        return Bench(self, index)


class Bench:
    """One function: `graph` as lowered, `origins` of its values, its saturated e-graph."""

    def __init__(self, shared: Workbench, index: int) -> None:
        from ..lowering import lower_with_origins
        from ..wasm.text_folded import local_ids

        self.shared = shared
        self.index = index
        self.body = shared.module.body_bytes(index)
        self.graph: Function
        self.origins: dict[int, Value]
        self.graph, self.origins = lower_with_origins(shared.module, index)
        self.saturation: Saturation = shared.engine.saturate([self.graph], shared.limits())
        self.forms = Forms(self.saturation, 0, self.origins, local_ids(shared.module, index))
        self.rules = tuple(sorted(name for name, hits in self.saturation.hits.items() if hits))

    def forms_at(self, position: int) -> list[Form]:
        """The forms of what an instruction computes. Raises FormError if it computes nothing."""
        return self.forms.forms(self.forms.value_at(position))

    def traced(self) -> tuple[Trace, Saturation]:
        """Saturate the function once more with every match recorded."""
        from ..egraph import Trace

        trace = Trace(self.shared.book.rules)
        saturation = self.shared.tracer.saturate([self.graph], self.shared.limits(), trace)
        return trace, saturation

    def chosen(self, choices: Sequence[Choice]) -> Function:
        """The graph with these choices, all else chosen by cost.

        Raises FormError for a choice that does not fit, with its place.
        """
        from ..extract import PinError, apply, apply_pinned

        shared = self.shared
        if not choices:
            return apply(self.graph, self.saturation, 0, shared.model, shared.minimum)
        pins = {}
        places: dict[int, int] = {}
        for choice in choices:
            try:
                value = self.forms.value_at(choice.at)
                pins[value.id] = self.forms.find(value, choice.form)
            except FormError as error:
                raise FormError(f"instruction {choice.at}: {choice.form}: {error}") from None
            places[value.id] = choice.at
        try:
            return apply_pinned(self.graph, self.saturation, 0, shared.model, pins, shared.minimum)
        except PinError as error:
            at = places.get(error.value)
            form = next((c.form for c in choices if c.at == at), "")
            raise FormError(f"instruction {at}: {form}: {error}") from None

    def extracted(self, saturation: Saturation) -> Function:
        """The graph that is cheapest by another saturation of it."""
        from ..extract import apply

        return apply(self.graph, saturation, 0, self.shared.model, self.shared.minimum)

    def candidates(self, graph: Function) -> list[Candidate]:
        """All ways to write a graph, cheapest first, each body once."""
        from ..lowering import STYLES, Unsupported, emit
        from .search import hints_of

        found: dict[bytes, Candidate] = {}
        for style in STYLES:
            try:
                emission = emit(graph, style)
            except Unsupported:
                continue
            candidate = Candidate(emission.body, (), hints_of(emission), self.rules)
            found.setdefault(emission.body, candidate)
        # `sorted` is stable: equal costs keep the order of the styles.
        return sorted(found.values(), key=lambda one: self.shared.measure.key(one.body))

    def settled(
        self, candidates: Sequence[Candidate], *, seconds: float | None = None, witness: float = 0.0
    ) -> tuple[Candidate, Verdict]:
        """The first candidate that is proven, else the first with what is known about it.

        `candidates` must not be empty; the rest is as for `prove`.
        """
        first: Verdict | None = None
        for candidate in candidates[:MAX_PROOFS]:
            verdict = self.prove(candidate, seconds=seconds)
            if verdict.status == "proven":
                return candidate, verdict
            first = first or verdict
        assert first is not None
        if witness > 0:
            first = self.prove(candidates[0], seconds=seconds, witness=witness)
        return candidates[0], first

    def prove(
        self,
        candidate: Candidate,
        *,
        seconds: float | None = None,
        witness: float = 0.0,
        trace: ProofTrace | None = None,
    ) -> Verdict:
        """Let the validator compare a candidate with the original body.

        `seconds` is a fuse (None: counters alone decide), `witness` how long to look for a call
        that shows a difference if there is no proof. `trace` is filled with the proof's parts.
        """
        return self.shared.validator.check(
            self.index,
            candidate.body,
            candidate.new_types,
            hints=candidate.hints,
            rlimit=self.shared.options.rlimit or DEFAULT_RLIMIT,
            deadline=None if seconds is None else time.perf_counter() + seconds,
            witness_seconds=witness,
            trace=trace,
        )
