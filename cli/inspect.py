"""`eqsat inspect`: what a module consists of, as a table, as JSON, or the text of functions."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .errors import CliError, Exit, printable
from .reading import read_module, shown_path

if TYPE_CHECKING:
    from ..explore.listing import FunctionRow, Listing

__all__ = ["inspect", "read_valid"]

NAME_WIDTH = 40
"""Columns of a table that fits a terminal of 100 with the figures beside it."""

FORM_ITERS = 12
"""Rounds of saturation for `--at`: counted, so that the answer is the same every time."""

SHOWN = 20
"""Functions in the table unless all are asked for: the largest, which hold most of the code."""


def inspect(arguments: argparse.Namespace) -> int:
    """Run the command."""
    data = read_valid(arguments.input)
    from ..explore.listing import listing

    found = listing(data)
    chosen = _chosen(found.functions, arguments.function)
    if arguments.at is not None:
        return _forms(data, chosen, arguments)
    if arguments.function and not chosen:
        raise CliError("E0201", f"no function is called '{arguments.function[0]}'")
    if arguments.graph:
        _graph(data, chosen, arguments)
    elif arguments.json:
        _json(data, found, chosen, text=bool(arguments.function))
    elif arguments.function:
        _text(data, chosen)
    else:
        shown = None if arguments.all or arguments.verbose else SHOWN
        for line in _table(found, shown_path(arguments.input), shown):
            print(line)
    sys.stdout.flush()
    return Exit.OK


def _forms(data: bytes, chosen: Sequence[FunctionRow], arguments: argparse.Namespace) -> int:
    """All forms of what one instruction computes, with costs and reasons."""
    from ..explore.session import Session, SessionError
    from ..optimize.options import Options

    if len(chosen) != 1 or not arguments.function:
        raise CliError("E0201", "--at needs --function with the name or index of one function")
    index, at = chosen[0].index, arguments.at
    session = Session(data, Options(cost=arguments.cost or "balanced", max_iters=FORM_ITERS))
    try:
        plain = session.forms(index, at, {})
        for form in plain["forms"]:
            form["why"] = session.why(index, at, form["text"])["steps"]
    except SessionError as error:
        raise CliError("E0201", f"{shown_path(arguments.input)}: {error}") from None
    if arguments.json:
        print(json.dumps({"function": index, **plain}, ensure_ascii=False))
    else:
        for line in _form_lines(plain["forms"]):
            print(line)
    sys.stdout.flush()
    return Exit.OK


def _form_lines(forms: Sequence[dict[str, Any]]) -> Iterator[str]:
    for form in forms:
        delta = form.get("delta")
        cost = form.get("refused") or (
            f"{delta[0]:+} bytes, {delta[1]:+g} fuel" if delta is not None else ""
        )
        yield f"{form['shown']}  ({cost})" if cost else form["shown"]
        yield f"    {form['text']}"
        yield from _step_lines(form["why"] or (), "    ")


def _step_lines(steps: Sequence[dict[str, Any]], indent: str) -> Iterator[str]:
    for step in steps:
        name = {"rule": step["rule"], "program": "as the program says"}.get(
            step["kind"], step["kind"]
        )
        way = " (from right to left)" if step["reversed"] else ""
        yield f"{indent}{step['before']} = {step['after']}  by {name}{way}"
        yield from _step_lines(step["steps"], indent + "    ")


def read_valid(path: str) -> bytes:
    """A module in the binary format that wasmtime accepts. Raises CliError."""
    from ..wasm.errors import WasmError
    from ..wasm.validate import validate

    data = read_module(path)
    try:
        validate(data)
    except WasmError as error:
        raise CliError("E0303", f"{shown_path(path)}: not a valid module ({error})") from None
    return data


def _chosen(rows: Sequence[FunctionRow], globs: Sequence[str] | None) -> list[FunctionRow]:
    from ..optimize.worklist import selected

    if not globs:
        return list(rows)
    return [row for row in rows if selected(row.index, row.name or None, globs, ())]


def _json(data: bytes, found: Listing, chosen: Sequence[FunctionRow], *, text: bool) -> None:
    plain = found.as_json()
    wanted = {row.index for row in chosen}
    plain["functions"] = [row for row in plain["functions"] if row["index"] in wanted]
    if text:
        for row, lines in zip(plain["functions"], _folded(data, chosen), strict=True):
            row["wat"] = lines
    print(json.dumps(plain, ensure_ascii=False))


def _text(data: bytes, chosen: Sequence[FunctionRow]) -> None:
    for row, lines in zip(chosen, _folded(data, chosen), strict=True):
        label = printable(row.name) if row.name else f"function {row.index}"
        print(f";; {label}: {row.size} bytes, {row.instructions} instructions, fuel {row.fuel:.4g}")
        for line in lines:
            print(line)


def _graph(data: bytes, chosen: Sequence[FunctionRow], arguments: argparse.Namespace) -> None:
    """The function graphs as text; a comment where there is none."""
    from ..ir.printer import format_function
    from ..lowering import Unsupported, lower
    from ..wasm.module import Module

    if not arguments.function or arguments.json:
        raise CliError("E0201", "--graph needs --function, and prints text")
    module = Module.parse(data)
    for row in chosen:
        print(f";; {printable(row.name) if row.name else f'function {row.index}'}")
        try:
            print(format_function(lower(module, row.index)), end="")
        except Unsupported as refusal:
            print(f";; no graph: {refusal}")


def _folded(data: bytes, chosen: Sequence[FunctionRow]) -> Iterator[list[str]]:
    from ..wasm.module import Module
    from ..wasm.text_folded import print_folded
    from ..wasm.text_instrs import function_ids

    module = Module.parse(data)
    ids = function_ids(module)
    for row in chosen:
        yield print_folded(module, row.index, ids)


def _table(found: Listing, source: str, most: int | None) -> Iterator[str]:
    yield (
        f"{source}: {found.size:,} bytes, {len(found.functions)} functions, "
        f"{len(found.imports)} imports, {len(found.exports)} exports"
    )
    yield f"features: {', '.join(found.features) or 'none'}"
    yield "sections: " + ", ".join(f"{printable(name)} {size:,}" for name, size in found.sections)
    yield (
        f"{'index':>6} {'function':<{NAME_WIDTH}} {'bytes':>7} {'instrs':>7} {'fuel':>9} "
        f"{'callers':>7}  group"
    )
    rows = sorted(found.functions, key=lambda row: (-row.size, row.index))
    for row in rows[:most]:
        name = printable(row.name)[:NAME_WIDTH]
        yield (
            f"{row.index:>6} {name:<{NAME_WIDTH}} {row.size:>7} {row.instructions:>7} "
            f"{row.fuel:>9.4g} {row.callers:>7}  {row.group}"
        )
    left = 0 if most is None else len(rows) - most
    if left > 0:
        yield f"       and {left} smaller ones (--all shows them)"
