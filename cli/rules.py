"""`eqsat rules`: list, show and prove the rewrite rules."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
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
    """Prove every rule; exit code 0 only if all are proven."""
    from ..optimize.rulebook import proof_of

    counts = {"proven": 0, "refuted": 0, "unknown": 0}
    rows = []
    for rule in found:
        proof = proof_of(rule)
        counts[proof.status] += 1
        rows.append({**_plain(rule), "status": proof.status, "method": proof.method})
        if proof.status != "proven" and not arguments.json:
            why = f": {proof.counterexample}" if proof.counterexample else ""
            print(f"{proof.status} {rule.name} ({rule.source}){why}")
        elif arguments.verbose and not arguments.json:
            print(f"{proof.status} {rule.name} ({proof.method}, {proof.seconds:.3f} s)")
    if arguments.json:
        _json(rows)
    if not arguments.quiet:
        say(
            f"{len(found)} rules: {counts['proven']} proven, {counts['refuted']} refuted, "
            f"{counts['unknown']} unknown"
        )
    return Exit.OK if counts["proven"] == len(found) else Exit.GATE


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
