"""`memory.copy` and `memory.fill` of a small constant size as loads and stores.

A copy reads everything before it writes, and traps before it writes anything. So all loads stand in
front of all stores, and the first store is the one that ends where the copy ends: if any traps, it
does. Pieces are powers of two, largest first; twelve bytes are eight and four.
"""

from __future__ import annotations

from typing import Final

from ..ir.graph import Anchor, Function, ValType, Value, walk
from ..ir.rebuild import Rebuild, constant_i32
from ..lowering import effects
from ..wasm.opcodes import BY_NAME

COPY: Final = BY_NAME["memory.copy"]
FILL: Final = BY_NAME["memory.fill"]
MOST: Final = 16
"""Bytes beyond which the engine's own loop wins, in bytes of code at least."""

_I32: Final = 0x7F
_I64: Final = 0x7E
_PIECES: Final[dict[int, tuple[int, int, ValType]]] = {
    8: (BY_NAME["i64.load"], BY_NAME["i64.store"], _I64),
    4: (BY_NAME["i32.load"], BY_NAME["i32.store"], _I32),
    2: (BY_NAME["i32.load16_u"], BY_NAME["i32.store16"], _I32),
    1: (BY_NAME["i32.load8_u"], BY_NAME["i32.store8"], _I32),
}
"""Bytes to load, store and type; no alignment is promised."""
_CONST: Final = {_I32: BY_NAME["i32.const"], _I64: BY_NAME["i64.const"]}


def pieces(size: int) -> list[tuple[int, int]]:
    """Return (distance, bytes) of the pieces of a small run, in ascending order."""
    found = []
    at = 0
    for width in (8, 4, 2, 1):
        while size - at >= width:
            found.append((at, width))
            at += width
    return found


def expand_bulk(function: Function, *, most_pieces: int) -> Function:
    """Return the function with copies and fills of at most so many pieces written out.

    Itself if there is none.
    """
    found = [n for n in walk(function.body) if isinstance(n, Anchor) and _fits(n, most_pieces)]
    if not found:
        return function
    chosen = {node.id for node in found}

    def expand(node: Anchor, rebuild: Rebuild) -> bool:
        if node.id not in chosen:
            return False
        _expand(node, rebuild)
        return True

    return Rebuild(function, expand=expand).run()


def _fits(node: Anchor, most_pieces: int) -> bool:
    if node.op not in (COPY, FILL) or any(a.type != _I32 for a in node.args):
        return False
    size = constant_i32(node.args[2])
    if size is None or not 0 < size <= MOST or len(pieces(size)) > most_pieces:
        return False
    return node.op == COPY or size == 1 or constant_i32(node.args[1]) is not None


def _expand(node: Anchor, rebuild: Rebuild) -> None:
    target, second, count = (rebuild.value(arg) for arg in node.args)
    size = constant_i32(count)
    assert size is not None
    memory, source = _integer(node.imm[0]), _integer(node.imm[-1])
    spaces = rebuild.new.spaces
    values = []
    for at, width in pieces(size):
        load, _, type = _PIECES[width]
        if node.op == COPY:
            effect = effects.load(spaces, source)
            values.append(rebuild.add(load, [second], (0, at, source), (type,), effect)[0])
        else:
            values.append(_filled(second, width, rebuild))
    for (at, width), value in reversed(list(zip(pieces(size), values, strict=True))):
        store = _PIECES[width][1]
        effect = effects.store(spaces, memory)
        rebuild.add(store, [target, value], (0, at, memory), (), effect)


def _filled(byte: Value, width: int, rebuild: Rebuild) -> Value:
    """Return a value all of whose bytes are this one."""
    known = constant_i32(byte)
    if known is None:
        return byte
    bits = 8 * max(width, 4)
    pattern = int.from_bytes(bytes([known & 0xFF]) * width, "little")
    if width >= 4:
        pattern = (pattern ^ 1 << bits - 1) - (1 << bits - 1)
    type = _PIECES[width][2]
    return rebuild.new.pure(_CONST[_integer(type)], (), (pattern,), type, rebuild.block)


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value
