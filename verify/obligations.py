"""What must be equal between two executions, as a list of pairs of terms."""

from dataclasses import dataclass

from .relation import Relation
from .space import Space
from .symbolic import Edge, Execution
from .terms import FALSE

MAX_TRAP_STATES = 64
"""Different states at traps that are merged into one comparison: more make it unknown."""


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
        self.impossible: str | None = None
        """A reason why the bodies cannot be compared at all."""

    def equal(self, about: str, condition: int, a: int, b: int) -> None:
        """Require equality under a condition."""
        if a == b or condition == FALSE:
            return
        constrain = self.space.terms.constrain
        a, b = constrain(a, condition), constrain(b, condition)
        if a != b:
            self.open.append(Obligation(about, condition, a, b))

    def _condition(self, about: str, a: Edge | None, b: Edge | None) -> int:
        """Require that two edges are taken together; the original's condition."""
        left = FALSE if a is None else a.condition
        right = FALSE if b is None else b.condition
        if left != right:
            self.open.append(Obligation(f"{about}: condition", 0, left, right))
        return left

    def edges(self, about: str, a: Edge | None, b: Edge | None, *, values: bool) -> None:
        """Require that two edges are taken together, with equal slots (and values)."""
        condition = self._condition(about, a, b)
        if a is None or b is None:
            return
        for (kind, index), x, y in zip(self.space.names, a.slots, b.slots, strict=True):
            self.equal(f"{about}: {kind} {index}", condition, x, y)
        if values:
            for i, (x, y) in enumerate(zip(a.values, b.values, strict=True)):
                self.equal(f"{about}: result {i}", condition, x, y)

    def traps(self, original: Execution, new: Execution) -> None:
        """Require equal traps in equal states."""
        left = {s: c for s, c in original.traps.items() if c != FALSE}
        right = {s: c for s, c in new.traps.items() if c != FALSE}
        if left == right:
            return
        for state in [s for s in left if right.get(s) == left[s]]:
            del left[state], right[state]
        if max(len(left), len(right)) > MAX_TRAP_STATES:
            self.impossible = "too many different states at traps"
            return
        terms = self.space.terms
        totals = []
        for side in (left, right):
            total = FALSE
            for condition in side.values():
                total = terms.either(total, condition)
            totals.append(total)
        if totals[0] != totals[1]:
            self.open.append(Obligation("trap: condition", 0, *totals))
        for slot, (kind, index) in enumerate(self.space.names):
            x, y = (self._at_trap(side, slot, totals[0]) for side in (left, right))
            if x is not None and y is not None:
                self.equal(f"trap: {kind} {index}", totals[0], x, y)

    def _at_trap(self, side: dict[tuple[int, ...], int], slot: int, total: int) -> int | None:
        terms = self.space.terms
        result: int | None = None
        for state, condition in side.items():
            if result is None:
                result = state[slot]
            elif state[slot] != result:
                guard = terms.constrain(condition, total) if total != FALSE else condition
                result = terms.ite(guard, state[slot], result)
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
                for edge, other in ((loop.entry, pair.entry), (loop.back, pair.back)):
                    if edge is None or other is None:
                        continue
                    self.equal(
                        f"{name}: local {key[1]}",
                        other.condition,
                        relation.expected(key, edge, other, pair, loop),
                        relation.value(key[1], edge),
                    )


def collect(space: Space, original: Execution, new: Execution, relation: Relation) -> Obligations:
    """Everything that must hold for the new body to do what the original does."""
    result = Obligations(space)
    result.loops(relation, new)
    if result.impossible is None:
        result.edges("return", original.returned, new.returned, values=True)
        result.traps(original, new)
    return result
