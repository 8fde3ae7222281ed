"""Costs of classes: the cheapest tree of a class, and where in the function it is valid.

A *point* is a block and a time in it: the number of leaves made so far, in program order.
A leaf is visible at a point if its block strictly dominates, or is the same and its time not
later (block parameters are there from the start).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from ..egraph import ENode, Saturation, is_term
from ..ir.blocks import BasicBlock
from ..ir.graph import RESULT, Value
from .bounds import LOAD_SIZES, TRAPPING, cannot_trap, removable_anchors
from .cost import CostModel

INFINITE: Final = 1 << 60
"""Cost of a class that has no valid term."""
MAX_LOCAL_SEARCH: Final = 2_000
"""Classes in one repeated search; a class that needs more keeps its original terms."""

_GLOBAL_GET: Final = 0x23

Point: TypeAlias = "tuple[BasicBlock, int]"
Item: TypeAlias = "Value | ENode"
"""A candidate: a leaf, or an operation on classes."""
Entry: TypeAlias = "tuple[int, tuple[int, ...], Item]"
"""Own cost, classes whose costs are added, candidate."""


def visible(first: Point, second: Point) -> bool:
    """Tell whether what exists at the first point exists at the second."""
    block, other = first[0], second[0]
    if block is other:
        return first[1] <= second[1]
    return block.dominates(other)


class Costs:
    """Candidates and costs of the classes that one function can reach."""

    def __init__(
        self, saturation: Saturation, ordinal: int, model: CostModel, minimum: Sequence[int]
    ) -> None:
        """List candidates and compute costs; `minimum` is each memory's minimum size in bytes."""
        encoded = saturation.functions[ordinal]
        self.saturation = saturation
        self.function = encoded.function
        self.values = encoded.values
        self.classes = saturation.classes[ordinal]
        self.constants = saturation.constants
        self.model = model
        self.removable = removable_anchors(saturation, ordinal, minimum)
        self.entry: Point = (encoded.function.blocks[0], 0)
        self.points = _points(self.values)
        self.present: dict[int, list[Value]] = {}
        """Values of each class, those at dominating points first."""
        for value in sorted(self.values, key=lambda v: (v.block.number, self.points[v.id][1])):
            self.present.setdefault(self.classes[value.id], []).append(value)
        self.entries: dict[int, list[Entry]] = {}
        self._cost: dict[int, int] = {}
        self._need: dict[int, Point | None] = {}
        self._local: dict[tuple[int, int, int], int] = {}
        self._collect()
        self._relax()

    def node_of(self, value: Value) -> ENode:
        """Return a value's own operation on classes."""
        classes = self.classes
        return value.op, tuple([classes[a.id] for a in value.args])

    def at(self, number: int, point: Point) -> int:
        """Return the least cost of a class with the leaves visible at a point."""
        need = self._need.get(number)
        if need is not None and visible(need, point):
            return self._cost[number]
        key = (number, point[0].number, point[1])
        known = self._local.get(key)
        if known is None:
            self._search_at(number, point)
            known = self._local[key]
        return known

    def total(self, entry: Entry, point: Point) -> int:
        """Return the cost of a candidate at a point, `INFINITE` where it is not valid."""
        own, args, item = entry
        if isinstance(item, Value):
            if not visible(self.points[item.id], point):
                return INFINITE
            return own + sum([self._cost[a] for a in args])
        for arg in args:
            own += self.at(arg, point)
        return own

    def _collect(self) -> None:
        """List the candidates of every class that this function can reach."""
        work = list(self.present)
        seen = set(work)
        found: dict[int, list[Entry]] = {}
        operation, constants, nodes = self.model.operation, self.constants, self.saturation.nodes
        while work:
            number = work.pop()
            constant = constants.get(number)
            if constant is not None:
                self._cost[number] = self.model.constant(*constant)
                self._need[number] = self.entry
                continue
            members = nodes[number]
            entries: list[Entry] = [
                self._leaf_entry(v) for v in self.present.get(number, ()) if not is_term(v)
            ]
            for member in members:
                code, args = member
                if code in TRAPPING and not cannot_trap(code, args, constants):
                    continue
                entries.append((operation(code), args, member))
                for arg in args:
                    if arg not in seen:
                        seen.add(arg)
                        work.append(arg)
            found[number] = entries
        self.entries = {number: found[number] for number in sorted(found)}

    def _leaf_entry(self, value: Value) -> Entry:
        """Price a leaf: a removable anchor's result costs what is saved without it."""
        anchor = value.anchor
        if anchor is None:
            return self.model.leaf, (), value
        if anchor.id in self.removable:
            if anchor.op in LOAD_SIZES:
                return self.model.load(anchor.op), (self.classes[anchor.args[0].id],), value
            args = tuple([self.classes[a.id] for a in anchor.args])
            return self.model.operation(anchor.op), args, value
        return self.model.leaf + (anchor.op == _GLOBAL_GET), (), value

    def _relax(self) -> None:
        """Lower costs until nothing gets cheaper; operands mostly come before their users."""
        cost, need = self._cost, self._need
        for number in self.entries:
            cost[number] = INFINITE
        impure: set[int] = set()
        changed = True
        while changed:
            changed = False
            for number, entries in self.entries.items():
                best = cost[number]
                for own, args, item in entries:
                    total = own
                    for arg in args:
                        total += cost[arg]
                    if total > best or total >= INFINITE:
                        continue
                    point = self._deepest(args, item)
                    if point is None:
                        impure.add(number)
                        continue
                    if total == best:
                        old = need[number]
                        if old is None or point == old or not visible(point, old):
                            continue
                    best = cost[number] = total
                    need[number] = point
                    changed = True
        self._forget(impure)

    def _deepest(self, args: tuple[int, ...], item: Item) -> Point | None:
        """Return the deepest point among the leaves, None if they do not lie on one chain."""
        if isinstance(item, Value):
            return self.points[item.id]
        found = self.entry
        for arg in args:
            point = self._need[arg]
            if point is None:
                return None
            if visible(found, point):
                found = point
            elif not visible(point, found):
                return None
        return found

    def _forget(self, impure: set[int]) -> None:
        """Forget costs that may not be the least where they are valid; searched again at need.

        That is so above a class of which a cheaper candidate was passed over.
        """
        changed = bool(impure)
        while changed:
            changed = False
            for number, entries in self.entries.items():
                if number not in impure and any(a in impure for e in entries for a in e[1]):
                    impure.add(number)
                    changed = True
        for number in impure:
            self._need[number] = None

    def _search_at(self, number: int, point: Point) -> None:
        """Repeat the search for a class, and all below it, with the leaves visible at a point."""
        at = (point[0].number, point[1])
        order, costs = self._below(number, point)
        if not order:
            self._local[number, *at] = INFINITE
            return
        changed = True
        while changed:
            changed = False
            for current in order:
                best = costs[current]
                for own, args, item in self.entries[current]:
                    if not isinstance(item, Value):
                        total = own + sum([costs[a] for a in args])
                    elif visible(self.points[item.id], point):
                        total = own + sum([self._cost[a] for a in args])
                    else:
                        continue
                    if total < best:
                        best = costs[current] = total
                        changed = True
        for current in order:
            self._local[current, *at] = costs[current]

    def _below(self, number: int, point: Point) -> tuple[list[int], dict[int, int]]:
        """Return the classes to search again, and first costs of them and of their operands."""
        at = (point[0].number, point[1])
        work, order = [number], []
        costs = {number: INFINITE}
        while work:
            if len(costs) > MAX_LOCAL_SEARCH:
                return [], {}
            current = work.pop()
            order.append(current)
            for _, args, item in self.entries[current]:
                if isinstance(item, Value):
                    continue
                for arg in args:
                    if arg in costs:
                        continue
                    need = self._need.get(arg)
                    if need is not None and visible(need, point):
                        costs[arg] = self._cost[arg]
                        continue
                    known = self._local.get((arg, *at))
                    costs[arg] = INFINITE if known is None else known
                    if known is None:
                        work.append(arg)
        order.sort()
        return order, costs


def _points(values: Sequence[Value]) -> dict[int, Point]:
    """Return where each value is first needed, or made; `values` come in program order."""
    time = 0
    found: dict[int, Point] = {}
    for value in values:
        if value.op == RESULT or (value.op >= 0 and not is_term(value)):
            time += 1
            found[value.id] = (value.block, time)
        elif value.op < 0:
            found[value.id] = (value.block, 0)
        else:
            found[value.id] = (value.block, time)
    return found
