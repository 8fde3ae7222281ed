"""The step that drops stores to private memories that nothing reads.

A store that may trap stays: only those go whose address is within the memory's first size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ..ir.demand import simplify
from ..ir.graph import Anchor, Function, Value, walk
from ..ir.rebuild import Rebuild
from ..lowering import STYLES, Unsupported, emit
from ..lowering.emit import Emission
from ..wasm.indices import Changes, Indices, without
from ..wasm.opcodes import ACCESS_BYTES, BY_NAME, OPCODES
from .liveness import safe_data
from .references import GLOBAL_GET, GLOBAL_SET
from .step import Claims, Step
from .view import View

STORES: Final = frozenset(code for code, row in OPCODES.items() if row.effect == "store")
FILL: Final = BY_NAME["memory.fill"]
COPY: Final = BY_NAME["memory.copy"]
AND: Final = BY_NAME["i32.and"]
SHR: Final = BY_NAME["i32.shr_u"]
SELECT: Final = 0x1B
I32_CONST: Final = 0x41
I32: Final = 0x7F
ADD: Final = BY_NAME["i32.add"]

NARROW: Final = {
    BY_NAME["i32.load8_u"]: 0xFF,
    BY_NAME["i32.load16_u"]: 0xFFFF,
}
"""Loads that give small numbers."""

LARGEST_STEP: Final = 1 << 16
"""Bytes by which a bump pointer moves at most."""

ALL: Final = 0xFFFFFFFF
DEEPEST: Final = 12
"""Operations that are looked through for a bound."""


def unread_memories(view: View, exhaustion: bool = True) -> Step | None:
    """Drop in-bounds stores to private memories that are only written.

    Without `exhaustion` (the contract `no-exhaustion`) stores behind a bump pointer never trap.
    """
    module = view.module
    read = set(view.visible_memories)
    written: dict[int, set[int]] = {}
    for function in view.functions:
        for use in view.references.body(function).uses:
            for position, (kind, index) in enumerate(use.targets):
                if kind != "memory":
                    continue
                target = use.opcode in STORES or use.opcode == FILL
                if target or (use.opcode == COPY and position == 0):
                    written.setdefault(index, set()).add(function)
                else:
                    read.add(index)
    dead = frozenset(
        index
        for index in written
        if index not in read
        and not module.memories[index].is64
        and not module.memories[index].shared
    )
    if not dead:
        return None
    steps = {} if exhaustion else bumps(view)
    bodies: dict[int, bytes] = {}
    loops = {}
    left: set[int] = set()
    for function in sorted(set().union(*[written[index] for index in dead])):
        graph = view.graph(function)
        found = None
        if graph is not None:
            drop = {
                node.id
                for node in walk(graph.body)
                if isinstance(node, Anchor) and _droppable(view, node, dead, steps)
            }
            if drop:
                found = emitted(simplify(Rebuild(graph, drop=drop).run()))
        if found is None:
            left.update(index for index in dead if function in written[index])
            continue
        bodies[function] = found.body
        loops[function] = found.hints
        scanned = view.references.scanner.body(found.body, 0, len(found.body))
        left.update(i for use in scanned.uses for kind, i in use.targets if kind == "memory")
    if not bodies:
        return None
    return Step(
        "unread memories",
        without_memories(view, dead - left),
        Changes(bodies=bodies),
        Claims(dead_memories=dead),
        loops=loops,
    )


def without_memories(view: View, unused: frozenset[int]) -> Indices:
    """The numbering without memories that nothing names any more, and without their segments."""
    module = view.module
    same = Indices.same(module)
    segments = {i for i, data in enumerate(module.datas) if data.memory in unused}
    needed = {
        data.memory
        for data in module.datas
        if data.mode == "active" and not safe_data(module, data)
    }
    if view.memories_by_number or needed & unused:
        return same
    return replace(
        same,
        memories=without(same.memories, unused),
        datas=without(same.datas, {i for i in segments if module.datas[i].mode == "active"}),
    )


def emitted(graph: Function) -> Emission | None:
    """The smallest way of writing a graph, of the usual ones."""
    found: Emission | None = None
    for style in STYLES[:2]:
        try:
            made = emit(graph, style)
        except Unsupported:
            continue
        if found is None or len(made.body) < len(found.body):
            found = made
    return found


def _droppable(view: View, node: Anchor, dead: frozenset[int], steps: Mapping[int, int]) -> bool:
    """Whether an anchor only writes to a dead memory and cannot trap."""
    if node.op not in STORES:
        return False
    _, offset, memory = node.imm
    end = offset + ACCESS_BYTES[node.op]
    kind = view.module.memories[memory]
    within = most(node.args[0]) + end <= kind.minimum << kind.page_size_log2
    return memory in dead and (within or _behind(node.args[0], end, steps))


def _behind(address: Value, end: int, steps: Mapping[int, int]) -> bool:
    """Whether an access ends before the next step of a bump pointer."""
    pointer, distance = sum_of(address)
    anchor = pointer.anchor
    if anchor is None or anchor.op != GLOBAL_GET:
        return False
    return distance >= 0 and distance + end <= steps.get(anchor.imm[0], 0)


def sum_of(value: Value) -> tuple[Value, int]:
    """A value as another one and a constant added to it."""
    if value.op == ADD:
        for one, other in (value.args, value.args[::-1]):
            if other.op == I32_CONST:
                number = other.imm[0]
                assert isinstance(number, int)
                return one, number
    return value, 0


def bumps(view: View) -> dict[int, int]:
    """Private globals that only ever grow by constants, and by how much at least."""
    module = view.module
    found: dict[int, int] = {}
    for index, kind in enumerate(module.globals):
        if not kind.mutable or kind.type != I32 or index in view.visible_globals:
            continue
        steps = []
        for function in view.users(GLOBAL_SET, index):
            graph = view.graph(function)
            if graph is None:
                steps.append(0)
                continue
            for node in walk(graph.body):
                if isinstance(node, Anchor) and node.op == GLOBAL_SET and node.imm[0] == index:
                    steps.append(_growth(node, index))
        if steps and min(steps) > 0:
            found[index] = min(steps)
    return found


def _growth(node: Anchor, index: int) -> int:
    """By how much an assignment moves the global up, 0 if it does something else."""
    base, distance = sum_of(node.args[0])
    own = base.anchor is not None and base.anchor.op == GLOBAL_GET and base.anchor.imm[0] == index
    return distance if own and 0 < distance <= LARGEST_STEP else 0


def most(value: Value, depth: int = 0) -> int:
    """An upper bound of an i32 taken as unsigned."""
    if value.op == I32_CONST:
        number = value.imm[0]
        assert isinstance(number, int)
        return number & ALL
    if depth > DEEPEST:
        return ALL
    if value.op == AND:
        return min(most(value.args[0], depth + 1), most(value.args[1], depth + 1))
    if value.op == SHR and value.args[1].op == I32_CONST:
        return most(value.args[0], depth + 1) >> (most(value.args[1]) & 31)
    if value.op == SELECT:
        return max(most(value.args[0], depth + 1), most(value.args[1], depth + 1))
    return ALL if value.anchor is None else NARROW.get(value.anchor.op, ALL)
