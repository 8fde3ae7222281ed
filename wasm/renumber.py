"""Write a module again with entities removed, merged or renumbered, and bodies replaced.

Whatever names an entity by its index follows: bodies, constant expressions, segments, imports,
exports, the start function, the name section and `component-provenance`. Entries whose indices do
not change are copied byte for byte.
"""

from collections.abc import Callable, Sequence

from .. import __version__
from .custom import rewrite_producers, stale_reason, stripped, write_custom
from .entities import Data, Element, Export, GlobalType, MemoryType, TableType
from .indices import Changes, Dangling, Indices, plain_types
from .leb import read_u32, write_unsigned
from .module import (
    CODE,
    CUSTOM,
    DATA,
    DATA_COUNT,
    ELEMENT,
    EXPORT,
    FUNCTION,
    GLOBAL,
    IMPORT,
    MEMORY,
    START,
    TABLE,
    TAG,
    TYPE,
    Module,
    Section,
)
from .provenance import refresh_provenance
from .renamed_names import renamed_names
from .renamer import Renamer
from .rewrite import Rewritten, write_func_type
from .types import FuncType, write_value_type


def renumber(
    module: Module,
    indices: Indices,
    changes: Changes | None = None,
    *,
    strip: Sequence[str] = (),
    keep: Sequence[str] = (),
    version: str | None = __version__,
) -> Rewritten:
    """Return the module with everything renumbered and changed as asked.

    `producers` notes the change unless `version` is None.

    Raises Dangling if something that stays refers to something that is gone.
    """
    writer = _Writer(module, indices, changes or Changes(), strip, keep, version)
    data = writer.write()
    return Rewritten(data, tuple(writer.warnings))


class _Writer:
    """Writes the sections in order."""

    def __init__(
        self,
        module: Module,
        indices: Indices,
        changes: Changes,
        strip: Sequence[str],
        keep: Sequence[str],
        version: str | None,
    ) -> None:
        self.module = module
        self.changes = changes
        self.strip = strip
        self.keep = keep
        self.version = version
        self.warnings: list[str] = []
        kept = sum(new is not None for new in indices.types)
        types = (*indices.types, *range(kept, kept + len(changes.new_types)))
        self.indices = Indices(
            indices.functions,
            indices.tables,
            indices.memories,
            indices.globals,
            types,
            indices.elements,
            indices.datas,
            indices.tags,
        )
        self.names = Renamer(self.indices)
        self.first = indices.first()

    def write(self) -> bytes:
        module = self.module
        writers: dict[int, Callable[[], list[bytes]]] = {
            TYPE: self.types,
            IMPORT: self.imports,
            FUNCTION: self.functions,
            TABLE: self.tables,
            MEMORY: self.memories,
            TAG: self.tags,
            GLOBAL: self.globals,
            EXPORT: self.exports,
            ELEMENT: self.elements,
            CODE: self.code,
            DATA: self.datas,
        }
        parts = [module.data[:8]]
        if self.changes.new_types and not any(one.id == TYPE for one in module.sections):
            parts.append(_vector(TYPE, self.types()))
        producers = False
        for section in module.sections:
            if section.id == CUSTOM:
                producers |= section.name == "producers"
                parts.append(self.custom(section))
            elif section.id == START:
                assert module.start is not None
                parts.append(_section(START, write_unsigned(self.function(module.start))))
            elif section.id == DATA_COUNT:
                count = sum(new is not None for new in self.indices.datas)
                if count or not module.datas:
                    parts.append(_section(DATA_COUNT, write_unsigned(count)))
            else:
                parts.append(_vector(section.id, writers[section.id]()))
        if (
            self.version is not None
            and not producers
            and not stripped("producers", self.strip, self.keep)
        ):
            parts.append(write_custom("producers", rewrite_producers(b"", self.version)))
        data = b"".join(parts)
        return refresh_provenance(module, data, self.indices.functions)

    def function(self, old: int) -> int:
        return self.names.index("func", old)

    def types(self) -> list[bytes]:
        """Kept types as they are written; new ones behind them."""
        module = self.module
        found = []
        if plain_types(module):
            for kind, new in zip(module.types, self.indices.types, strict=False):
                if new is not None:
                    assert isinstance(kind, FuncType)
                    found.append(write_func_type(kind))
        else:
            found = self.all_types()
        return [*found, *map(write_func_type, self.changes.new_types)]

    def all_types(self) -> list[bytes]:
        """The entries of a type section that must stay as it is."""
        section = next(one for one in self.module.sections if one.id == TYPE)
        count, at = read_u32(self.module.data, section.payload_start, section.end)
        return [self.module.data[at : section.end], *([b""] * (count - 1))]

    def imports(self) -> list[bytes]:
        module = self.module
        counts = dict.fromkeys(("func", "table", "memory", "global", "tag"), 0)
        kept = self.indices.by_kind()
        found = []
        for one in module.imports:
            index = counts[one.kind]
            counts[one.kind] += 1
            if kept[one.kind][index] is None:
                continue
            head = _text(one.module) + _text(one.name)
            match one.desc:
                case int() as type:
                    found.append(head + b"\0" + write_unsigned(self.names.type(type)))
                case TableType() as table:
                    found.append(head + b"\1" + self.table_type(table))
                case MemoryType() as memory:
                    found.append(head + b"\2" + _memory_type(memory))
                case GlobalType() as kind:
                    found.append(head + b"\3" + self.global_type(kind))
                case tag:
                    found.append(head + b"\4\0" + write_unsigned(self.names.type(tag.type)))
        return found

    def functions(self) -> list[bytes]:
        module = self.module
        found = []
        for new in sorted(self.first):
            old = self.first[new]
            if old >= module.imported_functions:
                type = self.changes.types.get(old, module.functions[old])
                found.append(write_unsigned(self.names.type(type)))
        return found

    def table_type(self, table: TableType) -> bytes:
        flags = (table.maximum is not None) | table.shared << 1 | table.is64 << 2
        head = write_value_type(self.names.value_type(table.type)) + bytes((flags,))
        return head + _limits(table.minimum, table.maximum)

    def tables(self) -> list[bytes]:
        found = []
        for table, new in zip(self.module.tables, self.indices.tables, strict=True):
            if table.imported or new is None:
                continue
            if table.init is None:
                found.append(self.table_type(table))
            else:
                init = self.names.expression(table.init)
                found.append(b"\x40\0" + self.table_type(table) + init)
        return found

    def memories(self) -> list[bytes]:
        pairs = zip(self.module.memories, self.indices.memories, strict=True)
        return [_memory_type(one) for one, new in pairs if new is not None and not one.imported]

    def tags(self) -> list[bytes]:
        pairs = zip(self.module.tags, self.indices.tags, strict=True)
        return [
            b"\0" + write_unsigned(self.names.type(one.type))
            for one, new in pairs
            if new is not None and not one.imported
        ]

    def global_type(self, kind: GlobalType) -> bytes:
        return write_value_type(self.names.value_type(kind.type)) + bytes((kind.mutable,))

    def globals(self) -> list[bytes]:
        found = []
        for old, (kind, new) in enumerate(
            zip(self.module.globals, self.indices.globals, strict=True)
        ):
            if kind.imported or new is None:
                continue
            init = self.changes.globals.get(old, kind.init)
            assert init is not None
            found.append(self.global_type(kind) + self.names.expression(init))
        return found

    def exports(self) -> list[bytes]:
        found = []
        kept = self.changes.exports
        for export in self.module.exports:
            if kept is None or export.name in kept:
                found.append(self.export(export))
        return found

    def export(self, export: Export) -> bytes:
        number = ("func", "table", "memory", "global", "tag").index(export.kind)
        index = self.names.index(export.kind, export.index)
        return _text(export.name) + bytes((number,)) + write_unsigned(index)

    def elements(self) -> list[bytes]:
        pairs = zip(self.module.elements, self.indices.elements, strict=True)
        return [self.element(one) for one, new in pairs if new is not None]

    def element(self, one: Element) -> bytes:
        flags = one.flags
        parts = []
        if one.mode == "active":
            assert one.offset is not None
            table = self.names.index("table", one.table)
            # The short form is for table 0 alone.
            if flags & 2 == 0 and table != 0:
                flags |= 2
            if flags & 2:
                parts.append(write_unsigned(table))
            parts.append(self.names.expression(one.offset))
        if flags & 3:
            parts.append(write_value_type(self.names.value_type(one.type)) if flags & 4 else b"\0")
        elif flags & 4 and one.type != 0x70:
            raise Dangling("an element segment of a type without a short form")
        parts.append(write_unsigned(len(one.functions)))
        if flags & 4:
            parts += [self.names.expression(entry) for entry in one.expressions]
        else:
            for function in one.functions:
                assert function is not None
                parts.append(write_unsigned(self.function(function)))
        return write_unsigned(flags) + b"".join(parts)

    def code(self) -> list[bytes]:
        module = self.module
        found = []
        for new in sorted(self.first):
            old = self.first[new]
            if old < module.imported_functions:
                continue
            body = self.changes.bodies.get(old)
            if body is None:
                start, end = module.body_range(old)
                body = self.names.body(module.data, start, end)
            else:
                body = self.names.body(body, 0, len(body))
            found.append(write_unsigned(len(body)) + body)
        return found

    def datas(self) -> list[bytes]:
        pairs = zip(self.module.datas, self.indices.datas, strict=True)
        return [self.data_segment(one) for one, new in pairs if new is not None]

    def data_segment(self, one: Data) -> bytes:
        content = self.module.data[one.start : one.end]
        tail = write_unsigned(len(content)) + content
        if one.mode == "passive":
            return b"\1" + tail
        assert one.offset is not None
        memory = self.names.index("memory", one.memory)
        head = b"\0" if memory == 0 else b"\2" + write_unsigned(memory)
        return head + self.names.expression(one.offset) + tail

    def custom(self, section: Section) -> bytes:
        data = self.module.data
        name = section.name
        assert name is not None
        if stripped(name, self.strip, self.keep):
            return b""
        if name == "producers" and self.version is not None:
            content = data[section.payload_start : section.end]
            return write_custom(name, rewrite_producers(content, self.version))
        if name == "name":
            return write_custom(
                name, renamed_names(self.module, section, self.indices, self.changes)
            )
        reason = stale_reason(name)
        if reason is not None:
            self.warnings.append(f"custom section {name} dropped: {reason}")
            return b""
        return data[section.start : section.end]


def _memory_type(memory: MemoryType) -> bytes:
    sized = memory.page_size_log2 != 16
    flags = (memory.maximum is not None) | memory.shared << 1 | memory.is64 << 2 | sized << 3
    tail = write_unsigned(memory.page_size_log2) if sized else b""
    return bytes((flags,)) + _limits(memory.minimum, memory.maximum) + tail


def _limits(minimum: int, maximum: int | None) -> bytes:
    tail = b"" if maximum is None else write_unsigned(maximum)
    return write_unsigned(minimum) + tail


def _text(text: str) -> bytes:
    raw = text.encode()
    return write_unsigned(len(raw)) + raw


def _section(identity: int, payload: bytes) -> bytes:
    return bytes((identity,)) + write_unsigned(len(payload)) + payload


def _vector(identity: int, entries: Sequence[bytes]) -> bytes:
    """A section with its count; nothing where nothing is left."""
    if not entries:
        return b""
    return _section(identity, write_unsigned(len(entries)) + b"".join(entries))
