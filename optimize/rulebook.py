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

__all__ = ["book", "every_rule", "lock_faults", "proof_of", "proofs_of"]


def book(paths: Sequence[Path] = ()) -> RuleBook:
    """The book to load into the engine; rules in `paths` are proven first.

    Raises RuleError (with file, line and counterexample) for a rule that is wrong, OSError for a
    file that cannot be read.
    """
    from ..rules.book import load

    return load(tuple(paths), prove=proof_of)


def every_rule(paths: Sequence[Path] = ()) -> list[Rule]:
    """All rules, proven or not: the house's, then those in `paths`. Raises RuleError, OSError."""
    from ..rules.book import built_in, user_rules

    found = list(built_in())
    for path in paths:
        found += user_rules(path)
    return found


def proof_of(rule: Rule) -> RuleProof:
    """Prove one rule, from the text that would be loaded."""
    from ..verify.rules import prove_rule

    return prove_rule(rule.text)


def proofs_of(rules: Sequence[Rule]) -> list[RuleProof]:
    """Prove rules together: also that no two give one question to the host two meanings."""
    from ..verify.rules_lock import prove_all

    return prove_all([(rule.name, rule.text) for rule in rules])


def lock_faults(rules: Sequence[Rule]) -> list[str]:
    """What is wrong with the recorded proofs of the house's rules; empty if they are complete."""
    from ..rules.book import LOCK
    from ..verify.rules_lock import digest, read

    recorded = {name: row["hash"] for name, row in read(LOCK).items()}
    wanted = {rule.name: digest(rule.text) for rule in rules}
    faults = [f"no proof of {name}" for name in sorted(wanted.keys() - recorded.keys())]
    faults += [f"{name} is no rule any more" for name in sorted(recorded.keys() - wanted.keys())]
    faults += [
        f"the proof of {name} is of another text"
        for name in sorted(wanted.keys() & recorded.keys())
        if wanted[name] != recorded[name]
    ]
    return faults
