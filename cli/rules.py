"""`eqsat rules`: list, show and prove the rewrite rules."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import CliError, Exit, say

if TYPE_CHECKING:
    from ..rules.language import Rule

__all__ = ["rules"]


def rules(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ..optimize.rulebook import every_rule
    from ..rules.language import RuleError

    if arguments.action == "show" and arguments.name is None:
        raise CliError("E0201", "rules show needs the name of a rule (see eqsat rules --help)")
    try:
        found = every_rule(tuple(Path(name) for name in arguments.rules or ()))
    except RuleError as error:
        raise CliError("E0305", str(error)) from None
    except OSError as error:
        raise CliError("E0302", f"{error.filename}: cannot be read ({error.strerror})") from None
    if arguments.name is not None:
        found = [rule for rule in found if _named(rule, arguments.name)]
        if not found:
            raise CliError("E0201", f"no rule is called '{arguments.name}'")
    match arguments.action:
        case "list":
            return _list(found, as_json=arguments.json)
        case "show":
            return _show(found, as_json=arguments.json)
        case _:
            return _verify(found, arguments)


def _named(rule: Rule, glob: str) -> bool:
    """Whether a name or glob means this rule, with or without its width."""
    short = rule.name.rpartition("/")[2]
    return fnmatch.fnmatchcase(rule.name, glob) or fnmatch.fnmatchcase(short, glob)


def _list(found: Sequence[Rule], *, as_json: bool) -> int:
    if as_json:
        return _json([_plain(rule) for rule in found])
    width = max((len(rule.name) for rule in found), default=0)
    family = ""
    for rule in found:
        if rule.family != family:
            family = rule.family
            print(f"{family}:")
        guard = f"   if {rule.guard}" if rule.guard else ""
        print(f"  {rule.name:<{width}}  {rule.equation}{guard}")
    return _done()


def _show(found: Sequence[Rule], *, as_json: bool) -> int:
    if as_json:
        return _json([_plain(rule) for rule in found])
    for rule in found:
        print(f"{rule.name} ({rule.family}, {rule.kind}, ruleset {rule.ruleset})")
        print(f"  {rule.equation}")
        if rule.guard:
            print(f"  if {rule.guard}")
        print(f"  {rule.source}")
        print(f"  {rule.text}")
    return _done()


def _verify(found: Sequence[Rule], arguments: argparse.Namespace) -> int:
    """Prove every rule, and compare with the recorded proofs; exit code 0 only if all is well."""
    from ..optimize.rulebook import lock_faults, proofs_of

    by_name = {rule.name: rule for rule in found}
    proofs = proofs_of(found)
    rows = [
        {
            **_plain(by_name[proof.name]),
            "status": proof.status,
            "method": proof.method,
            "reason": proof.reason,
            "counterexample": list(proof.counterexample),
        }
        for proof in proofs
    ]
    # A part of the rules, or a user's, is not what the lock is about.
    whole = arguments.name is None and not arguments.rules
    faults = lock_faults(found) if whole else []
    if arguments.json:
        _json({"rules": rows, "lock": faults})
    else:
        for proof in proofs:
            rule = by_name[proof.name]
            if proof.status != "proven":
                values = ", ".join(proof.counterexample)
                why = f" (wrong for {values})" if values else ""
                print(f"{proof.status} {proof.name} ({rule.source}): {proof.reason}{why}")
            elif arguments.verbose:
                print(f"proven {proof.name} ({proof.method}, {proof.seconds:.3f} s)")
        for fault in faults:
            print(f"proofs.lock: {fault}")
    counts = Counter(proof.status for proof in proofs)
    if not arguments.quiet:
        say(
            f"{len(found)} rules: {counts['proven']} proven, {counts['refuted']} refuted, "
            f"{counts['unknown']} unknown" + (f"; lock: {len(faults)} faults" if faults else "")
        )
    sys.stdout.flush()
    return Exit.OK if counts["proven"] == len(found) and not faults else Exit.GATE


def _plain(rule: Rule) -> dict[str, str | int]:
    return {
        "name": rule.name,
        "family": rule.family,
        "kind": rule.kind,
        "ruleset": rule.ruleset,
        "equation": rule.equation,
        "guard": rule.guard,
        "path": rule.path,
        "line": rule.line,
        "text": rule.text,
    }


def _json(value: object) -> int:
    print(json.dumps(value, ensure_ascii=False))
    return _done()


def _done() -> int:
    sys.stdout.flush()
    return Exit.OK
