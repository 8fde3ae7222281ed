"""Liveness of locals over structured stack code, as bit sets (Python integers).

The code is cut into straight pieces once; the backward fixpoint runs over pieces, one pass more
than the deepest loop nest needs, and only a final pass looks at single instructions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from .types import Instr

GET, SET, TEE = 0x20, 0x21, 0x22
_BLOCK, _LOOP, _IF, _ELSE, _END = 0x02, 0x03, 0x04, 0x05, 0x0B
_BR, _BR_IF, _BR_TABLE = 0x0C, 0x0D, 0x0E
_LEAVING = frozenset({0x00, 0x0F, 0x12, 0x13, 0x15, 0x08, 0x0A})
"""`unreachable`, `return`, tail calls, throws: no local is live behind them."""
CONTROL = frozenset({_BLOCK, _LOOP, _IF, _ELSE, _END, _BR, _BR_IF, _BR_TABLE}) | _LEAVING

_NOTED = CONTROL | {GET, SET, TEE}


class Liveness:
    """Which locals are live behind each `local.set` and `local.tee` of `code`.

    `code` has no final `end`; `entry` is the set that is live at the start. With the number of
    `locals`, it also finds the natural loops around each piece of code: what may go round again is
    what a branch to the loop is live in.
    """

    __slots__ = ("_at", "_code", "_inside", "_locals", "_opener", "_pieces", "entry")

    def __init__(self, code: list[Instr], locals: int | None = None) -> None:
        """Solve the equations."""
        self._code = code
        self._locals = locals
        self._pieces = _cut(code)
        heads: dict[int, int] = {}
        self._opener = _openers(code, self._pieces)
        marks: dict[int, int] = {}
        if locals is not None:
            for kind, name in self._opener.values():
                if kind == _LOOP:
                    marks[name] = 1 << (locals + len(marks))
        while True:
            self._at, self.entry, changed = _pass(code, self._pieces, self._opener, heads, marks)
            if not changed:
                break
        self._mark(marks)

    def _mark(self, marks: dict[int, int]) -> None:
        """Take the marks of loops out of the sets, after noting those around each piece."""
        self._inside = [(0, 0)] * len(self._pieces)
        if not marks:
            return
        count = self._locals or 0
        mask = (1 << count) - 1
        self.entry &= mask
        around = [0]
        for k, (_, end, _, _) in enumerate(self._pieces):
            live = self._at[k]
            self._inside[k] = (live & around[-1]) >> count, around[-1] >> count
            self._at[k] = live & mask
            if end == len(self._code):
                break
            instr = self._code[end]
            op = instr[0]
            if op == _LOOP:
                around.append(around[-1] | marks[id(instr[1])])
            elif op in (_BLOCK, _IF):
                around.append(around[-1])
            elif op == _END:
                around.pop()

    def loops(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield start and end of each straight piece, the set of natural loops that repeat it, and
        the set of `loop` constructs that it stands in."""
        for (start, end, _, _), (inside, around) in zip(self._pieces, self._inside, strict=True):
            yield start, end, inside, around

    def writes(self) -> Iterator[tuple[int, int]]:
        """Yield (position, set of locals live behind it) of every write, last first."""
        code = self._code
        for k in range(len(self._pieces) - 1, -1, -1):
            start, end, _, _ = self._pieces[k]
            live = self._at[k]
            for position in range(end - 1, start - 1, -1):
                instr = code[position]
                op = instr[0]
                if op == GET:
                    live |= 1 << instr[1]
                elif op in (SET, TEE):
                    yield position, live
                    live &= ~(1 << instr[1])


Piece: TypeAlias = "tuple[int, int, int, int]"
"""First position, position behind the last, locals read before written, locals written.

A piece ends before a control instruction, which the next piece boundary stands for."""


def _cut(code: list[Instr]) -> list[Piece]:
    pieces: list[Piece] = []
    start = 0
    used = killed = 0
    for position, instr in enumerate(code):
        op = instr[0]
        if op not in _NOTED:
            continue
        if op == GET:
            bit = 1 << instr[1]
            if not killed & bit:
                used |= bit
        elif op in CONTROL:
            pieces.append((start, position, used, killed))
            start = position + 1
            used = killed = 0
        else:
            killed |= 1 << instr[1]
    pieces.append((start, len(code), used, killed))
    return pieces


def _pass(
    code: list[Instr],
    pieces: list[Piece],
    opener: dict[int, tuple[int, int]],
    heads: dict[int, int],
    marks: dict[int, int],
) -> tuple[list[int], int, bool]:
    """Walk backwards once. `heads` maps a loop's label to what is live at its head so far.

    `marks` are bits that stand for the branches to a loop's label.
    """
    at = [0] * len(pieces)
    target: dict[int, int] = {}
    # Per open construct: what is live behind it, and for an `if` at the start of its else arm.
    behind: list[int] = []
    orelse: list[int | None] = []
    live = 0
    changed = False
    for k in range(len(pieces) - 1, -1, -1):
        _start, end, used, killed = pieces[k]
        if end < len(code):
            instr = code[end]
            op = instr[0]
            if op == _END:
                kind, name = opener[k]
                behind.append(live)
                orelse.append(None)
                target[name] = heads.get(name, 0) | marks.get(name, 0) if kind == _LOOP else live
            elif op == _ELSE:
                orelse[-1] = live
                live = behind[-1]
            elif op in (_BLOCK, _LOOP, _IF):
                rest = behind.pop()
                arm = orelse.pop()
                if op == _LOOP:
                    name = id(instr[1])
                    known = heads.get(name, 0)
                    if live | known != known:
                        heads[name] = live | known
                        changed = True
                elif op == _IF:
                    live |= rest if arm is None else arm
            elif op == _BR:
                live = target[id(instr[1])]
            elif op == _BR_IF:
                live |= target[id(instr[1])]
            elif op == _BR_TABLE:
                live = target[id(instr[2])]
                for label_ in instr[1]:
                    live |= target[id(label_)]
            else:
                live = 0
        at[k] = live
        live = (live & ~killed) | used
    return at, live, changed


def _openers(code: list[Instr], pieces: list[Piece]) -> dict[int, tuple[int, int]]:
    """Return for each piece that stops at an `end`: opcode and label identity of its opener."""
    found: dict[int, tuple[int, int]] = {}
    open_: list[tuple[int, int]] = []
    for k, (_, end, _, _) in enumerate(pieces):
        if end == len(code):
            break
        instr = code[end]
        op = instr[0]
        if op in (_BLOCK, _LOOP, _IF):
            assert isinstance(op, int)
            open_.append((op, id(instr[1])))
        elif op == _END:
            found[k] = open_.pop()
    return found
