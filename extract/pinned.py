"""A function graph in which a person has chosen some of the terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..egraph import Saturation
from ..ir.graph import Anchor, Function, Value, operands, walk
from .apply import rebuilt
from .cost import CostModel
from .search import Item
from .tree import PinError, Plan, choose

__all__ = ["PinError", "apply_pinned"]


def apply_pinned(
    function: Function,
    saturation: Saturation,
    ordinal: int,
    cost: CostModel,
    pins: Mapping[int, Item | None],
    minimum: Sequence[int] = (),
) -> Function:
    """Return a new graph as `apply` does, with `pins` (value id to term) in place.

    What uses a pinned value may get another form that does without it; where that leaves a pin
    without effect, all that is computed from pinned values keeps its own form.

    Raises `PinError` for a term that is not valid where it is to stand or that nothing uses.
    """
    plan = choose(saturation, ordinal, cost, minimum, pins)
    if _without_effect(function, plan, pins):
        values = saturation.functions[ordinal].values
        plan = choose(saturation, ordinal, cost, minimum, pins, _above(values, pins))
        for value in _without_effect(function, plan, pins):
            raise PinError(value, "nothing uses it any more")
    return rebuilt(function, plan)


def _above(values: Sequence[Value], pins: Collection[int]) -> set[int]:
    """Return the ids of values computed from pinned ones; `values` come operands first."""
    found: set[int] = set()
    for value in values:
        if any(arg.id in pins or arg.id in found for arg in value.args):
            found.add(value.id)
    return found


def _without_effect(function: Function, plan: Plan, pins: Collection[int]) -> list[int]:
    """Return the pinned values whose term nothing needs."""
    needed: set[int] = set()
    work: list[Value] = []
    for node in walk(function.body):
        if not isinstance(node, Anchor) or node.id not in plan.drop:
            work += operands(node)
    replaced: set[int] = set()
    while work:
        value = work.pop()
        while (other := plan.replace.get(value.id)) is not None:
            replaced.add(value.id)
            value = other
        if value.id not in needed:
            needed.add(value.id)
            work += value.args
    return [value for value in pins if value not in replaced and value not in needed]
