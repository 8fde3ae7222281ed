"""A third reading of rule text for the tests: plain integers, neither engine nor solver."""

from __future__ import annotations

from collections.abc import Mapping

from eqsat.bench.mutants.primitives import Undefined, primitive
from eqsat.rules.pretty import Tree
from eqsat.verify.concrete import evaluate, traps

__all__ = ["Undefined", "primitive", "term"]


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
