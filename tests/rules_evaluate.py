"""A third reading of rule text for the tests: plain integers, neither engine nor solver."""

from __future__ import annotations

from collections.abc import Mapping

from eqsat.rules.pretty import Tree, tree
from eqsat.verify.concrete import evaluate, traps

MASK64 = (1 << 64) - 1


class Undefined(Exception):
    """A primitive of the engine fails on these values, or an operation traps."""


def primitive(text: str | Tree, values: Mapping[str, int]) -> int:
    """The value of an i64 expression, or the truth of a comparison of two."""
    node = tree(text) if isinstance(text, str) and text.startswith("(") else text
    if isinstance(node, str):
        return values[node] if node in values else int(node)
    head = node[0]
    assert isinstance(head, str)
    numbers = [primitive(part, values) for part in node[1:]]
    a, b = numbers[0], numbers[-1]
    match head:
        case "+" | "-" | "*":
            result = {"+": a + b, "-": a - b, "*": a * b}[head]
        case "&" | "|" | "^":
            result = {"&": a & b, "|": a | b, "^": a ^ b}[head]
        case "<<" | ">>":
            if not 0 <= b < 64:
                raise Undefined
            result = _signed(a << b) if head == "<<" else a >> b
        case "not-i64":
            result = ~a
        case "log2":
            if a <= 0:
                raise Undefined
            result = a.bit_length() - 1
        case "min" | "max":
            result = min(a, b) if head == "min" else max(a, b)
        case "=" | "!=" | "<" | "<=" | ">" | ">=":
            return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b}.get(
                head, a >= b
            )
        case _:
            raise AssertionError(head)
    if not -(1 << 63) <= result < 1 << 63:
        raise Undefined
    return result


def _signed(value: int) -> int:
    return ((value & MASK64) ^ (1 << 63)) - (1 << 63)


def term(node: Tree, values: Mapping[str, int]) -> int:
    """The bit pattern that a term without histories denotes; variables hold bit patterns."""
    if isinstance(node, str):
        return values[node]
    head = node[0]
    assert isinstance(head, str)
    if head.endswith(".const"):
        bits = 32 if head[1:3] == "32" else 64
        return primitive(node[1], values) & ((1 << bits) - 1)
    operands = [term(part, values) for part in node[1:]]
    if head.startswith("select."):
        return operands[0] if operands[2] else operands[1]
    if head.startswith("gamma."):
        return operands[1] if operands[0] else operands[2]
    if traps(head, operands):
        raise Undefined
    return evaluate(head, operands)
