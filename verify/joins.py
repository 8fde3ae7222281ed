"""States of a symbolic run, and how they merge at joins."""

from dataclasses import dataclass

from .scan import Effects
from .terms import FALSE, Terms

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


class Joins:
    """Merging of edges. Merged locals are terms made on demand: until then negative numbers."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.lazy: list[tuple[tuple[int, ...], tuple[int, ...]] | int] = []
        self._lazy_index: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}

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
