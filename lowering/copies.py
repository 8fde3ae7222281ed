"""Passing arguments over an edge: the order of the copies, and the condition among them.

All copies happen at once in the graph. In code they come one after another, so that none destroys
what a later one reads; a good order also lets a transfer local share its register with the
parameter and the argument. A branch condition that computes a passed value stays on the stack
below the copies. A cycle is broken by evaluating its members on the stack, without temporaries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..ir.graph import Value

if TYPE_CHECKING:
    from .stackify import Stackifier

SET = 0x21


def write(
    into: Stackifier,
    pairs: list[tuple[Value, Value]],
    condition: Value | None,
    below: Sequence[Value] = (),
) -> None:
    """Write (backwards) the assignments `parameter := argument` and the condition's value.

    `below` is pushed right below the condition: in one go, since parts of the condition may lie on
    the stack for long, and what stands below it has to be there before them.
    """
    resolve = into.placed.resolve
    pairs = [(p, resolve(v)) for p, v in pairs if into.placed.count.get(p.id)]
    if not pairs:
        if condition is not None:
            into.push([*below, condition])
        return
    roots = [v for _, v in pairs]
    if condition is not None:
        roots.append(resolve(condition))
    count = len(pairs)
    if len(roots) == 1:
        into.out.append((SET, into.transfer_local(pairs[0][0])))
        into.push(roots)
        return
    reads, computes = _constraints(into, pairs, roots)
    # What is evaluated behind the condition has it below on the stack, so that nothing which was
    # pushed earlier can be taken there.
    into.covered = condition is not None
    for group in reversed(_schedule(reads, computes, count, len(roots))):
        if group[0] == count:
            into.covered = False
        for k in group:
            if k < count:
                into.out.append((SET, into.transfer_local(pairs[k][0])))
        values = [roots[k] for k in group]
        into.push([*below, *values] if group[0] == count else values)


def _constraints(
    into: Stackifier, pairs: list[tuple[Value, Value]], roots: list[Value]
) -> tuple[list[set[int]], list[set[int]]]:
    """Return for each root which parameters it reads, and which pairs' values it computes.

    Only what would be computed in place counts: the rest lies in a local of its own.
    """
    parameter = {p.id: k for k, (p, _) in enumerate(pairs)}
    passed: dict[int, set[int]] = {}
    for k, (_, v) in enumerate(pairs):
        passed.setdefault(v.id, set()).add(k)
    known: dict[int, tuple[set[int], set[int]]] = {}
    reads: list[set[int]] = []
    computes: list[set[int]] = []
    for k, root in enumerate(roots):
        _visit(into, root, parameter, passed, known)
        read, compute = known[root.id]
        reads.append(read)
        computes.append(compute | {k} if k < len(pairs) else compute)
    return reads, computes


def _visit(
    into: Stackifier,
    root: Value,
    parameter: dict[int, int],
    passed: dict[int, set[int]],
    known: dict[int, tuple[set[int], set[int]]],
) -> None:
    """Fill `known`: value id -> parameters that are read and pairs whose values are computed."""
    resolve = into.placed.resolve
    work: list[tuple[Value, list[Value] | None]] = [(root, None)]
    while work:
        value, args = work.pop()
        if value.id in known:
            continue
        if args is None:
            carrier = into.carrier(value)
            if carrier is not None:
                # Read from a transfer local, which one of these copies may set.
                read_here = parameter.get(carrier.id)
                known[value.id] = set() if read_here is None else {read_here}, set()
                continue
            if not into.inlines(value):
                own = parameter.get(value.id)
                known[value.id] = set() if own is None else {own}, set()
                continue
            args = [resolve(a) for a in (value.anchor or value).args]
            work.append((value, args))
            work += [(a, None) for a in args if a.id not in known]
            continue
        read: set[int] = set()
        compute: set[int] = set()
        for arg in args:
            read |= known[arg.id][0]
            compute |= known[arg.id][1]
        own_pairs = passed.get(value.id)
        if own_pairs is not None:
            # Computed once, by whoever comes first: what it replaces is read just before.
            read = read - own_pairs
            compute = compute | own_pairs
        known[value.id] = read, compute


def _schedule(
    reads: list[set[int]], computes: list[set[int]], count: int, total: int
) -> list[list[int]]:
    """Return the roots in the order of evaluation; a group is evaluated together.

    A root waits for all that read what it sets or computes. Those that wait for each other go over
    the stack together; nobody else needs to.
    """
    waits = [
        {o for o in range(total) if o != k and any(c in reads[o] for c in computes[k])}
        for k in range(total)
    ]
    left = set(range(total))
    order: list[list[int]] = []
    condition = count if total > count else None
    while left:
        free = [k for k in left if not waits[k] & left]
        if not free:
            group = _circle(waits, left)
            order.append(sorted(group, key=lambda k: (k != condition, k)))
            left -= group
            continue
        chosen = min(free)
        if condition is not None and condition in left:
            before = [k for k in free if k != condition and k not in computes[condition]]
            if before:
                chosen = min(before)
            elif condition in free:
                chosen = condition
        order.append([chosen])
        left.discard(chosen)
    return order


def _circle(waits: list[set[int]], left: set[int]) -> set[int]:
    """Return roots that wait for each other and, among those left, for nobody else."""
    after = {}
    for k in left:
        seen = {k}
        work = [k]
        while work:
            for other in waits[work.pop()] & left:
                if other not in seen:
                    seen.add(other)
                    work.append(other)
        after[k] = seen
    return min(after.values(), key=lambda group: (len(group), min(group)))
