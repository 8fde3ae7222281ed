"""What must be equal between two executions, as a list of pairs of terms."""

from dataclasses import dataclass
from typing import Any

from .hints import Location
from .joins import Edge
from .relation import Relation
from .space import WORLD, Space
from .symbolic import Epoch, Execution
from .terms import FALSE, TRUE

MAX_EPOCHS = 64
"""Different states at traps that are compared in general: more must be equal one by one."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """``original`` and ``new`` must be equal wherever ``condition`` holds."""

    about: str
    condition: int
    original: int
    new: int


class Obligations:
    """Collects what the normal form does not settle."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.open: list[Obligation] = []
        self.settled: list[Obligation] = []
        """What the normal form settles, kept for a trace only."""
        self.invariants: list[str] = []
        """What relates the loops, kept for a trace only."""
        self.traced = space.context.trace is not None
        self.impossible: str | None = None
        """A reason why the bodies cannot be compared at all."""

    def equal(self, about: str, condition: int, a: int, b: int) -> None:
        """Require equality under a condition."""
        if a == b or condition == FALSE:
            self._note(about, condition, a, b)
            return
        constrain = self.space.terms.constrain
        a, b = constrain(a, condition), constrain(b, condition)
        if a != b:
            self.open.append(Obligation(about, condition, a, b))
        else:
            self._note(about, condition, a, b)

    def _note(self, about: str, condition: int, a: int, b: int) -> None:
        if self.traced:
            self.settled.append(Obligation(about, condition, a, b))

    def _condition(self, about: str, a: Edge | None, b: Edge | None) -> int:
        """Require that two edges are taken together; the original's condition."""
        left = FALSE if a is None else a.condition
        right = FALSE if b is None else b.condition
        if left != right:
            self.open.append(Obligation(f"{about}: condition", TRUE, left, right))
        else:
            self._note(f"{about}: condition", TRUE, left, right)
        return left

    def edges(
        self, about: str, a: Edge | None, b: Edge | None, *, values: bool, ends: str | None = None
    ) -> None:
        """Require that two edges are taken together, with equal slots (and values).

        ``ends`` says when the edge ends a task (``promises.py``): then its own slots are gone.
        """
        condition = self._condition(about, a, b)
        if a is None or b is None:
            return
        alive = condition
        if ends == "always":
            alive = FALSE
        elif ends == "exit" and a.values and self.space.terms.widths[a.values[0]] == 32:
            space = self.space
            code = space.values.apply("i32.and", a.values[0], space.terms.constant(15, 32))
            alive = space.terms.both(condition, space.values.truth(code))
        for slot in self.space.live:
            kind, index = self.space.names[slot]
            where = alive if kind == "context" else condition
            self.equal(f"{about}: {kind} {index}", where, a.slots[slot], b.slots[slot])
        if values:
            for i, (x, y) in enumerate(zip(a.values, b.values, strict=True)):
                self.equal(f"{about}: result {i}", condition, x, y)

    def traps(self, original: Execution, new: Execution) -> None:
        """Require equal traps in equal states."""
        left = canonical_epochs(self.space, original.epochs)
        right = canonical_epochs(self.space, new.epochs)
        if self._same_epochs(left, right):
            self._note_traps(left)
            return
        if self.space.context.promises.trap_kills:
            self.space.context.used.add("trap-kills: nobody sees the state after a trap")
            left, right = (_only_world(self.space, side) for side in (left, right))
        # What both begin with traps alike, and what both end with if all before does.
        start = _common(left, right)
        end = len(left) - _common(left[start:][::-1], right[start:][::-1])
        self._note_traps([*left[:start], *left[end:]])
        left, right = left[start:end], right[start : end + len(right) - len(left)]
        if self._same_epochs(left, right):
            self._note_traps(left)
            return
        if max(len(left), len(right)) > MAX_EPOCHS:
            self.impossible = "too many different states at traps"
            return
        terms = self.space.terms
        totals = [[self._happens(e) for e in side] for side in (left, right)]
        total, other = FALSE, FALSE
        for condition in totals[0]:
            total = terms.either(total, condition)
        for condition in totals[1]:
            other = terms.either(other, condition)
        if total != other:
            self.open.append(Obligation("trap: condition", TRUE, total, other))
        else:
            self._note("trap: condition", TRUE, total, other)
        if total == FALSE:
            return
        for position, slot in enumerate(self.space.foreign):
            if len(left[0][0]) <= position:
                break
            kind, index = self.space.names[slot]
            x = self._at_trap(left, totals[0], position)
            y = self._at_trap(right, totals[1], position)
            if x is not None and y is not None:
                self.equal(f"trap: {kind} {index}", total, x, y)

    def _note_traps(self, epochs: list[Epoch]) -> None:
        for _, traps in epochs:
            for trap, path in traps.items():
                self._note("trap: same check in the same state", path, trap, trap)

    def _same_epochs(self, left: list[Epoch], right: list[Epoch]) -> bool:
        """Equal epochs in the same order, but for epochs that exclude each other."""
        if left == right:
            return True
        if len(left) != len(right) or len(left) > MAX_EPOCHS:
            return False
        where = {state: i for i, (state, _) in enumerate(right)}
        order = []
        for state, traps in left:
            i = where.get(state)
            if i is None or right[i][1] != traps:
                return False
            order.append(i)
        if len(where) != len(right) or len(set(order)) != len(order):
            return False
        paths = [self._path(e) for e in left]
        return all(
            order[i] < order[j] or self.space.terms.both(paths[i], paths[j]) == FALSE
            for i in range(len(order))
            for j in range(i + 1, len(order))
        )

    def _path(self, epoch: Epoch) -> int:
        total = FALSE
        for path in epoch[1].values():
            total = self.space.terms.either(total, path)
        return total

    def _happens(self, epoch: Epoch) -> int:
        terms = self.space.terms
        total = FALSE
        for trap, path in epoch[1].items():
            total = terms.either(total, terms.both(path, trap))
        return total

    def _at_trap(self, epochs: list[Epoch], conditions: list[int], slot: int) -> int | None:
        """The content of a live slot, by its position among those, at the first trap."""
        result: int | None = None
        for (state, _), condition in zip(reversed(epochs), reversed(conditions), strict=True):
            if result is None:
                result = state[slot]
            else:
                result = self.space.terms.ite(condition, state[slot], result)
        return result

    def loops(self, relation: Relation, new: Execution) -> None:
        """Require that paired loops are entered and repeated together, in related states."""
        original = relation.original
        if len(new.loops) != len(original.loops):
            self.impossible = f"{len(original.loops)} loops became {len(new.loops)}"
            return
        used = {pair.ordinal for pair in relation.pairs.values()}
        if len(used) != len(original.loops):
            self.impossible = "two loops for one of the original"
            return
        for loop in new.loops:
            pair = relation.pairs[loop.ordinal]
            name = f"loop {pair.ordinal}"
            self.edges(f"{name} entry", pair.entry, loop.entry, values=False)
            self.edges(f"{name} back edge", pair.back, loop.back, values=False)
            for key, choice in relation.choices.items():
                if key[0] != loop.ordinal or choice == ("free",):
                    continue
                if self.traced:
                    self.invariants.append(f"{name}: new local {key[1]} is {_spelled(choice)}")
                for place, edge, other in (
                    ("entry", loop.entry, pair.entry),
                    ("back edge", loop.back, pair.back),
                ):
                    if edge is None or other is None:
                        continue
                    self.equal(
                        f"{name} {place}: local {key[1]}",
                        other.condition,
                        relation.expected(key, edge, other, pair, loop),
                        relation.value(key[1], edge),
                    )


def _spelled(location: Location) -> str:
    """A place of the original at a loop's head, as text."""
    if location == ("entry",):
        return "what it was on entry"
    parts = (_spelled(p) if isinstance(p, tuple) else str(p) for p in location)
    return f"({' '.join(parts)})"


def collect(
    space: Space,
    original: Execution,
    new: Execution,
    relation: Relation,
    ends: str | None = None,
) -> Obligations:
    """Everything that must hold for the new body to do what the original does."""
    result = Obligations(space)
    result.loops(relation, new)
    if result.impossible is None:
        result.edges("return", original.returned, new.returned, values=True, ends=ends)
        result.traps(original, new)
    return result


def _common(left: list[Epoch], right: list[Epoch]) -> int:
    """How many epochs both lists begin with."""
    pairs = zip(left, right, strict=False)
    return next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(left), len(right)))


def canonical_epochs(space: Space, epochs: list[Epoch]) -> list[Epoch]:
    """Drop what an earlier check covers, and join epochs of one state that may be joined.

    A check is covered if the same condition (for bounds: one that ends no earlier) was met before
    on the same path. Two epochs of one state are one if nothing in between is on their path.
    """
    terms = space.terms
    covered: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    result: list[Epoch] = []
    for state, traps in epochs:
        left: dict[int, int] = {}
        ranked = [(*_family(space, t), t, path) for t, path in traps.items()]
        ranked.sort(key=lambda item: -item[1])
        for family, rank, trap, path in ranked:
            before = covered.setdefault(family, [])
            rest = path
            for end, seen in before:
                if end >= rank and rest != FALSE:
                    rest = terms.both(rest, terms.negate(seen)) if rest != seen else FALSE
            if rest != FALSE:
                left[trap] = rest
                before.append((rank, path))
        if left:
            _append(space, result, state, left)
    return result


def _only_world(space: Space, epochs: list[Epoch]) -> list[Epoch]:
    """The same checks, in states of which only what was done outside counts."""
    assert space.foreign[0] == WORLD
    return canonical_epochs(space, [((state[0],), traps) for state, traps in epochs])


def _family(space: Space, trap: int) -> tuple[tuple[Any, ...], int]:
    """Checks that imply one another, and the order among them."""
    nodes = space.terms.nodes
    node = nodes[trap]
    if node[0] == "ite" and node[3:] == (TRUE, FALSE):
        atom = nodes[node[2]]
        if atom[0] == "oob":
            end, shift = atom[1]
            return ("oob", shift, *atom[2:]), end
    return ("once", trap), 0


def _append(
    space: Space, epochs: list[Epoch], state: tuple[int, ...], traps: dict[int, int]
) -> None:
    """Add an epoch, into an older one of the same state where that makes no difference."""
    terms = space.terms
    path = FALSE
    for condition in traps.values():
        path = terms.either(path, condition)
    for other, theirs in reversed(epochs[-MAX_EPOCHS:]):
        if other == state:
            for trap, condition in traps.items():
                theirs[trap] = terms.either(theirs.get(trap, FALSE), condition)
            return
        if any(terms.both(p, path) != FALSE for p in theirs.values()):
            break
    epochs.append((state, traps))
