"""One pass over a body before its symbolic execution: nesting, and what each loop may change."""

from dataclasses import dataclass, field
from typing import Final

from .opcodes import LANE_STORES, STORES
from .reader import Instruction

MAX_NESTING: Final = 5_000
"""Nested blocks: deeper bodies are left alone (unknown) to bound the work per branch."""

CALLS: Final = frozenset((0x10, 0x11, 0x12, 0x13))
"""call, call_indirect and their tail-calling forms."""


@dataclass(slots=True)
class Effects:
    """What a stretch of code may change or mentions, as index sets."""

    locals: set[int] = field(default_factory=set)
    globals: set[int] = field(default_factory=set)
    memories: set[int] = field(default_factory=set)
    grown: set[int] = field(default_factory=set)
    tables: set[int] = field(default_factory=set)
    events: bool = False

    def add(self, other: "Effects") -> None:
        """Take in another stretch."""
        self.locals |= other.locals
        self.globals |= other.globals
        self.memories |= other.memories
        self.grown |= other.grown
        self.tables |= other.tables
        self.events = self.events or other.events


@dataclass(slots=True)
class Scan:
    """The facts of one body, by instruction index."""

    ends: dict[int, int] = field(default_factory=dict)
    elses: dict[int, int] = field(default_factory=dict)
    loops: dict[int, tuple[int, Effects]] = field(default_factory=dict)
    """Loop to its pre-order ordinal and effects; loops nobody branches to are missing."""
    read_globals: set[int] = field(default_factory=set)
    read_memories: set[int] = field(default_factory=set)
    sized: set[int] = field(default_factory=set)
    read_tables: set[int] = field(default_factory=set)
    called: set[int] = field(default_factory=set)
    effects: Effects = field(default_factory=Effects)


class TooDeep(Exception):
    """Blocks are nested beyond MAX_NESTING."""


def scan(code: list[Instruction]) -> Scan:
    """Match blocks with their ends and collect effects. The code is assumed to be valid."""
    result = Scan()
    opened: list[int] = [-1]
    effects: list[Effects] = [result.effects]
    targeted: list[bool] = [False]
    ordinal = -1
    loops: list[tuple[int, Effects] | None] = [None]
    for i, instruction in enumerate(code):
        op = instruction[0]
        if op == 0x20:
            continue
        if op == 0x21 or op == 0x22:
            effects[-1].locals.add(instruction[1])
        elif op == 0x02 or op == 0x03 or op == 0x04:
            if len(opened) > MAX_NESTING:
                raise TooDeep(f"more than {MAX_NESTING} nested blocks")
            opened.append(i)
            targeted.append(False)
            if op == 0x03:
                ordinal += 1
                own = Effects()
                effects.append(own)
                loops.append((ordinal, own))
            else:
                loops.append(None)
        elif op == 0x0B:
            start = opened.pop()
            hit, loop = targeted.pop(), loops.pop()
            result.ends[start] = i
            if loop is not None:
                own = effects.pop()
                effects[-1].add(own)
                if hit:
                    result.loops[start] = loop
        elif op == 0x05:
            result.elses[opened[-1]] = i
        elif op == 0x0C or op == 0x0D:
            targeted[-1 - instruction[1]] = True
        elif op == 0x0E:
            for label in (*instruction[1], instruction[2]):
                targeted[-1 - label] = True
        elif 0x28 <= op <= 0x35:
            result.read_memories.add(instruction[3])
        elif op in _NOTED:
            _note(instruction, effects[-1], result)
    return result


_NOTED: Final = frozenset(
    [
        *STORES,
        *CALLS,
        0x23,
        0x24,
        0x25,
        0x26,
        0x3F,
        0x40,
        *range(0xFC0008, 0xFC0012),
        *range(0xFD0000, 0xFD000C),
        *range(0xFD0054, 0xFD005E),
    ]
)


def _note(instruction: Instruction, effects: Effects, result: Scan) -> None:
    op = instruction[0]
    if op in STORES or op in LANE_STORES:
        effects.memories.add(instruction[3])
    elif op in CALLS:
        effects.events = True
        if op in (0x11, 0x13):
            result.read_tables.add(instruction[2])
        else:
            result.called.add(instruction[1])
    else:
        match op:
            case 0x23:
                result.read_globals.add(instruction[1])
            case 0x24:
                effects.globals.add(instruction[1])
            case 0x25 | 0xFC0010:
                result.read_tables.add(instruction[1])
            case 0x26 | 0xFC000F | 0xFC0011:
                effects.tables.add(instruction[1])
            case 0x3F:
                result.sized.add(instruction[1])
            case 0x40:
                effects.grown.add(instruction[1])
            case 0xFC0008:
                effects.memories.add(instruction[2])
            case 0xFC000A:
                effects.memories.add(instruction[1])
                result.read_memories.add(instruction[2])
            case 0xFC000B:
                effects.memories.add(instruction[1])
            case 0xFC000C:
                effects.tables.add(instruction[2])
            case 0xFC000E:
                effects.tables.add(instruction[1])
                result.read_tables.add(instruction[2])
            case 0xFC0009 | 0xFC000D:
                effects.events = True
            case _:
                result.read_memories.add(instruction[3])
