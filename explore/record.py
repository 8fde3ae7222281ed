"""A function that writes down what it computes: a module with one body that records itself.

The record lies in a memory and a global of its own, behind those of the module, so no index moves.
An entry has 16 bytes: the instruction, what of it (`RESULT`, `REACHED`, or operand 1, 2, ...), and
64 bits of the value. Recorded are results of operations, and the operands of everything that has an
effect; constants and locals are not, as whatever uses them is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..wasm.body import Instr, encode_body
from ..wasm.leb import read_u32, write_unsigned
from ..wasm.module import Module
from ..wasm.opcodes import OPCODES, Opcode
from ..wasm.types import FuncType, ValType

__all__ = [
    "EFFECTS", "END", "ENTRY", "MEMORY_EXPORT", "POINTER_EXPORT", "REACHED", "RESULT", "operands",
    "recording", "result",
]  # fmt: skip

MEMORY_EXPORT: Final = "eqsat:record"
POINTER_EXPORT: Final = "eqsat:recorded"

ENTRY: Final = 16
"""Bytes of an entry."""

END: Final = 1 << 20
"""Bytes of the record: 65,536 entries, more than anybody reads; what comes later is not kept."""

RESULT: Final = 0
REACHED: Final = 255

EFFECTS: Final = frozenset(("store", "global.set", "call", "bulk", "grow", "table", "atomic"))
"""Classes of instructions whose operands are recorded."""

ORDER: Final = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)
"""Section ids in the order in which they stand."""

_I32, _I64, _F32, _F64 = 0x7F, 0x7E, 0x7D, 0x7C
_TYPES: Final = {"i32": _I32, "i64": _I64, "f32": _F32, "f64": _F64}
_TO_I64: Final[dict[ValType, tuple[Instr, ...]]] = {
    _I32: ((0xAD,),),
    _I64: (),
    _F32: ((0xBC,), (0xAD,)),
    _F64: ((0xBD,),),
}
"""Value type to the instructions that make an i64 of its bits."""

_GET, _SET, _TEE, _GLOBAL_GET = 0x20, 0x21, 0x22, 0x23
_CALLS: Final = {0x10, 0x12}
_INDIRECT: Final = {0x11, 0x13}
_CALLING: Final = {0x10, 0x11}
"""Calls that come back: the others end the function."""
_SIZES: Final = {"memarg": 3, "labels": 2, "cast": 4}
"""Values of an immediate, where it is not one."""

Types: TypeAlias = "tuple[ValType, ...] | None"


def recording(data: bytes, index: int) -> bytes:
    """The module with function `index` recording. Raises WasmError."""
    module = Module.parse(data)
    body = module.body(index)
    writer = _Writer(module, module.local_types(index))
    instrs = [one for at, instr in enumerate(body.instrs) for one in writer.step(at, instr)]
    new = encode_body((*body.runs, *((1, kind) for kind in writer.added)), instrs)
    sections = {one.id: data[one.payload_start : one.end] for one in module.sections if one.id != 0}
    bodies = [data[start:end] for start, end in module.code]
    bodies[index - module.imported_functions] = new
    sections[10] = write_unsigned(len(bodies)) + b"".join(map(_sized, bodies))
    pages = write_unsigned(END >> 16)
    sections[5] = _appended(sections.get(5), [b"\x01" + pages + pages])
    sections[6] = _appended(sections.get(6), [bytes([_I32, 1, 0x41, 0, 0x0B])])
    exports = ((MEMORY_EXPORT, 2, len(module.memories)), (POINTER_EXPORT, 3, len(module.globals)))
    sections[7] = _appended(
        sections.get(7),
        [_sized(name.encode()) + bytes([kind]) + write_unsigned(n) for name, kind, n in exports],
    )
    parts = [bytes([kind]) + _sized(sections[kind]) for kind in ORDER if kind in sections]
    return data[:8] + b"".join(parts)


def _sized(data: bytes) -> bytes:
    return write_unsigned(len(data)) + data


def _appended(vector: bytes | None, entries: Sequence[bytes]) -> bytes:
    count, start = (0, 0) if vector is None else read_u32(vector, 0, len(vector))
    return write_unsigned(count + len(entries)) + (vector or b"")[start:] + b"".join(entries)


@dataclass(slots=True)
class _Writer:
    """Writes instructions that record; `added` are the types of the locals that it needs."""

    module: Module
    locals: Sequence[ValType]
    added: list[ValType] = field(default_factory=list)
    _spare: dict[tuple[ValType, int], int] = field(default_factory=dict)

    def step(self, at: int, instr: Instr) -> Iterator[Instr]:
        """An instruction, with what records it before and behind it."""
        if OPCODES[instr[0]].effect in EFFECTS:
            yield from self._before(at, operands(self.module, instr))
        yield instr
        kind = result(self.module, instr)
        if kind in _TO_I64:
            local = self._local(kind, 0)
            yield (_TEE, local)
            yield from self._entry(at, RESULT, [(_GET, local), *_TO_I64[kind]])

    def _before(self, at: int, types: Types) -> Iterator[Instr]:
        """Take the operands off the stack, record them, and put them back."""
        yield from self._entry(at, REACHED, [(0x42, 0)])
        if not types or any(kind not in _TO_I64 for kind in types):
            return
        spare = [self._local(kind, 1 + place) for place, kind in enumerate(types)]
        yield from ((_SET, local) for local in reversed(spare))
        for place, (local, kind) in enumerate(zip(spare, types, strict=True)):
            yield from self._entry(at, 1 + place, [(_GET, local), *_TO_I64[kind]])
        yield from ((_GET, local) for local in spare)

    def _entry(self, at: int, what: int, value: Sequence[Instr]) -> Iterator[Instr]:
        """Write an entry whose value these instructions give, as an i64."""
        memory, pointer = len(self.module.memories), len(self.module.globals)
        where = (_GLOBAL_GET, pointer)
        yield from (where, (0x41, END), (0x49,), (0x04, None))
        yield from (where, (0x41, at), (0x36, 2, 0, memory))
        yield from (where, (0x41, what), (0x36, 2, 4, memory))
        yield from (where, *value, (0x37, 3, 8, memory))
        yield from (where, (0x41, ENTRY), (0x6A,), (0x24, pointer), (0x0B,))

    def _local(self, kind: ValType, place: int) -> int:
        """A local of this type for the operand at a place."""
        found = self._spare.get((kind, place))
        if found is None:
            found = self._spare[kind, place] = len(self.locals) + len(self.added)
            self.added.append(kind)
        return found


def result(module: Module, instr: Instr) -> ValType | None:
    """The type of the one result of an operation; None for none, several, or an unknown one."""
    code = instr[0]
    if code == _GLOBAL_GET:
        return module.globals[instr[1]].type
    if code in _CALLING:
        kind = _callee(module, instr)
        return kind.results[0] if len(kind.results) == 1 else None
    row = OPCODES[code]
    if not row.results or len(row.results) != 1 or not row.operands:
        return None
    return _value_type(module, row, instr, row.results[0])


def _callee(module: Module, instr: Instr) -> FuncType:
    return module.function_type(instr[1]) if instr[0] in _CALLS else module.type_of(instr[1])


def operands(module: Module, instr: Instr) -> Types:
    """Types of the operands of an instruction with an effect, None where the table has none."""
    code = instr[0]
    if code == 0x24:
        return (module.globals[instr[1]].type,)
    if code in _CALLS:
        return _callee(module, instr).params
    if code in _INDIRECT:
        kind = _I64 if module.tables[instr[2]].is64 else _I32
        return (*_callee(module, instr).params, kind)
    row = OPCODES[code]
    if row.operands is None:
        return None
    found = [_value_type(module, row, instr, text) for text in row.operands]
    return None if None in found else tuple(kind for kind in found if kind is not None)


def _value_type(module: Module, row: Opcode, instr: Instr, text: str) -> ValType | None:
    if text != "addr":
        return _TYPES.get(text)
    at = 1
    for kind in row.immediates:
        if kind == "memarg":
            return _I64 if module.memories[instr[at + 2]].is64 else _I32
        if kind == "memory":
            return _I64 if module.memories[instr[at]].is64 else _I32
        at += _SIZES.get(kind, 1)
    return None
