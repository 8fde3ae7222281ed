"""What a worker does with a batch of functions: graph, e-graph, choices, bytes, proofs.

Nothing native is loaded before the first batch, so that a pool can fork first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .function import Candidate, Measure, Outcome, Verdict, improve
from .measure import FuelCost, SizeCost
from .options import DEFAULT_RLIMIT, Options
from .report import FunctionRecord

if TYPE_CHECKING:
    from ..ir.graph import Function
    from ..verify import Validator
    from ..wasm.module import Module

__all__ = ["Search", "measure_for"]

SATURATION_SHARE = 0.3
"""Part of the time left that one batch may spend in the e-graph: proofs need the rest."""


def measure_for(options: Options) -> Measure:
    """The cost that decides, from the options."""
    if options.cost == "bytes":
        return SizeCost()
    return FuelCost(bounded=options.cost != "fuel")


@dataclass(slots=True)
class Search:
    """The searcher of one module, the same in every worker."""

    data: bytes
    module: Module
    names: dict[int, str]
    options: Options
    deadline: float | None
    """When the search has to be over; None under counted budgets."""
    measure: Measure
    validator: Validator | None = None

    @classmethod
    def prepare(
        cls,
        data: bytes,
        module: Module,
        names: dict[int, str],
        options: Options,
        deadline: float | None,
    ) -> Search:
        """Set up without loading anything heavy."""
        return cls(
            data,
            module,
            names,
            options,
            None if options.counted else deadline,
            measure_for(options),
        )

    def all(
        self, batches: Sequence[tuple[int, ...]], stop: Callable[[], bool]
    ) -> Iterator[Outcome]:
        """Work on all batches in this process."""
        for batch in batches:
            for outcome in self.run(batch):
                yield outcome
                if stop():
                    return
            if self._late():
                return

    def run(self, batch: Sequence[int]) -> Iterator[Outcome]:
        """Work on one batch; functions that time does not suffice for are left out."""
        graphs: dict[int, Function] = {}
        began: dict[int, float] = {}
        for index in batch:
            began[index] = time.perf_counter()
            graph = self._lower(index)
            if isinstance(graph, str):
                yield self._skipped(index, graph)
            else:
                graphs[index] = graph
        for index, graph in graphs.items():
            if self._late():
                return
            began[index] = time.perf_counter()
            yield self._improve(index, [(graph, ())], began[index])

    def _lower(self, index: int) -> Function | str:
        """The function's graph, or why there is none."""
        from ..lowering import Unsupported, lower

        try:
            return lower(self.module, index)
        except Unsupported as refusal:
            return str(refusal)

    def _improve(
        self, index: int, graphs: Sequence[tuple[Function, tuple[str, ...]]], began: float
    ) -> Outcome:
        return improve(
            index,
            self.names.get(index, ""),
            self.module.body_bytes(index),
            self._candidates(graphs),
            check=self._check,
            measure=self.measure,
            began=began,
        )

    def _candidates(
        self, graphs: Sequence[tuple[Function, tuple[str, ...]]]
    ) -> Iterator[Candidate]:
        """Every emission of every graph of a function."""
        from ..lowering import STYLES, Unsupported, emit

        for graph, rules in graphs:
            for style in STYLES:
                try:
                    emission = emit(graph, style)
                except Unsupported:
                    continue
                yield Candidate(emission.body, (), emission.hints, rules)

    def _check(self, index: int, candidate: Candidate) -> Verdict:
        """Let the validator judge a candidate."""
        if self.validator is None:
            from ..verify import Validator

            self.validator = Validator(self.data)
        return self.validator.check(
            index,
            candidate.body,
            candidate.new_types,
            hints=candidate.hints,
            rlimit=self.options.rlimit or DEFAULT_RLIMIT,
            deadline=self.deadline,
        )

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
