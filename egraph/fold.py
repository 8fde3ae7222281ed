"""Exact values of pure operations on constants.

Numbers are as they stand in immediates: i32 and i64 signed, f32 and f64 the unsigned bit pattern.
Nothing is ever folded *to* a NaN, nor from one (reinterpretation of its bits apart): which NaN an
operation returns is open in the specification, and two evaluations may choose two.
Source: WebAssembly core specification 3.0, "Numerics".
"""

import math
import struct
from collections.abc import Callable, Sequence

Fold = Callable[..., int | None]
"""Immediates in, the result's immediate out, or None: it traps, or a NaN is involved."""

_M32 = 0xFFFFFFFF
_M64 = 0xFFFFFFFFFFFFFFFF


def fold(name: str, arguments: Sequence[int]) -> int | None:
    """Return the value of the operation `name` on constant `arguments`.

    None where the operation is not a foldable one, traps on these arguments, or involves a NaN.
    """
    function = FOLDS.get(name)
    return None if function is None else function(*arguments)


def f32_value(bits: int) -> float:
    """Return the number that a 32-bit pattern stands for."""
    value: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    return value


def f64_value(bits: int) -> float:
    """Return the number that a 64-bit pattern stands for."""
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def f32_bits(value: float) -> int | None:
    """Round `value` to single precision (ties to even); None for a NaN."""
    if value != value:
        return None
    try:
        packed = struct.pack("<f", value)
    except OverflowError:  # rounds beyond the largest finite number
        packed = struct.pack("<f", math.copysign(math.inf, value))
    bits: int = struct.unpack("<I", packed)[0]
    return bits


def f64_bits(value: float) -> int | None:
    """Return the pattern of `value`; None for a NaN."""
    if value != value:
        return None
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits


def _signed(value: int, width: int) -> int:
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


def _int_binary(width: int) -> dict[str, Fold]:
    mask = (1 << width) - 1
    top = 1 << (width - 1)
    count = width - 1

    def wrap(value: int) -> int:
        value &= mask
        return value - mask - 1 if value & top else value

    def div_s(a: int, b: int) -> int | None:
        if b == 0 or (a == -top and b == -1):
            return None
        quotient = abs(a) // abs(b)
        return quotient if (a < 0) == (b < 0) else -quotient

    def rem_s(a: int, b: int) -> int | None:
        if b == 0:
            return None
        rest = abs(a) % abs(b)
        return -rest if a < 0 else rest

    def rotl(a: int, b: int) -> int:
        a, b = a & mask, b & count
        return wrap((a << b) | (a >> (width - b)))

    return {
        "add": lambda a, b: wrap(a + b),
        "sub": lambda a, b: wrap(a - b),
        "mul": lambda a, b: wrap(a * b),
        "div_s": div_s,
        "div_u": lambda a, b: None if b == 0 else wrap((a & mask) // (b & mask)),
        "rem_s": rem_s,
        "rem_u": lambda a, b: None if b == 0 else wrap((a & mask) % (b & mask)),
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
        "shl": lambda a, b: wrap(a << (b & count)),
        "shr_s": lambda a, b: a >> (b & count),
        "shr_u": lambda a, b: wrap((a & mask) >> (b & count)),
        "rotl": rotl,
        "rotr": lambda a, b: rotl(a, -b),
        "eq": lambda a, b: int(a == b),
        "ne": lambda a, b: int(a != b),
        "lt_s": lambda a, b: int(a < b),
        "lt_u": lambda a, b: int((a & mask) < (b & mask)),
        "gt_s": lambda a, b: int(a > b),
        "gt_u": lambda a, b: int((a & mask) > (b & mask)),
        "le_s": lambda a, b: int(a <= b),
        "le_u": lambda a, b: int((a & mask) <= (b & mask)),
        "ge_s": lambda a, b: int(a >= b),
        "ge_u": lambda a, b: int((a & mask) >= (b & mask)),
    }


def _int_unary(width: int) -> dict[str, Fold]:
    mask = (1 << width) - 1
    return {
        "eqz": lambda a: int(a == 0),
        "clz": lambda a: width - (a & mask).bit_length(),
        "ctz": lambda a: width if a == 0 else (a & -a).bit_length() - 1,
        "popcnt": lambda a: (a & mask).bit_count(),
        "extend8_s": lambda a: _signed(a, 8),
        "extend16_s": lambda a: _signed(a, 16),
    }


def _divide(a: float, b: float) -> float:
    if b == 0:
        if a == 0 or a != a:
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


def _minimum(a: float, b: float) -> float:
    if a == b:  # two zeros: the negative one is the smaller
        return a if math.copysign(1.0, a) < 0 else b
    return min(a, b)


def _maximum(a: float, b: float) -> float:
    if a == b:
        return b if math.copysign(1.0, a) < 0 else a
    return max(a, b)


def _integral(rounding: Callable[[float], int]) -> Callable[[float], float]:
    """Round to an integer, keeping infinities and the sign of a zero."""

    def apply(a: float) -> float:
        return a if math.isinf(a) else math.copysign(float(rounding(a)), a)

    return apply


_FLOAT_BINARY: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _divide,
    "min": _minimum,
    "max": _maximum,
}

_FLOAT_UNARY: dict[str, Callable[[float], float]] = {
    "ceil": _integral(math.ceil),
    "floor": _integral(math.floor),
    "trunc": _integral(math.trunc),
    "nearest": _integral(round),
    "sqrt": lambda a: math.nan if a < 0 else math.sqrt(a),
}

_FLOAT_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "ge": lambda a, b: a >= b,
}


def _float(
    width: int, value: Callable[[int], float], bits: Callable[[float], int | None]
) -> dict[str, Fold]:
    """Return the operations of one float width.

    Single precision is computed in double and rounded once more: double has more than twice the
    digits and two, so the second rounding changes nothing for + - * / and sqrt.
    """
    sign = 1 << (width - 1)

    def is_nan(a: int) -> bool:
        number = value(a)
        return number != number

    def binary(function: Callable[[float, float], float]) -> Fold:
        def apply(a: int, b: int) -> int | None:
            x, y = value(a), value(b)
            return None if x != x or y != y else bits(function(x, y))

        return apply

    def unary(function: Callable[[float], float]) -> Fold:
        def apply(a: int) -> int | None:
            x = value(a)
            return None if x != x else bits(function(x))

        return apply

    def compare(function: Callable[[float, float], bool]) -> Fold:
        def apply(a: int, b: int) -> int | None:
            x, y = value(a), value(b)
            return None if x != x or y != y else int(function(x, y))

        return apply

    table: dict[str, Fold] = {
        "neg": lambda a: None if is_nan(a) else a ^ sign,
        "abs": lambda a: None if is_nan(a) else a & ~sign,
        "copysign": lambda a, b: None if is_nan(a) or is_nan(b) else (a & ~sign) | (b & sign),
    }
    table |= {name: binary(function) for name, function in _FLOAT_BINARY.items()}
    table |= {name: unary(function) for name, function in _FLOAT_UNARY.items()}
    table |= {name: compare(function) for name, function in _FLOAT_COMPARE.items()}
    return table


def _truncate(value: Callable[[int], float], low: int, high: int, saturate: bool) -> Fold:
    """Return float to integer, the integer in [low, high] shown signed."""
    width = 32 if high - low == _M32 else 64

    def apply(a: int) -> int | None:
        x = value(a)
        if x != x:
            return None
        beyond = low - 1 if x < 0 else high + 1
        exact = beyond if math.isinf(x) else math.trunc(x)
        if low <= exact <= high:
            return _signed(exact, width)
        if not saturate:
            return None
        return _signed(low if exact < low else high, width)

    return apply


def _f32_from_int(a: int) -> int | None:
    """Round an integer once to single precision.

    Through double it would be rounded twice. Integers beyond 2**53 are first cut to 40 digits
    with the cut-off part kept as one sticky last digit, which rounds the same way.
    """
    magnitude = abs(a)
    excess = magnitude.bit_length() - 40
    if excess > 0:
        sticky = int(magnitude & ((1 << excess) - 1) != 0)
        magnitude = ((magnitude >> excess) | sticky) << excess
    return f32_bits(float(-magnitude if a < 0 else magnitude))


def _conversions() -> dict[str, Fold]:
    table: dict[str, Fold] = {
        "i32.wrap_i64": lambda a: _signed(a, 32),
        "i64.extend_i32_s": lambda a: a,
        "i64.extend_i32_u": lambda a: a & _M32,
        "i64.extend32_s": lambda a: _signed(a, 32),
        "i32.reinterpret_f32": lambda a: _signed(a, 32),
        "i64.reinterpret_f64": lambda a: _signed(a, 64),
        "f32.reinterpret_i32": lambda a: None if math.isnan(f32_value(a & _M32)) else a & _M32,
        "f64.reinterpret_i64": lambda a: None if math.isnan(f64_value(a & _M64)) else a & _M64,
        "f32.demote_f64": lambda a: f32_bits(f64_value(a)),
        "f64.promote_f32": lambda a: f64_bits(f32_value(a)),
        "f32.convert_i32_s": _f32_from_int,
        "f32.convert_i32_u": lambda a: _f32_from_int(a & _M32),
        "f32.convert_i64_s": _f32_from_int,
        "f32.convert_i64_u": lambda a: _f32_from_int(a & _M64),
        "f64.convert_i32_s": lambda a: f64_bits(float(a)),
        "f64.convert_i32_u": lambda a: f64_bits(float(a & _M32)),
        "f64.convert_i64_s": lambda a: f64_bits(float(a)),
        "f64.convert_i64_u": lambda a: f64_bits(float(a & _M64)),
    }
    for integer, width in (("i32", 32), ("i64", 64)):
        ranges = {"s": (-(1 << (width - 1)), (1 << (width - 1)) - 1), "u": (0, (1 << width) - 1)}
        for kind, value in (("f32", f32_value), ("f64", f64_value)):
            for suffix, (low, high) in ranges.items():
                name = f"{kind}_{suffix}"
                table[f"{integer}.trunc_{name}"] = _truncate(value, low, high, False)
                table[f"{integer}.trunc_sat_{name}"] = _truncate(value, low, high, True)
    return table


def _select(a: int, b: int, condition: int) -> int:
    return a if condition != 0 else b


def _all() -> dict[str, Fold]:
    table = _conversions()
    for prefix, width in (("i32", 32), ("i64", 64)):
        for name, function in (_int_binary(width) | _int_unary(width)).items():
            table[f"{prefix}.{name}"] = function
    for name, function in _float(32, f32_value, f32_bits).items():
        table[f"f32.{name}"] = function
    for name, function in _float(64, f64_value, f64_bits).items():
        table[f"f64.{name}"] = function
    for kind in ("select", "select.I32", "select.I64", "select.F32", "select.F64"):
        table[kind] = _select
    return table


FOLDS: dict[str, Fold] = _all()
"""Every operation that can be computed here, by its text name (`select` also per sort)."""
