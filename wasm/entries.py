"""Readers of single entries of sections: `(data, position, end)` to `(entity, next position)`."""

from typing import Final, TypeAlias, get_args

from .body import Instr, decode_expression
from .entities import (
    PAGE_SIZE_LOG2,
    Data,
    Element,
    Export,
    GlobalType,
    Import,
    Kind,
    MemoryType,
    TableType,
    TagType,
)
from .errors import WasmError
from .leb import read_u32, read_u64
from .types import FUNCREF, REF, ValType, read_value_type

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Desc: TypeAlias = "int | TableType | MemoryType | GlobalType | TagType"
"""What an import is: the index of a function's type, or a type."""
EACH, ALIKE = 0x7F, 0x7E
"""Forms of a compact import: a type for each name, or one for all."""
REF_FUNC: Final = 0xD2
TABLE_WITH_INIT: Final = b"\x40\0"
FUNC_HEAP: Final = -16

HAS_MAXIMUM, SHARED, IS64, HAS_PAGE_SIZE = 1, 2, 4, 8
PASSIVE, EXPLICIT, EXPRESSIONS = 1, 2, 4


def read_name(data: bytes, position: int, end: int) -> tuple[str, int]:
    """Read a name: a size and that many bytes of UTF-8."""
    size, start = read_u32(data, position, end)
    if size > end - start:
        raise WasmError(position, f"a name of {size} bytes does not fit")
    try:
        return data[start : start + size].decode(), start + size
    except UnicodeDecodeError:
        raise WasmError(start, "malformed UTF-8 in a name") from None


def _read_byte(data: bytes, position: int, end: int, what: str) -> int:
    if position >= end:
        raise WasmError(position, f"unexpected end: {what} expected")
    return data[position]


def _read_limits(
    data: bytes, position: int, end: int, allowed: int
) -> tuple[int, int, int | None, int]:
    """Read flags, minimum and maximum; returns them and the next position."""
    flags, at = read_u32(data, position, end)
    if flags & ~allowed:
        raise WasmError(position, f"malformed limits flags 0x{flags:x}")
    # 64 bits in the binary whatever the index type: a large limit is invalid, not malformed.
    minimum, at = read_u64(data, at, end)
    maximum = None
    if flags & HAS_MAXIMUM:
        maximum, at = read_u64(data, at, end)
    return flags, minimum, maximum, at


def read_table_type(data: bytes, position: int, end: int, imported: bool) -> tuple[TableType, int]:
    """Read a table type."""
    kind, position = read_value_type(data, position, end)
    allowed = HAS_MAXIMUM | SHARED | IS64
    flags, minimum, maximum, position = _read_limits(data, position, end, allowed)
    table = TableType(kind, minimum, maximum, bool(flags & IS64), imported, bool(flags & SHARED))
    return table, position


def read_table(data: bytes, position: int, end: int) -> tuple[TableType, int]:
    """Read an entry of the table section, which may have an initial value."""
    if data[position : min(position + 2, end)] != TABLE_WITH_INIT:
        return read_table_type(data, position, end, imported=False)
    table, position = read_table_type(data, position + 2, end, imported=False)
    init, position = decode_expression(data, position, end)
    table = TableType(
        table.type, table.minimum, table.maximum, table.is64, False, table.shared, init
    )
    return table, position


def read_memory_type(
    data: bytes, position: int, end: int, imported: bool = False
) -> tuple[MemoryType, int]:
    """Read a memory type."""
    allowed = HAS_MAXIMUM | SHARED | IS64 | HAS_PAGE_SIZE
    flags, minimum, maximum, at = _read_limits(data, position, end, allowed)
    page_size = PAGE_SIZE_LOG2
    if flags & HAS_PAGE_SIZE:
        page_size, at = read_u32(data, at, end)
        if page_size > 64:
            raise WasmError(position, f"page size 2**{page_size}")
    memory = MemoryType(
        minimum, maximum, bool(flags & IS64), bool(flags & SHARED), page_size, imported
    )
    return memory, at


def read_global_type(
    data: bytes, position: int, end: int, imported: bool = True
) -> tuple[GlobalType, int]:
    """Read the type of a global."""
    kind, position = read_value_type(data, position, end)
    mutable = _read_byte(data, position, end, "mutability")
    if mutable > 1:
        raise WasmError(position, "malformed mutability")
    return GlobalType(kind, mutable == 1, imported, None), position + 1


def read_global(data: bytes, position: int, end: int) -> tuple[GlobalType, int]:
    """Read an entry of the global section."""
    declared, position = read_global_type(data, position, end, imported=False)
    init, position = decode_expression(data, position, end)
    return GlobalType(declared.type, declared.mutable, False, init), position


def read_tag_type(
    data: bytes, position: int, end: int, imported: bool = False
) -> tuple[TagType, int]:
    """Read a tag type."""
    if _read_byte(data, position, end, "tag attribute") != 0:
        raise WasmError(position, "malformed tag attribute")
    index, position = read_u32(data, position + 1, end)
    return TagType(index, imported), position


def read_imports(data: bytes, position: int, end: int) -> tuple[list[Import], int]:
    """Read an entry of the import section.

    It is one import or, in the compact form (proposal "compact import section"), several of one
    module: behind an empty name each with a type of its own (0x7F), or all of one type (0x7E).
    """
    module, position = read_name(data, position, end)
    name, position = read_name(data, position, end)
    form = _read_byte(data, position, end, "import kind")
    if name or form not in (EACH, ALIKE):
        kind, desc, position = _read_extern_type(data, position, end)
        return [Import(module, name, kind, desc)], position
    position += 1
    if form == ALIKE:
        kind, desc, position = _read_extern_type(data, position, end)
    found = []
    count, position = read_u32(data, position, end)
    for _ in range(count):
        name, position = read_name(data, position, end)
        if form == EACH:
            kind, desc, position = _read_extern_type(data, position, end)
        found.append(Import(module, name, kind, desc))
    return found, position


def _read_extern_type(data: bytes, position: int, end: int) -> tuple[Kind, Desc, int]:
    """Read kind and type of an import."""
    kind = _read_byte(data, position, end, "import kind")
    at, position = position, position + 1
    desc: Desc
    match kind:
        case 0:
            desc, position = read_u32(data, position, end)
        case 1:
            desc, position = read_table_type(data, position, end, imported=True)
        case 2:
            desc, position = read_memory_type(data, position, end, imported=True)
        case 3:
            desc, position = read_global_type(data, position, end, imported=True)
        case 4:
            desc, position = read_tag_type(data, position, end, imported=True)
        case _:
            raise WasmError(at, f"malformed import kind {kind}")
    return KINDS[kind], desc, position


def read_export(data: bytes, position: int, end: int) -> tuple[Export, int]:
    """Read an entry of the export section."""
    name, position = read_name(data, position, end)
    kind = _read_byte(data, position, end, "export kind")
    if kind >= len(KINDS):
        raise WasmError(position, f"malformed export kind {kind}")
    index, position = read_u32(data, position + 1, end)
    return Export(name, KINDS[kind], index), position


def read_element(data: bytes, start: int, end: int) -> tuple[Element, int]:
    """Read an entry of the element section (flags 0 to 7)."""
    flags, position = read_u32(data, start, end)
    if flags > 7:
        raise WasmError(start, f"malformed element segment flags {flags}")
    table, offset = 0, None
    if not flags & PASSIVE:
        if flags & EXPLICIT:
            table, position = read_u32(data, position, end)
        offset, position = decode_expression(data, position, end)
    kind, position = _read_element_type(data, position, end, flags)
    functions: list[int | None] = []
    expressions: list[tuple[Instr, ...]] = []
    count, position = read_u32(data, position, end)
    if count > end - position:
        raise WasmError(start, f"{count} elements do not fit into the {end - position} bytes left")
    if flags & EXPRESSIONS:
        for _ in range(count):
            one, position = decode_expression(data, position, end)
            expressions.append(one)
            functions.append(one[0][1] if len(one) == 1 and one[0][0] == REF_FUNC else None)
    else:
        for _ in range(count):
            index, position = read_u32(data, position, end)
            functions.append(index)
    mode = "active" if not flags & PASSIVE else "declared" if flags & EXPLICIT else "passive"
    element = Element(
        mode,  # type: ignore[arg-type]
        table,
        offset,
        kind,
        functions,
        expressions,
        flags,
        start,
        position,
    )
    return element, position


def _read_element_type(data: bytes, position: int, end: int, flags: int) -> tuple[ValType, int]:
    if not flags & (PASSIVE | EXPLICIT):
        return (FUNCREF if flags & EXPRESSIONS else (REF, FUNC_HEAP)), position
    if flags & EXPRESSIONS:
        return read_value_type(data, position, end)
    if _read_byte(data, position, end, "element kind") != 0:
        raise WasmError(position, "malformed element kind")
    return (REF, FUNC_HEAP), position + 1


def read_data(data: bytes, start: int, end: int) -> tuple[Data, int]:
    """Read an entry of the data section (flags 0 to 2)."""
    flags, position = read_u32(data, start, end)
    if flags > 2:
        raise WasmError(start, f"malformed data segment flags {flags}")
    memory, offset = 0, None
    if flags == EXPLICIT:
        memory, position = read_u32(data, position, end)
    if flags != PASSIVE:
        offset, position = decode_expression(data, position, end)
    size, position = read_u32(data, position, end)
    if size > end - position:
        raise WasmError(start, f"a data segment of {size} bytes does not fit")
    mode = "passive" if flags == PASSIVE else "active"
    after = position + size
    return Data(mode, memory, offset, position, after), after  # type: ignore[arg-type]
