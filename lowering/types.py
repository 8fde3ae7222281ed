"""Instructions and value types in the lowering: numbers, defaults, and what is refused."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..ir.graph import ValType

Instr: TypeAlias = "tuple[Any, ...]"
"""An instruction: opcode and immediates."""

I32, I64, F32, F64, V128 = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B
NAMED: dict[str, ValType] = {"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128}
"""Numbers of the value types that opcode rows name."""

_ZERO = {
    I32: (0x41, (0,)),
    I64: (0x42, (0,)),
    F32: (0x43, (0,)),
    F64: (0x44, (0,)),
    V128: (0xFD000C, (0,)),
}
_NULLABLE = 0x63


def default(type: ValType) -> tuple[int, tuple[Any, ...]] | None:
    """Return opcode and immediates of a local's initial value, `None` where it has none."""
    if isinstance(type, tuple):
        return (0xD0, (type[1],)) if type[0] == _NULLABLE else None
    zero = _ZERO.get(type)
    if zero is not None:
        return zero
    # An abbreviated reference type is the heap type's byte, read as a signed 7-bit number.
    return 0xD0, (type - 0x80,)


def has_default(type: ValType) -> bool:
    """Tell whether a local of this type starts with a value."""
    return not isinstance(type, tuple) or type[0] == _NULLABLE


class Unsupported(Exception):
    """The function is kept as it is; the message says why."""


def as_int(value: object) -> int:
    """Return an immediate that is a number."""
    assert isinstance(value, int)
    return value
