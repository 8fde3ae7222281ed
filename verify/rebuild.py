"""Building a term again after some of its children were replaced by equal ones."""

from typing import Any

from .concrete import OPERATORS
from .space import Space
from .terms import FALSE, TRUE


def rebuild(space: Space, term: int, new: dict[int, int]) -> int:
    """The normal form of ``term`` with its children replaced as ``new`` says.

    An atom (a Boolean that is no decision) gives a condition, that is what its literal becomes.
    """
    terms, values = space.terms, space.values
    node = terms.nodes[term]
    below: tuple[int, ...] = node[2:]
    children = [new.get(c, c) for c in below]
    op = node[0]
    if op == "ite":
        condition = new.get(node[2])
        if condition is None:
            condition = terms.literal(node[2])
        return terms.ite(condition, children[1], children[2])
    unchanged = all(a == b for a, b in zip(children, node[2:], strict=True))
    if terms.widths[term] == 0:
        if unchanged:
            return terms.literal(term) if term not in (TRUE, FALSE) else term
        return _condition(space, node, children)
    if unchanged:
        return term
    match op:
        case "lin":
            constant, factors = node[1]
            return values.linear(
                terms.widths[term], constant, tuple(zip(children, factors, strict=True))
            )
        case "ext":
            return values.bits(children[0], node[1], terms.widths[term])
        case "zext":
            return values.zero_extend(children[0], terms.widths[term])
        case "sext":
            return values.sign_extend(children[0], terms.widths[term])
        case "load":
            return space.memory.load(children[0], children[1], node[1])
        case "store":
            return space.memory.store(children[0], children[1], children[2], node[1])
    if op in OPERATORS:
        return values.apply(op, *children)
    return terms.make(terms.widths[term], op, node[1], *children)


def _condition(space: Space, node: tuple[Any, ...], children: list[int]) -> int:
    values, terms = space.values, space.terms
    match node[0]:
        case "nz":
            return values.truth(children[0])
        case "lt_u" | "lt_s":
            return values.compare(node[0], children[0], children[1])
    return terms.literal(terms.make(0, node[0], node[1], *children))
