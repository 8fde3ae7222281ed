"""A closer look at a function of which nothing is cheaper: other choices, one by one, measured.

Terms that cost the same by any model differ once they are written down: what lies on the stack,
which value needs a local, how long a constant is. So choices that promise to cost no more
(`extract.Choices`) are written down in the style that was best so far, and kept if they are better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from .function import Measure

if TYPE_CHECKING:
    from ..extract import Choices
    from ..extract.search import Item
    from ..ir.graph import Function
    from ..lowering import Style

__all__ = ["closer"]

MOST_TRIED: Final = 48
"""Choices of one function that are measured: fewer than 20 hardly ever meet a better one, and half
of what 200 find is found by then."""

BYTES_TRIED: Final = 48_000
"""Bytes of bodies written for one function: a second on a slow machine."""


def closer(
    choices: Choices,
    measure: Measure,
    size: int,
    late: Callable[[], bool],
    first: Mapping[int, Item | None] | None = None,
) -> Function | None:
    """Return a graph that is better than the cheapest one by trees, None if none is found.

    `size` is that of the body in bytes; `late` is asked before each choice is tried. `first` are
    terms that are tried before, together.
    """
    pins: Mapping[int, Item | None] = {}
    found = choices.graph(pins)
    if found is None:
        return None
    least, style = _least(found, measure)
    better = None
    if first and (found := choices.graph(first)) is not None:
        key, other = _least(found, measure)
        if key < least:
            least, style, pins, better = key, other, first, found
    if style is None:
        return None
    tried: set[object] = set()
    left = min(MOST_TRIED, BYTES_TRIED // max(1, size))
    while left:
        for _, value, term in choices.options(pins):
            if (value, term) in tried:
                continue
            if not left or late():
                return better
            left -= 1
            tried.add((value, term))
            more = {**pins, value: term}
            graph = choices.graph(more)
            if graph is None:
                continue
            key, _ = _least(graph, measure, style)
            if key < least:
                least, pins, better = key, more, graph
                break
        else:
            return better
    return better


def _least(
    graph: Function, measure: Measure, style: Style | None = None
) -> tuple[tuple[float, ...], Style | None]:
    """The cost of a graph in the best of all styles, or in this one, and that style."""
    from ..lowering import STYLES, emissions

    found: tuple[tuple[float, ...], Style | None] = ((float("inf"),), None)
    for one in STYLES if style is None else (style,):
        for emission in emissions(graph, (one,), merging=False):
            key = measure.key(emission.body)
            if key < found[0]:
                found = key, one
    return found
