"""Running a function whose course constants decide, as far as they do.

Values are signed numbers, or None where nothing is known: that may be passed around, but no way
may depend on it. Memory is what the run itself has written, or what nobody ever writes; everything
else about it is unknown.
Floats are left alone: which NaN comes out is the machine's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..ir.constants import OPERATIONS, signed
from ..wasm.body import Instr
from ..wasm.opcodes import ACCESS_BYTES, OPCODES
from ..wasm.types import FuncType
from .view import View

Number: TypeAlias = "int | None"

FUEL: Final = 30_000
"""Instructions of one run: a table of a few hundred entries, a few milliseconds."""

DEEPEST: Final = 12
"""Calls within calls."""

BLOCK, LOOP, IF, ELSE, END = 0x02, 0x03, 0x04, 0x05, 0x0B
BR, BR_IF, BR_TABLE, RETURN, CALL = 0x0C, 0x0D, 0x0E, 0x0F, 0x10
DROP, SELECT, GET, SET, TEE = 0x1A, 0x1B, 0x20, 0x21, 0x22
BITS: Final = {0x41: 32, 0x42: 64}
INTEGERS: Final = (0x7F, 0x7E)
STORES: Final = {
    code: ACCESS_BYTES[code]
    for code, row in OPCODES.items()
    if row.effect == "store" and row.name.startswith(("i32.store", "i64.store"))
}
LOADS: Final = {
    code: (ACCESS_BYTES[code], row.name.endswith("_s"), 32 if row.name[1:3] == "32" else 64)
    for code, row in OPCODES.items()
    if row.effect == "load" and row.name.startswith(("i32.load", "i64.load"))
}


class Undecided(Exception):
    """The run depends on something that is not known."""


@dataclass(slots=True)
class Machine:
    """One run: what it wrote by memory and address, and the functions that ran."""

    view: View
    fuel: int = FUEL
    written: dict[tuple[int, int], Number] = field(default_factory=dict)
    entered: set[int] = field(default_factory=set)

    def call(self, function: int, arguments: Sequence[Number], depth: int = 0) -> list[Number]:
        """Run a function; raises Undecided."""
        module = self.view.module
        if function < module.imported_functions or depth > DEEPEST:
            raise Undecided
        self.entered.add(function)
        kind = module.function_type(function)
        body = self.view.body(function)
        locals_: list[Number] = list(arguments)
        locals_ += [0 if kind in INTEGERS else None for kind in body.locals]
        return _Run(self, kind, body.instrs, locals_, depth).run()

    def address(self, memory: int, base: Number, offset: int, size: int) -> int:
        """A known address of an access that cannot trap."""
        kind = self.view.module.memories[memory]
        if base is None or kind.is64 or kind.imported:
            raise Undecided
        start = (base & 0xFFFFFFFF) + offset
        if start + size > kind.minimum << kind.page_size_log2:
            raise Undecided
        return start


@dataclass(slots=True)
class _Run:
    machine: Machine
    kind: FuncType
    instrs: list[Instr]
    locals: list[Number]
    depth: int
    stack: list[Number] = field(default_factory=list)
    frames: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Opcode, position, stack height below, and number of values that its label takes."""

    def run(self) -> list[Number]:
        ends, elses = _shape(self.instrs)
        instrs, stack, machine = self.instrs, self.stack, self.machine
        results = len(self.kind.results)
        at, last = 0, len(instrs) - 1
        while at < last:
            machine.fuel -= 1
            if machine.fuel < 0:
                raise Undecided
            instr = instrs[at]
            op = instr[0]
            if op in (BLOCK, LOOP):
                takes, gives = self.signature(instr[1])
                frame = (op, at, len(stack) - takes, takes if op == LOOP else gives)
                self.frames.append(frame)
            elif op == IF:
                condition = self.known(stack.pop())
                takes, gives = self.signature(instr[1])
                self.frames.append((op, at, len(stack) - takes, gives))
                if not condition:
                    at = elses.get(at, ends[at] - 1)
            elif op == ELSE:
                at = ends[self.frames[-1][1]] - 1
            elif op == END:
                self.frames.pop()
            elif op in (BR, BR_IF, BR_TABLE, RETURN):
                label = self.label(instr)
                if label is not None:
                    if label >= len(self.frames):
                        break
                    at = self.branch(label, ends)
                    continue
            else:
                self.plain(instr)
            at += 1
        return stack[len(stack) - results :] if results else []

    def label(self, instr: Instr) -> int | None:
        """The label that a branch goes to, None if it is not taken."""
        match instr[0]:
            case 0x0C:
                return int(instr[1])
            case 0x0D:
                return int(instr[1]) if self.known(self.stack.pop()) else None
            case 0x0E:
                index = self.known(self.stack.pop()) & 0xFFFFFFFF
                labels = instr[1]
                return int(labels[index] if index < len(labels) else instr[2])
        return len(self.frames)

    def branch(self, label: int, ends: dict[int, int]) -> int:
        del self.frames[len(self.frames) - label :]
        op, at, height, count = self.frames[-1]
        kept = self.stack[len(self.stack) - count :] if count else []
        del self.stack[height:]
        self.stack += kept
        if op == LOOP:
            return at + 1
        self.frames.pop()
        return ends[at] + 1

    def signature(self, block: object) -> tuple[int, int]:
        if block is None:
            return 0, 0
        if isinstance(block, tuple) and block[0] == "type":
            kind = self.machine.view.module.type_of(int(block[1]))
            return len(kind.params), len(kind.results)
        return 0, 1

    @staticmethod
    def known(value: Number) -> int:
        if value is None:
            raise Undecided
        return value

    def plain(self, instr: Instr) -> None:
        op, stack = instr[0], self.stack
        bits = BITS.get(op)
        operation = OPERATIONS.get(op)
        if bits is not None:
            stack.append(int(instr[1]))
        elif op == GET:
            stack.append(self.locals[instr[1]])
        elif op == SET:
            self.locals[instr[1]] = stack.pop()
        elif op == TEE:
            self.locals[instr[1]] = stack[-1]
        elif op == DROP:
            stack.pop()
        elif op == SELECT:
            condition = self.known(stack.pop())
            other = stack.pop()
            if not condition:
                stack[-1] = other
        elif operation is not None:
            self.operate(len(OPCODES[op].operands or ()), *operation)
        elif op in LOADS:
            self.load(instr)
        elif op in STORES:
            self.store(instr)
        elif op == CALL:
            count = len(self.machine.view.module.function_type(instr[1]).params)
            arguments = stack[len(stack) - count :] if count else []
            del stack[len(stack) - count :]
            stack += self.machine.call(instr[1], arguments, self.depth + 1)
        elif op != 0x01:
            raise Undecided

    def operate(self, count: int, bits: int, width: int, function: Callable[..., int]) -> None:
        operands = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        numbers = [None if one is None else signed(one, bits) for one in operands]
        if None in numbers:
            self.stack.append(None)
        else:
            self.stack.append(signed(function(*numbers), width))

    def load(self, instr: Instr) -> None:
        size, sign, width = LOADS[instr[0]]
        _, _, offset, memory = instr
        start = self.machine.address(memory, self.stack.pop(), offset, size)
        content = self.machine.view.read_only.get(memory)
        found: Sequence[object]
        if content is not None:
            found = content[start : start + size]
        else:
            found = [self.machine.written.get((memory, start + k), Undecided) for k in range(size)]
        number = 0
        for position, byte in enumerate(found):
            if byte is None or byte is Undecided:
                raise Undecided
            assert isinstance(byte, int)
            number |= byte << 8 * position
        self.stack.append(signed(number, 8 * size if sign else width))

    def store(self, instr: Instr) -> None:
        size = STORES[instr[0]]
        _, _, offset, memory = instr
        value = self.stack.pop()
        start = self.machine.address(memory, self.stack.pop(), offset, size)
        for position in range(size):
            byte = None if value is None else value >> 8 * position & 0xFF
            self.machine.written[(memory, start + position)] = byte


def _shape(instrs: Sequence[Instr]) -> tuple[dict[int, int], dict[int, int]]:
    """Where each construct ends, and where its `else` stands."""
    ends: dict[int, int] = {}
    elses: dict[int, int] = {}
    open_: list[int] = []
    for at, instr in enumerate(instrs):
        op = instr[0]
        if op in (BLOCK, LOOP, IF, 0x06, 0x1F):
            open_.append(at)
        elif op == ELSE:
            elses[open_[-1]] = at
        elif op == END and open_:
            ends[open_.pop()] = at
    return ends, elses
