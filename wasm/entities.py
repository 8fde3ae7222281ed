"""What a module declares besides functions: imports, exports, memories, tables, segments."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .body import Instr
from .types import ValType

Kind: TypeAlias = Literal["func", "table", "memory", "global", "tag"]

PAGE_SIZE_LOG2 = 16
"""A page of memory has 64 KiB unless the memory says otherwise."""


@dataclass(frozen=True, slots=True)
class TableType:
    """A table of references, sizes in elements; `init` is None unless it was written."""

    type: ValType
    minimum: int
    maximum: int | None
    is64: bool
    imported: bool
    shared: bool = False
    init: tuple[Instr, ...] | None = None


@dataclass(frozen=True, slots=True)
class MemoryType:
    """A memory, sizes in pages of `1 << page_size_log2` bytes."""

    minimum: int
    maximum: int | None
    is64: bool
    shared: bool
    page_size_log2: int
    imported: bool


@dataclass(frozen=True, slots=True)
class GlobalType:
    """A global; `init` is its constant expression without `end`, None if imported."""

    type: ValType
    mutable: bool
    imported: bool
    init: tuple[Instr, ...] | None


@dataclass(frozen=True, slots=True)
class TagType:
    """An exception tag; `type` is the index of the function type whose parameters it carries."""

    type: int
    imported: bool


@dataclass(frozen=True, slots=True)
class Import:
    """An import; `desc` is the index of a function's type, or the entity of the other kinds."""

    module: str
    name: str
    kind: Kind
    desc: int | TableType | MemoryType | GlobalType | TagType


@dataclass(frozen=True, slots=True)
class Export:
    """An export of entity `index` of that kind."""

    name: str
    kind: Kind
    index: int


@dataclass(frozen=True, slots=True)
class Element:
    """An element segment at `data[start:end]`.

    `functions` are the entries as function indices, None where an entry is another expression;
    `expressions` are the entries as constant expressions, empty if written as plain indices.
    `table` and `offset` belong to active segments alone. `flags` is the binary form (0 to 7).
    """

    mode: Literal["active", "passive", "declared"]
    table: int
    offset: tuple[Instr, ...] | None
    type: ValType
    functions: list[int | None]
    expressions: list[tuple[Instr, ...]]
    flags: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Data:
    """A data segment; its bytes are `data[start:end]`."""

    mode: Literal["active", "passive"]
    memory: int
    offset: tuple[Instr, ...] | None
    start: int
    end: int
