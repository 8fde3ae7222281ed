"""The function graph: a skeleton of effects and control around a graph of values.

*Values* are pure and total operations, constants, parameters, block parameters (phis) and the
results of anchors. *Anchors* are the operations whose order or trap matters (loads, stores,
calls, divisions that may trap, ...); they stand in the skeleton in program order, each exactly
once. The *skeleton* is a tree of nodes that mirrors structured control: every join and loop head
is a `Label` with block parameters, every branch an `Edge` that passes one argument for each.
A function that falls through the end of a `Block` or an `If` arm does so by an explicit `Branch`.

Nothing else carries data: locals and the operand stack are gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .blocks import BasicBlock
from .effects import Effect, Spaces

ValType: TypeAlias = "int | tuple[int, int]"
Imm: TypeAlias = "tuple[Any, ...]"

PARAM = -1
"""Pseudo opcode of a function parameter; `imm` is `(index,)`."""
PHI = -2
"""Pseudo opcode of a block parameter."""
RESULT = -3
"""Pseudo opcode of the result of an anchor; `imm` is `(position,)`."""


class Value:
    """A node of the value graph, compared by identity.

    Attributes:
        id: unique in its function, also among anchors.
        op: opcode number, or `PARAM`, `PHI`, `RESULT` for the three kinds of leaf.
        args: operands, in the order of the instruction.
        imm: immediates of the instruction.
        type: value type as the binary format writes it.
        block: where it is computed in program order: the block of the first occurrence for a pure
            value, of the label or anchor for a leaf. It dominates every use.
        origin: for a parameter of a loop label, the original location that it stands for at the
            loop head, `("local", index)`, `("stack", position from the loop's base)`,
            `("global", index)` or `("cell", memory, distance from its root, bytes)`.
        anchor: the anchor whose result this is, for `RESULT`.
    """

    __slots__ = ("anchor", "args", "block", "id", "imm", "op", "origin", "type")

    def __init__(
        self,
        id: int,
        op: int,
        args: tuple[Value, ...],
        imm: Imm,
        type: ValType,
        block: BasicBlock,
    ) -> None:
        """Make a value; use `Function.pure` for operations, which shares equal ones."""
        self.id = id
        self.op = op
        self.args = args
        self.imm = imm
        self.type = type
        self.block = block
        self.origin: tuple[Any, ...] | None = None
        self.anchor: Anchor | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether this is a parameter, a block parameter or the result of an anchor."""
        return self.op < 0

    def __repr__(self) -> str:
        """Show the id alone: graphs are cyclic."""
        return f"v{self.id}"


class Label:
    """The target of branches: the end of a block or `if`, or the head of a loop.

    Attributes:
        kind: `"block"`, `"if"` or `"loop"`.
        params: block parameters.
        block: the basic block that starts here, `None` where nothing arrives.
        edges: all edges that name this label (a loop's entry edge is not among them).
    """

    __slots__ = ("block", "edges", "id", "kind", "ordinal", "params")

    def __init__(self, id: int, kind: str) -> None:
        """Make a label without parameters or edges."""
        self.id = id
        self.kind = kind
        self.params: list[Value] = []
        self.edges: list[Edge] = []
        self.block: BasicBlock | None = None
        self.ordinal = -1
        """For a loop, its number among the `loop` instructions of the original body."""

    def __repr__(self) -> str:
        """Show kind and id."""
        return f"{self.kind}{self.id}"


@dataclass(slots=True, eq=False)
class Edge:
    """A way to a label, with one argument for each of its parameters."""

    label: Label
    args: list[Value]
    source: BasicBlock


@dataclass(slots=True, eq=False)
class Anchor:
    """An operation whose order or trap matters.

    Attributes:
        id: unique in its function, also among values.
        op: opcode number.
        args: operands in the order of the instruction.
        imm: immediates.
        results: one `RESULT` value for each result.
        effect: its effect word.
        block: the basic block it stands in.
    """

    id: int
    op: int
    args: list[Value]
    imm: Imm
    results: tuple[Value, ...]
    effect: Effect
    block: BasicBlock


@dataclass(slots=True, eq=False)
class Block:
    """A `block`: its label's parameters are its results. The body ends in a terminator."""

    label: Label
    body: list[Node]


@dataclass(slots=True, eq=False)
class Loop:
    """A `loop`: `entry` are the first arguments of the label's parameters.

    A body that ends without a terminator leaves the loop: what follows sees its values directly.
    """

    label: Label
    entry: list[Value]
    body: list[Node]


@dataclass(slots=True, eq=False)
class If:
    """An `if`: both arms end in a terminator, the label's parameters are its results."""

    cond: Value
    label: Label
    then: list[Node]
    orelse: list[Node]
    block: BasicBlock
    then_block: BasicBlock
    else_block: BasicBlock


@dataclass(slots=True, eq=False)
class Branch:
    """An unconditional branch, also the fall through the end of a block or arm."""

    edge: Edge
    block: BasicBlock


@dataclass(slots=True, eq=False)
class BranchIf:
    """Branch where `cond` is not zero, else go on in `next_block`."""

    cond: Value
    edge: Edge
    block: BasicBlock
    next_block: BasicBlock


@dataclass(slots=True, eq=False)
class BranchTable:
    """`br_table`: one edge for each entry, the default last; equal targets share their edge."""

    index: Value
    edges: list[Edge]
    block: BasicBlock


@dataclass(slots=True, eq=False)
class Exit:
    """Leaves the function: `return`, `unreachable`, `return_call`, `throw`, ..."""

    op: int
    args: list[Value]
    imm: Imm
    block: BasicBlock


Node: TypeAlias = "Anchor | Block | Loop | If | Branch | BranchIf | BranchTable | Exit"
TERMINATORS = (Branch, BranchTable, Exit)
"""Node classes after which nothing in the same list is reached."""


@dataclass(slots=True, eq=False)
class Function:
    """A function graph.

    Attributes:
        index: function index in the module.
        params, results: value types.
        spaces: numbering of the module's spaces.
        values: parameters first, in order.
        blocks: basic blocks in program order.
        body: the skeleton; it ends in a terminator, except where its last node never ends.
    """

    index: int
    params: tuple[ValType, ...]
    results: tuple[ValType, ...]
    spaces: Spaces
    arguments: list[Value] = field(default_factory=list)
    blocks: list[BasicBlock] = field(default_factory=list)
    body: list[Node] = field(default_factory=list)
    next_id: int = 0
    _shared: dict[tuple[Any, ...], list[Value]] = field(default_factory=dict)

    def fresh_id(self) -> int:
        """Return an id that no value, label or anchor of this function has."""
        self.next_id += 1
        return self.next_id - 1

    def new_block(self, preds: list[BasicBlock]) -> BasicBlock:
        """Append a basic block reached from `preds` (forward edges; none for the entry)."""
        from .blocks import common_dominator

        idom = preds[0] if preds else None
        for pred in preds[1:]:
            assert idom is not None
            idom = common_dominator(idom, pred)
        block = BasicBlock(len(self.blocks), idom, list(preds))
        self.blocks.append(block)
        return block

    def leaf(self, op: int, imm: Imm, type: ValType, block: BasicBlock) -> Value:
        """Make a leaf (`PARAM`, `PHI`, `RESULT`): never shared."""
        return Value(self.fresh_id(), op, (), imm, type, block)

    def pure(
        self, op: int, args: tuple[Value, ...], imm: Imm, type: ValType, block: BasicBlock
    ) -> Value:
        """Return the value of a pure total operation computed in `block`.

        An equal value whose block dominates is used again (scoped value numbering); constants are
        shared by the whole function.
        """
        key = (op, *[a.id for a in args], imm, type)
        known = self._shared.get(key)
        if known is None:
            known = self._shared[key] = []
        elif not args:
            return known[0]
        else:
            for value in known:
                if value.block.dominates(block):
                    return value
        home = block if args else self.blocks[0]
        value = Value(self.fresh_id(), op, args, imm, type, home)
        known.append(value)
        return value


def walk(nodes: list[Node]) -> Iterator[Node]:
    """Yield every node below in program order (a node before its children)."""
    stack: list[Iterator[Node]] = [iter(nodes)]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            continue
        yield node
        if isinstance(node, (Block, Loop)):
            stack.append(iter(node.body))
        elif isinstance(node, If):
            stack.append(iter(node.orelse))
            stack.append(iter(node.then))


def gather(nodes: list[Node], of: Callable[[Anchor], int], loops: dict[int, int]) -> int:
    """Return the bits that `of` gives for the anchors below, all together.

    Those of each loop go into `loops`, by the identity of its label.
    """
    bits = 0
    for node in nodes:
        match node:
            case Anchor():
                bits |= of(node)
            case Block():
                bits |= gather(node.body, of, loops)
            case If():
                bits |= gather(node.then, of, loops) | gather(node.orelse, of, loops)
            case Loop():
                inside = loops[node.label.id] = gather(node.body, of, loops)
                bits |= inside
            case _:
                pass
    return bits


def operands(node: Node) -> list[Value]:
    """Return the values that the node itself uses, its edges' arguments included."""
    match node:
        case Anchor() | Exit():
            return node.args
        case If():
            return [node.cond]
        case Branch():
            return node.edge.args
        case BranchIf():
            return [node.cond, *node.edge.args]
        case BranchTable():
            found = [node.index]
            seen: set[int] = set()
            for edge in node.edges:
                if id(edge) not in seen:
                    seen.add(id(edge))
                    found += edge.args
            return found
        case Loop():
            return node.entry
        case Block():
            return []


def count_uses(function: Function) -> Counter[int]:
    """Count the uses of every value by the skeleton and by other values, by id."""
    found: Counter[int] = Counter()
    work = [value for node in walk(function.body) for value in operands(node)]
    while work:
        value = work.pop()
        found[value.id] += 1
        if found[value.id] == 1:
            work += value.args
    return found


def edges(node: Node) -> list[Edge]:
    """Return the edges that leave at this node, equal ones of a table once."""
    match node:
        case Branch() | BranchIf():
            return [node.edge]
        case BranchTable():
            return list({id(e): e for e in node.edges}.values())
        case _:
            return []
