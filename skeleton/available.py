"""Which cells have known contents at every point, and which checks have been passed on every path.

A forward analysis over the skeleton. A state is one bit set: a bit for each cell whose content was
loaded or stored on every path since it last may have changed, above them one for each check. Loops
begin with what holds on entry and lose what a back edge does not bring; each loop is walked again
until that stops.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ir.graph import (
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
    gather,
)
from .cells import Cells


@dataclass(slots=True)
class Available:
    """The analysis of one function; `run` fills the attributes.

    Attributes:
        before: anchor id (of an access to a cell) to the state before it.
        heads: label id of a loop to the state at its head.
        changes: label id of a loop to the cells that one turn may change.
        joins: label id of a block or `if` to the state behind it.
    """

    cells: Cells
    before: dict[int, int] = field(default_factory=dict)
    heads: dict[int, int] = field(default_factory=dict)
    changes: dict[int, int] = field(default_factory=dict)
    joins: dict[int, int] = field(default_factory=dict)
    _arrived: dict[int, int] = field(default_factory=dict)
    _effects: dict[int, tuple[int, int]] = field(default_factory=dict)

    def run(self, function: Function) -> Available:
        """Analyse the whole body."""
        gather(function.body, lambda anchor: self.effect(anchor)[0], self.changes)
        self._nodes(function.body, 0)
        return self

    def effect(self, node: Anchor) -> tuple[int, int]:
        """Return the cells that an anchor may change, and the state bits that it adds."""
        found = self._effects.get(node.id)
        if found is None:
            cells = self.cells
            access = cells.access.get(node.id)
            if access is None:
                writes = node.effect.writes
                found = cells.written(writes) if writes else 0, 0
            else:
                added = 1 << access.cell
                if access.check is not None:
                    added |= cells.implied[access.check] << len(cells.keys)
                found = cells.touched(access.cell) if access.store else 0, added
            self._effects[node.id] = found
        return found

    def safe(self, node: Anchor) -> bool:
        """Tell whether an access cannot trap where it stands, for what ran before it."""
        check = self.cells.access[node.id].check
        if check is None:
            return True
        return bool(self.before.get(node.id, 0) >> len(self.cells.keys) >> check & 1)

    def _nodes(self, nodes: list[Node], state: int | None) -> int | None:
        for node in nodes:
            if state is None:
                return None
            match node:
                case Anchor():
                    changed, added = self.effect(node)
                    if node.id in self.cells.access:
                        self.before[node.id] = state
                    state = state & ~changed | added
                case Block():
                    self._nodes(node.body, state)
                    state = self._join(node.label)
                case If():
                    self._nodes(node.then, state)
                    self._nodes(node.orelse, state)
                    state = self._join(node.label)
                case Loop():
                    state = self._loop(node, state)
                case BranchIf():
                    self._leave(node.edge, state)
                case Branch():
                    self._leave(node.edge, state)
                    return None
                case BranchTable():
                    for edge in node.edges:
                        self._leave(edge, state)
                    return None
                case Exit():
                    return None
        return state

    def _loop(self, node: Loop, entry: int) -> int | None:
        label = node.label
        # Walked again because an outer loop is: what did not hold then does not hold now.
        head = entry & self.heads.get(label.id, entry)
        while True:
            self._arrived.pop(label.id, None)
            behind = self._nodes(node.body, head)
            back = self._arrived.pop(label.id, None)
            kept = head if back is None else head & back
            if kept == head:
                self.heads[label.id] = head
                return behind
            head = kept

    def _leave(self, edge: Edge, state: int) -> None:
        label = edge.label.id
        other = self._arrived.get(label)
        self._arrived[label] = state if other is None else state & other

    def _join(self, label: Label) -> int | None:
        state = self._arrived.pop(label.id, None)
        if state is not None:
            self.joins[label.id] = state
        return state
