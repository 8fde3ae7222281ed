"""What is known across calls: constant arguments, results and globals.

An optimistic analysis: everything starts as "not seen yet" and is lowered by every call site,
return and assignment until nothing changes. What is left holds by induction over a run, which is
how it is proven afterwards, by somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..ir.graph import (
    PARAM,
    PHI,
    RESULT,
    Anchor,
    Block,
    Exit,
    Function,
    If,
    Loop,
    Value,
    walk,
)
from ..wasm.body import Instr
from .references import CALL, GLOBAL_GET, GLOBAL_SET, RETURN_CALL
from .step import Claims
from .view import View

CONSTANTS: Final = frozenset((0x41, 0x42, 0x43, 0x44, 0xFD000C))
SELECTS: Final = (0x1B, 0x1C)
RETURN: Final = 0x0F

Constant: TypeAlias = tuple[int, int]
"""Opcode of the constant instruction, and its immediate as it is written."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """No constant."""


UNKNOWN: Final = _Unknown()
Known: TypeAlias = "Constant | _Unknown | None"
"""A constant, no constant, or (None) nothing seen yet."""


@dataclass(slots=True)
class Knowledge:
    """What holds in every run.

    Attributes:
        globals: global -> constant.
        arguments: function -> what each parameter is at every call.
        results: function -> what each result is whenever it returns.
    """

    globals: dict[int, Known] = field(default_factory=dict)
    arguments: dict[int, list[Known]] = field(default_factory=dict)
    results: dict[int, list[Known]] = field(default_factory=dict)


def meet(first: Known, second: Known) -> Known:
    """What is known if either may be the case."""
    if first is None:
        return second
    if second is None or first == second:
        return first
    return UNKNOWN


def pattern(constant: Constant) -> int:
    """The bits of a constant as an unsigned number."""
    op, value = constant
    if op == 0x41:
        return value & 0xFFFFFFFF
    if op == 0x42:
        return value & 0xFFFFFFFFFFFFFFFF
    return value


def instruction(constant: Constant) -> Instr:
    """The instruction that pushes a constant."""
    return constant


@dataclass(slots=True)
class _Facts:
    """What one function does to the knowledge about others."""

    graph: Function
    calls: list[tuple[int, Sequence[Value]]] = field(default_factory=list)
    returns: list[Sequence[Value]] = field(default_factory=list)
    tails: list[tuple[int, Sequence[Value]]] = field(default_factory=list)
    opaque: bool = False
    """Whether it may return what is not seen here (through a table)."""
    sets: list[tuple[int, Value]] = field(default_factory=list)
    arrivals: dict[int, list[Value]] = field(default_factory=dict)
    """Block parameter -> the values that arrive."""


def learn(view: View) -> Knowledge:
    """Find constants across calls in everything that is reached."""
    return _Learner(view).run()


class _Learner:
    def __init__(self, view: View) -> None:
        self.view = view
        self.module = view.module
        self.known = Knowledge()
        self.facts: dict[int, _Facts] = {}
        self.changed = True

    def run(self) -> Knowledge:
        module = self.module
        for index, one in enumerate(module.globals):
            initial = _initial(one.init)
            if index in self.view.visible_globals and one.mutable:
                initial = UNKNOWN
            self.known.globals[index] = initial
        for function in self.view.functions:
            kind = module.function_type(function)
            start: Known = UNKNOWN if function in self.view.entries else None
            self.known.arguments[function] = [start] * len(kind.params)
            self.known.results[function] = [None] * len(kind.results)
            graph = self.view.graph(function)
            if graph is None:
                self.blind(function)
            else:
                self.facts[function] = _collect(graph)
        while self.changed:
            self.changed = False
            for function in self.facts:
                self.visit(function)
        return self.known

    def blind(self, function: int) -> None:
        """Nothing is known of what a function without a graph does."""
        for use in self.view.references.body(function).uses:
            index = use.targets[0][1]
            if use.opcode in (CALL, RETURN_CALL):
                arguments = self.known.arguments.setdefault(index, [])
                arguments[:] = [UNKNOWN] * len(self.module.function_type(index).params)
            elif use.opcode == GLOBAL_SET:
                self.known.globals[index] = UNKNOWN
        results = self.known.results[function]
        results[:] = [UNKNOWN] * len(results)

    def visit(self, function: int) -> None:
        facts = self.facts[function]
        for callee, args in (*facts.calls, *facts.tails):
            known = self.known.arguments.get(callee)
            if known is not None:
                self.lower(known, [self.evaluate(v, function, facts) for v in args])
        results = self.known.results[function]
        if facts.opaque:
            self.lower(results, [UNKNOWN] * len(results))
        for values in facts.returns:
            self.lower(results, [self.evaluate(v, function, facts) for v in values])
        for callee, _ in facts.tails:
            self.lower(results, self.of_call(callee, len(results)))
        for index, value in facts.sets:
            before = self.known.globals[index]
            after = meet(before, self.evaluate(value, function, facts))
            if after != before:
                self.known.globals[index] = after
                self.changed = True

    def of_call(self, callee: int, count: int) -> list[Known]:
        found = self.known.results.get(callee)
        return [UNKNOWN] * count if found is None else found

    def lower(self, known: list[Known], seen: Sequence[Known]) -> None:
        for position, value in enumerate(seen):
            after = meet(known[position], value)
            if after != known[position]:
                known[position] = after
                self.changed = True

    def evaluate(
        self, value: Value, function: int, facts: _Facts, open_: frozenset[int] = frozenset()
    ) -> Known:
        """What a value is, as far as is known by now; cycles add nothing."""
        if value.op in CONSTANTS:
            return (value.op, value.imm[0])
        if value.op == PARAM:
            return self.known.arguments[function][value.imm[0]]
        if value.op == GLOBAL_GET:
            return self.known.globals[value.imm[0]]
        if value.op == RESULT:
            anchor = value.anchor
            assert anchor is not None
            if anchor.op == GLOBAL_GET:
                return self.known.globals[anchor.imm[0]]
            if anchor.op == CALL:
                return self.of_call(anchor.imm[0], len(anchor.results))[value.imm[0]]
            return UNKNOWN
        if value.id in open_:
            return None
        if value.op == PHI or value.op in SELECTS:
            inner = open_ | {value.id}
            found: Known = None
            several = facts.arrivals.get(value.id, ()) if value.op == PHI else value.args[:2]
            for one in several:
                found = meet(found, self.evaluate(one, function, facts, inner))
                if found is UNKNOWN:
                    break
            return found
        return UNKNOWN


def _initial(init: tuple[Instr, ...] | None) -> Known:
    if init is None or len(init) != 1 or init[0][0] not in CONSTANTS:
        return UNKNOWN
    return (init[0][0], init[0][1])


def _collect(graph: Function) -> _Facts:
    facts = _Facts(graph)
    for node in walk(graph.body):
        match node:
            case Anchor():
                if node.op == CALL:
                    facts.calls.append((node.imm[0], node.args))
                elif node.op == GLOBAL_SET:
                    facts.sets.append((node.imm[0], node.args[0]))
            case Exit():
                if node.op == RETURN:
                    facts.returns.append(node.args)
                elif node.op == RETURN_CALL:
                    facts.tails.append((node.imm[0], node.args))
                elif node.op != 0x00:
                    facts.opaque = True
            case Block() | If():
                for position, parameter in enumerate(node.label.params):
                    facts.arrivals[parameter.id] = [e.args[position] for e in node.label.edges]
            case Loop():
                for position, parameter in enumerate(node.label.params):
                    entering = [node.entry[position]]
                    entering += [e.args[position] for e in node.label.edges]
                    facts.arrivals[parameter.id] = entering
            case _:
                pass
    return facts


def claims(knowledge: Knowledge) -> Claims:
    """The knowledge as claims to be proven: constants alone."""

    def row(known: Sequence[Known]) -> tuple[int | None, ...]:
        return tuple(pattern(one) if isinstance(one, tuple) else None for one in known)

    def rows(table: Mapping[int, list[Known]]) -> dict[int, tuple[int | None, ...]]:
        found = {index: row(known) for index, known in table.items()}
        return {index: known for index, known in found.items() if any(k is not None for k in known)}

    return Claims(
        globals={
            index: pattern(one)
            for index, one in knowledge.globals.items()
            if isinstance(one, tuple)
        },
        arguments=rows(knowledge.arguments),
        results=rows(knowledge.results),
    )
