"""The middle of a run: steps over the whole module and the search over functions, in turns.

Steps bring constants and bodies together, the search folds them, and what it folds lets further
steps go on, until nothing changes or the budget ends. What a round made worse is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from .errors import OutputError
from .function import Outcome, joined, kept
from .memory import remember
from .modulecost import Key, ModuleCost
from .program import Program
from .refusals import Refusals
from .report import FunctionRecord
from .run import Run
from .worklist import worklist

if TYPE_CHECKING:
    from ..wasm.module import Module

__all__ = ["take_turns"]

FAULT: Final = "fault: the emitted body is not valid"

MEASURE_SPEED = 300_000
"""Bytes of bodies that are measured in a second, on a busy machine."""

MEASURE_SHARE = 0.25
"""Part of the time left that measuring a module may take."""

STEPS_SHARE = 0.5
"""Part of the time left that the steps of one turn may take: what they inline, the search has to
fold."""

CHECK_SHARE = 0.5
"""Part of that which one certificate may take, as a part of the whole budget."""

LARGE_SHARE = 0.1
"""The same where the functions alone are far more than the time allows to search."""

LARGE = 8
"""How many times more: of a module of 50 kB steps make more than the search, of one of 700 kB they
find little and take long."""

ROUNDS = 12
"""Turns of steps and search: chains of adapters come to rest after three or four."""


def take_turns(run: Run, search: Callable[[Run], None]) -> None:
    """Take steps and search functions in turns until nothing changes.

    Where no step was taken, the run looks as the search left it. Else `run.module` is the best
    module found, and `run.program` knows how it came to be.
    """
    program = _program(run)
    meter = _meter(run)
    inlining = True
    best = _State.of(run, program)
    for number in range(ROUNDS):
        whole = program.deadline
        _allot(run, program, first=number == 0)
        stepped = program.settle(inlining)
        program.deadline = whole
        if program.refusals is not None:
            program.refusals.flush(run.clock.left())
        if number and not stepped:
            break
        if stepped:
            if best.key is None:
                # Now: after the search there may be no time for it.
                best.key = _key(run, program, meter, best.module)
            run.program = program
            _retarget(run, program, everything=number == 0)
        search(run)
        _record(run)
        program.module = _folded(run)
        program.pending = frozenset()
        if run.program is None:
            best = _State.of(run, program)
            continue
        key = _key(run, program, meter, program.module)
        if key is None or best.key is None or key < best.key:
            best = _State.of(run, program, key)
        else:
            best.restore(run, program)
            if not inlining:
                break
            # Without inlining: what else there is may pay.
            inlining = False
        if run.stop() or program.late():
            break
    if run.program is not None:
        best.restore(run, program)
        run.module = program.module
        run.origins = program.origins
        run.outcomes = {}
        run.report.warnings += tuple(program.warnings)


def _allot(run: Run, program: Program, *, first: bool) -> None:
    """Give the steps of one turn their part of the time.

    The first turn gets a part of the budget, not of what start-up left of it: later runs with the
    same budget take the same steps, and find what the cache knows about their functions.
    """
    from .search import too_much

    end = program.deadline()
    if end is None:
        return
    now = time.monotonic()
    budget = end - run.clock.start
    left = budget if first else max(0.0, end - now)
    size = sum(stop - start for start, stop in program.module.code)
    share = LARGE_SHARE if too_much(size // LARGE, run.options, budget) else STEPS_SHARE
    program.patience = CHECK_SHARE * share * budget
    program.allowance = share * left
    program.search_seconds = left
    middle = min(now + share * left, end)
    program.deadline = lambda: middle


def _program(run: Run) -> Program:
    options = run.options

    def search_end() -> float | None:
        return None if options.counted else run.clock.search_end(len(run.data))

    program = Program(run.module, options, search_end, refusals=Refusals.prepare(options))
    if options.entry:
        program.exports = frozenset(
            one.name
            for one in run.module.exports
            if any(fnmatchcase(one.name, glob) for glob in options.entry)
        )
    return program


@dataclass(slots=True)
class _State:
    """The module at the end of a round."""

    module: Module
    origins: tuple[int, ...]
    places: tuple[int | None, ...]
    records: dict[int, FunctionRecord]
    taken: int
    changed: frozenset[int]
    key: Key | None = None

    @staticmethod
    def of(run: Run, program: Program, key: Key | None = None) -> _State:
        return _State(
            program.module,
            program.origins,
            program.places,
            dict(run.records),
            program.taken,
            program.changed,
            key,
        )

    def restore(self, run: Run, program: Program) -> None:
        """Go back to this state."""
        program.module = self.module
        program.origins = self.origins
        program.places = self.places
        program.taken = self.taken
        program.changed = self.changed
        program.pending = frozenset()
        run.records = dict(self.records)


def _key(run: Run, program: Program, meter: ModuleCost, module: Module) -> Key | None:
    """What a module costs; None where there is no time to find out.

    The time kept for the finish may be touched: without the figure nobody knows what to write.
    """
    from ..program.view import TooLate, View

    if run.options.cost == "bytes":
        return meter.key(module, ())
    left = None if run.options.counted else run.clock.left()
    if left is not None and len(module.data) / MEASURE_SPEED > MEASURE_SHARE * left:
        return None
    try:
        entries = View(module, program.exports, late=lambda: run.clock.left() == 0).entries
    except TooLate:
        return None
    used = (one for one in module.exports if program.exports is None or one.name in program.exports)
    exported = [one.index for one in used if one.kind == "func"]
    return meter.key(module, (*exported, *(entries - set(exported))))


def _meter(run: Run) -> ModuleCost:
    costs: Mapping[int, float] = {}
    if not isinstance(run.options.cost, str):
        from ..extract import cost_model
        from .search import measure_for

        # Not the search's measure: where everything is known from earlier runs there is no search.
        measure = measure_for(run.options, cost_model(str(run.options.cost)))
        costs = getattr(measure, "costs", {})
    size = sum(one.end - one.start for one in run.module.sections if one.id != 0)
    return ModuleCost(str(run.options.cost), costs, size)


def _retarget(run: Run, program: Program, *, everything: bool) -> None:
    """Turn the search to the module as the steps left it."""
    run.module = program.module
    run.origins = program.origins
    run.outcomes = {}
    run.known = {}
    if run.search is not None:
        run.search.retarget(run.module.data)
    if run.pool is not None:
        run.pool.tell(run.module.data)
    run.work = worklist(run.module, {})
    if not everything:
        ranked = tuple(index for index in run.work.ranked if index in program.pending)
        run.work = replace(run.work, ranked=ranked)
    recalled = run.recalled
    remember(run)
    run.recalled += recalled


def _record(run: Run) -> None:
    """Keep what is known about each function of the input."""
    for index, outcome in run.outcomes.items():
        origin = run.origins[index] if run.origins else index
        known = run.records.get(origin)
        run.records[origin] = outcome.record if known is None else _joined(known, outcome.record)


def _joined(first: FunctionRecord, second: FunctionRecord) -> FunctionRecord:
    """One record for the visits of two rounds."""
    changed = second.status == "proven"
    whole = joined(Outcome(first), Outcome(second, b"" if changed else None)).record
    return replace(whole, status="proven", reason="") if changed else whole


def _folded(run: Run) -> Module:
    """The module that was searched with what the search proved in it.

    Raises OutputError if more than bodies differ from what was searched.
    """
    from ..verify.frame import check_frame
    from ..wasm.errors import WasmError
    from ..wasm.module import Module
    from ..wasm.validate import validate
    from .finish import assembled, invalid_bodies

    if not any(outcome.body is not None for outcome in run.outcomes.values()):
        return run.module
    data = assembled(run.module, run.outcomes, run.work)
    try:
        validate(data)
    except WasmError:
        faulty = invalid_bodies(run.module, run.outcomes)
        for index in faulty:
            run.outcomes[index] = kept(run.outcomes[index], FAULT)
        run.report.warnings += tuple(
            f"function {run.origins[index] if run.origins else index}: "
            "the emitted body is not valid, the original stays"
            for index in faulty
        )
        data = assembled(run.module, run.outcomes, run.work)
        validate(data)
    violations = check_frame(run.module.data, data)
    if violations:
        raise OutputError("frame", f"the output differs elsewhere ({violations[0]})", data)
    return Module.parse(data)
