"""A body as bytes without its indices, and its indices: equal up to renumbering at a glance.

A compiled pattern runs over whole stretches of instructions that name nothing outside of the
body; only what names a function, type, table, global, memory or segment is looked at one by one.
Modules of thousands of functions are compared in a fraction of a second. Bodies with anything
rare have no skeleton and are compared in full.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal

from .reader import Cursor, Malformed

Kind = Literal[
    "function", "reference", "type", "table", "table changed", "global", "global set", "memory",
    "memory stored", "memory grown", "data", "element", "number",
]  # fmt: skip
"""An index space and what is done there, or a number between indices that stays."""

_U: Final = rb"[\x80-\xff]*+[\x00-\x7f]"
"""A LEB128 of either sign."""

_PLAIN: Final = (
    rb"[\x00\x01\x05\x0b\x0f\x1a\x1b\xd1\x45-\xc4]"
    rb"|[\x0c\x0d\x20-\x22\x41\x42]" + _U + rb"|[\x02-\x04][\x40-\x62\x65-\x7f]"
    rb"|\x43.{4}|\x44.{8}|\xfc[\x00-\x07]"
    rb"|\xfd(?:[\x0e-\x14\x23-\x53\x5e-\x7f]|[\x80-\xff][\x01\x02]|[\x0c\x0d].{16}|[\x15-\x22].)"
)
_ACCESS: Final = rb"|[\x28-\x3e][\x00-\x3f]" + _U
_RUNS: Final = {
    False: re.compile(rb"(?:" + _PLAIN + rb")*+", re.DOTALL),
    True: re.compile(rb"(?:" + _PLAIN + _ACCESS + rb")*+", re.DOTALL),
}
"""Whether accesses of memory 0 that do not name it count as naming nothing."""

Reference = tuple[int, Kind, int]
"""Position among the bytes that stay, kind and index."""


class Rare(Exception):
    """Something that the pattern does not know: compare in full."""


@lru_cache(maxsize=1 << 14)
def skeleton(body: bytes, implicit: bool) -> tuple[bytes, tuple[Reference, ...]] | None:
    """The bytes of a valid body without its indices, and those; ``None`` if it is rare.

    With ``implicit``, plain accesses of memory 0 are among the bytes.
    """
    try:
        return _split(body, _RUNS[implicit])
    except (Rare, Malformed):
        return None


def _split(body: bytes, runs: re.Pattern[bytes]) -> tuple[bytes, tuple[Reference, ...]]:
    cursor = Cursor(body)
    for _ in range(cursor.u()):
        cursor.u()
        if isinstance(cursor.value_type(), tuple):
            raise Rare
    parts: list[bytes] = []
    references: list[Reference] = []
    start, size, end = 0, 0, len(body)
    while True:
        found = runs.match(body, cursor.at)
        assert found is not None
        cursor.at = found.end()
        if cursor.at >= end:
            break
        op = cursor.byte()
        named = _REFERENCES.get(op)
        if named is None:
            _inside(op, cursor)
            continue
        stop = cursor.at
        indices = named(cursor)
        parts.append(body[start:stop])
        size += stop - start
        references += [(size, kind, index) for kind, index in indices]
        start = cursor.at
    parts.append(body[start:])
    return b"".join(parts), tuple(references)


Named = list[tuple[Kind, int]]


def _one(kind: Kind) -> Callable[[Cursor], Named]:
    return lambda cursor: [(kind, cursor.u())]


def _two(first: Kind, second: Kind) -> Callable[[Cursor], Named]:
    return lambda cursor: [(first, cursor.u()), (second, cursor.u())]


def _block(cursor: Cursor) -> Named:
    index = cursor.s()
    if index < 0:
        # A reference type, which may name a type.
        raise Rare
    return [("type", index)]


def _miscellaneous(cursor: Cursor) -> Named:
    sub = cursor.u()
    kinds = _BULK.get(sub)
    if kinds is None:
        raise Rare
    return [("number", sub), *((kind, cursor.u()) for kind in kinds)]


def _access(kind: Kind) -> Callable[[Cursor], Named]:
    def access(cursor: Cursor) -> Named:
        align = cursor.u()
        memory = cursor.u() if align & 0x40 else 0
        return [("number", align & 0x3F), (kind, memory), ("number", cursor.u())]

    return access


def _vector(cursor: Cursor) -> Named:
    sub = cursor.u()
    if not (sub <= 11 or sub in (92, 93) or 84 <= sub <= 91):
        raise Rare
    lane: Named = []
    accessed = _access("memory stored" if sub == 11 or 88 <= sub <= 91 else "memory")(cursor)
    if 84 <= sub <= 91:
        lane = [("number", cursor.byte())]
    return [("number", sub), *accessed, *lane]


_BULK: Final[dict[int, tuple[Kind, ...]]] = {
    8: ("data", "memory stored"), 9: ("data",), 10: ("memory stored", "memory"),
    11: ("memory stored",), 12: ("element", "table changed"), 13: ("element",),
    14: ("table changed", "table"), 15: ("table changed",), 16: ("table",),
    17: ("table changed",),
}  # fmt: skip
_REFERENCES: Final[dict[int, Callable[[Cursor], Named]]] = {
    0x02: _block, 0x03: _block, 0x04: _block, 0x10: _one("function"), 0x12: _one("function"),
    0x11: _two("type", "table"), 0x13: _two("type", "table"), 0x23: _one("global"),
    0x24: _one("global set"), 0x25: _one("table"), 0x26: _one("table changed"),
    0x3F: _one("memory"), 0x40: _one("memory grown"), 0xD2: _one("reference"),
    0xFC: _miscellaneous, 0xFD: _vector,
    **dict.fromkeys(range(0x28, 0x36), _access("memory")),
    **dict.fromkeys(range(0x36, 0x3F), _access("memory stored")),
}  # fmt: skip


def _inside(op: int, cursor: Cursor) -> None:
    """Step over an instruction that the pattern leaves and that names nothing."""
    match op:
        case 0x0E:
            for _ in range(cursor.u() + 1):
                cursor.u()
        case 0x1C:
            for _ in range(cursor.u()):
                if isinstance(cursor.value_type(), tuple):
                    raise Rare
        case 0xD0:
            if not 0x40 <= cursor.byte() < 0x80:
                raise Rare
        case _:
            raise Rare
