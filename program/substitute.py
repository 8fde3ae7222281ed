"""The step that writes what is known across calls, and of memories nobody writes, into the bodies.

Bodies are changed instruction by instruction, without any folding: that is the business of the
search over functions, which comes afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..wasm.body import Instr, encode_body
from ..wasm.indices import Changes, Indices
from .choice import TIDY_LIMIT
from .claims import Constant, Knowledge, claims, instruction, learn
from .dispatch import Targets, targets
from .interpret import LOADS
from .references import CALL, GLOBAL_GET, GLOBAL_SET, INDIRECT, RETURN_CALL
from .rom import loaded
from .step import Claims, Step
from .view import View

LOCAL_GET, LOCAL_SET, LOCAL_TEE = 0x20, 0x21, 0x22
DROP, RETURN, UNREACHABLE = 0x1A, 0x0F, 0x00
I32_CONST, I32_AND = 0x41, 0x71
CALL_INDIRECT, RETURN_CALL_INDIRECT = 0x11, 0x13

MOST_SLOTS = 64
"""Entries of a table that a masked index may choose from: more are hardly ever all the same."""


def substitute(view: View) -> Step | None:
    """Constants for globals, arguments, results and loads, direct calls for known targets."""
    knowledge = learn(view)
    bodies: dict[int, bytes] = {}
    tables = targets(view)
    useful = _Useful.of(knowledge, claims(knowledge))
    for function in view.functions:
        if not _concerned(view, function, useful, tables):
            continue
        body = view.body(function)
        made = _Rewriter(view, function, useful, tables).run()
        if made is not None:
            bodies[function] = encode_body(body.runs, made)
    if not bodies:
        return None
    return Step(
        "constants",
        Indices.same(view.module),
        Changes(bodies=bodies),
        claims(knowledge),
    )


@dataclass(frozen=True, slots=True)
class _Useful:
    """The constants themselves, as instructions."""

    globals: Mapping[int, Constant]
    arguments: Mapping[int, Mapping[int, Constant]]
    results: Mapping[int, tuple[Constant, ...]]

    @staticmethod
    def of(knowledge: Knowledge, claimed: Claims) -> _Useful:
        return _Useful(
            globals={
                index: one for index, one in knowledge.globals.items() if isinstance(one, tuple)
            },
            arguments={
                index: {
                    position: one
                    for position, one in enumerate(knowledge.arguments[index])
                    if isinstance(one, tuple)
                }
                for index in claimed.arguments
            },
            results={
                index: tuple(one for one in knowledge.results[index] if isinstance(one, tuple))
                for index in claimed.results
                if all(isinstance(one, tuple) for one in knowledge.results[index])
            },
        )


def _concerned(view: View, function: int, useful: _Useful, tables: Targets) -> bool:
    """Whether anything known could change the body, from its references alone."""
    if function in useful.arguments:
        return True
    for use in view.references.body(function).uses:
        index = use.targets[0][1]
        if use.opcode in (GLOBAL_GET, GLOBAL_SET) and index in useful.globals:
            return True
        if use.opcode in (CALL, RETURN_CALL) and index in useful.results:
            return True
        if use.opcode in LOADS and any(index in view.read_only for _, index in use.targets):
            return True
        if use.opcode in INDIRECT and any(
            kind == "table" and target in tables for kind, target in use.targets
        ):
            return True
    return False


class _Rewriter:
    def __init__(self, view: View, function: int, useful: _Useful, tables: Targets) -> None:
        self.view = view
        self.function = function
        self.useful = useful
        self.tables = tables
        self.out: list[Instr] = []

    def run(self) -> list[Instr] | None:
        """The new instructions, or None if they are the old ones."""
        instrs = self.view.body(self.function).instrs
        arguments = dict(self.useful.arguments.get(self.function, {}))
        written = {i[1] for i in instrs if i[0] in (LOCAL_SET, LOCAL_TEE)}
        out = self.out
        used = self.view.used_parameters(self.function)
        small = self.view.references.body(self.function).size <= TIDY_LIMIT
        for position, constant in sorted(arguments.items()):
            if position in written and position in used and small:
                out += (instruction(constant), (LOCAL_SET, position))
        plain = {p: c for p, c in arguments.items() if p not in written}
        for at, instr in enumerate(instrs):
            op = instr[0]
            if op == LOCAL_GET and instr[1] in plain:
                out.append(instruction(plain[instr[1]]))
            elif op == GLOBAL_GET and instr[1] in self.useful.globals:
                out.append(instruction(self.useful.globals[instr[1]]))
            elif op == GLOBAL_SET and instr[1] in self.useful.globals:
                out.append((DROP,))
            elif op in (CALL, RETURN_CALL) and instr[1] in self.useful.results:
                self.call(instr, instrs, at)
            elif op in (CALL_INDIRECT, RETURN_CALL_INDIRECT):
                self.indirect(instr)
            elif op in LOADS and self.view.read_only:
                self.load(instr)
            else:
                out.append(instr)
        return None if out == instrs else out

    def call(self, instr: Instr, instrs: list[Instr], at: int) -> None:
        """A call whose results are known: they are dropped, unless they are already."""
        constants = self.useful.results[instr[1]]
        following = instrs[at + 1 : at + 1 + len(constants)]
        if instr[0] == CALL and following == [(DROP,)] * len(constants):
            self.out.append(instr)
            return
        self.out.append((CALL, instr[1]))
        self.out += [(DROP,)] * len(constants)
        self.out += map(instruction, constants)
        if instr[0] == RETURN_CALL:
            self.out.append((RETURN,))

    def load(self, instr: Instr) -> None:
        """A load of what is known to be there."""
        out = self.out
        content = self.view.read_only.get(instr[3])
        found = None
        if content is not None and out and out[-1][0] == I32_CONST:
            found = loaded(content, instr, out[-1][1])
        if found is None:
            out.append(instr)
        else:
            out[-1] = found

    def indirect(self, instr: Instr) -> None:
        """A call through a table whose entry is known."""
        out = self.out
        _, type, table = instr
        contents = self.tables.get(table)
        if contents is None or not out:
            out.append(instr)
            return
        slots = _slots(out)
        found = None if slots is None else {contents.target(slot, type) for slot in slots}
        if found is None or len(found) != 1:
            out.append(instr)
            return
        if out[-1][0] == I32_CONST:
            out.pop()
        else:
            out.append((DROP,))
        target = found.pop()
        if target is None:
            out.append((UNREACHABLE,))
        else:
            out.append((CALL if instr[0] == CALL_INDIRECT else RETURN_CALL, target))


def _slots(out: list[Instr]) -> list[int] | None:
    """The values that what was pushed last may have, if they are few."""
    last = out[-1]
    if last[0] == I32_CONST:
        return [last[1] & 0xFFFFFFFF]
    if last[0] == I32_AND and len(out) > 1 and out[-2][0] == I32_CONST:
        mask = out[-2][1] & 0xFFFFFFFF
        if 1 << mask.bit_count() > MOST_SLOTS:
            return None
        slots = [0]
        for bit in range(32):
            if mask >> bit & 1:
                slots += [slot | 1 << bit for slot in slots]
        return slots
    return None
