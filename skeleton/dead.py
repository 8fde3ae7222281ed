"""Stores that are overwritten before anybody can look.

A backward walk over the skeleton. A cell is *covered* where every way on stores to all its bytes
before they can be read: by a load that may meet them, by a call, at the end, and by anybody at all
after a trap. So whatever may trap uncovers everything, and only accesses that are known not to trap
(`available.py`) leave stores in front of them dead. The heads of loops count as observers too: what
a loop writes again in its next turn is seldom worth the search.

A store that goes must not take its trap along. Either it cannot trap where it stands, for what ran
before it; or the very next write is to the same address with the same end, and traps in its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..ir.graph import (
    Anchor,
    Block,
    Branch,
    BranchIf,
    BranchTable,
    Exit,
    Function,
    If,
    Loop,
    Node,
)
from ..ir.rebuild import Rebuild
from .available import Available
from .cells import Cells


class _State(NamedTuple):
    """What comes behind a point."""

    covered: int
    """Cells that are stored to before anybody looks."""
    next_cells: int
    """Cells inside that of the next write, if nobody looks before it."""
    next_check: int | None
    """The check of that write."""


_SEEN = _State(0, 0, None)


@dataclass(slots=True)
class DeadStores:
    """One walk; `found` are the ids of dead stores."""

    cells: Cells
    available: Available
    found: set[int] = field(default_factory=set)
    _behind: dict[int, _State] = field(default_factory=dict)

    def run(self, function: Function) -> set[int]:
        """Return the ids of anchors to drop."""
        self._nodes(function.body, _SEEN)
        return self.found

    def _nodes(self, nodes: list[Node], state: _State) -> _State:
        """Return the state before `nodes`, given the one behind them."""
        for node in reversed(nodes):
            match node:
                case Anchor():
                    state = self._anchor(node, state)
                case Block():
                    self._behind[node.label.id] = state
                    state = self._nodes(node.body, state)
                case If():
                    self._behind[node.label.id] = state
                    then = self._nodes(node.then, state)
                    state = _both(then, self._nodes(node.orelse, state))
                case Loop():
                    self._behind[node.label.id] = _SEEN
                    self._nodes(node.body, state)
                    state = _SEEN
                case BranchIf():
                    state = _both(state, self._behind[node.edge.label.id])
                case Branch():
                    state = self._behind[node.edge.label.id]
                case BranchTable():
                    state = self._behind[node.edges[0].label.id]
                    for edge in node.edges[1:]:
                        state = _both(state, self._behind[edge.label.id])
                case Exit():
                    state = _SEEN
        return state

    def _anchor(self, node: Anchor, state: _State) -> _State:
        access = self.cells.access.get(node.id)
        if access is None:
            effect = node.effect
            if effect.traps or effect.calls:
                return _SEEN
            gone = ~self.cells.written(effect.reads | effect.writes)
            return _State(state.covered & gone, state.next_cells & gone, state.next_check)
        safe = self.available.safe(node)
        if not access.store:
            if not safe:
                return _SEEN
            gone = ~self.cells.touched(access.cell)
            return _State(state.covered & gone, state.next_cells & gone, state.next_check)
        bit = 1 << access.cell
        if (safe and state.covered & bit) or (
            state.next_cells & bit and access.check == state.next_check
        ):
            self.found.add(node.id)
            return state
        inside = self.cells.inside(access.cell)
        return _State(state.covered | inside if safe else 0, inside, access.check)


def _both(first: _State, second: _State) -> _State:
    covered = first.covered & second.covered
    if first.next_check != second.next_check:
        return _State(covered, 0, None)
    return _State(covered, first.next_cells & second.next_cells, first.next_check)


def drop_dead_stores(function: Function, cells: Cells, available: Available) -> Function:
    """Return the function without dead stores, itself if there are none."""
    found = DeadStores(cells, available).run(function)
    return function if not found else Rebuild(function, drop=found).run()
