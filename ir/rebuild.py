"""Copy a function graph with changes.

Every transformation of the skeleton goes through here: values are made again (so equal ones are
shared again), branches with a known condition are folded, labels with a single edge lose their
parameters, and nothing unreachable is copied. The old graph stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from .blocks import BasicBlock
from .effects import Effect
from .graph import (
    PHI,
    RESULT,
    Anchor,
    Block,
    Branch,
    BranchIf,
    BranchTable,
    Edge,
    Exit,
    Function,
    If,
    Imm,
    Label,
    Loop,
    Node,
    ValType,
    Value,
)

Substitute: TypeAlias = "Callable[[Value, BasicBlock, Rebuild], Value | None]"
Condition: TypeAlias = "Callable[[Value], int | None]"
Expand: TypeAlias = "Callable[[Anchor, Rebuild], bool]"

_I32_CONST = 0x41
_SELECT = 0x1B


def constant_i32(value: Value) -> int | None:
    """Return the number if the value is an `i32.const`."""
    if value.op != _I32_CONST:
        return None
    found = value.imm[0]
    assert isinstance(found, int)
    return found


@dataclass(slots=True)
class _Target:
    """What a label of the old graph has become."""

    label: Label
    keep: list[int]
    """Positions of the old parameters that still need an argument at each edge."""


@dataclass(slots=True)
class Rebuild:
    """One copy of `old`.

    Attributes:
        replace: old value id -> old value that stands for it (followed to its end).
        drop: ids of anchors and block parameters that nothing needs.
        condition: the number that an old condition always has, or `None`.
        substitute: called with an old value that is no leaf, the new block it is wanted in and
            this object; may return a new value to use there.
        once: ids of the labels of loops whose back edges are never taken, as `condition` says;
            `replace` has their parameters.
        expand: called with an old anchor; true if it has put something else in its place (`add`).
        decided: ids (`id`) of old branches and ifs to the number that their condition has there.
    """

    old: Function
    replace: Mapping[int, Value] = field(default_factory=dict)
    drop: Set[int] = frozenset()
    condition: Condition = constant_i32
    substitute: Substitute | None = None
    once: Set[int] = frozenset()
    expand: Expand | None = None
    decided: Mapping[int, int] = field(default_factory=dict)
    new: Function = field(init=False)
    block: BasicBlock = field(init=False)
    _nodes: list[Node] = field(init=False)
    _dead: bool = False
    _values: dict[int, Value] = field(default_factory=dict)
    _blocks: dict[int, BasicBlock] = field(default_factory=dict)
    _targets: dict[int, _Target] = field(default_factory=dict)

    def run(self) -> Function:
        """Return the copy."""
        old = self.old
        self.new = new = Function(old.index, old.params, old.results, old.spaces)
        self.block = new.new_block([])
        self._blocks[id(old.blocks[0])] = self.block
        for value in old.arguments:
            copy = new.leaf(value.op, value.imm, value.type, self.block)
            new.arguments.append(copy)
            self._values[value.id] = copy
        self._nodes = new.body
        self._copy(old.body)
        return new

    # Values.

    def value(self, old: Value, at: BasicBlock | None = None) -> Value:
        """Return the copy of an old value for a use in the new block `at` (default: here)."""
        if at is None:
            at = self.block
        while (other := self.replace.get(old.id)) is not None:
            old = other
        known = self._values.get(old.id)
        if known is not None and (old.op < 0 or known.block.dominates(at)):
            return known
        assert old.op >= 0, "a leaf is used where it is not defined"
        home = self._blocks.get(id(old.block))
        if home is None or not home.dominates(at):
            home = at
        made = None
        if self.substitute is not None:
            made = self.substitute(old, home, self)
        if made is None:
            args = tuple([self.value(a, home) for a in old.args])
            made = self.new.pure(old.op, args, old.imm, old.type, home)
        self._values[old.id] = made
        return made

    def copy_of(self, old: Value) -> Value | None:
        """Return what an old value has become, None if nothing needed it."""
        while (other := self.replace.get(old.id)) is not None:
            old = other
        return self._values.get(old.id)

    # Skeleton.

    def _copy(self, nodes: list[Node]) -> None:
        """Append copies of `nodes` to the current list until nothing more is reached."""
        for node in nodes:
            if self._dead:
                return
            match node:
                case Anchor():
                    self._anchor(node)
                case Block():
                    self._block(node)
                case Loop():
                    self._loop(node)
                case If():
                    self._if(node)
                case Branch():
                    self._nodes.append(Branch(self._edge(node.edge), self.block))
                    self._dead = True
                case BranchIf():
                    self._branch_if(node)
                case BranchTable():
                    self._branch_table(node)
                case Exit():
                    args = [self.value(a) for a in node.args]
                    self._nodes.append(Exit(node.op, args, node.imm, self.block))
                    self._dead = True

    def _anchor(self, node: Anchor) -> None:
        if node.id in self.drop or (self.expand is not None and self.expand(node, self)):
            return
        args = [self.value(a) for a in node.args]
        types = [old.type for old in node.results]
        results = self.add(node.op, args, node.imm, types, node.effect)
        for old, value in zip(node.results, results, strict=True):
            self._values[old.id] = value

    def add(
        self, op: int, args: list[Value], imm: Imm, types: Sequence[ValType], effect: Effect
    ) -> tuple[Value, ...]:
        """Append an anchor over new values to the copy; its results."""
        new = self.new
        copy = Anchor(new.fresh_id(), op, args, imm, (), effect, self.block)
        results = []
        for position, type in enumerate(types):
            value = new.leaf(RESULT, (position,), type, self.block)
            value.anchor = copy
            results.append(value)
        copy.results = tuple(results)
        self._nodes.append(copy)
        return copy.results

    def _edge(self, old: Edge) -> Edge:
        target = self._targets[old.label.id]
        args = [self.value(old.args[k]) for k in target.keep]
        edge = Edge(target.label, args, self.block)
        target.label.edges.append(edge)
        return edge

    def _open(self, old: Label) -> Label:
        label = Label(self.new.fresh_id(), old.kind)
        label.ordinal = old.ordinal
        keep = [
            k
            for k, p in enumerate(old.params)
            if p.id not in self.drop and p.id not in self.replace
        ]
        self._targets[old.id] = _Target(label, keep)
        return label

    def _parameter(self, old: Value, label: Label) -> None:
        assert label.block is not None
        value = self.new.leaf(PHI, (), old.type, label.block)
        value.origin = old.origin
        label.params.append(value)
        self._values[old.id] = value

    def _body(self, nodes: list[Node], into: list[Node]) -> None:
        outer = self._nodes
        self._nodes = into
        self._copy(nodes)
        self._nodes = outer

    def _block(self, node: Block) -> None:
        label = self._open(node.label)
        body: list[Node] = []
        self._body(node.body, body)
        if not label.edges:
            self._nodes += body
            return
        single = label.edges[0] if len(label.edges) == 1 else None
        if single is not None and isinstance(body[-1], Branch) and body[-1].edge is single:
            # Only the fall through the end arrives: what follows goes on in the same block.
            self._nodes += body[:-1]
            self._dead = False
            self.block = single.source
            self._blocks.setdefault(id(node.label.block), self.block)
            for k, arg in zip(self._targets[node.label.id].keep, single.args, strict=True):
                self._values[node.label.params[k].id] = arg
            label.edges.clear()
            return
        self._nodes.append(Block(label, body))
        self._join(node.label, label)

    def _join(self, old: Label, label: Label) -> None:
        """Go on behind a label: parameters only where its edges pass different values."""
        self._dead = False
        self.block = label.block = self.new.new_block([e.source for e in label.edges])
        self._blocks[id(old.block)] = self.block
        rows = [e.args for e in label.edges]
        for edge in label.edges:
            edge.args = []
        for slot, k in enumerate(self._targets[old.id].keep):
            first = rows[0][slot]
            if all(row[slot] is first for row in rows):
                self._values[old.params[k].id] = first
                continue
            self._parameter(old.params[k], label)
            for edge, row in zip(label.edges, rows, strict=True):
                edge.args.append(row[slot])

    def _loop(self, node: Loop) -> None:
        if not node.label.edges or node.label.id in self.once:
            self._blocks[id(node.label.block)] = self.block
            for parameter, value in zip(node.label.params, node.entry, strict=True):
                if parameter.id not in self.drop and parameter.id not in self.replace:
                    self._values[parameter.id] = self.value(value)
            self._copy(node.body)
            return
        label = self._open(node.label)
        keep = self._targets[node.label.id].keep
        entry = [self.value(node.entry[k]) for k in keep]
        self.block = label.block = self.new.new_block([self.block])
        self._blocks[id(node.label.block)] = self.block
        for k in keep:
            self._parameter(node.label.params[k], label)
        body: list[Node] = []
        self._nodes.append(Loop(label, entry, body))
        self._body(node.body, body)
        label.block.preds += [e.source for e in label.edges]

    def _if(self, node: If) -> None:
        known = self._known(node, node.cond)
        if known is not None:
            arm, block = (
                (node.then, node.then_block) if known != 0 else (node.orelse, node.else_block)
            )
            self._blocks[id(block)] = self.block
            self._block(Block(node.label, arm))
            return
        cond = self.value(node.cond)
        if cond.op == _I32_CONST:
            self._if_constant(node, cond)
            return
        before = self.block
        label = self._open(node.label)
        then: list[Node] = []
        orelse: list[Node] = []
        self.block = then_block = self.new.new_block([before])
        self._blocks[id(node.then_block)] = self.block
        self._body(node.then, then)
        self._dead = False
        self.block = else_block = self.new.new_block([before])
        self._blocks[id(node.else_block)] = self.block
        self._body(node.orelse, orelse)
        made = If(cond, label, then, orelse, before, then_block, else_block)
        if not label.edges:
            self._nodes.append(made)
            self._dead = True
            return
        if self._empty(made) and self._as_select(node, made):
            return
        self._nodes.append(made)
        self._join(node.label, label)

    def _if_constant(self, node: If, cond: Value) -> None:
        """Fold an `if` whose condition has become a constant by what was substituted."""
        taken = constant_i32(cond) != 0
        arm, block = (node.then, node.then_block) if taken else (node.orelse, node.else_block)
        self._blocks[id(block)] = self.block
        self._block(Block(node.label, arm))

    def _empty(self, node: If) -> bool:
        return all(
            len(arm) == 1 and isinstance(arm[0], Branch) and arm[0].edge.label is node.label
            for arm in (node.then, node.orelse)
        )

    def _as_select(self, old: If, node: If) -> bool:
        """Turn an `if` without effects into selects, where no arm computes anything itself."""
        label = node.label
        yes, no = label.edges
        pairs = list(zip(yes.args, no.args, strict=True))
        for a, b in pairs:
            if a is b:
                continue
            if isinstance(a.type, tuple) or a.type not in (0x7F, 0x7E, 0x7D, 0x7C, 0x7B):
                return False
            if any(v.args and not v.block.dominates(node.block) for v in (a, b)):
                return False
        self._dead = False
        self.block = node.block
        self._blocks[id(old.label.block)] = self.block
        for k, (a, b) in zip(self._targets[old.label.id].keep, pairs, strict=True):
            chosen = a
            if a is not b:
                chosen = self.new.pure(_SELECT, (a, b, node.cond), (), a.type, self.block)
            self._values[old.label.params[k].id] = chosen
        label.edges.clear()
        return True

    def _known(self, node: Node, cond: Value) -> int | None:
        """Return the number that a branch's condition has, None if it is not known."""
        known = self.decided.get(id(node))
        return self.condition(cond) if known is None else known

    def _branch_if(self, node: BranchIf) -> None:
        known = self._known(node, node.cond)
        cond = None
        if known is None:
            cond = self.value(node.cond)
            known = constant_i32(cond)
        if known == 0:
            self._blocks[id(node.next_block)] = self.block
            return
        if known is not None:
            self._nodes.append(Branch(self._edge(node.edge), self.block))
            self._dead = True
            return
        assert cond is not None
        before = self.block
        edge = self._edge(node.edge)
        self.block = self.new.new_block([before])
        self._blocks[id(node.next_block)] = self.block
        self._nodes.append(BranchIf(cond, edge, before, self.block))

    def _branch_table(self, node: BranchTable) -> None:
        known = self._known(node, node.index)
        index = None
        if known is None:
            index = self.value(node.index)
            known = constant_i32(index)
        if known is not None:
            entry = min(known & 0xFFFFFFFF, len(node.edges) - 1)
            self._nodes.append(Branch(self._edge(node.edges[entry]), self.block))
            self._dead = True
            return
        assert index is not None
        made: dict[int, Edge] = {}
        for edge in node.edges:
            if id(edge) not in made:
                made[id(edge)] = self._edge(edge)
        if len(made) == 1:
            self._nodes.append(Branch(made[id(node.edges[0])], self.block))
        else:
            listed = [made[id(e)] for e in node.edges]
            self._nodes.append(BranchTable(index, listed, self.block))
        self._dead = True
