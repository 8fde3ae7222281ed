"""Cells of memory at a loop's head: what a variable kept in memory became, and what a loop leaves.

A local of the new body may stand for bytes that the original loads again and again. The relation
``local == load(memory, address)`` is an induction hypothesis like any other (``relation.py``),
provided that the address is one and the same in every turn of the loop: it must be made of symbols
that are fixed while the loop runs.
"""

from collections.abc import Iterator
from typing import Any, Final

from .joins import Loop
from .space import Space
from .symbolic import Execution

FIXED: Final = frozenset(("local", "world", "global", "memory", "pages", "table", "null"))
"""Kinds of symbols that denote the state on entry of the function."""

MAX_NODES: Final = 200
"""Nodes of an address that are looked at: longer ones are not tried."""

MAX_KEPT: Final = 32
"""Cells of one loop that are shown to stay as they are: each is a store that loads look through."""

Cell = tuple[int, int, int]
"""Slot, address and number of bytes."""


def cell_locations(
    space: Space, original: Execution, loop: Loop, hint: tuple[Any, ...], own: int
) -> Iterator[tuple[Any, ...]]:
    """Locations ``("load", slot, address, bytes)`` whose content on entry of the loop is ``own``.

    ``hint`` is ``("cell", memory, distance, bytes)``; of addresses only the constant part is known.
    """
    match hint:
        case ("cell", int(memory), int(at), int(count)) if memory in space.contents:
            slot = space.contents[memory]
        case _:
            return
    for address in list(space.memory.accessed.get((at, count), ())):
        if not is_fixed(space, original, loop, address):
            continue
        there = space.memory.load(loop.entry.slots[slot], address, count)
        constrain, condition = space.terms.constrain, loop.entry.condition
        if constrain(there, condition) == constrain(own, condition):
            yield ("load", slot, address, count)


def kept_cells(space: Space, run: Execution, loop: Loop) -> Iterator[Cell]:
    """Cells that the run loads somewhere and that a turn of the loop leaves as they are."""
    memory, constrain = space.memory, space.terms.constrain
    back, head = loop.back, loop.head
    if back is None:
        return
    changed = [s for s in space.contents.values() if head.slots[s] != loop.entry.slots[s]]
    loaded = [(a, c) for (_, c), found in memory.accessed.items() for a in found if found[a]]
    for address, count in loaded if changed else ():
        if not is_fixed(space, run, loop, address):
            continue
        for slot in changed:
            before = memory.load(head.slots[slot], address, count)
            after = memory.load(back.slots[slot], address, count)
            if before == after or constrain(before, back.condition) == constrain(
                after, back.condition
            ):
                yield slot, address, count


def is_fixed(space: Space, original: Execution, loop: Loop, term: int) -> bool:
    """Whether a term of the original has one value while the loop runs.

    Symbols of heads that were reached before are those of enclosing loops or of loops that have
    ended; the loop's own symbols, and those of loops inside or behind it, differ from turn to turn.
    """
    before = set()
    for other in original.loops:
        if other is loop:
            break
        before.add(other.ordinal)
    nodes = space.terms.nodes
    seen, work = {term}, [term]
    while work:
        if len(seen) > MAX_NODES:
            return False
        node = nodes[work.pop()]
        if node[0] == "v":
            name = node[1]
            if name[0] not in FIXED and not (name[0] == "head" and name[1] in before):
                return False
            continue
        for child in node[2:]:
            if child not in seen:
                seen.add(child)
                work.append(child)
    return True
