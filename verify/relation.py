"""Loops of the new body against loops of the original: the state at their heads.

Paired heads share the symbols of the original. The observable slots must be equal there. Each
local of the new body that its loop changes (and that is live) is *related* to a location of the
original: at the head it is given that location's term, and entry and back edges are checked to
keep it so, which makes the guess (or the untrusted hint) an induction hypothesis that is proven.
"""

from collections.abc import Iterator

from .cells import MAX_KEPT, Cell, cell_locations, kept_cells
from .hints import Hints as Hints
from .hints import Location as Location
from .hints import LoopHint as LoopHint
from .joins import Edge, Loop
from .reader import Unsupported
from .scan import Effects
from .space import WORLD, Space, width_of
from .symbolic import Execution

Place = tuple[str, int]
"""A place of the original at a loop's head: ``local``, ``slot`` or ``param`` and an index."""


class Heads:
    """The head policy of the original: new symbols for what a loop changes.

    What a loop may change is first read off its text. Where the run then shows that a place comes
    back as it was (a loop's text often holds code that never leads back to its head), it is
    constant, and the next run keeps its entry's term. Each such step is an induction of its own.
    With ``cells`` the same is done for bytes of memory at addresses that are fixed in the loop.
    """

    def __init__(self, space: Space, *, cells: bool = False) -> None:
        self.space, self.cells = space, cells
        self.constant: dict[int, set[Place]] = {}
        self.kept: dict[int, dict[Cell, None]] = {}

    def __call__(self, run: Execution, ordinal: int, effects: Effects, entry: Edge) -> Edge:
        """The state at the head of loop ``ordinal``."""
        variable, widths = self.space.terms.variable, self.space.terms.widths
        constant = self.constant.get(ordinal, set())
        locals_, slots = list(entry.locals), list(entry.slots)
        for i in effects.locals:
            if ("local", i) not in constant:
                locals_[i] = variable(width_of(run.types[i]), "head", ordinal, "local", i)
        for slot in changed_slots(self.space, effects):
            if ("slot", slot) not in constant:
                width = widths[self.space.initial[slot]]
                slots[slot] = variable(width, "head", ordinal, "slot", slot)
                self.space.know(slot, slots[slot])
        for slot, address, count in self.kept.get(ordinal, ()):
            content = self.space.memory.load(entry.slots[slot], address, count)
            slots[slot] = self.space.memory.store(slots[slot], address, content, count)
        values = [
            v if ("param", i) in constant else variable(widths[v], "head", ordinal, "param", i)
            for i, v in enumerate(entry.values)
        ]
        return Edge(entry.condition, locals_, slots, entry.facts, values)

    def learn(self, run: Execution) -> bool:
        """Take over what a run shows to be constant; whether there was anything."""
        found = False
        for loop in run.loops:
            if loop.back is None:
                continue
            known = self.constant.setdefault(loop.ordinal, set())
            before = len(known)
            known.update(constant_places(run, loop, loop.back))
            found = found or len(known) > before
            if self.cells:
                found = self._learn_cells(run, loop) or found
        return found

    def _learn_cells(self, run: Execution, loop: Loop) -> bool:
        kept = self.kept.setdefault(loop.ordinal, {})
        before = len(kept)
        for cell in kept_cells(self.space, run, loop):
            if len(kept) >= MAX_KEPT:
                break
            kept[cell] = None
        return len(kept) > before


def constant_places(run: Execution, loop: Loop, back: Edge) -> Iterator[Place]:
    """Places whose value on the back edge is that at the head or on entry."""
    lists = (
        ("local", loop.entry.locals, loop.head.locals, back.locals),
        ("slot", loop.entry.slots, loop.head.slots, back.slots),
        ("param", loop.entry.values, loop.head.values, back.values),
    )
    for kind, entry, head, again in lists:
        for i, (x, y, z) in enumerate(zip(entry, head, again, strict=True)):
            if y != x:
                final = run.force(z)
                if final == y or final == run.force(x):
                    yield kind, i


def _names_addresses(location: Location) -> bool:
    return location[:1] == ("load",) or any(
        isinstance(part, tuple) and _names_addresses(part) for part in location
    )


def changed_slots(space: Space, effects: Effects) -> list[int]:
    """The slots that a stretch of code may change."""
    if effects.events or effects.tables:
        return list(range(len(space.initial)))
    slots = [space.globals[g] for g in effects.globals if g in space.globals]
    slots += [space.contents[m] for m in effects.memories | effects.grown]
    slots += [space.pages[m] for m in effects.grown if m in space.pages]
    if effects.grown:
        slots.append(WORLD)
    return slots


class Relation:
    """The head policy of the new body, with the current guess for every changed local."""

    def __init__(
        self, space: Space, original: Execution, hints: Hints, live: dict[int, int]
    ) -> None:
        self.space, self.original, self.live = space, original, live
        self.by_ordinal = {loop.ordinal: loop for loop in original.loops}
        self.hints = {hint.loop: hint for hint in hints.loops}
        self.choices: dict[tuple[int, int], Location] = {}
        self.tried: dict[tuple[int, int], set[Location]] = {}
        self.pairs: dict[int, Loop] = {}
        self.next = 0
        self.run: Execution | None = None

    def restart(self, run: Execution) -> None:
        """Begin another execution of the new body."""
        self.run, self.next = run, 0
        self.pairs = {}

    def _pair(self, ordinal: int) -> Loop:
        """The original's loop for this one: by hint, else the next in order."""
        hint = self.hints.get(ordinal)
        if hint is not None and hint.original in self.by_ordinal:
            return self.by_ordinal[hint.original]
        loops = self.original.loops
        taken = {loop.ordinal for loop in self.pairs.values()}
        while self.next < len(loops) and loops[self.next].ordinal in taken:
            self.next += 1
        if self.next >= len(loops):
            raise Unsupported("more loops than the original has")
        return loops[self.next]

    def head(self, run: Execution, ordinal: int, effects: Effects, entry: Edge) -> Edge:
        """The state at the head of loop ``ordinal`` of the new body."""
        loop = self._pair(ordinal)
        self.pairs[ordinal] = loop
        locals_ = list(entry.locals)
        live = self.live.get(ordinal, 0)
        for i in sorted(effects.locals):
            width = width_of(run.types[i])
            own = run.force(entry.locals[i])
            if not live >> i & 1:
                self.choices[ordinal, i] = ("free",)
            elif (ordinal, i) not in self.choices:
                self.choices[ordinal, i] = self._guess(ordinal, i, loop, own, width)
            locals_[i] = self._at_head(ordinal, i, loop, own, width)
        values = []
        for k, value in enumerate(entry.values):
            key = (ordinal, -1 - k)
            width = self.space.terms.widths[value]
            if key not in self.choices:
                self.choices[key] = self._guess(ordinal, -1 - k, loop, value, width)
            values.append(self._at_head(ordinal, -1 - k, loop, value, width))
        return Edge(entry.condition, locals_, list(loop.head.slots), entry.facts, values)

    def _at_head(self, ordinal: int, i: int, loop: Loop, own: int, width: int) -> int:
        choice = self.choices[ordinal, i]
        if choice == ("free",):
            return self.space.terms.variable(width, "free", ordinal, i)
        if choice == ("entry",):
            return own
        return self.evaluate(choice, loop.head, loop)

    def evaluate(self, location: Location, edge: Edge, loop: Loop) -> int:
        """The term of a location of the original in one of its states at a loop's head."""
        match location:
            case ("local", int(i)):
                return self.original.force(edge.locals[i])
            case ("stack", int(depth)):
                if depth < len(loop.below):
                    return loop.below[depth]
                return edge.values[depth - len(loop.below)]
            case ("const", int(width), int(value)):
                return self.space.terms.constant(value, width)
            case ("global", int(i)):
                return edge.slots[self.space.globals[i]]
            case ("load", int(slot), int(address), int(count)):
                return self.space.memory.load(edge.slots[slot], address, count)
            case ("op", str(name), *operands):
                return self.space.values.apply(
                    name, *(self.evaluate(o, edge, loop) for o in operands)
                )
        raise Unsupported(f"location {location!r}")

    # --- guesses --------------------------------------------------------------------------------

    def _guess(self, ordinal: int, i: int, loop: Loop, own: int, width: int) -> Location:
        hint = self.hints.get(ordinal)
        if hint is not None and i in hint.locals:
            location = hint.locals[i]
            for found in cell_locations(self.space, self.original, loop, location, own):
                return found
            if self._fits(location, loop, width):
                return location
        elif hint is not None and self._is_hinted(loop):
            # The optimizer names what changes; the rest of a live state stays.
            return ("entry",)
        if self._stays(i, loop, own):
            return ("entry",)
        for location in self.candidates(loop, width, i):
            if self.same(loop.entry.condition, self.evaluate(location, loop.entry, loop), own):
                return location
        return ("entry",)

    def _stays(self, i: int, loop: Loop, own: int) -> bool:
        """Whether the local of the same index has the same value and does not change there."""
        if not 0 <= i < len(loop.entry.locals) or loop.head.locals[i] != loop.entry.locals[i]:
            return False
        theirs = self.original.force(loop.entry.locals[i])
        if self.space.terms.widths[theirs] != self.space.terms.widths[own]:
            return False
        return self.same(loop.entry.condition, theirs, own)

    def _is_hinted(self, loop: Loop) -> bool:
        """Whether hints about this loop say anything about locals."""
        return any(h.original == loop.ordinal and h.locals for h in self.hints.values())

    def _fits(self, location: Location, loop: Loop, width: int) -> bool:
        """Whether a hint makes sense at all: existing locations, right width.

        Only ``cells.py`` makes locations with addresses, which it knows to be fixed in the loop.
        """
        if _names_addresses(location):
            return False
        try:
            term = self.evaluate(location, loop.head, loop)
        except (Unsupported, IndexError, KeyError, TypeError, ValueError):
            return False
        return self.space.terms.widths[term] == width

    def candidates(self, loop: Loop, width: int, own: int) -> list[Location]:
        """Changed locations of the original at this head, with the right width.

        The local of the same index comes first: bodies that are nearly the same keep it.
        """
        types = self.original.types
        found: list[Location] = [
            ("local", i)
            for i in sorted(loop.effects.locals, key=lambda i: (i != own, i))
            if width_of(types[i]) == width and loop.head.locals[i] != loop.entry.locals[i]
        ]
        found += [
            ("stack", len(loop.below) + k)
            for k, v in enumerate(loop.entry.values)
            if self.space.terms.widths[v] == width
        ]
        found += [
            ("global", i)
            for i, slot in self.space.globals.items()
            if self.space.terms.widths[loop.head.slots[slot]] == width
            and loop.head.slots[slot] != loop.entry.slots[slot]
        ]
        return found

    def same(self, condition: int, a: int, b: int) -> bool:
        """Whether two terms are one where ``condition`` holds, by normal form alone."""
        if a == b:
            return True
        constrain = self.space.terms.constrain
        return constrain(a, condition) == constrain(b, condition)

    def improve(self) -> bool:
        """Change guesses that the back edges contradict; whether anything was changed."""
        run = self.run
        assert run is not None
        changed = False
        for loop in run.loops:
            other = self.pairs[loop.ordinal]
            if loop.back is None or other.back is None:
                continue
            keys = [k for k in self.choices if k[0] == loop.ordinal]
            for key in keys:
                if not self._kept(key, loop, other):
                    changed = self._replace(key, loop, other) or changed
        return changed

    def value(self, i: int, edge: Edge) -> int:
        """The new body's value of changed location ``i`` (a local, or -1 - k for parameter k)."""
        assert self.run is not None
        return self.run.force(edge.locals[i]) if i >= 0 else edge.values[-1 - i]

    def expected(
        self, key: tuple[int, int], edge: Edge, other: Edge, pair: Loop, loop: Loop
    ) -> int:
        """What the relation says the new location holds, in the original's state ``other``."""
        choice = self.choices[key]
        if choice == ("entry",):
            return self.value(key[1], loop.entry)
        return self.evaluate(choice, other, pair)

    def _kept(self, key: tuple[int, int], loop: Loop, other: Loop) -> bool:
        if self.choices[key] == ("free",):
            return True
        assert loop.back is not None
        assert other.back is not None
        back = self.value(key[1], loop.back)
        wanted = self.expected(key, loop.back, other.back, other, loop)
        return self.same(other.back.condition, wanted, back)

    def _replace(self, key: tuple[int, int], loop: Loop, other: Loop) -> bool:
        """Take another location whose entry fits, best one whose back value fits now as well."""
        assert loop.back is not None
        assert other.back is not None
        tried = self.tried.setdefault(key, set())
        tried.add(self.choices[key])
        back, own = self.value(key[1], loop.back), self.value(key[1], loop.entry)
        width = self.space.terms.widths[own]
        fitting: list[Location] = []
        hint = self.hints.get(loop.ordinal)
        hinted = () if hint is None else hint.locals.get(key[1], ())
        places = self.candidates(other, width, key[1])
        places += cell_locations(self.space, self.original, other, hinted, own)
        for location in places:
            entry, repeated = other.entry, other.back
            if location in tried:
                continue
            if self.same(entry.condition, self.evaluate(location, entry, other), own):
                fitting.append(location)
                term = self.evaluate(location, repeated, other)
                if self.same(repeated.condition, term, back):
                    self.choices[key] = location
                    return True
        if ("entry",) not in tried and self.same(other.back.condition, own, back):
            fitting.insert(0, ("entry",))
        if not fitting:
            return False
        # The back values were computed under guesses that may be wrong elsewhere: try one.
        self.choices[key] = fitting[0]
        return True
