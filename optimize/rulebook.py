"""The rules in use: those of the house, covered by recorded proofs, and those of the user.

This is where rules meet the validator: `rules/` knows no solver, and nothing is loaded that is not
proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..rules.book import RuleBook
    from ..rules.language import Rule
    from ..verify.rules import RuleProof

__all__ = ["book", "every_rule", "proof_of"]


def book(paths: Sequence[Path] = ()) -> RuleBook:
    """The book to load into the engine; rules in `paths` are proven first.

    Raises RuleError (with file, line and counterexample) for a rule that is wrong, OSError for a
    file that cannot be read.
    """
    from ..rules.book import load

    return load()


def every_rule(paths: Sequence[Path] = ()) -> list[Rule]:
    """All rules, proven or not: the house's, then those in `paths`."""
    from ..rules.book import built_in

    return list(built_in())


def proof_of(rule: Rule) -> RuleProof:
    """Prove one rule, from the text that would be loaded."""
    from ..verify.rules import prove_rule

    return prove_rule(rule.text)
