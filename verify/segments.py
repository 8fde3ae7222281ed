"""The parts of a module that only certificates look at: segments, start, tags, initialisers.

Read on demand from the sections that ``reader.py`` keeps, with the same reader and in the same
form: a constant expression is a tuple of instructions without its ``end``.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from .reader import (
    Cursor,
    Instruction,
    Malformed,
    Module,
    Unsupported,
    ValueType,
    decode_expression,
)

Expression = tuple[Instruction, ...]

FUNCREF: Final = 0x70

_NOWHERE: Final[Expression] = ()

Mode = Literal["active", "passive", "declarative"]


@dataclass(frozen=True, slots=True)
class Element:
    """An element segment; each item is a constant expression."""

    mode: Mode
    table: int
    offset: Expression
    type: ValueType
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """A data segment: active on ``memory`` at ``offset``, or passive."""

    active: bool
    memory: int
    offset: Expression
    content: bytes


@dataclass(frozen=True, slots=True)
class Segments:
    """What :func:`read_segments` finds; defined tables and globals by their position."""

    elements: tuple[Element, ...] = ()
    datas: tuple[Data, ...] = ()
    start: int | None = None
    tags: tuple[int, ...] = ()
    """The type of every tag, imported ones first."""
    tables: tuple[Expression | None, ...] = ()
    globals: tuple[Expression, ...] = ()
    others: tuple[int, ...] = field(default=())
    """Ids of sections that are not known."""


def read_segments(module: Module) -> Segments:
    """Read the rest of a module. Raises Malformed or Unsupported."""
    sections = {kind: payload for kind, payload in module.sections if kind != 0}
    tags = [one.type for one in module.imports if one.kind == 4]
    if 13 in sections:
        cursor = Cursor(sections[13])
        for _ in range(cursor.u()):
            cursor.byte()
            tags.append(cursor.u())
    start = Cursor(sections[8]).u() if 8 in sections else None
    return Segments(
        _elements(sections.get(9, b"\0")),
        _datas(sections.get(11, b"\0")),
        start,
        tuple(tags),
        _tables(sections.get(4, b"\0")),
        _globals(sections.get(6, b"\0")),
        tuple(kind for kind in sections if kind > 13),
    )


def _expression(cursor: Cursor) -> Expression:
    return tuple(decode_expression(cursor)[:-1])


def _elements(payload: bytes) -> tuple[Element, ...]:
    cursor = Cursor(payload)
    found = []
    for _ in range(cursor.u()):
        flags = cursor.u()
        if flags > 7:
            raise Unsupported(f"element segment with flags {flags}")
        mode: Mode = "active"
        table, offset = 0, _NOWHERE
        if flags & 1:
            mode = "declarative" if flags & 2 else "passive"
        else:
            if flags & 2:
                table = cursor.u()
            offset = _expression(cursor)
        type_: ValueType = FUNCREF
        if flags & 4:
            if flags & 3:
                type_ = cursor.value_type()
            items = tuple(_expression(cursor) for _ in range(cursor.u()))
        else:
            if flags & 3 and cursor.byte() != 0:
                raise Malformed("element kind")
            items = tuple(((0xD2, cursor.u()),) for _ in range(cursor.u()))
        found.append(Element(mode, table, offset, type_, items))
    return tuple(found)


def _datas(payload: bytes) -> tuple[Data, ...]:
    cursor = Cursor(payload)
    found = []
    for _ in range(cursor.u()):
        flags = cursor.u()
        memory = cursor.u() if flags == 2 else 0
        offset = _expression(cursor) if flags != 1 else ()
        found.append(Data(flags != 1, memory, offset, cursor.take(cursor.u())))
    return tuple(found)


def _tables(payload: bytes) -> tuple[Expression | None, ...]:
    cursor = Cursor(payload)
    found: list[Expression | None] = []
    for _ in range(cursor.u()):
        explicit = cursor.data[cursor.at : cursor.at + 2] == b"\x40\x00"
        if explicit:
            cursor.take(2)
        cursor.value_type()
        cursor.limits()
        found.append(_expression(cursor) if explicit else None)
    return tuple(found)


def _globals(payload: bytes) -> tuple[Expression, ...]:
    cursor = Cursor(payload)
    found = []
    for _ in range(cursor.u()):
        cursor.value_type()
        cursor.byte()
        found.append(_expression(cursor))
    return tuple(found)
