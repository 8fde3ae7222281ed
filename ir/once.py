"""Loops that run once: whose back edges are never taken, as the values at their entry show.

The loop that drives an asynchronous call looks at a code that is known when it is entered: where
the call completes at once, nothing of the loop is ever reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .bits import KnownBits, arrivals
from .graph import (
    PHI,
    Anchor,
    Block,
    Branch,
    BranchIf,
    BranchTable,
    Edge,
    Exit,
    Function,
    If,
    Label,
    Loop,
    Node,
    Value,
    walk,
)


@dataclass(frozen=True, slots=True)
class Once:
    """What is known of loops that run once.

    Attributes:
        labels: ids of their labels.
        replace: parameter id -> the value it has on entry.
        conditions: value id -> the number it is.
    """

    labels: frozenset[int]
    replace: Mapping[int, Value]
    conditions: Mapping[int, int]


def runs_once(function: Function) -> Once | None:
    """Find an outermost loop that runs once, None where there is none."""
    arrived: dict[int, list[Value]] | None = None
    for node in walk(function.body):
        if not isinstance(node, Loop) or not node.label.edges:
            continue
        if all(value.is_leaf and value.op != PHI for value in node.entry):
            continue
        if arrived is None:
            arrived = arrivals(function)
        pairs = zip(node.label.params, node.entry, strict=True)
        entry = {parameter.id: value for parameter, value in pairs}
        trial = _Trial(node.label, dict(entry), dict(arrived))
        if trial.once(node):
            return Once(frozenset((node.label.id,)), entry, trial.conditions)
    return None


@dataclass(slots=True)
class _Trial:
    """One walk through a loop's first turn with what is known on entry."""

    label: Label
    known: dict[int, Value]
    arriving: dict[int, list[Value]]
    """Block parameter -> the values that may arrive there."""
    conditions: dict[int, int] = field(default_factory=dict)
    arrived: dict[int, list[list[Value]]] = field(default_factory=dict)
    """Label -> the arguments of every edge that may be taken."""
    bits: KnownBits = field(init=False)

    def __post_init__(self) -> None:
        self.bits = KnownBits(self.arriving, self.known)

    def once(self, node: Loop) -> bool:
        """Whether no back edge can be reached."""
        self._nodes(node.body)
        return self.label.id not in self.arrived

    def _condition(self, value: Value) -> int | None:
        number = self.bits.number(value)
        if number is not None:
            self.conditions[value.id] = number
        return number

    def _nodes(self, nodes: Sequence[Node]) -> bool:
        """Walk a list; whether its end may be reached. Stops once the back edge is."""
        return all(self.label.id not in self.arrived and self._node(node) for node in nodes)

    def _node(self, node: Node) -> bool:
        match node:
            case Anchor():
                return True
            case Exit():
                return False
            case Branch():
                self._edge(node.edge)
                return False
            case BranchIf():
                known = self._condition(node.cond)
                if known != 0:
                    self._edge(node.edge)
                return known is None or known == 0
            case BranchTable():
                known = self._condition(node.index)
                if known is None:
                    for edge in node.edges:
                        self._edge(edge)
                else:
                    self._edge(node.edges[min(known & 0xFFFFFFFF, len(node.edges) - 1)])
                return False
            case Block():
                self._nodes(node.body)
                return self._join(node.label)
            case If():
                known = self._condition(node.cond)
                if known != 0:
                    self._nodes(node.then)
                if known is None or known == 0:
                    self._nodes(node.orelse)
                return self._join(node.label)
            case Loop():
                return self._nodes(node.body)

    def _edge(self, edge: Edge) -> None:
        self.arrived.setdefault(edge.label.id, []).append([self._stand(v) for v in edge.args])

    def _stand(self, value: Value) -> Value:
        return self.known.get(value.id, value)

    def _join(self, label: Label) -> bool:
        rows = self.arrived.get(label.id)
        if rows is None:
            return False
        for parameter, column in zip(label.params, zip(*rows, strict=True), strict=True):
            self.arriving[parameter.id] = list(column)
            if all(value is column[0] for value in column):
                self.known[parameter.id] = column[0]
        return True
