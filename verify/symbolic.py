"""Symbolic execution of one structured body into terms: one pass, no path explosion.

Joins merge states by condition (``terms.py``). A loop is executed once: what its body may change
gets head symbols, everything else keeps its dominating term. Read the head symbols as the state
at the *last* visit of the head before control leaves the loop or the function: everything after
is a function of the inputs and of these, and the back edge, as an outcome of its own, says how
one visit leads to the next. The obligations (``obligations.py``) then amount to an induction over
the visits.

Traps stay out of the path conditions: those hold the decisions of branches alone, as if every
operation had its total value. A run traps if any of its trap conditions holds on its path; where
it does first decides only what can be seen then. So traps are collected per *epoch*, a stretch
without visible change: within one, order and kind are free.

Calls and growth are *events*: terms over the world, the state and
the operands, which give results, a new state, and a condition under which they do not return.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .opcodes import (
    LANE_LOADS,
    LANE_STORES,
    LOADS,
    NUMERIC,
    STORES,
    TRAPPING,
    VECTOR,
    VECTOR_LOADS,
)
from .reader import FunctionType, Instruction, Unsupported, ValueType
from .scan import Effects, Scan
from .space import WORLD, Space, width_of
from .terms import FALSE, LEAF, STATE, TRUE

Facts = dict[tuple[int, int], int]
"""Memory and address to the greatest end that is known to be in bounds."""


class Repeats(Exception):
    """A loop that was to be executed as a block has a back edge that may be taken."""

    def __init__(self, ordinal: int) -> None:
        super().__init__(f"loop {ordinal}")
        self.ordinal = ordinal


@dataclass(slots=True)
class Edge:
    """The state on one edge into a join; the lists are shared and never written again."""

    condition: int
    locals: list[int]
    slots: list[int]
    facts: Facts
    values: list[int]


@dataclass(slots=True)
class Loop:
    """One executed loop: the state on entry, at the head, and on the merged back edges."""

    ordinal: int
    effects: Effects
    entry: Edge
    head: Edge
    below: list[int]
    """Operands below the loop's parameters: they stay what they are."""
    back: Edge | None = None


@dataclass(slots=True)
class Frame:
    """An open block."""

    op: int
    height: int
    label_count: int
    results: int
    end: int
    stop: int
    """Where execution goes on when the rest is dead: the ``else`` or the ``end``."""
    edges: list[Edge] = field(default_factory=list)
    otherwise: Edge | None = None
    loop: Loop | None = None
    once: int | None = None
    """The ordinal of a loop that is executed as a block: its label must never be reached."""


Epoch = tuple[tuple[int, ...], dict[int, int]]
"""A state of the slots, and for each trap condition met there the path condition."""

HeadPolicy = Callable[["Execution", int, Effects, Edge], Edge]
"""Running execution, ordinal, effects and entry of a loop to the state at its head."""


class Execution:
    """The run of one body. After :meth:`run`: ``returned``, ``epochs``, ``loops``."""

    def __init__(
        self,
        space: Space,
        kind: FunctionType,
        declared: list[ValueType],
        code: list[Instruction],
        found: Scan,
        head: HeadPolicy,
        blocks: frozenset[int] = frozenset(),
    ) -> None:
        self.space, self.code, self.scan, self.head = space, code, found, head
        self.blocks = blocks
        self.terms, self.values, self.memory = space.terms, space.values, space.memory
        self.types: list[ValueType] = [*kind.params, *declared]
        variable = self.terms.variable
        self.locals = [variable(width_of(t), "local", i) for i, t in enumerate(kind.params)]
        self.locals += [space.zero(t) for t in declared]
        self.slots = list(space.initial)
        self.facts: Facts = {}
        self.shared = False
        self.stack: list[int] = []
        self.condition = TRUE
        self.lazy: list[tuple[tuple[int, ...], tuple[int, ...]] | int] = []
        self._lazy_index: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        self.frames = [
            Frame(0x02, 0, len(kind.results), len(kind.results), len(code) - 1, len(code) - 1)
        ]
        self.result_count = len(kind.results)
        self.epochs: list[Epoch] = []
        self._epoch: dict[int, int] | None = None
        self.loops: list[Loop] = []
        self.returned: Edge | None = None
        self._handlers = self._make_handlers()

    # --- the walk -------------------------------------------------------------------------------

    def run(self) -> None:
        """Execute. Raises Unsupported for an instruction that is not modelled."""
        code, at, end = self.code, 0, len(self.code)
        handlers, apply, stack = self._handlers, self.values.apply, self.stack
        raw, constant = self.values.raw, self.terms.constant
        while at < end:
            instruction = code[at]
            op = instruction[0]
            if op == 0x20:
                value = self.locals[instruction[1]]
                stack.append(value if value >= 0 else self.force(value))
            elif op == 0x41:
                stack.append(constant(instruction[1], 32))
            elif op == 0x21 or op == 0x22:
                if self.shared:
                    self._own()
                self.locals[instruction[1]] = stack[-1] if op == 0x22 else stack.pop()
            elif op in NUMERIC:
                name, count = NUMERIC[op]
                if name in TRAPPING:
                    operands = tuple(stack[-count:])
                    self._trap(self.values.trap(name, operands))
                if count == 2:
                    b = stack.pop()
                    key = (name, stack[-1], b)
                    found = raw.get(key)
                    stack[-1] = apply(*key) if found is None else found
                else:
                    stack[-1] = apply(name, stack[-1])
                if self.condition == FALSE:
                    at = self.frames[-1].stop
                    continue
            else:
                handler = handlers.get(op)
                if handler is None:
                    raise Unsupported(f"opcode {op:#x}")
                following = handler(instruction, at)
                if following is not None:
                    at = following
                    continue
                if self.condition == FALSE and self.frames:
                    at = self.frames[-1].stop
                    continue
            at += 1

    def _make_handlers(self) -> dict[int, Callable[[Instruction, int], int | None]]:
        table: dict[int, Callable[[Instruction, int], int | None]] = {
            0x00: self._unreachable, 0x01: self._nop, 0x02: self._block, 0x03: self._block,
            0x04: self._if, 0x05: self._else, 0x0B: self._end, 0x0C: self._br, 0x0D: self._br_if,
            0x0E: self._br_table, 0x0F: self._return, 0x10: self._call, 0x11: self._call_indirect,
            0x12: self._tail_call, 0x13: self._tail_call, 0x1A: self._drop, 0x1B: self._select,
            0x1C: self._select, 0x23: self._global_get, 0x24: self._global_set,
            0x25: self._table_get, 0x26: self._table_set, 0x3F: self._size, 0x40: self._grow,
            0x42: self._constant64, 0x43: self._constant32, 0x44: self._constant64,
            0xD0: self._null, 0xD1: self._is_null, 0xD2: self._function,
            0xFC0008: self._bulk, 0xFC0009: self._dropped, 0xFC000A: self._bulk,
            0xFC000B: self._bulk, 0xFC000C: self._table_bulk, 0xFC000D: self._dropped,
            0xFC000E: self._table_bulk, 0xFC000F: self._table_grow, 0xFC0010: self._table_size,
            0xFC0011: self._table_bulk, 0xFD000C: self._constant128,
        }  # fmt: skip
        for op in LOADS:
            table[op] = self._load
        for op in STORES:
            table[op] = self._store
        for op in VECTOR:
            table[op] = self._vector
        for op in VECTOR_LOADS:
            table[op] = self._vector_load
        for op in LANE_LOADS:
            table[op] = self._lane_load
        for op in LANE_STORES:
            table[op] = self._lane_store
        return table

    # --- state ----------------------------------------------------------------------------------

    def _own(self) -> None:
        """Copy the state before the first write after it was captured by an edge."""
        self.locals, self.slots, self.facts = list(self.locals), list(self.slots), dict(self.facts)
        self.shared = False

    def _capture(self, condition: int, count: int) -> Edge:
        self.shared = True
        values = self.stack[len(self.stack) - count :] if count else []
        return Edge(condition, self.locals, self.slots, self.facts, values)

    def _resume(self, edge: Edge, height: int) -> None:
        self.condition = edge.condition
        self.locals, self.slots, self.facts = edge.locals, edge.slots, edge.facts
        self.shared, self._epoch = True, None
        del self.stack[height:]
        self.stack += edge.values

    def merge(self, edges: list[Edge]) -> Edge | None:
        """One edge for many; ``None`` if none can be taken."""
        edges = [e for e in edges if e.condition != FALSE]
        if len(edges) < 2:
            return edges[0] if edges else None
        terms = self.terms
        total = FALSE
        for edge in edges:
            total = terms.either(total, edge.condition)
        guards = tuple(terms.constrain(e.condition, total) for e in edges[:-1])
        return Edge(
            total,
            self._merge_locals(guards, [e.locals for e in edges]),
            self._merge_lists(guards, [e.slots for e in edges]),
            self._merge_facts([e.facts for e in edges]),
            self._merge_lists(guards, [e.values for e in edges]),
        )

    def _merge_locals(self, guards: tuple[int, ...], lists: list[list[int]]) -> list[int]:
        """Locals merge on demand: most of them are dead at a join."""
        first = lists[0]
        if all(other is first for other in lists):
            return first
        merged = list(first)
        for i, values in enumerate(zip(*lists, strict=True)):
            if any(v != values[0] for v in values):
                merged[i] = self._later(guards, values)
        return merged

    def _later(self, guards: tuple[int, ...], values: tuple[int, ...]) -> int:
        key = (guards, values)
        found = self._lazy_index.get(key)
        if found is None:
            self.lazy.append(key)
            found = self._lazy_index[key] = -len(self.lazy)
        return found

    def force(self, value: int) -> int:
        """The term of a local that may be a merge not yet done (a negative number)."""
        if value >= 0:
            return value
        pending = [value]
        while pending:
            item = self.lazy[-1 - pending[-1]]
            if isinstance(item, int):
                pending.pop()
                continue
            guards, values = item
            missing = [v for v in values if v < 0 and not isinstance(self.lazy[-1 - v], int)]
            if missing:
                pending += missing
                continue
            done = [v if v >= 0 else self._forced(v) for v in values]
            self.lazy[-1 - pending.pop()] = self._choose(guards, done)
        return self._forced(value)

    def _forced(self, value: int) -> int:
        item = self.lazy[-1 - value]
        assert isinstance(item, int)
        return item

    def _choose(self, guards: tuple[int, ...], values: list[int]) -> int:
        result = values[-1]
        for guard, value in zip(reversed(guards), reversed(values[:-1]), strict=True):
            result = self.terms.ite(guard, value, result)
        return result

    def _merge_lists(self, guards: tuple[int, ...], lists: list[list[int]]) -> list[int]:
        first = lists[0]
        if all(other is first for other in lists):
            return first
        merged = list(first)
        for i, values in enumerate(zip(*lists, strict=True)):
            if any(v != values[0] for v in values):
                merged[i] = self._choose(guards, list(values))
        return merged

    @staticmethod
    def _merge_facts(all_facts: list[Facts]) -> Facts:
        first = all_facts[0]
        if all(other is first for other in all_facts):
            return first
        rest = all_facts[1:]
        return {
            key: min(end, *(other[key] for other in rest))
            for key, end in first.items()
            if all(key in other for other in rest)
        }

    def _trap(self, condition: int) -> None:
        """Trap here if ``condition``."""
        if condition == FALSE:
            return
        terms = self.terms
        if condition != TRUE and terms.both(self.condition, condition) == FALSE:
            return
        self._note_trap(condition)
        if condition == TRUE:
            self.condition = FALSE

    def _note_trap(self, condition: int) -> None:
        epoch = self._epoch
        if epoch is None:
            state = tuple(self.slots)
            if not self.epochs or self.epochs[-1][0] != state:
                self.epochs.append((state, {}))
            epoch = self._epoch = self.epochs[-1][1]
        before = epoch.get(condition)
        if before is None:
            epoch[condition] = self.condition
        elif before != self.condition:
            epoch[condition] = self.terms.either(before, self.condition)

    def _set(self, slot: int, term: int) -> None:
        """Change a slot: a new epoch."""
        if self.slots[slot] != term:
            if self.shared:
                self._own()
            self.slots[slot] = term
            self._epoch = None

    def _use(self, value: int) -> int:
        """An operand of something that happens here, simplified by the path condition."""
        if self.terms.tops[value] != LEAF:
            return self.terms.constrain(value, self.condition)
        return value

    # --- control --------------------------------------------------------------------------------

    def _nop(self, _instruction: Instruction, _at: int) -> None:
        return

    def _unreachable(self, _instruction: Instruction, _at: int) -> None:
        self._trap(TRUE)

    def _block(self, instruction: Instruction, at: int) -> None:
        params, results = self.space.block_type(instruction[1])
        end = self.scan.ends[at]
        height = len(self.stack) - len(params)
        found = self.scan.loops.get(at) if instruction[0] == 0x03 else None
        if found is None or found[0] in self.blocks:
            # Nobody takes the back edge: a block whose label is never the target.
            frame = Frame(0x02, height, len(params), len(results), end, end)
            frame.once = -1 if found is None and instruction[0] == 0x03 else None
            if found is not None:
                frame.once = found[0]
            if instruction[0] != 0x03:
                frame.label_count = len(results)
            self.frames.append(frame)
            return
        ordinal, effects = found
        entry = self._capture(self.condition, len(params))
        below = self.stack[:height]
        head = self.head(self, ordinal, effects, entry)
        loop = Loop(ordinal, effects, entry, head, below)
        self.loops.append(loop)
        self._resume(head, height)
        self.frames.append(Frame(0x03, height, len(params), len(results), end, end, loop=loop))

    def _if(self, instruction: Instruction, at: int) -> int | None:
        params, results = self.space.block_type(instruction[1])
        end = self.scan.ends[at]
        terms = self.terms
        taken = self.values.truth(self.stack.pop())
        yes = terms.both(self.condition, taken)
        no = terms.both(self.condition, terms.negate(taken))
        middle = self.scan.elses.get(at)
        frame = Frame(0x04, len(self.stack) - len(params), len(results), len(results), end, end)
        frame.otherwise = self._capture(no, len(params))
        if middle is not None:
            frame.stop = middle
        self.frames.append(frame)
        self.condition = yes
        return None

    def _else(self, _instruction: Instruction, _at: int) -> None:
        frame = self.frames[-1]
        if self.condition != FALSE:
            frame.edges.append(self._capture(self.condition, frame.results))
        assert frame.otherwise is not None
        self._resume(frame.otherwise, frame.height)
        frame.otherwise = None
        frame.stop = frame.end

    def _end(self, _instruction: Instruction, _at: int) -> None:
        frame = self.frames.pop()
        if self.condition != FALSE:
            fallthrough = self._capture(self.condition, frame.results)
            if frame.loop is None:
                frame.edges.append(fallthrough)
            else:
                frame.loop.back = self.merge(frame.edges)
                self._resume(fallthrough, frame.height)
                return
        if frame.loop is not None:
            frame.loop.back = self.merge(frame.edges)
            return
        if frame.otherwise is not None:
            frame.edges.append(frame.otherwise)
        merged = self.merge(frame.edges)
        if not self.frames:
            self.returned = merged
            return
        if merged is None:
            self.condition = FALSE
        else:
            self._resume(merged, frame.height)

    def _branch(self, label: int, condition: int) -> None:
        if condition != FALSE:
            frame = self.frames[-1 - label]
            if frame.once is not None:
                raise Repeats(frame.once)
            frame.edges.append(self._capture(condition, frame.label_count))

    def _br(self, instruction: Instruction, _at: int) -> None:
        self._branch(instruction[1], self.condition)
        self.condition = FALSE

    def _br_if(self, instruction: Instruction, _at: int) -> None:
        terms = self.terms
        taken = self.values.truth(self.stack.pop())
        self._branch(instruction[1], terms.both(self.condition, taken))
        self.condition = terms.both(self.condition, terms.negate(taken))

    def _br_table(self, instruction: Instruction, _at: int) -> None:
        terms = self.terms
        index = self.stack.pop()
        _, labels, default = instruction
        by_label: dict[int, int] = {}
        rest = self.condition
        for i, label in enumerate(labels):
            if label == default:
                continue
            here = self.values.compare("eq", index, terms.constant(i, 32))
            taken = terms.both(rest, here)
            by_label[label] = terms.either(by_label.get(label, FALSE), taken)
            rest = terms.both(rest, terms.negate(here))
        for label, condition in by_label.items():
            self._branch(label, condition)
        self._branch(default, rest)
        self.condition = FALSE

    def _return(self, _instruction: Instruction, _at: int) -> None:
        self._branch(len(self.frames) - 1, self.condition)
        self.condition = FALSE

    # --- events ---------------------------------------------------------------------------------

    def _event(self, key: tuple[Any, ...], operands: list[int], results: list[int]) -> None:
        """Something outside: may change every slot, may not return, gives ``results`` (widths)."""
        make = self.terms.make
        event = make(STATE, "event", key, *self.slots, *map(self._use, operands))
        for i, old in enumerate(self.slots):
            self._set(i, make(self.terms.widths[old], "out", ("slot", i), event))
        self._note_trap(self.terms.literal(make(0, "out", ("trap",), event)))
        self.stack += [make(w, "out", ("result", i), event) for i, w in enumerate(results)]

    def _arguments(self, kind: FunctionType) -> list[int]:
        count = len(kind.params)
        operands = self.stack[len(self.stack) - count :] if count else []
        del self.stack[len(self.stack) - count :]
        return operands

    def _call(self, instruction: Instruction, _at: int) -> None:
        index = instruction[1]
        kind = self.space.type_at(self.space.module.functions[index])
        operands = self._arguments(kind)
        self._event(("call", index), operands, [width_of(t) for t in kind.results])

    def _call_indirect(self, instruction: Instruction, _at: int) -> None:
        _, type_index, table = instruction
        kind = self.space.type_at(type_index)
        callee = self.stack.pop()
        operands = self._arguments(kind)
        key = ("call_indirect", kind, table)
        self._event(key, [*operands, callee], [width_of(t) for t in kind.results])

    def _tail_call(self, instruction: Instruction, at: int) -> None:
        if instruction[0] == 0x12:
            self._call(instruction, at)
        else:
            self._call_indirect(instruction, at)
        self._return(instruction, at)

    def _grow(self, instruction: Instruction, _at: int) -> None:
        """Growth may fail as the host likes: an event of its own, over this memory alone."""
        memory = instruction[1]
        terms, space = self.terms, self.space
        delta = self._use(self.stack.pop())
        width = terms.widths[delta]
        limits = space.module.memories[memory]
        old = self._pages(memory)
        content = space.contents[memory]
        event = terms.make(
            STATE, "event", ("grow", memory),
            self.slots[WORLD], old, self.slots[content], delta,
        )  # fmt: skip
        self._set(WORLD, terms.make(STATE, "out", ("slot", WORLD), event))
        self._set(content, terms.make(STATE, "out", ("memory",), event))
        if memory in space.pages:
            self._set(space.pages[memory], terms.make(width, "out", ("pages",), event))
        assert limits.wide == (width == 64)
        self.stack.append(terms.make(width, "out", ("result", 0), event))

    def _dropped(self, instruction: Instruction, _at: int) -> None:
        """data.drop and elem.drop change what later initialisations do: a new world."""
        terms = self.terms
        event = terms.make(STATE, "event", instruction, self.slots[WORLD])
        self._set(WORLD, terms.make(STATE, "out", ("slot", WORLD), event))

    # --- values ---------------------------------------------------------------------------------

    def _drop(self, _instruction: Instruction, _at: int) -> None:
        self.stack.pop()

    def _select(self, _instruction: Instruction, _at: int) -> None:
        condition = self.values.truth(self.stack.pop())
        other = self.stack.pop()
        self.stack[-1] = self.terms.ite(condition, self.stack[-1], other)

    def _constant32(self, instruction: Instruction, _at: int) -> None:
        self.stack.append(self.terms.constant(instruction[1], 32))

    def _constant64(self, instruction: Instruction, _at: int) -> None:
        self.stack.append(self.terms.constant(instruction[1], 64))

    def _constant128(self, instruction: Instruction, _at: int) -> None:
        self.stack.append(self.terms.constant(instruction[1], 128))

    def _global_get(self, instruction: Instruction, _at: int) -> None:
        slot = self.space.globals.get(instruction[1])
        if slot is None:
            self.stack.append(self.space.global_constant(instruction[1]))
        else:
            self.stack.append(self.slots[slot])

    def _global_set(self, instruction: Instruction, _at: int) -> None:
        self._set(self.space.globals[instruction[1]], self._use(self.stack.pop()))

    def _null(self, _instruction: Instruction, _at: int) -> None:
        self.stack.append(self.space.null())

    def _is_null(self, _instruction: Instruction, _at: int) -> None:
        reference = self.stack.pop()
        null = self.space.null()
        if reference == null:
            self.stack.append(self.values.one)
            return
        atom = self.terms.make(0, "is_null", None, reference)
        self.stack.append(self.values.from_truth(self.terms.literal(atom)))

    def _function(self, instruction: Instruction, _at: int) -> None:
        self.stack.append(self.terms.variable(64, "function", instruction[1]))

    def _vector(self, instruction: Instruction, _at: int) -> None:
        count, width = VECTOR[instruction[0]]
        operands = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        self.stack.append(self.terms.make(width, "simd", instruction, *operands))

    # --- memories -------------------------------------------------------------------------------

    def _pages(self, memory: int) -> int:
        """The size of a memory in pages, as a term."""
        slot = self.space.pages.get(memory)
        if slot is not None:
            return self.slots[slot]
        limits = self.space.module.memories[memory]
        return self.terms.constant(limits.minimum, 64 if limits.wide else 32)

    def _access(self, instruction: Instruction, address: int, count: int) -> int:
        """Check the bounds of an access of ``count`` bytes; its wrapped address."""
        _, _, offset, memory = instruction[:4]
        where = self.values.plus(address, offset) if offset else address
        base, start = self.memory.place(address, offset)
        end = start + count
        key = (memory, base)
        known = self.facts.get(key, 0)
        if end > known:
            limits = self.space.module.memories[memory]
            outside = self.memory.out_of_bounds(
                self._pages(memory), base, end, limits.page_shift, limits.minimum
            )
            if outside != FALSE:
                self._note_trap(outside)
                if outside == TRUE:
                    self.condition = FALSE
            if self.shared:
                self._own()
            self.facts[key] = end
        return where

    def _read(self, instruction: Instruction, count: int) -> int:
        where = self._access(instruction, self._use(self.stack.pop()), count)
        content = self.slots[self.space.contents[instruction[3]]]
        return self.memory.load(content, where, count)

    def _load(self, instruction: Instruction, _at: int) -> None:
        count, extension, width = LOADS[instruction[0]]
        value = self._read(instruction, count)
        if extension == "u":
            value = self.values.zero_extend(value, width)
        elif extension == "s":
            value = self.values.sign_extend(value, width)
        self.stack.append(value)

    def _write(self, instruction: Instruction, address: int, value: int, count: int) -> None:
        where = self._access(instruction, self._use(address), count)
        slot = self.space.contents[instruction[3]]
        self._set(slot, self.memory.store(self.slots[slot], where, value, count))

    def _store(self, instruction: Instruction, _at: int) -> None:
        count = STORES[instruction[0]]
        value = self.values.low(self._use(self.stack.pop()), 8 * count)
        self._write(instruction, self.stack.pop(), value, count)

    def _vector_load(self, instruction: Instruction, _at: int) -> None:
        value = self._read(instruction, VECTOR_LOADS[instruction[0]])
        self.stack.append(self.terms.make(128, "simd", (instruction[0],), value))

    def _lane_load(self, instruction: Instruction, _at: int) -> None:
        vector = self.stack.pop()
        value = self._read(instruction, LANE_LOADS[instruction[0]])
        key = (instruction[0], instruction[4])
        self.stack.append(self.terms.make(128, "simd", key, value, vector))

    def _lane_store(self, instruction: Instruction, _at: int) -> None:
        count = LANE_STORES[instruction[0]]
        vector = self.stack.pop()
        value = self.values.bits(vector, 8 * count * instruction[4], 8 * count)
        self._write(instruction, self.stack.pop(), value, count)

    def _size(self, instruction: Instruction, _at: int) -> None:
        self.stack.append(self._pages(instruction[1]))

    def _bulk(self, instruction: Instruction, _at: int) -> None:
        """memory.copy, fill and init: a function of the memories; traps before any write."""
        space, terms = self.space, self.terms
        count = self.stack.pop()
        second, first = self.stack.pop(), self.stack.pop()
        operands = [self._use(x) for x in (first, second, count)]
        match instruction[0]:
            case 0xFC0008:
                target, sources = instruction[2], [self.slots[WORLD]]
            case 0xFC000A:
                target = instruction[1]
                sources = [self.slots[space.contents[instruction[2]]], self._pages(instruction[2])]
            case _:
                target, sources = instruction[1], []
        slot = space.contents[target]
        operands = [*sources, self._pages(target), *operands]
        bounds = operands if instruction[0] != 0xFC000A else operands[1:]
        self._trap(terms.literal(terms.make(0, "bulk_trap", instruction, *bounds)))
        self._set(slot, terms.make(STATE, "bulk", instruction, self.slots[slot], *operands))

    # --- tables ---------------------------------------------------------------------------------

    def _table_get(self, instruction: Instruction, _at: int) -> None:
        terms, table = self.terms, self.slots[self.space.tables[instruction[1]]]
        index = self._use(self.stack.pop())
        self._trap(terms.literal(terms.make(0, "table_trap", None, table, index)))
        self.stack.append(terms.make(64, "table_get", None, table, index))

    def _table_set(self, instruction: Instruction, _at: int) -> None:
        terms, slot = self.terms, self.space.tables[instruction[1]]
        value, index = self._use(self.stack.pop()), self._use(self.stack.pop())
        table = self.slots[slot]
        self._trap(terms.literal(terms.make(0, "table_trap", None, table, index)))
        self._set(slot, terms.make(STATE, "table_set", None, table, index, value))

    def _table_size(self, instruction: Instruction, _at: int) -> None:
        slot = self.space.tables[instruction[1]]
        self.stack.append(
            self.terms.make(self._table_width(instruction[1]), "table_size", None, self.slots[slot])
        )

    def _table_width(self, table: int) -> int:
        return 64 if self.space.module.tables[table][1].wide else 32

    def _table_grow(self, instruction: Instruction, _at: int) -> None:
        delta, value = self.stack.pop(), self.stack.pop()
        self._event(instruction, [value, delta], [self._table_width(instruction[1])])

    def _table_bulk(self, instruction: Instruction, _at: int) -> None:
        count = self.stack.pop()
        second, first = self.stack.pop(), self.stack.pop()
        self._event(instruction, [first, second, count], [])
