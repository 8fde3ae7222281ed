"""The choice of a term for every value of a function: the cheapest that is valid there.

A member of a class may stand at a use only if its leaves are values of this function that are
visible at the use (`search.visible`). The choice for a value is made at the point where it is
first needed, whose block dominates all its uses, between its own term, the terms of its class
over what was decided before, and a value of the class that is there already. A value that is
there costs what reading a local costs, and more if the original program no longer needs it there
(it then takes a local of its own, often a copy in each round of a loop). Operands that are not
there cost their cheapest tree (Knuth, "A generalization of Dijkstra's algorithm", 1977; see
`search.Costs`).

Values are decided operands first and use what was decided before them, or new terms whose
operands are cheaper still: choices are never circular.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..egraph import ENode, Saturation, is_term
from ..ir.graph import PHI, Imm, ValType, Value
from ..wasm.opcodes import OPCODES
from .bounds import LOAD_SIZES
from .cost import CostModel
from .liveness import lifetimes
from .search import INFINITE, Costs, Item, Point, visible

NO_PINS: Final[Mapping[int, Item | None]] = {}

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
        classes: id of each value made for the function -> its class.
    """

    replace: dict[int, Value] = field(default_factory=dict)
    drop: set[int] = field(default_factory=set)
    truth: dict[int, int] = field(default_factory=dict)
    exact: dict[int, int] = field(default_factory=dict)
    classes: dict[int, int] = field(default_factory=dict)

    def resolved(self, value: Value) -> Value:
        """What stands in the place of a value."""
        while (other := self.replace.get(value.id)) is not None:
            value = other
        return value


def choose(
    saturation: Saturation,
    ordinal: int,
    model: CostModel,
    minimum: Sequence[int] = (),
    pins: Mapping[int, Item | None] = NO_PINS,
    held: Collection[int] = (),
) -> Plan:
    """Choose terms for function number `ordinal` of a batch.

    `minimum` is the minimum size of each memory in bytes, for proofs that a load is in bounds.
    `pins` says for the ids of some values what to choose, None for the constant that it is; `held`
    are ids of values that keep their own term. Raises `PinError` for a pin that is not valid.
    """
    return choose_by(Costs(saturation, ordinal, model, minimum), pins, held)


def choose_by(
    costs: Costs, pins: Mapping[int, Item | None] = NO_PINS, held: Collection[int] = ()
) -> Plan:
    """Choose terms as `choose` does, by costs that are there already and stay as they are."""
    chooser = _Chooser(costs)
    chooser.pins, chooser.held = pins, held
    return chooser.run()


class PinError(Exception):
    """What somebody chose cannot stand where they want it; the message says why."""

    def __init__(self, value: int, message: str) -> None:
        """Remember the id of the value."""
        super().__init__(message)
        self.value = value


class _Missing(Exception):
    """The cheapest tree needs the result of an anchor that was dropped."""


class _Chooser:
    """Decides value by value, operands before users."""

    def __init__(self, costs: Costs) -> None:
        self.saturation = costs.saturation
        self.function = costs.function
        self.costs = costs
        self.model = costs.model
        self.classes = costs.classes
        self.points = costs.points
        self.lifetimes = lifetimes(self.function, costs.values)
        self.plan = Plan()
        self.present: dict[int, list[Value]] = {}
        """Values of each class that were decided so far; nothing else may be used."""
        self.inline: dict[int, int] = {}
        """Value id to the cost of computing it where it is used."""
        self.made: dict[tuple[int, int, int], Value] = {}
        self.made_constants: dict[int, Value] = {}
        self.time = 0
        self.pins: Mapping[int, Item | None] = NO_PINS
        self.held: Collection[int] = ()

    def run(self) -> Plan:
        """Decide on every value, and collect what is known of conditions."""
        for value in self.costs.values:
            self.time = self.lifetimes.birth.get(value.id, 0)
            if value.id in self.pins:
                self._pinned(value, self.pins[value.id])
            elif value.id in self.held:
                self.present.setdefault(self.classes[value.id], []).append(value)
            else:
                self._decide(value)
            self._condition(value)
        return self.plan

    def _decide(self, value: Value) -> None:
        """Choose what stands for a value."""
        number = self.classes[value.id]
        anchor = value.anchor
        if number in self.costs.constants:
            if value.op < 0 or value.args:
                self._replace(value, self._constant(number))
            return
        removable = anchor is not None and anchor.id in self.costs.removable
        if anchor is not None and removable and value.id not in self.lifetimes.uses:
            self.plan.drop.add(anchor.id)
            return
        # The result of an anchor that stays in any case is best used; without operands there is
        # nothing to save.
        if (
            removable
            or value.op == PHI
            or value.args
            or (anchor is not None and not anchor.effect.traps)
        ):
            other = self._better(value, number)
            if other is not None:
                self._replace(value, other)
                return
        else:
            self.inline[value.id] = self.model.leaf
        self.present.setdefault(number, []).append(value)

    def _replace(self, value: Value, other: Value) -> None:
        self.plan.replace[value.id] = other
        if value.anchor is not None and value.anchor.id in self.costs.removable:
            self.plan.drop.add(value.anchor.id)

    def _better(self, value: Value, number: int) -> Value | None:
        """Return what is cheaper than the value's own term or leaf, None to keep it."""
        point = self.points[value.id]
        least = self._own_cost(value)
        chosen: Value | ENode | None = None
        for other in self.present.get(number, ()):
            if visible(self.points[other.id], point):
                cost = self._use(other, value)
                # What is there already wins ties over an anchor or copies at edges.
                if cost < least or (cost == least and chosen is None and value.op < 0):
                    least, chosen = cost, other
        own_term = self.costs.node_of(value) if value.op >= 0 else None
        for own, args, item in self.costs.entries[number]:
            if isinstance(item, Value) or item == own_term:
                continue
            cost = own
            for arg in args:
                cost += self._operand_cost(arg, point, value)
                if cost >= least:
                    break
            else:
                least, chosen = cost, item
        if chosen is None:
            self.inline[value.id] = least
            return None
        if isinstance(chosen, Value):
            return chosen
        try:
            return self._make(chosen, point, value, least)
        except _Missing:
            return None

    def _make(self, item: ENode, point: Point, value: Value, cost: int) -> Value:
        """Return a new value for an operation of the class of `value`, to use in its place."""
        made = self._build(item, point, value)
        self.plan.classes[made.id] = self.classes[value.id]
        self.inline[made.id] = cost
        self.lifetimes.birth[made.id] = self.time
        self.lifetimes.last[made.id] = self.lifetimes.last.get(value.id, -1)
        self.lifetimes.uses[made.id] = self.lifetimes.uses.get(value.id, 1)
        self.present.setdefault(self.classes[value.id], []).append(made)
        return made

    def _pinned(self, value: Value, item: Item | None) -> None:
        """Put what somebody chose in the place of a value. Raises `PinError`."""
        number = self.classes[value.id]
        if item is None:
            if number not in self.costs.constants:
                raise PinError(value.id, "it is not a constant")
            self._replace(value, self._constant(number))
            return
        if item is value or item == self.costs.node_of(value):
            self.present.setdefault(number, []).append(value)
            return
        point = self.points[value.id]
        if isinstance(item, Value):
            there = self.present.get(number, ())
            if not any(one is item for one in there) or not visible(self.points[item.id], point):
                raise PinError(value.id, "that value is not available there")
            self._replace(value, item)
            return
        entries = [e for e in self.costs.entries.get(number, ()) if e[2] == item]
        if not entries:
            raise PinError(value.id, "that form may trap where the original does not")
        cost = self.costs.total(entries[0], point)
        if cost >= INFINITE:
            raise PinError(value.id, "that form needs a value that is not available there")
        try:
            self._replace(value, self._make(item, point, value, cost))
        except _Missing:
            raise PinError(value.id, "that form needs a value that is gone") from None

    def _own_cost(self, value: Value) -> int:
        """Return what a value costs as it stands."""
        model, anchor = self.model, value.anchor
        if anchor is not None:
            if anchor.id not in self.costs.removable:
                return model.leaf
            own = model.load(anchor.op) if anchor.op in LOAD_SIZES else model.operation(anchor.op)
            own += 1  # an anchor loses ties: a value is free to move
            args: Sequence[Value] = anchor.args
        elif value.op == PHI:
            return model.leaf + model.extension
        elif value.op < 0 or not is_term(value):
            return model.leaf
        else:
            own, args = model.operation(value.op), value.args
        return own + sum([self._use(self.plan.resolved(a), value) for a in args])

    def _use(self, value: Value, user: Value) -> int:
        """Return the cost of using a value that is there, for the value `user`."""
        lives = self.lifetimes
        if value.op >= 0:
            if not value.args:
                return self._constant_cost(value)
            if lives.uses.get(value.id, 0) <= 1:
                if any(self.plan.resolved(a) is value for a in user.args):
                    return self.inline.get(value.id, self.model.leaf)  # nobody else has it
                return self.model.leaf + self.model.extension
        cost = self.model.leaf
        return cost if lives.lives(value.id, self.time) else cost + self.model.extension

    def _constant_cost(self, value: Value) -> int:
        immediate = value.imm[0] if value.imm else None
        if value.op in _CONST_TYPES and isinstance(immediate, int):
            return self.model.constant(value.op, immediate)
        return self.model.leaf

    def _operand_cost(self, number: int, point: Point, user: Value) -> int:
        """Return the cost of a value of a class at a point."""
        constant = self.costs.constants.get(number)
        if constant is not None:
            return self.model.constant(*constant)
        least = self.costs.at(number, point)
        found = INFINITE
        for value in self.present.get(number, ()):
            if visible(self.points[value.id], point):
                found = min(found, self._use(value, user))
        return found if found < INFINITE else least

    def _operand(self, number: int, point: Point, user: Value) -> Value:
        """Return a value of a class, which has a finite cost at the point, to use there."""
        if number in self.costs.constants:
            return self._constant(number)
        least = INFINITE
        found: Value | None = None
        for value in self.present.get(number, ()):
            if visible(self.points[value.id], point):
                cost = self._use(value, user)
                if cost < least:
                    least, found = cost, value
        if found is not None:
            return found
        key = (number, point[0].number, point[1])
        made = self.made.get(key)
        if made is None:
            made = self.made[key] = self._build(self._cheapest(number, point), point, user)
            self.plan.classes[made.id] = number
        return made

    def _cheapest(self, number: int, point: Point) -> ENode:
        """Return the operation of a class that is the root of its cheapest tree at a point."""
        least = self.costs.at(number, point)
        assert least < INFINITE
        for entry in self.costs.entries[number]:
            item = entry[2]
            if not isinstance(item, Value) and self.costs.total(entry, point) <= least:
                return item
        raise _Missing

    def _build(self, item: ENode, point: Point, user: Value) -> Value:
        code, classes = item
        args = tuple([self._operand(c, point, user) for c in classes])
        return self._new(code, args, (), _result_type(code, args), point)

    def _constant(self, number: int) -> Value:
        made = self.made_constants.get(number)
        if made is None:
            code, immediate = self.costs.constants[number]
            made = self._new(code, (), (immediate,), _CONST_TYPES[code], self.costs.entry)
            self.made_constants[number] = made
            self.plan.classes[made.id] = number
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
