"""Hash-consed terms, and the canonical form of everything conditional.

A term is an int, an index into :class:`Terms`. Its node is ``(op, immediate, *children)``; equal
nodes are one term, so equality of terms is equality of ints. Widths are in bits: 8 to 128 for
values, 0 for Booleans, ``STATE`` for memories, tables, worlds and events.

Everything conditional is an ordered decision diagram: the node ``ite`` has an *atom* (a Boolean
that is itself no ``ite``) and two branches, and along every path the atoms get larger, that is
newer. Path conditions, comparison results, selects and merged states are all of this one form,
so that a select, an ``if``, a ``br_if`` and an ``and`` of comparisons meet in one term. Oldest
first, as code decides: for a tree of decisions the other order is exponential.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

TRUE: Final = 0
FALSE: Final = 1

STATE: Final = -1
"""The width of terms that are no values: memories, tables, worlds, events."""

LEAF: Final = 1 << 60
"""In place of an atom: the term is no decision. Larger than every atom."""

MAX_STEPS: Final = 2_000_000
"""Steps of diagram building per check: beyond it (three seconds or so) a function is unknown."""

LATE: Final = "deadline"
"""Why a check ended that time ended."""

CLOCK_STEPS: Final = 4096
"""Steps after which the clock is looked at: some ten milliseconds."""

MAX_SPREAD: Final = 64
"""Diagram nodes that an operator on constant leaves may visit before it is left opaque."""

Node = tuple[Any, ...]


class Exhausted(Exception):
    """A structural budget ran out; the verdict is unknown."""


class _TooWide(Exception):
    """An operator over two diagrams would visit more than MAX_SPREAD nodes."""


class Terms:
    """The store of terms of one check: original and new body share it."""

    def __init__(self) -> None:
        self.nodes: list[Node] = [("true", None), ("false", None)]
        self.widths: list[int] = [0, 0]
        self.tops: list[int] = [LEAF, LEAF]
        """Per term the atom of an ``ite``, or LEAF."""
        self.flat: list[bool] = [True, True]
        """Per term whether it is a constant or a diagram with constant leaves."""
        self.table: dict[Node, int] = {}
        self.steps = 0
        self.deadline: float | None = None
        """When building diagrams has to end (``time.perf_counter()``)."""
        self._look = CLOCK_STEPS
        self._families: dict[object, dict[int, int]] = {}
        self._family: dict[int, list[int]] = {}
        """Atoms to the atoms of which at most one fails at a time, oldest first."""
        self._settled: dict[tuple[int, int], int] = {}
        self._ite: dict[tuple[int, int, int], int] = {}
        self._constrained: dict[tuple[int, int], int] = {}

    # --- construction ---------------------------------------------------------------------------

    def make(self, width: int, op: str, immediate: object, *children: int) -> int:
        """The term of this node, without any simplification."""
        # The width belongs to the key: two widenings of one term differ in nothing else.
        key = (width, op, immediate, *children)
        found = self.table.get(key)
        if found is not None:
            return found
        found = self.table[key] = len(self.nodes)
        self.nodes.append((op, immediate, *children))
        self.widths.append(width)
        self.tops.append(LEAF)
        self.flat.append(op == "c")
        return found

    def constant(self, value: int, width: int) -> int:
        """A constant bit pattern."""
        return self.make(width, "c", (value & ((1 << width) - 1), width))

    def variable(self, width: int, *name: object) -> int:
        """A free symbol; the same name is the same symbol."""
        return self.make(width, "v", name)

    def value_of(self, term: int) -> int | None:
        """The value of a constant, or ``None``."""
        node = self.nodes[term]
        return node[1][0] if node[0] == "c" else None

    # --- conditions -----------------------------------------------------------------------------

    def literal(self, atom: int) -> int:
        """The condition that ``atom`` holds."""
        return self._branch(atom, TRUE, FALSE)

    def exclusive(self, key: object, number: int, atom: int) -> None:
        """Say that ``atom`` fails only where what ``key`` names is ``number``.

        So of all atoms of a key at most one fails, and diagrams ask none of the others where one
        has failed. Two atoms of one number are never both taken in.
        """
        if atom in self._family:
            return
        members = self._families.setdefault(key, {})
        if members.setdefault(number, atom) != atom:
            return
        family = sorted(members.values())
        for member in family:
            self._family[member] = family

    def _where_fails(self, atom: int, family: list[int], term: int) -> int:
        """The term where ``atom`` fails, so that the rest of its family holds."""
        top = self.tops[term]
        if top > family[-1]:
            return term
        key = (term, family[0])
        found = self._settled.get(key)
        if found is None:
            self.step()
            hi, lo = self.nodes[term][3:]
            found = self._where_fails(atom, family, hi)
            if top not in family:
                found = self._branch(top, found, self._where_fails(atom, family, lo))
            self._settled[key] = found
        return found

    def negate(self, condition: int) -> int:
        """The opposite condition."""
        return self.ite(condition, FALSE, TRUE)

    def both(self, a: int, b: int) -> int:
        """Conjunction."""
        return self.ite(a, b, FALSE)

    def either(self, a: int, b: int) -> int:
        """Disjunction."""
        return self.ite(a, TRUE, b)

    def ite(self, condition: int, a: int, b: int) -> int:
        """``a`` if ``condition`` else ``b``, for terms of one width, in canonical form."""
        if condition == TRUE or a == b:
            return a
        if condition == FALSE:
            return b
        if a == TRUE and b == FALSE:
            return condition
        key = (condition, a, b)
        found = self._ite.get(key)
        if found is not None:
            return found
        self.step()
        tops, nodes = self.tops, self.nodes
        atom = min(tops[condition], tops[a], tops[b])
        c1 = c0 = condition
        if tops[condition] == atom:
            c1, c0 = nodes[condition][3:]
        a1 = a0 = a
        if tops[a] == atom:
            a1, a0 = nodes[a][3:]
        b1 = b0 = b
        if tops[b] == atom:
            b1, b0 = nodes[b][3:]
        found = self._ite[key] = self._branch(atom, self.ite(c1, a1, b1), self.ite(c0, a0, b0))
        return found

    def constrain(self, term: int, care: int) -> int:
        """The canonical member of all diagrams that equal ``term`` where ``care`` holds.

        The generalised cofactor of Coudert and Madre: it commutes with every operation, and two
        terms that agree on ``care`` become one, whatever they are elsewhere.
        """
        tops, nodes = self.tops, self.nodes
        top = tops[term]
        if top == LEAF or care <= FALSE:
            return term
        while tops[care] < top:
            hi, lo = nodes[care][3:]
            if hi == FALSE:
                care = lo
            elif lo == FALSE:
                care = hi
            else:
                break
            self.steps += 1
        if care == TRUE:
            return term
        if care == term:
            return TRUE
        key = (term, care)
        found = self._constrained.get(key)
        if found is not None:
            return found
        self.step()
        atom = min(top, tops[care])
        t1 = t0 = term
        if top == atom:
            t1, t0 = nodes[term][3:]
        c1 = c0 = care
        if tops[care] == atom:
            c1, c0 = nodes[care][3:]
        family = self._family.get(atom)
        if family is not None and len(family) > 1:
            c0 = self._where_fails(atom, family, c0)
        if c1 == FALSE:
            found = self.constrain(t0, c0)
        elif c0 == FALSE:
            found = self.constrain(t1, c1)
        else:
            found = self._branch(atom, self.constrain(t1, c1), self.constrain(t0, c0))
        self._constrained[key] = found
        return found

    def step(self) -> None:
        """Count one step. Raises Exhausted beyond MAX_STEPS, or the deadline."""
        self.steps += 1
        if self.steps > self._look:
            self._go_on()

    def _go_on(self) -> None:
        if self.steps > MAX_STEPS:
            raise Exhausted(f"more than {MAX_STEPS} steps of path conditions")
        if self.deadline is not None and time.perf_counter() > self.deadline:
            raise Exhausted(LATE)
        self._look = min(MAX_STEPS, self.steps + CLOCK_STEPS)

    def _branch(self, atom: int, hi: int, lo: int) -> int:
        """The node of one decision."""
        family = self._family.get(atom)
        if family is not None and len(family) > 1:
            lo = self._where_fails(atom, family, lo)
            if lo == self._where_fails(atom, family, hi):
                return hi  # it says so itself where the atom fails
        if hi == lo:
            return hi
        key = (self.widths[hi], "ite", None, atom, hi, lo)
        found = self.table.get(key)
        if found is not None:
            return found
        found = self.table[key] = len(self.nodes)
        self.nodes.append(("ite", None, atom, hi, lo))
        self.widths.append(self.widths[hi])
        self.tops.append(atom)
        self.flat.append(self.flat[hi] and self.flat[lo])
        return found

    # --- operators over diagrams ----------------------------------------------------------------

    def spread(self, apply: Callable[..., int], operands: Sequence[int]) -> int | None:
        """Apply an operator leaf by leaf to diagrams whose leaves are constants.

        ``None`` if that would visit more than MAX_SPREAD nodes.
        """
        memo: dict[tuple[int, ...], int] = {}
        tops, nodes = self.tops, self.nodes

        def walk(terms: tuple[int, ...]) -> int:
            atom = min(tops[t] for t in terms)
            if atom == LEAF:
                return apply(*terms)
            found = memo.get(terms)
            if found is not None:
                return found
            if len(memo) >= MAX_SPREAD:
                raise _TooWide
            memo[terms] = TRUE
            his = tuple(nodes[t][3] if tops[t] == atom else t for t in terms)
            los = tuple(nodes[t][4] if tops[t] == atom else t for t in terms)
            found = memo[terms] = self._branch(atom, walk(his), walk(los))
            return found

        try:
            return walk(tuple(operands))
        except _TooWide:
            return None

    def show(self, term: int, depth: int = 4) -> str:
        """A short text of a term, for reasons and debugging."""
        node = self.nodes[term]
        match node[0]:
            case "c":
                return hex(node[1][0])
            case "v":
                return ".".join(map(str, node[1]))
        if depth == 0:
            return "…"
        inner = " ".join(self.show(c, depth - 1) for c in node[2:])
        mark = "" if node[1] is None else f":{node[1]}"
        return f"({node[0]}{mark} {inner})"
