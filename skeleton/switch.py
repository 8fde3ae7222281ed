"""Chains of tests of one value against constants become one `br_table`.

Three shapes: `if x = 1 … else if x = 2 …`; one `if` after another, where the arms give no values
(an arm that falls out has taken its decision, as values never change: it passes the other tests);
and a row of `br_if`s. The graph is changed in place, and must be rebuilt before anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from ..ir.blocks import BasicBlock
from ..ir.graph import (
    Block,
    Branch,
    BranchIf,
    BranchTable,
    Edge,
    Function,
    If,
    Label,
    Loop,
    Node,
    Value,
    walk,
)
from ..ir.rebuild import Rebuild, constant_i32
from ..wasm.opcodes import BY_NAME

LEAST: Final = 3
"""Tests from which a table is worth trying: two tests cost what the table does."""
SPREAD: Final = 4
"""Entries of a table for each constant: an entry is a byte, a test six."""
BASE: Final = 16
"""Constants from which the least is subtracted first: below it entries are cheaper."""

_EQ: Final = BY_NAME["i32.eq"]
_NE: Final = BY_NAME["i32.ne"]
_EQZ: Final = BY_NAME["i32.eqz"]
_ADD: Final = BY_NAME["i32.add"]
_SUB: Final = BY_NAME["i32.sub"]
_XOR: Final = BY_NAME["i32.xor"]
_CONST: Final = BY_NAME["i32.const"]
_I32: Final = 0x7F
_MASK: Final = 0xFFFF_FFFF


class _Test(NamedTuple):
    """A condition: `value` is `constant` (or is not)."""

    value: Value
    constant: int
    equal: bool


def _test(cond: Value) -> _Test | None:
    """Return what a condition asks; differences that are compared with zero are seen through."""
    if cond.op == _EQZ:
        return _shifted(cond.args[0], True)
    if cond.op in (_EQ, _NE):
        for value, other in (cond.args, cond.args[::-1]):
            constant = constant_i32(other)
            if constant is not None:
                return _Test(value, constant & _MASK, cond.op == _EQ)
    if cond.type == _I32 and cond.op != _CONST:
        return _shifted(cond, False)
    return None


def _shifted(value: Value, equal: bool) -> _Test:
    """Return the test of a value against zero."""
    if value.op in (_ADD, _SUB, _XOR):
        constant = constant_i32(value.args[1])
        if constant is not None:
            known = -constant if value.op == _ADD else constant
            return _Test(value.args[0], known & _MASK, equal)
    return _Test(value, 0, equal)


class _Arm(NamedTuple):
    """What a chain does for one constant: nodes that end in a terminator."""

    constant: int
    nodes: list[Node]
    node: If


def tests_to_tables(function: Function) -> Function:
    """Return the function with chains of tests as tables, itself if there are none."""
    if sum(isinstance(node, (If, BranchIf)) for node in walk(function.body)) < LEAST:
        return function
    copy = Rebuild(function).run()
    work = _Switches(copy)
    work.lists(copy.body)
    return Rebuild(copy).run() if work.changed else function


@dataclass(slots=True)
class _Switches:
    """Rewrites the lists of one graph, outer ones first."""

    function: Function
    changed: bool = False

    def lists(self, nodes: list[Node]) -> None:
        """Rewrite a list and all lists below it."""
        self._nest(nodes)
        self._rows(nodes)
        for position, node in enumerate(nodes):
            if isinstance(node, If):
                nodes[position] = self._table_of(node) or node
        for node in nodes:
            if isinstance(node, (Block, Loop)):
                self.lists(node.body)
            elif isinstance(node, If):
                self.lists(node.then)
                self.lists(node.orelse)

    def _nest(self, nodes: list[Node]) -> None:
        """Put each of several tests in a row into the other arm of the one before it."""
        start = 0
        while start < len(nodes):
            run = _run_of(nodes, start)
            if len(run) >= LEAST and self._entries([arm.constant for arm in run]) is not None:
                for position in range(start + len(run) - 2, start - 1, -1):
                    outer = nodes[position]
                    assert isinstance(outer, If)
                    _rest(outer).insert(0, nodes.pop(position + 1))
            start += max(1, len(run))

    def _rows(self, nodes: list[Node]) -> None:
        """Make a table of several `br_if`s in a row."""
        start = 0
        while start < len(nodes):
            row = _row_of(nodes, start)
            known = {}
            for constant, node in row:
                known[constant] = node.edge
            entries = self._entries(list(known)) if len(row) >= LEAST else None
            if entries is not None:
                first = row[0][1]
                test = _test(first.cond)
                assert test is not None
                label = Label(self.function.fresh_id(), "block")
                table = self._table(test.value, known, label, entries, first.block)
                nodes[start : start + len(row)] = [Block(label, [table])]
                self.changed = True
            start += 1

    def _table_of(self, node: If) -> Block | None:
        """Return a block with a table for a chain of tests, None if it is not worth it."""
        arms, default = _chain_of(node)
        entries = self._entries([arm.constant for arm in arms]) if len(arms) >= LEAST else None
        if entries is None:
            return None
        test = _test(node.cond)
        assert test is not None
        fresh = self.function.fresh_id
        labels = [Label(fresh(), "block") for _ in arms]
        known = {}
        for arm, label in zip(arms, labels, strict=True):
            known[arm.constant] = Edge(label, [], node.block)
            label.edges.append(known[arm.constant])
        last = Label(fresh(), "block")
        body: list[Node] = [self._table(test.value, known, last, entries, node.block)]
        for arm, label in zip(arms, labels, strict=True):
            body = [Block(label, body), *arm.nodes]
        body = [Block(last, body), *default]
        inner = arms[-1].node.label
        inner.kind = "block"
        made = Block(inner, body)
        for arm in reversed(arms[:-1]):
            label = arm.node.label
            label.kind = "block"
            made = Block(label, [made, *_rest(arm.node)[1:]])
        self.changed = True
        return made

    def _entries(self, constants: list[int]) -> tuple[int, int] | None:
        """Return least constant and number of entries of a table; None if it would be sparse."""
        if not constants:
            return None
        least = min(constants)
        if least < BASE and max(constants) < SPREAD * len(constants):
            least = 0
        count = max(constants) - least + 1
        return (least, count) if count <= SPREAD * len(constants) else None

    def _table(
        self,
        value: Value,
        known: dict[int, Edge],
        default: Label,
        entries: tuple[int, int],
        block: BasicBlock,
    ) -> BranchTable:
        least, count = entries
        fresh = self.function.fresh_id
        if least:
            entry = self.function.blocks[0]
            signed = (-least ^ 1 << 31) % (1 << 32) - (1 << 31)
            constant = Value(fresh(), _CONST, (), (signed,), _I32, entry)
            value = Value(fresh(), _ADD, (value, constant), (), _I32, block)
        other = Edge(default, [], block)
        default.edges.append(other)
        listed = [known.get(least + k, other) for k in range(count)]
        return BranchTable(value, [*listed, other], block)


def _arm(node: If) -> list[Node]:
    """Return the arm for the constant."""
    test = _test(node.cond)
    assert test is not None
    return node.then if test.equal else node.orelse


def _rest(node: If) -> list[Node]:
    """Return the arm for every other value."""
    test = _test(node.cond)
    assert test is not None
    return node.orelse if test.equal else node.then


def _chain_of(node: If) -> tuple[list[_Arm], list[Node]]:
    """Return the arms of a chain of tests of one value, and what happens else."""
    first = _test(node.cond)
    arms: list[_Arm] = []
    default: list[Node] = []
    current: Node = node
    while isinstance(current, If):
        test = _test(current.cond)
        if test is None or first is None or test.value is not first.value:
            break
        if any(arm.constant == test.constant for arm in arms):
            break
        arms.append(_Arm(test.constant, _arm(current), current))
        default = _rest(current)
        if len(default) != 2 or not isinstance(default[1], Branch):
            break
        if default[1].edge.label is not current.label:
            break
        current = default[0]
    return arms, default


def _run_of(nodes: list[Node], start: int) -> list[_Arm]:
    """Return the arms of tests of one value in a row that give no values."""
    found: list[_Arm] = []
    value: Value | None = None
    for node in nodes[start:]:
        if not isinstance(node, If) or node.label.params:
            break
        test = _test(node.cond)
        if test is None or (value is not None and test.value is not value):
            break
        rest = _rest(node)
        if len(rest) != 1 or not isinstance(rest[0], Branch):
            break
        if rest[0].edge.label is not node.label:
            break
        if any(arm.constant == test.constant for arm in found):
            break
        value = test.value
        found.append(_Arm(test.constant, _arm(node), node))
    return found


def _row_of(nodes: list[Node], start: int) -> list[tuple[int, BranchIf]]:
    """Return the `br_if`s in a row that test one value, each with its constant."""
    found: list[tuple[int, BranchIf]] = []
    labels: set[int] = set()
    value: Value | None = None
    for node in nodes[start:]:
        if not isinstance(node, BranchIf):
            break
        test = _test(node.cond)
        if test is None or not test.equal or (value is not None and test.value is not value):
            break
        # All entries for one label pass the same values.
        if node.edge.label.id in labels or any(test.constant == other for other, _ in found):
            break
        labels.add(node.edge.label.id)
        value = test.value
        found.append((test.constant, node))
    return found
