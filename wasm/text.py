"""Text out: a module in the flat text format, one instruction a line.

Functions with a name of their own appear under it, everything else by its index, so that the
text means the same module again.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from .body import Instr
from .entities import PAGE_SIZE_LOG2, Element, GlobalType, MemoryType, TableType, TagType
from .module import DATA_COUNT, ELEMENT, FUNCTION, SECTION_NAMES, Module
from .text_instrs import INDENT, FunctionIds, function_ids, print_body, print_instr, print_instrs
from .text_values import text_signature, text_string, text_value_type
from .types import REF, Field, FuncType, OtherType

__all__ = ["function_ids", "print_body", "print_instr", "print_instrs", "print_module"]

DATA_PER_LINE: Final = 256
"""Bytes of a data segment in one string, so that no line is endless."""

FUNC_HEAP: Final = -16

PLACES: Final = {FUNCTION: "after func", ELEMENT: "after elem", DATA_COUNT: "after elem"}
"""Sections that the text names differently; the data count has no name there."""


def print_module(module: Module) -> str:
    """Return the whole module as text; raises `WasmError` if a body cannot be decoded."""
    return "\n".join(_lines(module)) + "\n"


def _lines(module: Module) -> Iterator[str]:
    ids = function_ids(module)
    yield "(module"
    for line in _contents(module, ids):
        yield INDENT + line
    yield ")"


def _contents(module: Module, ids: FunctionIds) -> Iterator[str]:
    yield from _types(module)
    yield from _imports(module, ids)
    yield from _functions(module, ids)
    for index, table in enumerate(module.tables):
        if not table.imported:
            yield f"(table (;{index};) {_table(table)}{_init(table.init)})"
    for index, memory in enumerate(module.memories):
        if not memory.imported:
            yield f"(memory (;{index};) {_memory(memory)})"
    for index, tag in enumerate(module.tags):
        if not tag.imported:
            yield f"(tag (;{index};) (type {tag.type}))"
    for index, one in enumerate(module.globals):
        if not one.imported:
            yield f"(global (;{index};) {_global(one)}{_init(one.init)})"
    for export in module.exports:
        target = ids.get(export.index) if export.kind == "func" else None
        yield (
            f"(export {text_string(export.name.encode())} ({export.kind} {target or export.index}))"
        )
    if module.start is not None:
        yield f"(start {ids.get(module.start, module.start)})"
    for index, element in enumerate(module.elements):
        yield _element(index, element, ids)
    yield from _datas(module)
    yield from _customs(module)


def _types(module: Module) -> Iterator[str]:
    groups = {group.first: group.count for group in module.recursions}
    empty = [group for group in module.recursions if group.count == 0]
    yield from ("(rec)" for _ in empty)
    inside = 0
    for index in range(len(module.types)):
        if groups.get(index):
            yield "(rec"
            inside = index + groups[index]
        yield (INDENT if index < inside else "") + _type(module, index)
        if index + 1 == inside:
            yield ")"


def _type(module: Module, index: int) -> str:
    text = _composite(module.types[index])
    subtype = module.subtypes.get(index)
    if subtype is not None:
        final = "final " if subtype.final else ""
        supers = "".join(f"{one} " for one in subtype.supertypes)
        text = f"(sub {final}{supers}{text})"
    return f"(type (;{index};) {text})"


def _composite(kind: FuncType | OtherType) -> str:
    match kind:
        case FuncType():
            return f"(func{text_signature(kind)})"
        case OtherType(kind="cont"):
            return f"(cont {kind.target})"
        case OtherType(kind="array"):
            return f"(array {_field(kind.fields[0])})"
        case OtherType():
            return f"(struct{''.join(f' (field {_field(one)})' for one in kind.fields)})"


def _field(field: Field) -> str:
    text = text_value_type(field.type)
    return f"(mut {text})" if field.mutable else text


def _table(table: TableType) -> str:
    parts = ["i64"] if table.is64 else []
    parts.append(str(table.minimum))
    if table.maximum is not None:
        parts.append(str(table.maximum))
    if table.shared:
        parts.append("shared")
    parts.append(text_value_type(table.type))
    return " ".join(parts)


def _memory(memory: MemoryType) -> str:
    parts = ["i64"] if memory.is64 else []
    parts.append(str(memory.minimum))
    if memory.maximum is not None:
        parts.append(str(memory.maximum))
    if memory.shared:
        parts.append("shared")
    if memory.page_size_log2 != PAGE_SIZE_LOG2:
        parts.append(f"(pagesize {1 << memory.page_size_log2})")
    return " ".join(parts)


def _global(one: GlobalType) -> str:
    text = text_value_type(one.type)
    return f"(mut {text})" if one.mutable else text


def _init(instrs: tuple[Instr, ...] | None) -> str:
    return "" if instrs is None else "".join(" " + print_instr(instr) for instr in instrs)


def _imports(module: Module, ids: FunctionIds) -> Iterator[str]:
    function = 0
    for one in module.imports:
        match one.desc:
            case int():
                name = ids.get(function, f"(;{function};)")
                desc = f"func {name} (type {one.desc})"
                function += 1
            case TableType():
                desc = f"table {_table(one.desc)}"
            case MemoryType():
                desc = f"memory {_memory(one.desc)}"
            case GlobalType():
                desc = f"global {_global(one.desc)}"
            case TagType():
                desc = f"tag (type {one.desc.type})"
        names = f"{text_string(one.module.encode())} {text_string(one.name.encode())}"
        yield f"(import {names} ({desc}))"


def _functions(module: Module, ids: FunctionIds) -> Iterator[str]:
    for index in range(module.imported_functions, len(module.functions)):
        name = ids.get(index)
        head = f"(func {name} (;{index};)" if name is not None else f"(func (;{index};)"
        signature = text_signature(module.function_type(index))
        yield f"{head} (type {module.functions[index]}){signature}"
        body = module.body(index)
        if body.runs:
            declared = " ".join(map(text_value_type, body.locals))
            yield f"{INDENT}(local {declared})"
        for line in print_instrs(body.instrs[:-1], ids):
            yield INDENT + line
        yield ")"


def _element(index: int, element: Element, ids: FunctionIds) -> str:
    parts = [f"(elem (;{index};)"]
    if element.mode == "declared":
        parts.append("declare")
    elif element.offset is not None:
        parts.append(f"(table {element.table}) (offset{_init(element.offset)})")
    if element.expressions:
        parts.append(text_value_type(element.type))
        parts += [f"(item{_init(one)})" for one in element.expressions]
    elif element.type == (REF, FUNC_HEAP):
        parts.append("func")
        parts += [ids.get(one, str(one)) for one in element.functions if one is not None]
    else:
        parts.append(text_value_type(element.type))
    return " ".join(parts) + ")"


def _datas(module: Module) -> Iterator[str]:
    for index, one in enumerate(module.datas):
        head = f"(data (;{index};)"
        if one.offset is not None:
            head += f" (memory {one.memory}) (offset{_init(one.offset)})"
        lines = list(_strings(module.data[one.start : one.end]))
        if len(lines) <= 1:
            yield f"{head} {''.join(lines)})"
            continue
        yield head
        yield from (INDENT + line for line in lines)
        yield ")"


def _strings(raw: bytes) -> Iterable[str]:
    for at in range(0, len(raw), DATA_PER_LINE):
        yield text_string(raw[at : at + DATA_PER_LINE])


def _customs(module: Module) -> Iterator[str]:
    """Yield custom sections with their place; the name section comes again from the names."""
    place = "before first"
    for section in module.sections:
        if section.name is None:
            place = PLACES.get(section.id, f"after {SECTION_NAMES[section.id]}")
            continue
        if section.name == "name":
            continue
        yield f"(@custom {text_string(section.name.encode())} ({place})"
        content = module.data[section.payload_start : section.end]
        yield from (INDENT + line for line in _strings(content))
        yield ")"
