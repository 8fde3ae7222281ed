"""The rules in use: those of the house, covered by recorded proofs, and those of the user.

This is where rules meet the validator: `rules/` knows no solver, and nothing is loaded that is not
proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..rules.book import RuleBook
    from ..rules.language import Rule
    from ..verify.rules import RuleProof
    from ..verify.rules_lock import Recorded

__all__ = [
    "OWN_RULES",
    "book",
    "every_rule",
    "known_proofs",
    "lock_faults",
    "own_rules",
    "proof_of",
    "proofs_of",
    "recorded",
    "rules_in",
]

OWN_RULES: Final = Path("rules.egg")
"""The name of a file whose text comes from elsewhere."""


def book(paths: Sequence[Path] = (), without: Sequence[str] = ()) -> RuleBook:
    """The book to load into the engine; rules in `paths` are proven first.

    Rules whose name matches a glob in `without` are left out.

    Raises RuleError (with file, line and counterexample) for a rule that is wrong, and for a glob
    that no rule matches; OSError for a file that cannot be read.
    """
    from ..rules.book import load

    found = load(tuple(paths), prove=proof_of)
    return found.without(without) if without else found


def own_rules(source: str) -> list[Rule]:
    """Rules in the text of an ``.egg`` file, not proven. Nothing in it is run. Raises RuleError."""
    from ..rules.userfile import read_egg

    return read_egg(OWN_RULES, source)


def every_rule(paths: Sequence[Path] = ()) -> list[Rule]:
    """All rules, proven or not: the house's, then those in `paths`. Raises RuleError, OSError."""
    from ..rules.book import built_in, distinct, user_rules

    found = list(built_in())
    for path in paths:
        found += user_rules(path)
    return distinct(found) if paths else found


def rules_in(paths: Sequence[Path]) -> list[Rule]:
    """The rules in `paths`, proven or not. Raises RuleError, OSError."""
    found = every_rule(paths)
    return found[len(every_rule()) :]


def proof_of(rule: Rule) -> RuleProof:
    """Prove one rule of a user, from the text that would be loaded."""
    from ..verify.rules import prove_rule
    from ..verify.rules_lock import conflict

    proof = prove_rule(rule.text)
    if proof.meaning is not None:
        return conflict(proof, "only our own rules ask the host, whose numbers have meanings")
    return proof


def proofs_of(rules: Sequence[Rule]) -> list[RuleProof]:
    """Prove our own rules together: also that no two give one question to the host two meanings."""
    from ..verify.rules_lock import prove_all

    return prove_all([(rule.name, rule.text) for rule in rules])


def recorded(rules: Sequence[Rule]) -> dict[str, Recorded]:
    """The recorded proofs of those rules whose text they cover, by name."""
    from ..rules.book import LOCK
    from ..verify.rules_lock import digest, read

    rows = read(LOCK)
    return {
        rule.name: rows[rule.name]
        for rule in rules
        if rule.name in rows and rows[rule.name].hash == digest(rule.text)
    }


def known_proofs(rules: Sequence[Rule]) -> dict[str, Recorded]:
    """The recorded proofs, and those of other rules that can be proven now, by name."""
    from ..verify.rules_lock import recorded_now

    found = recorded(rules)
    for rule in rules:
        if rule.name not in found:
            proof = proof_of(rule)
            if proof.status == "proven":
                found[rule.name] = recorded_now(proof, rule.text)
    return found


def lock_faults(rules: Sequence[Rule]) -> list[str]:
    """What is wrong with the recorded proofs of the house's rules; empty if they are complete."""
    from ..rules.book import LOCK
    from ..verify.rules_lock import digest, read

    recorded = {name: row.hash for name, row in read(LOCK).items()}
    wanted = {rule.name: digest(rule.text) for rule in rules}
    faults = [f"no proof of {name}" for name in sorted(wanted.keys() - recorded.keys())]
    faults += [f"{name} is no rule any more" for name in sorted(recorded.keys() - wanted.keys())]
    faults += [
        f"the proof of {name} is of another text"
        for name in sorted(wanted.keys() & recorded.keys())
        if wanted[name] != recorded[name]
    ]
    return faults
