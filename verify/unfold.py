"""Executing callees in place: calls in decoded code replaced by the bodies of what they call.

Purely a matter of instructions: arguments go into locals of their own, declared locals start at
zero each time, a return becomes a branch out of a block around the callee's code. So loops of a
callee are loops of the caller, and nothing else of the validator needs to know.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .axioms import Contents
from .reader import FunctionType, Instruction, Module, Unsupported, ValueType

MAX_UNFOLDED = 60_000
"""Instructions after unfolding; the symbolic execution takes no more."""


@dataclass(frozen=True, slots=True)
class Callee:
    """A function that may be executed in place."""

    kind: FunctionType
    declared: list[ValueType]
    code: list[Instruction]


Chosen = Callable[[int], Callee | None]
"""Function index to its body, ``None`` if its calls stay calls."""


def unfold(
    kind: FunctionType, declared: list[ValueType], code: list[Instruction], chosen: Chosen
) -> tuple[list[ValueType], list[Instruction]]:
    """Declared locals and code with the chosen callees in place, transitively.

    A function stands at most once within itself, so the result is finite. Raises Unsupported
    if it gets too long.
    """
    run = _Unfolding(len(kind.params), list(declared), chosen)
    run.body(code, 0, inside=False)
    return run.declared, run.code


class _Unfolding:
    def __init__(self, params: int, declared: list[ValueType], chosen: Chosen) -> None:
        self.params, self.declared, self.chosen = params, declared, chosen
        self.code: list[Instruction] = []
        self.open: list[int] = []

    def body(self, code: list[Instruction], base: int, *, inside: bool) -> None:
        """Append code whose locals start at ``base``; a callee's returns leave its block."""
        depth = 0
        append = self.code.append
        for instruction in code:
            op = instruction[0]
            if op == 0x20 or op == 0x21 or op == 0x22:
                append((op, instruction[1] + base) if base else instruction)
            elif op == 0x10 or op == 0x12:
                if not self._call(instruction):
                    append((0x10, *instruction[1:]) if inside else instruction)
                    if op == 0x12 and inside:
                        append((0x0C, depth))
                elif op == 0x12:
                    append((0x0C, depth) if inside else (0x0F,))
            elif inside and op == 0x0F:
                append((0x0C, depth))
            elif inside and op == 0x13:
                append((0x11, *instruction[1:]))
                append((0x0C, depth))
            else:
                if 0x02 <= op <= 0x04:
                    depth += 1
                elif op == 0x0B:
                    depth -= 1
                append(instruction)
        if len(self.code) > MAX_UNFOLDED:
            raise Unsupported(f"more than {MAX_UNFOLDED} instructions after unfolding")

    def _call(self, instruction: Instruction) -> bool:
        """The callee in place of its call; ``False`` if it stays a call."""
        index = instruction[1]
        callee = None if index in self.open else self.chosen(index)
        if callee is None:
            return False
        base = self.params + len(self.declared)
        self.declared += [*callee.kind.params, *callee.declared]
        for i in reversed(range(len(callee.kind.params))):
            self.code.append((0x21, base + i))
        for i, type_ in enumerate(callee.declared, base + len(callee.kind.params)):
            self.code.append(zero(type_))
            self.code.append((0x21, i))
        self.code.append((0x02, ("results", callee.kind.results)))
        self.open.append(index)
        self.body(callee.code, base, inside=True)
        self.open.pop()
        return True


def direct(
    code: list[Instruction], module: Module, tables: Mapping[int, Contents]
) -> list[Instruction]:
    """The code with indirect calls through ``tables`` at constant indices made direct.

    Only where the call surely finds its function; all others stay.
    """
    if not tables or not module.plain_types:
        return code
    result: list[Instruction] = []
    for instruction in code:
        op = instruction[0]
        if op in (0x11, 0x13) and result and result[-1][0] == 0x41 and instruction[2] in tables:
            function = tables[instruction[2]].functions.get(result[-1][1])
            if function is not None and (
                module.function_type(function) == module.type_at(instruction[1])
            ):
                result[-1] = (op - 1, function)
                continue
        result.append(instruction)
    return result


def zero(type_: ValueType) -> Instruction:
    """The instruction that gives a declared local's initial value."""
    match type_:
        case 0x7F:
            return (0x41, 0)
        case 0x7E:
            return (0x42, 0)
        case 0x7D:
            return (0x43, 0)
        case 0x7C:
            return (0x44, 0)
        case 0x7B:
            return (0xFD000C, 0)
    return (0xD0, -16)
