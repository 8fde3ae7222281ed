"""What becomes of the custom sections when functions change."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from .entries import read_name
from .errors import WasmError
from .leb import write_unsigned
from .module import CUSTOM, Module, Section, read_count
from .names import (
    LABEL_NAMES,
    LOCAL_NAMES,
    indirect_entries,
    read_name_map,
    subsections,
    write_name_map,
)

STALE: Final = (
    (".debug_*", "DWARF describes code by its old addresses"),
    ("sourceMappingURL", "a source map describes code by its old offsets"),
    ("external_debug_info", "the debug information outside describes the old code"),
    ("metadata.code.*", "hints name instructions by their old offsets"),
)
"""Globs of custom sections that are wrong once a function has changed, and why."""

RELOCATABLE: Final = ("linking", "reloc.*")
PROCESSED_BY: Final = "processed-by"
TOOL: Final = "eqsat"

LocalMap: TypeAlias = Mapping[int, int]
"""Old index of a local to the new index of the local that holds the same."""


def is_relocatable(module: Module) -> bool:
    """Whether the module is an object file for a linker, whose bodies must not move."""
    return any(
        section.name is not None and _any_match(section.name, RELOCATABLE)
        for section in module.sections
    )


def stripped(name: str, strip: Sequence[str], keep: Sequence[str]) -> bool:
    """Whether the user's globs take away the custom section `name`: `keep` beats `strip`."""
    return _any_match(name, strip) and not _any_match(name, keep)


def stale_reason(name: str) -> str | None:
    """Why the custom section `name` must go when a function changes, or None if it may stay."""
    return next((reason for glob, reason in STALE if fnmatchcase(name, glob)), None)


def _any_match(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def write_custom(name: str, content: bytes) -> bytes:
    """Encode a whole custom section."""
    text = name.encode()
    payload = write_unsigned(len(text)) + text + content
    return bytes((CUSTOM,)) + write_unsigned(len(payload)) + payload


def rewrite_names(module: Module, section: Section, changed: Mapping[int, LocalMap]) -> bytes:
    """Return the content of a name section that fits the changed functions.

    `changed` has for each changed function the locals that still stand for one: old to new index.
    Names of all other locals, and of labels, of those functions are dropped.
    """
    data, end = module.data, section.end
    parts: list[bytes] = []
    position = section.payload_start
    for identity, start, stop in subsections(data, position, end):
        if identity in (LOCAL_NAMES, LABEL_NAMES):
            content = _rewrite_indirect(data, start, stop, changed, identity == LABEL_NAMES)
            if content is not None:
                parts.append(bytes((identity,)) + write_unsigned(len(content)) + content)
        else:
            parts.append(data[position:stop])
        position = stop
    parts.append(data[position:end])
    return b"".join(parts)


def _rewrite_indirect(
    data: bytes, start: int, stop: int, changed: Mapping[int, LocalMap], labels: bool
) -> bytes | None:
    """Return the new content of the subsection, or None if nothing of it is left or readable."""
    entries: list[bytes] = []
    try:
        for function, at, after in indirect_entries(data, start, stop):
            kept = changed.get(function)
            if kept is None:
                entries.append(write_unsigned(function) + data[at:after])
                continue
            if labels:
                continue
            old, _ = read_name_map(data, at, after)
            names: dict[int, str] = {}
            for index, name in old.items():
                if index in kept:
                    names.setdefault(kept[index], name)
            if names:
                entries.append(write_unsigned(function) + write_name_map(names))
    except WasmError:
        return None
    return write_unsigned(len(entries)) + b"".join(entries) if entries else None


def rewrite_producers(content: bytes, version: str) -> bytes:
    """Return the content of a `producers` section with `processed-by: eqsat <version>` in it.

    A section that cannot be read is returned as it is.
    """
    try:
        fields = _read_producers(content)
    except WasmError:
        return content
    tools = next((tools for name, tools in fields if name == PROCESSED_BY), None)
    if tools is None:
        tools = []
        fields.append((PROCESSED_BY, tools))
    tools[:] = [entry for entry in tools if entry[0] != TOOL]
    tools.append((TOOL, version))
    parts = [write_unsigned(len(fields))]
    for name, entries in fields:
        parts.append(_write_text(name) + write_unsigned(len(entries)))
        parts += [_write_text(tool) + _write_text(number) for tool, number in entries]
    return b"".join(parts)


def _read_producers(content: bytes) -> list[tuple[str, list[tuple[str, str]]]]:
    end = len(content)
    if not end:
        return []
    fields = []
    count, position = read_count(content, 0, end)
    for _ in range(count):
        name, position = read_name(content, position, end)
        size, position = read_count(content, position, end)
        entries = []
        for _ in range(size):
            tool, position = read_name(content, position, end)
            number, position = read_name(content, position, end)
            entries.append((tool, number))
        fields.append((name, entries))
    if position != end:
        raise WasmError(position, "bytes left over in producers")
    return fields


def _write_text(text: str) -> bytes:
    raw = text.encode()
    return write_unsigned(len(raw)) + raw
