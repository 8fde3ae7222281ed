"""Floats, bit for bit: operations that only move bits, nothing that a NaN could make different.

Sums and products have no identities here (``x + 0`` loses -0, ``x * 1`` may quiet a NaN).
"""

from __future__ import annotations

from .language import Rows, rules
from .terms import V, convert


@rules("f32", "f64")
def signs(x: V, y: V) -> Rows:
    """Negation, absolute value and copied signs."""
    neg, absolute = x.op("neg"), x.op("abs")
    yield "neg-neg", neg.op("neg"), x
    yield "abs-neg", neg.op("abs"), absolute
    yield "abs-abs", absolute.op("abs"), absolute
    yield "copysign-self", x.op("copysign", x), x
    yield "copysign-neg", neg.op("copysign", y), x.op("copysign", y)
    yield "copysign-abs", absolute.op("copysign", y), x.op("copysign", y)
    yield "copysign-of-abs", x.op("copysign", y.op("abs")), absolute
    yield "abs-copysign", x.op("copysign", y).op("abs"), absolute
    yield "copysign-twice", x.op("copysign", V("z", x.sort)).op("copysign", y), x.op("copysign", y)


@rules("f32", "f64")
def reinterpreted(x: V) -> Rows:
    """Reading the bits as an integer and back."""
    kind = x.sort.lower()
    integer = f"i{kind[1:]}"
    bits = 32 if integer == "i32" else 64
    there, back = f"{integer}.reinterpret_{kind}", f"{kind}.reinterpret_{integer}"
    n = V("n", integer.upper())
    least = -1 << (bits - 1)
    yield "reinterpret-back", convert(back, convert(there, x)), x
    yield "reinterpret-there", convert(there, convert(back, n)), n
    yield "neg-by-xor", convert(back, convert(there, x) ^ least), x.op("neg")
    yield "abs-by-and", convert(back, convert(there, x) & ~least), x.op("abs")
