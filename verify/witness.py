"""A witness for one function: both bodies in a harness that exports the function and its state.

A difference found there is real for the function, although a private function of a module may
never be called with such inputs. Memories and mutable globals are exported as well, as a later
call may see them.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from .differential import Difference, explore
from .frame import NAMES
from .machine import Value
from .reader import Cursor, Malformed, Module, Unsupported, ValueType, read_body, read_module

TARGET: Final = "eqsat:function"
"""The name under which the harness exports the function."""

CALLS: Final = 400
"""Calls of one search."""

MAX_VALUES: Final = 96
"""Constants of the bodies that arguments are chosen from."""

ORDER: Final = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11]
"""Section ids in the order in which they stand."""

NewTypes = Sequence[tuple[Sequence[ValueType], Sequence[ValueType]]]


def find_witness(
    original: bytes,
    index: int,
    body: bytes,
    new_types: NewTypes = (),
    *,
    seconds: float,
    seed: int,
    first: Sequence[tuple[Value, ...]] = (),
    limit: int = CALLS,
) -> Difference | None:
    """Calls of function ``index`` for which ``body`` differs from its own, or ``None``.

    ``first`` are arguments to try before generated ones, ``limit`` is the number of calls.
    """
    module = read_module(original)
    a = harness(module, index, None, ())
    b = harness(module, index, body, new_types)
    calls = [(TARGET, arguments) for arguments in first]
    values = constants([module.bodies[index - module.imported_functions], body])
    return explore(
        a, b, seconds=seconds, seed=seed, calls=limit, first=calls, only=TARGET, values=values
    ).difference


def constants(bodies: Iterable[bytes]) -> list[int]:
    """Integers on either side of which bodies may behave differently: their constants, and next."""
    found: set[int] = set()
    for body in bodies:
        try:
            code = read_body(body)[1]
        except (Malformed, Unsupported):
            continue
        found |= {one[1] + near for one in code if one[0] in (0x41, 0x42) for near in (-1, 0, 1)}
    return sorted(found)[:MAX_VALUES]


def harness(module: Module, index: int, body: bytes | None, new_types: NewTypes) -> bytes:
    """The module with more exports and types and, if given, another body of function ``index``."""
    sections = {kind: payload for kind, payload in module.sections if kind != 0}
    assert set(sections) <= set(NAMES)
    entries = [(TARGET, 0, index)]
    entries += [(f"eqsat:memory{i}", 2, i) for i in range(len(module.memories))]
    entries += [(f"eqsat:global{i}", 3, i) for i, g in enumerate(module.globals) if g.mutable]
    sections[7] = _append(sections.get(7, b"\0"), [_export(*e) for e in entries])
    if new_types:
        sections[1] = _append(sections.get(1, b"\0"), [_type(*t) for t in new_types])
    if body is not None:
        bodies = list(module.bodies)
        bodies[index - module.imported_functions] = body
        sections[10] = _unsigned(len(bodies)) + b"".join(_sized(each) for each in bodies)
    parts = [bytes([kind]) + _sized(sections[kind]) for kind in ORDER if kind in sections]
    return b"\0asm\1\0\0\0" + b"".join(parts)


def _append(vector: bytes, entries: list[bytes]) -> bytes:
    cursor = Cursor(vector)
    count = cursor.u()
    return _unsigned(count + len(entries)) + vector[cursor.at :] + b"".join(entries)


def _export(name: str, kind: int, index: int) -> bytes:
    return _sized(name.encode()) + bytes([kind]) + _unsigned(index)


def _type(params: Sequence[ValueType], results: Sequence[ValueType]) -> bytes:
    lists = [_unsigned(len(ts)) + b"".join(map(_value_type, ts)) for ts in (params, results)]
    return b"\x60" + b"".join(lists)


def _value_type(type_: ValueType) -> bytes:
    return bytes([type_]) if isinstance(type_, int) else bytes([type_[0]]) + _signed(type_[1])


def _sized(data: bytes) -> bytes:
    return _unsigned(len(data)) + data


def _unsigned(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed(value: int) -> bytes:
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)
