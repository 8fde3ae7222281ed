"""Loops that test before each round become loops that test after it, behind one test.

`while (c) { … }` becomes `if (c) { do { … } while (c) }`: what the loop does not change may be
computed before it, as it runs now at least once. Where there is nothing of that kind, a branch less
in each round is not worth the second test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ..ir.graph import (
    PHI,
    Branch,
    BranchIf,
    Edge,
    Function,
    Label,
    Loop,
    Node,
    Value,
    operands,
    walk,
)
from ..ir.rebuild import Rebuild
from ..wasm.opcodes import BY_NAME

LARGEST: Final = 12
"""Operations of a test that is written twice."""

_EQZ: Final = BY_NAME["i32.eqz"]
_I32: Final = 0x7F


def rotate(function: Function) -> Function:
    """Return the function with its loops rotated, itself if there is none to rotate."""
    loops = {id(n) for n in walk(function.body) if isinstance(n, Loop) and _fits(n)}
    return _Rotation(function, loops=loops).run() if loops else function


def _fits(node: Loop) -> bool:
    """Whether a loop leaves by one test at its head, and goes round by its last branch."""
    first, last = node.body[0], node.body[-1]
    return (
        isinstance(first, BranchIf)
        and isinstance(last, Branch)
        and node.label.edges == [last.edge]
        and first.edge.label.kind != "loop"
        and first.edge.label.edges == [first.edge]
        and _size(first, {p.id for p in node.label.params}) <= LARGEST
        and _keeps(node)
    )


def _keeps(node: Loop) -> bool:
    """Whether a loop computes something behind its test that no round changes."""
    head = node.label.block
    assert head is not None
    known: dict[int, bool] = {}

    def stays(value: Value) -> bool:
        found = known.get(value.id)
        if found is None:
            if value.op < 0:
                found = not head.dominates(value.block)
            else:
                found = all(stays(arg) for arg in value.args)
            known[value.id] = found
        return found

    pending = [value for inner in walk(node.body[1:]) for value in operands(inner)]
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        if value.id in seen:
            continue
        seen.add(value.id)
        if value.args and stays(value):
            return True
        pending += value.args
    return False


def _size(test: BranchIf, parameters: set[int]) -> int:
    """Operations that depend on the loop's parameters."""
    seen: set[int] = set()
    pending = [test.cond, *test.edge.args]
    while pending and len(seen) <= LARGEST:
        value = pending.pop()
        if value.id not in seen and value.args and _depends(value, parameters):
            seen.add(value.id)
            pending += value.args
    return len(seen)


def _depends(value: Value, parameters: set[int], depth: int = LARGEST) -> bool:
    if value.id in parameters:
        return True
    return depth == 0 or any(_depends(arg, parameters, depth - 1) for arg in value.args)


@dataclass(slots=True)
class _Ways:
    """How a rotated loop is left: the kept parameters on the way around it and behind it."""

    parameters: list[Value]
    around: list[Value]
    behind: list[Value] = field(default_factory=list)


@dataclass(slots=True)
class _Rotation(Rebuild):
    loops: set[int] = field(default_factory=set)
    _left: dict[int, _Ways] = field(default_factory=dict)
    """Label behind a rotated loop -> how it is left."""

    def _loop(self, node: Loop) -> None:
        if id(node) not in self.loops:
            Rebuild._loop(self, node)
            return
        test, last = node.body[0], node.body[-1]
        assert isinstance(test, BranchIf)
        assert isinstance(last, Branch)
        parameters = node.label.params
        entry = [self.value(value) for value in node.entry]
        # The test before the loop.
        before = self.block
        cond = self._copied(test.cond, parameters, entry)
        leaving = self._leave(test.edge, parameters, entry)
        self.block = self.new.new_block([before])
        self._nodes.append(BranchIf(cond, leaving, before, self.block))
        ways = self._left[test.edge.label.id] = _Ways(parameters, entry)
        # The loop without it.
        label = self._open(node.label)
        self.block = label.block = self.new.new_block([self.block])
        self._blocks[id(node.label.block)] = self._blocks[id(test.next_block)] = self.block
        for parameter in parameters:
            self._parameter(parameter, label)
        body: list[Node] = []
        self._nodes.append(Loop(label, entry, body))
        self._body(node.body[1:-1], body)
        if not self._dead:
            self._nodes, outer = body, self._nodes
            again = [self.value(value) for value in last.edge.args]
            ways.behind = again
            cond = self._copied(test.cond, parameters, again)
            cond = self.new.pure(_EQZ, (cond,), (), _I32, self.block)
            before = self.block
            round_ = Edge(label, again, before)
            label.edges.append(round_)
            self.block = self.new.new_block([before])
            body.append(BranchIf(cond, round_, before, self.block))
            body.append(Branch(self._leave(test.edge, parameters, again), self.block))
            self._nodes = outer
            self._dead = True
        label.block.preds += [e.source for e in label.edges]

    def _leave(self, old: Edge, parameters: list[Value], given: list[Value]) -> Edge:
        target = self._targets[old.label.id]
        args = [self._copied(old.args[k], parameters, given) for k in target.keep]
        edge = Edge(target.label, args, self.block)
        target.label.edges.append(edge)
        return edge

    def _copied(self, value: Value, parameters: list[Value], given: list[Value]) -> Value:
        """Return a value with the loop's parameters replaced by what they are given."""
        known = {p.id: g for p, g in zip(parameters, given, strict=True)}
        names = set(known)

        def copy(old: Value) -> Value:
            found = known.get(old.id)
            if found is None:
                if not _depends(old, names):
                    return self.value(old)
                args = tuple([copy(arg) for arg in old.args])
                found = self.new.pure(old.op, args, old.imm, old.type, self.block)
                known[old.id] = found
            return found

        return copy(value)

    def _join(self, old: Label, label: Label) -> None:
        Rebuild._join(self, old, label)
        ways = self._left.get(old.id)
        if ways is None or not ways.behind:
            return
        around, behind = label.edges
        for parameter, first, last in zip(ways.parameters, ways.around, ways.behind, strict=True):
            if first is last:
                self._values[parameter.id] = first
                continue
            assert label.block is not None
            value = self.new.leaf(PHI, (), parameter.type, label.block)
            label.params.append(value)
            around.args.append(first)
            behind.args.append(last)
            self._values[parameter.id] = value
