"""Loads and globals over histories: forwarding of what was stored, and walking past other stores.

Relies on the terms of ``signature``: one history a space, so another memory or global never stands
in the way; an equal load of an equal history is congruence and needs no rule.

Canonical form: constants of an address stand in the offset, modulo 2^32. That is sound for terms,
because a history is a total map over addresses that wrap, and equals the real memory for every
access that happened, whose address did not wrap. It is no rule about instructions: the anchor
keeps its own address and offset.
"""

from __future__ import annotations

from .language import Rows, rules
from .terms import I32, I64, K32, N, Tok, V, Val, convert

WALKING_SORTS = ("I32", "I64")
LOW32 = 0xFFFF_FFFF


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
def forward(t: Tok, p: I32, o: N, v: I32, w: I64) -> Rows:
    """A load of exactly the bytes that were stored gives the stored value.

    Where both addresses are the same term `skeleton.forward` has done it, for every type; these are
    for integers whose addresses turn out to be equal here.
    """
    for value in (v, w):
        for size in (1, 2, 4, 8)[: 3 if value is v else 4]:
            full = 8 * size == value.bits
            for sign in (0,) if full else (0, 1):
                into = load(value.sort, store(t, p, o, size, value), p, o, size, sign)
                name = f"{value.sort}-{8 * size}{'_s' if sign else ''}"
                yield f"load-store-{name}", into, _low(value, size, sign)


def _wrap(w: V) -> V:
    return convert("i32.wrap_i64", w)


@rules(kind="effect")
def inside(t: Tok, p: I32, o: N, m: N, w: I64) -> Rows:
    """A narrow load inside an 8-byte store, as of two fields copied at once, is a shift."""
    ahead = _distance(m, o)
    high = w.shr_u(V(f"(i64.const {(ahead * 8).text})", "I64"))
    held = store(t, p, m, 8, w)
    for size in (1, 2, 4):
        for sign in (0,) if size == 4 else (0, 1):
            name = f"load-inside-{8 * size}{'_s' if sign else ''}"
            into = load("I32", held, p, o, size, sign)
            yield name, into, _low(_wrap(high), size, sign), ahead <= 8 - size


@rules(kind="effect")
def stored(t: Tok, p: I32, o: N, s: N, u: Val, v: Val) -> Rows:
    """A store over a store, of memories and of globals."""
    yield "store-store", store(store(t, p, o, s, u), p, o, s, v), store(t, p, o, s, v)
    yield "set-set", Tok("(tok.set (tok.set t u) v)"), Tok("(tok.set t v)")


@rules(kind="effect")
def addresses(t: Tok, p: I32, o: N, s: N, g: N, v: Val, k: K32) -> Rows:
    """A constant that is added to an address moves into the offset."""
    moved = N(f"(& {(k.unsigned() + o).text} {LOW32})")
    sums = (("add", p + k, p, ()), ("constant", p.of(k), p.of(0), (k.is_not(0),)))
    for name, address, base, guard in sums:
        for sort in ("I32", "I64", "F32", "F64"):
            into = load(sort, t, address, o, s, g)
            yield f"load-{name}-{sort}", into, load(sort, t, base, moved, s, g), guard
        yield f"store-{name}", store(t, address, o, s, v), store(t, base, moved, s, v), guard


@rules(ruleset="walk", kind="effect")
def walk(t: Tok, p: I32, o: N, m: N, s: N, n: N, g: N, u: Val) -> Rows:
    """A load looks past a store that cannot touch its bytes: same base, other offset.

    On the circle of addresses the load begins after the store's last byte, and ends before its
    first.
    """
    ahead = _distance(m, o)
    for sort in WALKING_SORTS:
        into = load(sort, store(t, p, m, s, u), p, o, n, g)
        apart = (ahead >= s, ahead <= N(str(LOW32 + 1)) - n)
        yield f"walk-{sort}", into, load(sort, t, p, o, n, g), apart


def _distance(start: N, to: N) -> N:
    """How far ``to`` lies ahead of ``start`` on the circle of addresses."""
    return N(f"(& {(to - start).text} {LOW32})")
