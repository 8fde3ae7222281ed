"""The skeleton as a flat list: what emission walks backwards.

Each event is a tuple `(kind, block, ...)`; kinds are small integers, `block` is the basic block in
which the event's operands are evaluated.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from ..ir.blocks import BasicBlock
from ..ir.graph import (
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
)

ENTER = 0
"""`(ENTER, block)`: a basic block starts."""
ANCHOR = 1
"""`(ANCHOR, block, anchor)`."""
OPEN = 2
"""`(OPEN, block, label)`: `block` or `loop`."""
IF = 3
"""`(IF, block, label, condition)`."""
ELSE = 4
"""`(ELSE, block, label)`."""
END = 5
"""`(END, block, label)`."""
FALL = 6
"""`(FALL, block, label, args)`: arguments of a label reached without a branch instruction."""
BRANCH = 7
"""`(BRANCH, block, label, args)`."""
BRANCH_IF = 8
"""`(BRANCH_IF, block, label, args, condition)`."""
BRANCH_TABLE = 9
"""`(BRANCH_TABLE, block, edges, index)`."""
EXIT = 10
"""`(EXIT, block, op, args, imm)`."""
PARAMETERS = 11
"""`(PARAMETERS, block, label)`: the label's parameters get their values."""
STUCK = 12
"""`(STUCK, block, label or None)`: the end of a list that is never reached."""

Event: TypeAlias = "tuple[Any, ...]"


def flatten(function: Function) -> list[Event]:
    """Return the events of the whole body in program order."""
    events: list[Event] = [(ENTER, function.blocks[0])]
    _flatten(function.body, None, function.blocks[0], events)
    return events


def _flatten(nodes: list[Node], owner: Label | None, block: BasicBlock, out: list[Event]) -> None:
    """Append the events of one list; `owner` is the label that its end falls to."""
    for node in nodes:
        match node:
            case Anchor():
                block = node.block
                out.append((ANCHOR, block, node))
            case Block(label, body):
                out.append((OPEN, block, label))
                _flatten(body, label, block, out)
                out.append((END, block, label))
                block = _arrive(label, block, out)
            case Loop(label, entry, body):
                assert label.block is not None
                out.append((FALL, block, label, entry))
                out.append((OPEN, block, label))
                block = label.block
                out.append((ENTER, block))
                out.append((PARAMETERS, block, label))
                _flatten(body, None, block, out)
                block = _last(out, block)
                out.append((END, block, label))
            case If(cond, label, then, orelse, before, then_block, else_block):
                out.append((IF, before, label, cond))
                out.append((ENTER, then_block))
                _flatten(then, label, then_block, out)
                out.append((ELSE, else_block, label))
                out.append((ENTER, else_block))
                _flatten(orelse, label, else_block, out)
                out.append((END, else_block, label))
                block = _arrive(label, before, out)
            case Branch(edge, block):
                kind = FALL if edge.label is owner and node is nodes[-1] else BRANCH
                out.append((kind, block, edge.label, edge.args))
            case BranchIf(cond, edge, before, block):
                out.append((BRANCH_IF, before, edge.label, edge.args, cond))
                out.append((ENTER, block))
            case BranchTable(index, listed, block):
                out.append((BRANCH_TABLE, block, listed, index))
            case Exit(op, args, imm, block):
                out.append((EXIT, block, op, args, imm))
    if owner is not None and (not nodes or not isinstance(nodes[-1], TERMINATORS)):
        out.append((STUCK, block, owner))


def _arrive(label: Label, block: BasicBlock, out: list[Event]) -> BasicBlock:
    if label.block is None or not label.edges:
        return block
    out.append((ENTER, label.block))
    if label.params:
        out.append((PARAMETERS, label.block, label))
    return label.block


def _last(out: list[Event], block: BasicBlock) -> BasicBlock:
    """Return the block in which the events so far end."""
    last = out[-1][1]
    assert isinstance(last, BasicBlock)
    return last


def uses(event: Event) -> list[Value]:
    """Return the values that an event uses, with repetition."""
    match event:
        case (1, _, Anchor() as anchor):
            return anchor.args
        case (3, _, _, Value() as cond):
            return [cond]
        case (6 | 7, _, _, list() as args):
            return args
        case (8, _, _, list() as args, Value() as cond):
            return [cond, *args]
        case (9, _, list() as listed, Value() as index):
            return [index, *[v for e in distinct(listed) for v in e.args]]
        case (10, _, _, list() as args, _):
            return args
        case _:
            return []


def distinct(edges: list[Edge]) -> list[Edge]:
    """Return the edges of a table, each once."""
    return list({id(e): e for e in edges}.values())
