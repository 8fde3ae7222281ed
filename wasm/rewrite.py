"""Write a module again with some function bodies replaced; everything else is copied.

What did not change is copied byte for byte, padded integers included, so that a module in which
nothing changed comes out as it went in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .. import __version__
from .custom import (
    LocalMap,
    rewrite_names,
    rewrite_producers,
    stale_reason,
    stripped,
    write_custom,
)
from .leb import read_u32, write_unsigned
from .module import CODE, CUSTOM, TYPE, Module, Section
from .provenance import refresh_provenance
from .type_section import FUNC
from .types import FuncType, write_value_type

_NO_MAPS: Final[Mapping[int, LocalMap]] = {}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new module, and a line for each custom section that had to go, with the reason."""

    data: bytes
    warnings: tuple[str, ...]


def replace(
    module: Module,
    bodies: Mapping[int, bytes],
    new_types: Sequence[FuncType] = (),
    *,
    local_maps: Mapping[int, LocalMap] = _NO_MAPS,
    strip: Sequence[str] = (),
    keep: Sequence[str] = (),
    version: str = __version__,
    touched: bool = False,
    note: bool = True,
) -> Rewritten:
    """Return the module with the bodies of some functions replaced and types appended.

    `bodies` maps function index (imports first) to a body without its size; one equal to the old
    body counts as unchanged. `new_types` get the indices from `len(module.types)` on.
    `local_maps` says for a changed function which old local is which new one, for the name
    section; without it the parameters keep their names. `strip` and `keep` are globs over the
    names of custom sections. If anything changes (or did before: `touched`), `producers` says so,
    unless `note` is false.
    """
    changed = {
        index: local_maps.get(index, {p: p for p in range(len(module.function_type(index).params))})
        for index, body in bodies.items()
        if body != module.body_bytes(index)
    }
    writer = _Writer(module, bodies, changed, new_types, strip, keep, version if note else None)
    return writer.write(touched)


class _Writer:
    """Goes over the sections once and collects the parts of the new module."""

    def __init__(
        self,
        module: Module,
        bodies: Mapping[int, bytes],
        changed: Mapping[int, LocalMap],
        new_types: Sequence[FuncType],
        strip: Sequence[str],
        keep: Sequence[str],
        version: str | None,
    ) -> None:
        self.module = module
        self.bodies = bodies
        self.changed = changed
        self.new_types = new_types
        self.strip = strip
        self.keep = keep
        self.version = version
        self.warnings: list[str] = []

    def write(self, touched: bool) -> Rewritten:
        sections = self.module.sections
        kept = [one for one in sections if one.name is None or not self.is_stripped(one.name)]
        if not (self.changed or self.new_types or touched) and len(kept) == len(sections):
            return Rewritten(self.module.data, ())
        parts = [self.module.data[:8]]
        if self.new_types and not any(one.id == TYPE for one in sections):
            parts.append(self.type_section(None))
        for section in kept:
            parts.append(self.section(section))
        noted = any(one.name == "producers" for one in sections)
        if self.version is not None and not noted and not self.is_stripped("producers"):
            parts.append(write_custom("producers", rewrite_producers(b"", self.version)))
        functions = range(len(self.module.functions))
        data = refresh_provenance(self.module, b"".join(parts), functions)
        return Rewritten(data, tuple(self.warnings))

    def is_stripped(self, name: str) -> bool:
        return stripped(name, self.strip, self.keep)

    def section(self, section: Section) -> bytes:
        data = self.module.data
        if section.id == CUSTOM and section.name is not None:
            return self.custom(section, section.name)
        if section.id == TYPE and self.new_types:
            return self.type_section(section)
        if section.id == CODE and self.changed:
            return self.code_section(section)
        return data[section.start : section.end]

    def custom(self, section: Section, name: str) -> bytes:
        data = self.module.data
        if name == "producers" and self.version is not None:
            content = data[section.payload_start : section.end]
            return write_custom(name, rewrite_producers(content, self.version))
        if not self.changed:
            return data[section.start : section.end]
        if name == "name":
            return write_custom(name, rewrite_names(self.module, section, self.changed))
        reason = stale_reason(name)
        if reason is not None:
            self.warnings.append(f"custom section {name} dropped: {reason}")
            return b""
        return data[section.start : section.end]

    def type_section(self, section: Section | None) -> bytes:
        """Append the new types; the count is of recursion groups, each new type one of its own."""
        count, old = 0, b""
        if section is not None:
            count, start = read_u32(self.module.data, section.payload_start, section.end)
            old = self.module.data[start : section.end]
        new = b"".join(map(write_func_type, self.new_types))
        return _section(TYPE, write_unsigned(count + len(self.new_types)) + old + new)

    def code_section(self, section: Section) -> bytes:
        module = self.module
        _, position = read_u32(module.data, section.payload_start, section.end)
        parts = [module.data[section.payload_start : position]]
        # Runs of unchanged functions are copied in one piece, their sizes included.
        copied = position
        for index in sorted(self.changed):
            at = index - module.imported_functions
            entry = module.code[at - 1][1] if at > 0 else position
            body = self.bodies[index]
            parts += (module.data[copied:entry], write_unsigned(len(body)), body)
            copied = module.code[at][1]
        parts.append(module.data[copied : section.end])
        return _section(CODE, b"".join(parts))


def write_func_type(function_type: FuncType) -> bytes:
    """Encode a function type as an entry of the type section."""
    parts = [bytes((FUNC,))]
    for types in (function_type.params, function_type.results):
        parts.append(write_unsigned(len(types)))
        parts += [write_value_type(kind) for kind in types]
    return b"".join(parts)


def _section(identity: int, payload: bytes) -> bytes:
    return bytes((identity,)) + write_unsigned(len(payload)) + payload
