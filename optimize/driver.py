"""The way of one module: read, search, assemble, check, report.

The stages are functions of one signature in a tuple; each takes the run further or ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .budget import Clock
from .describe import describe
from .errors import FuseBlown, InputError, OutputError
from .function import kept
from .options import Options
from .report import Report
from .run import Progress, Result, Run, Stage
from .worklist import batches, worklist

if TYPE_CHECKING:
    from .search import Search

__all__ = ["STAGES", "optimize"]

BYTES_PER_WORKER = 3_000
"""Bytes of bodies from which one more worker pays: loading the engine costs as much as optimizing
about this much code."""

REPEATS = 8
"""Times a function is taken through everything again after a change: so that optimizing twice
finds nothing that optimizing once did not. Hardly any function takes more than four."""

PATIENCE = 6.0
"""How much longer proofs may take when everything else is done and time is left."""

DEADLINE = "deadline"
"""The validator's reason for a proof that took too long."""


def optimize(
    module: bytes,
    *,
    options: Options | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Result:
    """Optimize a module, or the core modules of a component, in the binary format.

    `progress` is called after every function; `stop` is asked often, and once it says yes the best
    output so far is finished and returned, with `report.interrupted` set.

    Raises InputError for bytes that are no valid module, OutputError if the finished module fails
    its last checks, FuseBlown if time runs out under counted budgets, RuleError and CostError for
    faulty user files.
    """
    from ..wasm.module import is_component

    options = options or Options()
    if is_component(module):
        from .component import optimize_component

        return optimize_component(
            module,
            options,
            lambda part, inner, tell: optimize(part, options=inner, progress=tell, stop=stop),
            progress,
        )
    began = time.monotonic()
    start = options.started if options.started is not None else began
    run = Run(
        data=module,
        options=options,
        clock=Clock(start, options.seconds),
        progress=progress,
        stop=stop or _never,
        report=Report(),
        output=module,
    )
    try:
        for stage in STAGES:
            if run.done and stage is not describe:
                continue
            at = time.perf_counter()
            stage(run)
            run.report.phases[stage.__name__] = time.perf_counter() - at
    finally:
        if run.pool is not None:
            run.pool.kill()
    run.report.seconds = run.clock.elapsed()
    return Result(run.output, run.report)


def read(run: Run) -> None:
    """Parse the input far enough to know its functions."""
    from ..wasm.custom import is_relocatable
    from ..wasm.errors import WasmError
    from ..wasm.module import Module
    from ..wasm.names import function_names

    try:
        run.module = Module.parse(run.data)
        run.names = function_names(run.module)
    except WasmError as error:
        raise InputError(error.message, error.offset) from None
    if is_relocatable(run.module):
        run.report.unchanged_reason = (
            "a relocatable object: the linker would read stale relocations"
        )
        run.done = True


def plan(run: Run) -> None:
    """Decide what to look at and start the workers: they load the engine meanwhile."""
    from .memory import remember
    from .workers import Pool, can_fork

    options = run.options
    run.work = worklist(run.module, run.names, options.only, options.skip)
    if options.pin is not None or options.replay is not None:
        from .byhand import set_aside

        set_aside(run)
    todo = remember(run)
    if not todo:
        return
    searcher = _searcher(run)
    count = min(options.jobs, len(todo), 1 + _code_size(run, todo) // BYTES_PER_WORKER)
    if count and can_fork():
        run.pool = Pool(
            count,
            lambda: searcher.run,
            lambda outcome: outcome.record.index,
            lambda data: searcher.retarget(data),
        )


def _searcher(run: Run) -> Search:
    """The search; made when it is first needed, since it reads all rules."""
    from .search import Search

    if run.search is None:
        data = run.module.data
        run.search = Search.prepare(data, run.module, run.names, run.options, _search_end(run))
    return run.search


def _code_size(run: Run, functions: Sequence[int]) -> int:
    """Bytes of the bodies of these functions."""
    return sum(len(run.module.body_bytes(index)) for index in functions)


def validate(run: Run) -> None:
    """Let wasmtime judge the input before anything is made of it."""
    from ..wasm.errors import WasmError
    from ..wasm.validate import validate as wasmtime_validate

    try:
        wasmtime_validate(run.data)
    except WasmError as error:
        raise InputError(error.message, error.offset) from None


def by_hand(run: Run) -> None:
    """Prove what was chosen by hand or found by an earlier run."""
    if run.by_hand is not None:
        from .byhand import by_hand as prove

        prove(run)


def improve(run: Run) -> None:
    """Change the module as a whole and its functions, in turns, until done or out of budget."""
    from .rounds import take_turns

    if run.options.only or run.options.skip or run.by_hand is not None:
        search(run)
    else:
        take_turns(run, search)
    if run.pool is not None:
        run.pool.kill()
        run.pool = None
    run.report.interrupted = run.stop()


def search(run: Run) -> None:
    """Optimize the functions on the work list, best first, until done or out of budget.

    Where there is too much to do for the time, functions of which nothing is known are only written
    anew at first; where it may become too much, only those that steps left in need of it.
    """
    from .memory import hand_over, unsettled

    plain, beyond = _plain_first(run)
    if not plain or _visit(run, plain, {}, plain=True):
        _rounds(run, unsettled(run, beyond))
    hand_over(run)


def _plain_first(run: Run) -> tuple[tuple[int, ...], frozenset[int]]:
    """Functions that are only written anew at first, and those that even this is too long for."""
    from .search import AMPLE, PLAIN_SPEED, too_much

    fresh = tuple(index for index in run.work.ranked if index not in run.outcomes)
    size, end = _code_size(run, fresh), _search_end(run)
    left = None if end is None else max(0.0, end - time.monotonic())
    if left is not None and too_much(size, run.options, left):
        beyond = {i for i in fresh if len(run.module.body_bytes(i)) > PLAIN_SPEED * left}
        # First those that steps changed: what adapters leave behind is worth most.
        pending = frozenset() if run.program is None else run.program.pending
        order = sorted(fresh, key=lambda index: index not in pending)
        return tuple(index for index in order if index not in beyond), frozenset(beyond)
    if run.program is not None and too_much(AMPLE * size, run.options, left):
        return tuple(index for index in fresh if index in run.program.pending), frozenset()
    return (), frozenset()


def _rounds(run: Run, ranked: Sequence[int]) -> None:
    """Take functions through everything; what changed again, until nothing changes.

    In whole rounds, so that neither time nor the number of workers decides what shares an e-graph.
    """
    for _ in range(1 + REPEATS):
        if not ranked:
            _insist(run)
            return
        before = _bodies(run)
        if not _visit(run, ranked, before):
            return
        ranked = tuple(
            index
            for index in ranked
            if index in run.outcomes and run.outcomes[index].body != before.get(index)
        )


def _bodies(run: Run) -> dict[int, bytes]:
    """What functions have by now, where it is not their original."""
    return {index: found.body for index, found in run.outcomes.items() if found.body is not None}


def _insist(run: Run) -> None:
    """Spend what is left of a wall budget on the proofs that took too long before."""
    from .recall import State

    if run.options.counted:
        return
    hard = [
        index
        for index in run.work.ranked
        if index in run.outcomes
        and run.outcomes[index].record.reason == DEADLINE
        and run.known[index].state is not State.SETTLED
    ]
    if hard:
        _visit(run, hard, _bodies(run), patience=PATIENCE)


def _visit(
    run: Run,
    ranked: Sequence[int],
    bodies: Mapping[int, bytes],
    plain: bool = False,
    patience: float = 1.0,
) -> bool:
    """Take functions through everything once, or only write them anew; whether all were reached.

    Raises FuseBlown if not, under counted budgets.
    """
    from .memory import Visit
    from .workers import Lost

    visit = Visit(run, batches(run.module, ranked, bodies, plain, patience))
    if not visit.waiting:
        return True
    found = (
        _searcher(run).all(visit.waiting, run.stop)
        if run.pool is None
        else run.pool.run(visit.waiting, deadline=lambda: _search_end(run), stop=run.stop)
    )
    for outcome in found:
        if isinstance(outcome, Lost):
            visit.lose(outcome.index, outcome.reason)
        else:
            visit.take(outcome)
        _tell(run)
    if visit.reached == len(ranked):
        return True
    if run.options.counted and not run.stop():
        left = len(ranked) - visit.reached
        raise FuseBlown(f"the {run.options.seconds:g} s fuse fired with {left} functions left")
    return False


def _tell(run: Run) -> None:
    """Report progress to whoever watches."""
    if run.progress is None:
        return
    records = [outcome.record for outcome in run.outcomes.values()]
    run.progress(
        Progress(
            done=len(run.outcomes) + len(run.lost),
            total=len(run.work.ranked),
            saved=sum(record.bytes_before - record.bytes_after for record in records),
            proven=sum(record.status == "proven" for record in records),
        )
    )


def assemble(run: Run) -> None:
    """Put the proven bodies into the module."""
    from .finish import build, finished

    if run.program is None:
        run.output, warnings = build(run.module, run.outcomes, run.work, run.options)
    else:
        run.output, warnings = finished(run.module, run.data, run.options)
    run.report.warnings = (*run.report.warnings, *warnings)


def certify(run: Run) -> None:
    """Check the finished module once more, as a whole, before anybody sees it."""
    from .finish import check

    if run.output == run.data:
        run.report.differential = "not run: nothing changed"
        return
    if run.program is not None:
        base, before = run.module.data, _used_part(run)
        promised = run.program.promised()
        options = replace(run.options, differential=False) if promised else run.options
        run.report.differential = check(base, run.output, options, run.clock.left(), before)
        if promised:
            run.report.differential = f"not run: {promised} changes what a host can see"
        return
    try:
        run.report.differential = check(run.data, run.output, run.options, run.clock.left())
    except OutputError as error:
        if error.kind != "validation" or not _without_invalid(run):
            raise
        run.report.differential = check(run.data, run.output, run.options, run.clock.left())


def _used_part(run: Run) -> bytes:
    """The input with those exports alone that are ever used."""
    exports = None if run.program is None else run.program.exports
    if exports is None:
        return run.data
    from ..wasm.indices import Changes, Indices
    from ..wasm.module import Module
    from ..wasm.renumber import renumber

    module = Module.parse(run.data)
    return renumber(module, Indices.same(module), Changes(exports=exports)).data


def _without_invalid(run: Run) -> bool:
    """Give functions with an invalid new body their original back; whether there were any."""
    from .finish import invalid_bodies
    from .memory import take_back

    faulty = invalid_bodies(run.module, run.outcomes)
    for index in faulty:
        run.outcomes[index] = kept(run.outcomes[index], "fault: the emitted body is not valid")
    take_back(run, faulty)
    run.report.warnings = tuple(
        f"function {index}: the emitted body is not valid, the original stays" for index in faulty
    )
    if faulty:
        assemble(run)
    return bool(faulty)


STAGES: tuple[Stage, ...] = (read, plan, validate, by_hand, improve, assemble, certify, describe)


def _search_end(run: Run) -> float | None:
    return run.clock.search_end(len(run.data))


def _never() -> bool:
    return False
