"""What is true of a module in every run because nothing in it, and nobody outside, can change it.

Read off the module itself by the validator: globals that nobody sets, tables that nobody
changes, memories that nobody writes. Private means neither imported nor exported under a name
that is ever used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .segments import Expression
from .structure import GLOBAL, MEMORY, TABLE, Side, constant, initial_memory
from .usage import Usage

MAX_ROM = 1 << 22
"""Bytes of a memory that nobody writes which are kept."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A table that never changes: its size, and the function in every slot that is not null."""

    size: int
    functions: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Axioms:
    """Constants of globals, contents of tables, bytes of memories; by old index."""

    globals: Mapping[int, int] = field(default_factory=dict)
    tables: Mapping[int, Contents] = field(default_factory=dict)
    memories: Mapping[int, bytes] = field(default_factory=dict)


def find_axioms(side: Side, outside: frozenset[tuple[int, int]], used: Usage) -> Axioms:
    """The axioms of a module; few of them if a body cannot be read."""
    module, segments = side.module, side.segments
    constants: dict[int, int] = {}
    for i in range(module.imported_globals, len(module.globals)):
        frozen = not module.globals[i].mutable
        if not frozen and ((GLOBAL, i) in outside or i in used.set_globals or used.unknown):
            continue
        value = constant(side, segments.globals[i - module.imported_globals])
        if value is not None:
            constants[i] = value
    tables: dict[int, Contents] = {}
    memories: dict[int, bytes] = {}
    if not used.unknown:
        for i in range(module.imported_tables, len(module.tables)):
            if (TABLE, i) not in outside and i not in used.changed_tables:
                contents = _table(side, i)
                if contents is not None:
                    tables[i] = contents
        for i in range(module.imported_memories, len(module.memories)):
            if (MEMORY, i) not in outside and i not in used.stored_memories:
                content = _memory(side, i)
                if content is not None:
                    memories[i] = content
    return Axioms(constants, tables, memories)


def _table(side: Side, index: int) -> Contents | None:
    """The contents of a table after instantiation, if they can be read off."""
    _, limits = side.module.tables[index]
    initial = side.segments.tables[index - side.module.imported_tables]
    if initial is not None and initial[0][0] != 0xD0:
        return None
    found: dict[int, int] = {}
    for segment in side.segments.elements:
        if segment.mode != "active" or segment.table != index:
            continue
        at = _at(side, segment.offset, limits.wide)
        if at is None or at + len(segment.items) > limits.minimum:
            return None
        for i, item in enumerate(segment.items, at):
            if len(item) == 1 and item[0][0] == 0xD2:
                found[i] = item[0][1]
            elif len(item) == 1 and item[0][0] == 0xD0:
                found.pop(i, None)
            else:
                return None
    return Contents(limits.minimum, found)


def _memory(side: Side, index: int) -> bytes | None:
    """The bytes of a memory's minimum size after instantiation."""
    limits = side.module.memories[index]
    size = limits.minimum << limits.page_shift
    if limits.shared or size > MAX_ROM:
        return None
    image = initial_memory(side, index)
    return None if image is None else image.ljust(size, b"\0")


def _at(side: Side, offset: Expression, wide: bool) -> int | None:
    value = constant(side, offset)
    return None if value is None else value & ((1 << (64 if wide else 32)) - 1)
