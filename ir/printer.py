"""A function graph as text, for people and for expected output in tests."""

from __future__ import annotations

from ..wasm.opcodes import OPCODES
from .graph import (
    PARAM,
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
    Loop,
    Node,
    Value,
)

_INDENT = "  "


def format_function(function: Function) -> str:
    """Return the graph as indented text: pure values in place, leaves and anchors by number.

    Numbers are given in order of appearance, so equal graphs print equally.
    """
    printer = _Printer()
    head = " ".join(printer.name(v) for v in function.arguments)
    printer.lines.append(f"func({head})")
    printer.nodes(function.body, 1)
    return "\n".join(printer.lines) + "\n"


class _Printer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self.labels: dict[int, str] = {}

    def name(self, value: Value) -> str:
        """Return the name of a leaf."""
        found = self.names.get(value.id)
        if found is None:
            prefix = {PARAM: "p", PHI: "phi", RESULT: "r"}[value.op]
            found = self.names[value.id] = f"{prefix}{len(self.names)}"
        return found

    def value(self, value: Value) -> str:
        """Return a value as a nested expression."""
        if value.is_leaf:
            return self.name(value)
        parts = [OPCODES[value.op].name, *[str(i) for i in value.imm]]
        parts += [self.value(a) for a in value.args]
        return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"

    def edge(self, edge: Edge) -> str:
        label = self.labels.get(edge.label.id, "?")
        return f"{label}({', '.join(self.value(a) for a in edge.args)})"

    def line(self, depth: int, text: str) -> None:
        self.lines.append(_INDENT * depth + text)

    def nodes(self, nodes: list[Node], depth: int) -> None:
        for node in nodes:
            self.node(node, depth)

    def node(self, node: Node, depth: int) -> None:
        match node:
            case Anchor(_, op, args, imm, results):
                left = ", ".join(self.name(r) for r in results)
                parts = [OPCODES[op].name, *[str(i) for i in imm], *[self.value(a) for a in args]]
                self.line(depth, (f"{left} = " if left else "") + " ".join(parts))
            case Block(label, body):
                self.labels[label.id] = f"b{len(self.labels)}"
                self.line(depth, f"block {self.labels[label.id]}")
                self.nodes(body, depth + 1)
                self._params(node, depth)
            case Loop(label, entry, body):
                self.labels[label.id] = f"l{len(self.labels)}"
                passed = [
                    f"{self.name(p)} = {self.value(v)}"
                    for p, v in zip(label.params, entry, strict=True)
                ]
                self.line(depth, f"loop {self.labels[label.id]}({', '.join(passed)})")
                self.nodes(body, depth + 1)
            case If(cond, label, then, orelse):
                self.labels[label.id] = f"i{len(self.labels)}"
                self.line(depth, f"if {self.labels[label.id]} {self.value(cond)}")
                self.nodes(then, depth + 1)
                self.line(depth, "else")
                self.nodes(orelse, depth + 1)
                self._params(node, depth)
            case Branch(edge):
                self.line(depth, f"br {self.edge(edge)}")
            case BranchIf(cond, edge):
                self.line(depth, f"br_if {self.value(cond)} {self.edge(edge)}")
            case BranchTable(index, listed):
                self.line(depth, f"br_table {self.value(index)} {[self.edge(e) for e in listed]}")
            case Exit(op, args, imm):
                parts = [OPCODES[op].name, *[str(i) for i in imm], *[self.value(a) for a in args]]
                self.line(depth, " ".join(parts))

    def _params(self, node: Block | If, depth: int) -> None:
        names = ", ".join(self.name(p) for p in node.label.params)
        self.line(depth, f"end({names})")
