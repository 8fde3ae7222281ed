"""The module: sections scanned once, everything but function bodies read, bodies on demand.

`Module.parse` checks what it needs to find its way (lengths, counts, forms). Whether the module
is valid is asked of `validate.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .body import Body, Instr, decode_body, read_locals
from .entities import (
    Data,
    Element,
    Export,
    GlobalType,
    Import,
    MemoryType,
    TableType,
    TagType,
)
from .entries import (
    read_data,
    read_element,
    read_export,
    read_global,
    read_imports,
    read_memory_type,
    read_name,
    read_table,
    read_tag_type,
)
from .errors import WasmError
from .leb import read_u32
from .type_section import Recursion, Subtype, read_types
from .types import FuncType, OtherType, ValType

MAGIC: Final = b"\0asm"
VERSION: Final = b"\x01\0\0\0"
COMPONENT_LAYER: Final = b"\x01\0"

CUSTOM, TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT = range(8)
START, ELEMENT, CODE, DATA, DATA_COUNT, TAG = range(8, 14)

SECTION_NAMES: Final = (
    "custom",
    "type",
    "import",
    "function",
    "table",
    "memory",
    "global",
    "export",
    "start",
    "element",
    "code",
    "data",
    "data count",
    "tag",
)

ORDER: Final = (TYPE, IMPORT, FUNCTION, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEMENT)
_RANK: Final = {name: rank for rank, name in enumerate((*ORDER, DATA_COUNT, CODE, DATA))}


@dataclass(frozen=True, slots=True)
class Section:
    """A section: `data[start:end]`, its content at `data[payload_start:end]`.

    A custom section has a `name`, and its content starts after the name.
    """

    id: int
    name: str | None
    start: int
    payload_start: int
    end: int


@dataclass(slots=True)
class Module:
    """A module that has been scanned. Do not change it; see `rewrite.py`.

    Index spaces (`functions`, `tables`, `memories`, `globals`, `tags`) start with the imports.
    `functions` holds the index of each function's type; `code` where each body lies in `data`
    (function `imported_functions + i` has body `code[i]`); `types` is flat over recursion groups,
    which `recursions` lists; `subtypes` has the declared supertypes where a type has any.
    """

    data: bytes
    sections: list[Section] = field(default_factory=list)
    types: list[FuncType | OtherType] = field(default_factory=list)
    recursions: list[Recursion] = field(default_factory=list)
    subtypes: dict[int, Subtype] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    imported_functions: int = 0
    tables: list[TableType] = field(default_factory=list)
    memories: list[MemoryType] = field(default_factory=list)
    globals: list[GlobalType] = field(default_factory=list)
    tags: list[TagType] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    elements: list[Element] = field(default_factory=list)
    data_count: int | None = None
    code: list[tuple[int, int]] = field(default_factory=list)
    _data_section: tuple[int, int] | None = None
    _datas: list[Data] | None = None

    @staticmethod
    def parse(data: bytes) -> "Module":
        """Scan a binary core module; raises `WasmError` and nothing else."""
        module = Module(bytes(data))
        _check_header(module.data)
        _scan_sections(module)
        for section in module.sections:
            _READERS[section.id](module, section.payload_start, section.end)
        defined = len(module.functions) - module.imported_functions
        if len(module.code) != defined:
            raise WasmError(
                len(data), f"{defined} functions are declared but {len(module.code)} have a body"
            )
        count = module._data_segments()
        if module.data_count is not None and module.data_count != count:
            raise WasmError(len(data), f"data count {module.data_count}, data segments {count}")
        return module

    @property
    def datas(self) -> list[Data]:
        """The data segments, read when first asked for: Go emits a hundred thousand of them.

        Raises WasmError if one is malformed.
        """
        if self._datas is None:
            found: list[Data] = []
            if self._data_section is not None:
                start, end = self._data_section
                count, position = read_count(self.data, start, end)
                for _ in range(count):
                    segment, position = read_data(self.data, position, end)
                    found.append(segment)
                if position != end:
                    raise WasmError(position, "section size mismatch: bytes left over")
            self._datas = found
        return self._datas

    def _data_segments(self) -> int:
        if self._data_section is None:
            return 0
        return read_count(self.data, *self._data_section)[0]

    def function_type(self, index: int) -> FuncType:
        """Return the type of function `index` (imports first)."""
        return self.type_of(self.functions[index])

    def type_of(self, index: int) -> FuncType:
        """Return type `index`; raises `WasmError` if it is not a function type."""
        found = self.types[index] if index < len(self.types) else None
        if not isinstance(found, FuncType):
            raise WasmError(0, f"type {index} is not a function type")
        return found

    def body_range(self, index: int) -> tuple[int, int]:
        """Where the body of function `index` lies in `data` (without its size)."""
        if index < self.imported_functions:
            raise IndexError(f"function {index} is imported")
        return self.code[index - self.imported_functions]

    def body_bytes(self, index: int) -> bytes:
        """Return the bytes of the body of function `index` (without its size)."""
        start, end = self.body_range(index)
        return self.data[start:end]

    def body(self, index: int) -> Body:
        """Decode the body of function `index`; raises `WasmError`. Nothing is remembered."""
        start, end = self.body_range(index)
        return decode_body(self.data, start, end)

    def local_types(self, index: int) -> list[ValType]:
        """Types of all locals of function `index`, parameters first."""
        start, end = self.body_range(index)
        runs, _ = read_locals(self.data, start, end)
        declared = [kind for count, kind in runs for _ in range(count)]
        return [*self.function_type(index).params, *declared]

    def expressions(self) -> list[tuple[Instr, ...]]:
        """Every constant expression: globals, tables, element and data segments."""
        found = [one.init for one in self.globals if one.init is not None]
        found += [one.init for one in self.tables if one.init is not None]
        for element in self.elements:
            if element.offset is not None:
                found.append(element.offset)
            found += element.expressions
        found += [one.offset for one in self.datas if one.offset is not None]
        return found


def is_component(data: bytes) -> bool:
    """Whether the bytes start like a component, not a core module."""
    return data[:4] == MAGIC and data[6:8] == COMPONENT_LAYER


def _check_header(data: bytes) -> None:
    if data[:4] != MAGIC:
        found = data[:4].decode("ascii", "replace")
        what = f'found "{found}"' if found.isprintable() and found else f"found {data[:4].hex(' ')}"
        raise WasmError(0, f"not a WebAssembly module ({what if data else 'empty'})")
    if is_component(data):
        raise WasmError(4, "a component, not a core module")
    if data[4:8] != VERSION:
        raise WasmError(4, f"unknown binary version {data[4:8].hex(' ')}")


def _scan_sections(module: Module) -> None:
    data, position, end = module.data, 8, len(module.data)
    last_rank = -1
    while position < end:
        start, identity = position, data[position]
        size, payload = read_u32(data, position + 1, end)
        if identity >= len(SECTION_NAMES):
            raise WasmError(start, f"malformed section id {identity}")
        position = payload + size
        if position > end:
            raise WasmError(start, f"section {SECTION_NAMES[identity]} ends past the end of file")
        if identity == CUSTOM:
            name, payload = read_name(data, payload, position)
            module.sections.append(Section(identity, name, start, payload, position))
            continue
        if _RANK[identity] <= last_rank:
            raise WasmError(start, f"unexpected section {SECTION_NAMES[identity]} (order)")
        last_rank = _RANK[identity]
        module.sections.append(Section(identity, None, start, payload, position))


def read_count(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read a count of entries, each at least one byte long; returns it and the next position."""
    count, after = read_u32(data, position, end)
    if count > end - after:
        raise WasmError(position, f"{count} entries do not fit into the {end - after} bytes left")
    return count, after


def _each(add: Callable[[Module, int, int], int]) -> Callable[[Module, int, int], None]:
    """Make a section reader of a function that reads one entry."""

    def read(module: Module, position: int, end: int) -> None:
        count, position = read_count(module.data, position, end)
        for _ in range(count):
            position = add(module, position, end)
        if position != end:
            raise WasmError(position, "section size mismatch: bytes left over")

    return read


def _types(module: Module, position: int, end: int) -> None:
    module.types, module.recursions, module.subtypes = read_types(module.data, position, end)


def _import(module: Module, position: int, end: int) -> int:
    found, position = read_imports(module.data, position, end)
    module.imports += found
    for one in found:
        match one.desc:
            case int():
                module.functions.append(one.desc)
                module.imported_functions += 1
            case TableType():
                module.tables.append(one.desc)
            case MemoryType():
                module.memories.append(one.desc)
            case GlobalType():
                module.globals.append(one.desc)
            case TagType():
                module.tags.append(one.desc)
    return position


def _functions(module: Module, position: int, end: int) -> None:
    data = module.data
    count, position = read_count(data, position, end)
    for _ in range(count):
        index, position = read_u32(data, position, end)
        module.functions.append(index)
    if position != end:
        raise WasmError(position, "section size mismatch: bytes left over")


def _table(module: Module, position: int, end: int) -> int:
    found, position = read_table(module.data, position, end)
    module.tables.append(found)
    return position


def _memory(module: Module, position: int, end: int) -> int:
    found, position = read_memory_type(module.data, position, end)
    module.memories.append(found)
    return position


def _global(module: Module, position: int, end: int) -> int:
    found, position = read_global(module.data, position, end)
    module.globals.append(found)
    return position


def _tag(module: Module, position: int, end: int) -> int:
    found, position = read_tag_type(module.data, position, end)
    module.tags.append(found)
    return position


def _export(module: Module, position: int, end: int) -> int:
    found, position = read_export(module.data, position, end)
    module.exports.append(found)
    return position


def _start(module: Module, position: int, end: int) -> None:
    module.start, position = read_u32(module.data, position, end)
    if position != end:
        raise WasmError(position, "section size mismatch: bytes left over")


def _element(module: Module, position: int, end: int) -> int:
    found, position = read_element(module.data, position, end)
    module.elements.append(found)
    return position


def _data_count(module: Module, position: int, end: int) -> None:
    module.data_count, position = read_u32(module.data, position, end)
    if position != end:
        raise WasmError(position, "section size mismatch: bytes left over")


def _code(module: Module, position: int, end: int) -> int:
    size, start = read_u32(module.data, position, end)
    if size > end - start or size < 1:
        raise WasmError(position, "function body ends past the end of the code section")
    module.code.append((start, start + size))
    return start + size


def _data(module: Module, position: int, end: int) -> None:
    module._data_section = (position, end)


def _custom(module: Module, position: int, end: int) -> None:
    """Leave custom sections to those who know them."""


_READERS: Final[tuple[Callable[[Module, int, int], None], ...]] = (
    _custom,
    _types,
    _each(_import),
    _functions,
    _each(_table),
    _each(_memory),
    _each(_global),
    _each(_export),
    _start,
    _each(_element),
    _each(_code),
    _data,
    _data_count,
    _each(_tag),
)
