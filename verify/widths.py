"""Narrowing, widening, and which bits of a value may be set: normalising, as ``values.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .concrete import signed

if TYPE_CHECKING:
    from .values import Values


def low(values: Values, x: int, width: int) -> int:
    """The low ``width`` bits."""
    terms = values.terms
    own = terms.widths[x]
    if own == width:
        return x
    node = terms.nodes[x]
    match node[0]:
        case "c":
            return terms.constant(node[1][0], width)
        case "ext":
            if node[1] == 0:
                return values.low(node[2], width)
            return values.bits(node[2], node[1], width)
        case "zext" | "sext":
            inner = terms.widths[node[2]]
            if inner >= width:
                return values.low(node[2], width)
            widen = values.zero_extend if node[0] == "zext" else values.sign_extend
            return widen(node[2], width)
        case "i32.and" | "i64.and":
            k = terms.value_of(node[3])
            if k is not None and k & ((1 << width) - 1) == (1 << width) - 1:
                return values.low(node[2], width)
    if width == 32 and own == 64:
        return _low_word(values, x, node)
    if terms.flat[x]:
        spread = terms.spread(lambda t: values.low(t, width), (x,))
        if spread is not None:
            return spread
    return terms.make(width, "ext", 0, x)


def _low_word(values: Values, x: int, node: tuple[Any, ...]) -> int:
    """Narrowing to i32 goes through what is computed modulo 2^32 anyway."""
    terms = values.terms
    match node[0]:
        case "lin":
            constant, factors = node[1]
            parts = zip(node[2:], factors, strict=True)
            return values.linear(32, constant, tuple((values.low(t, 32), f) for t, f in parts))
        case "i64.and" | "i64.or" | "i64.xor" | "i64.mul":
            name = "i32" + node[0][3:]
            return values.apply(name, values.low(node[2], 32), values.low(node[3], 32))
        case "ite":
            found = terms.spread(lambda t: values.low(t, 32), (x,))
            if found is not None:
                return found
    return terms.make(32, "ext", 0, x)


def bits(values: Values, x: int, at: int, width: int) -> int:
    """``width`` bits from bit ``at`` on."""
    terms = values.terms
    if at == 0:
        return values.low(x, width)
    node = terms.nodes[x]
    match node[0]:
        case "c":
            return terms.constant(node[1][0] >> at, width)
        case "ext":
            return values.bits(node[2], node[1] + at, width)
        case "zext":
            inner = terms.widths[node[2]]
            if at >= inner:
                return terms.constant(0, width)
            if at + width <= inner:
                return values.bits(node[2], at, width)
    return terms.make(width, "ext", at, x)


def zero_extend(values: Values, x: int, width: int) -> int:
    """Widen with zeros."""
    terms = values.terms
    if terms.widths[x] == width:
        return x
    node = terms.nodes[x]
    if node[0] == "c":
        return terms.constant(node[1][0], width)
    if node[0] == "zext":
        return values.zero_extend(node[2], width)
    if node[0] == "ite":
        found = terms.spread(lambda t: values.zero_extend(t, width), (x,))
        if found is not None:
            return found
    return terms.make(width, "zext", None, x)


def sign_extend(values: Values, x: int, width: int) -> int:
    """Widen with copies of the sign bit."""
    terms = values.terms
    own = terms.widths[x]
    if own == width:
        return x
    node = terms.nodes[x]
    if node[0] == "c":
        return terms.constant(signed(node[1][0], own), width)
    if node[0] == "sext":
        return values.sign_extend(node[2], width)
    if values.ones(x) >> (own - 1) == 0:
        return values.zero_extend(x, width)
    if node[0] == "ite":
        found = terms.spread(lambda t: values.sign_extend(t, width), (x,))
        if found is not None:
            return found
    return terms.make(width, "sext", None, x)


def possible_ones(values: Values, x: int) -> int:
    """A mask of the bits that may be set."""
    terms = values.terms
    node, full = terms.nodes[x], (1 << terms.widths[x]) - 1
    match node[0]:
        case "c":
            return int(node[1][0])
        case "zext":
            return values.ones(node[2])
        case "ext" if node[1] == 0:
            return values.ones(node[2]) & full
        case "ite":
            return values.ones(node[3]) | values.ones(node[4])
        case "i32.and" | "i64.and":
            return values.ones(node[2]) & values.ones(node[3])
        case "i32.or" | "i64.or" | "i32.xor" | "i64.xor":
            return values.ones(node[2]) | values.ones(node[3])
        case "i32.shr_u" | "i64.shr_u":
            k = terms.value_of(node[3])
            return full if k is None else values.ones(node[2]) >> k
        case "lin":
            return _ones_of_sum(values, node, full)
        case "i32.clz" | "i32.ctz" | "i32.popcnt" | "i64.clz" | "i64.ctz" | "i64.popcnt":
            return 127
    return full


def _ones_of_sum(values: Values, node: tuple[Any, ...], full: int) -> int:
    """A sum that cannot wrap is below a bound; its trailing zeros are known as well."""
    constant, factors = node[1]
    most, lowest = constant, constant & -constant
    for term, factor in zip(node[2:], factors, strict=True):
        ones = values.ones(term)
        if ones == 0:
            continue
        most += factor * ones
        shifted = (factor & -factor) * (ones & -ones)
        lowest = min(lowest, shifted) if lowest else shifted
    bound = full if most > full else (1 << most.bit_length()) - 1
    return bound & ~(lowest - 1) if lowest else bound
