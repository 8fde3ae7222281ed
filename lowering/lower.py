"""Wasm body to function graph.

One pass builds the graph: locals become an environment of values, the operand stack a list of
values, every join a label with block parameters. A first scan finds which locals each construct
assigns, so that only those are saved at its edges and merged at its end; a loop's head gets a
parameter for each of them (redundant ones go in `lowering.simplify`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..ir.blocks import BasicBlock
from ..ir.demand import simplify
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
from .types import I32, NAMED, default

Instr: TypeAlias = "tuple[Any, ...]"

MAX_INSTRUCTIONS = 20_000
"""Beyond this a body would eat the whole budget for one function."""
MAX_NESTING = 1_500
"""Emission and validation recurse over nested constructs."""
MAX_LOCALS = 4_000
"""Liveness keeps a bit for each local at each block."""


class Unsupported(Exception):
    """The function is kept as it is; the message says why."""


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


_CONSTANTS = {0x41: I32, 0x42: NAMED["i64"], 0x43: NAMED["f32"], 0x44: NAMED["f64"]}


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


def lower(module: Module, index: int) -> Function:
    """Return the simplified function graph of the defined function `index`.

    Emission relies on that: a block parameter that nothing needs would count as a use.

    Raises:
        Unsupported: the body is beyond a limit or has something without a meaning here.
    """
    return simplify(_Lowering(*parts(module, index)).run())


def parts(
    module: Module, index: int
) -> tuple[Module, int, FuncType, list[ValType], Sequence[Instr]]:
    """Return what `_Lowering` takes for a function. Raises `Unsupported` as `lower` does."""
    body = module.body(index)
    instrs = body.instrs
    if len(instrs) > MAX_INSTRUCTIONS:
        raise Unsupported(f"more than {MAX_INSTRUCTIONS} instructions")
    signature = module.function_type(index)
    local_types = list(signature.params)
    for count, type in body.runs:
        if len(local_types) + count > MAX_LOCALS:
            raise Unsupported(f"more than {MAX_LOCALS} locals")
        local_types += [type] * count
    return module, index, signature, local_types, instrs


class _Lowering:
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
            value = self.env[_int(instr[1])]
            if value is None:
                raise Unsupported("local of a type without default")
            stack.append(value)
        elif op == 0x21:
            self.env[_int(instr[1])] = stack.pop()
        elif op == 0x22:
            self.env[_int(instr[1])] = stack[-1]
        elif op in _CONSTANTS:
            stack.append(self.fn.pure(op, (), instr[1:], _CONSTANTS[op], self.block))
        elif (signature := _SIGNATURES.get(op)) is not None:
            self._plain(op, instr[1:], *signature)
        else:
            handler = _HANDLERS.get(op)
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
                self._anchor(op, args, imm, results, effects.TRAP)
        elif kind in ("load", "store"):
            memory = _int(imm[2])
            make = effects.load if kind == "load" else effects.store
            self._anchor(op, args, imm, results, make(self.spaces, memory))
        else:
            self._anchor(op, args, imm, results, effects.of_instruction(name, imm, self.spaces))

    def _anchor(
        self,
        op: int,
        args: Sequence[Value],
        imm: Imm,
        results: Sequence[ValType],
        effect: Effect,
    ) -> None:
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

    def _pop(self, count: int) -> list[Value]:
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
                args = self._pop(len(self.fn.results))
                frame.nodes.append(Exit(0x0F, args, (), self.block))
            else:
                self._fall(frame)
        self.nodes = frame.parent
        if not label.edges:
            self.nodes += frame.nodes
            return
        self.nodes.append(Block(label, frame.nodes))
        self._join(frame)
        self.nodes.append(Exit(0x0F, self._pop(len(self.fn.results)), (), self.block))

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
        return self.frames[-1 - _int(depth)]

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
        args = self._pop(len(self.fn.results))
        self.nodes.append(Exit(0x0F, args, (), self.block))
        self.dead = True

    def op_unreachable(self, instr: Instr, position: int) -> None:
        """`unreachable`."""
        self.nodes.append(Exit(0x00, [], (), self.block))
        self.dead = True

    # Everything whose signature depends on immediates.

    def op_nop(self, instr: Instr, position: int) -> None:
        """`nop`."""

    def op_drop(self, instr: Instr, position: int) -> None:
        """`drop`."""
        self.stack.pop()

    def op_select(self, instr: Instr, position: int) -> None:
        """`select`, with or without types."""
        args = tuple(self._pop(3))
        imm: Imm = ()
        type = args[0].type
        if instr[0] == 0x1C:
            types = instr[1]
            assert isinstance(types, tuple)
            if types[0] not in NAMED.values():
                imm, type = instr[1:], types[0]
        op = 0x1C if imm else 0x1B
        self.stack.append(self.fn.pure(op, args, imm, type, self.block))

    def op_global_get(self, instr: Instr, position: int) -> None:
        """`global.get`: of an immutable global a constant."""
        index = _int(instr[1])
        found = self.module.globals[index]
        if not found.mutable:
            self.stack.append(self.fn.pure(0x23, (), (index,), found.type, self.block))
            return
        effect = effects.of_instruction("global.get", (index,), self.spaces)
        self._anchor(0x23, (), (index,), (found.type,), effect)

    def op_global_set(self, instr: Instr, position: int) -> None:
        """`global.set`."""
        effect = effects.of_instruction("global.set", instr[1:], self.spaces)
        self._anchor(0x24, self._pop(1), instr[1:], (), effect)

    def op_memory(self, instr: Instr, position: int) -> None:
        """Memory instructions whose operands depend on the address type of the memory."""
        op = _int(instr[0])
        name = OPCODES[op].name
        imm = instr[1:]
        memory = _int(imm[-1] if name == "memory.init" else imm[0]) if imm else 0
        address: ValType = NAMED["i64"] if self.module.memories[memory].is64 else I32
        count, results = _MEMORY[name]
        effect = effects.of_instruction(name, imm, self.spaces)
        self._anchor(op, self._pop(count), imm, (address,) * results, effect)

    def op_table(self, instr: Instr, position: int) -> None:
        """Table instructions."""
        op = _int(instr[0])
        name = OPCODES[op].name
        imm = instr[1:]
        table = self.module.tables[_int(imm[-1] if name == "table.init" else imm[0])]
        address: ValType = NAMED["i64"] if table.is64 else I32
        count, result = _TABLE[name]
        type = table.type if result == "element" else address
        effect = effects.of_instruction(name, imm, self.spaces)
        self._anchor(op, self._pop(count), imm, (type,) if result else (), effect)

    def op_segment(self, instr: Instr, position: int) -> None:
        """`data.drop` and `elem.drop`."""
        op = _int(instr[0])
        effect = effects.of_instruction(OPCODES[op].name, instr[1:], self.spaces)
        self._anchor(op, (), instr[1:], (), effect)

    def op_ref_null(self, instr: Instr, position: int) -> None:
        """`ref.null`."""
        heap = _int(instr[1])
        type: ValType = heap + 0x80 if -0x40 < heap < 0 else (0x63, heap)
        self.stack.append(self.fn.pure(0xD0, (), (heap,), type, self.block))

    def op_ref_is_null(self, instr: Instr, position: int) -> None:
        """`ref.is_null`."""
        self.stack.append(self.fn.pure(0xD1, tuple(self._pop(1)), (), I32, self.block))

    def op_ref_func(self, instr: Instr, position: int) -> None:
        """`ref.func`: a reference to a function of known type."""
        index = _int(instr[1])
        type = (0x64, self.module.functions[index])
        self.stack.append(self.fn.pure(0xD2, (), (index,), type, self.block))

    def op_call(self, instr: Instr, position: int) -> None:
        """`call`, `call_indirect`, `call_ref`."""
        signature, extra = self._callee(instr)
        args = self._pop(len(signature.params) + extra)
        self._anchor(_int(instr[0]), args, instr[1:], signature.results, effects.BARRIER)

    def op_return_call(self, instr: Instr, position: int) -> None:
        """Tail calls leave the function."""
        signature, extra = self._callee(instr)
        args = self._pop(len(signature.params) + extra)
        self.nodes.append(Exit(_int(instr[0]), args, instr[1:], self.block))
        self.dead = True

    def _callee(self, instr: Instr) -> tuple[FuncType, int]:
        """Return the signature of a call and how many operands stand above its arguments."""
        if instr[0] in (0x10, 0x12):
            return self.module.function_type(_int(instr[1])), 0
        found = self.module.types[_int(instr[1])]
        assert isinstance(found, FuncType)
        return found, 1


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _defined(value: Value | None) -> Value:
    if value is None:
        raise Unsupported("local of a type without default")
    return value


def _safe_divisor(op: int, divisor: Value) -> bool:
    """Tell whether a division by this value cannot trap."""
    if divisor.op not in (0x41, 0x42):
        return False
    constant = _int(divisor.imm[0])
    return constant != 0 and not (constant == -1 and op in _SIGNED_DIVISIONS)


def _assignments(instrs: Sequence[Instr]) -> dict[int, int]:
    """Return for each position that opens a construct the set of locals it assigns, as bits."""
    found: dict[int, int] = {}
    open_: list[int] = []
    for position, instr in enumerate(instrs):
        op = instr[0]
        if op in (0x21, 0x22):
            if open_:
                found[open_[-1]] |= 1 << _int(instr[1])
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


_MEMORY = {
    "memory.size": (0, 1),
    "memory.grow": (1, 1),
    "memory.copy": (3, 0),
    "memory.fill": (3, 0),
    "memory.init": (3, 0),
}
"""Operand and result counts."""
_TABLE: dict[str, tuple[int, str]] = {
    "table.get": (1, "element"),
    "table.set": (2, ""),
    "table.size": (0, "address"),
    "table.grow": (2, "address"),
    "table.fill": (3, ""),
    "table.copy": (3, ""),
    "table.init": (3, ""),
}
"""Operand counts and what the result is."""

_Handler: TypeAlias = Callable[[_Lowering, Instr, int], None]
_HANDLERS: dict[int, _Handler] = {
    0x00: _Lowering.op_unreachable,
    0x01: _Lowering.op_nop,
    0x02: _Lowering.op_block,
    0x03: _Lowering.op_loop,
    0x04: _Lowering.op_if,
    0x05: _Lowering.op_else,
    0x0B: _Lowering.op_end,
    0x0C: _Lowering.op_br,
    0x0D: _Lowering.op_br_if,
    0x0E: _Lowering.op_br_table,
    0x0F: _Lowering.op_return,
    0x10: _Lowering.op_call,
    0x11: _Lowering.op_call,
    0x12: _Lowering.op_return_call,
    0x13: _Lowering.op_return_call,
    0x14: _Lowering.op_call,
    0x15: _Lowering.op_return_call,
    0x1A: _Lowering.op_drop,
    0x1B: _Lowering.op_select,
    0x1C: _Lowering.op_select,
    0x23: _Lowering.op_global_get,
    0x24: _Lowering.op_global_set,
    0x25: _Lowering.op_table,
    0x26: _Lowering.op_table,
    0x3F: _Lowering.op_memory,
    0x40: _Lowering.op_memory,
    0xD0: _Lowering.op_ref_null,
    0xD1: _Lowering.op_ref_is_null,
    0xD2: _Lowering.op_ref_func,
    0xFC0008: _Lowering.op_memory,
    0xFC0009: _Lowering.op_segment,
    0xFC000A: _Lowering.op_memory,
    0xFC000B: _Lowering.op_memory,
    0xFC000C: _Lowering.op_table,
    0xFC000D: _Lowering.op_segment,
    0xFC000E: _Lowering.op_table,
    0xFC000F: _Lowering.op_table,
    0xFC0010: _Lowering.op_table,
    0xFC0011: _Lowering.op_table,
}
