"""The engine's integer primitives on plain numbers."""

from __future__ import annotations

from collections.abc import Mapping

from .pretty import Tree


class Undefined(Exception):
    """A primitive has no value on these numbers: the engine would fail."""


def compute(node: Tree, values: Mapping[str, int]) -> int:
    """The value of an integer expression of the engine. Raises ``Undefined``."""
    if isinstance(node, str):
        return values[node] if node in values else int(node)
    head = node[0]
    numbers = [compute(part, values) for part in node[1:]]
    a, b = numbers[0], numbers[-1]
    match head:
        case "+":
            result = a + b
        case "-":
            result = a - b
        case "*":
            result = a * b
        case "&":
            result = a & b
        case "|":
            result = a | b
        case "^":
            result = a ^ b
        case "<<" if 0 <= b < 64:
            result = ((a << b) + (1 << 63)) % (1 << 64) - (1 << 63)
        case ">>" if 0 <= b < 64:
            result = a >> b
        case "not-i64":
            result = ~a
        case "log2" if a > 0:
            result = a.bit_length() - 1
        case "min":
            result = min(a, b)
        case "max":
            result = max(a, b)
        case _:
            raise Undefined
    if not -1 << 63 <= result < 1 << 63:
        raise Undefined
    return result
