"""Loads of what is known to be there, and stores of it.

Where a cell's content is known on every path (`available.py`) a load becomes that content: what was
stored or loaded last, or, where paths meet, a new block parameter that every edge passes its own
content. So a variable that the program keeps in memory comes out as a value; its stores stay, as
others may look. A store of what its cell holds already goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

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
    ValType,
    Value,
)
from ..ir.rebuild import Rebuild
from ..wasm.opcodes import BY_NAME
from .available import Available
from .cells import Access, Cells
from .ranges import most

_BYTES: Final = {0x7F: 4, 0x7E: 8, 0x7D: 4, 0x7C: 8, 0x7B: 16}
_CONVERT: Final = {
    (0x7D, 0x7F): BY_NAME["i32.reinterpret_f32"],
    (0x7F, 0x7D): BY_NAME["f32.reinterpret_i32"],
    (0x7C, 0x7E): BY_NAME["i64.reinterpret_f64"],
    (0x7E, 0x7C): BY_NAME["f64.reinterpret_i64"],
}
_WRAP: Final = BY_NAME["i32.wrap_i64"]
_EXTEND: Final = (BY_NAME["i64.extend_i32_u"], BY_NAME["i64.extend_i32_s"])


class Content(NamedTuple):
    """What a cell holds: the low bytes of a value, and whether the rest is zeros (0), copies of the
    sign (1) or something else (None)."""

    value: Value
    sign: int | None


@dataclass(slots=True)
class _New:
    """A block parameter to add: its cell, and the argument of each edge (by `id`)."""

    label: Label
    loop: Loop | None
    cell: int
    value: Value
    content: Content
    """What it begins with: the argument of a loop's entry, or of the first edge."""
    args: dict[int, Value] = field(default_factory=dict)


@dataclass(slots=True)
class Forward:
    """One run over a function. `replace` and `drop` are for `ir.rebuild.Rebuild`."""

    function: Function
    cells: Cells
    available: Available
    refused: set[int] = field(default_factory=set)
    """Cells that get no parameters, because their contents have different types on some edges."""
    replace: dict[int, Value] = field(default_factory=dict)
    drop: set[int] = field(default_factory=set)
    _new: list[_New] = field(default_factory=list)
    _wanted: int = 0
    _arrived: dict[int, list[tuple[Edge, dict[int, Content]]]] = field(default_factory=dict)
    _failed: set[int] = field(default_factory=set)

    def run(self) -> Function | None:
        """Return the changed copy of the function, None where nothing changes."""
        self._wanted = self._loaded()
        while True:
            self._new.clear()
            self.replace.clear()
            self.drop.clear()
            self._failed.clear()
            self._nodes(self.function.body, {})
            for new in self._new:
                if any(id(edge) not in new.args for edge in new.label.edges):
                    self._failed.add(new.cell)
            if not self._failed:
                break
            self.refused |= self._failed
        if not self.replace and not self.drop:
            return None
        with self._extended():
            return Rebuild(self.function, self.replace, self.drop).run()

    def _loaded(self) -> int:
        """Return the cells whose content is known at some load of them."""
        found = 0
        for anchor, state in self.available.before.items():
            access = self.cells.access[anchor]
            if not access.store and state >> access.cell & 1:
                found |= 1 << access.cell
        return found

    @contextmanager
    def _extended(self) -> Iterator[None]:
        """Add the new parameters to the graph for a while: the copy keeps those that are needed."""
        for new in self._new:
            new.label.params.append(new.value)
            for edge in new.label.edges:
                edge.args.append(new.args[id(edge)])
            if new.loop is not None:
                new.loop.entry.append(new.content.value)
        try:
            yield
        finally:
            for new in reversed(self._new):
                new.label.params.pop()
                for edge in new.label.edges:
                    edge.args.pop()
                if new.loop is not None:
                    new.loop.entry.pop()

    # The skeleton. Contents are copied where an edge leaves, and changed in place else.

    def _nodes(
        self, nodes: list[Node], state: dict[int, Content] | None
    ) -> dict[int, Content] | None:
        for node in nodes:
            if state is None:
                return None
            match node:
                case Anchor():
                    self._anchor(node, state)
                case Block():
                    self._nodes(node.body, state)
                    state = self._join(node.label)
                case If():
                    self._nodes(node.then, dict(state))
                    self._nodes(node.orelse, state)
                    state = self._join(node.label)
                case Loop():
                    state = self._loop(node, state)
                case BranchIf():
                    self._leave(node.edge, dict(state))
                case Branch():
                    self._leave(node.edge, state)
                    return None
                case BranchTable():
                    for edge in {id(e): e for e in node.edges}.values():
                        self._leave(edge, dict(state))
                    return None
                case Exit():
                    return None
        return state

    def _anchor(self, node: Anchor, state: dict[int, Content]) -> None:
        changed = self.available.effect(node)[0]
        access = self.cells.access.get(node.id)
        if access is None:
            _forget(state, changed)
            return
        cell = access.cell
        known = state.get(cell)
        safe = self.available.safe(node)
        if not access.store:
            if known is not None and safe:
                value = self._read(known, access, node)
                if value is not None:
                    self.replace[node.results[0].id] = value
                    self.drop.add(node.id)
                    return
            narrow = _narrow(node.results[0].type, access.size)
            state[cell] = Content(node.results[0], access.sign if narrow else 0)
            return
        value = self._resolved(node.args[-1])
        if known is not None and safe and known.value is value:
            self.drop.add(node.id)
            return
        _forget(state, changed)
        state[cell] = Content(value, _sign(value, access.size))

    def _resolved(self, value: Value) -> Value:
        while (other := self.replace.get(value.id)) is not None:
            value = other
        return value

    def _read(self, known: Content, access: Access, node: Anchor) -> Value | None:
        """Return the value that a load of a known content gives, None if it costs too much."""
        value, sign = known
        wanted = node.results[0].type
        if value.type == wanted:
            plain = not _narrow(wanted, access.size) or sign == access.sign
            return value if plain else None
        if not isinstance(wanted, int) or not isinstance(value.type, int):
            return None
        code = _CONVERT.get((value.type, wanted))
        if code is not None and _BYTES[wanted] == access.size:
            return self._pure(code, value, wanted, node)
        if value.type == 0x7E and wanted == 0x7F:
            if access.size == 4 or sign == access.sign:
                return self._pure(_WRAP, value, wanted, node)
        elif value.type == 0x7F and wanted == 0x7E and (access.size == 4 or sign == access.sign):
            return self._pure(_EXTEND[access.sign], value, wanted, node)
        return None

    def _pure(self, code: int, value: Value, type: ValType, node: Anchor) -> Value:
        return Value(self.function.fresh_id(), code, (value,), (), type, node.block)

    def _leave(self, edge: Edge, state: dict[int, Content]) -> None:
        self._arrived.setdefault(edge.label.id, []).append((edge, state))

    def _join(self, label: Label) -> dict[int, Content] | None:
        arrived = self._arrived.pop(label.id, None)
        if arrived is None:
            return None
        first = arrived[0][1]
        if len(arrived) == 1:
            return first
        joined: dict[int, Content] = {}
        for cell, content in first.items():
            contents = [state.get(cell) for _, state in arrived]
            if None in contents:
                continue
            if all(other == content for other in contents):
                joined[cell] = content
            elif self._may_join(cell, content):
                new = self._parameter(label, None, cell, content)
                for (edge, _), other in zip(arrived, contents, strict=True):
                    self._pass(new, edge, other)
                joined[cell] = Content(new.value, content.sign)
        return joined

    def _loop(self, node: Loop, state: dict[int, Content]) -> dict[int, Content] | None:
        label = node.label
        if not label.edges:
            return self._nodes(node.body, state)
        known = self.available.heads[label.id]
        changes = self.available.changes[label.id]
        inside: dict[int, Content] = {}
        made: list[_New] = []
        for cell, content in state.items():
            if not known >> cell & 1:
                continue
            if not changes >> cell & 1:
                inside[cell] = content
            elif self._may_join(cell, content):
                new = self._parameter(label, node, cell, content)
                made.append(new)
                inside[cell] = Content(new.value, content.sign)
        behind = self._nodes(node.body, inside)
        for edge, back in self._arrived.pop(label.id, ()):
            for new in made:
                self._pass(new, edge, back.get(new.cell))
        return behind

    def _may_join(self, cell: int, content: Content) -> bool:
        """Tell whether a cell may get a parameter: some load wants it, and a local can hold it."""
        if not self._wanted >> cell & 1 or cell in self.refused:
            return False
        return isinstance(content.value.type, int) and content.value.type in _BYTES

    def _parameter(self, label: Label, loop: Loop | None, cell: int, content: Content) -> _New:
        assert label.block is not None
        value = Value(self.function.fresh_id(), PHI, (), (), content.value.type, label.block)
        if loop is not None:
            value.origin = self._place(cell)
        new = _New(label, loop, cell, value, content)
        self._new.append(new)
        return new

    def _place(self, cell: int) -> tuple[Any, ...]:
        """Return the cell as a location of the original at a loop's head."""
        space, _, at, size = self.cells.keys[cell]
        kind, index = self.function.spaces.name(space)
        return (kind, index) if kind == "global" else ("cell", index, at, size)

    def _pass(self, new: _New, edge: Edge, content: Content | None) -> None:
        """Note the argument of an edge, or that the parameter cannot be."""
        like = new.content
        if content is None or (content.value.type, content.sign) != (like.value.type, like.sign):
            self._failed.add(new.cell)
        else:
            new.args[id(edge)] = content.value


def _narrow(type: ValType, size: int) -> bool:
    """Tell whether a value has more bytes than the cell (references and globals never)."""
    return size != 0 and isinstance(type, int) and size < _BYTES[type]


def _sign(value: Value, size: int) -> int | None:
    """Return what is known of the bytes of a stored value that the cell does not hold."""
    if not _narrow(value.type, size):
        return 0
    return 0 if most(value) >> 8 * size == 0 else None


def _forget(state: dict[int, Content], cells: int) -> None:
    if cells:
        for cell in [c for c in state if cells >> c & 1]:
            del state[cell]


def forward(function: Function, cells: Cells, available: Available) -> Function:
    """Return the function with known loads and needless stores gone, itself if there are none."""
    changed = Forward(function, cells, available).run()
    return function if changed is None else changed
