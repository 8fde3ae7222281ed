"""Readers and writers for every kind of immediate in the opcode table."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from .errors import WasmError
from .leb import read_s32, read_s64, read_u32, read_u64, write_signed, write_unsigned
from .types import (
    read_block_type,
    read_heap_type,
    read_value_type,
    write_block_type,
    write_value_type,
)

Reader: TypeAlias = Callable[[bytes, int, int, list[Any]], int]
Writer: TypeAlias = Callable[..., bytes]

MEMORY_FLAG: Final = 0x40
"""The bit of a memarg's alignment that says a memory index follows."""


def _simple(read: Callable[[bytes, int, int], tuple[Any, int]]) -> Reader:
    def reader(data: bytes, position: int, end: int, values: list[Any]) -> int:
        value, position = read(data, position, end)
        values.append(value)
        return position

    return reader


def _raw(size: int) -> Reader:
    def reader(data: bytes, position: int, end: int, values: list[Any]) -> int:
        after = position + size
        if after > end:
            raise WasmError(position, f"unexpected end: {size} bytes expected")
        values.append(int.from_bytes(data[position:after], "little"))
        return after

    return reader


def _read_memarg(data: bytes, position: int, end: int, values: list[Any]) -> int:
    flags, after = read_u32(data, position, end)
    if flags >= 2 * MEMORY_FLAG:
        raise WasmError(position, "malformed memop flags")
    memory = 0
    if flags & MEMORY_FLAG:
        memory, after = read_u32(data, after, end)
    offset, after = read_u64(data, after, end)
    values += (flags & MEMORY_FLAG - 1, offset, memory)
    return after


def _read_count(data: bytes, position: int, end: int) -> tuple[int, int]:
    count, after = read_u32(data, position, end)
    if count > end - after:
        raise WasmError(position, f"{count} entries do not fit into the bytes left")
    return count, after


def _read_labels(data: bytes, position: int, end: int, values: list[Any]) -> int:
    count, position = _read_count(data, position, end)
    labels = []
    for _ in range(count):
        label, position = read_u32(data, position, end)
        labels.append(label)
    default, position = read_u32(data, position, end)
    values += (tuple(labels), default)
    return position


def _read_types(data: bytes, position: int, end: int, values: list[Any]) -> int:
    count, position = _read_count(data, position, end)
    types = []
    for _ in range(count):
        kind, position = read_value_type(data, position, end)
        types.append(kind)
    values.append(tuple(types))
    return position


def _read_lanes(data: bytes, position: int, end: int, values: list[Any]) -> int:
    if position + 16 > end:
        raise WasmError(position, "unexpected end: 16 lanes expected")
    values.append(tuple(data[position : position + 16]))
    return position + 16


def _read_cast(data: bytes, position: int, end: int, values: list[Any]) -> int:
    if position >= end or data[position] > 3:
        raise WasmError(position, "malformed cast flags")
    flags = data[position]
    label, position = read_u32(data, position + 1, end)
    source, position = read_heap_type(data, position, end)
    target, position = read_heap_type(data, position, end)
    values += (flags, label, source, target)
    return position


def _read_catches(data: bytes, position: int, end: int, values: list[Any]) -> int:
    count, position = _read_count(data, position, end)
    catches = []
    for _ in range(count):
        if position >= end or data[position] > 3:
            raise WasmError(position, "malformed catch clause")
        kind = data[position]
        position += 1
        clause = [kind]
        for _ in range(2 if kind < 2 else 1):
            index, position = read_u32(data, position, end)
            clause.append(index)
        catches.append(tuple(clause))
    values.append(tuple(catches))
    return position


def _read_zero(data: bytes, position: int, end: int, values: list[Any]) -> int:
    if position >= end or data[position] != 0:
        raise WasmError(position, "zero byte expected")
    values.append(0)
    return position + 1


_INDEX: Final = _simple(read_u32)

READERS: Final[dict[str, Reader]] = {
    "i32": _simple(read_s32),
    "i64": _simple(read_s64),
    "f32": _raw(4),
    "f64": _raw(8),
    "v128": _raw(16),
    "blocktype": _simple(read_block_type),
    "label": _INDEX,
    "labels": _read_labels,
    "local": _INDEX,
    "global": _INDEX,
    "func": _INDEX,
    "type": _INDEX,
    "table": _INDEX,
    "memory": _INDEX,
    "data": _INDEX,
    "elem": _INDEX,
    "tag": _INDEX,
    "field": _INDEX,
    "count": _INDEX,
    "memarg": _read_memarg,
    "lane": _raw(1),
    "lanes": _read_lanes,
    "types": _read_types,
    "heaptype": _simple(read_heap_type),
    "cast": _read_cast,
    "catches": _read_catches,
    "zero": _read_zero,
}
"""Kind to a function `(data, position, end, values)` that appends what it reads to `values` and
returns the next position."""


def _write_raw(size: int) -> Writer:
    def writer(value: int) -> bytes:
        return value.to_bytes(size, "little")

    return writer


def _write_memarg(align: int, offset: int, memory: int) -> bytes:
    if memory == 0:
        return write_unsigned(align) + write_unsigned(offset)
    return write_unsigned(align | MEMORY_FLAG) + write_unsigned(memory) + write_unsigned(offset)


def _write_labels(labels: tuple[int, ...], default: int) -> bytes:
    return (
        write_unsigned(len(labels))
        + b"".join(map(write_unsigned, labels))
        + write_unsigned(default)
    )


def _write_types(types: tuple[Any, ...]) -> bytes:
    return write_unsigned(len(types)) + b"".join(map(write_value_type, types))


def _write_cast(flags: int, label: int, source: int, target: int) -> bytes:
    return bytes((flags,)) + write_unsigned(label) + write_signed(source) + write_signed(target)


def _write_catches(catches: tuple[tuple[int, ...], ...]) -> bytes:
    clauses = (bytes((kind,)) + b"".join(map(write_unsigned, rest)) for kind, *rest in catches)
    return write_unsigned(len(catches)) + b"".join(clauses)


WRITERS: Final[dict[str, tuple[int, Writer]]] = {
    kind: (1, write_unsigned) for kind, read in READERS.items() if read is _INDEX
} | {
    "i32": (1, write_signed),
    "i64": (1, write_signed),
    "f32": (1, _write_raw(4)),
    "f64": (1, _write_raw(8)),
    "v128": (1, _write_raw(16)),
    "blocktype": (1, write_block_type),
    "labels": (2, _write_labels),
    "memarg": (3, _write_memarg),
    "lane": (1, _write_raw(1)),
    "lanes": (1, bytes),
    "types": (1, _write_types),
    "heaptype": (1, write_signed),
    "cast": (4, _write_cast),
    "catches": (1, _write_catches),
    "zero": (1, _write_raw(1)),
}
"""Kind to how many values of the instruction it takes, and the function that encodes them."""
