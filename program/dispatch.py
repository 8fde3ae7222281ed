"""Tables that never change: which function stands where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..wasm.body import Instr
from ..wasm.entities import Element
from ..wasm.module import Module
from ..wasm.opcodes import BY_NAME
from ..wasm.types import FuncType
from .liveness import constant_offset, safe_element
from .view import View

WRITERS: Final = frozenset(
    BY_NAME[name] for name in ("table.set", "table.fill", "table.grow", "table.init", "table.copy")
)
REF_NULL: Final = 0xD0
LARGEST: Final = 100_000
"""Entries of a table that are read: beyond this it is no table of functions."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The entries of a table: a function, or None for null."""

    module: Module
    entries: tuple[int | None, ...]

    def target(self, slot: int, type: int) -> int | None:
        """The function that a call of this type through this slot reaches, None if it traps."""
        function = self.entries[slot] if slot < len(self.entries) else None
        if function is None or not self.same_type(self.module.functions[function], type):
            return None
        return function

    def same_type(self, first: int, second: int) -> bool:
        """Whether a call through a table takes two types for one."""
        return first == second or self.module.types[first] == self.module.types[second]


Targets: TypeAlias = Mapping[int, Contents]
"""Table -> its contents, where they never change."""


def targets(view: View) -> Targets:
    """Read the tables that the module's own code and its host never change.

    Only in modules whose function types have no supertypes: there a call through a table compares
    shapes alone.
    """
    module = view.module
    if module.subtypes or module.recursions:
        return {}
    if any(not isinstance(kind, FuncType) for kind in module.types):
        return {}
    changed = set(view.visible_tables)
    for function in view.functions:
        for use in view.references.body(function).uses:
            if use.opcode in WRITERS:
                # Of a copy both tables are named; the source does not matter enough.
                changed.update(index for kind, index in use.targets if kind == "table")
    found = {}
    for index in sorted(view.live.table - changed):
        entries = _contents(module, index)
        if entries is not None:
            found[index] = Contents(module, entries)
    return found


def _contents(module: Module, index: int) -> tuple[int | None, ...] | None:
    table = module.tables[index]
    if table.imported or table.init is not None or table.minimum > LARGEST:
        return None
    entries: list[int | None] = [None] * table.minimum
    for element in module.elements:
        if element.mode != "active" or element.table != index:
            continue
        start = constant_offset(module, element.offset)
        listed = _listed(element)
        if start is None or listed is None or not safe_element(module, element):
            return None
        entries[start : start + len(listed)] = listed
    return tuple(entries)


def _listed(element: Element) -> list[int | None] | None:
    """The functions of a segment, None for null; None if an entry is something else."""
    if not element.expressions:
        return element.functions
    for function, expression in zip(element.functions, element.expressions, strict=True):
        if function is None and not _is_null(expression):
            return None
    return element.functions


def _is_null(expression: tuple[Instr, ...]) -> bool:
    return len(expression) == 1 and expression[0][0] == REF_NULL
