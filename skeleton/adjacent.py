"""Stores side by side become one wide store: of constants, and of what is loaded side by side.

Nothing may look between the two, and no trap may tell: the wide store traps where either would. The
first to go is the farther one, whose check is that of the wide store; or the nearer one, where what
ran before shows that the farther one cannot trap. A store that moves down to the other passes what
stands between; a load likewise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ..ir.graph import (
    Anchor,
    Block,
    Function,
    If,
    Imm,
    Loop,
    Node,
    ValType,
    Value,
    count_uses,
)
from ..ir.rebuild import Rebuild
from ..wasm.opcodes import BY_NAME
from .available import Available
from .cells import Cells, split

WIDEST: Final = 8
"""Bytes of the widest store that is made."""

LONGEST: Final = 16
"""Anchors that a store is moved past at most."""

_LOAD: Final = {
    2: BY_NAME["i32.load16_u"],
    4: BY_NAME["i32.load"],
    8: BY_NAME["i64.load"],
}
_STORE: Final = {
    2: BY_NAME["i32.store16"],
    4: BY_NAME["i32.store"],
    8: BY_NAME["i64.store"],
}
_TYPE: Final[dict[int, ValType]] = {2: 0x7F, 4: 0x7F, 8: 0x7E}
_CONSTANT: Final = {0x7F: BY_NAME["i32.const"], 0x7E: BY_NAME["i64.const"]}
_BITS: Final = {0x41: 32, 0x42: 64, 0x43: 32, 0x44: 64}
"""Opcodes of constants and how many bits they have; a float's immediate is its bit pattern."""


@dataclass(slots=True)
class _Merge:
    """What takes the place of the later of two stores: `first` is the one of the lower address."""

    first: Anchor
    second: Anchor
    pattern: int = 0
    loads: tuple[Anchor, Anchor] | None = None
    """Where the bytes are loaded, the lower address first; else they are `pattern`."""


@dataclass(slots=True)
class _Adjacent:
    """One search; `gone` are the ids of anchors that others stand for."""

    cells: Cells
    available: Available
    uses: Counter[int]
    places: dict[int, tuple[list[Node], int]]
    gone: set[int] = field(default_factory=set)
    merges: dict[int, _Merge] = field(default_factory=dict)
    """Id of the later store to what it becomes."""
    loads: dict[int, tuple[Anchor, Anchor]] = field(default_factory=dict)
    """Id of the later load to both, the lower address first."""

    def search(self, nodes: list[Node]) -> None:
        """Find pairs in a list and in those below it."""
        waiting: list[Anchor] = []
        for node in nodes:
            if isinstance(node, Anchor):
                waiting = self._anchor(node, waiting)
                continue
            waiting = []
            for inner in _inner(node):
                self.search(inner)

    def _anchor(self, node: Anchor, waiting: list[Anchor]) -> list[Anchor]:
        access = self.cells.access.get(node.id)
        if access is not None and access.store and access.size:
            for other in reversed(waiting):
                if self._merged(other, node):
                    return [one for one in waiting if one is not other]
        kept = [one for one in waiting if self._passes(one, node)]
        if access is not None and access.store and 0 < access.size < WIDEST:
            kept.append(node)
        return kept[-LONGEST:]

    def _merged(self, early: Anchor, late: Anchor) -> bool:
        """Merge two stores if their cells touch and no trap can tell."""
        pair = self._side_by_side(early, late)
        if pair is None:
            return False
        first, second = pair
        if late is second and not self.available.safe(late):
            return False
        size = self.cells.access[late.id].size
        low, high = _bytes(first.args[1], size), _bytes(second.args[1], size)
        if low is not None and high is not None:
            made = _Merge(first, second, low | high << 8 * size)
        else:
            loads = self._loads(first.args[1], second.args[1], size)
            if loads is None:
                return False
            made = _Merge(first, second, loads=loads)
            later = max(loads, key=lambda one: self.places[one.id][1])
            self.loads[later.id] = loads
            self.gone |= {one.id for one in loads if one is not later}
        self.gone.add(early.id)
        self.merges[late.id] = made
        return True

    def _side_by_side(self, one: Anchor, other: Anchor) -> tuple[Anchor, Anchor] | None:
        """Return two accesses of equal size in ascending order if they meet, from one address."""
        keys = [self.cells.keys[self.cells.access[x.id].cell] for x in (one, other)]
        (space, root, at, size), (space_, root_, at_, size_) = keys
        if (space, root, size) != (space_, root_, size_) or 2 * size > WIDEST:
            return None
        if abs(at - at_) != size:
            return None
        certain = all(self.cells.access[x.id].check is None for x in (one, other))
        if not certain and split(one.args[0])[:2] != split(other.args[0])[:2]:
            return None
        return (one, other) if at < at_ else (other, one)

    def _loads(self, low: Value, high: Value, size: int) -> tuple[Anchor, Anchor] | None:
        """Return the loads of two values, if they may become one: in one list, used once."""
        first, second = low.anchor, high.anchor
        if first is None or second is None or first is second:
            return None
        for one, value in ((first, low), (second, high)):
            access = self.cells.access.get(one.id)
            if access is None or access.store or access.size != size or one.id in self.gone:
                return None
            if self.uses[value.id] != 1 or one.id in self.loads:
                return None
        if self._side_by_side(first, second) != (first, second):
            return None
        nodes, start = self.places[first.id]
        others, end = self.places[second.id]
        if nodes is not others or abs(end - start) > LONGEST:
            return None
        # Which of the two traps stays unobserved.
        early = first if start < end else second
        between = nodes[min(start, end) + 1 : max(start, end)]
        fits = all(isinstance(one, Anchor) and self._passes(early, one) for one in between)
        return (first, second) if fits else None

    def _passes(self, moved: Anchor, node: Anchor) -> bool:
        """Tell whether an access may be done behind `node` instead."""
        if moved.effect.may_swap(node.effect):
            return True
        access = self.cells.access.get(node.id)
        own = self.cells.access[moved.id]
        if access is None or not self.available.safe(node):
            return False
        if self.cells.touched(access.cell) >> own.cell & 1:
            return False
        return not access.store or self.available.safe(moved)


def _inner(node: Node) -> Iterator[list[Node]]:
    if isinstance(node, (Block, Loop)):
        yield node.body
    elif isinstance(node, If):
        yield node.then
        yield node.orelse


def _bytes(value: Value, size: int) -> int | None:
    """Return the low bytes of a constant as a number."""
    bits = _BITS.get(value.op)
    if bits is None:
        return None
    found = value.imm[0]
    assert isinstance(found, int)
    return found & (1 << 8 * size) - 1


def merge_stores(function: Function, cells: Cells, available: Available) -> Function:
    """Return the function with neighbouring stores merged, itself if there are none."""
    work = _Adjacent(cells, available, count_uses(function), _places(function))
    work.search(function.body)
    if not work.merges:
        return function
    loaded: dict[int, Value] = {}

    def expand(node: Anchor, rebuild: Rebuild) -> bool:
        loads = work.loads.get(node.id)
        if loads is not None:
            size = 2 * cells.access[node.id].size
            imm = _memarg(loads[0])
            address, effect = rebuild.value(loads[0].args[0]), loads[0].effect
            found = rebuild.add(_LOAD[size], [address], imm, (_TYPE[size],), effect)
            loaded[loads[0].id] = found[0]
            return True
        merge = work.merges.get(node.id)
        if merge is None:
            return node.id in work.gone
        size = 2 * cells.access[node.id].size
        if merge.loads is None:
            value = _constant(merge.pattern, size, rebuild)
        else:
            value = loaded[merge.loads[0].id]
        address = rebuild.value(merge.first.args[0])
        imm = _memarg(merge.first)
        rebuild.add(_STORE[size], [address, value], imm, (), merge.first.effect)
        return True

    return Rebuild(function, expand=expand).run()


def _places(function: Function) -> dict[int, tuple[list[Node], int]]:
    """Return for the id of each anchor the list that it stands in and where."""
    found: dict[int, tuple[list[Node], int]] = {}
    lists = [function.body]
    while lists:
        nodes = lists.pop()
        for position, node in enumerate(nodes):
            if isinstance(node, Anchor):
                found[node.id] = nodes, position
            lists += _inner(node)
    return found


def _memarg(node: Anchor) -> Imm:
    """Return the immediates of an access to the same place that promises no alignment."""
    return (0, *node.imm[1:])


def _constant(pattern: int, size: int, rebuild: Rebuild) -> Value:
    type = _TYPE[size]
    assert isinstance(type, int)
    bits = 8 * max(size, 4)
    signed = (pattern ^ 1 << bits - 1) - (1 << bits - 1)
    return rebuild.new.pure(_CONSTANT[type], (), (signed,), type, rebuild.block)
