"""What a person reads at the end: at most four lines, and on request a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import printable

if TYPE_CHECKING:
    from ..optimize.report import FunctionRecord, Report

__all__ = ["stats_table", "summary_lines"]

NAME_WIDTH = 36
"""Columns of a table that fits a terminal of 100 with the figures beside it."""


def summary_lines(report: Report, source: str, target: str, *, verbose: bool) -> Iterator[str]:
    """The summary; warnings come first, `verbose` adds a line per function that is not proven."""
    for warning in report.warnings:
        yield f"warning: {source}: {warning}"
    if report.unchanged_reason:
        yield f"{source}: unchanged ({report.unchanged_reason})"
    else:
        yield (f"{source}: {_change(report.file_bytes)} bytes, code {_change(report.code_bytes)}")
        counts = report.counts()
        yield (
            f"{len(report.functions)} functions: {counts['proven']} changed and proven, "
            f"{counts['unchanged']} unchanged, {counts['unknown']} unknown, "
            f"{counts['refuted']} refuted, {counts['skipped']} skipped"
        )
    if report.interrupted:
        yield f"interrupted: {report.visited()} of {len(report.functions)} functions visited"
    unused = [name for name, users in report.contracts if not users] + [
        f"entry {glob}" for glob, users in report.entries if not users
    ]
    if unused and verbose:
        yield f"unused: {', '.join(unused)}"
    where = f"written to {target}" if target else "nothing written"
    yield f"{where} in {report.seconds:.2f} s"
    if verbose:
        for record in report.functions:
            if record.status != "proven" and record.reason:
                yield f"  {record.status} {_label(record)}: {record.reason}"


def stats_table(report: Report) -> Iterator[str]:
    """One line per function, those that gained most first."""
    yield (
        f"{'function':<{NAME_WIDTH}} {'bytes':>15} {'saved':>7} {'cost':>17}  "
        f"{'status':<9} {'proof':<10} {'ms':>7}"
    )
    for record in sorted(
        report.functions,
        key=lambda record: (record.bytes_after - record.bytes_before, record.index),
    ):
        yield (
            f"{_label(record)[:NAME_WIDTH]:<{NAME_WIDTH}} "
            f"{record.bytes_before:>7}{record.bytes_after:>8} "
            f"{record.bytes_before - record.bytes_after:>7} "
            f"{record.cost_before:>8.5g} {record.cost_after:>8.5g}  "
            f"{record.status:<9} {record.method:<10} {record.seconds * 1000:>7.1f}"
        )


def _label(record: FunctionRecord) -> str:
    label = printable(record.name) if record.name else f"[{record.index}]"
    return f"{record.module}:{label}" if record.module else label


def _change(pair: tuple[int, int]) -> str:
    before, after = pair
    percent = 100 * (after - before) / before if before else 0.0
    return f"{before:,} -> {after:,} ({percent:+.1f} %)"
