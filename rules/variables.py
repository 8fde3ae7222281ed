"""The variables of a rule and their sorts, read off its text.

Only what records matches needs them, so nothing is computed when the book is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable

from .pretty import Tree, tree
from .signature import CONSTRUCTORS, FACTS, INTEGER


def variables(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the variables of terms and facts with their sorts, in order of appearance."""
    found: dict[str, str] = {}
    for text in texts:
        _collect(tree(text), "", found)
    return tuple(found.items())


def _collect(node: Tree, sort: str, found: dict[str, str]) -> None:
    if isinstance(node, str):
        if sort and not node.lstrip("-").isdigit():
            found.setdefault(node, sort)
        return
    head, operands = node[0], node[1:]
    assert isinstance(head, str)
    row = CONSTRUCTORS.get(head)
    if row is not None:
        sorts: tuple[str, ...] = row.arguments
    elif head in FACTS:
        sorts = (FACTS[head],)
    elif head == "=" and any(_is_term(operand) for operand in operands):
        sorts = ("",) * len(operands)
    else:
        sorts = (INTEGER,) * len(operands)
    for operand, expected in zip(operands, sorts, strict=True):
        _collect(operand, expected, found)


def _is_term(node: Tree) -> bool:
    """Whether a node is a term of the graph, so that the other side is one of the same class."""
    return isinstance(node, list) and node[0] in CONSTRUCTORS
