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

Calls and growth are *events*: terms over the world, the state and the operands, which give
results, a new state, and a condition under which they do not return.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .handlers import HANDLERS
from .joins import Edge, Facts, Joins, Loop, Repeats
from .opcodes import NUMERIC, TRAPPING
from .reader import FunctionType, Instruction, Unsupported, ValueType
from .scan import Effects, Scan
from .space import Space, width_of
from .terms import FALSE, LEAF, TRUE


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
    """The ordinal of a loop that is executed turn by turn: whether there is another is certain."""
    start: int = 0
    condition: int = TRUE
    """Of such a loop, where its body starts and the path condition on entry."""


MAX_TURNS = 1_000
"""Turns of loops that are executed one by one."""

Epoch = tuple[tuple[int, ...], dict[int, int]]
"""A state of the slots that matter at a trap, and per trap condition met there its path."""

Claim = tuple[str, int, int, int]
"""What it is about, a path condition, and two terms that must be equal under it."""

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
        given: Sequence[int] | None = None,
    ) -> None:
        self.space, self.code, self.scan, self.head = space, code, found, head
        self.blocks = blocks
        self.terms, self.values, self.memory = space.terms, space.values, space.memory
        self.types: list[ValueType] = [*kind.params, *declared]
        variable = self.terms.variable
        self.locals = [variable(width_of(t), "local", i) for i, t in enumerate(kind.params)]
        if given is not None:
            self.locals = list(given)
        self.locals += [space.zero(t) for t in declared]
        self.slots = list(space.initial)
        self.facts: Facts = {}
        self.shared = False
        self.stack: list[int] = []
        self.condition = TRUE
        self.joins = Joins(space.terms)
        self.force = self.joins.force
        self.frames = [
            Frame(0x02, 0, len(kind.results), len(kind.results), len(code) - 1, len(code) - 1)
        ]
        self.result_count = len(kind.results)
        self.epochs: list[Epoch] = []
        self._epoch: dict[int, int] | None = None
        self.loops: list[Loop] = []
        self.turns = 0
        self.returned: Edge | None = None
        self.calls: dict[int, int] = {}
        """Events that leave the world as it is, and the path conditions under which they happen."""
        self.direct_calls: list[tuple[int, list[int]]] = []
        """Old functions that are called, and their arguments."""
        self.dropped: set[int] = set()
        """Waitable sets that were dropped."""
        self.set_globals: list[tuple[int, int]] = []
        """Globals that were set, and to which values."""
        self.claims: list[Claim] = []
        """What must be equal in every run, for the facts to be true."""

    # --- the walk -------------------------------------------------------------------------------

    def run(self) -> None:
        """Execute. Raises Unsupported for an instruction that is not modelled."""
        code, at, end = self.code, 0, len(self.code)
        control, apply, stack = self._control(), self.values.apply, self.stack
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
                    self.own()
                self.locals[instruction[1]] = stack[-1] if op == 0x22 else stack.pop()
            elif op in NUMERIC:
                name, count = NUMERIC[op]
                if name in TRAPPING:
                    operands = tuple(stack[-count:])
                    self.trap(self.values.trap(name, operands))
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
                branch = control.get(op)
                if branch is not None:
                    following = branch(instruction, at)
                else:
                    handler = HANDLERS.get(op)
                    if handler is None:
                        raise Unsupported(f"opcode {op:#x}")
                    following = handler(self, instruction, at)
                if following is not None:
                    at = following
                    continue
                if self.condition == FALSE and self.frames:
                    at = self.frames[-1].stop
                    continue
            at += 1

    def _control(self) -> dict[int, Callable[[Instruction, int], int | None]]:
        return {
            0x00: self._unreachable, 0x01: self._nop, 0x02: self._block, 0x03: self._block,
            0x04: self._if, 0x05: self._else, 0x0B: self._end, 0x0C: self._br, 0x0D: self._br_if,
            0x0E: self._br_table, 0x0F: self.leave,
        }  # fmt: skip

    # --- state ----------------------------------------------------------------------------------

    def own(self) -> None:
        """Copy the state before the first write after it was captured by an edge."""
        self.locals, self.slots, self.facts = list(self.locals), list(self.slots), dict(self.facts)
        self.shared = False

    def capture(self, condition: int, count: int) -> Edge:
        """The state here, with ``count`` operands, as an edge taken under ``condition``."""
        self.shared = True
        values = self.stack[len(self.stack) - count :] if count else []
        return Edge(condition, self.locals, self.slots, self.facts, values)

    def resume(self, edge: Edge, height: int) -> None:
        """Go on in the state of an edge, its operands on top of ``height`` others."""
        self.condition = edge.condition
        self.locals, self.slots, self.facts = edge.locals, edge.slots, edge.facts
        self.shared, self._epoch = True, None
        del self.stack[height:]
        self.stack += edge.values

    def trap(self, condition: int) -> None:
        """Trap here if ``condition``."""
        if condition == FALSE:
            return
        terms = self.terms
        if condition != TRUE and terms.both(self.condition, condition) == FALSE:
            return
        self.note_trap(condition)
        if condition == TRUE:
            self.condition = FALSE

    def note_trap(self, condition: int) -> None:
        """Record a trap condition in this epoch."""
        epoch = self._epoch
        if epoch is None:
            slots = self.slots
            state = tuple([slots[i] for i in self.space.foreign])
            if not self.epochs or self.epochs[-1][0] != state:
                self.epochs.append((state, {}))
            epoch = self._epoch = self.epochs[-1][1]
        before = epoch.get(condition)
        if before is None:
            epoch[condition] = self.condition
        elif before != self.condition:
            epoch[condition] = self.terms.either(before, self.condition)

    def note_call(self, happening: int) -> None:
        """Record an event that leaves no trace in the world."""
        before = self.calls.get(happening, FALSE)
        self.calls[happening] = self.terms.either(before, self.condition)

    def claim(self, about: str, value: int, expected: int) -> None:
        """Note that ``value`` must be ``expected`` here."""
        if value != expected:
            self.claims.append((about, self.condition, expected, value))

    def put(self, slot: int, term: int) -> None:
        """Change a slot: a new epoch."""
        if self.slots[slot] != term:
            if self.shared:
                self.own()
            self.slots[slot] = term
            if slot in self.space.foreign:
                self._epoch = None

    def use(self, value: int) -> int:
        """An operand of something that happens here, simplified by the path condition."""
        if self.terms.tops[value] != LEAF:
            return self.terms.constrain(value, self.condition)
        return value

    # --- control --------------------------------------------------------------------------------

    def _nop(self, _instruction: Instruction, _at: int) -> None:
        return

    def _unreachable(self, _instruction: Instruction, _at: int) -> None:
        self.trap(TRUE)

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
                frame.once, frame.start, frame.condition = found[0], at + 1, self.condition
            if instruction[0] != 0x03:
                frame.label_count = len(results)
            self.frames.append(frame)
            return
        ordinal, effects = found
        if any(loop.ordinal == ordinal for loop in self.loops):
            # Its symbols stand for one run of the loop; around it, turns must not be taken singly.
            raise Repeats(self._innermost_turns())
        entry = self.capture(self.condition, len(params))
        below = self.stack[:height]
        head = self.head(self, ordinal, effects, entry)
        loop = Loop(ordinal, effects, entry, head, below)
        self.loops.append(loop)
        self.resume(head, height)
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
        frame.otherwise = self.capture(no, len(params))
        if middle is not None:
            frame.stop = middle
        self.frames.append(frame)
        self.condition = yes
        return None

    def _else(self, _instruction: Instruction, _at: int) -> None:
        frame = self.frames[-1]
        if self.condition != FALSE:
            frame.edges.append(self.capture(self.condition, frame.results))
        assert frame.otherwise is not None
        self.resume(frame.otherwise, frame.height)
        frame.otherwise = None
        frame.stop = frame.end

    def _end(self, _instruction: Instruction, _at: int) -> None:
        frame = self.frames.pop()
        if self.condition != FALSE:
            fallthrough = self.capture(self.condition, frame.results)
            if frame.loop is None:
                frame.edges.append(fallthrough)
            else:
                frame.loop.back = self.joins.merge(frame.edges)
                self.resume(fallthrough, frame.height)
                return
        if frame.loop is not None:
            frame.loop.back = self.joins.merge(frame.edges)
            return
        if frame.otherwise is not None:
            frame.edges.append(frame.otherwise)
        merged = self.joins.merge(frame.edges)
        if not self.frames:
            self.returned = merged
            return
        if merged is None:
            self.condition = FALSE
        else:
            self.resume(merged, frame.height)

    def _branch(self, label: int, condition: int) -> int | None:
        """Branch under a condition; where to go on if that is another turn of a loop."""
        if condition == FALSE:
            return None
        frame = self.frames[-1 - label]
        if frame.once is not None:
            return self._turn(frame, label, condition)
        frame.edges.append(self.capture(condition, frame.label_count))
        return None

    def _innermost_turns(self) -> int:
        """The loop around this place that is executed turn by turn."""
        found = [f.once for f in self.frames if f.once is not None and f.once >= 0]
        if not found:
            raise Unsupported("a loop is reached twice")
        return found[-1]

    def _turn(self, frame: Frame, label: int, condition: int) -> int:
        """Go back to the head of a loop that is executed turn by turn.

        Only where that is certain: nothing has left the loop, nor waits at the end of a block
        within it.
        """
        inner = self.frames[len(self.frames) - label :]
        waiting = any(e.condition != FALSE for f in inner for e in _waiting(f))
        self.turns += 1
        if condition != frame.condition or waiting or self.turns > MAX_TURNS:
            assert frame.once is not None
            raise Repeats(frame.once)
        edge = self.capture(condition, frame.label_count)
        del self.frames[len(self.frames) - label :]
        self.resume(edge, frame.height)
        return frame.start

    def _br(self, instruction: Instruction, _at: int) -> int | None:
        following = self._branch(instruction[1], self.condition)
        if following is None:
            self.condition = FALSE
        return following

    def _br_if(self, instruction: Instruction, _at: int) -> int | None:
        terms = self.terms
        taken = self.values.truth(self.stack.pop())
        following = self._branch(instruction[1], terms.both(self.condition, taken))
        if following is None:
            self.condition = terms.both(self.condition, terms.negate(taken))
        return following

    def _br_table(self, instruction: Instruction, _at: int) -> int | None:
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
        for label, condition in (*by_label.items(), (default, rest)):
            following = self._branch(label, condition)
            if following is not None:
                return following
        self.condition = FALSE
        return None

    def leave(self, _instruction: Instruction, _at: int) -> None:
        """Branch to the end of the function."""
        self._branch(len(self.frames) - 1, self.condition)
        self.condition = FALSE


def _waiting(frame: Frame) -> list[Edge]:
    """What arrives at the end of a block later on."""
    return frame.edges if frame.otherwise is None else [*frame.edges, frame.otherwise]
