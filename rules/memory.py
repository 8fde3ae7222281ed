"""Loads and globals over histories: forwarding of what was stored, and walking past other stores.

Relies on the terms of ``signature``: one history a space, so another memory or global never stands
in the way; an equal load of an equal history is congruence and needs no rule. Addresses are 32
bits, offsets are added without wrapping, but ``b + k`` inside an address wraps: the disjointness
rows check both readings of the sum and so need to assume nothing.
"""

from __future__ import annotations

from .language import Rows, rules
from .signature import VALUE_SORTS
from .terms import F32, F64, I32, I64, K32, N, Tok, V, Val, convert

MEMORY_SORTS = tuple(sort for sort in VALUE_SORTS if sort != "Ref")
WRAP = 1 << 32


def load(sort: str, t: Tok, address: V, offset: N, size: N | int, sign: N | int) -> V:
    """A load term."""
    shape = " ".join(str(part) if isinstance(part, int) else part.text for part in (size, sign))
    return V(f"(load.{sort} {t.text} {address.text} {offset.text} {shape})", sort)


def store(t: Tok, address: V, offset: N, size: N | int, value: V | Val) -> Tok:
    """The history after a store."""
    width = size if isinstance(size, int) else size.text
    held = value.text if isinstance(value, Val) else f"(val.{value.sort} {value.text})"
    return Tok(f"(tok.store {t.text} {address.text} {offset.text} {width} {held})")


def _low(v: V, size: int, sign: int) -> V:
    """The low ``size`` bytes of v, extended to v's width."""
    if 8 * size == v.bits:
        return v
    return v.op(f"extend{8 * size}_s") if sign else v & ((1 << (8 * size)) - 1)


@rules(kind="effect")
def forward(t: Tok, p: I32, o: N, v: I32, w: I64, x: F32, y: F64) -> Rows:
    """A load of exactly the bytes that were stored gives the stored value."""
    for size in (1, 2, 4, 8):
        for sign in (0, 1):
            if sign and size == 8:
                continue
            name = f"{8 * size}{'_s' if sign else ''}"
            if size <= 4 and not (sign and size == 4):
                into = load("I32", store(t, p, o, size, v), p, o, size, sign)
                yield f"load-store-i32-{name}", into, _low(v, size, sign)
                into = load("I32", store(t, p, o, size, w), p, o, size, sign)
                yield f"load-store-i32-of-i64-{name}", into, _low(_wrap(w), size, sign)
            if size <= 4:
                into = load("I64", store(t, p, o, size, v), p, o, size, sign)
                extend = "i64.extend_i32_s" if sign else "i64.extend_i32_u"
                yield f"load-store-i64-of-i32-{name}", into, convert(extend, _low(v, size, sign))
            into = load("I64", store(t, p, o, size, w), p, o, size, sign)
            yield f"load-store-i64-{name}", into, _low(w, size, sign)
    for value, other, back, there in (
        (x, v, "f32.reinterpret_i32", "i32.reinterpret_f32"),
        (y, w, "f64.reinterpret_i64", "i64.reinterpret_f64"),
    ):
        kind, size = value.sort.lower(), value.bits // 8 if value.sort == "F64" else 4
        yield (
            f"load-store-{kind}",
            load(value.sort, store(t, p, o, size, value), p, o, size, 0),
            value,
        )
        into = load(value.sort, store(t, p, o, size, other), p, o, size, 0)
        yield f"load-store-{kind}-of-int", into, convert(back, other)
        into = load(other.sort, store(t, p, o, size, value), p, o, size, 0)
        yield f"load-store-int-of-{kind}", into, convert(there, value)
    vector = V("q", "V128")
    into = load("V128", store(t, p, o, 16, vector), p, o, 16, 0)
    yield "load-store-v128", into, vector


def _wrap(w: V) -> V:
    return convert("i32.wrap_i64", w)


@rules(kind="effect")
def inside(t: Tok, p: I32, o: N, m: N, s: N, v: I32, w: I64) -> Rows:
    """A load of some of the bytes of a wider store is a shift of the stored value."""
    shift = ((o - m) * 8).text
    for size in (1, 2, 4):
        part = f"{8 * size}"
        within = (o >= m, o - m <= N("8") - size, s.is_(8))
        high = w.shr_u(V(f"(i64.const {shift})", "I64"))
        for sign in (0, 1):
            name = part + ("_s" if sign else "")
            held = store(t, p, m, s, w)
            yield (
                *(f"load-inside-i64-{name}", load("I64", held, p, o, size, sign)),
                *(_low(high, size, sign), within),
            )
            if not (sign and size == 4):
                into = load("I32", held, p, o, size, sign)
                yield f"load-inside-i32-{name}", into, _low(_wrap(high), size, sign), within
            if size < 4:
                narrow = (o >= m, o - m <= N("4") - size, s.is_(4))
                moved = v.shr_u(V(f"(i32.const {shift})", "I32"))
                into = load("I32", store(t, p, m, s, v), p, o, size, sign)
                yield f"load-inside-i32-of-i32-{name}", into, _low(moved, size, sign), narrow


@rules(kind="effect")
def stored(t: Tok, p: I32, o: N, s: N, u: Val, v: Val) -> Rows:
    """A store over a store, and the value of a global."""
    yield "store-store", store(store(t, p, o, s, u), p, o, s, v), store(t, p, o, s, v)
    yield "set-set", Tok("(tok.set (tok.set t u) v)"), Tok("(tok.set t v)")
    for sort in VALUE_SORTS:
        x = V("x", sort)
        yield f"get-set-{sort}", V(f"(get.{sort} (tok.set t (val.{sort} x)))", sort), x


@rules(ruleset="walk", kind="effect")
def walk(t: Tok, p: I32, o: N, m: N, s: N, n: N, g: N, u: Val, j: K32, k: K32) -> Rows:
    """A load looks past a store that cannot touch its bytes: same base, other offsets.

    ``d`` is how far the load's address lies above the store's; it must be at least the store's
    size, or at most minus the load's, whichever way sums inside the addresses wrapped.
    """
    moved, stepped = (V(f"(i32.add p {p.of(c).text})", "I32") for c in (j, k))
    fixed, other = (p.of(c) for c in (j, k))
    for sort in MEMORY_SORTS:
        for name, at, to, distances in (
            ("same", p, p, (o - m,)),
            ("above", p, stepped, (k.unsigned() + o - m, k.unsigned() + o - m - WRAP)),
            ("below", moved, p, (o - m - j.unsigned(), o - m - j.unsigned() + WRAP)),
            (
                "both",
                moved,
                stepped,
                tuple(
                    k.unsigned() - j.unsigned() + o - m + wrapped for wrapped in (0, WRAP, -WRAP)
                ),
            ),
            ("constant", fixed, other, (k.unsigned() - j.unsigned() + o - m,)),
        ):
            into = load(sort, store(t, at, m, s, u), to, o, n, g)
            apart = tuple(_apart(d, s, n) for d in distances)
            yield f"walk-{name}-{sort}", into, load(sort, t, to, o, n, g), apart


def _apart(d: N, stored: N, loaded: N) -> str:
    """The condition ``d >= stored or d <= -loaded``: the larger difference is not negative."""
    return f"(>= (max {(d - stored).text} {(N('0') - loaded - d).text}) 0)"
