"""`--diff`: what would change, function by function, as a unified diff of the text format."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..optimize.run import Result

__all__ = ["difference"]


def difference(source: bytes, result: Result) -> Iterator[str]:
    """The lines of the diff; none if nothing changed."""
    from ..wasm.module import Module
    from ..wasm.text import print_body

    if result.output == source:
        return
    befores = [Module.parse(data) for data in _modules(source)]
    afters = [Module.parse(data) for data in _modules(result.output)]
    for record in result.report.functions:
        if record.status != "proven":
            continue
        before, after = befores[record.module], afters[record.module]
        label = record.name or f"func {record.index}"
        places = result.report.places
        place = places[record.index] if places else record.index
        old = print_body(before, record.index)
        new = [] if place is None or not record.bytes_after else print_body(after, place)
        title = f"{label} ({record.bytes_before} bytes)", f"{label} ({record.bytes_after} bytes)"
        yield from difflib.unified_diff(old, new, *title, lineterm="")


def _modules(data: bytes) -> list[bytes]:
    """The core modules of a component, or the module itself."""
    from ..wasm.component import core_modules, is_component

    if not is_component(data):
        return [data]
    return [data[start:end] for start, end in core_modules(data)]
