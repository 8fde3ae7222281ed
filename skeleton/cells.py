"""The cells of memory and the globals that a function names, and what each anchor does to them.

A *cell* is a run of bytes at a constant distance from one value (its *root*), or a global. Two
accesses that both happen and have one root, one distance modulo the address width and one size
meet the same bytes: neither ran past the end of memory, so nothing wrapped. Cells of one root are
compared by their distances; nothing is known of different roots, and another memory or global
never stands in the way. Sets of cells are `int`s used as bit sets.

A *check* says that an access with this address and at least this end did not trap; memories never
shrink, so it holds for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..ir.graph import Anchor, Function, Value, walk
from ..rules.signature import load_shape, store_shape
from ..wasm.opcodes import BY_NAME, OPCODES
from .ranges import most

GLOBAL_GET: Final = BY_NAME["global.get"]
GLOBAL_SET: Final = BY_NAME["global.set"]

MAX_CELLS: Final = 1_500
"""Cells of one function: beyond it the sets get long, and such code is data being written."""

LOADS: Final = {
    code: shape
    for code, row in OPCODES.items()
    if row.effect == "load" and (shape := load_shape(row.name)) is not None
}
"""Opcode to sort, bytes and sign."""
STORES: Final = {
    code: written
    for code, row in OPCODES.items()
    if row.effect == "store" and (written := store_shape(row.name)) is not None
}
"""Opcode to sort and bytes."""

_ADD: Final = {0x7F: BY_NAME["i32.add"], 0x7E: BY_NAME["i64.add"]}
_SUB: Final = {0x7F: BY_NAME["i32.sub"], 0x7E: BY_NAME["i64.sub"]}
_CONST: Final = {0x7F: BY_NAME["i32.const"], 0x7E: BY_NAME["i64.const"]}
_WIDTH: Final = {0x7F: 32, 0x7E: 64}

Key: TypeAlias = "tuple[int, int | None, int, int]"
"""Space, id of the root (None: the distance is the address), distance, bytes; a global has 0, 0."""
Address: TypeAlias = "tuple[int, int | None, int]"
"""Space, root and distance of an address operand, before the offset is added."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an anchor with a known cell does.

    Attributes:
        cell: number of the cell.
        store: whether it writes.
        check: number of the check that it establishes, None where it cannot trap.
        sort, sign: how the bytes become a value (a store's sign is 0).
        size: bytes; 0 for a global.
    """

    cell: int
    store: bool
    check: int | None
    sort: str
    sign: int
    size: int


@dataclass(slots=True)
class Cells:
    """The cells of one function.

    Attributes:
        keys: what each cell is, by number.
        access: anchor id to what it does; an anchor that is missing names no cell.
        within: space to the set of its cells.
        implied: for each check, the checks that hold where it does, itself included.
    """

    keys: list[Key] = field(default_factory=list)
    access: dict[int, Access] = field(default_factory=dict)
    within: dict[int, int] = field(default_factory=dict)
    implied: list[int] = field(default_factory=list)
    _touched: dict[int, int] = field(default_factory=dict)
    _near: dict[tuple[int, int | None], list[int]] = field(default_factory=dict)
    _width: dict[int, int] = field(default_factory=dict)

    def touched(self, cell: int) -> int:
        """Return the cells whose bytes a store to this one may change, itself included."""
        found = self._touched.get(cell)
        if found is None:
            space, root, at, size = self.keys[cell]
            found = self.within[space]
            around = 1 << self._width.get(space, 32)
            for other in self._near[space, root]:
                _, _, there, length = self.keys[other]
                ahead = (there - at) % around
                if ahead >= size and around - ahead >= length:
                    found &= ~(1 << other)
            found = self._touched[cell] = found | 1 << cell
        return found

    def inside(self, cell: int) -> int:
        """Return the cells all of whose bytes lie in this one, itself included."""
        space, root, at, size = self.keys[cell]
        around = 1 << self._width.get(space, 32)
        found = 0
        for other in self._near[space, root]:
            _, _, there, length = self.keys[other]
            if (there - at) % around + length <= size:
                found |= 1 << other
        return found

    def written(self, writes: int) -> int:
        """Return the cells of a set of spaces (`ir.effects.ALL`: every one)."""
        if writes < 0:
            return (1 << len(self.keys)) - 1
        found = 0
        for space, cells in self.within.items():
            if space & writes:
                found |= cells
        return found


def find_cells(function: Function, minimum: Sequence[int]) -> Cells | None:
    """Number the cells of a function; None if there are none, or too many.

    `minimum` is the minimum size of each memory in bytes.
    """
    cells = Cells()
    numbers: dict[Key, int] = {}
    checks: dict[Address, dict[int, int]] = {}
    count = 0
    for node in walk(function.body):
        if not isinstance(node, Anchor):
            continue
        found = _described(node)
        if found is None:
            continue
        key, sort, sign, address, end = found
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(cells.keys)
            if number > MAX_CELLS:
                return None
            cells.keys.append(key)
            space = key[0]
            cells.within[space] = cells.within.get(space, 0) | 1 << number
            cells._near.setdefault((space, key[1]), []).append(number)
            if address is not None:
                kind = node.args[0].type
                assert isinstance(kind, int)
                cells._width[space] = _WIDTH[kind]
        check = None
        if address is not None and not _certain(node, address, end, minimum):
            check = checks.setdefault(address, {}).setdefault(end, count)
            count += check == count
        store = node.op in STORES or node.op == GLOBAL_SET
        cells.access[node.id] = Access(number, store, check, sort, sign, key[3])
    if not cells.keys:
        return None
    cells.implied = [0] * count
    for ends in checks.values():
        implied = 0
        for end in sorted(ends):
            implied |= 1 << ends[end]
            cells.implied[ends[end]] = implied
    return cells


_SORTS: Final = {0x7F: "I32", 0x7E: "I64", 0x7D: "F32", 0x7C: "F64", 0x7B: "V128"}


def _described(node: Anchor) -> tuple[Key, str, int, Address | None, int] | None:
    """Return cell, sort, sign, address and end of an access to one cell."""
    if node.op in (GLOBAL_GET, GLOBAL_SET):
        value = node.args[0] if node.op == GLOBAL_SET else node.results[0]
        sort = _SORTS.get(value.type) if isinstance(value.type, int) else None
        space = node.effect.reads | node.effect.writes
        return (space, None, 0, 0), sort or "Ref", 0, None, 0
    shape = LOADS.get(node.op)
    if shape is not None:
        sort, size, sign = shape
        space = node.effect.reads & -node.effect.reads
    else:
        written = STORES.get(node.op)
        if written is None:
            return None
        (sort, size), sign = written, 0
        space = node.effect.writes
    offset = _integer(node.imm[1])
    root, shift, width = split(node.args[0])
    key = (space, root, (shift + offset) % (1 << width), size)
    return key, sort, sign, (space, root, shift), offset + size


def _certain(node: Anchor, address: Address, end: int, minimum: Sequence[int]) -> bool:
    """Tell whether an access cannot trap whatever ran before."""
    memory = _integer(node.imm[2])
    if memory >= len(minimum):
        return False
    if address[1] is None:
        return address[2] + end <= minimum[memory]
    return most(node.args[0]) + end <= minimum[memory]


def split(value: Value) -> tuple[int | None, int, int]:
    """Split an address into root, distance modulo 2^width, and the width in bits."""
    assert isinstance(value.type, int)
    width = _WIDTH[value.type]
    add, sub, const = _ADD[value.type], _SUB[value.type], _CONST[value.type]
    shift = 0
    while value.op in (add, sub):
        first, second = value.args
        if second.op == const:
            constant = _integer(second.imm[0])
            shift += constant if value.op == add else -constant
            value = first
        elif first.op == const and value.op == add:
            shift += _integer(first.imm[0])
            value = second
        else:
            break
    if value.op == const:
        return None, (shift + _integer(value.imm[0])) % (1 << width), width
    return value.id, shift % (1 << width), width


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value
