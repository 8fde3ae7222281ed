"""The choice of a term for every value of a function: the cheapest tree that is valid there.

A member of a class may stand at a use only if its leaves are values of this function that are
visible at the use (`search.visible`). The choice for a value is made at the point where it is
first needed, whose block dominates all its uses. Every class first gets its cheapest tree
wherever that is valid (Knuth, "A generalization of Dijkstra's algorithm", 1977, here by
relaxation in operand order); where that is out of sight, the search is repeated with what is
visible. The original term is always among the candidates, and wins ties.

Costs are positive, so a chosen term costs more than its operands at the same point, and what is
already present is at an earlier one: choices are never circular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..egraph import ENode, Saturation
from ..ir.graph import Imm, ValType, Value, operands, walk
from ..wasm.opcodes import OPCODES
from .cost import CostModel
from .search import INFINITE, Costs, Item, Point, visible

_SELECT: Final = 0x1B
_I32: Final = 0x7F
_TYPES: Final = {"i32": 0x7F, "i64": 0x7E, "f32": 0x7D, "f64": 0x7C, "v128": 0x7B}
_CONST_TYPES: Final = {0x41: 0x7F, 0x42: 0x7E, 0x43: 0x7D, 0x44: 0x7C, 0xFD000C: 0x7B}


@dataclass(slots=True)
class Plan:
    """What to change in a function.

    Attributes:
        replace: value id -> the value to use instead, of the old graph or made for it.
        drop: ids of anchors that nothing needs any more and that cannot trap.
        truth: value id -> number that decides it as a condition.
        exact: value id -> the i32 constant that it always is.
    """

    replace: dict[int, Value] = field(default_factory=dict)
    drop: set[int] = field(default_factory=set)
    truth: dict[int, int] = field(default_factory=dict)
    exact: dict[int, int] = field(default_factory=dict)


def choose(
    saturation: Saturation, ordinal: int, model: CostModel, minimum: Sequence[int] = ()
) -> Plan:
    """Choose terms for function number `ordinal` of a batch.

    `minimum` is the minimum size of each memory in bytes, for proofs that a load is in bounds.
    """
    return _Chooser(saturation, ordinal, Costs(saturation, ordinal, model, minimum)).run()


class _Chooser:
    """Decides value by value."""

    def __init__(self, saturation: Saturation, ordinal: int, costs: Costs) -> None:
        self.saturation = saturation
        self.function = saturation.functions[ordinal].function
        self.costs = costs
        self.classes = costs.classes
        self.points = costs.points
        self.plan = Plan()
        self.made_constants: dict[int, Value] = {}

    def run(self) -> Plan:
        """Decide on every value, and collect what is known of conditions."""
        values = self.costs.values
        used = {a.id for value in values for a in value.args}
        for node in walk(self.function.body):
            used.update([v.id for v in operands(node)])
        for value in values:
            if value.anchor is not None:
                self._decide_result(value, used)
            elif value.op < 0 or value.args:
                self._decide(value)
            self._condition(value)
        return self.plan

    def _decide_result(self, value: Value, used: set[int]) -> None:
        """Decide on the result of an anchor."""
        anchor = value.anchor
        assert anchor is not None
        if anchor.id not in self.costs.removable:
            # What stays in any case is best used: only a constant says more.
            if not anchor.effect.traps or self.classes[value.id] in self.costs.constants:
                self._decide(value)
        elif value.id not in used:
            self.plan.drop.add(anchor.id)
        else:
            self._decide(value)
            if value.id in self.plan.replace:
                self.plan.drop.add(anchor.id)

    def _decide(self, value: Value) -> None:
        """Choose what stands for a value."""
        number = self.classes[value.id]
        replace = self.plan.replace
        if number in self.costs.constants:
            replace[value.id] = self._constant(number)
            return
        point = self.points[value.id]
        item = self._pick(number, point, value)
        if item is None:
            return
        if isinstance(item, Value) and item is not value:
            replace[value.id] = item
            return
        present = self._present(number, point)
        if present is not None and present is not value:
            replace[value.id] = present
        elif not isinstance(item, Value) and item != self.costs.node_of(value):
            replace[value.id] = self._build(item, point)

    def _pick(self, number: int, point: Point, value: Value | None) -> Item | None:
        """Return the cheapest candidate at a point, the value's own term if it is one of them."""
        costs = self.costs
        least = costs.at(number, point)
        if least >= INFINITE:
            return None
        own_term = costs.node_of(value) if value is not None and value.op >= 0 else None
        found: Item | None = None
        for entry in costs.entries[number]:
            if costs.total(entry, point) > least:
                continue
            item = entry[2]
            if item is value or item == own_term:
                return item
            if found is None:
                found = item
        return found

    def _present(self, number: int, point: Point) -> Value | None:
        """Return the first value of a class that is there at a point."""
        for value in self.costs.present.get(number, ()):
            if visible(self.points[value.id], point):
                return value
        return None

    def _operand(self, number: int, point: Point) -> Value:
        """Return a value of a class, which has a finite cost at the point, to use there."""
        if number in self.costs.constants:
            return self._constant(number)
        item = self._pick(number, point, None)
        assert item is not None
        if isinstance(item, Value):
            return item
        present = self._present(number, point)
        if present is None:
            present = self._build(item, point)
            self.costs.present.setdefault(number, []).append(present)
        return present

    def _build(self, item: ENode, point: Point) -> Value:
        code, classes = item
        args = tuple([self._operand(c, point) for c in classes])
        return self._new(code, args, (), _result_type(code, args), point)

    def _constant(self, number: int) -> Value:
        made = self.made_constants.get(number)
        if made is None:
            code, immediate = self.costs.constants[number]
            made = self._new(code, (), (immediate,), _CONST_TYPES[code], self.costs.entry)
            self.made_constants[number] = made
        return made

    def _new(
        self, code: int, args: tuple[Value, ...], imm: Imm, type: ValType, point: Point
    ) -> Value:
        made = Value(self.function.fresh_id(), code, args, imm, type, point[0])
        self.points[made.id] = point
        return made

    def _condition(self, value: Value) -> None:
        """Note what decides an i32 as a condition."""
        if value.type != _I32:
            return
        number = self.classes[value.id]
        constant = self.costs.constants.get(number)
        if constant is not None:
            self.plan.exact[value.id] = self.plan.truth[value.id] = constant[1]
            return
        truth = self.saturation.truth(number)
        if truth is not None:
            self.plan.truth[value.id] = truth


def _result_type(code: int, args: tuple[Value, ...]) -> ValType:
    if code == _SELECT:
        return args[0].type
    results = OPCODES[code].results
    assert results is not None
    return _TYPES[results[0]]
