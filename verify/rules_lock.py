"""The record of proofs: which rule texts this prover, with this Z3, has proven.

One JSON object a line, sorted by name; the first line says which prover and which Z3. A row holds
the name, the SHA-256 of the text, the method, and how many solver units the proof took. The file
ships with the package and is read at run time by ``rules/book.py``, which needs no solver for it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from .rules import PROVER_VERSION, RuleProof, prove_rule

FORMAT: Final = 2


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row of a lock: a rule's name, the hash of its text, method and work of its proof."""

    name: str
    hash: str
    method: str
    units: int


def digest(text: str) -> str:
    """Return the hash under which a rule's text is recorded."""
    return hashlib.sha256(text.encode()).hexdigest()


def recorded_now(proof: RuleProof, text: str) -> Recorded:
    """Return the row of a lock for a rule that was proven from `text`."""
    return Recorded(proof.name, digest(text), proof.method, proof.rlimit)


def head() -> dict[str, object]:
    """Return the first line of a lock written now."""
    import z3  # type: ignore[import-untyped]

    return {"format": FORMAT, "prover": PROVER_VERSION, "z3": z3.get_version_string()}


def prove_all(
    rules: Iterable[tuple[str, str]], *, progress: Callable[[RuleProof], None] | None = None
) -> list[RuleProof]:
    """Prove rules given as (name, text).

    Two rows that give one number of the host different meanings are both refuted.
    """
    proofs: list[RuleProof] = []
    meanings: dict[str, str] = {}
    for name, text in rules:
        proof = prove_rule(text)
        if proof.meaning is not None:
            number, operation = proof.meaning
            if meanings.setdefault(number, operation) != operation:
                proof = conflict(proof, f"{number} already means {meanings[number]}")
        if proof.status == "proven" and proof.name != name:
            proof = conflict(proof, f"the text is named {proof.name!r}, not {name!r}")
        proofs.append(proof)
        if progress is not None:
            progress(proof)
    return proofs


def conflict(proof: RuleProof, reason: str) -> RuleProof:
    """Return the refutation of a rule whose text is true but not what it is taken for."""
    return RuleProof(
        proof.name, "refuted", proof.method, proof.seconds, proof.rlimit, "definition", reason
    )


def read(path: Path) -> dict[str, Recorded]:
    """Return the rows of a lock by name; nothing if it is missing or of another prover or Z3."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    if not lines or json.loads(lines[0]) != head():
        return {}
    rows = [Recorded(**json.loads(line)) for line in lines[1:]]
    return {row.name: row for row in rows}


def write(path: Path, rows: Iterable[Recorded]) -> None:
    """Write a lock."""
    lines = [json.dumps(head(), sort_keys=True)]
    lines += [json.dumps(asdict(row), sort_keys=True) for row in sorted(rows, key=lambda r: r.name)]
    path.write_text("\n".join(lines) + "\n")


def update(
    rules: Sequence[tuple[str, str]],
    path: Path,
    *,
    everything: bool = False,
    progress: Callable[[RuleProof], None] | None = None,
) -> list[RuleProof]:
    """Bring a lock up to date with the rules (name, text); return the proofs made.

    Rows whose text is unchanged are kept unless ``everything``; rules that are not proven get no
    row. Questions to the host are always asked again: their meanings are checked together.
    """
    kept = {} if everything else read(path)
    rows: dict[str, Recorded] = {}
    open_rules: list[tuple[str, str]] = []
    texts = dict(rules)
    for name, text in rules:
        row = kept.get(name)
        if row is not None and row.hash == digest(text) and row.method != "definition":
            rows[name] = row
        else:
            open_rules.append((name, text))
    proofs = prove_all(open_rules, progress=progress)
    for proof in proofs:
        if proof.status == "proven":
            rows[proof.name] = recorded_now(proof, texts[proof.name])
    write(path, rows.values())
    return proofs


def main(arguments: Sequence[str] | None = None) -> int:
    """Read rules as JSON lines from standard input, update the lock, report; 1 if any is open."""
    parser = argparse.ArgumentParser(
        prog="python -m eqsat.verify.rules",
        description="Prove rules: python -m eqsat.rules | python -m eqsat.verify.rules --lock FILE",
    )
    parser.add_argument("--lock", type=Path, required=True, help="the lock to bring up to date")
    parser.add_argument("--all", action="store_true", help="prove unchanged rules again as well")
    options = parser.parse_args(arguments)
    rules = [(str(row["name"]), str(row["text"])) for row in map(json.loads, sys.stdin.readlines())]

    def report(proof: RuleProof) -> None:
        if proof.status != "proven":
            details = "; ".join(part for part in (proof.reason, *proof.counterexample) if part)
            print(f"{proof.status} {proof.name}: {proof.goal}: {details}", file=sys.stderr)

    proofs = update(rules, options.lock, everything=options.all, progress=report)
    failed = sum(proof.status != "proven" for proof in proofs)
    print(f"{len(rules)} rules, {len(proofs)} proven now or tried, {failed} open", file=sys.stderr)
    return 1 if failed else 0
