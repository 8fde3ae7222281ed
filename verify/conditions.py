"""Truth of values and comparisons as conditions: normalising, as ``values.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .concrete import signed
from .terms import FALSE, LEAF, TRUE

if TYPE_CHECKING:
    from .values import Values


def nonzero(values: Values, x: int) -> int:
    """The condition that a value is not zero."""
    terms = values.terms
    node = terms.nodes[x]
    match node[0]:
        case "c":
            return TRUE if node[1][0] else FALSE
        case "ite":
            return terms.ite(terms.literal(node[2]), values.truth(node[3]), values.truth(node[4]))
        case "zext" | "sext":
            return values.truth(node[2])
        case "i32.xor" | "i64.xor":
            return terms.negate(values.compare("eq", node[2], node[3]))
        case "i32.or" | "i64.or":
            return terms.either(values.truth(node[2]), values.truth(node[3]))
        case "lin":
            return _difference(values, x)
    return _atom(values, x)


def _atom(values: Values, x: int) -> int:
    """``nz`` of a value; of the differences of one value and constants at most one is zero."""
    terms = values.terms
    atom = terms.make(0, "nz", None, x)
    node, full = terms.nodes[x], (1 << terms.widths[x]) - 1
    constant, children = 0, (x,)
    factors: tuple[int, ...] = (1,)
    if node[0] == "lin":
        (constant, factors), children = node[1], node[2:]
    opposite = tuple(-f & full for f in factors)
    if opposite < factors:
        constant, factors = -constant & full, opposite
    terms.exclusive((factors, children, full), -constant & full, atom)
    return terms.literal(atom)


def _difference(values: Values, x: int) -> int:
    """``nz`` of a sum, up to sign."""
    terms = values.terms
    width = terms.widths[x]
    opposite = values.linear(width, 0, ((x, -1),))
    x = min(x, opposite)
    node = terms.nodes[x]
    if node[0] == "lin" and len(node) == 3 and node[1][0]:
        # x + k == 0 for a widened x: compare the narrow one, or never.
        inner = terms.nodes[node[2]]
        factor, wanted = node[1][1][0], -node[1][0]
        if inner[0] == "zext" and factor in (1, (1 << width) - 1):
            wanted = (wanted if factor == 1 else -wanted) & ((1 << width) - 1)
            narrow = terms.widths[inner[2]]
            if wanted >> narrow:
                return TRUE
            return terms.negate(values.compare("eq", inner[2], terms.constant(wanted, narrow)))
    return _atom(values, x)


def compare(values: Values, operation: str, a: int, b: int) -> int:
    """A comparison of two values of one width, as a condition."""
    terms = values.terms
    base, _, sign = operation.partition("_")
    match base:
        case "eq" | "ne":
            return equal(values, a, b) if base == "eq" else terms.negate(equal(values, a, b))
        case "lt":
            return _less(values, sign, a, b)
        case "gt":
            return _less(values, sign, b, a)
        case "le":
            return terms.negate(_less(values, sign, b, a))
        case "ge":
            return terms.negate(_less(values, sign, a, b))
    raise AssertionError(operation)


def equal(values: Values, a: int, b: int) -> int:
    """The condition that two values of one width are equal."""
    terms = values.terms
    if a == b:
        return TRUE
    if (terms.flat[a] or terms.flat[b]) and (terms.tops[a] != LEAF or terms.tops[b] != LEAF):
        spread = terms.spread(lambda p, q: equal(values, p, q), (a, b))
        if spread is not None:
            return spread
    return terms.negate(values.truth(values.linear(terms.widths[a], 0, ((a, 1), (b, -1)))))


def _less(values: Values, sign: str, a: int, b: int) -> int:
    terms = values.terms
    if a == b:
        return FALSE
    width = terms.widths[a]
    x, y = terms.value_of(a), terms.value_of(b)
    if x is not None and y is not None:
        both = (signed(x, width), signed(y, width)) if sign == "s" else (x, y)
        return TRUE if both[0] < both[1] else FALSE
    if (terms.flat[a] or terms.flat[b]) and (terms.tops[a] != LEAF or terms.tops[b] != LEAF):
        spread = terms.spread(lambda p, q: _less(values, sign, p, q), (a, b))
        if spread is not None:
            return spread
    top = 1 << (width - 1)
    least, most = (top, top - 1) if sign == "s" else (0, 2 * top - 1)
    if x is not None:
        if x == most:
            return FALSE
        return terms.negate(_less(values, sign, b, terms.constant(x + 1, width)))
    if y is not None:
        if y == least:
            return FALSE
        if sign == "u" and y == 1:
            return terms.negate(values.truth(a))
        if values.ones(a) < top and y < top:
            if values.ones(a) < y:
                return TRUE
            sign = "u"
    elif sign == "s" and values.ones(a) < top and values.ones(b) < top:
        sign = "u"
    if sign == "u" and y == 1:
        return terms.negate(values.truth(a))
    return terms.literal(terms.make(0, f"lt_{sign}", None, a, b))
