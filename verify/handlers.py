"""Symbolic run: constants, globals, references, and the table of all handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from . import accesses, events
from .opcodes import LANE_LOADS, LANE_STORES, LOADS, STORES, VECTOR, VECTOR_LOADS
from .reader import Instruction

if TYPE_CHECKING:
    from .symbolic import Execution

Handler = Callable[["Execution", Instruction, int], int | None]
"""Running execution, instruction and its index; the next index if it is not the next one."""


def drop(run: Execution, _instruction: Instruction, _at: int) -> None:
    """drop."""
    run.stack.pop()


def select(run: Execution, _instruction: Instruction, _at: int) -> None:
    """select, typed or not."""
    condition = run.values.truth(run.stack.pop())
    other = run.stack.pop()
    run.stack[-1] = run.terms.ite(condition, run.stack[-1], other)


def constant32(run: Execution, instruction: Instruction, _at: int) -> None:
    """f32.const."""
    run.stack.append(run.terms.constant(instruction[1], 32))


def constant64(run: Execution, instruction: Instruction, _at: int) -> None:
    """i64.const and f64.const."""
    run.stack.append(run.terms.constant(instruction[1], 64))


def constant128(run: Execution, instruction: Instruction, _at: int) -> None:
    """v128.const."""
    run.stack.append(run.terms.constant(instruction[1], 128))


def global_get(run: Execution, instruction: Instruction, _at: int) -> None:
    """global.get."""
    slot = run.space.globals.get(instruction[1])
    if slot is None:
        run.stack.append(run.space.global_constant(instruction[1]))
    else:
        value = run.slots[slot]
        run.stack.append(value)
        step = run.space.context.promises.bumps.get(instruction[1])
        if step is not None:
            base, ahead = run.values.split(value)
            if ahead < 1 << 31:
                run.space.fresh[base] = max(ahead + step, run.space.fresh.get(base, 0))


def global_set(run: Execution, instruction: Instruction, _at: int) -> None:
    """global.set."""
    index, value = instruction[1], run.use(run.stack.pop())
    run.set_globals.append((index, value))
    slot = run.space.globals.get(index)
    if slot is None:
        # It always has the same value: this one must be that.
        run.claim(f"global {index}", value, run.space.global_constant(index))
    else:
        run.put(slot, value)


def null(run: Execution, _instruction: Instruction, _at: int) -> None:
    """ref.null."""
    run.stack.append(run.space.null())


def is_null(run: Execution, _instruction: Instruction, _at: int) -> None:
    """ref.is_null."""
    reference = run.stack.pop()
    null = run.space.null()
    if reference == null:
        run.stack.append(run.values.one)
        return
    atom = run.terms.make(0, "is_null", None, reference)
    run.stack.append(run.values.from_truth(run.terms.literal(atom)))


def function(run: Execution, instruction: Instruction, _at: int) -> None:
    """ref.func."""
    run.stack.append(run.terms.variable(64, "function", instruction[1]))


def vector(run: Execution, instruction: Instruction, _at: int) -> None:
    """Pure SIMD operators: opaque functions of operands and immediates."""
    count, width = VECTOR[instruction[0]]
    operands = run.stack[len(run.stack) - count :]
    del run.stack[len(run.stack) - count :]
    run.stack.append(run.terms.make(width, "simd", instruction, *operands))


def _handlers() -> dict[int, Handler]:
    table: dict[int, Handler] = {
        0x10: events.call, 0x11: events.call_indirect, 0x12: events.tail_call,
        0x13: events.tail_call, 0x1A: drop, 0x1B: select, 0x1C: select, 0x23: global_get,
        0x24: global_set, 0x25: accesses.table_get, 0x26: accesses.table_set, 0x3F: accesses.size,
        0x40: events.grow, 0x42: constant64, 0x43: constant32, 0x44: constant64, 0xD0: null,
        0xD1: is_null, 0xD2: function, 0xFC0008: accesses.bulk, 0xFC0009: events.dropped,
        0xFC000A: accesses.bulk, 0xFC000B: accesses.bulk, 0xFC000C: accesses.table_bulk,
        0xFC000D: events.dropped, 0xFC000E: accesses.table_bulk, 0xFC000F: accesses.table_grow,
        0xFC0010: accesses.table_size, 0xFC0011: accesses.table_bulk, 0xFD000C: constant128,
    }  # fmt: skip
    table |= dict.fromkeys(LOADS, accesses.load) | dict.fromkeys(STORES, accesses.store)
    table |= dict.fromkeys(VECTOR_LOADS, accesses.vector_load)
    table |= dict.fromkeys(LANE_LOADS, accesses.lane_load)
    table |= dict.fromkeys(LANE_STORES, accesses.lane_store)
    return table | dict.fromkeys(VECTOR, vector)


HANDLERS: Final[dict[int, Handler]] = _handlers()
"""Everything but control and what the main loop does itself."""
