"""Which rules match on real code: `python -m eqsat.bench.coverage FOLDER...`.

Lowers, tidies and saturates the functions of every module below the folders, as `opt` does before
inlining, and prints one line for each rule: its matches in all and by folder, the busiest first.
Rules without any match come last; one that matches nowhere is a candidate for removal, unless later
stages (constants across calls, inlined code) produce its left side.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ..egraph import Engine
from ..extract import apply, cost_model
from ..ir.graph import Function
from ..lowering import Unsupported, lower
from ..optimize.measure import choosing
from ..rules.book import load
from ..skeleton import tidy
from ..wasm.module import Module, is_component

__all__ = ["coverage", "main", "table"]

BATCH: Final = 60
"""Functions in one e-graph: large batches share what each step costs."""

ROUNDS: Final = 2
"""Saturations of each function, as in the search."""


def coverage(modules: Iterable[bytes], engine: Engine, limit: int) -> Counter[str]:
    """Return the matches of each rule on modules, of each the first `limit` bytes of code."""
    hits: Counter[str] = Counter()
    model = choosing(cost_model("balanced"))
    for data in modules:
        module = Module.parse(data)
        minimum = [memory.minimum << memory.page_size_log2 for memory in module.memories]
        graphs = _graphs(module, minimum, limit)
        for _ in range(ROUNDS):
            changed: list[Function] = []
            for start in range(0, len(graphs), BATCH):
                batch = graphs[start : start + BATCH]
                found = engine.saturate(batch)
                hits.update(found.hits)
                for ordinal, graph in enumerate(batch):
                    new = apply(graph, found, ordinal, model, minimum)
                    if new is not graph:
                        changed.append(tidy(new, minimum))
            graphs = changed
    return hits


def _graphs(module: Module, minimum: Sequence[int], limit: int) -> list[Function]:
    graphs: list[Function] = []
    imported = len(module.functions) - len(module.code)
    for number, (start, end) in enumerate(module.code):
        if limit < 0:
            break
        limit -= end - start
        try:
            graphs.append(tidy(lower(module, imported + number), minimum))
        except Unsupported:
            continue
    return graphs


def table(rules: Sequence[str], groups: Mapping[str, Counter[str]]) -> str:
    """Return a Markdown table of the matches of each rule in each group."""
    total = Counter[str]()
    for found in groups.values():
        total.update(found)
    lines = [f"| rule | all | {' | '.join(groups)} |", f"|---|{'---:|' * (len(groups) + 1)}"]
    for name in sorted(rules, key=lambda rule: (-total[rule], rule)):
        counts = " | ".join(str(found[name]) for found in groups.values())
        lines.append(f"| {name} | {total[name]} | {counts} |")
    silent = sum(total[name] == 0 for name in rules)
    lines += ["", f"{len(rules)} rules, {silent} of them without a match"]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; exit code 0, 2 where there is no module."""
    parser = argparse.ArgumentParser(prog="python -m eqsat.bench.coverage", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=150_000, help="bytes of code of each module")
    arguments = parser.parse_args(argv)
    book = load()
    engine = Engine(book.lines())
    groups: dict[str, Counter[str]] = {}
    for folder in arguments.folder:
        modules = [path.read_bytes() for path in sorted(folder.rglob("*.wasm"))]
        modules = [data for data in modules if not is_component(data)]
        if not modules:
            print(f"coverage: no module in {folder}", file=sys.stderr)
            return 2
        groups[folder.name] = coverage(modules, engine, arguments.limit)
    print(table([rule.name for rule in book.rules], groups))
    return 0


if __name__ == "__main__":
    sys.exit(main())
