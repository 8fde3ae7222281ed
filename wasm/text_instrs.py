"""The text of instructions, one a line, indented by their nesting."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from .body import END, OPENERS, Instr
from .module import Module
from .names import read_names
from .opcodes import ACCESS_BYTES, OPCODES
from .text_values import (
    text_block_type,
    text_f32,
    text_f64,
    text_heap_type,
    text_id,
    text_v128,
    text_value_type,
)

INDENT: Final = "  "
MAX_INDENT: Final = 60
"""Levels shown by indentation: 50,000 nested blocks would otherwise print gigabytes of spaces."""

MIDDLES: Final = frozenset((0x05, 0x07, 0x19))
"""else, catch and catch_all: they stand at the level of their block."""

CLOSERS: Final = frozenset((END, 0x18))
"""end and delegate."""

CALLS_INDIRECT: Final = frozenset((0x11, 0x13))
CATCHES: Final = ("catch", "catch_ref", "catch_all", "catch_all_ref")
_TEXT_NAMES: Final = {
    "select_t": "select",
    "ref.test_null": "ref.test",
    "ref.cast_null": "ref.cast",
}
_REFERENCE: Final = {
    0xFB0014: "(ref {})",
    0xFB0015: "(ref null {})",
    0xFB0016: "(ref {})",
    0xFB0017: "(ref null {})",
}
_SWAPPED: Final = frozenset((0xFC0008, 0xFC000C))
"""memory.init and table.init: the text has the segment last, the binary has it first."""

FunctionIds: TypeAlias = Mapping[int, str]
NO_IDS: Final[FunctionIds] = MappingProxyType({})


def function_ids(module: Module) -> dict[int, str]:
    """Identifiers for the functions whose name no other function has."""
    names = read_names(module).functions
    used = Counter(names.values())
    count = len(module.functions)
    return {
        index: text_id(name)
        for index, name in names.items()
        if name and used[name] == 1 and index < count
    }


def print_body(module: Module, index: int, ids: FunctionIds | None = None) -> list[str]:
    """Return the instructions of function `index`, one a line, indented, without the last `end`.

    `ids` are the identifiers of functions, `function_ids(module)` if not given.
    """
    if ids is None:
        ids = function_ids(module)
    return print_instrs(module.body(index).instrs[:-1], ids)


def print_instrs(instrs: Iterable[Instr], ids: FunctionIds = NO_IDS) -> list[str]:
    """Return instructions one a line, indented by their nesting."""
    lines = []
    depth = 0
    for instr in instrs:
        code = instr[0]
        if code in CLOSERS:
            depth = max(0, depth - 1)
        level = max(0, depth - 1) if code in MIDDLES else depth
        lines.append(INDENT * min(level, MAX_INDENT) + print_instr(instr, ids))
        if code in OPENERS:
            depth += 1
    return lines


def print_instr(instr: Instr, ids: FunctionIds = NO_IDS) -> str:
    """Return one instruction as text."""
    code = instr[0]
    row = OPCODES[code]
    if not row.immediates:
        return row.name
    if code in _REFERENCE:
        reference = _REFERENCE[code].format(text_heap_type(instr[1]))
        return f"{_TEXT_NAMES.get(row.name, row.name)} {reference}"
    if code in CALLS_INDIRECT:
        return f"{row.name}{_index(instr[2]) if instr[2] != 0 else ''} (type {instr[1]})"
    kinds, values = list(row.immediates), list(instr[1:])
    if code in _SWAPPED:
        kinds.reverse()
        values.reverse()
    parts = [_TEXT_NAMES.get(row.name, row.name)]
    at = 0
    for kind in kinds:
        if kind == "memarg":
            parts.append(_memarg(code, *values[at : at + 3]))
            at += 3
        elif kind == "func":
            parts.append(" " + ids.get(values[at], str(values[at])))
            at += 1
        else:
            width, write = _WRITERS.get(kind, (1, _index))
            parts.append(write(*values[at : at + width]))
            at += width
    return "".join(parts)


def _index(value: int) -> str:
    return f" {value}"


def _memarg(code: int, align: int, offset: int, memory: int) -> str:
    text = f" {memory}" if memory != 0 else ""
    if offset != 0:
        text += f" offset={offset}"
    if 1 << align != ACCESS_BYTES[code]:
        text += f" align={1 << align}"
    return text


def _labels(labels: tuple[int, ...], default: int) -> str:
    return "".join(f" {label}" for label in (*labels, default))


def _cast(flags: int, label: int, source: int, target: int) -> str:
    return (
        f" {label} (ref {'null ' if flags & 1 else ''}{text_heap_type(source)})"
        f" (ref {'null ' if flags & 2 else ''}{text_heap_type(target)})"
    )


def _catches(catches: tuple[tuple[int, ...], ...]) -> str:
    return "".join(
        f" ({CATCHES[kind]} {' '.join(map(str, indices))})" for kind, *indices in catches
    )


def _types(types: tuple[Any, ...]) -> str:
    return f" (result {' '.join(map(text_value_type, types))})"


_WRITERS: Final[dict[str, tuple[int, Callable[..., str]]]] = {
    "f32": (1, lambda bits: " " + text_f32(bits)),
    "f64": (1, lambda bits: " " + text_f64(bits)),
    "v128": (1, lambda bits: " " + text_v128(bits)),
    "blocktype": (1, text_block_type),
    "labels": (2, _labels),
    "lanes": (1, lambda lanes: "".join(f" {lane}" for lane in lanes)),
    "types": (1, _types),
    "heaptype": (1, lambda heap: " " + text_heap_type(heap)),
    "cast": (4, _cast),
    "catches": (1, _catches),
    "zero": (1, lambda _: ""),
}
"""Kinds that are not written as one plain number."""
