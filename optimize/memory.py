"""Where a run meets its memory: what is known at the start, and what every visit adds.

Without a cache all of it does nothing but count and keep outcomes.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from .function import Outcome, joined
from .recall import Known, Recall, State
from .run import Run
from .worklist import Batch, batches

__all__ = ["Visit", "hand_over", "remember", "take_back", "unsettled"]

HAND_OVER_SECONDS = 0.5
"""Time after which results are written while the search goes on: what a kill loses at most."""

PATIENCE_SHARE = 0.25
"""Part of what is left of a wall budget that writing may wait for other writers."""

PATIENCE_LEAST = 0.05
"""Seconds it may wait in any case: a writer holds the lock for a few milliseconds."""

FAULT = "fault:"
"""Beginning of the reason of a function on which we failed: another run may not."""


def remember(run: Run) -> Sequence[int]:
    """Take what is known from earlier runs; gives the functions for which there is work to do."""
    ranked = run.work.ranked
    run.recall = recall = Recall.prepare(run.module, run.names, run.options)
    if recall is None:
        return ranked
    if run.options.counted:
        work = batches(run.module, ranked)
        return ranked if len(recall.batches(work)) < len(work) else ()
    run.known = recall.functions(ranked)
    run.outcomes = {index: known.outcome for index, known in run.known.items()}
    run.recalled = len(run.outcomes)
    settled = {index for index, known in run.known.items() if known.state is State.SETTLED}
    return [index for index in ranked if index not in settled]


def unsettled(run: Run, beyond: Collection[int] = ()) -> tuple[int, ...]:
    """Functions that are still to be taken through everything.

    Those without a visit first, in their order; then those that were only written anew, the
    smallest first: what is left to gain comes at 38 bytes a second in functions below 60 bytes, at
    27 in those below 400, at 4 in large ones (sql.js). Last those that are `beyond` the time.
    """
    found: list[tuple[int, int, int]] = []
    for position, index in enumerate(run.work.ranked):
        known = run.known.get(index)
        if known is None:
            found.append((len(State) if index in beyond else -1, position, index))
        elif known.state is not State.SETTLED:
            found.append((known.state, known.outcome.record.bytes_before, index))
    return tuple(index for _, _, index in sorted(found))


def hand_over(run: Run) -> None:
    """Write to the cache what was noted so far."""
    if run.recall is None:
        return
    left = run.clock.left()
    run.recall.flush(None if left is None else max(PATIENCE_LEAST, left * PATIENCE_SHARE))
    if run.recall.warning and run.recall.warning not in run.report.warnings:
        run.report.warnings = (*run.report.warnings, run.recall.warning)


def take_back(run: Run, indices: Sequence[int]) -> None:
    """Correct what was noted about functions that got their original back."""
    if run.recall is None or run.options.counted:
        return
    for index in indices:
        run.recall.note(index, Known(run.outcomes[index], State.SETTLED))
    hand_over(run)


class Visit:
    """One visit to some functions, in batches: what is known is taken, `waiting` is to be done.

    `reached` counts the functions with a result, or lost with a worker.
    """

    def __init__(self, run: Run, work: Sequence[Batch]) -> None:
        self.run = run
        self.reached = 0
        self._batch = {item[0]: batch for batch in work for item in batch.functions}
        self._parts: dict[Batch, dict[int, Outcome]] = {batch: {} for batch in work}
        self._written = time.monotonic()
        known: dict[Batch, tuple[Outcome, ...]] = {}
        if run.recall is not None and run.options.counted:
            known = run.recall.batches(work)
        for outcomes in known.values():
            for outcome in outcomes:
                self._store(outcome)
            run.recalled += len(outcomes)
        self.waiting = [batch for batch in work if batch not in known]

    def take(self, outcome: Outcome) -> None:
        """Take the result of one function."""
        index = outcome.record.index
        before = self._store(outcome)
        recall = self.run.recall
        faulty = outcome.record.reason.startswith(FAULT)
        if self.run.options.counted:
            if recall is not None and not faulty:
                batch = self._batch[index]
                parts = self._parts[batch]
                parts[index] = outcome
                if len(parts) == len(batch.functions):
                    recall.note_batch(batch, [parts[index] for index, _ in batch.functions])
        else:
            total = self.run.outcomes[index]
            known = (before or Known(total, State.PLAIN)).next(
                total,
                changed=outcome.body is not None,
                plain=self._batch[index].plain,
                cut=outcome.cut,
            )
            self.run.known[index] = known
            if recall is not None and not faulty:
                recall.note(index, known)
        now = time.monotonic()
        if recall is not None and now - self._written > HAND_OVER_SECONDS:
            self._written = now
            hand_over(self.run)

    def lose(self, index: int, reason: str) -> None:
        """Note that a worker ended before it had a result for this function."""
        self.reached += 1
        if index not in self.run.outcomes:
            self.run.lost[index] = reason

    def _store(self, outcome: Outcome) -> Known | None:
        """Join the outcome with the one of earlier visits; gives what was known before."""
        self.reached += 1
        index = outcome.record.index
        outcomes = self.run.outcomes
        earlier = outcomes.get(index)
        outcomes[index] = outcome if earlier is None else joined(earlier, outcome)
        return self.run.known.get(index)
