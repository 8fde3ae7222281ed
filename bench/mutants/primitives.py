"""The engine's primitives on plain integers: neither engine nor solver."""

from __future__ import annotations

from collections.abc import Mapping

from eqsat.rules.pretty import Tree, tree

MASK64 = (1 << 64) - 1


class Undefined(Exception):
    """A primitive of the engine fails on these values, or an operation traps."""


def primitive(text: str | Tree, values: Mapping[str, int]) -> int:
    """The value of an i64 expression, or the truth of a comparison of two. Raises Undefined."""
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
