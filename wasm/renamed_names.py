"""The name section of a module whose entities get other indices."""

from collections.abc import Mapping

from .indices import Changes, Indices, Map
from .leb import write_unsigned
from .module import Module, Section
from .names import (
    LABEL_NAMES,
    LOCAL_NAMES,
    NAME_KINDS,
    indirect_entries,
    read_name_map,
    subsections,
    write_name_map,
)


def renamed_names(module: Module, section: Section, indices: Indices, changes: Changes) -> bytes:
    """The content of a name section under new indices, without the names of what is gone.

    Names of locals and labels stay only where the body stays, those of parameters where the type
    stays. A subsection that cannot be read is dropped.
    """
    data = module.data
    maps = indices.by_kind()
    parts = []
    for identity, start, stop in subsections(data, section.payload_start, section.end):
        content: bytes | None = data[start:stop]
        try:
            if identity in NAME_KINDS:
                old, _ = read_name_map(data, start, stop)
                content = write_name_map(_renamed(old, maps[NAME_KINDS[identity]]))
            elif identity in (LOCAL_NAMES, LABEL_NAMES):
                content = _indirect(
                    module, indices, changes, (start, stop), identity == LABEL_NAMES
                )
        except (ValueError, IndexError):
            content = None
        if content is not None:
            parts.append(bytes((identity,)) + write_unsigned(len(content)) + content)
    return b"".join(parts)


def _indirect(
    module: Module, indices: Indices, changes: Changes, extent: tuple[int, int], labels: bool
) -> bytes | None:
    """The names of locals or labels in one subsection, which lies at `extent` in the module."""
    data = module.data
    first = indices.first()
    found: dict[int, bytes] = {}
    for old, at, after in indirect_entries(data, *extent):
        new = indices.functions[old]
        if new is None or first[new] != old:
            continue
        if old not in changes.bodies and old not in changes.types:
            found[new] = data[at:after]
        elif not labels and old not in changes.types:
            names, _ = read_name_map(data, at, after)
            parameters = len(module.function_type(old).params)
            kept = {local: name for local, name in names.items() if local < parameters}
            if kept:
                found[new] = write_name_map(kept)
    if not found:
        return None
    entries = [write_unsigned(new) + found[new] for new in sorted(found)]
    return write_unsigned(len(entries)) + b"".join(entries)


def _renamed(old: Mapping[int, str], mapping: Map) -> dict[int, str]:
    found: dict[int, str] = {}
    for index in sorted(old):
        new = mapping[index] if index < len(mapping) else None
        if new is not None:
            found.setdefault(new, old[index])
    return found
