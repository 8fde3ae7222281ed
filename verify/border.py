"""What can pass between a module and the host of a differential run, and how large it may get.

Asking wasmtime's C interface for a type that it cannot express (a vector, a typed reference) aborts
the process, so the module is read before anything is asked.
"""

from dataclasses import dataclass
from typing import Final

from .reader import Limits, Module, ValueType, read_module

PASSABLE: Final = frozenset({0x7F, 0x7E, 0x7D, 0x7C, 0x70, 0x6F})
"""Value types that the host can name: numbers, funcref, externref."""

FUNCTION, TABLE, MEMORY, GLOBAL = range(4)

LARGEST_MEMORY: Final = 1 << 26
"""Bytes to which a memory may grow, unless it starts larger: bulk operations cost no fuel, so that
one call could fill whatever there is."""

LARGEST_TABLE: Final = 100_000
"""Elements to which a table may grow, unless it starts larger."""

TOO_LARGE: Final = 1 << 29
"""Bytes (8 for an element of a table) from which a module is not run at all."""


@dataclass(frozen=True, slots=True)
class Border:
    """The exports that the host must not touch, and the sizes it allows."""

    closed: frozenset[str]
    largest_memory: int
    largest_table: int


def border(data: bytes) -> Border | str:
    """Look at the imports and exports of a module; a reason if the host cannot run it.

    Raises Malformed or Unsupported as ``read_module`` does.
    """
    module = read_module(data)
    reason = unnameable(module)
    if reason is not None:
        return reason
    memories = [_bytes(one) for one in module.memories]
    tables = [limits.minimum for _, limits in module.tables]
    if sum(memories) + 8 * sum(tables) > TOO_LARGE:
        return "memories or tables are too large to run"
    return Border(
        closed(module),
        max([LARGEST_MEMORY, *memories]),
        max([LARGEST_TABLE, *tables]),
    )


def unnameable(module: Module) -> str | None:
    """Why the host cannot make the imports of a module, if it cannot."""
    kinds = (
        (FUNCTION, "function", module.imported_functions),
        (TABLE, "table", module.imported_tables),
        (GLOBAL, "global", module.imported_globals),
    )
    for kind, name, count in kinds:
        if not all(_passes(module, kind, index) for index in range(count)):
            return f"an imported {name} has a type that the host cannot name"
    return None


def closed(module: Module) -> frozenset[str]:
    """The exports that the host must not touch."""
    return frozenset(
        name.decode() for name, kind, index in module.exports if not _passes(module, kind, index)
    )


def _passes(module: Module, kind: int, index: int) -> bool:
    """Whether the host can name all types of a function, table or global."""
    types: tuple[ValueType, ...] = ()
    if kind == FUNCTION:
        found = module.types[module.functions[index]]
        if found is None:
            return False
        types = (*found.params, *found.results)
    elif kind == TABLE:
        types = (module.tables[index][0],)
    elif kind == GLOBAL:
        types = (module.globals[index].type,)
    return PASSABLE.issuperset(types)


def _bytes(memory: Limits) -> int:
    return memory.minimum << memory.page_shift
