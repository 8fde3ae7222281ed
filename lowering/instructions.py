"""The instructions whose operands or results depend on their immediates: what each builds.

Control stands in `building`, everything with a fixed signature in its table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from ..ir.graph import Exit, Imm, ValType
from ..wasm.opcodes import OPCODES
from ..wasm.types import FuncType
from . import effects
from .types import I32, NAMED, Instr, as_int

if TYPE_CHECKING:
    from .building import Building

_MEMORY: Final = {
    "memory.size": (0, 1),
    "memory.grow": (1, 1),
    "memory.copy": (3, 0),
    "memory.fill": (3, 0),
    "memory.init": (3, 0),
}
"""Operand and result counts."""
_TABLE: Final[dict[str, tuple[int, str]]] = {
    "table.get": (1, "element"),
    "table.set": (2, ""),
    "table.size": (0, "address"),
    "table.grow": (2, "address"),
    "table.fill": (3, ""),
    "table.copy": (3, ""),
    "table.init": (3, ""),
}
"""Operand counts and what the result is."""


def nop(state: Building, instr: Instr, position: int) -> None:
    """`nop`."""


def drop(state: Building, instr: Instr, position: int) -> None:
    """`drop`."""
    state.stack.pop()


def select(state: Building, instr: Instr, position: int) -> None:
    """`select`, with or without types."""
    args = tuple(state.pop(3))
    imm: Imm = ()
    type = args[0].type
    if instr[0] == 0x1C:
        types = instr[1]
        assert isinstance(types, tuple)
        if types[0] not in NAMED.values():
            imm, type = instr[1:], types[0]
    op = 0x1C if imm else 0x1B
    state.stack.append(state.fn.pure(op, args, imm, type, state.block))


def global_get(state: Building, instr: Instr, position: int) -> None:
    """`global.get`: of an immutable global a constant."""
    index = as_int(instr[1])
    found = state.module.globals[index]
    if not found.mutable:
        state.stack.append(state.fn.pure(0x23, (), (index,), found.type, state.block))
        return
    effect = effects.of_instruction("global.get", (index,), state.spaces)
    state.anchor(0x23, (), (index,), (found.type,), effect)


def global_set(state: Building, instr: Instr, position: int) -> None:
    """`global.set`."""
    effect = effects.of_instruction("global.set", instr[1:], state.spaces)
    state.anchor(0x24, state.pop(1), instr[1:], (), effect)


def memory(state: Building, instr: Instr, position: int) -> None:
    """Memory instructions whose operands depend on the address type of the memory."""
    op = as_int(instr[0])
    name = OPCODES[op].name
    imm = instr[1:]
    memory = as_int(imm[-1] if name == "memory.init" else imm[0]) if imm else 0
    address: ValType = NAMED["i64"] if state.module.memories[memory].is64 else I32
    count, results = _MEMORY[name]
    effect = effects.of_instruction(name, imm, state.spaces)
    state.anchor(op, state.pop(count), imm, (address,) * results, effect)


def table(state: Building, instr: Instr, position: int) -> None:
    """Table instructions."""
    op = as_int(instr[0])
    name = OPCODES[op].name
    imm = instr[1:]
    table = state.module.tables[as_int(imm[-1] if name == "table.init" else imm[0])]
    address: ValType = NAMED["i64"] if table.is64 else I32
    count, result = _TABLE[name]
    type = table.type if result == "element" else address
    effect = effects.of_instruction(name, imm, state.spaces)
    state.anchor(op, state.pop(count), imm, (type,) if result else (), effect)


def segment(state: Building, instr: Instr, position: int) -> None:
    """`data.drop` and `elem.drop`."""
    op = as_int(instr[0])
    effect = effects.of_instruction(OPCODES[op].name, instr[1:], state.spaces)
    state.anchor(op, (), instr[1:], (), effect)


def ref_null(state: Building, instr: Instr, position: int) -> None:
    """`ref.null`."""
    heap = as_int(instr[1])
    type: ValType = heap + 0x80 if -0x40 < heap < 0 else (0x63, heap)
    state.stack.append(state.fn.pure(0xD0, (), (heap,), type, state.block))


def ref_is_null(state: Building, instr: Instr, position: int) -> None:
    """`ref.is_null`."""
    state.stack.append(state.fn.pure(0xD1, tuple(state.pop(1)), (), I32, state.block))


def ref_func(state: Building, instr: Instr, position: int) -> None:
    """`ref.func`: a reference to a function of known type."""
    index = as_int(instr[1])
    type = (0x64, state.module.functions[index])
    state.stack.append(state.fn.pure(0xD2, (), (index,), type, state.block))


def call(state: Building, instr: Instr, position: int) -> None:
    """`call`, `call_indirect`, `call_ref`."""
    signature, extra = _callee(state, instr)
    args = state.pop(len(signature.params) + extra)
    state.anchor(as_int(instr[0]), args, instr[1:], signature.results, effects.BARRIER)


def return_call(state: Building, instr: Instr, position: int) -> None:
    """Tail calls leave the function."""
    signature, extra = _callee(state, instr)
    args = state.pop(len(signature.params) + extra)
    state.nodes.append(Exit(as_int(instr[0]), args, instr[1:], state.block))
    state.dead = True


def _callee(state: Building, instr: Instr) -> tuple[FuncType, int]:
    """Return the signature of a call and how many operands stand above its arguments."""
    if instr[0] in (0x10, 0x12):
        return state.module.function_type(as_int(instr[1])), 0
    found = state.module.types[as_int(instr[1])]
    assert isinstance(found, FuncType)
    return found, 1


Handler: TypeAlias = "Callable[[Building, Instr, int], None]"

HANDLERS: Final[dict[int, Handler]] = {
    0x01: nop,
    0x10: call,
    0x11: call,
    0x12: return_call,
    0x13: return_call,
    0x14: call,
    0x15: return_call,
    0x1A: drop,
    0x1B: select,
    0x1C: select,
    0x23: global_get,
    0x24: global_set,
    0x25: table,
    0x26: table,
    0x3F: memory,
    0x40: memory,
    0xD0: ref_null,
    0xD1: ref_is_null,
    0xD2: ref_func,
    0xFC0008: memory,
    0xFC0009: segment,
    0xFC000A: memory,
    0xFC000B: memory,
    0xFC000C: table,
    0xFC000D: segment,
    0xFC000E: table,
    0xFC000F: table,
    0xFC0010: table,
    0xFC0011: table,
}
