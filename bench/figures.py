"""The table in the README, from a measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .modules import BenchError
from .render import code_ratio, mean, of_group

__all__ = ["update_figures"]

BEGIN, END = "<!-- figures -->", "<!-- end -->"


def update_figures(page: Path, result: dict[str, Any]) -> None:
    """Replace what stands between the marks. Raises BenchError if there are none."""
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"{page}: no {BEGIN} … {END}")
    variants = result["variants"]
    version = result["versions"]["wasm-opt"]
    titles = [name.replace("wasm-opt", f"wasm-opt {version}") for name in variants]
    lines = ["| inputs | " + " | ".join(titles) + " |", "|" + "---|" * (1 + len(variants))]
    for group in sorted({row["group"] for row in result["rows"]}):
        rows = [of_group(result, group, variant) for variant in variants]
        means = [mean([code_ratio(row) for row in found]) for found in rows]
        shown = ["" if value is None else f"{value:.3f}" for value in means]
        lines.append(f"| {group} | " + " | ".join(shown) + " |")
    table = "\n".join(lines)
    page.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}", encoding="utf-8")
