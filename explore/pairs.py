"""Two modules side by side: which function is which, what each gained, and the texts aligned."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..optimize.measure import body_time
from ..optimize.pins import body_key
from ..wasm.module import SECTION_NAMES, Module
from ..wasm.names import function_names

__all__ = ["Pair", "aligned", "pairs", "sections"]

MAX_ALIGNED: Final = 6_000
"""Rows of a side beyond which only common beginning and end are aligned: the search for the rest
takes quadratic time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A function in two modules; an index is None where the function is not there."""

    name: str
    before: int | None
    after: int | None
    size: tuple[int, int]
    """Bytes of the bodies, 0 where there is none."""
    fuel: tuple[float, float]
    """Estimated fuel of one call; both 0 where the bodies are equal."""
    same: bool

    def as_json(self) -> dict[str, Any]:
        """The pair as plain values."""
        return {
            "name": self.name,
            "index": [self.before, self.after],
            "bytes": list(self.size),
            "fuel": [round(one, 3) for one in self.fuel],
            "same": self.same,
        }


def pairs(before: Module, after: Module) -> list[Pair]:
    """Match the functions of two modules, in the order of the first; new ones come last.

    Functions match by a name that is theirs alone, then, while unmatched, by an equal body, then
    by index if the types agree.
    """
    names = function_names(before), function_names(after)
    matched = _by_key(_alone(before, names[0]), _alone(after, names[1]))
    taken = set(matched.values())
    bodies = [
        {
            index: (module.function_type(index), body_key(module.body_bytes(index)))
            for index in _own(module)
            if index not in known
        }
        for module, known in ((before, matched), (after, taken))
    ]
    matched |= _by_key(*bodies)
    taken = set(matched.values())
    for index in _own(before):
        if index in matched or index in taken or index not in _own(after):
            continue
        if before.function_type(index) == after.function_type(index):
            matched[index] = index
    found = [_pair(before, after, index, matched.get(index), names) for index in _own(before)]
    new = sorted(set(_own(after)) - set(matched.values()))
    return found + [_pair(before, after, None, index, names) for index in new]


def _own(module: Module) -> range:
    return range(module.imported_functions, len(module.functions))


def _alone(module: Module, names: Mapping[int, str]) -> dict[int, str]:
    return {index: names[index] for index in _own(module) if names.get(index)}


def _by_key(first: Mapping[int, Hashable], second: Mapping[int, Hashable]) -> dict[int, int]:
    """Pair indices whose key is the same; of several with one key the first ones."""
    free: dict[Hashable, list[int]] = {}
    for index in sorted(second, reverse=True):
        free.setdefault(second[index], []).append(index)
    return {index: free[first[index]].pop() for index in sorted(first) if free.get(first[index])}


def _pair(
    before: Module,
    after: Module,
    first: int | None,
    second: int | None,
    names: tuple[Mapping[int, str], Mapping[int, str]],
) -> Pair:
    old = b"" if first is None else before.body_bytes(first)
    new = b"" if second is None else after.body_bytes(second)
    name = (names[0].get(first) if first is not None else names[1].get(second or 0)) or ""
    same = old == new
    fuel = (0.0, 0.0) if same else (_fuel(old), _fuel(new))
    return Pair(name, first, second, (len(old), len(new)), fuel, same)


def _fuel(body: bytes) -> float:
    return body_time(body)[0] if body else 0.0


def sections(before: Module, after: Module) -> list[tuple[str, int, int]]:
    """Name and size (bytes of the content) in either module of every section that is in one."""
    sizes: list[dict[str, int]] = [{}, {}]
    for module, found in zip((before, after), sizes, strict=True):
        for section in module.sections:
            name = section.name or SECTION_NAMES[section.id]
            found[name] = found.get(name, 0) + section.end - section.payload_start
    names = list(sizes[0]) + [name for name in sizes[1] if name not in sizes[0]]
    return [(name, sizes[0].get(name, 0), sizes[1].get(name, 0)) for name in names]


def aligned(
    left: Sequence[Hashable], right: Sequence[Hashable]
) -> Iterator[tuple[int | None, int | None]]:
    """Yield rows of two sides as pairs of positions, None for a gap; keys decide what is equal."""
    start = 0
    while start < len(left) and start < len(right) and left[start] == right[start]:
        yield start, start
        start += 1
    end = 0
    while end < min(len(left), len(right)) - start and left[-1 - end] == right[-1 - end]:
        end += 1
    middle = left[start : len(left) - end], right[start : len(right) - end]
    yield from (
        (None if a is None else a + start, None if b is None else b + start)
        for a, b in _matched(*middle)
    )
    for back in range(end, 0, -1):
        yield len(left) - back, len(right) - back


def _matched(
    left: Sequence[Hashable], right: Sequence[Hashable]
) -> Iterator[tuple[int | None, int | None]]:
    if max(len(left), len(right)) > MAX_ALIGNED:
        blocks: Sequence[tuple[str, int, int, int, int]] = [
            ("replace", 0, len(left), 0, len(right))
        ]
    else:
        blocks = difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for kind, a, b, c, d in blocks:
        if kind == "equal":
            yield from zip(range(a, b), range(c, d), strict=True)
            continue
        common = min(b - a, d - c)
        yield from ((a + k, c + k) for k in range(common))
        yield from ((k, None) for k in range(a + common, b))
        yield from ((None, k) for k in range(c + common, d))
