"""Function graphs to rows of the e-graph's input tables.

Every value of function number `ordinal` gets the integer `ordinal * 2**32 + value id`, in the
tables and as the id of its leaf. Pure operations that the signature knows become terms, all
else is a leaf. Loads and global reads are leaves *and* terms over the history of their space, so
rules find what they are equal to; histories are built here, along the skeleton.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..ir.graph import (
    PHI,
    Anchor,
    Block,
    Branch,
    BranchIf,
    BranchTable,
    Edge,
    Exit,
    Function,
    If,
    Label,
    Loop,
    Node,
    Value,
    gather,
    operands,
    walk,
)
from ..rules import signature
from ..wasm.opcodes import OPCODES

ORDINAL_SHIFT: Final = 32
"""Value ids stay below 2**32: a body has at most that many bytes."""

MAX_STORES_PASSED: Final = 64
"""A load looks back over so many stores that cannot alias: beyond it rows would be quadratic."""

NESTING: Final = 20_000
"""Python frames allowed: constructs nest up to the lowering's limit, a few frames for each."""

SORTS: Final = {0x7F: "I32", 0x7E: "I64", 0x7D: "F32", 0x7C: "F64", 0x7B: "V128"}
"""Sort of a value type; every other type is a reference."""

_CONSTANTS: Final = {0x41: "I32", 0x42: "I64", 0x43: "F32", 0x44: "F64", 0xFD000C: "V128"}
_SELECT: Final = 0x1B
_I32_CONST: Final = 0x41
_I32_ADD: Final = 0x6A
_I32: Final = 0x7F
_ENTRY: Final = -1


def _terms() -> dict[int, str]:
    """Return the constructor of every opcode that is a term of its operands alone."""
    return {
        code: row.name
        for code, row in OPCODES.items()
        if row.name in signature.CONSTRUCTORS and not row.immediates
    }


TERMS: Final = _terms()
"""Opcode to constructor name, for operations without immediates (`select` apart)."""

_LOADS: Final = {
    code: read
    for code, row in OPCODES.items()
    if row.effect == "load" and (read := signature.load_shape(row.name)) is not None
}
_STORES: Final = {
    code: written
    for code, row in OPCODES.items()
    if row.effect == "store" and (written := signature.store_shape(row.name)) is not None
}


def sort_of(value: Value) -> str:
    """Return the sort of a value."""
    return SORTS.get(value.type, "Ref") if isinstance(value.type, int) else "Ref"


def is_term(value: Value) -> bool:
    """Tell whether a value stands in the e-graph as a term (else it is a leaf)."""
    op = value.op
    return op in TERMS or op in _CONSTANTS or (op == _SELECT and value.type in SORTS)


@dataclass(slots=True)
class Rows:
    """Input tables of a batch: constructor name to lines of tab-separated integers, id first."""

    lines: dict[str, list[str]] = field(default_factory=dict)

    def table(self, name: str) -> list[str]:
        """Return the (growing) lines of a constructor."""
        found = self.lines.get(name)
        if found is None:
            found = self.lines[name] = []
        return found

    @property
    def count(self) -> int:
        """Number of rows."""
        return sum(len(lines) for lines in self.lines.values())


@dataclass(frozen=True, slots=True)
class Encoded:
    """What of a function stands in the batch: its graph, its number and its values.

    `values` holds every value that the skeleton needs, operands before their users.
    """

    function: Function
    ordinal: int
    values: Sequence[Value]


def encode(function: Function, ordinal: int, rows: Rows) -> Encoded:
    """Append the rows of a function graph as number `ordinal` of its batch."""
    values = reachable_values(function)
    base = ordinal << ORDINAL_SHIFT
    _Terms(rows, base).add(values)
    if sys.getrecursionlimit() < NESTING:
        sys.setrecursionlimit(NESTING)
    _Histories(rows, ordinal, {v.id for v in values}).run(function)
    return Encoded(function, ordinal, values)


def reachable_values(function: Function) -> list[Value]:
    """Return the values that the skeleton uses or makes, operands before users."""
    found: list[Value] = list(function.arguments)
    seen = {v.id for v in found}
    for node in walk(function.body):
        for root in operands(node):
            if root.id not in seen:
                _postorder(root, seen, found)
        if isinstance(node, Anchor):
            made: Sequence[Value] = node.results
        elif isinstance(node, (Block, If, Loop)):
            made = node.label.params
        else:
            continue
        for value in made:
            if value.id not in seen:
                seen.add(value.id)
                found.append(value)
    return found


def _postorder(root: Value, seen: set[int], found: list[Value]) -> None:
    stack = [root]
    while stack:
        value = stack[-1]
        if value.id in seen:
            stack.pop()
            continue
        missing = [a for a in value.args if a.id not in seen]
        if missing:
            stack += reversed(missing)
            continue
        seen.add(value.id)
        found.append(value)
        stack.pop()


@dataclass(slots=True)
class _Terms:
    """Rows of pure values."""

    rows: Rows
    base: int

    def add(self, values: Sequence[Value]) -> None:
        base = self.base
        tables = self.rows.lines
        names = TERMS
        for value in values:
            op = value.op
            number = base + value.id
            name = names.get(op)
            if name is not None:
                args = value.args
                if len(args) == 2:
                    line = f"{number}\t{base + args[0].id}\t{base + args[1].id}"
                else:
                    line = f"{number}\t{base + args[0].id}"
            elif op in _CONSTANTS:
                sort = _CONSTANTS[op]
                name = f"{sort.lower()}.const"
                constant = signature.constant_row(sort, _integer(value.imm[0]))
                line = "\t".join([str(number), *map(str, constant)])
            elif op == _SELECT and value.type in SORTS:
                a, b, c = value.args
                name = f"select.{sort_of(value)}"
                line = f"{number}\t{base + a.id}\t{base + b.id}\t{base + c.id}"
            else:
                name = f"leaf.{sort_of(value)}"
                line = f"{number}\t{number}"
            table = tables.get(name)
            if table is None:
                tables[name] = [line]
            else:
                table.append(line)


@dataclass(frozen=True, slots=True)
class _State:
    """The history of every space at a point: one for all that has no own."""

    base: int
    own: dict[int, int]
    """Space to token number."""


@dataclass(frozen=True, slots=True)
class _Store:
    """What a history term says, for looking past it: it lies at `root + shift + offset`."""

    before: int
    root: int | None
    shift: int
    offset: int
    size: int


@dataclass(slots=True)
class _Histories:
    """Rows of histories, of what is read from them, and of merges."""

    rows: Rows
    ordinal: int
    needed: set[int]
    base: int = field(init=False)
    next_token: int = 0
    at_label: dict[int, list[_State]] = field(default_factory=dict)
    loop_writes: dict[int, int] = field(default_factory=dict)
    lazy: dict[tuple[int, int], int] = field(default_factory=dict)
    stores: dict[int, _Store] = field(default_factory=dict)
    wrapped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.base = self.ordinal << ORDINAL_SHIFT

    def run(self, function: Function) -> None:
        """Walk the skeleton."""
        gather(function.body, lambda anchor: anchor.effect.writes, self.loop_writes)
        self._nodes(function.body, _State(_ENTRY, {}))

    def _token(self) -> int:
        self.next_token += 1
        return self.base + self.next_token - 1

    def _opaque(self) -> int:
        token = self._token()
        self.rows.table("tok.opaque").append(f"{token}\t{token}")
        return token

    def _read(self, state: _State, space: int) -> int:
        """Return the token of a space."""
        own = state.own.get(space)
        if own is not None:
            return own
        known = self.lazy.get((state.base, space))
        if known is not None:
            return known
        if state.base == _ENTRY:
            token = self._token()
            line = f"{token}\t{self.ordinal}\t{space.bit_length()}"
            self.rows.table("tok.entry").append(line)
        else:
            token = self._opaque()
        self.lazy[state.base, space] = token
        return token

    def _changed(self, state: _State, writes: int) -> _State:
        """Return the state after something unknown wrote these spaces."""
        if writes < 0:
            return _State(self._token(), {})
        own = dict(state.own)
        while writes:
            space = writes & -writes
            writes ^= space
            own[space] = self._opaque()
        return _State(state.base, own)

    def _merge(self, states: list[_State]) -> _State:
        first = states[0]
        if all(s is first for s in states):
            return first
        spaces = sorted({space for s in states for space in s.own})
        own: dict[int, int] = {}
        same_base = all(s.base == first.base for s in states)
        for space in spaces:
            if same_base or all(space in s.own for s in states):
                tokens = {self._read(s, space) for s in states}
                own[space] = tokens.pop() if len(tokens) == 1 else self._opaque()
        return _State(first.base if same_base else self._token(), own)

    # The skeleton. Each step returns the state behind it, None where nothing goes on.

    def _nodes(self, nodes: list[Node], state: _State | None) -> _State | None:
        for node in nodes:
            if state is None:
                return None
            match node:
                case Anchor():
                    state = self._anchor(node, state)
                case Block():
                    self._nodes(node.body, state)
                    _block_gamma(self, node)
                    state = self._join(node.label)
                case Loop():
                    writes = self.loop_writes[node.label.id]
                    inside = self._changed(state, writes) if writes else state
                    state = self._nodes(node.body, inside)
                case If():
                    self._nodes(node.then, state)
                    self._nodes(node.orelse, state)
                    _if_gamma(self, node)
                    state = self._join(node.label)
                case BranchIf():
                    self._leave(node.edge, state)
                case Branch():
                    self._leave(node.edge, state)
                    return None
                case BranchTable():
                    for edge in {id(e): e for e in node.edges}.values():
                        self._leave(edge, state)
                    return None
                case Exit():
                    return None
        return state

    def _leave(self, edge: Edge, state: _State) -> None:
        if edge.label.kind != "loop":
            self.at_label.setdefault(edge.label.id, []).append(state)

    def _join(self, label: Label) -> _State | None:
        states = self.at_label.pop(label.id, None)
        return None if states is None else self._merge(states)

    def _anchor(self, node: Anchor, state: _State) -> _State:
        op = node.op
        if op in _LOADS and node.args[0].type == _I32:
            self._load(node, state)
            return state
        if op in _STORES and node.args[0].type == _I32:
            return self._store(node, state)
        if op == 0x23:
            result = node.results[0]
            token = self._read(state, node.effect.reads)
            self.rows.table(f"get.{sort_of(result)}").append(f"{self.base + result.id}\t{token}")
            return state
        if op == 0x24:
            token, before = self._token(), self._read(state, node.effect.writes)
            stored = self._wrap(node.args[0])
            self.rows.table("tok.set").append(f"{token}\t{before}\t{stored}")
            return _State(state.base, {**state.own, node.effect.writes: token})
        name = TERMS.get(op)
        if name is not None:  # arithmetic that may trap: its value is that of the total term
            ids = "\t".join(str(self.base + a.id) for a in node.args)
            self.rows.table(name).append(f"{self.base + node.results[0].id}\t{ids}")
        return self._changed(state, node.effect.writes) if node.effect.writes else state

    def _wrap(self, value: Value) -> int:
        """Return the number of the `Val` term around a value."""
        number = self.base + value.id
        if number not in self.wrapped:
            self.wrapped.add(number)
            self.rows.table(f"val.{sort_of(value)}").append(f"{number}\t{number}")
        return number

    def _load(self, node: Anchor, state: _State) -> None:
        sort, size, sign = _LOADS[node.op]
        offset = _integer(node.imm[1])
        space = node.effect.reads & -node.effect.reads
        token = self._read(state, space)
        root, shift = _address(node.args[0])
        for _ in range(MAX_STORES_PASSED):
            store = self.stores.get(token)
            if store is None or not _disjoint(store, root, shift, offset, size):
                break
            token = store.before
        address = self.base + node.args[0].id
        self.rows.table(f"load.{sort}").append(
            f"{self.base + node.results[0].id}\t{token}\t{address}\t{offset}\t{size}\t{sign}"
        )

    def _store(self, node: Anchor, state: _State) -> _State:
        _, size = _STORES[node.op]
        offset = _integer(node.imm[1])
        space = node.effect.writes
        before, token = self._read(state, space), self._token()
        address, value = node.args
        self.rows.table("tok.store").append(
            f"{token}\t{before}\t{self.base + address.id}\t{offset}\t{size}\t{self._wrap(value)}"
        )
        root, shift = _address(address)
        self.stores[token] = _Store(before, root, shift, offset, size)
        return _State(state.base, {**state.own, space: token})

    def gamma(self, cond: Value, params: list[Value], yes: list[Value], no: list[Value]) -> None:
        """Say of block parameters that they are `yes` where the condition is not 0, else `no`."""
        base = self.base
        for parameter, a, b in zip(params, yes, no, strict=True):
            if parameter.op == PHI and parameter.id in self.needed:
                line = f"{base + parameter.id}\t{base + cond.id}\t{base + a.id}\t{base + b.id}"
                self.rows.table(f"gamma.{sort_of(parameter)}").append(line)


def _if_gamma(histories: _Histories, node: If) -> None:
    edges = node.label.edges
    if len(edges) != 2 or not node.label.params or not node.then or not node.orelse:
        return
    yes, no = node.then[-1], node.orelse[-1]
    if not isinstance(yes, Branch) or not isinstance(no, Branch):
        return
    if {id(yes.edge), id(no.edge)} == {id(e) for e in edges}:
        histories.gamma(node.cond, node.label.params, yes.edge.args, no.edge.args)


def _block_gamma(histories: _Histories, node: Block) -> None:
    """See through `block ... br_if ... end`: one conditional way out and the end itself."""
    edges = node.label.edges
    if len(edges) != 2 or not node.label.params:
        return
    last = node.body[-1]
    if not isinstance(last, Branch) or all(last.edge is not e for e in edges):
        return
    for inner in node.body[:-1]:
        if (
            isinstance(inner, BranchIf)
            and inner.edge.label is node.label
            and inner.edge.source.dominates(last.edge.source)
        ):
            histories.gamma(inner.cond, node.label.params, inner.edge.args, last.edge.args)


def _address(value: Value) -> tuple[int | None, int]:
    """Split an address into a root value (its id, None for none) and a constant, modulo 2**32."""
    shift = 0
    while value.op == _I32_ADD:
        a, b = value.args
        if b.op == _I32_CONST:
            value, constant = a, b
        elif a.op == _I32_CONST:
            value, constant = b, a
        else:
            break
        shift += _integer(constant.imm[0])
    if value.op == _I32_CONST:
        return None, shift + _integer(value.imm[0])
    return value.id, shift


def _disjoint(store: _Store, root: int | None, shift: int, offset: int, size: int) -> bool:
    """Tell whether an access cannot meet the bytes of a store.

    Equal roots: the addresses differ by a constant modulo 2**32, so as effective addresses (33
    bits, offsets do not wrap) by that constant or by it less 2**32; neither may overlap.
    """
    if store.root != root:
        return False
    apart = (shift - store.shift) & 0xFFFF_FFFF
    for difference in (apart, apart - (1 << 32)):
        distance = difference + offset - store.offset
        if -size < distance < store.size:
            return False
    return True


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value
