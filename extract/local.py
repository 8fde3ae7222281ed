"""Other choices of terms, by what each would add to the graph as it is and what it would free.

The choice by cheapest trees prices a term as if nobody else used its parts. Here a term of a graph
that has been chosen is compared with others of its class over the whole graph: parts that are
there already cost their use alone, parts that nobody else needs go with the term, and both are
counted once however often they occur. Ties are many and worth a look: which of them is shorter
shows when they are written down. Who asks measures the graphs exactly, and keeps what is better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ..egraph import ENode, Saturation, is_term
from ..ir.graph import Anchor, Function, Value, operands, walk
from .apply import rebuilt
from .cost import CostModel
from .exact import cheapest
from .search import INFINITE, Costs, Entry, Item, visible
from .tree import NO_PINS, PinError, Plan, choose_by

__all__ = ["Choices", "Option"]

Option: TypeAlias = "tuple[int, int, ENode]"
"""What is added less what is freed, the value's id, and the other term for it."""

MOST_TERMS = 8
"""Other terms of one value that are looked at, the cheapest first: sums have dozens."""


class Choices:
    """The saturated e-graph of function number `ordinal` of a batch, to choose from repeatedly."""

    def __init__(
        self, saturation: Saturation, ordinal: int, model: CostModel, minimum: Sequence[int] = ()
    ) -> None:
        """Price all classes; `minimum` is the minimum size of each memory in bytes."""
        self.costs = Costs(saturation, ordinal, model, minimum)
        self.function = self.costs.function
        self._plan: tuple[Mapping[int, Item | None], Plan] | None = None

    def graph(self, pins: Mapping[int, Item | None] = NO_PINS) -> Function | None:
        """Return a new graph with these terms for some values, None where one is not valid."""
        try:
            plan = choose_by(self.costs, pins)
        except PinError:
            return None
        self._plan = pins, plan
        return rebuilt(self.function, plan)

    def exact(self, seconds: float | None = None) -> dict[int, Item | None]:
        """Return terms that make the graph as cheap as can be, as far as they are valid.

        Empty where the graph is too large or the solver finds nothing in its time, or in these
        seconds. Raises `MissingSolver`.
        """
        wanted: Mapping[int, Item | None] | None = cheapest(self.costs, seconds)
        if not wanted:
            return {}
        if self.graph(wanted) is not None:
            return dict(wanted)
        valid: dict[int, Item | None] = {}
        for value, term in wanted.items():
            if self.graph({**valid, value: term}) is not None:
                valid[value] = term
        return valid

    def options(self, pins: Mapping[int, Item | None] = NO_PINS) -> list[Option]:
        """Return choices for single values other than `pins`, those that promise most first.

        `pins` must be valid. Listed are those that add less than the use of a local: prices of
        parts that get or lose a local are rough.
        """
        plan = (
            self._plan[1] if self._plan and self._plan[0] is pins else choose_by(self.costs, pins)
        )
        return _Marginal(self.costs, plan).options()


class _Marginal:
    """Costs of changes to one chosen graph."""

    def __init__(self, costs: Costs, plan: Plan) -> None:
        self.costs = costs
        self.model = costs.model
        self.plan = plan
        self.users: dict[int, int] = {}
        """Uses of every value that is needed, by id."""
        self.there: dict[int, list[Value]] = {}
        """Needed values of each class."""
        self._count()

    def options(self) -> list[Option]:
        """Return choices for values that are needed, by marginal cost."""
        costs = self.costs
        found: list[Option] = []
        for value in costs.values:
            number = costs.classes[value.id]
            if value.op < 0 or not value.args or not is_term(value):
                continue
            now = self.plan.resolved(value)
            if now.id not in self.users or number in costs.constants:
                continue
            entries = [entry for entry in costs.entries[number] if not isinstance(entry[2], Value)]
            if len(entries) < 2:
                continue
            freed = self._freed(now)
            saved = sum(freed.values())
            own = now.op, tuple([self._class(arg) for arg in now.args])
            point = costs.points[value.id]
            entries.sort(key=lambda entry: costs.total(entry, point))
            for entry in entries[:MOST_TERMS]:
                item = entry[2]
                if isinstance(item, Value) or item == own:
                    continue
                added = self._added(entry, value, freed) - saved
                if added <= self.model.leaf:
                    found.append((added, value.id, item))
        return sorted(found)

    def _count(self) -> None:
        """Count the uses of what the chosen graph needs."""
        work: list[Value] = []
        for node in walk(self.costs.function.body):
            if not isinstance(node, Anchor) or node.id not in self.plan.drop:
                work += operands(node)
        while work:
            value = self.plan.resolved(work.pop())
            uses = self.users.get(value.id, 0)
            self.users[value.id] = uses + 1
            if uses == 0:
                self.there.setdefault(self._class(value), []).append(value)
                work += value.args

    def _class(self, value: Value) -> int:
        value = self.plan.resolved(value)
        made = self.plan.classes.get(value.id)
        return self.costs.classes[value.id] if made is None else made

    def _own(self, value: Value) -> int:
        """Return what a value costs without its operands."""
        if value.op < 0 or not is_term(value):
            return self.model.leaf
        if not value.args:
            return self.model.constant(value.op, int(value.imm[0]))
        return self.model.operation(value.op)

    def _freed(self, value: Value) -> dict[int, int]:
        """Return what goes with a term, each part once: class to its own cost or that of a use."""
        found = {self._class(value): self._own(value)}
        work = list(value.args)
        while work:
            arg = self.plan.resolved(work.pop())
            number = self._class(arg)
            if number in found:
                continue
            if self.users.get(arg.id, 0) <= 1 and arg.op >= 0:
                found[number] = self._own(arg)
                work += arg.args
            else:
                found[number] = self.model.leaf
        return found

    def _added(self, entry: Entry, value: Value, freed: Mapping[int, int]) -> int:
        """Return the cost of a term in the place of one that frees `freed`."""
        costs = self.costs
        point = costs.points[value.id]
        total = entry[0]
        seen: set[int] = set()
        work = list(entry[1])
        while work:
            number = work.pop()
            constant = costs.constants.get(number)
            if constant is not None:
                total += self.model.constant(*constant)
                continue
            if number in seen:
                total += self.model.leaf
                continue
            seen.add(number)
            there = [v for v in self.there.get(number, ()) if visible(costs.points[v.id], point)]
            if number in freed and there:
                # It stays after all, with what it needs.
                total += freed[number]
                work += [self._class(arg) for arg in there[0].args if self._class(arg) in freed]
            elif there:
                # A value that had one user gets a local.
                single = all(self.users[v.id] == 1 and v.op >= 0 and v.args for v in there)
                total += self.model.leaf * (2 if single else 1)
            else:
                total += min(costs.at(number, point), INFINITE)
        return total
