"""The step that drops writes to private state that nothing reads."""

from __future__ import annotations

from dataclasses import replace

from ..wasm.body import Instr, encode_body
from ..wasm.renumber import Changes, Indices, without
from .references import GLOBAL_GET, GLOBAL_SET
from .step import Claims, Step
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
