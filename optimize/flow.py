"""The control flow of a body, with what each piece costs: what costs are measured and compared on.

Made from bytes alone, so that original and candidate are seen in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from ..wasm.body import Instr, decode_body
from ..wasm.opcodes import BY_NAME, OPCODES

__all__ = ["GO", "LEAVE", "SWITCH", "TEST", "TRAP", "Flow", "Piece", "flow", "slow_cycles"]

BLOCK, LOOP, IF, ELSE, END = 0x02, 0x03, 0x04, 0x05, 0x0B
BR, BR_IF, BR_TABLE, RETURN, UNREACHABLE = 0x0C, 0x0D, 0x0E, 0x0F, 0x00
EQZ, GET, TEE = 0x45, 0x20, 0x22
I64_EQZ = 0x50

FREE = frozenset((UNREACHABLE, 0x01, BLOCK, LOOP, ELSE, END, RETURN, 0x1A))
"""unreachable, nop, block, loop, else, end, return, drop: wasmtime charges nothing for them."""

BULK = frozenset(BY_NAME[f"memory.{name}"] for name in ("copy", "fill", "init"))
"""wasmtime charges one more for each byte of these."""

OPENERS = frozenset((BLOCK, LOOP, IF, 0x06, 0x1F))
"""Also `try` and `try_table`: their handlers are left out, nothing says how often they run."""

TEST_AND_BRANCH = frozenset(
    BY_NAME[name]
    for name in ("br_on_null", "br_on_non_null", "br_on_cast", "br_on_cast_fail")
    if name in BY_NAME
)

LEAVING = frozenset(
    BY_NAME[name]
    for name in ("return_call", "return_call_indirect", "return_call_ref", "throw", "throw_ref")
    if name in BY_NAME
)

SLOW = 3
"""Cycles of latency from which an instruction counts as slow: multiplications, loads, divisions."""

GO, TEST, SWITCH, LEAVE = range(4)
"""How a piece ends: goes on elsewhere, tests a condition, a `br_table`, leaves the function."""

TRAP = UNREACHABLE
"""The code of leaving by `unreachable`."""

Condition: TypeAlias = "tuple[int, bool]"
"""What is asked: comparison (one of each pair of opposites), and whether it is asked as such."""


@dataclass(slots=True)
class Piece:
    """A straight piece of code.

    Attributes:
        cost: price of its instructions, the one that ends it included.
        slow: cycles of latency of the slow ones among them.
        end: `GO`, `TEST`, `SWITCH` or `LEAVE`.
        targets: the next pieces: of a test the one where it holds, then the other; of a switch
            one for each entry, the default last.
        asks: for a test the condition.
        inner: for a test the target that the test guards, as opposed to the way around it; None
            where both ways are alike.
        code: for `LEAVE` the opcode that leaves.
        effects: opcodes of the stores and calls in it.
    """

    cost: float = 0.0
    slow: float = 0.0
    end: int = GO
    targets: tuple[int, ...] = ()
    asks: Condition = (0, True)
    inner: int | None = None
    code: int = RETURN
    effects: tuple[int, ...] = ()


@dataclass(slots=True)
class Flow:
    """Pieces by number, and the numbers of those that can be reached, in program order."""

    pieces: list[Piece]
    order: list[int]
    _depth: list[int] | None = field(default=None)

    def depth(self) -> list[int]:
        """Return for each piece how many natural loops it lies in."""
        if self._depth is None:
            self._depth = _depths(self)
        return self._depth


@dataclass(slots=True)
class _Frame:
    """An open construct: where its label leads, where an `else` starts, where it ends."""

    opcode: int
    label: int
    behind: int
    orelse: int | None = None


def flow(body: bytes, costs: Mapping[int, float] | None = None) -> Flow:
    """Return the control flow of a body (without its size field).

    `costs` gives the price by opcode number where it is not wasmtime's fuel: 1 each, but nothing
    for what only gives structure.
    """
    return _Reader({} if costs is None else costs).read(decode_body(body, 0, len(body)).instrs)


def _length(instrs: list[Instr], position: int) -> int:
    """Return the length of the bulk operation at a position, 0 where it is not a constant."""
    before = instrs[position - 1]
    return before[1] & 0xFFFF_FFFF if before[0] == 0x41 else 0


class _Reader:
    """The state of reading one body."""

    def __init__(self, costs: Mapping[int, float]) -> None:
        self.costs = costs
        self.slow = slow_cycles()
        self.pieces: list[Piece] = [Piece()]
        self.order = [0]
        self.here: Piece | None = self.pieces[0]
        self.frames: list[_Frame] = []
        self.reached = {0}

    def new(self) -> int:
        self.pieces.append(Piece())
        return len(self.pieces) - 1

    def read(self, instrs: list[Instr]) -> Flow:
        end = self.new()
        self.pieces[end].end = LEAVE
        self.frames.append(_Frame(BLOCK, end, end))
        skipped = 0
        costs, slow, effects = self.costs, self.slow, _effects()
        for position, instr in enumerate(instrs):
            opcode = instr[0]
            here = self.here
            if here is None:
                # Nothing reaches this; only the structure is followed.
                if opcode in OPENERS:
                    skipped += 1
                elif skipped:
                    skipped -= opcode == END
                elif opcode in (ELSE, END):
                    self.structure(opcode)
                continue
            if opcode not in FREE:
                here.cost += costs.get(opcode, 1.0)
                if opcode in BULK:
                    here.cost += _length(instrs, position)
                if opcode in slow:
                    here.slow += slow[opcode]
                if opcode in effects:
                    here.effects += (opcode,)
            if opcode in _CONTROL:
                if opcode in (BLOCK, LOOP, ELSE, END, 0x06, 0x1F):
                    self.structure(opcode)
                else:
                    self.branch(instr, instrs, position)
        return Flow(self.pieces, self.order)

    def start(self, number: int) -> None:
        """Go on with a piece."""
        self.order.append(number)
        self.here = self.pieces[number]

    def close(self, end: int, targets: tuple[int, ...]) -> None:
        """End the current piece."""
        assert self.here is not None
        self.here.end = end
        self.here.targets = targets
        self.reached.update(targets)
        self.here = None

    def structure(self, opcode: int) -> None:
        if opcode == LOOP:
            head = self.new()
            self.close(GO, (head,))
            self.frames.append(_Frame(LOOP, head, self.new()))
            self.start(head)
        elif opcode == ELSE:
            frame = self.frames[-1]
            if self.here is not None:
                self.close(GO, (frame.behind,))
            assert frame.orelse is not None
            self.start(frame.orelse)
            frame.orelse = None
        elif opcode == END:
            frame = self.frames.pop()
            if self.here is not None:
                self.close(GO, (frame.behind,))
            if frame.orelse is not None:
                # No `else`: the way around goes on behind.
                self.start(frame.orelse)
                self.close(GO, (frame.behind,))
            if frame.behind in self.reached:
                self.start(frame.behind)
        else:
            behind = self.new()
            self.frames.append(_Frame(opcode, behind, behind))

    def branch(self, instr: Instr, instrs: list[Instr], position: int) -> None:
        here = self.here
        assert here is not None
        opcode = instr[0]
        if opcode == IF:
            then, orelse, behind = self.new(), self.new(), self.new()
            here.asks = _condition(instrs, position)
            here.inner = then
            self.close(TEST, (then, orelse))
            self.frames.append(_Frame(IF, behind, behind, orelse))
            self.start(then)
        elif opcode == BR:
            self.close(GO, (self.frames[-1 - int(instr[1])].label,))
        elif opcode == BR_IF or opcode in TEST_AND_BRANCH:
            following = self.new()
            label = self.frames[-1 - int(instr[2 if opcode >= 0x100 else 1])].label
            here.asks = _condition(instrs, position) if opcode == BR_IF else (opcode, True)
            here.inner = following
            self.close(TEST, (label, following))
            self.start(following)
        elif opcode == BR_TABLE:
            depths = (*instr[1], instr[2])
            self.close(SWITCH, tuple(self.frames[-1 - int(d)].label for d in depths))
        else:
            here.code = opcode
            self.close(LEAVE, ())


_CONTROL = frozenset(
    (*OPENERS, ELSE, END, BR, BR_IF, BR_TABLE, RETURN, UNREACHABLE, *TEST_AND_BRANCH, *LEAVING)
)

_OPPOSITE = {
    "ne": "eq",
    "ge_s": "lt_s",
    "ge_u": "lt_u",
    "le_s": "gt_s",
    "le_u": "gt_u",
}
"""Integer comparisons by the one they are the opposite of."""
_MIRRORED = {"gt_s": "lt_s", "gt_u": "lt_u"}
"""Comparisons by the one they are with operands swapped: either may stand for a question."""


@cache
def _comparisons() -> dict[int, Condition]:
    """Each integer comparison as a question."""
    found = {}
    for prefix in ("i32.", "i64."):
        for name in ("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"):
            asked = _OPPOSITE.get(name, name)
            asked = _MIRRORED.get(asked, asked)
            found[BY_NAME[prefix + name]] = (BY_NAME[prefix + asked], name not in _OPPOSITE)
    return found


def _condition(instrs: list[Instr], position: int) -> Condition:
    """Return what the condition that ends before `position` asks."""
    holds = True
    k = position - 1
    while k >= 0 and instrs[k][0] in (EQZ, TEE):
        holds ^= instrs[k][0] == EQZ
        k -= 1
    opcode = instrs[k][0] if k >= 0 else 0
    if opcode == I64_EQZ:
        return (BY_NAME["i64.eq"], holds)
    comparison = _comparisons().get(opcode)
    if opcode == GET:
        # Computed elsewhere: may be a comparison or a number.
        return (GET, not holds)
    if comparison is None:
        # A number as such asks whether it differs from zero.
        return (BY_NAME["i32.eq"], not holds)
    return (comparison[0], comparison[1] == holds)


@cache
def slow_cycles() -> dict[int, float]:
    """Latency of the slow instructions, by opcode number."""
    return {code: float(row.cost) for code, row in OPCODES.items() if row.cost >= SLOW}


@cache
def _effects() -> frozenset[int]:
    """Stores and calls: what no optimization of one function reorders or removes lightly."""
    return frozenset(c for c, row in OPCODES.items() if row.effect in ("store", "call"))


def edges(flow: Flow) -> Iterator[tuple[int, int]]:
    """Yield the ways from piece to piece, equal ones of a switch once."""
    for number in flow.order:
        for target in dict.fromkeys(flow.pieces[number].targets):
            yield number, target


def _depths(flow: Flow) -> list[int]:
    """Count the natural loops around each piece: nesting of `loop` would count code behind them."""
    at = {number: k for k, number in enumerate(flow.order)}
    into: dict[int, list[int]] = {}
    back: dict[int, list[int]] = {}
    for source, target in edges(flow):
        if at[target] <= at[source]:
            back.setdefault(target, []).append(source)
        into.setdefault(target, []).append(source)
    depth = [0] * len(flow.pieces)
    for head, tails in back.items():
        members = {head}
        work = list(tails)
        while work:
            number = work.pop()
            if number not in members:
                members.add(number)
                work += into.get(number, ())
        for number in members:
            depth[number] += 1
    return depth
