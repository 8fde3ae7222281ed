"""Rules that a person wrote, each proven as `--rules` proves it; what is wrong is said by line."""

from __future__ import annotations

from typing import Any, Final

from ..optimize.rulebook import every_rule, own_rules, proof_of
from ..rules.language import RuleError

__all__ = ["LONGEST", "proven"]

LONGEST: Final = 50_000
"""Characters of rules: hundreds of them, each of which takes a proof."""


def proven(text: str) -> dict[str, Any]:
    """What became of the rules in egglog text: `rules` in order, `error` if it cannot be read.

    All may be used if `accepted`. Only rewrites and rules are read, and nothing is run.
    """
    plain: dict[str, Any] = {"rules": [], "error": "", "accepted": False}
    try:
        rules = own_rules(text)
        taken = {rule.name for rule in every_rule()}
        for rule in rules:
            if rule.name in taken:
                raise RuleError(rule.path, rule.line, f"a rule named {rule.name} is there already")
            taken.add(rule.name)
    except RuleError as error:
        return plain | {"error": str(error)}
    for rule in rules:
        proof = proof_of(rule)
        plain["rules"].append(
            {
                "name": rule.name,
                "line": rule.line,
                "equation": rule.equation,
                "status": proof.status,
                "reason": "; ".join(part for part in (proof.goal, proof.reason) if part),
                "counterexample": list(proof.counterexample),
            }
        )
    plain["accepted"] = all(one["status"] == "proven" for one in plain["rules"])
    return plain
