"""`eqsat rules`: list, show and prove the rewrite rules, and write their catalogue."""

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
from .reading import reason

if TYPE_CHECKING:
    from ..rules.language import Rule
    from ..verify.rules_lock import Recorded

__all__ = ["rules"]


def rules(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ..optimize.rulebook import every_rule, rules_in
    from ..rules.language import RuleError

    action = arguments.action
    if action in ("show", "catalogue") and arguments.name is None:
        what = "the name of a rule" if action == "show" else "a folder to write to"
        raise CliError("E0201", f"rules {action} needs {what} (see eqsat rules --help)")
    if arguments.recorded and (action != "verify" or arguments.name or arguments.rules):
        raise CliError("E0201", "--recorded is for rules verify, and for all of our own rules")
    try:
        paths = tuple(Path(name) for name in arguments.rules or ())
        found = rules_in(paths) if paths and action == "verify" else every_rule(paths)
    except RuleError as error:
        raise CliError("E0305", str(error)) from None
    except OSError as error:
        raise CliError("E0302", f"{error.filename}: cannot be read ({error.strerror})") from None
    if arguments.name is not None and action != "catalogue":
        found = [rule for rule in found if _named(rule, arguments.name)]
        if not found:
            raise CliError("E0201", f"no rule is called '{arguments.name}'")
    match action:
        case "list":
            return _list(found, as_json=arguments.json)
        case "show":
            return _show(found, as_json=arguments.json)
        case "catalogue":
            return _catalogue(found, Path(arguments.name), quiet=arguments.quiet)
        case "verify" if arguments.recorded:
            return _compare(found, arguments)
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
    from ..optimize.rulebook import recorded

    proofs = recorded(found)
    if as_json:
        return _json([{**_plain(rule), **_proof(proofs.get(rule.name))} for rule in found])
    for rule in found:
        print(f"{rule.name} ({rule.family}, {rule.kind}, ruleset {rule.ruleset})")
        print(f"  {rule.equation}")
        if rule.guard:
            print(f"  if {rule.guard}")
        proof = proofs.get(rule.name)
        shown = f"{proof.method}, {proof.units} solver units" if proof else "none recorded"
        print(f"  proof: {shown}")
        print(f"  {rule.source}")
        print(f"  {rule.text}")
    return _done()


def _proof(proof: Recorded | None) -> dict[str, str | int | None]:
    return {"method": proof.method if proof else None, "units": proof.units if proof else None}


def _catalogue(found: Sequence[Rule], folder: Path, *, quiet: bool) -> int:
    """Write the catalogue; rules without a recorded proof are tried now."""
    from ..optimize.catalogue import catalogue
    from ..optimize.rulebook import known_proofs

    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CliError("E0205", f"{folder}: exists and is no empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        files = catalogue(found, known_proofs(found))
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError("E0304", f"{folder}: cannot be written ({reason(error)})") from None
    if not quiet:
        say(f"{folder / 'index.html'}: {len(found)} rules")
    return Exit.OK


def _compare(found: Sequence[Rule], arguments: argparse.Namespace) -> int:
    """Look whether the recorded proofs are those of these rules; exit code 0 only if they are."""
    from ..optimize.rulebook import lock_faults

    faults = lock_faults(found)
    if arguments.json:
        _json({"lock": faults})
    else:
        for fault in faults:
            print(f"proofs.lock: {fault}")
    if not arguments.quiet:
        say(f"{len(found)} rules; lock: {len(faults)} faults")
    sys.stdout.flush()
    return Exit.GATE if faults else Exit.OK


def _verify(found: Sequence[Rule], arguments: argparse.Namespace) -> int:
    """Prove our rules and compare with the recorded proofs, or prove those of a user.

    Exit code 0 only if all is well.
    """
    from ..optimize.rulebook import lock_faults, proof_of, proofs_of

    proofs = [proof_of(rule) for rule in found] if arguments.rules else proofs_of(found)
    rows = [
        {
            **_plain(rule),
            "status": proof.status,
            "method": proof.method,
            "units": proof.rlimit,
            "seconds": round(proof.seconds, 3),
            "reason": proof.reason,
            "counterexample": list(proof.counterexample),
        }
        for rule, proof in zip(found, proofs, strict=True)
    ]
    # A part of the rules, or a user's, is not what the lock is about.
    whole = arguments.name is None and not arguments.rules
    faults = lock_faults(found) if whole else []
    if arguments.json:
        _json({"rules": rows, "lock": faults})
    else:
        for rule, proof in zip(found, proofs, strict=True):
            if proof.status != "proven":
                values = ", ".join(proof.counterexample)
                why = f" (wrong for {values})" if values else ""
                print(f"{proof.status} {rule.name} ({rule.source}): {proof.reason}{why}")
            elif arguments.verbose:
                print(f"proven {rule.name} ({proof.method}, {proof.seconds:.3f} s)")
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
