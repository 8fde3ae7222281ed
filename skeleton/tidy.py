"""All changes of the skeleton that need no choice, in the order in which they help each other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from ..ir.demand import simplify
from ..ir.graph import Function
from .adjacent import merge_stores
from .available import Available
from .bulk import expand_bulk
from .cells import Cells, find_cells
from .conditions import decide_conditions
from .dead import drop_dead_stores
from .forward import forward
from .halves import split_copies
from .switch import tests_to_tables

NESTING: Final = 20_000
"""Python frames allowed: constructs nest up to the lowering's limit, a few frames for each."""

ROUNDS: Final = 3
"""Rounds over memory: a store that goes can leave another one dead; chains are short."""

_Change: TypeAlias = "Callable[[Function, Cells, Available], Function]"
_MEMORY: Final[tuple[_Change, ...]] = (split_copies, forward, drop_dead_stores)
_WIDE: Final[tuple[_Change, ...]] = (merge_stores,)
"""Afterwards: what is written wide is harder to see through."""


def tidy(function: Function, minimum: Sequence[int], *, fast: bool = False) -> Function:
    """Return the function with the skeleton tidied, itself if there is nothing to do.

    `minimum` is the minimum size of each memory in bytes; `fast` says that time counts and size
    does not. The old graph stays as it was.
    """
    if sys.getrecursionlimit() < NESTING:
        sys.setrecursionlimit(NESTING)
    function = _simplified(function, expand_bulk(function, most_pieces=4 if fast else 1))
    function = _simplified(function, decide_conditions(function))
    for changes in (_MEMORY, _WIDE):
        for _ in range(ROUNDS):
            before = function
            for change in changes:
                cells = find_cells(function, minimum)
                if cells is None:
                    break
                available = Available(cells).run(function)
                function = _simplified(function, change(function, cells, available))
            if function is before:
                break
    return _simplified(function, tests_to_tables(function)) if fast else function


def _simplified(before: Function, after: Function) -> Function:
    return before if after is before else simplify(after)
