"""What a rule needs to match: the constructors of its query, and what a match may make of them.

A rule whose query names a constructor that no term of the batch has, and no rule that can match
makes, cannot match: it need not be registered. Modules without floats or 64-bit arithmetic never
pay for the rules about them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..rules import signature

_NAME: Final = re.compile(r"\(([^\s()]+)")


@dataclass(frozen=True, slots=True)
class Needs:
    """A command, the constructors without which it cannot match, and those it may make."""

    line: str
    needed: frozenset[str]
    made: frozenset[str]


def split_rules(lines: Iterable[str]) -> tuple[list[str], list[Needs]]:
    """Return the commands to run at once (declarations), and the rules, both in order."""
    first: list[str] = []
    rules: list[Needs] = []
    for line in lines:
        if line.startswith(("(rewrite ", "(rule ")):
            query, rest = _query(line)
            rules.append(Needs(line, _constructors(query), _constructors(rest)))
        else:
            first.append(line)
    return first, rules


def _query(line: str) -> tuple[str, str]:
    """Split a rule behind its first term: the left side of a rewrite, the facts of a rule."""
    depth = 0
    start = line.index(" ")
    for position in range(start, len(line)):
        if line[position] == "(":
            depth += 1
        elif line[position] == ")":
            depth -= 1
            if depth == 0:
                return line[start : position + 1], line[position + 1 :]
    return "", line


def _constructors(text: str) -> frozenset[str]:
    return frozenset(name for name in _NAME.findall(text) if name in signature.CONSTRUCTORS)


def admit(waiting: Sequence[Needs], present: set[str]) -> tuple[list[Needs], list[Needs]]:
    """Split rules into those that can match terms of `present` constructors, and the others.

    `present` grows by what the former may make.
    """
    admitted: list[Needs] = []
    left = list(waiting)
    while True:
        ready = [rule for rule in left if rule.needed <= present]
        if not ready:
            return admitted, left
        admitted += ready
        left = [rule for rule in left if not rule.needed <= present]
        for rule in ready:
            present |= rule.made
