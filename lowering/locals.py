"""Virtual locals to locals: coalesce copies, then colour.

Two locals interfere where one is written while the other is live with another value; where both
hold the same value they do not (that is what lets a transfer local, its parameter and its argument
become one). Coalescing is aggressive and weighted by loop depth; colouring goes by use count.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.graph import ValType
from .liveness import CONTROL, GET, SET, TEE, Liveness
from .types import Instr

ZEROS = ((0x41, 0), (0x42, 0), (0x43, 0), (0x44, 0), (0xFD000C, 0))
"""Constants that a fresh local holds already."""

LOOP_WEIGHT = 10
"""A copy in a loop counts as ten outside (Chaitin's usual guess)."""
LOOP = 0x03
HEAD = 0
"""What copies at the head of a loop weigh more: that parameter and transfer become one serves all
edges."""
MAX_WEIGHT_DEPTH = 3
"""Deeper loops weigh no more: the guess is too rough for larger numbers."""


@dataclass(slots=True)
class Colouring:
    """Virtual local -> local, and the type of each local (parameters first)."""

    local: list[int]
    types: list[ValType]


def colour(code: list[Instr], types: list[ValType], parameters: int, sinking: bool) -> Colouring:
    """Assign locals. The first `parameters` virtual locals keep their number.

    With `sinking`, copies that can be merged with a later read count less (smaller code on
    average, while loops tend to get faster without).
    """
    liveness = Liveness(code, len(types))
    interference = _interference(code, liveness, types, parameters)
    copies = _measure(code, liveness, len(types), sinking)
    weights = copies.weights
    parent = list(range(len(types)))
    members = [1 << v for v in range(len(types))]

    def find(v: int) -> int:
        while parent[v] != v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        return v

    fixed = [v < parameters for v in range(len(types))]
    for (a, b), _ in sorted(copies.pairs.items(), key=lambda p: (-p[1], p[0])):
        a, b = find(a), find(b)
        if a == b or types[a] != types[b] or interference[a] & members[b]:
            continue
        if fixed[b]:
            if fixed[a]:
                continue
            a, b = b, a
        parent[b] = a
        members[a] |= members[b]
        interference[a] |= interference[b]
        weights[a] += weights[b]
    return _paint(types, parameters, find, members, interference, copies)


def _paint(
    types: list[ValType],
    parameters: int,
    find: object,
    members: list[int],
    interference: list[int],
    copies: _Copies,
) -> Colouring:
    assert callable(find)
    weights = copies.weights
    roots = [v for v in range(len(types)) if find(v) == v]
    colour_of: dict[int, int] = {}
    held: list[int] = []
    against: list[int] = []
    colours: list[ValType] = []
    for v in range(parameters):
        root = find(v)
        colour_of[root] = v
        held.append(members[root])
        against.append(interference[root])
        colours.append(types[v])
    # A local whose first write is its zero gets a fresh local: the write then costs nothing, as
    # long as nobody else writes the local before.
    first: dict[int, int] = {}
    looped: dict[int, int] = {}
    for v, position in copies.first.items():
        root = find(v)
        first[root] = min(position, first.get(root, position))
        looped[root] = looped.get(root, 0) | copies.looped[v]
    fresh: dict[int, tuple[int, int]] = {}
    for v, (position, around) in copies.zeroed.items():
        root = find(v)
        if first[root] == position and not looped[root] & around:
            fresh[root] = (position, around)
    zero_at: dict[int, tuple[int, int]] = {}
    rest = [v for v in roots if v not in colour_of]
    for root in sorted(rest, key=lambda v: (v not in fresh, -weights[v], v)):
        chosen = None
        if root not in fresh:
            for c, type in enumerate(colours):
                if type == types[root] and not against[c] & members[root]:
                    position, around = zero_at.get(c, (0, 0))
                    if first.get(root, 0) < position or looped.get(root, 0) & around:
                        continue
                    chosen = c
                    break
        if chosen is None:
            chosen = len(colours)
            held.append(0)
            against.append(0)
            colours.append(types[root])
            if root in fresh:
                zero_at[chosen] = fresh[root]
        colour_of[root] = chosen
        held[chosen] |= members[root]
        against[chosen] |= interference[root]
    return Colouring([colour_of[find(v)] for v in range(len(types))], colours)


def _interference(
    code: list[Instr], liveness: Liveness, types: list[ValType], parameters: int
) -> list[int]:
    same = _same_value(code)
    found = [0] * len(types)
    for position, live in liveness.writes():
        v = code[position][1]
        assert isinstance(v, int)
        found[v] |= live & ~same.get(position, 1 << v)
    mask = (1 << parameters) - 1
    for v in range(parameters):
        found[v] |= (liveness.entry | mask) & ~(1 << v)
    for v in range(len(types)):
        found[v] &= ~(1 << v)
        others = found[v]
        while others:
            low = others & -others
            found[low.bit_length() - 1] |= 1 << v
            others ^= low
    return found


def _same_value(code: list[Instr]) -> dict[int, int]:
    """Return for each write the set of locals that then hold the same value (straight pieces)."""
    found: dict[int, int] = {}
    group_of: dict[int, int] = {}
    groups: list[int] = []
    previous: Instr = (None,)
    for position, instr in enumerate(code):
        op = instr[0]
        if op in (SET, TEE):
            v = instr[1]
            assert isinstance(v, int)
            source = None
            if previous[0] == GET or previous[0] == TEE:
                origin = previous[1]
                assert isinstance(origin, int)
                source = group_of.get(origin)
                if source is None:
                    source = group_of[origin] = len(groups)
                    groups.append(1 << origin)
            old = group_of.get(v)
            if old is not None:
                groups[old] &= ~(1 << v)
            if source is None:
                source = len(groups)
                groups.append(0)
            group_of[v] = source
            groups[source] |= 1 << v
            found[position] = groups[source]
        elif op in (0x03, 0x05, 0x0B):
            # Several paths meet here (or an arm starts afresh): nothing is known any more.
            group_of.clear()
        previous = instr
    return found


@dataclass(slots=True)
class _Copies:
    """What the code says about its locals.

    Attributes:
        pairs: two locals -> weight of the copies between them.
        weights: number of uses of each local.
        zeroed: locals that get their zero once, first of all in program order -> its position, and
            the loops that it stands in without being repeated.
        first: local -> position of its first write in program order.
        looped: local -> the loops that repeat some write of it.
    """

    pairs: dict[tuple[int, int], int]
    weights: list[int]
    zeroed: dict[int, tuple[int, int]]
    first: dict[int, int]
    looped: list[int]


def _measure(code: list[Instr], liveness: Liveness, count: int, sinking: bool) -> _Copies:
    found = _Copies({}, [0] * count, {}, {}, [0] * count)
    pairs, weights = found.pairs, found.weights
    previous: Instr = (None,)
    for start, end, inside, around in liveness.loops():
        base = 2 * LOOP_WEIGHT ** min(inside.bit_count(), MAX_WEIGHT_DEPTH)
        head = HEAD if start and code[start - 1][0] == LOOP else 0
        for position in range(start, end):
            instr = code[position]
            op = instr[0]
            if op == GET:
                weights[instr[1]] += 1
            elif op in (SET, TEE):
                v = instr[1]
                assert isinstance(v, int)
                weights[v] += 1
                found.looped[v] |= inside
                first = found.first.setdefault(v, position) == position
                if previous[0] == GET or previous[0] == TEE:
                    other = previous[1]
                    assert isinstance(other, int)
                    if other != v:
                        weight = base * (1 + _saves_two(code, position, v, other, sinking)) + head
                        key = (v, other) if v < other else (other, v)
                        pairs[key] = pairs.get(key, 0) + weight
                elif op == SET and not inside and previous in ZEROS and first:
                    found.zeroed[v] = position, around
            else:
                head = 0
            previous = instr
        previous = (None,)
    return found


def _saves_two(code: list[Instr], position: int, target: int, source: int, sinking: bool) -> bool:
    """Tell whether the copy written at `position` would vanish with its read.

    A value that is used right there as well stays on the stack, and so does, with `sinking`, one
    whose copy sinks to its first use: then only the write would go.
    """
    if code[position][0] == TEE or code[position - 1][0] == TEE:
        return False
    following = code[position + 1] if position + 1 < len(code) else (None,)
    if following[0] == GET and following[1] in (source, target):
        return False
    return not sinking or first_use(code, position + 1, source, target) is None


MAX_SINK = 40
"""Instructions that a copy may pass; farther first uses are rare and cost quadratic time."""


def first_use(code: list[Instr], start: int, source: int, target: int) -> int | None:
    """Return where `target` is first read, if neither local is written on the way."""
    for position in range(start, min(len(code), start + MAX_SINK)):
        instr = code[position]
        op = instr[0]
        if op == GET:
            if instr[1] == target:
                return position
        elif op in (SET, TEE):
            if instr[1] in (source, target):
                return None
        elif op in CONTROL:
            return None
    return None
