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
from typing import Any, TypeAlias

from ..ir.blocks import BasicBlock
from ..ir.graph import PARAM, PHI, Anchor, Edge, Function, Label, ValType, Value
from ..wasm.opcodes import BY_NAME, OPCODES
from . import copies
from .arrange import candidates, crossed, exit_names, idle_arms, scopes
from .events import (
    ANCHOR,
    BRANCH,
    BRANCH_IF,
    BRANCH_TABLE,
    ELSE,
    END,
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

_ORDERED = (("lt_s", "gt_s"), ("lt_u", "gt_u"), ("le_s", "ge_s"), ("le_u", "ge_u"))
MIRRORED = {code: code for code, row in OPCODES.items() if row.commutative} | {
    BY_NAME[f"{width}.{one}"]: BY_NAME[f"{width}.{other}"]
    for width in ("i32", "i64")
    for pair in _ORDERED
    for one, other in (pair, pair[::-1])
}
"""Operations whose two operands may change places -> what they become."""

MAX_OPERANDS = 12
"""Values looked at below an operand to decide which of two is computed last."""

TAKEN_IN_PLACE = 2
"""Bytes saved where a label's result is used in place: the write and the read of its local."""
SET_BEHIND = 2
"""Bytes of the write behind the end of a label whose result is not used in place."""
ROUNDS = 10
"""How often a loop is taken to run where instructions count rather than bytes."""


@dataclass(slots=True)
class Stacked:
    """Stack code in program order and its virtual locals.

    Attributes:
        code: the instructions, without the final `end`.
        types: type of each virtual local; the function's parameters come first.
        transfer: id of a block parameter -> its transfer local.
        crossed: ids of labels that some `br_if` names where more lies on the stack than behind
            the label: what follows that `br_if` cannot move into a construct of its own.
    """

    code: Code
    types: list[ValType]
    transfer: dict[int, int]
    crossed: set[int]


@dataclass(slots=True)
class Stackifier:
    """The state of writing one function backwards."""

    function: Function
    events: list[Event]
    placed: Placement
    on_stack: bool
    """Whether a block may leave its result on the operand stack."""
    fast: bool = False
    """Whether results are left on the stack to save instructions executed rather than bytes."""
    eager: bool = True
    """Whether constants that an arm passes are written before the `if` even where the other arm
    overwrites them: a byte less, but two instructions more on that way."""
    out: Code = field(default_factory=list)
    types: list[ValType] = field(default_factory=list)
    own: dict[int, int] = field(default_factory=dict)
    transfer: dict[int, int] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    pending: dict[int, list[Anchor]] = field(default_factory=dict)
    results: dict[int, Value] = field(default_factory=dict)
    """Label id -> the parameter that stays on the stack."""
    barred: set[int] = field(default_factory=set)
    """Ids of labels that cannot have a result on the stack."""
    conditional: set[int] = field(default_factory=set)
    """Identities of the edges of `br_if`: a value they pass must be dropped where not taken."""
    candidates: dict[int, Label] = field(default_factory=dict)
    """Parameters that may become their label's result."""
    starts: dict[int, int] = field(default_factory=dict)
    """Position of the event of an anchor, or of the opening of a label's construct, by id."""
    scopes: list[int] = field(default_factory=list)
    """For each event, the list of the skeleton that it stands in."""
    deferred: dict[int, list[Value]] = field(default_factory=dict)
    """Id of an anchor or label whose result lies on the stack until its use -> values to be pushed
    before it, below the result."""
    renamed: dict[int, list[tuple[BasicBlock, Value]]] = field(default_factory=dict)
    """Loop parameter id -> blocks behind the loop where another's transfer local holds it."""
    early: dict[int, list[Value]] = field(default_factory=dict)
    """Label id -> arguments of the arm that does nothing else: passed before the `if`."""
    laid: list[tuple[int, int]] = field(default_factory=list)
    """Events between which some value lies on the stack."""
    skipped: set[int] = field(default_factory=set)
    """Positions of the `FALL` events of those arms."""
    block: BasicBlock = field(init=False)
    covered: bool = False
    """Whether a condition lies on the stack below what is being written."""
    position: int = 0
    """Of the event that is being written."""
    lying: list[int] = field(default_factory=list)
    """Starts of the values that lie on the stack here, the deepest first: each is pushed at its
    start, a position further up, and taken at one already written."""

    def run(self) -> Stacked:
        """Write the whole function."""
        for argument in self.function.arguments:
            self.local(argument)
        self.left = dict(self.placed.count)
        self.scopes = scopes(self.events)
        for position, event in enumerate(self.events):
            if event[0] == ANCHOR:
                anchor = event[2]
                assert isinstance(anchor, Anchor)
                self.starts[anchor.id] = position
                self.pending.setdefault(anchor.block.number, []).append(anchor)
            elif event[0] in (OPEN, IF):
                assert isinstance(event[2], Label)
                self.starts[event[2].id] = position
        self.early, self.skipped = idle_arms(self.events, self.placed, eager=self.eager)
        if self.on_stack:
            self.barred, self.conditional, self.candidates = candidates(
                self.events, self.placed, self.early
            )
        self.renamed = exit_names(self.events, self.placed)
        self.block = self.function.blocks[-1]
        if self._ends_stuck():
            self.out.append((0x00,))
        for position in range(len(self.events) - 1, -1, -1):
            if position not in self.skipped:
                self.position = position
                self._event(self.events[position], position == len(self.events) - 1)
        self.out.reverse()
        return Stacked(
            self.out, self.types, self.transfer, crossed(self.events, self.scopes, self.laid)
        )

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
        return self.placed.block.get(value.id) is self.block

    def carrier(self, value: Value) -> Value | None:
        """Return the loop parameter in whose transfer local the value is read here, if any."""
        for block, parameter in self.renamed.get(value.id, ()):
            if block.dominates(self.block):
                return parameter
        return None

    def push(self, values: list[Value] | tuple[Value, ...]) -> None:
        """Write code that pushes the values here, the last one on top."""
        left = list(values)
        while left:
            left += self._use(left.pop(), left)

    def _use(self, value: Value, left: list[Value]) -> list[Value] | tuple[Value, ...]:
        """Write the instruction that gives `value` and return the operands it wants pushed.

        `left` are the values still to be pushed below this one.
        """
        value = self.placed.resolve(value)
        if self.placed.repeats(value):
            self.out.append((value.op, *value.imm))
            return ()
        other = self.carrier(value)
        if other is not None:
            if value.op != PHI:
                self.left[value.id] -= 1
                self.placed.count[value.id] -= 1
            self.out.append((GET, self.transfer_local(other)))
            return ()
        if value.op in (PARAM, PHI):
            if value.id not in self.candidates or not self._leave_on_stack(value, left):
                self.out.append((GET, self.local(value)))
            return ()
        self.left[value.id] -= 1
        if self.left[value.id] == 0 and self.inlines(value) and self._take(value):
            if self.placed.count[value.id] > 1:
                self.out.append((TEE, self.local(value)))
            self.done.add(value.id)
            op, imm, args = _computation(value)
            if op in MIRRORED and self._latest(args[0]) > self._latest(args[1]) >= 0:
                # The operand that is computed last belongs on top.
                op, args = MIRRORED[op], (args[1], args[0])
            self.out.append((op, *imm))
            return args
        if self._lies_on_stack(value, left):
            return ()
        self.out.append((GET, self.local(value)))
        return ()

    def _latest(self, value: Value) -> int:
        """Return the position of the last anchor that would be computed with a value, or -1."""
        latest = -1
        work = [self.placed.resolve(value)]
        for _ in range(MAX_OPERANDS):
            if not work:
                break
            value = work.pop()
            if self.placed.count.get(value.id) != 1 or not self.inlines(value):
                continue
            if value.anchor is not None:
                latest = max(latest, self.starts[value.anchor.id])
            work += [self.placed.resolve(a) for a in _computation(value)[2]]
        return latest

    def _lies_on_stack(self, value: Value, left: list[Value]) -> bool:
        """Let an anchor's only use take the result where it lies on the stack."""
        anchor = value.anchor
        if not self.on_stack or anchor is None or value.id in self.done:
            return False
        if self.placed.count[value.id] > 1 or len(anchor.results) > 1:
            return False
        return self._lay(self.starts[anchor.id], anchor.id, left)

    def _lay(self, start: int, id: int, left: list[Value]) -> bool:
        """Let the result of what stands at `start` lie on the stack until here.

        Whole statements and constructs may stand between: none touches what lies below. What is
        still to be pushed below the result is pushed before `start`.
        """
        if self.covered or self.scopes[start] != self.scopes[self.position]:
            return False
        if self.lying and start <= self.lying[-1]:
            return False
        moved: list[Value] = []
        if not all(self._movable(v, start, moved) for v in left):
            return False
        block = self.events[start][1]
        assert isinstance(block, BasicBlock)
        for value in moved:
            self.placed.block[value.id] = block
        self.lying.append(start)
        self.laid.append((start, self.position))
        self.deferred[id] = list(left)
        left.clear()
        return True

    def _leave_on_stack(self, parameter: Value, left: list[Value]) -> bool:
        """Let a label's result lie on the stack until this, its only use.

        What is still to be pushed below must then be pushed before the construct is entered.
        """
        label = self.candidates[parameter.id]
        taken = self._behind(label) if self.fast else TAKEN_IN_PLACE
        if label.id in self.results or self._gain(label, parameter) + taken <= 0:
            return False
        if not self._lay(self.starts[label.id], label.id, left):
            return False
        self.results[label.id] = parameter
        return True

    def _movable(self, value: Value, start: int, moved: list[Value]) -> bool:
        """Tell whether a value can be pushed before the event at `start`."""
        value = self.placed.resolve(value)
        to = self.events[start][1]
        assert isinstance(to, BasicBlock)
        if value.anchor is not None:
            return value.block.dominates(to) and self.starts[value.anchor.id] < start
        if value.op < 0:
            return value.block.dominates(to)
        if self.placed.repeats(value):
            return True
        block = self.placed.block[value.id]
        if block is not to and block.dominates(to):
            return True
        if value.id in self.done or not all(self._movable(a, start, moved) for a in value.args):
            return False
        if block is not to:
            moved.append(value)
        return True

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

    def _settle(self) -> None:
        """Compute values of this block whose uses are all behind."""
        for value in reversed(self.placed.at.get(self.block.number, ())):
            if self.left[value.id] == 0 and value.id not in self.done:
                self.done.add(value.id)
                op, imm, args = _computation(value)
                self.out += ((SET, self.local(value)), (op, *imm))
                self.push(args)

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
                self._push_deferred(label.id)
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
            if anchor.id in self.deferred:
                continue
            if self.placed.count.get(result.id):
                self.done.add(result.id)
                self.out.append((SET, self.local(result)))
            else:
                self.out.append((0x1A,))
        self.out.append((anchor.op, *anchor.imm))
        self.push(anchor.args)
        self._push_deferred(anchor.id)

    def _push_deferred(self, id: int) -> None:
        """Push what must lie below the result of an anchor or of a label's construct."""
        values = self.deferred.get(id)
        if values is not None:
            self.lying.pop()
            self.push(values)
            self._settle()

    def _control(self, event: Event, last: bool) -> None:
        match event:
            case (6, _, Label() as label, list() as args):
                self._pass(label, args)
            case (7, _, Label() as label, list() as args):
                self.out.append((0x0C, label))
                self._pass(label, args)
            case (8, _, Label() as label, list() as args, Value() as cond):
                if label.id in self.results:
                    self.out.append((0x1A,))
                self.out.append((0x0D, label))
                self._pass(label, args, cond)
            case (9, _, list() as listed, Value() as index):
                labels = tuple(e.label for e in listed)
                self.out.append((0x0E, labels[:-1], labels[-1]))
                copies.write(self, _table_pairs(listed), index)
            case (10, _, int() as op, list() as args, tuple() as imm):
                if not (last and op == 0x0F):
                    self.out.append((op, *imm))
                self.push(args)
            case (3, _, Label() as label, Value() as cond):
                self.out.append((0x04, label, self._result_type(label)))
                early = self.early.get(label.id, ())
                copies.write(self, list(zip(label.params, early, strict=bool(early))), cond)
                self._push_deferred(label.id)
            case _:
                raise AssertionError(event)

    def _pass(self, label: Label, args: list[Value], condition: Value | None = None) -> None:
        pairs = list(zip(label.params, args, strict=True))
        result = self.results.get(label.id)
        if result is None:
            copies.write(self, pairs, condition)
            return
        passed = [arg for parameter, arg in pairs if parameter is result]
        pairs = [p for p in pairs if p[0] is not result]
        if condition is None:
            self.push(passed)
            copies.write(self, pairs, None)
        else:
            copies.write(self, pairs, condition, passed)

    def _choose_result(self, label: Label) -> None:
        """Let the parameter that gains most by it be the label's result, set behind its end.

        Every edge that computes its argument saves the write of the transfer local; an edge that
        passes a local would have shared it and now has to read it.
        """
        if not self.on_stack or label.id in self.barred or label.id in self.results:
            return
        best = self._behind(label) if self.fast else SET_BEHIND
        for parameter in label.params:
            gain = self._gain(label, parameter)
            if gain > best and self.placed.count.get(parameter.id):
                best = gain
                self.results[label.id] = parameter

    def _behind(self, label: Label) -> int:
        """Return how often what follows a label runs."""
        assert label.block is not None
        return int(ROUNDS**label.block.loop_depth)

    def _gain(self, label: Label, parameter: Value) -> int:
        """Estimate what edges save by passing the parameter on the stack."""
        position = label.params.index(parameter)
        if self.fast:
            return self._instructions(label, position)
        gain = 0
        for edge in label.edges:
            arg = self.placed.resolve(edge.args[position])
            conditional = id(edge) in self.conditional
            if arg.op in (PARAM, PHI) or (
                arg.id in self.placed.block and self.placed.count[arg.id] > 1
            ):
                gain -= 3 if conditional else 2
            elif self.placed.repeats(arg):
                gain += -1 if conditional else 2
            else:
                gain += 1 if conditional else 2
        return gain

    def _instructions(self, label: Label, position: int) -> int:
        """Estimate the instructions that edges save by passing a parameter on the stack.

        The `drop` behind a `br_if` that is not taken costs nothing.
        """
        gain = 0
        args = [self.placed.resolve(edge.args[position]) for edge in label.edges]
        for edge, arg in zip(label.edges, args, strict=True):
            weight = int(ROUNDS**edge.source.loop_depth)
            if self.placed.repeats(arg):
                # A chain of `br_if` writes the same constant to a local just once.
                there = id(edge) in self.conditional and args.count(arg) > 1
            else:
                there = arg.op in (PARAM, PHI) or self.placed.count[arg.id] > 1
            gain += -weight if there else weight
        return gain

    def _parameters(self, label: object) -> None:
        assert isinstance(label, Label)
        if label.kind != "loop":
            self._choose_result(label)
        result = self.results.get(label.id)
        for parameter in label.params:
            if parameter is not result and self.placed.count.get(parameter.id):
                self.out.append((SET, self.local(parameter)))
                self.out.append((GET, self.transfer_local(parameter)))
        if result is not None and label.id not in self.deferred:
            # Its use could not take it from the stack.
            self.out.append((SET, self.local(result)))


def _computation(value: Value) -> tuple[int, tuple[Any, ...], list[Value] | tuple[Value, ...]]:
    """Return opcode, immediates and operands of what gives a value that is computed in place."""
    if value.anchor is not None:
        return value.anchor.op, value.anchor.imm, value.anchor.args
    return value.op, value.imm, value.args


def _table_pairs(edges: list[Edge]) -> list[tuple[Value, Value]]:
    return [
        pair for edge in distinct(edges) for pair in zip(edge.label.params, edge.args, strict=True)
    ]


__all__ = ["BRANCH", "BRANCH_IF", "ELSE", "END", "FALL", "IF", "OPEN", "PARAMETERS", "STUCK"]
