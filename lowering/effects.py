"""Effect words of the instructions that become anchors."""

from __future__ import annotations

from typing import Any

from ..ir.effects import ALL, Effect, Spaces

BARRIER = Effect(ALL, ALL, True, True)
"""Of calls, atomics and everything without special treatment: nothing passes it."""
TRAP = Effect(traps=True)
"""Of arithmetic that may trap: it touches no state."""


def load(spaces: Spaces, memory: int) -> Effect:
    """Return the effect of a load: it traps by the size of the memory."""
    return Effect(spaces.memory(memory) | spaces.memory_size(memory), 0, True)


def store(spaces: Spaces, memory: int) -> Effect:
    """Return the effect of a store."""
    return Effect(spaces.memory_size(memory), spaces.memory(memory), True)


def of_instruction(name: str, imm: tuple[Any, ...], spaces: Spaces) -> Effect:
    """Return the effect of memory, table, segment and global instructions.

    `name` is the text name, `imm` the immediates; anything else is a barrier.
    """
    match name, imm:
        case "memory.size", (int(memory),):
            return Effect(reads=spaces.memory_size(memory))
        case "memory.grow", (int(memory),):
            # Whether growing succeeds is the engine's choice: an event like a call.
            size = spaces.memory_size(memory)
            return Effect(size, size, False, True)
        case "memory.copy", (int(target), int(source)):
            sizes = spaces.memory_size(target) | spaces.memory_size(source)
            return Effect(spaces.memory(source) | sizes, spaces.memory(target), True)
        case "memory.fill", (int(memory),):
            return store(spaces, memory)
        case "memory.init", (int(), int(memory)):
            reads = spaces.memory_size(memory) | spaces.segments
            return Effect(reads, spaces.memory(memory), True)
        case (("data.drop" | "elem.drop"), _):
            return Effect(writes=spaces.segments)
        case "table.get", (int(table),):
            return Effect(spaces.table(table), 0, True)
        case "table.set" | "table.fill", (int(table),):
            return Effect(spaces.table(table), spaces.table(table), True)
        case "table.size", (int(table),):
            return Effect(reads=spaces.table(table))
        case "table.grow", (int(table),):
            return Effect(spaces.table(table), spaces.table(table), False, True)
        case "table.copy", (int(target), int(source)):
            return Effect(spaces.table(source) | spaces.table(target), spaces.table(target), True)
        case "table.init", (int(), int(table)):
            return Effect(spaces.table(table) | spaces.segments, spaces.table(table), True)
        case "global.get", (int(index),):
            return Effect(reads=spaces.global_(index))
        case "global.set", (int(index),):
            return Effect(writes=spaces.global_(index))
        case _:
            return BARRIER
