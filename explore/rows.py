"""A body as rows: one instruction each, with bytes, fuel and the class of what it computes."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..egraph import Saturation, is_term
from ..ir.graph import PARAM, Anchor, Function, Value, walk
from ..lowering import Unsupported, lower_with_origins
from ..optimize.flow import FREE
from ..wasm.body import END, OPENERS, decode_body, instr_offsets, read_locals
from ..wasm.module import Module
from ..wasm.opcodes import OPCODES
from ..wasm.text_folded import print_named
from ..wasm.text_instrs import CLOSERS, MIDDLES, FunctionIds

__all__ = ["Row", "body_rows", "classes_of", "with_body"]

_CONSTANTS: Final = frozenset((0x41, 0x42, 0x43, 0x44, 0xFD000C))
_LOCALS: Final = frozenset((0x20, 0x21, 0x22))


@dataclass(frozen=True, slots=True)
class Row:
    """One instruction: its text, nesting, encoded bytes, fuel, and a class if it has one.

    `key` is equal for rows that correspond in two bodies.
    """

    at: int
    text: str
    depth: int
    size: int
    fuel: int
    number: int | None
    key: Hashable

    def as_json(self) -> dict[str, Any]:
        """The row as plain values."""
        return {
            "at": self.at,
            "text": self.text,
            "depth": self.depth,
            "bytes": self.size,
            "fuel": self.fuel,
            "class": self.number,
        }


def body_rows(
    body: bytes, ids: FunctionIds, locals: FunctionIds, classes: Mapping[int, int]
) -> list[Row]:
    """The rows of a body; `classes` has the class of what some instructions compute."""
    instrs = decode_body(body, 0, len(body)).instrs
    _, start = read_locals(body, 0, len(body))
    offsets = [*instr_offsets(body, start, len(body)), len(body)]
    rows = []
    depth = 0
    for at, instr in enumerate(instrs[:-1]):
        code = instr[0]
        if code in CLOSERS:
            depth = max(0, depth - 1)
        level = max(0, depth - 1) if code in MIDDLES else depth
        number = classes.get(at)
        rows.append(
            Row(
                at=at,
                text=print_named(instr, ids, locals),
                depth=level,
                size=offsets[at + 1] - offsets[at],
                fuel=0 if code in FREE or code == END else 1,
                number=number,
                key=_key(instr, number),
            )
        )
        if code in OPENERS:
            depth += 1
    return rows


def _key(instr: Sequence[Any], number: int | None) -> Hashable:
    """What corresponds: what computes the same class, else the same instruction; locals by kind."""
    code = instr[0]
    if code in _LOCALS:
        return code, number
    if number is not None:
        return "class", number
    return tuple(instr)


def with_body(module: Module, body: bytes) -> Module:
    """The module as if all its functions had this body; good for lowering one of them."""
    changed = copy.copy(module)
    changed.data = body
    changed.code = [(0, len(body))] * len(module.code)
    return changed


def classes_of(
    module: Module, index: int, body: bytes, saturation: Saturation, original: Function
) -> dict[int, int]:
    """The class of what each instruction of another body of a function computes, where it is known.

    Parameters and constants have known classes; operations on known classes are looked up; an
    access stands for the first one of the original not yet taken with the same operation on the
    same classes.
    """
    try:
        graph, origins = lower_with_origins(with_body(module, body), index)
    except Unsupported:
        return {}
    known = _Known(saturation, original)
    known.match(graph)
    found = {position: known.number(value) for position, value in origins.items()}
    return {position: number for position, number in found.items() if number is not None}


class _Known:
    """Classes of the values of another graph of function 0 of a saturated batch."""

    def __init__(self, saturation: Saturation, original: Function) -> None:
        self.classes = saturation.classes[0]
        self.by_node = {n: k for k, nodes in enumerate(saturation.nodes) for n in nodes}
        self.by_constant = {row: number for number, row in saturation.constants.items()}
        self.arguments = [self.classes.get(value.id) for value in original.arguments]
        self.anchors: dict[Hashable, list[Anchor]] = {}
        for node in walk(original.body):
            if isinstance(node, Anchor) and node.results:
                args = tuple(self.classes.get(arg.id) for arg in node.args)
                self.anchors.setdefault((node.op, node.imm, args), []).append(node)
        self.found: dict[int, int | None] = {}

    def match(self, graph: Function) -> None:
        """Match the anchors of a graph in program order."""
        for node in walk(graph.body):
            if not isinstance(node, Anchor) or not node.results:
                continue
            args = tuple(self.number(arg) for arg in node.args)
            waiting = self.anchors.get((node.op, node.imm, args))
            if not waiting:
                continue
            same = waiting.pop(0)
            for value, other in zip(node.results, same.results, strict=True):
                self.found[value.id] = self.classes.get(other.id)

    def number(self, value: Value) -> int | None:
        """The class of a value, None where it is not known. Operands come first: no recursion."""
        stack = [value]
        while stack:
            current = stack[-1]
            if current.id in self.found:
                stack.pop()
                continue
            missing = [arg for arg in current.args if arg.id not in self.found]
            if missing:
                stack += missing
                continue
            self.found[current.id] = self._of(current)
            stack.pop()
        return self.found[value.id]

    def _of(self, value: Value) -> int | None:
        if value.op == PARAM:
            return self.arguments[int(value.imm[0])]
        if value.op in _CONSTANTS:
            return self.by_constant.get((value.op, int(value.imm[0])))
        if not is_term(value) or value.op not in OPCODES:
            return None
        args: list[int] = []
        for arg in value.args:
            found = self.found[arg.id]
            if found is None:
                return None
            args.append(found)
        return self.by_node.get((value.op, tuple(args)))
