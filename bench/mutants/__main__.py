"""`python -m eqsat.bench.mutants FOLDER...`: the mutation score of the validator. See README.md."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .trials import SHARES, Trial, run

__all__ = ["main", "score"]


def main(argv: Sequence[str] | None = None) -> int:
    """Make mutants and print the score; exit code 1 if one was proven that a run tells apart."""
    arguments = _parser().parse_args(argv)
    modules = sorted(
        path
        for folder in arguments.folders
        for path in ([folder] if folder.is_file() else folder.rglob("*.wasm"))
    )
    if not modules:
        print("mutants: no modules there", file=sys.stderr)
        return 2
    began = time.perf_counter()
    kinds = arguments.kinds.split(",")

    if arguments.json is not None:
        arguments.json.write_text("")

    def tell(trial: Trial) -> None:
        if arguments.json is not None:
            with arguments.json.open("a") as out:
                out.write(json.dumps(asdict(trial)) + "\n")
        if trial.failed:
            print(f"PROVEN AND WRONG: {trial.kind} {trial.change} {trial.place}", file=sys.stderr)

    trials = run(modules, arguments.count, arguments.seed, kinds, tell)
    print(score(trials))
    print(f"\n{len(trials)} mutants, seed {arguments.seed}, {time.perf_counter() - began:.0f} s")
    return 1 if any(one.failed for one in trials) else 0


def score(trials: Sequence[Trial]) -> str:
    """A Markdown table: a row for each kind of mutant and each change, and the whole."""
    lines = [
        "| mutants | tried | told apart | refuted | unknown | proven | not told apart | proven |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for kind in SHARES:
        lines += _row(f"**{kind}**", [one for one in trials if one.kind == kind])
    for change in sorted({one.change for one in trials if one.kind == "body"}):
        lines += _row(
            change, [one for one in trials if one.kind == "body" and one.change == change]
        )
    return "\n".join([*lines, *_row("**all**", trials)])


def _row(title: str, trials: Sequence[Trial]) -> list[str]:
    if not trials:
        return []
    apart = Counter(one.status for one in trials if one.differs)
    rest = Counter(one.status for one in trials if not one.differs)
    told = sum(apart.values())
    share = f" ({100 * apart['refuted'] / told:.1f} %)" if told else ""
    cells = [title, len(trials), told, f"{apart['refuted']}{share}"]
    cells += [apart["unknown"], apart["proven"], sum(rest.values()), rest["proven"]]
    return [f"| {' | '.join(map(str, cells))} |"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eqsat.bench.mutants", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="modules, or folders of them")
    parser.add_argument("--count", type=int, default=3000, help="mutants (default 3000)")
    parser.add_argument("--seed", type=int, default=1, help="choice of modules and mutants")
    parser.add_argument(
        "--kinds", default=",".join(SHARES), help=f"some of {','.join(SHARES)} (default: all)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="a line for every mutant")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
