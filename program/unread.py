"""The step that drops stores to private memories that nothing reads.

A store that may trap stays: only those go whose address is within the memory's first size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..ir.demand import simplify
from ..ir.graph import Anchor, Function, Value, walk
from ..ir.rebuild import Rebuild
from ..lowering import STYLES, Unsupported, emit
from ..lowering.emit import Emission
from ..wasm.opcodes import ACCESS_BYTES, BY_NAME, OPCODES
from ..wasm.renumber import Changes, Indices, without
from .liveness import safe_data
from .step import Claims, Step
from .view import View

STORES: Final = frozenset(code for code, row in OPCODES.items() if row.effect == "store")
FILL: Final = BY_NAME["memory.fill"]
COPY: Final = BY_NAME["memory.copy"]
AND: Final = BY_NAME["i32.and"]
SHR: Final = BY_NAME["i32.shr_u"]
SELECT: Final = 0x1B
I32_CONST: Final = 0x41

NARROW: Final = {
    BY_NAME["i32.load8_u"]: 0xFF,
    BY_NAME["i32.load16_u"]: 0xFFFF,
}
"""Loads that give small numbers."""

ALL: Final = 0xFFFFFFFF
DEEPEST: Final = 12
"""Operations that are looked through for a bound."""


def unread_memories(view: View) -> Step | None:
    """Drop in-bounds stores to private memories that are only written."""
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
                if isinstance(node, Anchor) and _droppable(view, node, dead)
            }
            if drop:
                found = _emitted(simplify(Rebuild(graph, drop=drop).run()))
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
        _indices(view, dead - left),
        Changes(bodies=bodies),
        Claims(dead_memories=dead),
        loops=loops,
    )


def _indices(view: View, unused: frozenset[int]) -> Indices:
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


def _emitted(graph: Function) -> Emission | None:
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


def _droppable(view: View, node: Anchor, dead: frozenset[int]) -> bool:
    """Whether an anchor only writes to a dead memory and cannot trap."""
    if node.op in STORES:
        _, offset, memory = node.imm
        return memory in dead and _within(
            view, memory, node.args[0], offset + ACCESS_BYTES[node.op]
        )
    return False


def _within(view: View, memory: int, address: Value, length: int) -> bool:
    kind = view.module.memories[memory]
    return most(address) + length <= kind.minimum << kind.page_size_log2


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
