"""The step that runs what constants decide: functions without unknowns, calls with constants.

A function may fill private memory on its way. That is left out together with all else that is in
that memory, if nothing but evaluated functions ever reads there.
"""

from __future__ import annotations

from typing import Final

from ..wasm.body import Instr, encode_body
from ..wasm.indices import Changes, Indices
from ..wasm.module import Module
from ..wasm.renumber import renumber
from ..wasm.types import ValType
from .interpret import INTEGERS, LOADS, Machine, Undecided
from .liveness import indices
from .references import CALL
from .step import Step
from .view import View

CONSTANTS: Final = {0x7F: 0x41, 0x7E: 0x42}
TOTAL_FUEL: Final = 300_000
"""Instructions of all runs over a module."""

LARGEST: Final = 600
"""Bytes of a function that is run: what larger ones do hardly follows from constants."""


def evaluate(view: View) -> Step | None:
    """Replace functions and calls whose results follow from constants."""
    runs = _Runs(view)
    bodies: dict[int, bytes] = {}
    unfold: dict[int, frozenset[int]] = {}
    whole = runs.functions()
    for function, (results, entered) in whole.items():
        kind = view.module.function_type(function)
        instrs = [_push(t, r) for t, r in zip(kind.results, results, strict=True)]
        bodies[function] = encode_body((), [*instrs, (0x0B,)])
        unfold[function] = frozenset(entered - {function})
    for function in view.functions:
        if function not in bodies and (found := runs.calls(function)) is not None:
            bodies[function], unfold[function] = found
    if not bodies:
        return None
    # What ran is reached no more, and with it goes the memory that it filled.
    module, changes = view.module, Changes(bodies=bodies)
    rest = View(Module.parse(renumber(module, Indices.same(module), changes, version=None).data))
    rest.exports, rest.keep_imports = view.exports, view.keep_imports
    return Step("evaluate", indices(module, rest.live), changes, unfold=unfold)


class _Runs:
    """All runs over one module, within one bound."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.left = TOTAL_FUEL
        self.touched: dict[int, set[int]] = {}
        """Function that was evaluated -> memories that it wrote."""

    def functions(self) -> dict[int, tuple[list[int], set[int]]]:
        """Functions that always give the same, with their results and what ran."""
        view = self.view
        found: dict[int, tuple[list[int], set[int]]] = {}
        for function in view.functions:
            kind = view.module.function_type(function)
            body = view.references.body(function)
            busy = body.loops or body.calls() or any(use.opcode in LOADS for use in body.uses)
            if not busy or body.size > LARGEST or not all(t in INTEGERS for t in kind.results):
                continue
            machine = Machine(view, fuel=min(self.left, 30_000))
            results = self.run(machine, function, [None] * len(kind.params))
            if results is not None:
                found[function] = results, machine.entered
                self.touched[function] = {memory for memory, _ in machine.written}
        # Filling memory that somebody else reads is more than a result.
        while True:
            kept = {f for f in found if self.touched[f] <= self.gone(found)}
            if kept == set(found):
                return found
            found = {f: found[f] for f in kept}

    def run(self, machine: Machine, function: int, arguments: list[int | None]) -> list[int] | None:
        before = machine.fuel
        try:
            results = machine.call(function, arguments)
        except Undecided:
            return None
        finally:
            self.left -= before - max(0, machine.fuel)
        return [r for r in results if r is not None] if None not in results else None

    def gone(self, evaluated: dict[int, tuple[list[int], set[int]]]) -> frozenset[int]:
        """Private memories that the evaluated functions write and that nothing else names."""
        view = self.view
        wanted = {m for function in evaluated for m in self.touched[function]}
        ran = set(evaluated)
        # What ran only within evaluated functions is reached no more.
        for function in view.functions:
            callers = set(view.callers.get(function, ()))
            if function not in view.entries and callers and callers <= ran:
                ran.add(function)
        named = {
            index
            for function in view.functions
            if function not in ran
            for use in view.references.body(function).uses
            for kind, index in use.targets
            if kind == "memory"
        }
        return frozenset(wanted - named - view.visible_memories)

    def calls(self, function: int) -> tuple[bytes, frozenset[int]] | None:
        """The body with calls of constants evaluated, and what stands in place of calls then."""
        view = self.view
        called = view.references.body(function).calls()
        if not any(f >= view.module.imported_functions and self.heavy(f) for f in called):
            return None
        body = view.body(function)
        out: list[Instr] = []
        inside: set[int] = set()
        for instr in body.instrs:
            found = self.call(instr, out) if instr[0] == CALL else None
            if found is None:
                out.append(instr)
                continue
            results, entered, count = found
            if count:
                del out[len(out) - count :]
            kind = view.module.function_type(instr[1])
            out += [_push(t, r) for t, r in zip(kind.results, results, strict=True)]
            inside |= entered
        return (encode_body(body.runs, out), frozenset(inside)) if inside else None

    def heavy(self, function: int) -> bool:
        """Whether a function is worth a run: inlining does for the rest."""
        body = self.view.references.body(function)
        return body.size <= LARGEST and bool(body.loops or body.calls())

    def call(self, instr: Instr, out: list[Instr]) -> tuple[list[int], set[int], int] | None:
        """Results, functions that ran and number of arguments of a call with constants alone."""
        view, callee = self.view, instr[1]
        if callee < view.module.imported_functions or not self.heavy(callee):
            return None
        kind = view.module.function_type(callee)
        count = len(kind.params)
        pushed = out[len(out) - count :] if count else []
        constant = all(one[0] in CONSTANTS.values() for one in pushed)
        if len(pushed) < count or not constant or not all(t in INTEGERS for t in kind.results):
            return None
        machine = Machine(view, fuel=min(self.left, 30_000))
        results = self.run(machine, callee, [one[1] for one in pushed])
        if results is None or machine.written:
            return None
        return results, machine.entered, count


def _push(kind: ValType, number: int) -> Instr:
    assert isinstance(kind, int)
    return (CONSTANTS[kind], number)
