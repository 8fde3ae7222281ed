"""The rule book: every rule row that is proven, ready to be loaded into an engine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from .fold import asking
from .language import Rule, family_rules
from .signature import header

FAMILIES = ("fold", "arithmetic", "bits", "compare", "select", "float", "memory", "analysis")
"""The modules of rows, in the order in which their rules are loaded."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Rules in loading order."""

    rules: tuple[Rule, ...]

    def lines(self) -> list[str]:
        """Return declarations and rules, one egglog command an entry."""
        return header() + [rule.text for rule in self.rules]


def built_in() -> tuple[Rule, ...]:
    """Return the rules of all families, proven or not."""
    found: list[Rule] = []
    for family in FAMILIES:
        module = import_module(f".{family}", __package__)
        found += family_rules(module.__name__, vars(module))
    found += asking()
    return tuple(found)


def load() -> RuleBook:
    """Return the book of built-in rules."""
    return RuleBook(built_in())
