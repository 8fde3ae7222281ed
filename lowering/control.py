"""What the last steps of emission know of control instructions, before labels become depths.

`code` has no final `end`; constructs are `(0x02, label, type or None)`, branches `(0x0C, label)`
and `(0x0E, (labels...), default label)`.
"""

from __future__ import annotations

from ..ir.graph import Label, ValType
from .types import Instr

UNREACHABLE, BLOCK, LOOP, IF, ELSE, END = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0B
BR, BR_IF, BR_TABLE, RETURN = 0x0C, 0x0D, 0x0E, 0x0F
EQZ, DROP = 0x45, 0x1A

LEAVING = frozenset({UNREACHABLE, BR, BR_TABLE, RETURN, 0x12, 0x13, 0x15, 0x08, 0x0A})
"""Instructions behind which control does not go on."""

OUTER = Label(-1, "function")
"""The label of the function itself."""


def match(code: list[Instr]) -> tuple[dict[int, int], dict[int, int]]:
    """Return end position -> opener position, and opener -> position of its `else`."""
    ends: dict[int, int] = {}
    elses: dict[int, int] = {}
    open_: list[int] = []
    for position, instr in enumerate(code):
        op = instr[0]
        if op in (BLOCK, LOOP, IF):
            open_.append(position)
        elif op == ELSE:
            elses[open_[-1]] = position
        elif op == END:
            ends[position] = open_.pop()
    return ends, elses


def fits(type: object, results: tuple[ValType, ...]) -> bool:
    """Tell whether a construct of this type gives the results of the function."""
    return not results if type is None else results == (type,)


def ways_on(code: list[Instr], results: tuple[ValType, ...]) -> dict[int, Label]:
    """Return for the identity of each label that only leads on where: to which other label.

    Behind the end of its construct lies a branch, or the end of another construct, which takes
    nothing but what arrives at the label.
    """
    ends, elses = match(code)
    found: dict[int, Label] = {}
    types = {id(code[start][1]): code[start][2] for start in ends.values()}
    types |= {id(code[start][1]): None for start in ends.values() if code[start][0] == LOOP}
    constructs = ends | {position: start for start, position in elses.items()}
    # Where a label leads to is known when others lead to it: that lies further on.
    for end in sorted(ends, reverse=True):
        kind, label, type = code[ends[end]]
        if kind == LOOP:
            continue
        target = _behind(code, end + 1, type, constructs, results)
        if target is not None and (
            fits(type, results) if target is OUTER else types[id(target)] == type
        ):
            found[id(label)] = found.get(id(target), target)
    return found


def _behind(
    code: list[Instr],
    position: int,
    type: object,
    constructs: dict[int, int],
    results: tuple[ValType, ...],
) -> Label | None:
    """Return the label to which control goes from a position without doing anything."""
    while position < len(code):
        instr = code[position]
        if instr[0] in (END, ELSE):
            opener = code[constructs[position]]
            if opener[0] != LOOP:
                label = opener[1]
                assert isinstance(label, Label)
                return label
            if opener[2] != type:
                return None
            position += 1
            continue
        if instr[0] == BR:
            label = instr[1]
            assert isinstance(label, Label)
            return label
        return OUTER if instr[0] == RETURN else None
    return OUTER
