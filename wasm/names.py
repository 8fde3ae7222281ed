"""The `name` section: names of functions, locals and other entities, read with tolerance.

Whatever is malformed is treated as if it were not there: names never make a module invalid.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from .entries import read_name
from .errors import WasmError
from .leb import read_u32, write_unsigned
from .module import Module, read_count

MODULE_NAME, FUNCTION_NAMES, LOCAL_NAMES, LABEL_NAMES = range(4)
NAME_KINDS: Final = {
    1: "func",
    4: "type",
    5: "table",
    6: "memory",
    7: "global",
    8: "elem",
    9: "data",
    11: "tag",
}
"""Subsections that are plain maps of index to name, by the kind of entity that they name."""


@dataclass(frozen=True, slots=True)
class Names:
    """All names found; `locals` by function, then by local (parameters first)."""

    module: str | None = None
    functions: dict[int, str] = field(default_factory=dict)
    locals: dict[int, dict[int, str]] = field(default_factory=dict)
    others: dict[str, dict[int, str]] = field(default_factory=dict)


def read_names(module: Module) -> Names:
    """Read the first custom section called `name`; empty if there is none."""
    for section in module.sections:
        if section.name == "name":
            return _read_section(module.data, section.payload_start, section.end)
    return Names()


def function_names(module: Module) -> dict[int, str]:
    """Names of functions: from the name section, else from exports, else from imports."""
    found: dict[int, str] = {}
    functions = (one for one in module.imports if one.kind == "func")
    for index, one in enumerate(functions):
        found[index] = f"{one.module}.{one.name}"
    for export in module.exports:
        if export.kind == "func":
            found[export.index] = export.name
    return found | read_names(module).functions


def _read_section(data: bytes, position: int, end: int) -> Names:
    module_name: str | None = None
    locals_: dict[int, dict[int, str]] = {}
    others: dict[str, dict[int, str]] = {}
    for identity, start, stop in subsections(data, position, end):
        try:
            if identity == MODULE_NAME:
                module_name, _ = read_name(data, start, stop)
            elif identity == LOCAL_NAMES:
                for function, at, _ in indirect_entries(data, start, stop):
                    locals_[function], _ = read_name_map(data, at, stop)
            elif identity in NAME_KINDS:
                others[NAME_KINDS[identity]], _ = read_name_map(data, start, stop)
        except WasmError:
            continue
    return Names(module_name, others.pop("func", {}), locals_, others)


def subsections(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield `(id, content start, content end)` of each subsection, up to the first fault."""
    while position < end:
        try:
            size, start = read_u32(data, position + 1, end)
        except WasmError:
            return
        if size > end - start:
            return
        yield data[position], start, start + size
        position = start + size


def read_name_map(data: bytes, position: int, end: int) -> tuple[dict[int, str], int]:
    """Read a map of index to name; returns it and the next position."""
    count, position = read_count(data, position, end)
    names: dict[int, str] = {}
    for _ in range(count):
        index, position = read_u32(data, position, end)
        name, position = read_name(data, position, end)
        names[index] = name
    return names, position


def write_name_map(names: Mapping[int, str]) -> bytes:
    """Encode a map of index to name, ascending."""
    parts = [write_unsigned(len(names))]
    for index in sorted(names):
        text = names[index].encode()
        parts.append(write_unsigned(index) + write_unsigned(len(text)) + text)
    return b"".join(parts)


def indirect_entries(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield `(function, start of its name map, end of it)`; raises `WasmError` on a fault."""
    count, position = read_count(data, position, end)
    for _ in range(count):
        function, position = read_u32(data, position, end)
        start = position
        _, position = read_name_map(data, position, end)
        yield function, start, position
