"""Time: when the process began, and by when each part of a run has to be done.

Times are seconds of `time.monotonic()`. Under counted budgets nothing in here decides anything.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

__all__ = ["Clock", "process_start"]

SLACK = 1.0
CROWDED = 10.0
"""Seconds, and seconds for each second of CPU time, that the interpreter may have taken to start. A
process that is older was something else before: a shell that did other work, then called `exec`."""

FINISH_SHARE = 0.06
"""Part of the budget kept for the differential run, encoding and writing."""

FINISH_PER_MEGABYTE = 0.03
"""Seconds kept per megabyte of module: writing it out, comparing it section by section with the
input, validating it and hashing it, measured on modules of 0.3 to 14 MB (0.012 there)."""

FINISH_LEAST = 0.06
"""Seconds kept for the finish however small the budget: encoding and writing alone need them."""


def process_start() -> float:
    """When this process began, as a time of `time.monotonic()`.

    Read from the kernel on Linux (so that the interpreter's own start-up counts), else now.
    """
    now = time.monotonic()
    used = time.process_time()
    try:
        with open("/proc/self/stat", "rb") as stat:
            ticks = int(stat.read().rpartition(b")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return now
    return now - age if 0.0 <= age <= SLACK + CROWDED * used else now - used


@dataclass(slots=True)
class Clock:
    """The wall clock of one run: `start` and `seconds` (None: no wall budget)."""

    start: float
    seconds: float | None

    def end(self) -> float | None:
        """When everything has to be over."""
        return None if self.seconds is None else self.start + self.seconds

    def search_end(self, size: int) -> float | None:
        """When the search has to be over, for a module of `size` bytes."""
        if self.seconds is None:
            return None
        keep = FINISH_SHARE * self.seconds + FINISH_PER_MEGABYTE * size / 1e6
        # Half of a tiny budget still goes to the search: else it would find nothing at all.
        return self.start + max(self.seconds - max(keep, FINISH_LEAST), self.seconds / 2)

    def left(self) -> float | None:
        """Seconds until the end, never negative; None without a wall budget."""
        return None if self.seconds is None else max(0.0, self.start + self.seconds - _now())

    def elapsed(self) -> float:
        """Seconds since the start."""
        return _now() - self.start


def _now() -> float:
    return time.monotonic()
