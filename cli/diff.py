"""`eqsat diff`: what changed from one module to another, in figures and in text."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .errors import CliError, Exit, printable
from .inspect import NAME_WIDTH, read_valid
from .reading import STDIO

if TYPE_CHECKING:
    from ..explore.pairs import Pair
    from ..wasm.module import Module

__all__ = ["diff"]


def diff(arguments: argparse.Namespace) -> int:
    """Run the command."""
    paths = arguments.before, arguments.after
    if paths == (STDIO, STDIO):
        raise CliError("E0201", "only one of the two can come from stdin")
    data = [read_valid(path) for path in paths]
    from ..explore.pairs import pairs, sections
    from ..wasm.module import Module

    before, after = map(Module.parse, data)
    found = pairs(before, after)
    if arguments.function:
        found = [pair for pair in found if _wanted(pair, arguments.function)]
        if not found:
            raise CliError("E0201", f"no function is called '{arguments.function[0]}'")
    changed = [pair for pair in found if not pair.same]
    if arguments.json:
        plain = _plain(before, after, found, sections(before, after))
        print(json.dumps(plain, ensure_ascii=False))
    else:
        for line in _table(before, after, changed, sections(before, after)):
            print(line)
        if not arguments.stat:
            for pair in changed:
                for line in _unified(before, after, pair):
                    print(line)
    sys.stdout.flush()
    if arguments.exit_code and data[0] != data[1]:
        return Exit.GATE
    return Exit.OK


def _wanted(pair: Pair, globs: Sequence[str]) -> bool:
    from ..optimize.worklist import selected

    index = pair.before if pair.before is not None else pair.after
    assert index is not None
    return selected(index, pair.name or None, globs, ())


def _plain(
    before: Module,
    after: Module,
    found: Sequence[Pair],
    sizes: Sequence[tuple[str, int, int]],
) -> dict[str, Any]:
    return {
        "schema": 1,
        "bytes": [len(before.data), len(after.data)],
        "sections": [{"name": name, "bytes": [old, new]} for name, old, new in sizes],
        "functions": [
            pair.as_json() | ({} if pair.same else {"diff": list(_unified(before, after, pair))})
            for pair in found
        ],
    }


def _table(
    before: Module,
    after: Module,
    changed: Sequence[Pair],
    sizes: Sequence[tuple[str, int, int]],
) -> Iterator[str]:
    old, new = len(before.data), len(after.data)
    yield f"{old:,} -> {new:,} bytes ({new - old:+,}), {len(changed)} functions differ"
    for name, first, second in sizes:
        if first != second:
            yield f"  {printable(name)}: {first:,} -> {second:,} ({second - first:+,})"
    for pair in sorted(changed, key=lambda pair: pair.size[1] - pair.size[0]):
        kind = "new" if pair.before is None else "gone" if pair.after is None else ""
        yield (
            f"  {_label(pair)[:NAME_WIDTH]:<{NAME_WIDTH}} {pair.size[0]:>7} -> {pair.size[1]:>7} "
            f"({pair.size[1] - pair.size[0]:+6})  fuel {pair.fuel[0]:>8.4g} -> {pair.fuel[1]:>8.4g}"
            f"  {kind}".rstrip()
        )


def _unified(before: Module, after: Module, pair: Pair) -> Iterator[str]:
    from ..wasm.text_folded import print_folded

    old = [] if pair.before is None else print_folded(before, pair.before)
    new = [] if pair.after is None else print_folded(after, pair.after)
    names = (f"a/{_label(pair)} ({pair.size[0]} bytes)", f"b/{_label(pair)} ({pair.size[1]} bytes)")
    yield from difflib.unified_diff(old, new, *names, lineterm="")


def _label(pair: Pair) -> str:
    index = pair.before if pair.before is not None else pair.after
    return printable(pair.name) if pair.name else f"[{index}]"
