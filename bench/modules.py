"""The modules of a folder, and what a manifest says about calling them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["BenchError", "Call", "Input", "bytes_without_custom", "code_bytes", "load"]

CODE = 10


class BenchError(Exception):
    """The bench cannot begin; one line says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an export with integer arguments (bit patterns for floats)."""

    export: str
    arguments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """One module: its name, the group it is averaged in, its file and the calls to measure."""

    name: str
    group: str
    path: Path
    calls: tuple[Call, ...]


def load(place: Path, pattern: str = "") -> list[Input]:
    """The modules of a folder or a manifest whose names match, in order. Raises BenchError.

    A manifest is a JSON list of objects with `name`, `file` (relative to it), optionally `opt` (the
    group) and `export` with `cases` (objects with `arg`, an integer or a list). Without one, every
    `.wasm` file below the folder is a module without calls.
    """
    manifest = place if place.is_file() else place / "manifest.json"
    try:
        if manifest.is_file():
            rows = json.loads(manifest.read_text(encoding="utf-8"))
            found = [_listed(row, manifest.parent) for row in rows]
        else:
            found = [
                Input(str(path.relative_to(place)), "all", path, ())
                for path in sorted(place.rglob("*.wasm"))
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{manifest}: {type(error).__name__}: {error}") from None
    found = [one for one in found if re.search(pattern, one.name)]
    if not found:
        raise BenchError(f"{place}: no modules that match '{pattern}'")
    return found


def _listed(row: dict[str, Any], folder: Path) -> Input:
    calls = []
    for case in row.get("cases", ()):
        argument = case["arg"]
        arguments = tuple(argument) if isinstance(argument, list) else (argument,)
        calls.append(Call(row["export"], arguments))
    return Input(row["name"], str(row.get("opt", "all")), folder / row["file"], tuple(calls))


def bytes_without_custom(data: bytes) -> int:
    """Bytes of a module without its custom sections: wasm-opt adds one that lists features."""
    from eqsat.wasm.module import Module

    return len(data) - sum(one.end - one.start for one in Module.parse(data).sections if not one.id)


def code_bytes(data: bytes) -> int:
    """Bytes in the code section of a module (0 without one)."""
    from eqsat.wasm.module import Module

    for section in Module.parse(data).sections:
        if section.id == CODE:
            return section.end - section.payload_start
    return 0
