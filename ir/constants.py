"""The functions of integer operations on numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final

from ..wasm.opcodes import BY_NAME


def signed(value: int, bits: int) -> int:
    """Return the signed number that the low bits of a number are."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _table() -> dict[int, tuple[int, int, Callable[..., int]]]:
    """Opcode -> bits of the operands, bits of the result, and the function on signed numbers."""
    found: dict[int, tuple[int, int, Callable[..., int]]] = {}
    plain: dict[str, Callable[[int, int], int]] = {
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "and": operator.and_,
        "or": operator.or_,
        "xor": operator.xor,
    }
    compare: dict[str, Callable[[int, int], bool]] = {
        "lt": operator.lt,
        "gt": operator.gt,
        "le": operator.le,
        "ge": operator.ge,
    }
    for bits in (32, 64):
        mask = (1 << bits) - 1
        prefix = f"i{bits}."
        for name, function in plain.items():
            found[BY_NAME[prefix + name]] = (bits, bits, function)
        for name, test in compare.items():
            found[BY_NAME[f"{prefix}{name}_s"]] = (bits, 32, _number(test))
            found[BY_NAME[f"{prefix}{name}_u"]] = (bits, 32, _number(test, mask))
        found[BY_NAME[prefix + "eq"]] = (bits, 32, _number(operator.eq))
        found[BY_NAME[prefix + "ne"]] = (bits, 32, _number(operator.ne))
        found[BY_NAME[prefix + "eqz"]] = (bits, 32, lambda a: int(a == 0))
        found[BY_NAME[prefix + "clz"]] = (bits, bits, _leading(bits))
        found[BY_NAME[prefix + "ctz"]] = (bits, bits, _trailing(bits))
        found[BY_NAME[prefix + "popcnt"]] = (bits, bits, _ones(bits))
        for small in (8, 16, 32):
            if small < bits:
                found[BY_NAME[f"{prefix}extend{small}_s"]] = (small, bits, lambda a: a)
        for name, shift in _shifts(bits).items():
            found[BY_NAME[prefix + name]] = (bits, bits, shift)
    found[BY_NAME["i32.wrap_i64"]] = (64, 32, lambda a: a)
    found[BY_NAME["i64.extend_i32_s"]] = (32, 64, lambda a: a)
    found[BY_NAME["i64.extend_i32_u"]] = (32, 64, lambda a: a & 0xFFFFFFFF)
    return found


def _number(test: Callable[[int, int], bool], mask: int | None = None) -> Callable[[int, int], int]:
    if mask is None:
        return lambda a, b: int(test(a, b))
    return lambda a, b: int(test(a & mask, b & mask))


def _leading(bits: int) -> Callable[[int], int]:
    return lambda a: bits - (a & (1 << bits) - 1).bit_length()


def _trailing(bits: int) -> Callable[[int], int]:
    return lambda a: bits if a == 0 else (a & -a).bit_length() - 1


def _ones(bits: int) -> Callable[[int], int]:
    return lambda a: (a & (1 << bits) - 1).bit_count()


def _shifts(bits: int) -> dict[str, Callable[[int, int], int]]:
    mask = (1 << bits) - 1
    return {
        "shl": lambda a, b: a << (b & bits - 1),
        "shr_s": lambda a, b: a >> (b & bits - 1),
        "shr_u": lambda a, b: (a & mask) >> (b & bits - 1),
        "rotl": lambda a, b: (a & mask) << (b & bits - 1) | (a & mask) >> (-b & bits - 1),
        "rotr": lambda a, b: (a & mask) >> (b & bits - 1) | (a & mask) << (-b & bits - 1),
    }


OPERATIONS: Final = _table()
"""Opcode -> bits of the operands, bits of the result, and the function on signed numbers."""
