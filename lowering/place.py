"""Where each pure value is computed: the placement half of code motion.

Scoped style keeps one value for each occurrence that another does not dominate; hoisting style
makes equal values one and computes it at the common dominator of its uses (smaller, often slower).
Either way a value goes as far down as its uses allow, but never into a loop that its original
occurrence was not in (Click, "Global code motion, global value numbering", 1995).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ..ir.blocks import BasicBlock, common_dominator
from ..ir.graph import Value
from .events import Event, uses


@dataclass(slots=True)
class Placement:
    """The live values of a function and where they are computed.

    Attributes:
        order: live values, operands first.
        block: value id -> block it is computed in, for pure values; constants are among them only
            where keeping them in a local is smaller than writing them at every use.
        count: value id -> number of uses, for every live value.
        at: block number -> values computed there, operands first.
        use_blocks: value id -> blocks of its uses.
        stand_in: value id -> the equal value that is computed in its place (hoisting style).
    """

    order: list[Value] = field(default_factory=list)
    block: dict[int, BasicBlock] = field(default_factory=dict)
    count: dict[int, int] = field(default_factory=dict)
    at: dict[int, list[Value]] = field(default_factory=dict)
    use_blocks: dict[int, list[BasicBlock]] = field(default_factory=dict)
    stand_in: dict[int, Value] = field(default_factory=dict)

    def copy(self) -> Placement:
        """Return a placement whose blocks and counts may be changed."""
        return replace(self, block=dict(self.block), count=dict(self.count))

    def repeats(self, value: Value) -> bool:
        """Tell whether a value is a constant that is written at every use."""
        return value.op >= 0 and value.id not in self.block

    def resolve(self, value: Value) -> Value:
        """Return the value that is computed in place of `value`."""
        return self.stand_in.get(value.id, value)


def place(events: list[Event], hoist: bool, invariant: bool = False) -> Placement:
    """Place the values that the events use.

    With `invariant`, a value whose operands a loop does not change leaves that loop.
    """
    found = Placement()
    homes: dict[int, BasicBlock] = {}
    _order(events, found, homes, hoist)
    for event in events:
        block = event[1]
        assert isinstance(block, BasicBlock)
        for value in uses(event):
            found.use_blocks.setdefault(found.resolve(value).id, []).append(block)
    low: dict[int, BasicBlock] = {}
    for value in found.order:
        low[value.id] = _lowest(value, found, low)
    for value in reversed(found.order):
        blocks = found.use_blocks.get(value.id)
        if blocks is None:
            continue
        found.count[value.id] = len(blocks)
        if value.op < 0:
            continue
        if not value.args:
            if hoist:
                _keep(value, blocks, found)
            continue
        depth = low[value.id].loop_depth if invariant else homes[value.id].loop_depth
        block = _sink(blocks, low[value.id], depth)
        found.block[value.id] = block
        found.at.setdefault(block.number, []).append(value)
        for arg in value.args:
            found.use_blocks.setdefault(found.resolve(arg).id, []).append(block)
    for values in found.at.values():
        values.reverse()
    return found


KEPT_FROM = 4
"""Bytes of a constant from which a local may pay: below, it never does."""
LOCAL_USE = 2
"""Bytes of a `local.get`, `local.set` or `local.tee` of one of the first 128 locals."""


def _keep(value: Value, blocks: list[BasicBlock], found: Placement) -> None:
    """Keep a constant in a local where that is smaller than writing it again at every use."""
    size = constant_size(value)
    if size < KEPT_FROM or len(blocks) < 2:
        return
    block = blocks[0]
    for other in blocks:
        if other is not block:
            block = common_dominator(block, other)
    reads = len(blocks) - any(b is block for b in blocks)
    if size + LOCAL_USE + LOCAL_USE * reads < size * len(blocks):
        found.block[value.id] = block
        found.at.setdefault(block.number, []).append(value)


_FLOAT_BYTES = {0x43: 5, 0x44: 9, 0xFD000C: 18}


def constant_size(value: Value) -> int:
    """Return the bytes of the instruction of a value without operands."""
    if value.op in (0x41, 0x42):
        number = value.imm[0]
        assert isinstance(number, int)
        return 1 + ((number if number >= 0 else ~number).bit_length() + 7) // 7
    return _FLOAT_BYTES.get(value.op, 2)


def _order(
    events: list[Event], found: Placement, homes: dict[int, BasicBlock], hoist: bool
) -> None:
    """Fill `order`, `stand_in` and the home block of each value."""
    seen: set[int] = set()
    equal: dict[tuple[Any, ...], Value] = {}
    for event in events:
        for root in uses(event):
            if root.id not in seen:
                for value in _operands_first(root, seen):
                    _add(value, found, homes, equal if hoist else None)


def _add(
    value: Value,
    found: Placement,
    homes: dict[int, BasicBlock],
    equal: dict[tuple[Any, ...], Value] | None,
) -> None:
    if equal is not None and value.args:
        ids = [found.resolve(a).id for a in value.args]
        key = (value.op, *ids, value.imm, value.type)
        first = equal.setdefault(key, value)
        if first is not value:
            found.stand_in[value.id] = first
            if value.block.loop_depth < homes[first.id].loop_depth:
                homes[first.id] = value.block
            return
    homes[value.id] = value.block
    found.order.append(value)


def _operands_first(root: Value, seen: set[int]) -> list[Value]:
    """Return the unseen values below `root` and itself, operands before users."""
    out: list[Value] = []
    seen.add(root.id)
    stack: list[tuple[Value, int]] = [(root, 0)]
    while stack:
        value, k = stack.pop()
        args = value.args
        while k < len(args) and args[k].id in seen:
            k += 1
        if k == len(args):
            out.append(value)
            continue
        stack.append((value, k + 1))
        seen.add(args[k].id)
        stack.append((args[k], 0))
    return out


def _lowest(value: Value, found: Placement, low: dict[int, BasicBlock]) -> BasicBlock:
    """Return the deepest block that the value's operands need."""
    if not value.args:
        return value.block
    deepest = low[found.resolve(value.args[0]).id]
    for arg in value.args[1:]:
        other = low[found.resolve(arg).id]
        if other.depth > deepest.depth:
            deepest = other
    return deepest


def _sink(blocks: list[BasicBlock], low: BasicBlock, loop_depth: int) -> BasicBlock:
    """Return the common dominator of `blocks`, lifted out of loops down to `loop_depth`."""
    block = blocks[0]
    for other in blocks:
        if other is not block:
            block = common_dominator(block, other)
    best = block
    while best.loop_depth > loop_depth and block is not low and block.idom is not None:
        block = block.idom
        if block.loop_depth < best.loop_depth:
            best = block
    return best
