"""Old and new indices of a module's entities, and what is to change beside them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from .body import Instr
from .module import Module
from .types import FuncType

Map: TypeAlias = tuple[int | None, ...]
"""Old index -> new index, or None where the entity is gone."""

NOTHING: Final[Mapping[int, Any]] = {}


class Dangling(ValueError):
    """Something that stays refers to something that is gone."""


@dataclass(frozen=True, slots=True)
class Indices:
    """The new index of every old entity, by kind; see `Map`.

    Several old functions may get one new index: they are merged, and the first one's body stays.
    Apart from that the order of what stays must not change, except among merged functions.
    """

    functions: Map
    tables: Map
    memories: Map
    globals: Map
    types: Map
    elements: Map
    datas: Map
    tags: Map

    @staticmethod
    def same(module: Module) -> "Indices":
        """The maps under which nothing changes."""
        return Indices(
            functions=tuple(range(len(module.functions))),
            tables=tuple(range(len(module.tables))),
            memories=tuple(range(len(module.memories))),
            globals=tuple(range(len(module.globals))),
            types=tuple(range(len(module.types))),
            elements=tuple(range(len(module.elements))),
            datas=tuple(range(len(module.datas))),
            tags=tuple(range(len(module.tags))),
        )

    def by_kind(self) -> dict[str, Map]:
        """The maps by the names that opcodes, imports and names have for kinds of entities."""
        return {
            "func": self.functions,
            "table": self.tables,
            "memory": self.memories,
            "global": self.globals,
            "type": self.types,
            "elem": self.elements,
            "data": self.datas,
            "tag": self.tags,
        }

    def first(self) -> dict[int, int]:
        """New function -> the old one whose type and body it has."""
        found: dict[int, int] = {}
        for old, new in enumerate(self.functions):
            if new is not None:
                found.setdefault(new, old)
        return found


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change beside the numbering; everything is in terms of the old module.

    Attributes:
        bodies: old function -> new body (without its size), written with old indices.
        types: old function -> its new type, as an old type index or one past the old types for
            the first of `new_types`, and so on.
        new_types: function types appended.
        exports: names of the exports that stay, or None for all.
        globals: old global -> new constant expression (without `end`), old indices.
    """

    bodies: Mapping[int, bytes] = field(default_factory=dict)
    types: Mapping[int, int] = field(default_factory=dict)
    new_types: Sequence[FuncType] = ()
    exports: Collection[str] | None = None
    globals: Mapping[int, tuple[Instr, ...]] = field(default_factory=dict)


def compacted(kept: Sequence[bool]) -> tuple[int | None, ...]:
    """Number what is kept in order, from 0; the rest is gone."""
    found: list[int | None] = []
    count = 0
    for stays in kept:
        found.append(count if stays else None)
        count += stays
    return tuple(found)


def without(old: Map, gone: Collection[int]) -> Map:
    """A numbering in which some more are gone."""
    return compacted([new is not None and index not in gone for index, new in enumerate(old)])


def plain_types(module: Module) -> bool:
    """Whether no type names another type, so that types may be renumbered."""
    if module.recursions or module.subtypes:
        return False
    for kind in module.types:
        if not isinstance(kind, FuncType):
            return False
        if any(isinstance(t, tuple) and t[1] >= 0 for t in (*kind.params, *kind.results)):
            return False
    return True
