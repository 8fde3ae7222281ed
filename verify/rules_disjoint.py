"""Loads that look past a store, proven over the integers.

A byte map does not change under a write elsewhere: that is what a history denotes. So a rule
``load(store(t, a, m, s, v), b, o, n) → load(t, b, o, n)`` is sound if its guard makes the n bytes
from ``b + o`` and the s bytes from ``a + m`` disjoint on the circle of 2^32 addresses: going ahead
from the store's first byte, the load begins after s and ends before one turn is complete.
Bit-vector solvers labour at that (sums of two widths, every size on its own), over the integers
with remainders it is linear and takes milliseconds for all sizes at once. The engine's ``+`` and
``-`` are exact where they are defined, and the query grants that they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import z3  # type: ignore[import-untyped]

from .rules_text import Command, Sexp, is_number, is_variable

WORD: Final = 1 << 32


class _NotLinear(Exception):
    """Something this reading does not cover; the bit-vector proof decides instead."""


@dataclass(slots=True)
class _Reader:
    context: z3.Context
    solver: z3.Solver
    known: dict[str, z3.ArithRef] = field(default_factory=dict)

    def variable(self, name: str, low: int, high: int) -> z3.ArithRef:
        """An integer variable; each use narrows its range."""
        value = self.known.setdefault(name, z3.Int(name, self.context))
        self.solver.add(value >= low, value < high)
        return value

    def integer(self, tree: Sexp) -> z3.ArithRef:
        """An i64 expression."""
        if isinstance(tree, str):
            if is_number(tree):
                return z3.IntVal(int(tree), self.context)
            return self.variable(tree, -(1 << 63), 1 << 63)
        match tree:
            case ["+", left, right]:
                return self.integer(left) + self.integer(right)
            case ["-", left, right]:
                return self.integer(left) - self.integer(right)
            case ["&", inner, "4294967295"]:
                return self.integer(inner) % WORD
            case ["max", left, right]:
                a, b = self.integer(left), self.integer(right)
                return z3.If(a > b, a, b)
            case _:
                raise _NotLinear

    def address(self, tree: Sexp) -> z3.ArithRef:
        """An i32 term as a number from 0 to 2^32 - 1."""
        match tree:
            case str() if is_variable(tree):
                return self.variable(tree, 0, WORD)
            case ["i32.const", str(name)]:
                if is_variable(name):
                    self.variable(name, -(WORD // 2), WORD // 2)
                return self.integer(name) % WORD
            case ["i32.add", left, right]:
                return (self.address(left) + self.address(right)) % WORD
            case _:
                raise _NotLinear

    def start(self, address: Sexp, offset: Sexp) -> z3.ArithRef:
        """First byte of an access."""
        return (self.address(address) + self._immediate(offset, 0, WORD)) % WORD

    def size(self, size: Sexp) -> z3.ArithRef:
        """Number of bytes of an access."""
        return self._immediate(size, 1, 17)

    def _immediate(self, tree: Sexp, low: int, high: int) -> z3.ArithRef:
        if isinstance(tree, str) and is_variable(tree):
            return self.variable(tree, low, high)
        return self.integer(tree)

    def fact(self, tree: Sexp) -> None:
        """Assume a comparison of integers."""
        match tree:
            case ["=", left, right]:
                self.solver.add(self.integer(left) == self.integer(right))
            case ["<", left, right]:
                self.solver.add(self.integer(left) < self.integer(right))
            case ["<=", left, right]:
                self.solver.add(self.integer(left) <= self.integer(right))
            case [">", left, right]:
                self.solver.add(self.integer(left) > self.integer(right))
            case [">=", left, right]:
                self.solver.add(self.integer(left) >= self.integer(right))
            case _:
                raise _NotLinear


def looks_past_a_store(rule: Command, rlimit: int) -> int | None:
    """Return the solver units of the proof that a rule is such a one with two disjoint ranges.

    None says nothing: the rule may be another or need another proof.
    """
    if len(rule.actions) != 1 or not rule.facts:
        return None
    match rule.facts[0], rule.actions[0]:
        case (
            ["=", root, [str(load), ["tok.store", token, at, start, size, _], *rest]],
            ["union", same, [str(other), older, *others]],
        ) if load.startswith("load."):
            if root != same or load != other or token != older or rest != others or len(rest) != 4:
                return None
        case _:
            return None
    context = z3.Context()
    solver = z3.SolverFor("QF_LIA", ctx=context)
    solver.set("rlimit", rlimit)
    solver.set("random_seed", 0)
    reader = _Reader(context, solver)
    try:
        ahead = (reader.start(rest[0], rest[1]) - reader.start(at, start)) % WORD
        loaded, stored = reader.size(rest[2]), reader.size(size)
        for fact in rule.facts[1:]:
            reader.fact(fact)
    except _NotLinear:
        return None
    if solver.check() != z3.sat:
        return None
    solver.add(z3.Not(z3.And(ahead >= stored, ahead + loaded <= WORD)))
    return spent(solver) if solver.check() == z3.unsat else None


def spent(solver: z3.Solver) -> int:
    """Return the solver units that the context of a solver has used."""
    statistics = solver.statistics()
    keys = statistics.keys()
    return int(statistics.get_key_value("rlimit count")) if "rlimit count" in keys else 0
