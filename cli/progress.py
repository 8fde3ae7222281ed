"""A line of progress on stderr, on a terminal only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..optimize.run import Progress

__all__ = ["show_progress"]

QUIET_SECONDS = 0.4
"""Runs shorter than this show nothing: a bar that flashes by only disturbs."""


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Give the callback that shows how far the run is, or None where nobody is watching.

    rich is imported when there is something to show, and only then.
    """
    if quiet or not _watched():
        yield None
        return
    show = _Bar()
    try:
        yield show.update
    finally:
        show.close()


def _watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"


class _Bar:
    """Functions done, bytes saved, changes proven."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._live: tuple[object, object] | None = None

    def update(self, progress: Progress) -> None:
        """Show the new state."""
        if self._live is None:
            if time.monotonic() - self._began < QUIET_SECONDS:
                return
            self._live = self._open(progress.total)
        from rich.progress import Progress as RichProgress
        from rich.progress import TaskID

        bar, task = self._live
        assert isinstance(bar, RichProgress)
        assert isinstance(task, int)
        bar.update(
            TaskID(task),
            completed=progress.done,
            saved=f"{progress.saved:,} bytes saved",
            proven=f"{progress.proven} proven",
        )

    def close(self) -> None:
        """Take the line away."""
        if self._live is not None:
            from rich.progress import Progress as RichProgress

            bar = self._live[0]
            assert isinstance(bar, RichProgress)
            bar.stop()

    def _open(self, total: int) -> tuple[object, object]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        bar = RichProgress(
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("functions, {task.fields[saved]}, {task.fields[proven]}"),
            console=Console(stderr=True),
            transient=True,
        )
        task = bar.add_task("", total=total, saved="", proven="")
        bar.start()
        return bar, int(task)
