"""Which bits of an integer value are known, and the number that it is where all of them are.

A result of an asynchronous call keeps a code in its low bits: whatever the payload above it, and
whichever way it came, the code may be the same constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..wasm.opcodes import BY_NAME, OPCODES
from .constants import OPERATIONS, signed
from .graph import PHI, RESULT, Block, Function, If, Loop, Value, walk

DEEPEST: Final = 40
"""Operations above constants that are looked through: conditions are shallow."""

Masks: TypeAlias = "tuple[int, int]"
"""Bits that are certainly zero, and bits that are certainly one."""

_WIDTH: Final = {0x7F: 32, 0x7E: 64}
_CONST: Final = frozenset((0x41, 0x42))
_SELECTS: Final = (0x1B, 0x1C)
ZERO_EXTENDED: Final = {
    code: int(row.name.partition("load")[2][: -len("_u")])
    for code, row in OPCODES.items()
    if row.effect == "load" and row.name.endswith("_u") and row.name[0] == "i"
}
"""Zero-extending load -> bits that it reads."""
_NAMED: Final = {
    BY_NAME[f"i{bits}.{name}"]: (name, bits)
    for bits in (32, 64)
    for name in ("and", "or", "xor", "add", "sub", "shl", "shr_u", "mul", "rem_u", "eq", "ne")
}
_TRUTHS: Final = frozenset(
    code for code, (bits, width, _) in OPERATIONS.items() if width == 32 and bits in (32, 64)
) - {
    BY_NAME[f"i32.{name}"]
    for name in (
        *("add", "sub", "mul", "and", "or", "xor", "clz", "ctz", "popcnt"),
        *("shl", "shr_s", "shr_u", "rotl", "rotr", "wrap_i64"),
    )
}
"""Comparisons: 0 or 1."""


def arrivals(function: Function) -> dict[int, list[Value]]:
    """Return for each block parameter, by id, the values that arrive there."""
    found: dict[int, list[Value]] = {}
    for node in walk(function.body):
        if isinstance(node, (Block, If, Loop)):
            for position, parameter in enumerate(node.label.params):
                entering = [node.entry[position]] if isinstance(node, Loop) else []
                found[parameter.id] = entering + [e.args[position] for e in node.label.edges]
    return found


@dataclass(slots=True)
class KnownBits:
    """What is known of the values of one function, found once.

    Attributes:
        arrived: block parameter -> the values that may arrive there.
        stand: value id -> the value that stands for it.
    """

    arrived: Mapping[int, Sequence[Value]]
    stand: Mapping[int, Value] = field(default_factory=dict)
    _known: dict[int, Masks] = field(default_factory=dict)

    def number(self, value: Value) -> int | None:
        """Return the signed number of an integer value, None where it is not known."""
        bits = _bits(value)
        if bits is None:
            return None
        zeros, ones = self.masks(value)
        return signed(ones, bits) if zeros | ones == (1 << bits) - 1 else None

    def truth(self, value: Value) -> bool | None:
        """Return whether a condition holds (is not 0), None if it is not known."""
        if self.masks(value)[1]:
            return True
        return False if self.number(value) == 0 else None

    def masks(self, value: Value, depth: int = 0) -> Masks:
        """Return the known bits of a value; nothing where it is no integer."""
        value = self.stand.get(value.id, value)
        found = self._known.get(value.id)
        if found is None:
            bits = _bits(value)
            if bits is None or depth > DEEPEST:
                return 0, 0
            # A value that depends on itself adds nothing.
            self._known[value.id] = 0, 0
            found = self._known[value.id] = self._masks(value, bits, depth + 1)
        return found

    def _masks(self, value: Value, bits: int, depth: int) -> Masks:
        every = (1 << bits) - 1
        op = value.op
        if op in _CONST:
            number = value.imm[0]
            assert isinstance(number, int)
            return _exactly(number, every)
        if op == PHI:
            return self._either(self.arrived.get(value.id, ()), every, depth)
        if op == RESULT:
            assert value.anchor is not None
            low = ZERO_EXTENDED.get(value.anchor.op)
            return (0, 0) if low is None else (every & ~((1 << low) - 1), 0)
        if op in _SELECTS:
            asked, other = self.masks(value.args[2], depth)
            if asked | other == (1 << 32) - 1 or other:
                return self.masks(value.args[0 if other else 1], depth)
            return self._either(value.args[:2], every, depth)
        given = [self.masks(arg, depth) for arg in value.args]
        operation = OPERATIONS.get(op)
        if operation is not None:
            width, _, function = operation
            mask = (1 << width) - 1
            if all((zeros | ones) & mask == mask for zeros, ones in given):
                return _exactly(function(*[signed(ones, width) for _, ones in given]), every)
        return _operation(op, given, every)

    def _either(self, values: Sequence[Value], every: int, depth: int) -> Masks:
        zeros = ones = every if values else 0
        for one in values:
            here = self.masks(one, depth)
            zeros, ones = zeros & here[0], ones & here[1]
            if not zeros | ones:
                break
        return zeros, ones


def _bits(value: Value) -> int | None:
    return _WIDTH.get(value.type) if isinstance(value.type, int) else None


def _exactly(number: int, every: int) -> Masks:
    return ~number & every, number & every


def _operation(op: int, given: Sequence[Masks], every: int) -> Masks:
    """Return what is known of the result of an operation from what is known of its operands."""
    if op in _TRUTHS:
        named = _NAMED.get(op)
        if named is None:
            return every & ~1, 0
        (zeros, ones), (zeros_, ones_) = given
        differ = bool(zeros & ones_ or ones & zeros_)
        return (every & ~1, 0) if not differ else _exactly(int(named[0] == "ne"), every)
    if op == BY_NAME["i64.extend_i32_u"]:
        return given[0][0] | every & ~((1 << 32) - 1), given[0][1]
    if op == BY_NAME["i32.wrap_i64"]:
        return given[0][0] & every, given[0][1] & every
    named = _NAMED.get(op)
    if named is None:
        return 0, 0
    name, bits = named
    (zeros, ones), (zeros_, ones_) = given
    exact = ones_ if zeros_ | ones_ == every else None
    match name:
        case "and":
            return zeros | zeros_, ones & ones_
        case "or":
            return zeros & zeros_, ones | ones_
        case "xor":
            return zeros & zeros_ | ones & ones_, zeros & ones_ | ones & zeros_
        case "add" | "sub":
            # Up to the lowest unknown bit nothing carries that is not known.
            low = _low(~(zeros | ones) & every | ~(zeros_ | ones_) & every, every)
            total = ones + ones_ if name == "add" else ones - ones_
            return ~total & low, total & low
        case "mul":
            count = _trailing(zeros, bits) + _trailing(zeros_, bits)
            return ((1 << count) - 1) & every, 0
        case "shl" if exact is not None:
            count = exact & bits - 1
            return (zeros << count | (1 << count) - 1) & every, ones << count & every
        case "shr_u" if exact is not None:
            count = exact & bits - 1
            return zeros >> count | every & ~(every >> count), ones >> count
        case "rem_u" if exact is not None and exact & exact - 1 == 0 and exact:
            return zeros | every & ~(exact - 1), ones & exact - 1
        case _:
            return 0, 0


def _low(unknown: int, every: int) -> int:
    """Return the bits below the lowest unknown one."""
    return every if not unknown else (unknown & -unknown) - 1


def _trailing(zeros: int, bits: int) -> int:
    """Return how many low bits are certainly zero."""
    unknown = ~zeros & (1 << bits) - 1
    return bits if not unknown else (unknown & -unknown).bit_length() - 1
