"""All changes of the skeleton that need no choice, in the order in which they help each other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from ..ir.demand import simplify
from ..ir.graph import Function
from .forward import forward

NESTING: Final = 20_000
"""Python frames allowed: constructs nest up to the lowering's limit, a few frames for each."""


def tidy(function: Function, minimum: Sequence[int]) -> Function:
    """Return the function with the skeleton tidied, itself if there is nothing to do.

    `minimum` is the minimum size of each memory in bytes. The old graph stays as it was.
    """
    if sys.getrecursionlimit() < NESTING:
        sys.setrecursionlimit(NESTING)
    changed = forward(function, minimum)
    return function if changed is function else simplify(changed)
