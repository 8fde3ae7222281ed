"""Loads and globals over histories: forwarding of what was stored, and walking past other stores.

Relies on the terms of ``signature``: one history a space, so another memory or global never stands
in the way; an equal load of an equal history is congruence and needs no rule. Addresses are 32
bits, offsets are added without wrapping, but ``b + k`` inside an address wraps: the disjointness
rows check both readings of the sum and so need to assume nothing.
"""

from __future__ import annotations

from .language import Rows, rules
from .terms import F32, F64, I32, I64, K32, V128, N, Tok, V, Val, convert

WALKING_SORTS = ("I32", "I64")
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
def forward(t: Tok, p: I32, o: N, v: I32, w: I64, x: F32, y: F64, q: V128) -> Rows:
    """A load of exactly the bytes that were stored gives the stored value."""
    for value in (v, w):
        for size in (1, 2, 4, 8)[: 3 if value is v else 4]:
            full = 8 * size == value.bits
            for sign in (0,) if full else (0, 1):
                into = load(value.sort, store(t, p, o, size, value), p, o, size, sign)
                name = f"{value.sort}-{8 * size}{'_s' if sign else ''}"
                yield f"load-store-{name}", into, _low(value, size, sign)
    for value, size in ((x, 4), (y, 8), (q, 16)):
        into = load(value.sort, store(t, p, o, size, value), p, o, size, 0)
        yield f"load-store-{value.sort}", into, value
    for real, whole, size, back in (
        (x, v, 4, "f32.reinterpret_i32"),
        (y, w, 8, "f64.reinterpret_i64"),
    ):
        into = load(real.sort, store(t, p, o, size, whole), p, o, size, 0)
        yield f"load-store-{real.sort}-of-{whole.sort}", into, convert(back, whole)


def _wrap(w: V) -> V:
    return convert("i32.wrap_i64", w)


@rules(kind="effect")
def inside(t: Tok, p: I32, o: N, m: N, w: I64) -> Rows:
    """A narrow load inside an 8-byte store, as of two fields copied at once, is a shift."""
    high = w.shr_u(V(f"(i64.const {((o - m) * 8).text})", "I64"))
    held = store(t, p, m, 8, w)
    for size in (1, 2, 4):
        for sign in (0,) if size == 4 else (0, 1):
            name = f"load-inside-{8 * size}{'_s' if sign else ''}"
            into = load("I32", held, p, o, size, sign)
            yield name, into, _low(_wrap(high), size, sign), o >= m, o - m <= 8 - size


@rules(kind="effect")
def stored(t: Tok, p: I32, o: N, s: N, u: Val, v: Val) -> Rows:
    """A store over a store, and the value of a global."""
    yield "store-store", store(store(t, p, o, s, u), p, o, s, v), store(t, p, o, s, v)
    yield "set-set", Tok("(tok.set (tok.set t u) v)"), Tok("(tok.set t v)")
    for sort in ("I32", "I64", "F32", "F64"):
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
    for sort in WALKING_SORTS:
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
