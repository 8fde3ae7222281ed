"""Which proposals beyond the first version of WebAssembly a module uses, read off the module."""

from collections.abc import Iterable, Iterator
from typing import Final

from .body import Instr
from .entities import PAGE_SIZE_LOG2, MemoryType, TableType
from .module import Module
from .opcodes import OPCODES
from .types import EXTERNREF, FUNCREF, V128, FuncType, OtherType, ValType

EXTENDED_CONST: Final = frozenset((0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E))
"""i32 and i64 add, sub and mul: the arithmetic allowed in extended constant expressions."""

CALL_INDIRECT: Final = frozenset((0x11, 0x13))
EXCEPTION_HEAPS: Final = frozenset((0x69, 0x74))


def features(module: Module) -> tuple[str, ...]:
    """Return the proposals used, sorted, by the names that the opcode table uses for them.

    Decodes every body, so it may raise `WasmError`.
    """
    found: set[str] = set()
    found.update(_of_memories(module.memories))
    found.update(_of_tables(module.tables))
    found.update(_of_globals(module))
    found.update(_of_types(module))
    found.update(_of_segments(module))
    if module.tags:
        found.add("exceptions")
    found.update(_of_code(module))
    found.discard("mvp")
    return tuple(sorted(found))


def _of_memories(memories: list[MemoryType]) -> Iterator[str]:
    if len(memories) > 1:
        yield "multi-memory"
    for memory in memories:
        if memory.is64:
            yield "memory64"
        if memory.shared:
            yield "threads"
        if memory.page_size_log2 != PAGE_SIZE_LOG2:
            yield "custom-page-sizes"


def _of_tables(tables: list[TableType]) -> Iterator[str]:
    if len(tables) > 1:
        yield "reference-types"
    for table in tables:
        if table.is64:
            yield "memory64"
        if table.init is not None:
            yield "function-references"
        if table.type != FUNCREF:
            yield from _of_value_type(table.type)


def _of_globals(module: Module) -> Iterator[str]:
    exported = {one.index for one in module.exports if one.kind == "global"}
    for index, one in enumerate(module.globals):
        if one.mutable and (one.imported or index in exported):
            yield "mutable-globals"
        yield from _of_value_type(one.type)


def _of_types(module: Module) -> Iterator[str]:
    if module.subtypes or module.recursions:
        yield "gc"
    for one in module.types:
        match one:
            case FuncType(params, results):
                if len(results) > 1:
                    yield "multi-value"
                for kind in (*params, *results):
                    yield from _of_value_type(kind)
            case OtherType():
                yield "stack-switching" if one.kind == "cont" else "gc"


def _of_segments(module: Module) -> Iterator[str]:
    if any(one.mode == "passive" for one in module.datas):
        yield "bulk-memory"
    for element in module.elements:
        if element.flags & 4:
            yield "reference-types"
        if element.mode != "active":
            yield "bulk-memory" if element.mode == "passive" else "reference-types"
        yield from _of_value_type(element.type, plain=True)


def _of_value_type(kind: ValType, plain: bool = False) -> Iterator[str]:
    """Name the proposal of a value type; `plain` for element segments, whose type is implied."""
    if isinstance(kind, tuple):
        if not plain:
            yield "function-references"
    elif kind == V128:
        yield "simd"
    elif kind in (FUNCREF, EXTERNREF):
        if not plain:
            yield "reference-types"
    elif kind in EXCEPTION_HEAPS:
        yield "exceptions"
    elif kind < 0x75:
        yield "gc"


def _of_code(module: Module) -> Iterator[str]:
    different: set[Instr] = set()
    kinds: set[ValType] = set()
    for index in range(module.imported_functions, len(module.functions)):
        body = module.body(index)
        different.update(body.instrs)
        kinds.update(kind for _, kind in body.runs)
    for kind in kinds:
        yield from _of_value_type(kind)
    for expression in module.expressions():
        if any(instr[0] in EXTENDED_CONST for instr in expression):
            yield "extended-const"
        different.update(expression)
    yield from _of_instrs(module, different)


def _of_instrs(module: Module, instrs: Iterable[Instr]) -> Iterator[str]:
    for instr in instrs:
        row = OPCODES[instr[0]]
        yield row.proposal
        if row.immediates and row.immediates[0] == "blocktype":
            yield from _of_block(module, instr[1])
        elif instr[0] in CALL_INDIRECT and instr[2] != 0:
            yield "reference-types"


def _of_block(module: Module, block: ValType | tuple[str, int] | None) -> Iterator[str]:
    if block is None:
        return
    if isinstance(block, tuple) and block[0] == "type":
        kind = module.type_of(block[1])
        if kind.params or len(kind.results) > 1:
            yield "multi-value"
    else:
        yield from _of_value_type(block)  # type: ignore[arg-type]
