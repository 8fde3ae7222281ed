"""An upper bound of a value, read off its operations: enough to see a masked address in bounds."""

from __future__ import annotations

from typing import Final

from ..ir.bits import ZERO_EXTENDED
from ..ir.graph import RESULT, Value
from ..wasm.opcodes import BY_NAME, OPCODES

MAX_DEPTH: Final = 8
"""Operations looked through: what bounds a value is near it, and shared terms could explode."""

_WIDTH: Final = {0x7F: 32, 0x7E: 64}
_TRUTHS: Final = frozenset(
    code
    for code, row in OPCODES.items()
    if row.effect == "pure"
    and row.name.partition(".")[2].partition("_")[0] in ("eqz", "eq", "ne", "lt", "gt", "le", "ge")
    and row.results == ("i32",)
)
_CONST: Final = frozenset((BY_NAME["i32.const"], BY_NAME["i64.const"]))
_OPERATION: Final = {
    BY_NAME[f"{width}.{name}"]: name
    for width in ("i32", "i64")
    for name in ("add", "and", "or", "xor", "shl", "mul", "shr_u", "rem_u", "div_u")
}
_EXTEND: Final = BY_NAME["i64.extend_i32_u"]
_SELECT: Final = BY_NAME["select"]


def most(value: Value, depth: int = MAX_DEPTH) -> int:
    """Return a number that the value, an i32 or i64 read as unsigned, never exceeds."""
    assert isinstance(value.type, int)
    top = (1 << _WIDTH[value.type]) - 1
    op = value.op
    if op in _CONST:
        number = value.imm[0]
        assert isinstance(number, int)
        return number & top
    if op == RESULT:
        assert value.anchor is not None
        bits = ZERO_EXTENDED.get(value.anchor.op)
        return top if bits is None else (1 << bits) - 1
    if op in _TRUTHS:
        return 1
    if depth == 0:
        return top
    if op == _EXTEND:
        return most(value.args[0], depth - 1)
    if op == _SELECT:
        return max(most(value.args[0], depth - 1), most(value.args[1], depth - 1))
    name = _OPERATION.get(op)
    if name is None:
        return top
    first, second = (most(arg, depth - 1) for arg in value.args)
    exact = value.args[1].op in _CONST
    return _bound(name, first, second, top, exact)


def _bound(name: str, first: int, second: int, top: int, exact: bool) -> int:
    """Return the bound of an operation on values up to `first` and `second` (`exact`: equal)."""
    match name:
        case "and":
            return min(first, second)
        case "or" | "xor":
            return (1 << max(first.bit_length(), second.bit_length())) - 1
        case "add":
            return first + second if first + second <= top else top
        case "mul":
            return first * second if first * second <= top else top
        case "shl" if exact and second < top.bit_length():
            moved = first << second
            return moved if moved <= top else top
        case "shr_u" if exact and second < top.bit_length():
            return first >> second
        case "rem_u" if exact and second > 0:
            return min(first, second - 1)
        case "shr_u" | "div_u" | "rem_u":
            return first
        case _:
            return top
