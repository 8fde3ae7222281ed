"""Guesses which things of two modules belong together: a step for any pair of modules.

Nothing here is trusted. Functions are paired by import, export, name, start and place in element
segments; then along the calls of what is paired; then by equal bodies and, where both modules have
as many, by index. What stays alone in the old module was merged with an equal function, inlined
or dropped. Everything else is aligned in order.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache

from .names import function_names
from .narrowing import narrow
from .plan import Index, Maps, Step
from .reader import FunctionType, Malformed, Unsupported, read_body
from .segments import Data, Element
from .skeleton import skeleton
from .structure import FUNCTION, Side, constant

SMALL = 120
"""Bytes of a body that may have been inlined although the function is still there."""

TYPE_PRICE = 0.1
"""Likeness that a lost parameter or result costs."""

MAX_DEPTH = 12
"""Calls within calls that are unfolded."""


def guess_step(before: Side, after: Side, entries: tuple[str, ...] | None = None) -> Step:
    """A step from one module to the other. Raises Malformed or Unsupported."""
    functions = _Functions(before, after)
    functions.pair()
    maps = Maps(
        tuple(functions.forward),
        _align(_tables(before), _tables(after)),
        _align(_memories(before), _memories(after)),
        _align(_globals(before), _globals(after)),
        tuple(range(len(before.module.types))),
        _align(list(map(_element, before.segments.elements)),
               list(map(_element, after.segments.elements))),
        _align(list(map(_data, before.segments.datas)), list(map(_data, after.segments.datas))),
        _align(list(before.segments.tags), list(after.segments.tags)),
    )  # fmt: skip
    step = Step(maps, unfold=functions.unfold(), entries=entries)
    return narrow(before, after, step, functions.narrowed) if functions.narrowed else step


# --- what stands in order ---------------------------------------------------------------------


def _align(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[Index, ...]:
    """Old position to new position along a longest common subsequence or so."""
    found: list[Index] = [None] * len(old)
    if len(old) == len(new):
        # Nothing was removed: what differs has changed in place.
        return tuple(range(len(old)))
    for a, b, count in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        for k in range(count):
            found[a + k] = b + k
    taken = {to for to in found if to is not None}
    left = [to for to in range(len(new)) if to not in taken]
    for to in left:
        # A new thing must come from somewhere: from the first free one between its neighbours.
        low = max((i for i, t in enumerate(found) if t is not None and t < to), default=-1)
        high = min((i for i, t in enumerate(found) if t is not None and t > to), default=len(old))
        free = [i for i in range(low + 1, high) if found[i] is None]
        if free:
            found[free[0]] = to
    return tuple(found)


def _imported(side: Side, kind: int) -> list[Hashable]:
    return [(m.module, m.name) for m in side.module.imports if m.kind == kind]


def _exported(side: Side, kind: int, index: int) -> Hashable:
    return tuple(sorted(name for name, k, i in side.module.exports if k == kind and i == index))


def _tables(side: Side) -> list[Hashable]:
    names = _imported(side, 1)
    return [
        (names[i] if i < len(names) else None, _exported(side, 1, i), type_, limits)
        for i, (type_, limits) in enumerate(side.module.tables)
    ]


def _memories(side: Side) -> list[Hashable]:
    names = _imported(side, 2)
    return [
        (names[i] if i < len(names) else None, _exported(side, 2, i), limits)
        for i, limits in enumerate(side.module.memories)
    ]


def _globals(side: Side) -> list[Hashable]:
    names = _imported(side, 3)
    found: list[Hashable] = []
    for i, one in enumerate(side.module.globals):
        if i < len(names):
            found.append((names[i], one.type))
            continue
        initial = side.segments.globals[i - side.module.imported_globals]
        value: Hashable = constant(side, initial)
        shown = initial[0][0] if value is None and initial else value
        found.append((None, _exported(side, 3, i), one.type, shown))
    return found


def _element(one: Element) -> Hashable:
    return (one.mode, one.offset, one.type, len(one.items))


def _data(one: Data) -> Hashable:
    return (one.active, one.offset, one.content)


# --- functions ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Functions:
    """The pairing of functions in progress."""

    before: Side
    after: Side
    forward: list[Index] = field(default_factory=list)
    back: dict[int, int] = field(default_factory=dict)
    narrowed: list[int] = field(default_factory=list)
    """Old functions whose type has lost something."""
    _calls: dict[tuple[bool, int], list[int]] = field(default_factory=dict)

    def pair(self) -> None:
        """Fill ``forward``."""
        self.forward = [None] * len(self.before.module.functions)
        self._by_key(self._imports)
        self._exports()
        a, b = self.before.segments.start, self.after.segments.start
        if a is not None and b is not None:
            self._must(a, b)
        self._elements()
        self._by_key(lambda side: function_names(side.module))
        self._along_calls()
        self._by_key(self._bodies)
        self._along_calls()
        if len(self.before.module.functions) == len(self.after.module.functions):
            for i in range(len(self.forward)):
                self._join(i, i)
        self._rest()
        self._merged()

    def _join(self, old: int, new: int) -> bool:
        if self.forward[old] is not None or new in self.back:
            return False
        first, second = self.before.module, self.after.module
        if (old < first.imported_functions) != (new < second.imported_functions):
            return False
        if first.function_type(old) != second.function_type(new):
            return False
        self.forward[old] = new
        self.back[new] = old
        return True

    def _must(self, old: int, new: int) -> None:
        """Nothing else can be right; several old functions may have become the new one."""
        if self.forward[old] is None and not self._join(old, new) and new in self.back:
            self.forward[old] = new

    def _by_key(self, keys: Callable[[Side], dict[int, Hashable]]) -> None:
        """Pair what has the same key, where that is the only one on either side."""
        sides = []
        for side in (self.before, self.after):
            found = keys(side)
            count = Counter(found.values())
            sides.append({key: i for i, key in found.items() if count[key] == 1})
        for key, i in sides[0].items():
            if key in sides[1]:
                self._join(i, sides[1][key])

    @staticmethod
    def _imports(side: Side) -> dict[int, Hashable]:
        return dict(enumerate(_imported(side, FUNCTION)))

    def _exports(self) -> None:
        new = {name: i for name, kind, i in self.after.module.exports if kind == FUNCTION}
        for name, kind, i in self.before.module.exports:
            if kind == FUNCTION and name in new:
                self._must(i, new[name])

    def _elements(self) -> None:
        first, second = self.before.segments.elements, self.after.segments.elements
        if len(first) != len(second):
            return
        for a, b in zip(first, second, strict=True):
            if len(a.items) == len(b.items):
                for x, y in zip(a.items, b.items, strict=True):
                    if x[0][0] == y[0][0] == 0xD2:
                        self._must(x[0][1], y[0][1])

    def _bodies(self, side: Side) -> dict[int, Hashable]:
        module, paired = side.module, self._paired(side)
        found: dict[int, Hashable] = {}
        for i, body in enumerate(module.bodies, module.imported_functions):
            if i in paired:
                continue
            split = skeleton(body, True)
            found[i] = (module.function_type(i), body if split is None else split[0])
        return found

    def _paired(self, side: Side) -> set[int]:
        if side is self.after:
            return set(self.back)
        return {i for i, to in enumerate(self.forward) if to is not None}

    # --- calls ----------------------------------------------------------------------------------

    def calls(self, new: bool, function: int) -> list[int]:
        """The functions that a body calls or refers to, in order."""
        key = (new, function)
        found = self._calls.get(key)
        if found is None:
            module = (self.after if new else self.before).module
            at = function - module.imported_functions
            found = self._calls[key] = _calls(module.bodies[at]) if at >= 0 else []
        return found

    def _along_calls(self) -> None:
        """Where two paired bodies call the same number of unpaired functions, pair those."""
        pending = [(i, to) for i, to in enumerate(self.forward) if to is not None]
        while pending:
            old, new = pending.pop()
            a = [f for f in self.calls(False, old) if self.forward[f] is None]
            b = [f for f in self.calls(True, new) if f not in self.back]
            # A function that has gone into its caller would shift all that follow.
            if len(a) != len(b) or len(set(a)) != len(set(b)):
                continue
            for x, y in zip(a, b, strict=True):
                if self._join(x, y):
                    pending.append((x, y))

    def _rest(self) -> None:
        """What is new must come from somewhere: from what looks most like it.

        By itself or with its callees inside, with its old type or one that has lost parameters.
        """
        first, second = self.before.module, self.after.module
        alone = [i for i, to in enumerate(self.forward) if to is None]
        ranked = []
        for new in range(second.imported_functions, len(second.functions)):
            if new in self.back:
                continue
            words = _words(second.bodies[new - second.imported_functions])
            for old in alone:
                if old < first.imported_functions:
                    continue
                change = _narrowing(first.function_type(old), second.function_type(new))
                if change is not None:
                    own = self._closure(old, 0)
                    score = max(_likeness(own, words), _likeness(self._closure(old, 2), words))
                    ranked.append((TYPE_PRICE * change - score, change, new, old))
        for _, change, new, old in sorted(ranked):
            if self.forward[old] is None and new not in self.back:
                self.forward[old] = new
                self.back[new] = old
                if change:
                    self.narrowed.append(old)

    def _closure(self, function: int, depth: int) -> Counter[Hashable]:
        """The words of a body and, that many calls deep, of what it calls."""
        module = self.before.module
        at = function - module.imported_functions
        if at < 0:
            return Counter()
        found = Counter(_words(module.bodies[at]))
        if depth:
            for callee in self.calls(False, function):
                found += self._closure(callee, depth - 1)
        return found

    def _merged(self) -> None:
        """Removed functions with the body of one that is still there."""
        module = self.before.module
        kept: dict[Hashable, int] = {}
        for i, body in enumerate(module.bodies, module.imported_functions):
            if self.forward[i] is not None:
                kept.setdefault((module.function_type(i), self._shape(body)), i)
        for i, body in enumerate(module.bodies, module.imported_functions):
            if self.forward[i] is None:
                twin = kept.get((module.function_type(i), self._shape(body)))
                if twin is not None:
                    self.forward[i] = self.forward[twin]

    @staticmethod
    def _shape(body: bytes) -> Hashable:
        split = skeleton(body, False)
        if split is None:
            return body
        return split[0], tuple((kind, i) for _, kind, i in split[1] if kind != "function")

    # --- unfolding ------------------------------------------------------------------------------

    def unfold(self) -> dict[int, frozenset[int]]:
        """Per old function the callees that have gone into it."""
        found = {}
        for old, new in enumerate(self.forward):
            if new is None or old < self.before.module.imported_functions:
                continue
            chosen: set[int] = set()
            self._gone(old, Counter(self.calls(True, new)), chosen, 0)
            if chosen:
                found[old] = frozenset(chosen)
        return found

    def _gone(self, function: int, there: Counter[int], chosen: set[int], depth: int) -> None:
        module = self.before.module
        for callee, count in Counter(self.calls(False, function)).items():
            at = callee - module.imported_functions
            if at < 0 or callee in chosen or depth > MAX_DEPTH:
                continue
            to = self.forward[callee]
            small = len(module.bodies[at]) <= SMALL
            if to is None or (there[to] < count and (small or there[to] == 0)):
                chosen.add(callee)
                self._gone(callee, there, chosen, depth + 1)


def _narrowing(old: FunctionType, new: FunctionType) -> int | None:
    """How many parameters and results a type has lost, if it is a part of the old one."""
    for part, whole in ((new.params, old.params), (new.results, old.results)):
        rest = iter(whole)
        if not all(any(type_ == other for other in rest) for type_ in part):
            return None
    return len(old.params) + len(old.results) - len(new.params) - len(new.results)


@lru_cache(maxsize=1 << 12)
def _words(body: bytes) -> Counter[Hashable]:
    """What an optimizer mostly keeps of a body: constants, operators, what it accesses."""
    try:
        _, code = read_body(body)
    except (Unsupported, Malformed):
        return Counter()
    found: Counter[Hashable] = Counter()
    for instruction in code:
        op = instruction[0]
        if 0x28 <= op <= 0x3E:
            found[op, instruction[2]] += 1
        elif 0x41 <= op <= 0xC4 or op >= 0xFC00:
            found[instruction] += 1
    return found


def _likeness(old: Counter[Hashable], new: Counter[Hashable]) -> float:
    """The share of the new body's words that the old one has as well."""
    return (sum((old & new).values()) + 1) / (sum((old | new).values()) + 1)


def _calls(body: bytes) -> list[int]:
    split = skeleton(body, True)
    if split is not None:
        return [i for _, kind, i in split[1] if kind in ("function", "reference")]
    try:
        return [i[1] for i in read_body(body)[1] if i[0] in (0x10, 0x12, 0xD2)]
    except (Unsupported, Malformed):
        return []
