"""Comparisons and Boolean combinations of them.

Canonical form: ``eqz`` for equality with 0, the constant on the right, no ``eqz`` around an integer
comparison (its opposite exists). A Boolean is an i32 known to be 0 or 1 (``kz`` is -2).
"""

from __future__ import annotations

from .language import Rows, rules, zeros
from .terms import I32, K32, K64, K, V, convert, eqz, in_width, is_pow2

OPPOSITES = (
    ("eq", "ne"),
    ("lt_s", "ge_s"),
    ("lt_u", "ge_u"),
    ("gt_s", "le_s"),
    ("gt_u", "le_u"),
)
SWAPS = (("lt_s", "gt_s"), ("lt_u", "gt_u"), ("le_s", "ge_s"), ("le_u", "ge_u"))
BOOLEAN = -2
"""The known-zero mask of a value that is 0 or 1."""


@rules("i32", "i64")
def opposites(x: V, y: V) -> Rows:
    """A negated comparison is the opposite one; a value against itself is known."""
    for one, other in OPPOSITES:
        yield f"eqz-{one}", eqz(x.cmp(one, y)), x.cmp(other, y)
        yield f"eqz-{other}", eqz(x.cmp(other, y)), x.cmp(one, y)
    for op in ("eq", "le_s", "le_u", "ge_s", "ge_u"):
        yield f"{op}-self", x.cmp(op, x), 1
    for op in ("ne", "lt_s", "lt_u", "gt_s", "gt_u"):
        yield f"{op}-self", x.cmp(op, x), 0


@rules("i32", "i64", ruleset="comm")
def swapped(x: V, y: V) -> Rows:
    """The operands in the other order."""
    for op in ("eq", "ne"):
        yield f"{op}-comm", x.cmp(op, y), y.cmp(op, x)
    for one, other in SWAPS:
        yield f"{one}-swap", x.cmp(one, y), y.cmp(other, x)
        yield f"{other}-swap", x.cmp(other, y), y.cmp(one, x)


@rules("i32", "i64")
def against_constants(x: V, y: V, c: K) -> Rows:
    """Comparisons with 0, 1, -1 and the ends of the range."""
    least, greatest = -1 << (x.bits - 1), (1 << (x.bits - 1)) - 1
    yield "eq-0", x.cmp("eq", 0), eqz(x)
    yield "eqz-eqz", eqz(eqz(x)), x.cmp("ne", 0)
    yield "lt_u-1", x.cmp("lt_u", 1), eqz(x)
    yield "le_u-0", x.cmp("le_u", 0), eqz(x)
    yield "ge_u-1", x.cmp("ge_u", 1), x.cmp("ne", 0)
    yield "gt_u-0", x.cmp("gt_u", 0), x.cmp("ne", 0)
    yield "lt_u-0", x.cmp("lt_u", 0), 0
    yield "ge_u-0", x.cmp("ge_u", 0), 1
    yield "gt_u-m1", x.cmp("gt_u", -1), 0
    yield "le_u-m1", x.cmp("le_u", -1), 1
    yield "lt_s-least", x.cmp("lt_s", least), 0
    yield "ge_s-least", x.cmp("ge_s", least), 1
    yield "gt_s-greatest", x.cmp("gt_s", greatest), 0
    yield "le_s-greatest", x.cmp("le_s", greatest), 1
    yield "gt_s-m1", x.cmp("gt_s", -1), x.cmp("ge_s", 0)
    yield "le_s-m1", x.cmp("le_s", -1), x.cmp("lt_s", 0)
    yield "lt_s-1", x.cmp("lt_s", 1), x.cmp("le_s", 0)
    yield "ge_s-1", x.cmp("ge_s", 1), x.cmp("gt_s", 0)
    yield "ge_u-top", x.cmp("ge_u", least), x.cmp("lt_s", 0)


@rules("i32", "i64")
def shorter_constants(x: V, c: K) -> Rows:
    """The neighbour, where it is a byte shorter: 64 and -65 take two bytes, 63 and -64 one."""
    edges = sum(1 << (6 + 7 * i) for i in range(x.bits // 7 - 1))
    up = (*is_pow2(c), (c & edges).is_not(0))
    down = (*is_pow2(~c), (~c & edges).is_not(0))
    for sign in ("_s", "_u"):
        yield f"lt{sign}-shorter", x.cmp(f"lt{sign}", c), x.cmp(f"le{sign}", c - 1), up
        yield f"ge{sign}-shorter", x.cmp(f"ge{sign}", c), x.cmp(f"gt{sign}", c - 1), up
    yield "le_s-shorter", x.cmp("le_s", c), x.cmp("lt_s", c + 1), down
    yield "gt_s-shorter", x.cmp("gt_s", c), x.cmp("ge_s", c + 1), down


@rules("i32", "i64")
def equalities(x: V, y: V, z: V, a: K, b: K) -> Rows:
    """What can be taken off both sides of an equality."""
    yield "eqz-sub", eqz(x - y), x.cmp("eq", y)
    yield "eqz-xor", eqz(x ^ y), x.cmp("eq", y)
    yield "eqz-add-const", eqz(x + a), x.cmp("eq", -a)
    for op in ("eq", "ne"):
        yield f"{op}-add-const", (x + a).cmp(op, b), x.cmp(op, b - a)
        yield f"{op}-add-add", (x + z).cmp(op, y + z), x.cmp(op, y)
        yield f"{op}-sub-sub", (x - z).cmp(op, y - z), x.cmp(op, y)
        yield f"{op}-add-self", (x + y).cmp(op, y), x.cmp(op, 0)
    yield "ne-sub-0", (x - y).cmp("ne", 0), x.cmp("ne", y)
    yield "eqz-shr_u", eqz(x.shr_u(a)), x.cmp("lt_u", x.of(1).shl(a)), in_width(a)
    yield "ne-shr_u", x.shr_u(a).cmp("ne", 0), x.cmp("ge_u", x.of(1).shl(a)), in_width(a)
    yield "lt_s-shr_u", x.shr_u(x.bits - 1), _widened(x, x.cmp("lt_s", 0))


def _widened(x: V, truth: V) -> V:
    """A comparison as a value of x's type."""
    return truth if x.sort == "I32" else convert("i64.extend_i32_u", truth)


@rules("i32", "i64")
def ranges(x: V, y: V, a: K, b: K) -> Rows:
    """Two comparisons of one value become one."""
    yield (
        *("range_s", x.cmp("ge_s", a) & x.cmp("le_s", b)),
        *((x - a).cmp("le_u", b - a), a <= b),
    )
    yield "and-eqz-eqz", eqz(x) & eqz(y), eqz(x | y)
    yield "or-ne-ne", x.cmp("ne", 0) | y.cmp("ne", 0), (x | y).cmp("ne", 0)


@rules()
def booleans(x: I32, z: K32) -> Rows:
    """Values known to be 0 or 1."""
    boolean = (zeros(x, z), (z & BOOLEAN).is_(BOOLEAN))
    yield "boolean-ne-0", x.cmp("ne", 0), x, boolean
    yield "boolean-eq-1", x.cmp("eq", 1), x, boolean
    yield "boolean-ne-1", x.cmp("ne", 1), eqz(x), boolean
    yield "boolean-xor-1", x ^ 1, eqz(x), boolean


@rules()
def of_extended(x: I32, c: K64) -> Rows:
    """An equality of an extended value with a constant in its range is one of the value."""
    up, signed = "i64.extend_i32_u", "i64.extend_i32_s"
    for name, short in ((up, "u"), (signed, "s")):
        yield f"eqz-extend_{short}", eqz(convert(name, x)), eqz(x)
        low, high = (0, 0xFFFF_FFFF) if short == "u" else (-(1 << 31), (1 << 31) - 1)
        for op in ("eq", "ne"):
            yield (
                *(f"extend_{short}-{op}", convert(name, x).cmp(op, c), x.cmp(op, c.as32())),
                *(c >= low, c <= high),
            )


@rules("f32", "f64", ruleset="comm")
def float_swapped(x: V, y: V) -> Rows:
    """The same order seen from the other side."""
    for one, other in (("lt", "gt"), ("le", "ge")):
        yield f"{one}-swap", x.cmp(one, y), y.cmp(other, x)
        yield f"{other}-swap", x.cmp(other, y), y.cmp(one, x)
