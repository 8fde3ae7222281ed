"""Copies of eight bytes in two halves, where halves are what else is written or read there.

A record of two words is often copied as one. Then neither word is seen through the copy; as two,
they are. What is left of both in the end becomes one again (`adjacent.py`). The farther half is
stored first: it traps where the whole would.
"""

from __future__ import annotations

from typing import Final

from ..ir.graph import Anchor, Function, Value, count_uses, walk
from ..ir.rebuild import Rebuild
from ..wasm.opcodes import BY_NAME
from .available import Available
from .cells import Cells

_COPIES: Final = {
    BY_NAME["i64.load"]: BY_NAME["i64.store"],
    BY_NAME["f64.load"]: BY_NAME["f64.store"],
}
_LOAD: Final = BY_NAME["i32.load"]
_STORE: Final = BY_NAME["i32.store"]
_I32: Final = 0x7F
_HALF: Final = 4


def split_copies(function: Function, cells: Cells, available: Available) -> Function:
    """Return the function with such copies in halves, itself if there are none."""
    del available
    stores = {
        node.args[1].anchor.id: node
        for node in walk(function.body)
        if isinstance(node, Anchor)
        and node.op in _COPIES.values()
        and node.args[1].anchor is not None
        and _COPIES.get(node.args[1].anchor.op) == node.op
    }
    if not stores:
        return function
    uses = count_uses(function)
    loads = {
        node.id: stores[node.id]
        for node in walk(function.body)
        if isinstance(node, Anchor)
        and node.id in stores
        and uses[node.results[0].id] == 1
        and (_halved(cells, node) or _halved(cells, stores[node.id]))
    }
    if not loads:
        return function
    sources = {store.id: load for load, store in loads.items()}
    halves: dict[int, list[Value]] = {}

    def expand(node: Anchor, rebuild: Rebuild) -> bool:
        if node.id in loads:
            halves[node.id] = [
                rebuild.add(
                    _LOAD, [rebuild.value(node.args[0])], _at(node, ahead), (_I32,), node.effect
                )[0]
                for ahead in (0, _HALF)
            ]
            return True
        if node.id not in sources:
            return False
        low, high = halves[sources[node.id]]
        address = rebuild.value(node.args[0])
        for value, ahead in ((high, _HALF), (low, 0)):
            rebuild.add(_STORE, [address, value], _at(node, ahead), (), node.effect)
        return True

    return Rebuild(function, expand=expand).run()


def _halved(cells: Cells, node: Anchor) -> bool:
    """Whether something accesses a half of the eight bytes."""
    whole = cells.access[node.id].cell
    _, _, at, _ = cells.keys[whole]
    inside = cells.inside(whole)
    return any(
        size == _HALF and inside >> number & 1 and there - at in (0, _HALF)
        for number, (_, _, there, size) in enumerate(cells.keys)
    )


def _at(node: Anchor, ahead: int) -> tuple[int, int, int]:
    """Return the immediates of an access so many bytes behind; no alignment is promised."""
    _, offset, memory = node.imm
    assert isinstance(offset, int)
    assert isinstance(memory, int)
    return 0, offset + ahead, memory
