"""The step that merges functions with equal bodies."""

from __future__ import annotations

from ..wasm.indices import Indices
from ..wasm.types import FuncType
from .references import CALL, RETURN_CALL
from .step import Step
from .view import View

MAX_PASSES = 8
"""Each pass may make callers equal whose callees the one before found equal."""


def merge(view: View) -> Step | None:
    """Give equal functions one body; None if no two are equal."""
    module = view.module
    leader: dict[int, int] = {}
    for _ in range(MAX_PASSES):
        found: dict[object, int] = {}
        grown = False
        for function in view.functions:
            if function in leader:
                continue
            key = (_type(view, function), *_shape(view, function, leader))
            first = found.setdefault(key, function)
            if first != function:
                leader[function] = first
                grown = True
        if not grown:
            break
    if not leader:
        return None
    functions: list[int | None] = []
    count = 0
    for function in range(len(module.functions)):
        if function in leader:
            functions.append(functions[leader[function]])
        else:
            functions.append(count)
            count += 1
    same = Indices.same(module)
    made = Indices(
        tuple(functions),
        same.tables,
        same.memories,
        same.globals,
        same.types,
        same.elements,
        same.datas,
        same.tags,
    )
    return Step("merge", made)


def _type(view: View, function: int) -> object:
    """Function types are compared by shape where that is what `call_indirect` compares."""
    index = view.module.functions[function]
    kind = view.module.types[index]
    plain = isinstance(kind, FuncType) and not view.module.subtypes and not view.module.recursions
    return kind if plain else index


def _shape(view: View, function: int, leader: dict[int, int]) -> tuple[object, ...]:
    """Something that is equal for functions with equal bodies; mostly the bytes."""
    calls = view.references.body(function).calls()
    changed = {*leader, *leader.values(), function}
    if not any(callee in changed for callee in calls):
        return (view.module.body_bytes(function),)
    body = view.body(function)
    instrs = []
    for instr in body.instrs:
        if instr[0] in (CALL, RETURN_CALL):
            target = leader.get(instr[1], instr[1])
            instr = (instr[0], "self" if target == function else target)
        instrs.append(instr)
    return (body.runs, tuple(instrs))
