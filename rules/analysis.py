"""Known bits: what every operation says about the bits of its result, and the rows that use it.

``kz`` and ``ko`` hold masks in constant form (i32 sign-extended), so one formula serves both
widths. A class without a row knows nothing, so rows for one operand stand beside rows for both;
masks of several rows add up.
"""

from __future__ import annotations

from .compare import BOOLEAN
from .language import Learns, Rows, ones, rules, zeros
from .memory import load
from .terms import I32, I64, K32, K64, K, N, Tok, V, const, convert, eqz, in_width, select


@rules("i32", "i64", ruleset="analysis", kind="analysis")
def bitwise(x: V, y: V, c: I32, k: K, a: K, b: K) -> Rows:
    """Constants, masks and choices."""
    yield "bits-const", const(k), Learns(~k, k)
    yield "bits-and-zeros", x & y, Learns(zeros=a), zeros(x, a)
    yield "bits-and-zeros-right", x & y, Learns(zeros=a), zeros(y, a)
    yield "bits-and-ones", x & y, Learns(ones=a & b), ones(x, a), ones(y, b), (a & b).is_not(0)
    yield "bits-or-ones", x | y, Learns(ones=a), ones(x, a)
    yield "bits-or-ones-right", x | y, Learns(ones=a), ones(y, a)
    both = (zeros(x, a), zeros(y, b), (a & b).is_not(0))
    yield "bits-or-zeros", x | y, Learns(zeros=a & b), both
    yield "bits-xor-zeros", x ^ y, Learns(zeros=a & b), both
    yield "bits-xor-left", x ^ y, Learns(ones=a & b), ones(x, a), zeros(y, b), (a & b).is_not(0)
    yield "bits-xor-right", x ^ y, Learns(ones=a & b), zeros(x, a), ones(y, b), (a & b).is_not(0)
    merged = V(f"(gamma.{x.sort} c x y)", x.sort)
    for name, choice in (("select", select(x, y, c)), ("gamma", merged)):
        yield f"bits-{name}-zeros", choice, Learns(zeros=a & b), both
        yield (
            *(f"bits-{name}-ones", choice, Learns(ones=a & b)),
            *(ones(x, a), ones(y, b), (a & b).is_not(0)),
        )


@rules("i32", "i64", ruleset="analysis", kind="analysis")
def moved(x: V, y: V, k: K, a: K, b: K) -> Rows:
    """Shifts by a constant, and the low zeros of sums and products."""
    full = K("-1", x.bits)
    yield "bits-shl", x.shl(k), Learns(zeros=~full.shl(k)), in_width(k), k > 0
    yield "bits-shl-zeros", x.shl(k), Learns(zeros=a.shl(k)), zeros(x, a), in_width(k)
    yield "bits-shl-ones", x.shl(k), Learns(ones=a.shl(k)), ones(x, a), in_width(k)
    yield "bits-shr_u", x.shr_u(k), Learns(zeros=~full.shr_u(k)), in_width(k), k > 0
    yield "bits-shr_u-zeros", x.shr_u(k), Learns(zeros=a.shr_u(k)), zeros(x, a), in_width(k)
    yield "bits-shr_s-zeros", x.shr_s(k), Learns(zeros=a.shr_s(k)), zeros(x, a), in_width(k)
    for op in ("add", "sub"):
        yield (
            *(f"bits-{op}-low", x.op(op, y), Learns(zeros=_low_ones(a & b))),
            *(zeros(x, a), zeros(y, b), (a & b & 1).is_(1)),
        )
    yield "bits-mul-low", x * y, Learns(zeros=_low_ones(a)), zeros(x, a), (a & 1).is_(1)
    for low in (1, 8, 16, 32) if x.bits == 64 else (1, 8, 16):
        high = -1 << low
        fits = (zeros(x, a), zeros(y, b), (a & high).is_(high), (b & high).is_(high))
        yield f"bits-add-fits-{low}", x + y, Learns(zeros=K(str(high * 2), x.bits)), fits
    for op in ("clz", "ctz", "popcnt"):
        yield f"bits-{op}", x.op(op), Learns(zeros=K(str(-2 * x.bits), x.bits))


def _low_ones(a: K) -> K:
    """The run of ones at the low end of a: the bits below its lowest zero."""
    return a & (a ^ (a + 1))


@rules(ruleset="analysis", kind="analysis")
def widths(x: I32, w: I64, a: K32, c: K64) -> Rows:
    """Comparisons are 0 or 1; extension and wrapping carry bits over."""
    truth = Learns(zeros=K32(str(BOOLEAN), 32))
    for kind, sort in (("i32", "I32"), ("i64", "I64")):
        p, q = V("p", sort), V("q", sort)
        for op in ("eq", "ne", *(f"{o}_{s}" for o in ("lt", "gt", "le", "ge") for s in "su")):
            yield f"{kind}/bits-{op}", p.cmp(op, q), truth
        yield f"{kind}/bits-eqz", eqz(p), truth
    for kind, sort in (("f32", "F32"), ("f64", "F64")):
        p, q = V("p", sort), V("q", sort)
        for op in ("eq", "ne", "lt", "gt", "le", "ge"):
            yield f"{kind}/bits-{op}", p.cmp(op, q), truth
    up, wrap = "i64.extend_i32_u", "i32.wrap_i64"
    yield "bits-extend_u", convert(up, x), Learns(zeros=K64(str(-1 << 32), 64))
    low = a.as64() & 0xFFFF_FFFF
    yield "bits-extend_u-zeros", convert(up, x), Learns(zeros=low), zeros(x, a)
    yield "bits-extend_u-ones", convert(up, x), Learns(ones=low), ones(x, a)
    yield "bits-wrap-zeros", convert(wrap, w), Learns(zeros=c.as32()), zeros(w, c)
    yield "bits-wrap-ones", convert(wrap, w), Learns(ones=c.as32()), ones(w, c)


@rules(ruleset="analysis", kind="analysis")
def loaded(t: Tok, p: I32, o: N) -> Rows:
    """A zero-extending load of fewer bytes."""
    for sort, sizes in (("I32", (1, 2)), ("I64", (1, 2, 4))):
        for size in sizes:
            term = load(sort, t, p, o, size, 0)
            mask = K(str(-1 << (8 * size)), term.bits)
            yield f"bits-load-{sort}-{size}", term, Learns(zeros=mask)


@rules("i32", "i64")
def using(x: V, y: V, k: K, a: K, b: K) -> Rows:
    """What known bits decide."""
    yield "known-zero", x, 0, zeros(x, a), a.is_(-1)
    yield "known-ones", x, -1, ones(x, a), a.is_(-1)
    yield "known-all", x, const(b), zeros(x, a), ones(x, b), (a | b).is_(-1)
    yield "known-and", x & k, x, zeros(x, a), (a | k).is_(-1)
    apart = (zeros(x, a), zeros(y, b), (a | b).is_(-1))
    yield "add-disjoint", x + y, x | y, apart
    yield "known-shr_s", x.shr_s(y), x.shr_u(y), zeros(x, a), a < 0
    for op in ("lt", "gt", "le", "ge"):
        yield (
            *(f"known-{op}_s", x.cmp(f"{op}_s", y), x.cmp(f"{op}_u", y)),
            *(zeros(x, a), zeros(y, b), a < 0, b < 0),
        )
    for op in ("div", "rem"):
        yield f"known-{op}_s", x.op(f"{op}_s", k), x.op(f"{op}_u", k), zeros(x, a), a < 0, k > 0
    yield "known-eq-false", x.cmp("eq", y), 0, zeros(x, a), ones(y, b), (a & b).is_not(0)
    yield "known-ne-true", x.cmp("ne", y), 1, zeros(x, a), ones(y, b), (a & b).is_not(0)
    yield "known-eqz-false", eqz(x), 0, ones(x, a), a.is_not(0)
    yield "known-lt_u", x.cmp("lt_u", k), 1, zeros(x, a), (~a).below(k)
    yield "known-gt_u", x.cmp("gt_u", k), 0, zeros(x, a), (~a).up_to(k)
    yield "known-lt_s-const", x.cmp("lt_s", k), 1, zeros(x, a), a < 0, ~a < k
    yield "known-gt_s-const", x.cmp("gt_s", k), 0, zeros(x, a), a < 0, ~a <= k
    for bits in (8, 16):
        high = -1 << (bits - 1)
        yield (
            *(f"known-extend{bits}_s", x.op(f"extend{bits}_s"), x),
            *(zeros(x, a), (a & high).is_(high)),
        )


@rules()
def using_widths(x: I32, w: I64, a: K32, c: K64) -> Rows:
    """Sign extension of a value whose sign bit is known."""
    yield (
        *("known-extend_s", convert("i64.extend_i32_s", x), convert("i64.extend_i32_u", x)),
        *(zeros(x, a), a < 0),
    )
