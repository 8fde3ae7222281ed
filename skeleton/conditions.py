"""Branches whose way is known from a branch before them.

Values never change, so what a branch says of them holds wherever only that way leads: in an arm, or
behind a `br_if`. A walk carries what is known along the edges of the skeleton; where edges meet,
what all of them agree on; at the head of a loop, what held on entry. Known are the outcomes of
comparisons, and for each value that is compared with constants the range it lies in; besides, bits
that are the same on every way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..ir.bits import KnownBits, arrivals
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
    Value,
)
from ..ir.rebuild import Rebuild
from ..wasm.opcodes import BY_NAME

_WIDTH: Final = {"i32": 32, "i64": 64}
_COMPARE: Final[dict[int, tuple[str, bool, bool]]] = {
    BY_NAME[f"{width}.{op}"]: (base, swapped, negated)
    for width in _WIDTH
    for sign in ("_s", "_u")
    for op, base, swapped, negated in (
        ("eq", "eq", False, False),
        ("ne", "eq", False, True),
        (f"lt{sign}", f"lt{sign}", False, False),
        (f"gt{sign}", f"lt{sign}", True, False),
        (f"ge{sign}", f"lt{sign}", False, True),
        (f"le{sign}", f"lt{sign}", True, True),
    )
}
"""Opcode to the comparison that it is, whether with its operands swapped, whether negated."""
_EQZ: Final = frozenset((BY_NAME["i32.eqz"], BY_NAME["i64.eqz"]))
_AND: Final = BY_NAME["i32.and"]
_OR: Final = BY_NAME["i32.or"]
_CONST: Final = frozenset((BY_NAME["i32.const"], BY_NAME["i64.const"]))
_BITS: Final = {0x7F: 32, 0x7E: 64}

MAX_DEPTH: Final = 8
"""Operations of one condition that are looked through."""

Range: TypeAlias = "tuple[int, int, int, int]"
"""Least and greatest value, unsigned, then signed."""
Key: TypeAlias = "tuple[str, int, int]"
"""Comparison and the ids of its operands, or `("range", id, 0)`."""
Known: TypeAlias = "dict[Key, bool | Range]"


def decide_conditions(function: Function) -> Function:
    """Return the function without branches whose way is known; itself if there are none."""
    decided = _Walk(KnownBits(arrivals(function))).run(function)
    return function if not decided else Rebuild(function, decided=decided).run()


@dataclass(slots=True)
class _Walk:
    bits: KnownBits
    decided: dict[int, int] = field(default_factory=dict)
    _arrived: dict[int, Known] = field(default_factory=dict)

    def run(self, function: Function) -> dict[int, int]:
        self._nodes(function.body, {})
        return self.decided

    def _nodes(self, nodes: list[Node], known: Known | None) -> Known | None:
        for node in nodes:
            if known is None:
                return None
            match node:
                case Anchor():
                    pass
                case Block():
                    self._nodes(node.body, known)
                    known = self._arrived.pop(node.label.id, None)
                case If():
                    known = self._if(node, known)
                case Loop():
                    known = self._nodes(node.body, known)
                case BranchIf():
                    known = self._branch_if(node, known)
                case Branch():
                    self._leave(node.edge, known)
                    return None
                case BranchTable():
                    self._table(node, known)
                    return None
                case Exit():
                    return None
        return known

    def _truth(self, cond: Value, known: Known) -> bool | None:
        truth = outcome(cond, known)
        return self.bits.truth(cond) if truth is None else truth

    def _if(self, node: If, known: Known) -> Known | None:
        truth = self._truth(node.cond, known)
        if truth is not None:
            self.decided[id(node)] = int(truth)
        if truth is not False:
            self._nodes(node.then, learn(node.cond, True, known))
        if truth is not True:
            self._nodes(node.orelse, learn(node.cond, False, known))
        return self._arrived.pop(node.label.id, None)

    def _branch_if(self, node: BranchIf, known: Known) -> Known | None:
        truth = self._truth(node.cond, known)
        if truth is not None:
            self.decided[id(node)] = int(truth)
        if truth is not False:
            self._leave(node.edge, learn(node.cond, True, known))
        return None if truth is True else learn(node.cond, False, known)

    def _table(self, node: BranchTable, known: Known) -> None:
        least, most, _, _ = range_of(node.index, known)
        number = least if least == most else self.bits.number(node.index)
        if number is not None:
            self.decided[id(node)] = number & 0xFFFFFFFF
        for edge in {id(e): e for e in node.edges}.values():
            self._leave(edge, known)

    def _leave(self, edge: Edge, known: Known) -> None:
        label: Label = edge.label
        if label.kind == "loop":
            return
        other = self._arrived.get(label.id)
        if other is None:
            self._arrived[label.id] = known
        elif other is not known:
            self._arrived[label.id] = {k: v for k, v in other.items() if known.get(k) == v}


def outcome(cond: Value, known: Known, depth: int = MAX_DEPTH) -> bool | None:
    """Return whether a condition holds (is not 0), None if it is not known."""
    if cond.op in _EQZ and depth:
        inner = outcome(cond.args[0], known, depth - 1)
        return None if inner is None else not inner
    found = _COMPARE.get(cond.op)
    if found is not None:
        base, swapped, negated = found
        first, second = reversed(cond.args) if swapped else cond.args
        truth = known.get((base, first.id, second.id))
        if truth is None:
            truth = _compared(base, range_of(first, known), range_of(second, known))
        return None if truth is None else bool(truth) != negated
    least, most, _, _ = range_of(cond, known)
    if most == 0 or least > 0:
        return least > 0
    return None


def _compared(base: str, first: Range, second: Range) -> bool | None:
    """Return the outcome of a comparison between values of two ranges, None if it depends."""
    low, high, low_s, high_s = first
    least, most, least_s, most_s = second
    match base:
        case "eq":
            if high < least or most < low or high_s < least_s or most_s < low_s:
                return False
            return True if low == high == least == most else None
        case "lt_u":
            return True if high < least else False if low >= most else None
        case _:
            return True if high_s < least_s else False if low_s >= most_s else None


def range_of(value: Value, known: Known) -> Range:
    """Return the range of an i32 or i64."""
    if value.op in _CONST:
        number = value.imm[0]
        assert isinstance(number, int)
        return _single(number, _bits(value))
    found = known.get(("range", value.id, 0))
    if isinstance(found, tuple):
        return found
    bits = _bits(value)
    return 0, (1 << bits) - 1, -1 << bits - 1, (1 << bits - 1) - 1


def _bits(value: Value) -> int:
    return _BITS.get(value.type, 64) if isinstance(value.type, int) else 64


def _single(number: int, bits: int) -> Range:
    unsigned = number & (1 << bits) - 1
    signed = unsigned - (1 << bits) if unsigned >> bits - 1 else unsigned
    return unsigned, unsigned, signed, signed


def learn(cond: Value, truth: bool, known: Known) -> Known:
    """Return what is known where a condition holds, or does not."""
    more = dict(known)
    _learn(cond, truth, more, MAX_DEPTH)
    return more


def _learn(cond: Value, truth: bool, known: Known, depth: int) -> None:
    if depth == 0:
        return
    if cond.op in _EQZ:
        _learn(cond.args[0], not truth, known, depth - 1)
        return
    found = _COMPARE.get(cond.op)
    if found is None:
        zero = _single(0, _bits(cond))
        _narrow(cond, zero, "eq", not truth, known)
        if (cond.op == _AND and truth) or (cond.op == _OR and not truth):
            for arg in cond.args:
                _learn(arg, truth, known, depth - 1)
        return
    base, swapped, negated = found
    first, second = reversed(cond.args) if swapped else cond.args
    truth = truth != negated
    known[base, first.id, second.id] = truth
    if base == "eq":
        known[base, second.id, first.id] = truth
        _narrow(first, range_of(second, known), "eq", truth, known)
        _narrow(second, range_of(first, known), "eq", truth, known)
        return
    _narrow(first, range_of(second, known), base, truth, known)
    _narrow(second, range_of(first, known), _MIRRORED[base], truth, known)


_MIRRORED: Final = {"lt_u": "gt_u", "lt_s": "gt_s"}


def _narrow(value: Value, other: Range, relation: str, truth: bool, known: Known) -> None:
    """Note that `value` stands in a relation to some value of a range, or does not."""
    if value.op in _CONST:
        return
    low, high, low_s, high_s = range_of(value, known)
    least, most, least_s, most_s = other
    match relation, truth:
        case "eq", True:
            low, high = max(low, least), min(high, most)
            low_s, high_s = max(low_s, least_s), min(high_s, most_s)
        case "eq", False if least == most:
            low, high = low + (low == least), high - (high == least)
            low_s, high_s = low_s + (low_s == least_s), high_s - (high_s == least_s)
        case "lt_u", True:
            high = min(high, most - 1)
        case "lt_u", False:
            low = max(low, least)
        case "gt_u", True:
            low = max(low, least + 1)
        case "gt_u", False:
            high = min(high, most)
        case "lt_s", True:
            high_s = min(high_s, most_s - 1)
        case "lt_s", False:
            low_s = max(low_s, least_s)
        case "gt_s", True:
            low_s = max(low_s, least_s + 1)
        case "gt_s", False:
            high_s = min(high_s, most_s)
        case _:
            return
    found = _agreed(low, high, low_s, high_s, _bits(value))
    if found is not None:
        known["range", value.id, 0] = found


def _agreed(low: int, high: int, low_s: int, high_s: int, bits: int) -> Range | None:
    """Let the signed and the unsigned range narrow each other; None if nothing is left.

    Where nothing is left the place is never reached: nothing needs to be known there.
    """
    half = 1 << bits - 1
    if high < half or low >= half:
        lift = 0 if high < half else 2 * half
        low_s, high_s = max(low_s, low - lift), min(high_s, high - lift)
    if low_s >= 0 or high_s < 0:
        lift = 0 if low_s >= 0 else 2 * half
        low, high = max(low, low_s + lift), min(high, high_s + lift)
    if low > high or low_s > high_s:
        return None
    return low, high, low_s, high_s
