"""The checker: what must hold of every function graph, at every step.

It runs after each transformation in tests, and costs one walk.
"""

from __future__ import annotations

from .blocks import BasicBlock
from .graph import (
    PARAM,
    PHI,
    RESULT,
    TERMINATORS,
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
    edges,
    walk,
)

_NUMBERS = (0x7F, 0x7E, 0x7D, 0x7C, 0x7B)
"""Number and vector types: the types without subtypes."""


class Malformed(AssertionError):
    """A function graph breaks a rule; the message says which and where."""


def check(function: Function) -> None:
    """Check a function graph.

    Raises:
        Malformed: a use that its definition does not dominate, an edge whose arguments do not fit
            the label, an edge unknown to its label, an anchor that stands twice, code behind a
            terminator, an arm without one, blocks out of order.
    """
    for number, block in enumerate(function.blocks):
        if block.number != number:
            raise Malformed(f"block {block} stands at {number}")
        if block.idom is not None and block.idom.number >= number:
            raise Malformed(f"{block} is dominated by the later {block.idom}")
    _Checker(function).run()


class _Checker:
    def __init__(self, function: Function) -> None:
        self.function = function
        self.anchors: set[int] = set()
        self.labels: list[Label] = []
        self.edges: dict[int, list[Edge]] = {}
        self.checked: set[int] = set()

    def run(self) -> None:
        self._list(self.function.body, arm=False)
        for node in walk(self.function.body):
            for edge in edges(node):
                self.edges.setdefault(edge.label.id, []).append(edge)
        for label in self.labels:
            found = self.edges.get(label.id, [])
            if {id(e) for e in found} != {id(e) for e in label.edges}:
                raise Malformed(f"{label}: the list of its edges is not what the skeleton has")

    def _list(self, nodes: list[Node], *, arm: bool) -> None:
        for position, node in enumerate(nodes):
            last = position == len(nodes) - 1
            if isinstance(node, TERMINATORS) and not last:
                raise Malformed(f"code behind the terminator {node}")
            self._node(node)
        if arm and not nodes:
            raise Malformed("an arm without a terminator")

    def _node(self, node: Node) -> None:
        match node:
            case Anchor():
                if node.id in self.anchors:
                    raise Malformed(f"anchor {node.id} stands twice")
                self.anchors.add(node.id)
                self._uses(node.args, node.block)
                for result in node.results:
                    if result.anchor is not node or result.block is not node.block:
                        raise Malformed(f"{result} is not a result of anchor {node.id}")
            case Block():
                self._label(node.label)
                self._list(node.body, arm=True)
            case Loop():
                self._label(node.label)
                head = node.label.block
                assert head is not None
                if head.idom is not None:
                    self._uses(node.entry, head.idom)
                if len(node.entry) != len(node.label.params):
                    raise Malformed(f"{node.label}: entry arguments do not fit its parameters")
                self._list(node.body, arm=False)
            case If():
                self._label(node.label)
                self._uses([node.cond], node.block)
                self._list(node.then, arm=True)
                self._list(node.orelse, arm=True)
            case Branch():
                self._edge(node.edge, node.block)
            case BranchIf():
                self._uses([node.cond], node.block)
                self._edge(node.edge, node.block)
            case BranchTable():
                self._uses([node.index], node.block)
                for edge in node.edges:
                    self._edge(edge, node.block)
            case Exit():
                self._uses(node.args, node.block)

    def _label(self, label: Label) -> None:
        self.labels.append(label)
        for parameter in label.params:
            if parameter.op != PHI or parameter.block is not label.block:
                raise Malformed(f"{label}: {parameter} is not a parameter of this label")

    def _edge(self, edge: Edge, block: BasicBlock) -> None:
        if edge.source is not block:
            raise Malformed(f"an edge to {edge.label} names {edge.source}, but leaves {block}")
        if len(edge.args) != len(edge.label.params):
            raise Malformed(f"an edge to {edge.label} passes {len(edge.args)} arguments")
        for arg, parameter in zip(edge.args, edge.label.params, strict=True):
            if arg.type != parameter.type and (arg.type in _NUMBERS or parameter.type in _NUMBERS):
                raise Malformed(f"{edge.label}: {arg} has another type than {parameter}")
        self._uses(edge.args, block)

    def _uses(self, values: list[Value], block: BasicBlock) -> None:
        work = list(values)
        for value in values:
            if not value.block.dominates(block):
                raise Malformed(f"{value} of {value.block} is used in {block}")
        while work:
            value = work.pop()
            if value.id in self.checked:
                continue
            self.checked.add(value.id)
            if value.op in (PARAM, PHI):
                continue
            if value.op == RESULT:
                if value.anchor is None:
                    raise Malformed(f"{value} has no anchor")
                if value.anchor.id not in self.anchors:
                    raise Malformed(f"{value} is used, but its anchor does not come before")
                continue
            for arg in value.args:
                if not arg.block.dominates(value.block):
                    raise Malformed(f"operand {arg} of {value} is not defined there")
                work.append(arg)
