"""Concrete semantics of the pure operators: one function per spec name, over unsigned bit patterns.

The validator uses it three ways: to fold constants in its own terms, to simulate both sides on
random vectors, and as the yardstick its Z3 encodings and wasmtime are compared with in the tests.
Written from the WebAssembly core specification 3.0, chapter "Numerics"; deliberately shared with
no other room. Operators that may trap are given their *total* value here (division by zero as
SMT-LIB defines it); when they trap is told by :func:`traps`.

Floats are exact wherever no NaN is involved. A NaN result is the canonical NaN, which is one of
the values that the specification allows: callers must not fold constants to a NaN.
"""

import math
import struct
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Final

M32: Final = 0xFFFF_FFFF
M64: Final = 0xFFFF_FFFF_FFFF_FFFF
NAN32: Final = 0x7FC0_0000
NAN64: Final = 0x7FF8_0000_0000_0000

Operator = Callable[..., int]


def evaluate(name: str, args: Sequence[int]) -> int:
    """The total value of operator ``name`` on unsigned bit patterns, as an unsigned bit pattern.

    Raises ``KeyError`` for a name that :data:`OPERATORS` does not hold.
    """
    return OPERATORS[name](*args)


def traps(name: str, args: Sequence[int]) -> bool:
    """Whether operator ``name`` traps on these bit patterns (``False`` for total operators)."""
    check = TRAPS.get(name)
    return check is not None and check(*args)


def pseudo_random(name: str, args: Sequence[int], width: int) -> int:
    """A value of ``width`` bits that depends on name and arguments alone.

    Stands for an uninterpreted function in simulation; the same in every process and run.
    """
    text = f"{name}{tuple(args)}".encode()
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "little") & ((1 << width) - 1)


def is_nan(pattern: int, width: int) -> bool:
    """Whether the bit pattern is a NaN of f32 (``width`` 32) or f64 (64)."""
    if width == 32:
        return (pattern & 0x7FFF_FFFF) > 0x7F80_0000
    return (pattern & 0x7FFF_FFFF_FFFF_FFFF) > 0x7FF0_0000_0000_0000


def result_width(name: str) -> int:
    """Bits of the result of a scalar operator, from its name alone (comparisons give 32)."""
    prefix, _, operation = name.partition(".")
    if operation in COMPARISONS:
        return 32
    return 64 if prefix in ("i64", "f64") else 32


COMPARISONS: Final = frozenset(
    ["eqz", "eq", "ne", "lt", "gt", "le", "ge"]
    + [f"{c}_{s}" for c in ("lt", "gt", "le", "ge") for s in "su"]
)


def signed(value: int, width: int) -> int:
    """The two's complement reading of an unsigned pattern of ``width`` bits."""
    return value - (1 << width) if value >> (width - 1) else value


def _divide(a: int, b: int) -> int:
    """Signed division that rounds to zero, as Python's does not."""
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def _integer_operators(width: int) -> dict[str, Operator]:
    """The operators of i32 or i64, without conversions."""
    mask, w = (1 << width) - 1, width - 1
    top = 1 << w

    def sgn(x: int) -> int:
        return (x ^ top) - top

    def div_s(x: int, y: int) -> int:
        if y == 0:
            return 1 if x >> w else mask
        return _divide(sgn(x), sgn(y)) & mask

    def rem_s(x: int, y: int) -> int:
        if y == 0:
            return x
        a, b = sgn(x), sgn(y)
        r = abs(a) % abs(b)
        return (-r if a < 0 else r) & mask

    def rotl(x: int, y: int) -> int:
        k = y & w
        return ((x << k) | (x >> (width - k))) & mask

    def rotr(x: int, y: int) -> int:
        k = y & w
        return ((x >> k) | (x << (width - k))) & mask

    return {
        "add": lambda x, y: (x + y) & mask,
        "sub": lambda x, y: (x - y) & mask,
        "mul": lambda x, y: (x * y) & mask,
        "div_s": div_s,
        "div_u": lambda x, y: x // y if y else mask,
        "rem_s": rem_s,
        "rem_u": lambda x, y: x % y if y else x,
        "and": lambda x, y: x & y,
        "or": lambda x, y: x | y,
        "xor": lambda x, y: x ^ y,
        "shl": lambda x, y: (x << (y & w)) & mask,
        "shr_u": lambda x, y: x >> (y & w),
        "shr_s": lambda x, y: (sgn(x) >> (y & w)) & mask,
        "rotl": rotl,
        "rotr": rotr,
        "clz": lambda x: width - x.bit_length(),
        "ctz": lambda x: (x & -x).bit_length() - 1 if x else width,
        "popcnt": int.bit_count,
        "eqz": lambda x: int(x == 0),
        "eq": lambda x, y: int(x == y),
        "ne": lambda x, y: int(x != y),
        "lt_u": lambda x, y: int(x < y),
        "gt_u": lambda x, y: int(x > y),
        "le_u": lambda x, y: int(x <= y),
        "ge_u": lambda x, y: int(x >= y),
        "lt_s": lambda x, y: int(sgn(x) < sgn(y)),
        "gt_s": lambda x, y: int(sgn(x) > sgn(y)),
        "le_s": lambda x, y: int(sgn(x) <= sgn(y)),
        "ge_s": lambda x, y: int(sgn(x) >= sgn(y)),
        "extend8_s": lambda x: signed(x & 0xFF, 8) & mask,
        "extend16_s": lambda x: signed(x & 0xFFFF, 16) & mask,
    }


# --- floats -------------------------------------------------------------------------------------


def _load32(bits: int) -> float:
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def _load64(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def _store32(x: float) -> int:
    """Round a double to the nearest f32, ties to even.

    Rounding twice (first to double, then here) is exact for +, -, *, / and the square root,
    because 53 >= 2 * 24 + 2.
    """
    if x != x:
        return NAN32
    try:
        return int.from_bytes(struct.pack("<f", x), "little")
    except OverflowError:
        return 0xFF80_0000 if x < 0 else 0x7F80_0000


def _store64(x: float) -> int:
    return NAN64 if x != x else int.from_bytes(struct.pack("<d", x), "little")


def _quotient(a: float, b: float) -> float:
    if b == 0:
        if a == 0 or a != a:
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


def _multiply(a: float, b: float) -> float:
    return a * b


def _root(a: float) -> float:
    if a != a or a < 0:
        return math.nan
    return math.sqrt(a)


def _least(a: float, b: float) -> float:
    if a != a or b != b:
        return math.nan
    if a == 0 and b == 0:
        return a if math.copysign(1.0, a) < 0 else b
    return min(a, b)


def _greatest(a: float, b: float) -> float:
    if a != a or b != b:
        return math.nan
    if a == 0 and b == 0:
        return a if math.copysign(1.0, a) > 0 else b
    return max(a, b)


def _rounded(how: Callable[[float], int], a: float) -> float:
    """Round to an integral float, keeping infinities and the sign of a zero."""
    if a != a or math.isinf(a):
        return a
    return math.copysign(float(how(a)), a)


def _float_operators(width: int) -> dict[str, Operator]:
    """The operators of f32 or f64, without conversions."""
    load, store = (_load32, _store32) if width == 32 else (_load64, _store64)
    top = 1 << (width - 1)
    rest = top - 1

    def unary(how: Callable[[float], float], x: int) -> int:
        return store(how(load(x)))

    def binary(how: Callable[[float, float], float], x: int, y: int) -> int:
        return store(how(load(x), load(y)))

    def compare(how: Callable[[float, float], bool], x: int, y: int) -> int:
        return int(how(load(x), load(y)))

    return {
        "abs": lambda x: x & rest,
        "neg": lambda x: x ^ top,
        "copysign": lambda x, y: (x & rest) | (y & top),
        "add": partial(binary, lambda a, b: a + b),
        "sub": partial(binary, lambda a, b: a - b),
        "mul": partial(binary, _multiply),
        "div": partial(binary, _quotient),
        "min": partial(binary, _least),
        "max": partial(binary, _greatest),
        "sqrt": partial(unary, _root),
        "ceil": partial(unary, partial(_rounded, math.ceil)),
        "floor": partial(unary, partial(_rounded, math.floor)),
        "trunc": partial(unary, partial(_rounded, math.trunc)),
        "nearest": partial(unary, partial(_rounded, round)),
        "eq": partial(compare, lambda a, b: a == b),
        "ne": partial(compare, lambda a, b: a != b),
        "lt": partial(compare, lambda a, b: a < b),
        "gt": partial(compare, lambda a, b: a > b),
        "le": partial(compare, lambda a, b: a <= b),
        "ge": partial(compare, lambda a, b: a >= b),
    }


def _integer_to_f32(value: int) -> int:
    """Round an integer to the nearest f32 directly (through f64 it would round twice)."""
    sign, value = (0x8000_0000, -value) if value < 0 else (0, value)
    excess = value.bit_length() - 24
    if excess > 0:
        low = value & ((1 << excess) - 1)
        value >>= excess
        half = 1 << (excess - 1)
        if low > half or (low == half and value & 1):
            value += 1
        value <<= excess
    return sign | _store32(float(value))


def _range(width: int, sign: str) -> tuple[int, int]:
    """Smallest and largest integer of the target of a float-to-integer conversion."""
    return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if sign == "s" else (0, (1 << width) - 1)


def _truncate(load: Callable[[int], float], width: int, sign: str, x: int) -> int:
    """Saturating float-to-integer conversion; also the total value of the trapping one."""
    value = load(x)
    low, high = _range(width, sign)
    if value != value:
        return 0
    if math.isinf(value):
        return (low if value < 0 else high) & ((1 << width) - 1)
    return min(max(math.trunc(value), low), high) & ((1 << width) - 1)


def _truncation_traps(load: Callable[[int], float], width: int, sign: str, x: int) -> bool:
    value = load(x)
    if value != value or math.isinf(value):
        return True
    low, high = _range(width, sign)
    return not low <= math.trunc(value) <= high


def _conversions() -> dict[str, Operator]:
    table: dict[str, Operator] = {
        "i32.wrap_i64": lambda x: x & M32,
        "i64.extend_i32_u": lambda x: x,
        "i64.extend_i32_s": lambda x: signed(x, 32) & M64,
        "i64.extend32_s": lambda x: signed(x & M32, 32) & M64,
        "f64.promote_f32": lambda x: _store64(_load32(x)),
        "f32.demote_f64": lambda x: _store32(_load64(x)),
        "select": lambda a, b, condition: a if condition & M32 else b,
    }
    for a, b in ("i32", "f32"), ("i64", "f64"):
        table[f"{a}.reinterpret_{b}"] = table[f"{b}.reinterpret_{a}"] = lambda x: x
    for float_type, load in ("f32", _load32), ("f64", _load64):
        for width in (32, 64):
            for sign in "su":
                name = f"_{float_type}_{sign}"
                value = partial(_truncate, load, width, sign)
                table[f"i{width}.trunc_sat{name}"] = table[f"i{width}.trunc{name}"] = value
    for width in (32, 64):
        table[f"f32.convert_i{width}_u"] = _integer_to_f32
        table[f"f64.convert_i{width}_u"] = lambda x: _store64(float(x))
        table[f"f32.convert_i{width}_s"] = lambda x, w=width: _integer_to_f32(signed(x, w))
        table[f"f64.convert_i{width}_s"] = lambda x, w=width: _store64(float(signed(x, w)))
    return table


def _operators() -> dict[str, Operator]:
    table = _conversions()
    for width in (32, 64):
        for name, operator in _integer_operators(width).items():
            table[f"i{width}.{name}"] = operator
        for name, operator in _float_operators(width).items():
            table[f"f{width}.{name}"] = operator
    return table


def _trapping() -> dict[str, Callable[..., bool]]:
    table: dict[str, Callable[..., bool]] = {}
    for width in (32, 64):
        mask, top = (1 << width) - 1, 1 << (width - 1)
        for name in ("div_u", "rem_u", "rem_s"):
            table[f"i{width}.{name}"] = lambda x, y: y == 0
        table[f"i{width}.div_s"] = lambda x, y, m=mask, t=top: y == 0 or (x == t and y == m)
        for float_type, load in ("f32", _load32), ("f64", _load64):
            for sign in "su":
                check = partial(_truncation_traps, load, width, sign)
                table[f"i{width}.trunc_{float_type}_{sign}"] = check
    return table


OPERATORS: Final[dict[str, Operator]] = _operators()
"""Spec text name to total value; arguments and result are unsigned bit patterns."""

TRAPS: Final[dict[str, Callable[..., bool]]] = _trapping()
"""Spec text name to trap condition, for the operators that may trap."""

BITWISE_FLOAT: Final = frozenset(f"f{w}.{n}" for w in (32, 64) for n in ("abs", "neg", "copysign"))
"""Float operators that only move bits: exact on NaNs too."""
