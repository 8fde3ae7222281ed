"""The state of a body on its way to a function graph, and what control builds.

Locals are an environment of values, the operand stack is a list of values, every join a label with
block parameters. A first scan finds which locals each construct assigns, so that only those are
saved at its edges and merged at its end; a loop's head gets a parameter for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ..ir.blocks import BasicBlock
from ..ir.effects import Effect, Spaces
from ..ir.graph import (
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
    Imm,
    Label,
    Loop,
    Node,
    ValType,
    Value,
)
from ..wasm.module import Module
from ..wasm.opcodes import OPCODES
from ..wasm.types import BlockType, FuncType
from . import effects
from .instructions import HANDLERS, Handler
from .types import I32, NAMED, Instr, Unsupported, as_int, default

MAX_NESTING = 1_500
"""Emission and validation recurse over nested constructs."""


@dataclass(slots=True)
class _Frame:
    """An open construct."""

    label: Label
    kind: str
    base: int
    outs: tuple[ValType, ...]
    ins: int
    assigned: tuple[int, ...]
    nodes: list[Node]
    parent: list[Node]
    saved_env: list[Value | None] = field(default_factory=list)
    saved_stack: list[Value] = field(default_factory=list)
    node: Loop | If | None = None
    entry_block: BasicBlock | None = None
    locals_at: list[list[Value | None]] = field(default_factory=list)
    """For each edge of the label, the values of the assigned locals."""


_CONSTANTS: Final = {0x41: I32, 0x42: NAMED["i64"], 0x43: NAMED["f32"], 0x44: NAMED["f64"]}


_HANDLED = (
    *range(0x00, 0x27),
    0x3F,
    0x40,
    0xD0,
    0xD1,
    0xD2,
    *range(0xFC0008, 0xFC0012),
)
"""Opcodes that have a handler of their own, or none."""


def _signatures() -> dict[int, tuple[str, int, tuple[ValType, ...], str]]:
    """Return class, operand count, result types and name of every opcode with a fixed signature."""
    table = {}
    for code, row in OPCODES.items():
        if row.operands is None or row.results is None or code in _HANDLED:
            continue
        if any(t not in NAMED for t in row.results):
            continue
        results = tuple(NAMED[t] for t in row.results)
        table[code] = (row.effect, len(row.operands), results, row.name)
    return table


_SIGNATURES = _signatures()
_DIVISIONS = {
    code
    for code, row in OPCODES.items()
    if row.name.split(".")[-1] in ("div_s", "div_u", "rem_s", "rem_u") and row.effect == "trap"
}
_SIGNED_DIVISIONS = {code for code in _DIVISIONS if OPCODES[code].name.endswith("div_s")}


def spaces_of(module: Module) -> Spaces:
    """Number the spaces of a module."""
    return Spaces(len(module.memories), len(module.tables), len(module.globals))


class Building:
    """The state of lowering one body."""

    def __init__(
        self,
        module: Module,
        index: int,
        signature: FuncType,
        local_types: list[ValType],
        instrs: Sequence[Instr],
    ) -> None:
        self.module = module
        self.spaces = spaces_of(module)
        self.fn = Function(index, signature.params, signature.results, self.spaces)
        self.local_types = local_types
        self.instrs = instrs
        self.block = self.fn.new_block([])
        self.fn.arguments = [
            self.fn.leaf(PARAM, (i,), t, self.block) for i, t in enumerate(signature.params)
        ]
        self.env: list[Value | None] = list(self.fn.arguments)
        for type in local_types[len(signature.params) :]:
            zero = default(type)
            self.env.append(
                None if zero is None else self.fn.pure(zero[0], (), zero[1], type, self.block)
            )
        self.stack: list[Value] = []
        self.nodes = self.fn.body
        self.frames: list[_Frame] = []
        self.dead = False
        self.skipped = 0
        self.loops = 0
        self.assigned = _assignments(instrs)

    def run(self) -> Function:
        """Lower the whole body."""
        outer = Label(self.fn.fresh_id(), "block")
        results = self.fn.results
        frame = _Frame(outer, "function", 0, results, 0, (), [], self.nodes)
        self.frames.append(frame)
        self.nodes = frame.nodes
        for position, instr in enumerate(self.instrs):
            if self.dead:
                self._skip(instr, position)
            else:
                self._step(instr, position)
        assert not self.frames
        return self.fn

    # Dead code is dropped, but its constructs must be matched.
    def _skip(self, instr: Instr, position: int) -> None:
        match instr[0]:
            case 0x02 | 0x03 | 0x04 | 0x1F | 0x06:
                self.skipped += 1
                self.loops += instr[0] == 0x03
            case 0x05 if self.skipped == 0:
                self._else()
            case 0x0B if self.skipped == 0:
                self._end()
            case 0x0B:
                self.skipped -= 1
            case _:
                pass

    def _step(self, instr: Instr, position: int) -> None:
        op = instr[0]
        stack = self.stack
        assert isinstance(op, int)
        if op == 0x20:
            value = self.env[as_int(instr[1])]
            if value is None:
                raise Unsupported("local of a type without default")
            stack.append(value)
        elif op == 0x21:
            self.env[as_int(instr[1])] = stack.pop()
        elif op == 0x22:
            self.env[as_int(instr[1])] = stack[-1]
        elif op in _CONSTANTS:
            stack.append(self.fn.pure(op, (), instr[1:], _CONSTANTS[op], self.block))
        elif (signature := _SIGNATURES.get(op)) is not None:
            self._plain(op, instr[1:], *signature)
        else:
            handler = _CONTROL.get(op) or HANDLERS.get(op)
            if handler is None:
                row = OPCODES.get(op)
                raise Unsupported(f"instruction {row.name if row is not None else hex(op)}")
            handler(self, instr, position)

    def _plain(
        self, op: int, imm: Imm, kind: str, count: int, results: tuple[ValType, ...], name: str
    ) -> None:
        stack = self.stack
        args = tuple(stack[len(stack) - count :])
        if count:
            del stack[len(stack) - count :]
        if kind == "pure" and len(results) == 1:
            stack.append(self.fn.pure(op, args, imm, results[0], self.block))
        elif kind == "trap":
            if op in _DIVISIONS and _safe_divisor(op, args[1]):
                stack.append(self.fn.pure(op, args, imm, results[0], self.block))
            else:
                self.anchor(op, args, imm, results, effects.TRAP)
        elif kind in ("load", "store"):
            memory = as_int(imm[2])
            make = effects.load if kind == "load" else effects.store
            self.anchor(op, args, imm, results, make(self.spaces, memory))
        else:
            self.anchor(op, args, imm, results, effects.of_instruction(name, imm, self.spaces))

    def anchor(
        self,
        op: int,
        args: Sequence[Value],
        imm: Imm,
        results: Sequence[ValType],
        effect: Effect,
    ) -> None:
        """Append an anchor and push its results."""
        fn = self.fn
        anchor = Anchor(fn.fresh_id(), op, list(args), imm, (), effect, self.block)
        made = []
        for position, type in enumerate(results):
            value = fn.leaf(RESULT, (position,), type, self.block)
            value.anchor = anchor
            made.append(value)
        anchor.results = tuple(made)
        self.nodes.append(anchor)
        self.stack += made

    def pop(self, count: int) -> list[Value]:
        """Take so many operands from the stack, the deepest first."""
        if count == 0:
            return []
        args = self.stack[-count:]
        del self.stack[-count:]
        return args

    # Control.

    def _block_type(self, type: BlockType) -> tuple[tuple[ValType, ...], tuple[ValType, ...]]:
        if type is None:
            return (), ()
        if isinstance(type, tuple) and type[0] == "type":
            found = self.module.types[type[1]]
            assert isinstance(found, FuncType)
            return found.params, found.results
        return (), (type,)

    def _open(self, kind: str, type: BlockType, position: int) -> _Frame:
        if len(self.frames) > MAX_NESTING:
            raise Unsupported(f"more than {MAX_NESTING} nested blocks")
        ins, outs = self._block_type(type)
        label = Label(self.fn.fresh_id(), kind)
        assigned = _members(self.assigned[position])
        base = len(self.stack) - len(ins)
        frame = _Frame(label, kind, base, outs, len(ins), assigned, [], self.nodes)
        self.frames.append(frame)
        self.nodes = frame.nodes
        return frame

    def op_block(self, instr: Instr, position: int) -> None:
        """`block`."""
        self._open("block", instr[1], position)

    def op_loop(self, instr: Instr, position: int) -> None:
        """`loop`: every local that it assigns becomes a parameter of its head."""
        frame = self._open("loop", instr[1], position)
        label = frame.label
        label.ordinal = self.loops
        self.loops += 1
        self.block = label.block = self.fn.new_block([self.block])
        node = Loop(label, [], frame.nodes)
        frame.node = node
        kept = []
        for local in frame.assigned:
            value = self.env[local]
            if value is None:
                continue
            kept.append(local)
            self.env[local] = self._parameter(label, self.local_types[local], ("local", local))
            node.entry.append(value)
        frame.assigned = tuple(kept)
        for depth in range(frame.ins):
            value = self.stack[frame.base + depth]
            self.stack[frame.base + depth] = self._parameter(label, value.type, ("stack", depth))
            node.entry.append(value)

    def _parameter(self, label: Label, type: ValType, origin: tuple[str, int] | None) -> Value:
        assert label.block is not None
        value = self.fn.leaf(PHI, (), type, label.block)
        value.origin = origin
        label.params.append(value)
        return value

    def op_if(self, instr: Instr, position: int) -> None:
        """`if`."""
        cond = self.stack.pop()
        frame = self._open("if", instr[1], position)
        frame.saved_env = [self.env[x] for x in frame.assigned]
        frame.saved_stack = list(self.stack)
        before = self.block
        frame.entry_block = before
        self.block = self.fn.new_block([before])
        frame.node = If(cond, frame.label, frame.nodes, [], before, self.block, before)

    def _else(self) -> None:
        frame = self.frames[-1]
        if not self.dead:
            self._fall(frame)
        self._start_else(frame)

    def _start_else(self, frame: _Frame) -> None:
        assert isinstance(frame.node, If)
        assert frame.entry_block is not None
        for local, value in zip(frame.assigned, frame.saved_env, strict=True):
            self.env[local] = value
        self.stack = list(frame.saved_stack)
        self.dead = False
        frame.kind = "else"
        frame.nodes = self.nodes = frame.node.orelse
        self.block = frame.node.else_block = self.fn.new_block([frame.entry_block])

    def op_else(self, instr: Instr, position: int) -> None:
        """`else`."""
        self._else()

    def op_end(self, instr: Instr, position: int) -> None:
        """`end`."""
        self._end()

    def _end(self) -> None:
        frame = self.frames[-1]
        if frame.kind == "loop":
            self._end_loop()
            return
        if frame.kind == "function":
            self._end_function()
            return
        if not self.dead:
            self._fall(frame)
        if frame.kind == "if":
            self._start_else(frame)
            self._fall(frame)
        self.frames.pop()
        self.nodes = frame.parent
        if isinstance(frame.node, If):
            self.nodes.append(frame.node)
        else:
            self.nodes.append(Block(frame.label, frame.nodes))
        self._join(frame)

    def _end_loop(self) -> None:
        frame = self.frames.pop()
        self.nodes = frame.parent
        assert isinstance(frame.node, Loop)
        assert frame.label.block is not None
        self.nodes.append(frame.node)
        for edge in frame.label.edges:
            frame.label.block.preds.append(edge.source)
        if not self.dead:
            outs = len(frame.outs)
            del self.stack[frame.base : len(self.stack) - outs]

    def _end_function(self) -> None:
        """Close the body: a branch to the outermost label is a return."""
        frame = self.frames.pop()
        label = frame.label
        if not self.dead:
            if not label.edges:
                args = self.pop(len(self.fn.results))
                frame.nodes.append(Exit(0x0F, args, (), self.block))
            else:
                self._fall(frame)
        self.nodes = frame.parent
        if not label.edges:
            self.nodes += frame.nodes
            return
        self.nodes.append(Block(label, frame.nodes))
        self._join(frame)
        self.nodes.append(Exit(0x0F, self.pop(len(self.fn.results)), (), self.block))

    def _fall(self, frame: _Frame) -> None:
        edge = self._edge(frame)
        self.nodes.append(Branch(edge, self.block))

    def _edge(self, frame: _Frame) -> Edge:
        """Record an edge to the frame's label from here."""
        count = frame.ins if frame.kind == "loop" else len(frame.outs)
        passed = self.stack[len(self.stack) - count :] if count else []
        if frame.kind == "loop":
            args = [_defined(self.env[x]) for x in frame.assigned] + passed
        else:
            args = passed
            frame.locals_at.append([self.env[x] for x in frame.assigned])
        edge = Edge(frame.label, args, self.block)
        frame.label.edges.append(edge)
        return edge

    def _join(self, frame: _Frame) -> None:
        """Merge the edges of a closed block: differing values become block parameters."""
        del self.stack[frame.base :]
        label = frame.label
        if not label.edges:
            self.dead = True
            return
        self.dead = False
        self.block = label.block = self.fn.new_block([e.source for e in label.edges])
        results = [e.args for e in label.edges]
        for edge in label.edges:
            edge.args = []
        for slot, local in enumerate(frame.assigned):
            values = [at[slot] for at in frame.locals_at]
            self.env[local] = self._merge(label, values, self.local_types[local])
        for slot, type in enumerate(frame.outs):
            merged = self._merge(label, [args[slot] for args in results], type)
            assert merged is not None
            self.stack.append(merged)

    def _merge(self, label: Label, values: list[Value | None], type: ValType) -> Value | None:
        first = values[0]
        if all(v is first for v in values):
            return first
        if any(v is None for v in values):
            return None
        for edge, value in zip(label.edges, values, strict=True):
            edge.args.append(_defined(value))
        return self._parameter(label, type, None)

    def _target(self, depth: object) -> _Frame:
        return self.frames[-1 - as_int(depth)]

    def op_br(self, instr: Instr, position: int) -> None:
        """`br`."""
        frame = self._target(instr[1])
        if frame.kind == "function":
            self.op_return(instr, position)
            return
        self.nodes.append(Branch(self._edge(frame), self.block))
        self.dead = True

    def op_br_if(self, instr: Instr, position: int) -> None:
        """`br_if`."""
        cond = self.stack.pop()
        frame = self._target(instr[1])
        edge = self._edge(frame)
        before = self.block
        self.block = self.fn.new_block([before])
        self.nodes.append(BranchIf(cond, edge, before, self.block))

    def op_br_table(self, instr: Instr, position: int) -> None:
        """`br_table`."""
        index = self.stack.pop()
        targets = instr[1]
        assert isinstance(targets, tuple)
        known: dict[int, Edge] = {}
        listed = []
        for depth in (*targets, instr[2]):
            frame = self._target(depth)
            edge = known.get(frame.label.id)
            if edge is None:
                edge = known[frame.label.id] = self._edge(frame)
            listed.append(edge)
        self.nodes.append(BranchTable(index, listed, self.block))
        self.dead = True

    def op_return(self, instr: Instr, position: int) -> None:
        """`return`."""
        args = self.pop(len(self.fn.results))
        self.nodes.append(Exit(0x0F, args, (), self.block))
        self.dead = True

    def op_unreachable(self, instr: Instr, position: int) -> None:
        """`unreachable`."""
        self.nodes.append(Exit(0x00, [], (), self.block))
        self.dead = True


def _defined(value: Value | None) -> Value:
    if value is None:
        raise Unsupported("local of a type without default")
    return value


def _safe_divisor(op: int, divisor: Value) -> bool:
    """Tell whether a division by this value cannot trap."""
    if divisor.op not in (0x41, 0x42):
        return False
    constant = as_int(divisor.imm[0])
    return constant != 0 and not (constant == -1 and op in _SIGNED_DIVISIONS)


def _assignments(instrs: Sequence[Instr]) -> dict[int, int]:
    """Return for each position that opens a construct the set of locals it assigns, as bits."""
    found: dict[int, int] = {}
    open_: list[int] = []
    for position, instr in enumerate(instrs):
        op = instr[0]
        if op in (0x21, 0x22):
            if open_:
                found[open_[-1]] |= 1 << as_int(instr[1])
        elif op in (0x02, 0x03, 0x04, 0x06, 0x1F):
            open_.append(position)
            found[position] = 0
        elif op == 0x0B and open_:
            inner = open_.pop()
            if open_:
                found[open_[-1]] |= found[inner]
    return found


def _members(bits: int) -> tuple[int, ...]:
    """Return the elements of a bit set in ascending order."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return tuple(found)


_CONTROL: Final[dict[int, Handler]] = {
    0x00: Building.op_unreachable,
    0x02: Building.op_block,
    0x03: Building.op_loop,
    0x04: Building.op_if,
    0x05: Building.op_else,
    0x0B: Building.op_end,
    0x0C: Building.op_br,
    0x0D: Building.op_br_if,
    0x0E: Building.op_br_table,
    0x0F: Building.op_return,
}
