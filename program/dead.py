"""The step that drops writes to private state that nothing reads."""

from __future__ import annotations

from dataclasses import replace

from ..ir.demand import simplify
from ..ir.graph import Anchor, Value, operands, walk
from ..ir.rebuild import Rebuild
from ..wasm.body import Instr, encode_body
from ..wasm.indices import Changes, Indices, without
from .references import GLOBAL_GET, GLOBAL_SET
from .step import Claims, Step
from .unread import emitted
from .view import View

DROP = 0x1A


def unread_globals(view: View) -> Step | None:
    """Drop assignments to private globals that nothing reads."""
    module = view.module
    read = set(view.visible_globals)
    written: dict[int, list[int]] = {}
    for expression in module.expressions():
        read.update(instr[1] for instr in expression if instr[0] == GLOBAL_GET)
    for function in view.functions:
        for use in view.references.body(function).uses:
            if use.opcode == GLOBAL_GET:
                read.add(use.targets[0][1])
            elif use.opcode == GLOBAL_SET:
                written.setdefault(use.targets[0][1], []).append(function)
    dead = frozenset(written) - read
    if not dead:
        return None
    bodies = {}
    for function in sorted({f for index in dead for f in written[index]}):
        body = view.body(function)
        instrs: list[Instr] = [
            (DROP,) if i[0] == GLOBAL_SET and i[1] in dead else i for i in body.instrs
        ]
        bodies[function] = encode_body(body.runs, instrs)
    same = Indices.same(module)
    return Step(
        "unread globals",
        replace(same, globals=without(same.globals, dead)),
        Changes(bodies=bodies),
        Claims(dead_globals=dead),
    )


def circular_globals(view: View) -> Step | None:
    """Drop private globals that are read only to compute what they are set to next."""
    module = view.module
    chosen = []
    for index, kind in enumerate(module.globals):
        if not kind.mutable or index in view.visible_globals:
            continue
        users = set(view.users(GLOBAL_GET, index)) | set(view.users(GLOBAL_SET, index))
        if not users or any(view.graph(function) is None for function in users):
            continue
        if all(_circular(view, function, index) for function in users):
            chosen.append(index)
    named = {i[1] for expression in module.expressions() for i in expression if i[0] == GLOBAL_GET}
    dead = frozenset(chosen) - named
    if not dead:
        return None
    bodies: dict[int, bytes] = {}
    loops = {}
    for function in view.functions:
        graph = view.graph(function)
        if graph is None:
            continue
        drop = {
            node.id
            for node in walk(graph.body)
            if isinstance(node, Anchor)
            and node.op in (GLOBAL_GET, GLOBAL_SET)
            and node.imm[0] in dead
        }
        if drop:
            found = emitted(simplify(Rebuild(graph, drop=drop).run()))
            if found is None:
                return None
            bodies[function] = found.body
            loops[function] = found.hints
    same = Indices.same(module)
    return Step(
        "circular globals",
        replace(same, globals=without(same.globals, dead)),
        Changes(bodies=bodies),
        Claims(dead_globals=dead),
        loops=loops,
    )


def _circular(view: View, function: int, index: int) -> bool:
    """Whether a function's reads of the global lead nowhere but to its own assignments."""
    graph = view.graph(function)
    assert graph is not None
    for node in walk(graph.body):
        own = isinstance(node, Anchor) and node.op == GLOBAL_SET and node.imm[0] == index
        if not own and any(_depends(value, index) for value in operands(node)):
            return False
    return True


def _depends(value: Value, index: int) -> bool:
    work, seen = [value], set()
    while work:
        one = work.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        anchor = one.anchor
        if anchor is not None and anchor.op == GLOBAL_GET and anchor.imm[0] == index:
            return True
        work += one.args
    return False
