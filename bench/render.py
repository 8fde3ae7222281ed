"""Figures as Markdown: one table per group, geometric means, wins and losses."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["code_ratio", "markdown", "mean", "of_group", "wins"]


def mean(ratios: Sequence[float]) -> float | None:
    """The geometric mean, None of nothing."""
    if not ratios:
        return None
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def markdown(result: dict[str, Any]) -> str:
    """The report of a measurement."""
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    lines = [f"Versions: {versions}. Budget of eqsat: {result['budget']}, without its cache.", ""]
    lines += [
        "Ratios are new over old, geometric means; code is the code section, all is the module "
        "without custom sections, best is the module that gains most, fuel is wasmtime's, times "
        "are medians of interleaved runs.",
        "",
    ]
    groups = sorted({row["group"] for row in result["rows"]})
    for group in groups:
        lines += _group(result, group)
    lines += _faults(result)
    return "\n".join(lines).rstrip()


def _group(result: dict[str, Any], group: str) -> Iterator[str]:
    engines = result["engines"]
    names = sorted({row["module"] for row in result["rows"] if row["group"] == group})
    yield f"## {group} ({len(names)} modules)"
    yield ""
    titles = ["", "code", "without best", "all", "fuel", "worst fuel", *engines]
    titles += ["seconds", "MB", "proven", "against -Oz"]
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "---|" * len(titles)
    for variant in result["variants"]:
        rows = of_group(result, group, variant)
        if rows:
            yield "| " + " | ".join(_cells(result, group, variant, rows)) + " |"
    yield ""


def _cells(
    result: dict[str, Any], group: str, variant: str, rows: Sequence[dict[str, Any]]
) -> Iterator[str]:
    code = [code_ratio(row) for row in rows]
    fuel = [row["fuel"] for row in rows if row["fuel"] is not None]
    yield variant
    yield _shown(mean(code))
    yield _shown(mean(sorted(code)[1:]))
    yield _shown(mean([row["bytes"][1] / row["bytes"][0] for row in rows]))
    yield _shown(mean(fuel))
    yield _shown(max(fuel, default=None))
    for engine in result["engines"]:
        times = [row["time"][engine] for row in rows if row["time"].get(engine) is not None]
        yield _shown(mean(times))
    yield f"{statistics.median(row['seconds'] for row in rows):.2f}"
    yield f"{max(row['memory'] for row in rows) / 1e6:.0f}"
    proofs = [row["proven"] for row in rows if row["proven"] is not None]
    found, wanted = (sum(one[n] for one in proofs) for n in (0, 1))
    yield f"{found} of {wanted}" if proofs else ""
    won, tied, lost = wins(result, group, variant, "wasm-opt -Oz")
    yield "" if variant == "wasm-opt -Oz" else f"{won} / {tied} / {lost}"


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def of_group(result: dict[str, Any], group: str, variant: str) -> list[dict[str, Any]]:
    """The rows of a group and variant that have an output and behave as before."""
    return [
        row
        for row in result["rows"]
        if (row["group"], row["variant"]) == (group, variant)
        and row["bytes"][1] is not None
        and not row["different"]
    ]


def code_ratio(row: dict[str, Any]) -> float:
    """New over old bytes of code; 1 for a module without code."""
    before, after = row["code"]
    return after / before if before and after else 1.0


def wins(result: dict[str, Any], group: str, variant: str, other: str) -> tuple[int, int, int]:
    """Modules whose code is smaller, of equal size, and larger than with the other variant."""
    theirs = {row["module"]: row["code"][1] for row in of_group(result, group, other)}
    ours = {row["module"]: row["code"][1] for row in of_group(result, group, variant)}
    both = [(ours[name], theirs[name]) for name in ours if name in theirs]
    return (
        sum(a < b for a, b in both),
        sum(a == b for a, b in both),
        sum(a > b for a, b in both),
    )


def _faults(result: dict[str, Any]) -> Iterator[str]:
    failed = [row for row in result["rows"] if row["error"]]
    different = [row for row in result["rows"] if row["different"]]
    if failed or different:
        yield "## Left out of the means"
        yield ""
    for row in failed:
        yield f"- {row['module']}, {row['variant']}: {row['error'].splitlines()[0]}"
    for row in different:
        yield f"- {row['module']}, {row['variant']}: {row['different']} calls gave something else"
