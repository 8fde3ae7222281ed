"""Loops that test at their head, written so that they test at their end: the same run.

``loop T br_if out B br loop end`` executes the same instructions in the same order as
``T br_if out loop B T br_if out br loop end``: T before every round. A body is compared in this
form where another one tests behind each round and nothing else was proven; T is straight code.
"""

from collections.abc import Sequence
from typing import Final

from .opcodes import LOADS, NUMERIC
from .reader import Instruction

BLOCK, LOOP, IF, END, BR, BR_IF, BR_TABLE = 2, 3, 4, 0x0B, 0x0C, 0x0D, 0x0E
PLAIN: Final = frozenset(
    (
        *range(6),
        *range(0x0B, 0x12),
        0x1A,
        0x1B,
        0x1C,
        *range(0x20, 0x27),
        *range(0x28, 0xC5),
        0xD0,
        0xD1,
        0xD2,
    )
)
"""Instructions below 0x100 of which it is known whether they branch or open a label: none of
exceptions."""

MAX_TEST: Final = 40
"""Instructions of a test that is written twice."""


def rotatable(code: Sequence[Instruction]) -> dict[int, tuple[int, int, int]]:
    """Loops that can be rotated, by pre-order ordinal: positions of start, ``br_if`` and end."""
    found: dict[int, tuple[int, int, int]] = {}
    if any(instruction[0] < 0x100 and instruction[0] not in PLAIN for instruction in code):
        return found
    opened: list[tuple[int, int]] = []
    again: list[int] = []
    ordinal = 0
    for position, instruction in enumerate(code):
        op = instruction[0]
        if op in (BLOCK, LOOP, IF):
            opened.append((position, ordinal if op == LOOP else -1))
            again.append(0)
            ordinal += op == LOOP
        elif op == END and opened:
            start, number = opened.pop()
            rounds = again.pop()
            if number >= 0 and rounds == 1 and code[position - 1] == (BR, 0):
                test = _test_end(code, start)
                if test is not None and test < position - 1:
                    found[number] = start, test, position
        else:
            for depth in _targets(instruction):
                if depth < len(again):
                    again[-1 - depth] += 1
    return found


def rotated(
    code: Sequence[Instruction], loops: Sequence[tuple[int, int, int]]
) -> list[Instruction]:
    """The code with these loops rotated."""
    starts = {start: (test, end) for start, test, end in loops}
    ends = {end: (start, test) for start, test, end in loops}
    result: list[Instruction] = []
    position = 0
    while position < len(code):
        if position in starts:
            test, _ = starts[position]
            result += code[position + 1 : test]
            result += [(BR_IF, code[test][1] - 1), code[position]]
            position = test + 1
        elif position + 1 in ends:
            start, test = ends[position + 1]
            result += [*code[start + 1 : test + 1], code[position]]
            position += 1
        else:
            result.append(code[position])
            position += 1
    return result


def _test_end(code: Sequence[Instruction], start: int) -> int | None:
    """The ``br_if`` that leaves a loop behind straight code which leaves nothing on the stack."""
    if code[start][1] is not None:
        return None
    height = 0
    for position in range(start + 1, min(start + 2 + MAX_TEST, len(code))):
        instruction = code[position]
        if instruction[0] == BR_IF:
            return position if height == 1 and instruction[1] >= 1 else None
        shape = _shape(instruction)
        if shape is None or height < shape[0]:
            return None
        height += shape[1] - shape[0]
    return None


def _shape(instruction: Instruction) -> tuple[int, int] | None:
    """Operands and results of an instruction of straight code."""
    op = instruction[0]
    if op in (0x20, 0x23) or 0x41 <= op <= 0x44:
        return 0, 1
    if op == 0x21:
        return 1, 0
    if op == 0x22 or op in LOADS:
        return 1, 1
    if op == 0x1B:
        return 3, 1
    if op == 0x1A:
        return 1, 0
    if op in NUMERIC:
        return NUMERIC[op][1], 1
    return None


def _targets(instruction: Instruction) -> Sequence[int]:
    """Label depths that an instruction may branch to."""
    op = instruction[0]
    if op in (BR, BR_IF):
        return (instruction[1],)
    if op == BR_TABLE:
        return (*instruction[1], instruction[2])
    return ()
