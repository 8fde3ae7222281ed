"""One regular expression, made from the opcode table, that matches one instruction in bytes.

It is a fast way to cut a body into instructions, not a check: what it cuts is read again (once
for each different instruction) by the readers of `immediates.py`, and what it cannot cut is left
to them.
"""

import re
from collections.abc import Iterable
from typing import Final

from .opcodes import ROWS

LONGEST_TABLE: Final = 31
"""Branch tables up to this many labels are matched here: more cost more at start than they gain."""

_LEB = rb"[\x80-\xff]{0,4}[\x00-\x7f]"
_LEB64 = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
_TYPE = rb"(?:[\x63\x64]" + _LEB + rb"|[\x00-\x7f])"
_TABLES = b"|".join(
    rb"\x%02x(?:%s){%d}" % (count, _LEB, count + 1) for count in range(LONGEST_TABLE + 1)
)

_FRAGMENTS: Final = {
    "i32": _LEB,
    "i64": _LEB64,
    "f32": rb"[\x00-\xff]{4}",
    "f64": rb"[\x00-\xff]{8}",
    "v128": rb"[\x00-\xff]{16}",
    "blocktype": rb"(?:[\x63\x64]" + _LEB + rb"|" + _LEB + rb")",
    "labels": rb"(?:" + _TABLES + rb")",
    "memarg": rb"(?:[\x00-\x3f]|[\x40-\x7f]" + _LEB + rb")" + _LEB64,
    "lane": rb"[\x00-\xff]",
    "lanes": rb"[\x00-\xff]{16}",
    "types": rb"\x01" + _TYPE,
    "cast": rb"[\x00-\xff]" + _LEB * 3,
    "catches": rb"(?:\x00|\x01(?:[\x00\x01]" + _LEB * 2 + rb"|[\x02\x03]" + _LEB + rb"))",
    "zero": rb"\x00",
}
"""Immediate kinds that are not one 32-bit LEB."""


def _one_of(codes: Iterable[int]) -> bytes:
    return b"[" + b"".join(rb"\x%02x" % code for code in codes) + b"]"


def _expression() -> bytes:
    """Alternatives by the bytes before the last opcode byte, then by the shape of immediates."""
    by_head: dict[bytes, dict[bytes, list[int]]] = {}
    for row in ROWS:
        shape = b"".join(_FRAGMENTS.get(kind, _LEB) for kind in row.immediates)
        head, tail, last = b"", b"", row.code
        if row.code >= 0x100:
            head, last = rb"\x%02x" % (row.code >> 16), row.code & 0xFFFF
            if last >= 0x80:
                last, tail = last & 0x7F | 0x80, rb"\x%02x" % (last >> 7)
        by_head.setdefault(head, {}).setdefault(tail + shape, []).append(last)
    alternatives = [
        head + b"(?:" + b"|".join(_one_of(codes) + rest for rest, codes in shapes.items()) + b")"
        for head, shapes in by_head.items()
    ]
    return b"|".join(alternatives)


INSTRUCTION: Final = re.compile(_expression())
"""Matches one whole instruction."""
