"""Which anchors may go if nothing needs their results: those that cannot trap where they stand.

An access is in bounds where an earlier one that dominates it has reached at least as far from an
equal address in the same memory (memories never shrink), or where its address is a constant
within the memory's minimum size. The proving access may go itself for the same reason: what
proved it reaches further still, and the first of the chain stays. Arithmetic cannot trap where
the same operation on equal operands has not trapped before, or its divisor is a safe constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..egraph import Saturation
from ..ir.blocks import BasicBlock
from ..ir.graph import Anchor, walk
from ..rules import signature
from ..wasm.opcodes import BY_NAME, OPCODES

_LOW32: Final = 0xFFFF_FFFF

LOAD_SIZES: Final = {
    code: read[1]
    for code, row in OPCODES.items()
    if row.effect == "load" and (read := signature.load_shape(row.name)) is not None
}
"""Bytes that a load reads, by opcode."""
STORE_SIZES: Final = {
    code: written[1]
    for code, row in OPCODES.items()
    if row.effect == "store" and (written := signature.store_shape(row.name)) is not None
}
"""Bytes that a store writes, by opcode."""

TRAPPING: Final = frozenset(BY_NAME[name] for name in signature.TRAPPING)
"""Opcodes of operations that may trap by their operands alone."""
_SIGNED_DIVISION: Final = frozenset(BY_NAME[f"{i}.div_s"] for i in ("i32", "i64"))
_TRUNCATION: Final = frozenset(BY_NAME[name] for name in signature.TRAPPING if ".trunc" in name)


def cannot_trap(code: int, args: Sequence[int], constants: Mapping[int, tuple[int, int]]) -> bool:
    """Tell whether a `TRAPPING` operation on operands of these classes never traps."""
    if code in _TRUNCATION:
        return False
    divisor = constants.get(args[1])
    if divisor is None or divisor[1] == 0:
        return False
    return divisor[1] != -1 or code not in _SIGNED_DIVISION


def removable_anchors(
    saturation: Saturation, ordinal: int, minimum: Sequence[int] = ()
) -> dict[int, Anchor]:
    """Return loads and arithmetic that cannot trap where they stand, by anchor id.

    `minimum` is the minimum size of each memory in bytes.
    """
    classes = saturation.classes[ordinal]
    found: dict[int, Anchor] = {}
    reached: dict[tuple[int, ...], list[tuple[BasicBlock, int]]] = {}
    for node in walk(saturation.functions[ordinal].function.body):
        if not isinstance(node, Anchor):
            continue
        op = node.op
        if op in TRAPPING:
            args = [classes[a.id] for a in node.args]
            key = (op, *args)
            end = 0
            certain = cannot_trap(op, args, saturation.constants)
        else:
            size = LOAD_SIZES.get(op) or STORE_SIZES.get(op)
            if size is None:
                continue
            memory, address = _integer(node.imm[2]), classes[node.args[0].id]
            key = (-1, memory, address)
            end = _integer(node.imm[1]) + size
            certain = _within(saturation, address, end, minimum, memory)
        before = reached.setdefault(key, [])
        if certain or any(e >= end and b.dominates(node.block) for b, e in before):
            if op not in STORE_SIZES:
                found[node.id] = node
        else:
            before.append((node.block, end))
    return found


def _within(
    saturation: Saturation, address: int, end: int, minimum: Sequence[int], memory: int
) -> bool:
    constant = saturation.constants.get(address)
    if constant is None or constant[0] != 0x41 or memory >= len(minimum):
        return False
    return (constant[1] & _LOW32) + end <= minimum[memory]


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value
