"""The one opcode table: decoder, encoder, printer, typing and costs derive from it.

The rows stand in `table_*.py`, a line per instruction under a line `@ proposal`, in eight columns:

1. code: the byte, or for prefixed instructions `prefix << 16 | sub-opcode`;
2. name: the text-format name of the specification (the two forms that share a name there are
   told apart: `select` and `select_t`, `ref.test` and `ref.test_null`, `ref.cast` and
   `ref.cast_null`);
3. immediates: kinds joined by `+`, see `IMMEDIATE_KINDS`, or `.` for none;
4. operands, bottom of the stack first, joined by commas: `i32 i64 f32 f64 v128`, `ref` (any
   reference), `addr` (`i64` if the memory or table named by the immediates is a 64-bit one, else
   `i32`); `.` for none, `?` if they depend on the immediates or on the stack;
5. results, in the same way;
6. effect class, see `EFFECTS`;
7. cost: rough cycles of latency on a current 64-bit machine;
8. `swap` if the two last operands may change places with no visible difference, else `.` (float
   operations are not: which NaN comes out may depend on the order).

The validator keeps a table of its own, on purpose.
"""

import re
from dataclasses import dataclass
from typing import Final

from . import table_atomics, table_bulk, table_core, table_refs, table_simd

IMMEDIATE_KINDS: Final = {
    "i32": "a signed 32-bit integer",
    "i64": "a signed 64-bit integer",
    "f32": "the 4 bytes of a float as an unsigned integer",
    "f64": "the 8 bytes of a float as an unsigned integer",
    "v128": "16 bytes, little endian, as an unsigned integer",
    "blocktype": 'None, a value type, or ("type", index)',
    "label": "a relative label: 0 is the innermost block",
    "labels": "br_table: a tuple of labels, then the default label (two values)",
    "local": "an index of a local",
    "global": "an index of a global",
    "func": "an index of a function",
    "type": "an index of a type",
    "table": "an index of a table",
    "memory": "an index of a memory",
    "data": "an index of a data segment",
    "elem": "an index of an element segment",
    "tag": "an index of an exception tag",
    "field": "an index of a field in a struct",
    "count": "a number of operands",
    "memarg": "alignment (log2 of bytes), offset, memory (three values)",
    "lane": "the number of a lane, one byte",
    "lanes": "i8x16.shuffle: a tuple of 16 lane numbers",
    "types": "select: a tuple of value types",
    "heaptype": "a signed heap type: negative abstract, else an index of a type",
    "cast": "br_on_cast: flags, label, source heap type, target heap type (four values)",
    "catches": "try_table: a tuple of (kind, tag, label), or (kind, label) for the catch-alls",
    "zero": "a reserved byte, always 0",
}

EFFECTS: Final = {
    "pure": "a total value of its operands",
    "trap": "a value of its operands that may trap",
    "relaxed": "a value of its operands out of a small set that the machine chooses from",
    "stack": "nothing, or a value dropped",
    "control": "blocks, branches, returns, traps and exceptions",
    "local": "reads or writes a local",
    "global.get": "reads a global",
    "global.set": "writes a global",
    "load": "reads a memory, may trap",
    "store": "writes a memory, may trap",
    "size": "reads the size of a memory",
    "grow": "changes the size of a memory",
    "bulk": "writes a range of a memory or drops a data segment",
    "table": "reads or changes a table or drops an element segment",
    "call": "calls a function",
    "atomic": "an access that other threads can order themselves by",
    "gc": "allocates, reads or writes a garbage-collected object",
}


@dataclass(frozen=True, slots=True)
class Opcode:
    """One row; the columns are explained at the head of this file."""

    name: str
    code: int
    immediates: tuple[str, ...]
    operands: tuple[str, ...] | None
    results: tuple[str, ...] | None
    proposal: str
    effect: str
    commutative: bool
    cost: int


def _read_rows(text: str) -> list[Opcode]:
    rows = []
    proposal = ""
    for line in text.split("\n"):
        if line.startswith("@"):
            proposal = line[2:]
        elif line:
            rows.append(_read_row(line.split(), proposal))
    return rows


def _read_row(cells: list[str], proposal: str) -> Opcode:
    code, name, immediates, operands, results, effect, cost, order = cells
    return Opcode(
        name=name,
        code=int(code, 16),
        immediates=() if immediates == "." else tuple(immediates.split("+")),
        operands=_read_types(operands),
        results=_read_types(results),
        proposal=proposal,
        effect=effect,
        commutative=order == "swap",
        cost=int(cost),
    )


def _read_types(cell: str) -> tuple[str, ...] | None:
    match cell:
        case "?":
            return None
        case ".":
            return ()
        case _:
            return tuple(cell.split(","))


_TYPE_BYTES: Final = {"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16, "memory": 4}


def _access_bytes(name: str) -> int:
    """Read the width off the name: `i64.load8_s`, `v128.load8x8_u`, `i64.atomic.rmw32.add_u`."""
    found = re.search(r"(?:load|store|rmw|wait)(\d+)(?:x(\d+))?", name)
    if found is None:
        return _TYPE_BYTES[name.split(".")[0]]
    return int(found[1]) * int(found[2] or 1) // 8


TABLES: Final = (table_core, table_bulk, table_refs, table_simd, table_atomics)
ROWS: Final[tuple[Opcode, ...]] = tuple(row for table in TABLES for row in _read_rows(table.ROWS))
OPCODES: Final[dict[int, Opcode]] = {row.code: row for row in ROWS}
BY_NAME: Final[dict[str, int]] = {row.name: row.code for row in ROWS}


ACCESS_BYTES: Final[dict[int, int]] = {
    row.code: _access_bytes(row.name) for row in ROWS if "memarg" in row.immediates
}
"""Bytes touched by each instruction that takes a memarg; its log2 is the natural alignment."""
