"""Which functions are looked at, in which order, and in which batches.

All of it depends on the module and the options alone, never on the number of workers or on time:
counted budgets promise the same bytes for every `--jobs`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Batch", "Bodies", "Duplicate", "Worklist", "batches", "selected", "worklist"]

SMALLEST_BODY = 4
"""Bytes of a body below which nothing can be saved: no locals, one instruction, `end`."""

HUGE_BODY = 400
"""Bytes of a body from which it comes last: emission and proof take more than linear time, so a
budget that does not suffice for all is better spent on the others."""

BATCH_BYTES = 4_000
"""Bytes of bodies that share one e-graph: some 10,000 e-nodes, where a push and a pop are cheap
beside the work, and the first results of a worker are not long in coming."""

BATCH_FUNCTIONS = 48
"""Functions in one batch: a killed worker loses at most these."""


class Bodies(Protocol):
    """What the work list needs to know of a module."""

    @property
    def imported_functions(self) -> int:
        """Number of imported functions; they come first in the index space."""
        ...

    @property
    def functions(self) -> Sequence[int]:
        """Type index of every function, imported ones first."""
        ...

    @property
    def code(self) -> Sequence[tuple[int, int]]:
        """Start and end of every body in the module's bytes."""
        ...

    def body_bytes(self, index: int) -> bytes:
        """Bytes of the body of a function of the module's own."""
        ...


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A function whose type and body equal those of an earlier one."""

    index: int
    first: int


@dataclass(frozen=True, slots=True)
class Worklist:
    """Functions to look at, best first, and those that need no look of their own."""

    ranked: tuple[int, ...]
    duplicates: tuple[Duplicate, ...]
    excluded: tuple[int, ...]
    """Left out by `--only` or `--skip`."""
    tiny: tuple[int, ...]
    """Too small for anything to be saved."""


def selected(index: int, name: str | None, only: Sequence[str], skip: Sequence[str]) -> bool:
    """Whether a function is wanted: its name or its index matches `only` and not `skip`."""
    keys = (str(index),) if name is None else (str(index), name)
    if any(fnmatch.fnmatchcase(key, glob) for key in keys for glob in skip):
        return False
    return not only or any(fnmatch.fnmatchcase(key, glob) for key in keys for glob in only)


def worklist(
    module: Bodies,
    names: Mapping[int, str],
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> Worklist:
    """Sort the functions of `module` into those to look at and the rest.

    Ranked by size, the largest first, since gain goes with size; huge ones come last, the
    smallest of them first.
    """
    sizes: dict[int, int] = {}
    duplicates: list[Duplicate] = []
    excluded: list[int] = []
    tiny: list[int] = []
    first: dict[tuple[int, bytes], int] = {}
    filtered = bool(only or skip)
    for offset, (start, end) in enumerate(module.code):
        index = module.imported_functions + offset
        if filtered and not selected(index, names.get(index), only, skip):
            excluded.append(index)
        elif end - start < SMALLEST_BODY:
            tiny.append(index)
        else:
            key = (module.functions[index], module.body_bytes(index))
            known = first.setdefault(key, index)
            if known == index:
                sizes[index] = end - start
            else:
                duplicates.append(Duplicate(index, known))
    ranked = sorted(sizes, key=lambda index: _rank(index, sizes[index]))
    return Worklist(tuple(ranked), tuple(duplicates), tuple(excluded), tuple(tiny))


def _rank(index: int, size: int) -> tuple[bool, int, int]:
    huge = size > HUGE_BODY
    return (huge, size if huge else -size, index)


@dataclass(frozen=True, slots=True)
class Batch:
    """Functions that are worked on together, in one e-graph unless `plain`."""

    functions: tuple[tuple[int, bytes | None], ...] = ()
    """Index, and the body it has by now (None: the original one)."""
    plain: bool = False
    """Whether they are only written anew, without the e-graph."""
    patience: float = 1.0
    """How many times as long as usual a proof may take under a wall budget."""


def batches(
    module: Bodies,
    ranked: Sequence[int],
    bodies: Mapping[int, bytes] | None = None,
    plain: bool = False,
    patience: float = 1.0,
) -> list[Batch]:
    """Cut the ranked functions into batches, in order, none empty.

    `bodies` has the functions that have another body by now.
    """
    found: list[Batch] = []
    batch: list[tuple[int, bytes | None]] = []
    room = BATCH_BYTES
    for index in ranked:
        start, end = module.code[index - module.imported_functions]
        if batch and (end - start > room or len(batch) == BATCH_FUNCTIONS):
            found.append(Batch(tuple(batch), plain, patience))
            batch, room = [], BATCH_BYTES
        batch.append((index, None if bodies is None else bodies.get(index)))
        room -= end - start
    if batch:
        found.append(Batch(tuple(batch), plain, patience))
    return found
