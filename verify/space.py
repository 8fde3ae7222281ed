"""The observable state of one pair of bodies, as a vector of slots, and their shared terms.

Slot 0 is the *world*: a token for everything outside the two bodies (host, other functions'
state). Then come the mutable globals, memories (content and size in pages) and tables that either
body mentions. State that neither mentions can change only through a call, which makes a new world.
Slots of dead spaces are not compared, and no event depends on them: they are *live* no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Context
from .memory import Memory
from .reader import FunctionType, Unsupported, ValueType
from .scan import Scan
from .terms import STATE, Terms
from .values import Values

if TYPE_CHECKING:
    from .footprints import Footprint

WORLD = 0
"""The slot of the world token."""

MAX_TOUCHED = 16
"""Spaces that calls touch which get slots of their own; beyond it they belong to the world."""


def width_of(type_: ValueType) -> int:
    """Bits of the term of a value type; references are opaque patterns of 64 bits."""
    match type_:
        case 0x7F | 0x7D:
            return 32
        case 0x7E | 0x7C:
            return 64
        case 0x7B:
            return 128
    return 64


class Space:
    """Slots and terms of one check."""

    def __init__(self, context: Context, scans: list[Scan]) -> None:
        self.context = context
        self.module = context.module
        self.terms = Terms()
        self.values = Values(self.terms)
        self.memory = Memory(self.values)
        self.names: list[tuple[str, int]] = [("world", 0)]
        self.initial: list[int] = [self.terms.variable(STATE, "world")]
        self.globals: dict[int, int] = {}
        self.contents: dict[int, int] = {}
        self.pages: dict[int, int] = {}
        self.tables: dict[int, int] = {}
        self.live: list[int] = [WORLD]
        self.called = frozenset(self.context.same(f) for s in scans for f in s.called)
        """Functions that either body calls directly."""
        self._lay_out(scans)
        self.contexts: dict[int, int] = {}
        self.task: int | None = None
        self._lay_out_task()
        self.foreign = [i for i in self.live if i not in self.contexts.values()]
        """Live slots that a host function or a trap leaves open to others: no context slots."""
        self.fresh: dict[int, int] = {}
        """Values of bump pointers and how far from them memory surely reaches."""

    def _lay_out_task(self) -> None:
        """Slots for what contracts speak of: context slots, and a dead one for waitable sets."""
        promises = self.context.promises
        for number in promises.contexts():
            self.contexts[number] = self._slot("context", number, 32)
        if promises.set_new:
            self.task = len(self.initial)
            self._slot("task", 0, STATE)
            self.live.remove(self.task)

    def _lay_out(self, scans: list[Scan]) -> None:
        mentioned: dict[str, set[int]] = {"global": set(), "memory": set(), "table": set()}
        for s in scans:
            mentioned["global"] |= s.read_globals | s.effects.globals
            mentioned["memory"] |= s.read_memories | s.effects.memories | s.sized | s.effects.grown
            mentioned["table"] |= s.read_tables | s.effects.tables
        self._add_touched(mentioned)
        for index in sorted(mentioned["global"]):
            found = self.module.globals[index]
            if found.mutable and self.context.constant(index) is None:
                self.globals[index] = self._slot("global", index, width_of(found.type))
        for index in sorted(mentioned["memory"]):
            limits = self.module.memories[index]
            if limits.shared:
                raise Unsupported("shared memory")
            self.contents[index] = self._slot("memory", index, STATE)
            if limits.maximum is None or limits.maximum > limits.minimum:
                self.pages[index] = self._slot("pages", index, 64 if limits.wide else 32)
        for index in sorted(mentioned["table"]):
            self.tables[index] = self._slot("table", index, STATE)

    def _add_touched(self, mentioned: dict[str, set[int]]) -> None:
        """Slots for what calls touch, unless that is a lot."""
        names: set[tuple[str, int]] = set()
        for function in self.called:
            footprint = self.context.footprint(function)
            if footprint is not None:
                names |= footprint.reads | footprint.writes
        if len(names) <= MAX_TOUCHED:
            for kind, index in names:
                mentioned["memory" if kind == "pages" else kind].add(index)

    def touched(self, footprint: Footprint) -> tuple[list[int], list[int], bool, bool]:
        """Slots that a call reads or writes, slots that it writes, and the world: read, written.

        What neither body mentions belongs to the world, unless it is dead.
        """
        reads, writes = set[int](), set[int]()
        world = [False, False]
        for names, slots, which in ((footprint.reads, reads, 0), (footprint.writes, writes, 1)):
            for name in names:
                slot = self.slot_of(name)
                if slot is not None:
                    slots.add(slot)
                elif self.matters(name):
                    world[which] = True
        return sorted(reads | writes), sorted(writes), world[0], world[1]

    def slot_of(self, name: tuple[str, int]) -> int | None:
        """The slot of a space, if either body mentions it."""
        kind, index = name
        kinds = {"global": self.globals, "memory": self.contents, "pages": self.pages}
        return kinds.get(kind, self.tables).get(index)

    def matters(self, name: tuple[str, int]) -> bool:
        """Whether a space without a slot has content that can differ and is not dead."""
        kind, index = name
        if ("memory" if kind == "pages" else kind, index) in self.context.dead:
            return False
        match kind:
            case "global":
                return self.context.constant(index) is None
            case "pages":
                limits = self.module.memories[index]
                return limits.maximum is None or limits.maximum > limits.minimum
        return True

    def know(self, slot: int, term: int) -> None:
        """Note what is known of a term that stands for whatever a slot holds."""
        kind, index = self.names[slot]
        mask = self.context.bits.get(index) if kind == "global" else None
        if mask is not None:
            self.context.used.add(f"global {index} has no bits but {mask:#x}")
            self.values.limit(term, mask)

    def _slot(self, kind: str, index: int, width: int) -> int:
        space = ("memory" if kind == "pages" else kind, index)
        if space in self.context.lost:
            raise Unsupported(f"{kind} {index} was removed and can be seen from outside")
        if space not in self.context.dead:
            self.live.append(len(self.initial))
        self.names.append((kind, index))
        self.initial.append(self.terms.variable(width, kind, index))
        self.know(len(self.initial) - 1, self.initial[-1])
        return len(self.initial) - 1

    def global_constant(self, index: int) -> int:
        """The term of a global that never changes."""
        width = width_of(self.module.globals[index].type)
        value = self.context.constant(index)
        if value is None:
            value = self.module.globals[index].constant
        if value is not None:
            return self.terms.constant(value, width)
        return self.terms.variable(width, "global", index)

    def zero(self, type_: ValueType) -> int:
        """The initial value of a declared local."""
        if type_ in (0x7F, 0x7E, 0x7D, 0x7C, 0x7B):
            return self.terms.constant(0, width_of(type_))
        return self.null()

    def null(self) -> int:
        """The null reference."""
        return self.terms.variable(64, "null")

    def block_type(self, block: object) -> tuple[tuple[ValueType, ...], tuple[ValueType, ...]]:
        """Parameters and results of a block type."""
        if block is None:
            return (), ()
        if isinstance(block, tuple) and block[0] == "type":
            found = self.type_at(block[1])
            return found.params, found.results
        if isinstance(block, tuple) and block[0] == "results":
            return (), block[1]
        return (), (block,)  # type: ignore[return-value]

    def type_at(self, index: int) -> FunctionType:
        """A function type by index, appended ones included."""
        return self.context.type_at(index)
