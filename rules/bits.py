"""Masks, shifts, rotates, sign and zero extension, and the ways between the widths.

Canonical form: constants on the right; a shift count from 0 to width - 1; masking by ``and`` where
two shifts only clear bits; the narrow operation where a wide one is wrapped or both sides of it
were extended.
"""

from __future__ import annotations

from .language import Rows, rules
from .terms import I32, I64, K32, K64, K, V, convert, in_width, smaller

LOW32 = 0xFFFF_FFFF


@rules("i32", "i64")
def masks(x: V, y: V, z: V, a: K, b: K) -> Rows:
    """And, or, exclusive or."""
    yield "and-0", x & 0, 0
    yield "and-m1", x & -1, x
    yield "and-self", x & x, x
    yield "or-0", x | 0, x
    yield "or-self", x | x, x
    yield "xor-0", x ^ 0, x
    yield "xor-self", x ^ x, 0
    yield "xor-xor", (x ^ y) ^ y, x
    yield "and-absorb", x & (x | y), x
    yield "or-absorb", x | (x & y), x
    yield "and-complement", x & ~x, 0
    yield "or-complement", x | ~x, -1
    yield "or-and-and", (x & y) | (x & z), x & (y | z)
    yield "xor-and-and", (x & y) ^ (x & z), x & (y ^ z)
    yield "or-not-not", ~x | ~y, ~(x & y)
    yield "xor-and", x ^ (x & y), x & ~y
    yield "not-add-const", ~(x + a), x.of(~a) - x
    yield "and-assoc-const", (x & a) & b, x & (a & b)
    yield "or-assoc-const", (x | a) | b, x | (a | b)
    yield "xor-assoc-const", (x ^ a) ^ b, x ^ (a ^ b)


@rules("i32", "i64")
def shifts(x: V, y: V, z: V, a: K, b: K) -> Rows:
    """A shift by a constant, twice, and under a mask."""
    for op in ("shl", "shr_s", "shr_u"):
        yield f"{op}-0", x.op(op, 0), x
        yield f"{op}-of-0", x.of(0).op(op, x), 0
        yield f"{op}-count-mask", x.op(op, y & a), x.op(op, y), (a & (a.bits - 1)).is_(a.bits - 1)
        yield f"{op}-count-add", x.op(op, y + a), x.op(op, y), (a & (a.bits - 1)).is_(0)
        yield (
            *(f"{op}-count-sub", x.op(op, y.of(a) - y), x.op(op, -y)),
            *((a & (a.bits - 1)).is_(0), a.is_not(0)),
        )
    both = in_width(a, b)
    for op in ("shl", "shr_u"):
        yield f"{op}-twice", x.op(op, a).op(op, b), x.op(op, a + b), both, a + b < a.bits
    yield "shr_s-twice", x.shr_s(a).shr_s(b), x.shr_s(smaller(a + b, a.bits - 1)), both
    ones = K("-1", x.bits)
    yield "shl-shr_u-same", x.shl(a).shr_u(a), x & ones.shr_u(a), in_width(a)
    yield "shr_u-shl-same", x.shr_u(a).shl(a), x & ones.shl(a), in_width(a)
    yield "shr_s-shl-same", x.shr_s(a).shl(a), x & ones.shl(a), in_width(a)
    yield "shl-shr_u-left", x.shl(a).shr_u(b), x.shl(a - b) & ones.shr_u(b), both, b < a
    yield "shl-shr_u-right", x.shl(a).shr_u(b), x.shr_u(b - a) & ones.shr_u(b), both, a < b
    yield "shr_u-shl-right", x.shr_u(a).shl(b), x.shr_u(a - b) & ones.shl(b), both, b < a
    yield "shr_u-shl-left", x.shr_u(a).shl(b), x.shl(b - a) & ones.shl(b), both, a < b
    yield "and-shl", x.shl(a) & b, (x & b.shr_u(a)).shl(a), in_width(a)
    yield "shl-and", (x & b).shl(a), x.shl(a) & b.shl(a), in_width(a)
    yield "and-shr_u", x.shr_u(a) & b, (x & b.shl(a)).shr_u(a), in_width(a)
    yield "shr_u-and", (x & b).shr_u(a), x.shr_u(a) & b.shr_u(a), in_width(a)
    yield "xor-shl-shl", x.shl(y) ^ z.shl(y), (x ^ z).shl(y)
    yield "xor-shr_u-shr_u", x.shr_u(y) ^ z.shr_u(y), (x ^ z).shr_u(y)


@rules("i32", "i64")
def rotates(x: V, y: V, a: K, b: K) -> Rows:
    """A rotate written as two shifts, by a constant or by a variable count."""
    yield "rotl-const", x.shl(a) | x.shr_u(b), x.rotl(a), in_width(a, b), (a + b).is_(x.bits)
    yield "rotl-variable", x.shl(y) | x.shr_u(-y), x.rotl(y)
    yield "rotr-variable", x.shl(-y) | x.shr_u(y), x.op("rotr", y)
    yield "rotr-const", x.op("rotr", a), x.rotl(-a & (x.bits - 1))


@rules("i32", "i64")
def sign_extension(x: V, y: V, a: K) -> Rows:
    """Sign extension from 8, 16 (and 32) bits."""
    for bits in (8, 16) if x.bits == 32 else (8, 16, 32):
        name = f"extend{bits}_s"
        mask = (1 << bits) - 1
        yield f"{name}-shifts", x.shl(x.bits - bits).shr_s(x.bits - bits), x.op(name)
        yield f"{name}-and", (x & a).op(name), x.op(name), (a & mask).is_(mask)
        yield f"{name}-mask", x.op(name) & a, x & a, (a & ~mask).is_(0)
        yield f"{name}-{name}", x.op(name).op(name), x.op(name)


@rules()
def between_widths(x: I32, y: I32, w: I64, v: I64, a: K32, c: K64) -> Rows:
    """Wrapping and extending undo each other, and move through bitwise operations."""
    wrap, up, signed = "i32.wrap_i64", "i64.extend_i32_u", "i64.extend_i32_s"
    yield "wrap-extend_u", convert(wrap, convert(up, x)), x
    yield "wrap-extend_s", convert(wrap, convert(signed, x)), x
    yield "extend_u-wrap", convert(up, convert(wrap, w)), w & LOW32
    yield "extend_s-wrap", convert(signed, convert(wrap, w)), w.op("extend32_s")
    yield "extend32_s-extend_u", convert(up, x).op("extend32_s"), convert(signed, x)
    yield "extend32_s-extend_s", convert(signed, x).op("extend32_s"), convert(signed, x)
    for op in ("add", "sub", "mul"):
        yield f"wrap-{op}", convert(wrap, w.op(op, v)), convert(wrap, w).op(op, convert(wrap, v))
    yield "extend_u-and-const", convert(up, x) & c, convert(up, x & c.as32())
