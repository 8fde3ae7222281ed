"""What the stages of one run share, and what goes in and out of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .budget import Clock
from .function import Outcome
from .options import Options
from .report import FunctionRecord, Report
from .worklist import Worklist

if TYPE_CHECKING:
    from ..wasm.module import Module
    from .byhand import ByHand
    from .program import Program
    from .recall import Known, Recall
    from .search import Search
    from .workers import Pool

__all__ = ["Progress", "Result", "Run", "Stage"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: functions done of all, bytes of bodies saved, changes proven."""

    done: int
    total: int
    saved: int
    proven: int


@dataclass(frozen=True, slots=True)
class Result:
    """The better module (the input itself, if nothing was better) and the record of the run."""

    output: bytes
    report: Report


@dataclass(slots=True)
class Run:
    """What the stages of one run share."""

    data: bytes
    options: Options
    clock: Clock
    progress: Callable[[Progress], None] | None
    stop: Callable[[], bool]
    report: Report
    output: bytes = b""
    module: Module = None  # type: ignore[assignment]
    names: dict[int, str] = field(default_factory=dict)
    work: Worklist = field(default_factory=lambda: Worklist((), (), (), ()))
    search: Search | None = None
    pool: Pool[Outcome] | None = None
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    recall: Recall | None = None
    """What earlier runs found out, unless there is no cache."""
    known: dict[int, Known] = field(default_factory=dict)
    """How far the search for each function has come, under a wall budget."""
    recalled: int = 0
    """Functions answered from the cache."""
    lost: dict[int, str] = field(default_factory=dict)
    program: Program | None = None
    """The steps over the whole module, if any was taken."""
    origins: tuple[int, ...] = ()
    """Function -> function of the input, once steps were taken."""
    records: dict[int, FunctionRecord] = field(default_factory=dict)
    """What is known by now about functions of the input."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the rules in use, for the report."""
    by_hand: ByHand | None = None
    """Functions that are not searched."""
    done: bool = False
    """The rest of the stages has nothing to do."""


class Stage(Protocol):
    """One part of the way; the module that a run holds is valid before and after it."""

    @property
    def __name__(self) -> str:
        """The name under which the report gives its time."""
        ...

    def __call__(self, run: Run) -> None:
        """Take the run further."""
        ...
