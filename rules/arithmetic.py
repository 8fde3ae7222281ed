"""Sums, products and divisions of integers.

Canonical form: a constant is added, never subtracted (``x - 5`` is ``x + -5``), and stands on the
right; the ``comm`` rows bring it there. Multiplication, division and remainder by powers of two are
shifts and masks. Constants move outward through sums only in rule set ``assoc``.
"""

from __future__ import annotations

from .language import Rows, rules
from .terms import K, V, const, in_width, is_pow2, log2


@rules("i32", "i64")
def identities(x: V, y: V) -> Rows:
    """Neutral elements, and a value against itself."""
    yield "add-0", x + 0, x
    yield "sub-0", x - 0, x
    yield "mul-1", x * 1, x
    yield "mul-m1", x * -1, -x
    yield "sub-self", x - x, 0
    yield "add-self", x + x, x.shl(1)
    yield "div_u-1", x.op("div_u", 1), x
    yield "div_s-1", x.op("div_s", 1), x
    yield "rem_u-1", x.op("rem_u", 1), 0
    yield "rem_s-1", x.op("rem_s", 1), 0


@rules("i32", "i64")
def cancelling(x: V, y: V) -> Rows:
    """A term added and taken away again, and negation."""
    yield "add-sub-right", (x + y) - y, x
    yield "sub-add-right", (x - y) + y, x
    yield "sub-sub-left", x - (x - y), y
    yield "sub-add-left", x - (x + y), -y
    yield "add-neg", x + -y, x - y
    yield "sub-neg", x - -y, x + y
    yield "neg-sub", -(x - y), y - x


@rules("i32", "i64")
def constants(x: V, y: V, a: K, b: K) -> Rows:
    """Two constants meet."""
    yield "sub-const", x - a, x + -a, a.is_not(0)
    edges = sum(1 << (6 + 7 * i) for i in range(x.bits // 7 - 1))
    yield "add-shorter", x + a, x - -a, is_pow2(a), (a & edges).is_not(0)
    yield "neg-shl-const", -(x.of(a).shl(y)), x.of(-a).shl(y)
    yield "add-assoc-const", (x + a) + b, x + (a + b)
    yield "const-sub-add", (x.of(a) - x) + b, x.of(a + b) - x
    yield "const-sub-sub", x.of(a) - (x + b), x.of(a - b) - x


@rules("i32", "i64")
def distribution(x: V, y: V, z: V, a: K, b: K) -> Rows:
    """Two products of the same factor become one."""
    yield "mul-add-distribute", (x * z) + (y * z), (x + y) * z
    yield "mul-add-one", (x * a) + x, x * (const(a) + 1)
    yield "mul-sub-one", (x * a) - x, x * (const(a) + -1)
    yield "shl-add-distribute", x.shl(z) + y.shl(z), (x + y).shl(z)
    yield "shl-add-self", x.shl(a) + x, x * (x.of(1).shl(a) + 1), in_width(a)


@rules("i32", "i64")
def strength(x: V, c: K) -> Rows:
    """Powers of two; the top bit alone is the negative constant with no other bit."""
    top = -1 << (x.bits - 1)
    yield "mul-pow2", x * c, x.shl(log2(c)), is_pow2(c)
    yield "div_u-pow2", x.op("div_u", c), x.shr_u(log2(c)), is_pow2(c)
    yield "div_u-top", x.op("div_u", top), x.shr_u(x.bits - 1)
    yield "rem_u-pow2", x.op("rem_u", c), x & (c - 1), is_pow2(c)


@rules("i32")
def large_divisor(x: V, c: K) -> Rows:
    """A divisor with the top bit set fits at most once."""
    yield "div_u-large", x.op("div_u", c), x.cmp("ge_u", c), c < 0


@rules("i32", "i64", ruleset="comm")
def commutative(x: V, y: V) -> Rows:
    """Operands in either order."""
    for op in ("add", "mul", "and", "or", "xor"):
        yield f"{op}-comm", x.op(op, y), y.op(op, x)


@rules("i32", "i64", ruleset="assoc")
def associative(x: V, y: V, z: V, a: K) -> Rows:
    """Regrouping, and constants outward so that they meet; grows, so back-off only."""
    for op in ("add", "mul", "and", "or", "xor"):
        yield f"{op}-assoc", (x.op(op, y)).op(op, z), x.op(op, y.op(op, z))
    yield "add-const-out", (x + a) + y, (x + y) + a
    yield "sub-const-out-left", (x + a) - y, (x - y) + a
    yield "sub-const-out-right", x - (y + a), (x - y) + -a
    yield "add-sub-const", (x.of(a) - x) + y, (y - x) + a
