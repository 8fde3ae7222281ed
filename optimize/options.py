"""The options of one run. Its fields are the command line's options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = [
    "DEFAULT_MAX_ITERS",
    "DEFAULT_MAX_NODES",
    "DEFAULT_RLIMIT",
    "NAMED_COSTS",
    "Options",
    "OptionsError",
]

NAMED_COSTS = ("bytes", "fuel", "balanced")

DEFAULT_BUDGET = 2.0
"""Seconds: short enough for a build step, long enough for a module of 100 kB."""

DEFAULT_MAX_ITERS = 12
"""Iterations of saturation a batch gets: after about ten, nothing new is found on C code."""

DEFAULT_MAX_NODES = 40_000
"""E-nodes a batch may grow to beyond what it brought: keeps one batch below about 0.1 s."""

DEFAULT_RLIMIT = 2_000_000
"""Solver units per function: about one second of Z3 on a hard function."""


EXTRACTIONS = ("tree", "local", "exact")
"""Ways to choose terms."""

DEFAULT_EXTRACTION = "local"
"""Shorter than `tree` where time is ample, and as fast where it is not."""


class OptionsError(ValueError):
    """Options that contradict each other or have no meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a module is to be optimized.

    With any of `max_iters`, `max_nodes`, `rlimit` set the run is *counted*: the wall clock decides
    nothing, and the same input gives the same bytes in every run and for every `jobs`. A `budget`
    is then only a fuse, and one that fires is an error.
    """

    cost: str | Path = "balanced"
    """`bytes`, `fuel`, `balanced` (fuel, but never more bytes) or the path of a cost file."""
    budget: float | Literal["auto"] | None = "auto"
    """Seconds of wall time from `started` on, None for no limit; `auto` is two seconds, or no
    limit in a counted run."""
    max_iters: int | None = None
    max_nodes: int | None = None
    rlimit: int | None = None
    extract: str = DEFAULT_EXTRACTION
    """How terms are chosen in the end: `tree` by cheapest trees alone, `local` also one by one by
    their bytes, `exact` also by a solver for small functions (needs the extra `exact`)."""
    assume: tuple[str, ...] = ()
    """Contracts, spelled out (`contracts.parse_contracts`)."""
    entry: tuple[str, ...] = ()
    """Globs over export names."""
    rules: tuple[Path, ...] = ()
    """Files with rules of the user's own, proven before use."""
    without: tuple[str, ...] = ()
    """Globs over names of rules that are not used."""
    only: tuple[str, ...] = ()
    """Globs over function names or indices; empty: all functions."""
    skip: tuple[str, ...] = ()
    jobs: int = 0
    """Worker processes; 0 works in this process, as does a process that cannot fork any more."""
    strip: tuple[str, ...] = ()
    """Globs over names of custom sections to drop."""
    keep: tuple[str, ...] = ()
    """Globs over names of custom sections to keep although `strip` names them."""
    pin: Path | None = None
    """A pin file: these functions are written as was chosen by hand, not searched."""
    replay: Path | None = None
    """The report of an earlier run: its bodies are proven and taken again, nothing is searched."""
    started: float | None = None
    """The time (of `time.monotonic()`) from which the budget counts; None: from the call on."""
    cache: Path | None = None
    """File with results of earlier runs, to be used and added to; None: no memory."""
    keep_imports: bool = False
    """Leave imports there that nothing uses: whoever instantiates the module names them all."""
    differential: bool = True
    """Run input and output side by side at the end; off only in tests of the other checks."""

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if isinstance(self.cost, str) and self.cost not in NAMED_COSTS:
            raise OptionsError(f"unknown cost '{self.cost}' (known: {', '.join(NAMED_COSTS)})")
        if isinstance(self.budget, str):
            if self.budget != "auto":
                raise OptionsError(f"unknown budget '{self.budget}' (seconds, None or 'auto')")
        elif self.budget is not None and not self.budget > 0:
            raise OptionsError("the budget must be more than zero seconds")
        if self.extract not in EXTRACTIONS:
            raise OptionsError(f"unknown way '{self.extract}' (known: {', '.join(EXTRACTIONS)})")
        for name in ("max_iters", "max_nodes", "rlimit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionsError(f"{name.replace('_', '-')} must be at least 1")
        if self.jobs < 0:
            raise OptionsError("jobs must not be negative")

    @property
    def seconds(self) -> float | None:
        """The wall budget: seconds, or None for no limit."""
        if isinstance(self.budget, str):
            return None if self.counted else DEFAULT_BUDGET
        return self.budget

    @property
    def counted(self) -> bool:
        """Whether counters alone decide."""
        return not (self.max_iters is None and self.max_nodes is None and self.rlimit is None)
