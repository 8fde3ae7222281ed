"""What instructions on memories and tables do to a symbolic run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import event, pages
from .opcodes import LANE_LOADS, LANE_STORES, LOADS, STORES, VECTOR_LOADS
from .reader import Instruction
from .space import WORLD
from .terms import FALSE, STATE, TRUE

if TYPE_CHECKING:
    from .symbolic import Execution

MAX_SMALL = 16
"""Bytes up to which a copy or fill of constant size is what loads and stores would do."""


def access(run: Execution, instruction: Instruction, address: int, count: int) -> int:
    """Check the bounds of an access of ``count`` bytes; its wrapped address."""
    _, _, offset, memory = instruction[:4]
    where = run.values.plus(address, offset) if offset else address
    _bounds(run, address, offset + count, memory)
    return where


def _bounds(run: Execution, address: int, end: int, memory: int) -> None:
    """Trap where ``address + end`` is beyond the memory, unless that was checked before."""
    if _is_promised(run, address, end):
        return
    base, end = run.memory.place(address, end)
    key = (memory, base)
    known = run.facts.get(key, 0)
    if end > known:
        limits = run.space.module.memories[memory]
        outside = run.memory.out_of_bounds(
            pages(run, memory), base, end, limits.page_shift, limits.minimum
        )
        if outside != FALSE:
            run.note_trap(outside)
            if outside == TRUE:
                run.condition = FALSE
        if run.shared:
            run.own()
        run.facts[key] = end


def _is_promised(run: Execution, address: int, end: int) -> bool:
    """Whether a bump pointer has been there or gets there next, which is promised to fit."""
    if not run.space.fresh:
        return False
    base, ahead = run.values.split(address)
    if ahead + end > run.space.fresh.get(base, 0):
        return False
    run.space.context.used.add("no-exhaustion: a bump pointer stays in memory")
    return True


def read(run: Execution, instruction: Instruction, count: int) -> int:
    """Bytes at the address on the stack, as one value."""
    where = access(run, instruction, run.use(run.stack.pop()), count)
    rom = run.space.context.axioms.memories.get(instruction[3])
    if rom is not None:
        at = run.terms.value_of(where)
        if at is not None and at + count <= len(rom):
            value = int.from_bytes(rom[at : at + count], "little")
            return run.terms.constant(value, 8 * count)
    content = run.slots[run.space.contents[instruction[3]]]
    return run.memory.load(content, where, count)


def load(run: Execution, instruction: Instruction, _at: int) -> None:
    """Scalar loads and v128.load."""
    count, extension, width = LOADS[instruction[0]]
    value = read(run, instruction, count)
    if extension == "u":
        value = run.values.zero_extend(value, width)
    elif extension == "s":
        value = run.values.sign_extend(value, width)
    run.stack.append(value)


def write(run: Execution, instruction: Instruction, address: int, value: int, count: int) -> None:
    """Check the bounds and write ``count`` bytes of ``value``."""
    where = access(run, instruction, run.use(address), count)
    slot = run.space.contents[instruction[3]]
    run.put(slot, run.memory.store(run.slots[slot], where, value, count))


def store(run: Execution, instruction: Instruction, _at: int) -> None:
    """Scalar stores and v128.store."""
    count = STORES[instruction[0]]
    value = run.values.low(run.use(run.stack.pop()), 8 * count)
    write(run, instruction, run.stack.pop(), value, count)


def vector_load(run: Execution, instruction: Instruction, _at: int) -> None:
    """SIMD loads that spread, widen or fill: opaque functions of the bytes."""
    value = read(run, instruction, VECTOR_LOADS[instruction[0]])
    run.stack.append(run.terms.make(128, "simd", (instruction[0],), value))


def lane_load(run: Execution, instruction: Instruction, _at: int) -> None:
    """SIMD loads into one lane."""
    vector = run.stack.pop()
    value = read(run, instruction, LANE_LOADS[instruction[0]])
    key = (instruction[0], instruction[4])
    run.stack.append(run.terms.make(128, "simd", key, value, vector))


def lane_store(run: Execution, instruction: Instruction, _at: int) -> None:
    """SIMD stores of one lane."""
    count = LANE_STORES[instruction[0]]
    vector = run.stack.pop()
    value = run.values.bits(vector, 8 * count * instruction[4], 8 * count)
    write(run, instruction, run.stack.pop(), value, count)


def size(run: Execution, instruction: Instruction, _at: int) -> None:
    """memory.size."""
    run.stack.append(pages(run, instruction[1]))


def bulk(run: Execution, instruction: Instruction, _at: int) -> None:
    """memory.copy, fill and init: a function of the memories; traps before any write."""
    space, terms = run.space, run.terms
    count = run.stack.pop()
    second, first = run.stack.pop(), run.stack.pop()
    operands = [run.use(x) for x in (first, second, count)]
    if _small(run, instruction, *operands):
        return
    match instruction[0]:
        case 0xFC0008:
            target, sources = instruction[2], [run.slots[WORLD]]
        case 0xFC000A:
            target = instruction[1]
            sources = [run.slots[space.contents[instruction[2]]], pages(run, instruction[2])]
        case _:
            target, sources = instruction[1], []
    slot = space.contents[target]
    operands = [*sources, pages(run, target), *operands]
    bounds = operands if instruction[0] != 0xFC000A else operands[1:]
    run.trap(terms.literal(terms.make(0, "bulk_trap", instruction, *bounds)))
    run.put(slot, terms.make(STATE, "bulk", instruction, run.slots[slot], *operands))


def _small(run: Execution, instruction: Instruction, first: int, second: int, count: int) -> bool:
    """Copy or fill a few bytes as loads, all of them first, and stores; whether that was done."""
    terms, size = run.terms, run.terms.value_of(count)
    if size is None or not 0 < size <= MAX_SMALL or instruction[0] == 0xFC0008:
        return False
    byte = terms.value_of(second)
    copy = instruction[0] == 0xFC000A
    if not copy and byte is None and size > 1:
        return False
    target = instruction[1]
    if copy:
        _bounds(run, second, size, instruction[2])
    _bounds(run, first, size, target)
    source = run.slots[run.space.contents[instruction[2 if copy else 1]]]
    values = []
    for at, width in _pieces(size):
        if copy:
            values.append(run.memory.load(source, run.values.plus(second, at), width))
        elif byte is None:
            values.append(run.values.low(second, 8))
        else:
            pattern = int.from_bytes(bytes([byte & 0xFF]) * width, "little")
            values.append(terms.constant(pattern, 8 * width))
    slot = run.space.contents[target]
    content = run.slots[slot]
    for (at, width), value in zip(_pieces(size), values, strict=True):
        content = run.memory.store(content, run.values.plus(first, at), value, width)
    run.put(slot, content)
    return True


def _pieces(size: int) -> list[tuple[int, int]]:
    """Distances and lengths of powers of two that make up a small size."""
    found, at = [], 0
    for width in (8, 4, 2, 1):
        while size - at >= width:
            found.append((at, width))
            at += width
    return found


def table_get(run: Execution, instruction: Instruction, _at: int) -> None:
    """table.get: a read of the table state, which may trap."""
    terms, table = run.terms, run.slots[run.space.tables[instruction[1]]]
    index = run.use(run.stack.pop())
    run.trap(terms.literal(terms.make(0, "table_trap", None, table, index)))
    run.stack.append(terms.make(64, "table_get", None, table, index))


def table_set(run: Execution, instruction: Instruction, _at: int) -> None:
    """table.set: a new table state, which may trap."""
    terms, slot = run.terms, run.space.tables[instruction[1]]
    value, index = run.use(run.stack.pop()), run.use(run.stack.pop())
    table = run.slots[slot]
    run.trap(terms.literal(terms.make(0, "table_trap", None, table, index)))
    run.put(slot, terms.make(STATE, "table_set", None, table, index, value))


def table_size(run: Execution, instruction: Instruction, _at: int) -> None:
    """table.size."""
    slot = run.space.tables[instruction[1]]
    run.stack.append(
        run.terms.make(table_width(run, instruction[1]), "table_size", None, run.slots[slot])
    )


def table_width(run: Execution, table: int) -> int:
    """Bits of the indices of a table."""
    return 64 if run.space.module.tables[table][1].wide else 32


def table_grow(run: Execution, instruction: Instruction, _at: int) -> None:
    """table.grow: an event."""
    delta, value = run.stack.pop(), run.stack.pop()
    event(run, instruction, [value, delta], [table_width(run, instruction[1])])


def table_bulk(run: Execution, instruction: Instruction, _at: int) -> None:
    """table.copy, fill and init: events."""
    count = run.stack.pop()
    second, first = run.stack.pop(), run.stack.pop()
    event(run, instruction, [first, second, count], [])
