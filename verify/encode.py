"""Terms as Z3 expressions, each query in a context of its own.

Loads are eliminated by reading through stores and merges byte by byte; what lies below is an
uninterpreted function of the address. Opaque operators over values are uninterpreted functions;
whatever depends on states (events, tables) is a free symbol per term, which is sound: it proves
the claim for all values they may have. Terms in ``cut`` become free symbols as well.
"""

from collections.abc import Iterable
from typing import Any, Final

import z3  # type: ignore[import-untyped]

from . import z3ops
from .concrete import OPERATORS
from .terms import FALSE, STATE, TRUE, Terms

MAX_READS: Final = 4_000
"""Bytes read through stores in one query."""


class TooComplex(Exception):
    """A query would become too large to be worth asking."""


class Encoder:
    """One query's worth of Z3 expressions."""

    def __init__(self, terms: Terms, cut: Iterable[int] = ()) -> None:
        self.terms = terms
        self.cut = frozenset(cut)
        self.context = z3.Context()
        self.done: dict[int, Any] = {}
        self.symbols: dict[int, Any] = {}
        self._bytes: dict[tuple[int, int], Any] = {}
        self._reads = 0

    def encode(self, term: int) -> Any:  # noqa: ANN401
        """The expression of a value or Boolean term."""
        for each in self._needed(term):
            if each not in self.done:
                self.done[each] = self._one(each)
        return self.done[term]

    def byte(self, memory: int, address: Any) -> Any:  # noqa: ANN401
        """The byte of a memory term at a Z3 address."""
        key = (memory, address.get_id())
        found = self._bytes.get(key)
        if found is not None:
            return found
        self._reads += 1
        if self._reads > MAX_READS:
            raise TooComplex("too many bytes read through stores")
        node = self.terms.nodes[memory]
        if node[0] == "store":
            found = self.byte(node[2], address)
            start, value = self.encode(node[3]), self.encode(node[4])
            for i in range(node[1]):
                part = z3.Extract(8 * i + 7, 8 * i, value)
                found = z3.If(address == start + i, part, found)
        elif node[0] == "ite":
            hi, lo = self.byte(node[3], address), self.byte(node[4], address)
            found = z3.If(self.encode(node[2]), hi, lo)
        else:
            sort = z3.BitVecSort(8, self.context)
            found = z3.Function(f"m{memory}", address.sort(), sort)(address)
        self._bytes[key] = found
        return found

    def differ(self, a: int, b: int) -> Any:  # noqa: ANN401
        """That two terms of one width differ; two memories differ at some address."""
        if self.terms.widths[a] != STATE:
            return self.encode(a) != self.encode(b)
        width = self._address_width(a) or self._address_width(b)
        if width is None:
            return self.encode(a) != self.encode(b)
        where = z3.BitVec("where", width, self.context)
        return self.byte(a, where) != self.byte(b, where)

    def _address_width(self, memory: int) -> int | None:
        """Bits of the addresses of a memory term, ``None`` for other states."""
        pending, seen = [memory], set()
        nodes = self.terms.nodes
        while pending:
            at = pending.pop()
            if at in seen:
                continue
            seen.add(at)
            node = nodes[at]
            if node[0] == "store":
                return self.terms.widths[node[3]]
            if node[0] == "ite":
                pending += node[3:]
        return None

    def _needed(self, term: int) -> list[int]:
        """The terms below in order of creation, without what loads look at themselves."""
        nodes, seen, pending = self.terms.nodes, set(), [term]
        while pending:
            at = pending.pop()
            if at in seen or at in self.done:
                continue
            seen.add(at)
            node = nodes[at]
            if at in self.cut:
                continue
            if node[0] == "load":
                pending.append(node[3])
            elif self._is_opaque(node):
                continue
            else:
                pending += node[2:]
        return sorted(seen)

    def _is_opaque(self, node: tuple[Any, ...]) -> bool:
        """Whether the node is a free symbol, because it depends on states."""
        widths = self.terms.widths
        return node[0] in ("v", "store", "bulk", "event") or any(
            widths[c] == STATE for c in node[2:] if node[0] != "ite"
        )

    def _symbol(self, term: int) -> Any:  # noqa: ANN401
        width = self.terms.widths[term]
        if width == 0:
            found = z3.Bool(f"t{term}", self.context)
        else:
            found = z3.BitVec(f"t{term}", 64 if width == STATE else width, self.context)
        self.symbols[term] = found
        return found

    def _one(self, term: int) -> Any:  # noqa: ANN401
        if term in (TRUE, FALSE):
            return z3.BoolVal(term == TRUE, self.context)
        node, width = self.terms.nodes[term], self.terms.widths[term]
        if node[0] == "load" and term not in self.cut:
            address = self.done[node[3]]
            parts = [self.byte(node[2], address + i) for i in range(node[1])]
            return z3.Concat(*reversed(parts)) if len(parts) > 1 else parts[0]
        if term in self.cut or self._is_opaque(node):
            return self._symbol(term)
        children = [self.done[c] for c in node[2:]]
        match node[0]:
            case "c":
                return z3.BitVecVal(node[1][0], width, self.context)
            case "ite":
                return z3.If(*children)
            case "nz":
                return children[0] != 0
            case "lt_u":
                return z3.ULT(*children)
            case "lt_s":
                return children[0] < children[1]
            case "lin":
                return self._linear(node[1], children, width)
            case "ext":
                return z3.Extract(node[1] + width - 1, node[1], children[0])
            case "zext":
                return z3.ZeroExt(width - children[0].size(), children[0])
            case "sext":
                return z3.SignExt(width - children[0].size(), children[0])
            case "oob":
                return self._outside(node[1], children)
        return self._operator(node, children, width)

    def _linear(self, shape: tuple[int, tuple[int, ...]], parts: list[Any], width: int) -> Any:  # noqa: ANN401
        constant, factors = shape
        total = None
        for factor, part in zip(factors, parts, strict=True):
            product = part if factor == 1 else part * z3.BitVecVal(factor, width, self.context)
            total = product if total is None else total + product
        if constant or total is None:
            value = z3.BitVecVal(constant, width, self.context)
            total = value if total is None else total + value
        return total

    def _outside(self, shape: tuple[int, int], children: list[Any]) -> Any:  # noqa: ANN401
        """``address + end > pages << shift`` in 128 bits, where nothing wraps."""
        end, shift = shape
        pages, address = (z3.ZeroExt(128 - c.size(), c) for c in children)
        return z3.UGT(address + end, pages << shift)

    def _operator(self, node: tuple[Any, ...], children: list[Any], width: int) -> Any:  # noqa: ANN401
        if node[0] in OPERATORS and width != 0:
            return z3ops.apply(node[0], children)
        name = f"{node[0]}:{node[1]}"
        if width == 0:
            return z3ops.uninterpreted(name, children, 1) == 1
        return z3ops.uninterpreted(name, children, width)
