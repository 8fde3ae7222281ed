"""The custom section `component-provenance`: which component a function of a fused module is from.

Layout, version 3, little endian, as the fuser meld writes it: magic `SCPV`, version (1 byte), two
flags (1 byte each), SHA-256 of all bytes of the module before this section, number of entries
(u32); each entry has the function's index (u32), the component's name (u32 size, bytes), the index
of the function there (u32), and a byte that says whether the body's start and end in the code
section (two u32, from the section's content on) follow.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from .custom import write_custom
from .module import CODE, Module

SECTION: Final = "component-provenance"
MAGIC: Final = b"SCPV"
VERSION: Final = 3
HEAD: Final = struct.Struct("<4s3B32sI")
WORD: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one function comes from; `body` is where its body lies in the code section."""

    function: int
    component: bytes
    original: int
    body: tuple[int, int] | None


NO_ORIGINAL: Final = 0xFFFF_FFFF
"""The original index of what the fuser itself made: adapters, shims."""


def read_provenance(module: Module) -> list[Origin]:
    """Return the entries of the section; none if it is missing or cannot be read."""
    section = next((one for one in module.sections if one.name == SECTION), None)
    if section is None:
        return []
    try:
        return _read(module.data[section.payload_start : section.end])[2]
    except (struct.error, ValueError):
        return []


def refresh_provenance(old: Module, data: bytes, functions: Sequence[int | None]) -> bytes:
    """Return the new module with the section made to fit again.

    `data` is the new module, in which the section, if any, stands as it did in `old`; `functions`
    maps old functions to new ones. A section that cannot be read, or that did not fit the old
    module, is dropped: nobody could tell what it means.
    """
    before = next((one for one in old.sections if one.name == SECTION), None)
    if before is None:
        return data
    new = Module.parse(data)
    now = next((one for one in new.sections if one.name == SECTION), None)
    if now is None:
        return data
    content = old.data[before.payload_start : before.end]
    try:
        flags, digest, entries = _read(content)
    except (struct.error, ValueError):
        return data[: now.start] + data[now.end :]
    if digest != hashlib.sha256(old.data[: before.start]).digest():
        return data[: now.start] + data[now.end :]
    base = next((one.payload_start for one in new.sections if one.id == CODE), 0)
    kept: dict[int, Origin] = {}
    for entry in entries:
        index = functions[entry.function] if entry.function < len(functions) else None
        if index is None or index in kept:
            continue
        body = None
        if entry.body is not None:
            start, end = new.body_range(index)
            body = (start - base, end - base)
        kept[index] = replace(entry, function=index, body=body)
    digest = hashlib.sha256(data[: now.start]).digest()
    section = _write(flags, digest, [kept[index] for index in sorted(kept)])
    return data[: now.start] + write_custom(SECTION, section) + data[now.end :]


def _read(content: bytes) -> tuple[tuple[int, int], bytes, list[Origin]]:
    magic, version, first, second, digest, count = HEAD.unpack_from(content)
    if magic != MAGIC or version != VERSION:
        raise ValueError("another version")
    at = HEAD.size
    entries = []
    for _ in range(count):
        function, size = struct.unpack_from("<2I", content, at)
        at += 8
        component = content[at : at + size]
        at += size
        original, ranged = struct.unpack_from("<IB", content, at)
        at += 5
        body = None
        if ranged == 1:
            body = struct.unpack_from("<2I", content, at)
            at += 8
        elif ranged:
            raise ValueError("malformed flag")
        entries.append(Origin(function, component, original, body))
    if at != len(content):
        raise ValueError("bytes left over")
    return (first, second), digest, entries


def _write(flags: tuple[int, int], digest: bytes, entries: Sequence[Origin]) -> bytes:
    parts = [HEAD.pack(MAGIC, VERSION, *flags, digest, len(entries))]
    for entry in entries:
        parts += (WORD.pack(entry.function), WORD.pack(len(entry.component)), entry.component)
        parts.append(struct.pack("<IB", entry.original, entry.body is not None))
        if entry.body is not None:
            parts.append(struct.pack("<2I", *entry.body))
    return b"".join(parts)
