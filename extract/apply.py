"""A function graph with the chosen terms in place of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..egraph import Saturation
from ..ir.demand import simplify
from ..ir.graph import BranchTable, Function, Value, walk
from ..ir.rebuild import Rebuild, constant_i32
from .cost import CostModel
from .tree import Plan, choose


def apply(
    function: Function,
    saturation: Saturation,
    ordinal: int,
    cost: CostModel,
    minimum: Sequence[int] = (),
) -> Function:
    """Return a new graph of `function`, number `ordinal` of the saturated batch.

    Every value is the cheapest valid term of its class by `cost`, branches whose condition is
    known are taken or gone, and anchors that cannot trap and that nothing needs are left out.
    `minimum` is the minimum size of each memory in bytes. The old graph stays as it was.
    """
    assert saturation.functions[ordinal].function is function
    plan = choose(saturation, ordinal, cost, minimum)
    if not plan.replace and not plan.drop and not plan.truth:
        return function
    return rebuilt(function, plan)


def rebuilt(function: Function, plan: Plan) -> Function:
    """Return a new graph of `function` with a plan carried out."""
    return simplify(
        Rebuild(function, plan.replace, plan.drop, condition=_condition(function, plan)).run()
    )


def _condition(function: Function, plan: Plan) -> Callable[[Value], int | None]:
    """Return what is known of a value as a condition; as the index of a table only exactly."""
    indices = {n.index.id for n in walk(function.body) if isinstance(n, BranchTable)}

    def known(value: Value) -> int | None:
        found = plan.exact if value.id in indices else plan.truth
        number = found.get(value.id)
        return number if number is not None else constant_i32(value)

    return known
