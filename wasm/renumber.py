"""Write a module again with entities removed, merged or renumbered, and bodies replaced.

Whatever names an entity by its index follows: bodies, constant expressions, segments, imports,
exports, the start function, the name section and `component-provenance`. Entries whose indices do
not change are copied byte for byte.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from .. import __version__
from .body import Instr, decode_instrs, encode_instrs, read_locals
from .custom import rewrite_producers, stale_reason, stripped, write_custom
from .entities import Data, Element, Export, GlobalType, MemoryType, TableType
from .immediates import WRITERS
from .leb import write_unsigned
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
from .names import LABEL_NAMES, LOCAL_NAMES, NAME_KINDS, read_name_map, subsections, write_name_map
from .names import indirect_entries as name_entries
from .opcodes import OPCODES
from .provenance import refresh_provenance
from .rewrite import Rewritten, write_func_type
from .tokens import INSTRUCTION
from .types import FuncType, ValType, write_value_type

Map: TypeAlias = tuple[int | None, ...]
"""Old index -> new index, or None where the entity is gone."""

NOTHING: Final[Mapping[int, Any]] = {}


class Dangling(ValueError):
    """Something that stays refers to something that is gone."""


@dataclass(frozen=True, slots=True)
class Indices:
    """The new index of every old entity, by kind; see `Map`.

    Several old functions may get one new index: they are merged, and the first one's body stays.
    Apart from that the order of what stays must not change, except among merged functions.
    """

    functions: Map
    tables: Map
    memories: Map
    globals: Map
    types: Map
    elements: Map
    datas: Map
    tags: Map

    @staticmethod
    def same(module: Module) -> "Indices":
        """The maps under which nothing changes."""
        return Indices(
            functions=tuple(range(len(module.functions))),
            tables=tuple(range(len(module.tables))),
            memories=tuple(range(len(module.memories))),
            globals=tuple(range(len(module.globals))),
            types=tuple(range(len(module.types))),
            elements=tuple(range(len(module.elements))),
            datas=tuple(range(len(module.datas))),
            tags=tuple(range(len(module.tags))),
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change beside the numbering; everything is in terms of the old module.

    Attributes:
        bodies: old function -> new body (without its size), written with old indices.
        types: old function -> its new type, as an old type index or one past the old types for
            the first of `new_types`, and so on.
        new_types: function types appended.
        exports: names of the exports that stay, or None for all.
        globals: old global -> new constant expression (without `end`), old indices.
    """

    bodies: Mapping[int, bytes] = field(default_factory=dict)
    types: Mapping[int, int] = field(default_factory=dict)
    new_types: Sequence[FuncType] = ()
    exports: Collection[str] | None = None
    globals: Mapping[int, tuple[Instr, ...]] = field(default_factory=dict)


def compacted(kept: Sequence[bool]) -> tuple[int | None, ...]:
    """Number what is kept in order, from 0; the rest is gone."""
    found: list[int | None] = []
    count = 0
    for stays in kept:
        found.append(count if stays else None)
        count += stays
    return tuple(found)


def without(old: Map, gone: Collection[int]) -> Map:
    """A numbering in which some more are gone."""
    return compacted([new is not None and index not in gone for index, new in enumerate(old)])


def plain_types(module: Module) -> bool:
    """Whether no type names another type, so that types may be renumbered."""
    if module.recursions or module.subtypes:
        return False
    for kind in module.types:
        if not isinstance(kind, FuncType):
            return False
        if any(isinstance(t, tuple) and t[1] >= 0 for t in (*kind.params, *kind.results)):
            return False
    return True


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


class Renamer:
    """Instructions with old indices to instructions with new ones."""

    def __init__(self, indices: Indices) -> None:
        self._maps: dict[str, Map] = {
            "func": indices.functions,
            "table": indices.tables,
            "memory": indices.memories,
            "global": indices.globals,
            "type": indices.types,
            "elem": indices.elements,
            "data": indices.datas,
            "tag": indices.tags,
        }
        self._special: dict[str, Callable[..., tuple[Any, ...]]] = {
            "memarg": self._memarg,
            "blocktype": self._block_type,
            "heaptype": lambda heap: (self.heap(heap),),
            "types": lambda kinds: (tuple(map(self.value_type, kinds)),),
            "cast": self._cast,
            "catches": self._catches,
        }
        self._identical = {
            kind
            for kind, mapping in self._maps.items()
            if all(new == old for old, new in enumerate(mapping))
        }
        self._cache: dict[bytes, bytes] = {}

    def index(self, kind: str, old: int) -> int:
        """The new index of an entity; raises Dangling if it is gone."""
        found = self._maps[kind]
        new = found[old] if old < len(found) else old
        if new is None:
            raise Dangling(f"{kind} {old} is still used")
        return new

    def type(self, old: int) -> int:
        """The new index of a type; the ones past the old types were numbered by the writer."""
        return self.index("type", old)

    def instr(self, instr: Instr) -> Instr:
        """The instruction with new indices; the same object where nothing changes."""
        row = OPCODES[instr[0]]
        values: list[Any] = [instr[0]]
        at = 1
        for kind in row.immediates:
            width = WRITERS[kind][0]
            old = instr[at : at + width]
            at += width
            if kind in self._maps:
                values.append(self.index(kind, old[0]))
            elif (special := self._special.get(kind)) is not None:
                values += special(*old)
            else:
                values += old
        made = tuple(values)
        return instr if made == instr else made

    def expression(self, instrs: Sequence[Instr]) -> bytes:
        """A constant expression with new indices, with its `end`."""
        return encode_instrs([*map(self.instr, instrs), (0x0B,)])

    def body(self, data: bytes, start: int, end: int) -> bytes:
        """A body (without its size) with new indices."""
        runs, position = read_locals(data, start, end)
        head = data[start:position]
        if any(isinstance(kind, tuple) and kind[1] >= 0 for _, kind in runs):
            head = write_unsigned(len(runs)) + b"".join(
                write_unsigned(count) + write_value_type(self.value_type(kind))
                for count, kind in runs
            )
        tokens = INSTRUCTION.findall(data, position, end)
        if sum(map(len, tokens)) != end - position:
            return head + encode_instrs(map(self.instr, decode_instrs(data, position, end)))
        return head + b"".join(map(self._token, tokens))

    def _token(self, token: bytes) -> bytes:
        found = self._cache.get(token)
        if found is None:
            instr = decode_instrs(token + b"\x0b", 0, len(token) + 1)[0]
            made = self.instr(instr)
            found = self._cache[token] = token if made is instr else encode_instrs([made])
        return found

    def value_type(self, kind: ValType) -> ValType:
        """A value type with new indices."""
        if isinstance(kind, tuple):
            return kind[0], self.heap(kind[1])
        return kind

    def heap(self, heap: int) -> int:
        """A heap type with new indices."""
        return heap if heap < 0 else self.type(heap)

    def _memarg(self, align: int, offset: int, memory: int) -> tuple[int, int, int]:
        return align, offset, self.index("memory", memory)

    def _block_type(self, kind: Any) -> tuple[Any]:  # noqa: ANN401 (an immediate)
        if isinstance(kind, tuple) and kind[0] == "type":
            return (("type", self.type(kind[1])),)
        return (self.value_type(kind) if isinstance(kind, tuple) else kind,)

    def _cast(self, flags: int, label: int, source: int, target: int) -> tuple[int, int, int, int]:
        return flags, label, self.heap(source), self.heap(target)

    def _catches(self, clauses: tuple[tuple[int, ...], ...]) -> tuple[Any]:
        made = [
            (c[0], self.index("tag", c[1]), *c[2:]) if c[0] < 2 else c  # kinds 0, 1 name a tag
            for c in clauses
        ]
        return (tuple(made),)


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
        self.first: dict[int, int] = {}
        """New function -> the old one whose type and body it has."""
        for old, new in enumerate(indices.functions):
            if new is not None:
                self.first.setdefault(new, old)

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
        count, at = _leb(self.module.data, section.payload_start)
        return [self.module.data[at : section.end], *([b""] * (count - 1))]

    def imports(self) -> list[bytes]:
        module = self.module
        counts = dict.fromkeys(("func", "table", "memory", "global", "tag"), 0)
        kept: dict[str, Map] = {
            "func": self.indices.functions,
            "table": self.indices.tables,
            "memory": self.indices.memories,
            "global": self.indices.globals,
            "tag": self.indices.tags,
        }
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
            return write_custom(name, self.name_section(section))
        reason = stale_reason(name)
        if reason is not None:
            self.warnings.append(f"custom section {name} dropped: {reason}")
            return b""
        return data[section.start : section.end]

    def name_section(self, section: Section) -> bytes:
        """Names of what stays; those of locals and labels only where the body stays."""
        data = self.module.data
        maps: dict[str, Map] = {
            "func": self.indices.functions,
            "type": self.indices.types,
            "table": self.indices.tables,
            "memory": self.indices.memories,
            "global": self.indices.globals,
            "elem": self.indices.elements,
            "data": self.indices.datas,
            "tag": self.indices.tags,
        }
        parts = []
        for identity, start, stop in subsections(data, section.payload_start, section.end):
            content: bytes | None = data[start:stop]
            try:
                if identity in NAME_KINDS:
                    old, _ = read_name_map(data, start, stop)
                    content = write_name_map(_renamed(old, maps[NAME_KINDS[identity]]))
                elif identity in (LOCAL_NAMES, LABEL_NAMES):
                    content = self.indirect_names(start, stop, identity == LABEL_NAMES)
            except (ValueError, IndexError):
                content = None
            if content is not None:
                parts.append(bytes((identity,)) + write_unsigned(len(content)) + content)
        return b"".join(parts)

    def indirect_names(self, start: int, stop: int, labels: bool) -> bytes | None:
        data = self.module.data
        found: dict[int, bytes] = {}
        for old, at, after in name_entries(data, start, stop):
            new = self.indices.functions[old]
            if new is None or self.first[new] != old:
                continue
            if old not in self.changes.bodies and old not in self.changes.types:
                found[new] = data[at:after]
            elif not labels and old not in self.changes.types:
                names, _ = read_name_map(data, at, after)
                parameters = len(self.module.function_type(old).params)
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


def _leb(data: bytes, position: int) -> tuple[int, int]:
    from .leb import read_u32

    return read_u32(data, position, len(data))


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
