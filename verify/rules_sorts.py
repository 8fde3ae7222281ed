"""The sorts of a rule's variables, inferred from where they stand.

A variable has the sort of the argument position it fills, or that of the term it is equal to. A
rule whose uses disagree is unreadable.
"""

from __future__ import annotations

from collections.abc import Sequence

from .rules_terms import FACT_TABLES, signature
from .rules_text import Command, Sexp, UnreadableRule, is_number, is_variable, show


def heads(parts: Sequence[Sexp]) -> set[str]:
    """Every constructor, table and primitive that is applied somewhere in the parts."""
    found: set[str] = set()
    for part in parts:
        if isinstance(part, list) and part:
            if isinstance(part[0], str):
                found.add(part[0])
            found |= heads(part[1:])
    return found


def infer(rule: Command) -> dict[str, str]:
    """Infer the sort of every variable; ``UnreadableRule`` where uses disagree."""
    sorts: dict[str, str] = {}
    parts = (*rule.facts, *rule.actions)
    while True:
        before = len(sorts)
        for part in parts:
            _infer(part, None, sorts)
        if len(sorts) == before:
            return sorts


def _infer(tree: Sexp, expected: str | None, sorts: dict[str, str]) -> None:
    if isinstance(tree, str):
        if expected is not None and is_variable(tree):
            known = sorts.setdefault(tree, expected)
            if known != expected:
                raise UnreadableRule(f"{tree} is used as {known} and as {expected}")
        elif expected is not None and is_number(tree) and expected != "i64":
            raise UnreadableRule(f"{tree} stands where a term of sort {expected} is expected")
        return
    if not tree or not isinstance(tree[0], str):
        raise UnreadableRule(f"{show(tree)} has no head")
    head, operands = tree[0], tree[1:]
    if head in ("=", "union"):
        common = next((s for s in (sort_of(o, sorts) for o in operands) if s is not None), None)
        for operand in operands:
            _infer(operand, common, sorts)
        return
    if head == "let":
        _infer(operands[1], None, sorts)
        _infer(operands[0], sort_of(operands[1], sorts), sorts)
        return
    if head == "set":
        _infer(operands[0], None, sorts)
        _infer(operands[1], "i64", sorts)
        return
    expected_sorts = _argument_sorts(head, len(operands))
    if len(expected_sorts) != len(operands):
        raise UnreadableRule(f"{head} takes {len(expected_sorts)} arguments, not {len(operands)}")
    for operand, sort in zip(operands, expected_sorts, strict=True):
        _infer(operand, sort, sorts)


def _argument_sorts(head: str, count: int) -> Sequence[str | None]:
    if head in FACT_TABLES:
        return (head[3:],)
    if head.startswith("ask."):
        return (head[4:], "i64", "i64", "i64")[:count]
    if head.startswith("app."):
        return (None,) * count
    if "." not in head or head.startswith("ans."):
        return ("i64",) * count
    return signature(head)[0]


def sort_of(tree: Sexp, sorts: dict[str, str]) -> str | None:
    """The sort of a term or integer, None while it is not known."""
    if isinstance(tree, str):
        return "i64" if is_number(tree) else sorts.get(tree)
    head = tree[0]
    if not isinstance(head, str):
        return None
    return "i64" if "." not in head or head in FACT_TABLES else signature(head)[1]
