"""Events to stack code with virtual locals, written from the end to the start.

Going backwards, the *first* use of a value in program order is met last: there the value is
computed in place, on the operand stack, and kept with a `tee` if other uses follow; those read the
local. An anchor is computed in place if no anchor that it cannot pass lies between. What finds no
such place is computed as soon as all its uses are behind it.

Block parameters follow Sreedhar's first method ("Translating out of SSA form", 1999): a
*transfer* local is set on every edge and copied to the parameter's own local at the label. That is
right by construction (no lost copies, no swaps); `lowering.locals` merges the two again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from ..ir.blocks import BasicBlock
from ..ir.graph import PARAM, PHI, Anchor, Edge, Function, Label, ValType, Value
from . import copies
from .events import (
    ANCHOR,
    BRANCH,
    BRANCH_IF,
    BRANCH_TABLE,
    ELSE,
    END,
    ENTER,
    EXIT,
    FALL,
    IF,
    OPEN,
    PARAMETERS,
    STUCK,
    Event,
    distinct,
)
from .place import Placement

Code: TypeAlias = "list[tuple[Any, ...]]"
"""Instructions; locals are virtual, labels are objects: `(0x02, label, type or None)`,
`(0x0C, label)`, `(0x0E, (labels...), default label)`."""

GET, SET, TEE = 0x20, 0x21, 0x22


@dataclass(slots=True)
class Stacked:
    """Stack code in program order and its virtual locals.

    Attributes:
        code: the instructions, without the final `end`.
        types: type of each virtual local; the function's parameters come first.
        transfer: id of a block parameter -> its transfer local.
    """

    code: Code
    types: list[ValType]
    transfer: dict[int, int]


@dataclass(slots=True)
class Stackifier:
    """The state of writing one function backwards."""

    function: Function
    events: list[Event]
    placed: Placement
    on_stack: bool
    """Whether a block may leave its result on the operand stack."""
    out: Code = field(default_factory=list)
    types: list[ValType] = field(default_factory=list)
    own: dict[int, int] = field(default_factory=dict)
    transfer: dict[int, int] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    pending: dict[int, list[Anchor]] = field(default_factory=dict)
    results: dict[int, Value] = field(default_factory=dict)
    """Label id -> the parameter that stays on the stack."""
    renamed: dict[int, list[tuple[BasicBlock, Value]]] = field(default_factory=dict)
    """Loop parameter id -> blocks behind the loop where another's transfer local holds it."""
    block: BasicBlock = field(init=False)

    def run(self) -> Stacked:
        """Write the whole function."""
        for argument in self.function.arguments:
            self.local(argument)
        self.left = dict(self.placed.count)
        for event in self.events:
            if event[0] == ANCHOR:
                anchor = event[2]
                assert isinstance(anchor, Anchor)
                self.pending.setdefault(anchor.block.number, []).append(anchor)
        if self.on_stack:
            self.results = _stack_results(self.events, self.placed)
        self.renamed = _exit_names(self.events)
        self.block = self.function.blocks[-1]
        if self._ends_stuck():
            self.out.append((0x00,))
        for position in range(len(self.events) - 1, -1, -1):
            self._event(self.events[position], position == len(self.events) - 1)
        self.out.reverse()
        return Stacked(self.out, self.types, self.transfer)

    def _ends_stuck(self) -> bool:
        kind = self.events[-1][0]
        return bool(self.function.results) and kind not in (EXIT, BRANCH, BRANCH_TABLE)

    def local(self, value: Value) -> int:
        """Return the virtual local of a value."""
        found = self.own.get(value.id)
        if found is None:
            found = self.own[value.id] = len(self.types)
            self.types.append(value.type)
        return found

    def transfer_local(self, parameter: Value) -> int:
        """Return the virtual local that carries a block parameter over its edges."""
        found = self.transfer.get(parameter.id)
        if found is None:
            found = self.transfer[parameter.id] = len(self.types)
            self.types.append(parameter.type)
        return found

    # Values.

    def inlines(self, value: Value) -> bool:
        """Tell whether the next use met would compute the value in place, order permitting."""
        if value.id in self.done or value.op in (PARAM, PHI):
            return False
        if value.anchor is not None:
            return value.anchor.block is self.block and len(value.anchor.results) == 1
        return bool(value.args) and self.placed.block[value.id] is self.block

    def use(self, value: Value) -> None:
        """Write code that pushes the value here."""
        value = self.placed.resolve(value)
        if value.op >= 0 and not value.args:
            self.out.append((value.op, *value.imm))
            return
        if value.op == PHI and value.id in self.renamed:
            for block, other in self.renamed[value.id]:
                if block.dominates(self.block):
                    self.out.append((GET, self.transfer_local(other)))
                    return
        if value.op in (PARAM, PHI):
            self.out.append((GET, self.local(value)))
            return
        self.left[value.id] -= 1
        if self.left[value.id] == 0 and self.inlines(value) and self._take(value):
            if self.placed.count[value.id] > 1:
                self.out.append((TEE, self.local(value)))
            self.done.add(value.id)
            self._compute(value)
            return
        self.out.append((GET, self.local(value)))

    def _take(self, value: Value) -> bool:
        """Remove the value's anchor from the block's queue, if it may be computed here."""
        anchor = value.anchor
        if anchor is None:
            return True
        queue = self.pending[self.block.number]
        k = len(queue) - 1
        while queue[k] is not anchor:
            if not anchor.effect.may_swap(queue[k].effect):
                return False
            k -= 1
        del queue[k]
        return True

    def _compute(self, value: Value) -> None:
        if value.anchor is not None:
            self.instruction(value.anchor.op, value.anchor.imm, value.anchor.args)
        else:
            self.instruction(value.op, value.imm, value.args)

    def instruction(
        self, op: int, imm: tuple[Any, ...], args: list[Value] | tuple[Value, ...]
    ) -> None:
        """Write an instruction behind the code that pushes its operands."""
        self.out.append((op, *imm))
        for arg in reversed(args):
            self.use(arg)

    def _settle(self) -> None:
        """Compute values of this block whose uses are all behind."""
        for value in reversed(self.placed.at.get(self.block.number, ())):
            if self.left[value.id] == 0 and value.id not in self.done:
                self.done.add(value.id)
                self.out.append((SET, self.local(value)))
                self._compute(value)

    # Events.

    def _event(self, event: Event, last: bool) -> None:
        kind = event[0]
        block = event[1]
        assert isinstance(block, BasicBlock)
        self.block = block
        match kind:
            case 1:
                self._anchor(event[2])
                self._settle()
            case 0:
                self._settle()
            case 6 | 7 | 8 | 9 | 10 | 3:
                self._control(event, last)
                self._settle()
            case 11:
                self._parameters(event[2])
            case 5:
                self.out.append((0x0B,))
            case 4:
                self.out.append((0x05,))
            case 2:
                label = event[2]
                assert isinstance(label, Label)
                opcode = 0x03 if label.kind == "loop" else 0x02
                self.out.append((opcode, label, self._result_type(label)))
            case 12:
                assert isinstance(event[2], Label)
                if event[2].id in self.results:
                    self.out.append((0x00,))
            case _:
                raise AssertionError(kind)

    def _result_type(self, label: Label) -> ValType | None:
        result = self.results.get(label.id)
        return None if result is None else result.type

    def _anchor(self, anchor: object) -> None:
        assert isinstance(anchor, Anchor)
        queue = self.pending[self.block.number]
        if anchor not in queue:
            return
        queue.remove(anchor)
        for result in anchor.results:
            if self.placed.count.get(result.id):
                self.done.add(result.id)
                self.out.append((SET, self.local(result)))
            else:
                self.out.append((0x1A,))
        self.instruction(anchor.op, anchor.imm, anchor.args)

    def _control(self, event: Event, last: bool) -> None:
        match event:
            case (6, _, Label() as label, list() as args):
                self._pass(label, args)
            case (7, _, Label() as label, list() as args):
                self.out.append((0x0C, label))
                self._pass(label, args)
            case (8, _, Label() as label, list() as args, Value() as cond):
                self.out.append((0x0D, label))
                copies.write(self, list(zip(label.params, args, strict=True)), cond)
            case (9, _, list() as listed, Value() as index):
                labels = tuple(e.label for e in listed)
                self.out.append((0x0E, labels[:-1], labels[-1]))
                copies.write(self, _table_pairs(listed), index)
            case (10, _, int() as op, list() as args, tuple() as imm):
                if not (last and op == 0x0F):
                    self.out.append((op, *imm))
                for arg in reversed(args):
                    self.use(arg)
            case (3, _, Label() as label, Value() as cond):
                self.out.append((0x04, label, self._result_type(label)))
                self.use(cond)
            case _:
                raise AssertionError(event)

    def _pass(self, label: Label, args: list[Value]) -> None:
        pairs = list(zip(label.params, args, strict=True))
        result = self.results.get(label.id)
        if result is not None:
            for parameter, arg in pairs:
                if parameter is result:
                    self.use(arg)
            pairs = [p for p in pairs if p[0] is not result]
        copies.write(self, pairs, None)

    def _parameters(self, label: object) -> None:
        assert isinstance(label, Label)
        result = self.results.get(label.id)
        for parameter in label.params:
            if parameter is not result and self.placed.count.get(parameter.id):
                self.out.append((SET, self.local(parameter)))
                self.out.append((GET, self.transfer_local(parameter)))
        if result is not None:
            # The result lies on the stack when the label is reached: first thing to be taken.
            self.out.append((SET, self.local(result)))


def _table_pairs(edges: list[Edge]) -> list[tuple[Value, Value]]:
    return [
        pair for edge in distinct(edges) for pair in zip(edge.label.params, edge.args, strict=True)
    ]


def _stack_results(events: list[Event], placed: Placement) -> dict[int, Value]:
    """Choose for each label the parameter that can stay on the stack: used once, in its block."""
    barred: set[int] = set()
    labels: dict[int, Label] = {}
    for event in events:
        match event:
            case (8, _, Label() as label, _, _):
                barred.add(label.id)
            case (9, _, list() as listed, _):
                barred |= {e.label.id for e in listed}
            case (11, _, Label() as label):
                labels[label.id] = label
            case _:
                pass
    found = {}
    for label in labels.values():
        if label.kind == "loop" or label.id in barred:
            continue
        for parameter in label.params:
            if placed.use_blocks.get(parameter.id) == [label.block]:
                found[label.id] = parameter
                break
    return found


def _exit_names(events: list[Event]) -> dict[int, list[tuple[BasicBlock, Value]]]:
    """Find loop parameters that live on behind the loop in another's transfer local.

    Behind a loop's last `br_if`, the transfer local of `p` still holds the argument that the
    branch would have passed. Reading it there, instead of the parameter that was passed, lets
    rotating variables share one local.
    """
    found: dict[int, list[tuple[BasicBlock, Value]]] = {}
    for event, following in pairwise(events):
        match event:
            case (8, _, Label(kind="loop") as label, list() as args, _):
                behind = following[1]
                assert isinstance(behind, BasicBlock)
                assert label.block is not None
                if following[0] != ENTER or behind.loop_depth >= label.block.loop_depth:
                    continue
                for parameter, arg in zip(label.params, args, strict=True):
                    if arg.op == PHI and arg.block is label.block and arg is not parameter:
                        found.setdefault(arg.id, []).append((behind, parameter))
            case _:
                pass
    return found


__all__ = ["BRANCH", "BRANCH_IF", "ELSE", "END", "FALL", "IF", "OPEN", "PARAMETERS", "STUCK"]
