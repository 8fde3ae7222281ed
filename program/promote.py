"""The step that keeps private globals in locals.

A global whose every read follows an assignment in the same run of the same function, with nothing
in between that could assign it, carries nothing from one call to the next: result slots that a
shim fills for its caller are of this kind once the shim is inlined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from ..lowering.types import has_default
from ..wasm.body import Instr, encode_body
from ..wasm.indices import Changes, Indices, without
from .references import CALL, GLOBAL_GET, GLOBAL_SET, INDIRECT, RETURN_CALL
from .step import Claims, Step
from .view import View

BLOCK, LOOP, IF, ELSE, END = 0x02, 0x03, 0x04, 0x05, 0x0B
BR, BR_IF, BR_TABLE, RETURN, UNREACHABLE = 0x0C, 0x0D, 0x0E, 0x0F, 0x00
LOCAL_GET, LOCAL_SET = 0x20, 0x21
Test: TypeAlias = Callable[[Instr], bool]
"""A question about one instruction."""

HANDLED = frozenset((BLOCK, LOOP, IF, ELSE, END, BR, BR_IF, BR_TABLE, RETURN, UNREACHABLE))
STRANGE = frozenset(
    (0x06, 0x07, 0x08, 0x09, 0x0A, 0x18, 0x19, 0x1F, 0xD5, 0xD6, 0xFB0018, 0xFB0019)
)
"""Exceptions and branches on references: functions with these are left alone."""


def promote(view: View) -> Step | None:
    """Put private globals into locals wherever all reads allow it."""
    module = view.module
    reads: dict[int, set[int]] = {}
    writes: dict[int, set[int]] = {}
    for function in view.functions:
        for use in view.references.body(function).uses:
            if use.opcode == GLOBAL_GET:
                reads.setdefault(use.targets[0][1], set()).add(function)
            elif use.opcode == GLOBAL_SET:
                writes.setdefault(use.targets[0][1], set()).add(function)
    named = {
        instr[1]
        for expression in module.expressions()
        for instr in expression
        if instr[0] == GLOBAL_GET
    }
    chosen = []
    for index in sorted(set(reads) & set(writes)):
        kind = module.globals[index]
        if not kind.mutable or index in view.visible_globals or index in named:
            continue
        if not has_default(kind.type) or not reads[index] <= writes[index]:
            continue
        dangerous = view.reaching(frozenset(writes[index]))
        spoils = partial(_writes, view, dangerous)
        get, put = partial(_is, GLOBAL_GET, index), partial(_is, GLOBAL_SET, index)
        if all(covered(view.body(f).instrs, get, put, spoils) for f in sorted(reads[index])):
            chosen.append(index)
    if not chosen:
        return None
    bodies = {}
    for function in sorted(set().union(*[writes[index] for index in chosen])):
        bodies[function] = _with_locals(view, function, chosen)
    same = Indices.same(module)
    return Step(
        "promote globals",
        replace(same, globals=without(same.globals, chosen)),
        Changes(bodies=bodies),
        Claims(dead_globals=frozenset(chosen)),
    )


def _is(op: int, index: int, instr: Instr) -> bool:
    return bool(instr[0] == op and instr[1] == index)


def _writes(view: View, dangerous: frozenset[int], instr: Instr) -> bool:
    """Whether a call may run one of the dangerous functions; the host may call back."""
    if instr[0] in (CALL, RETURN_CALL):
        callee = instr[1]
        return callee < view.module.imported_functions or callee in dangerous
    return instr[0] in INDIRECT


def _with_locals(view: View, function: int, chosen: list[int]) -> bytes:
    """The body with a local for each of the globals that it names."""
    body = view.body(function)
    base = len(view.module.function_type(function).params) + sum(count for count, _ in body.runs)
    local: dict[int, int] = {}
    runs = list(body.runs)
    out: list[Instr] = []
    for instr in body.instrs:
        if instr[0] in (GLOBAL_GET, GLOBAL_SET) and instr[1] in chosen:
            if instr[1] not in local:
                local[instr[1]] = base + len(local)
                runs.append((1, view.module.globals[instr[1]].type))
            op = LOCAL_GET if instr[0] == GLOBAL_GET else LOCAL_SET
            instr = (op, local[instr[1]])
        out.append(instr)
    return encode_body(runs, out)


@dataclass(slots=True)
class _Frame:
    """An open construct: what holds where its label's branches arrive (None: none seen yet)."""

    loop: bool
    start: bool
    arrived: bool | None = None
    dead: bool = False
    conditional: bool = False


@dataclass(slots=True)
class _Walk:
    """Whether the global has been assigned, through the structure of a body."""

    frames: list[_Frame] = field(default_factory=list)
    holds: bool = False
    dead: bool = False


def covered(instrs: list[Instr], reads: Test, writes: Test, spoils: Test) -> bool:
    """Whether every read follows a write that still holds.

    `spoils` says of an instruction whether it may write behind our back. A loop's head is taken to
    hold only if nothing in the loop spoils.
    """
    if any(instr[0] in STRANGE for instr in instrs):
        return False
    walk = _Walk([_Frame(False, False)])
    for position, instr in enumerate(instrs):
        op = instr[0]
        if reads(instr):
            if not walk.dead and not walk.holds:
                return False
        elif writes(instr):
            walk.holds = True
        elif op in HANDLED:
            _structure(walk, instr, instrs, position, spoils)
        elif spoils(instr):
            walk.holds = False
    return True


def _structure(
    walk: _Walk,
    instr: Instr,
    instrs: list[Instr],
    position: int,
    spoils: Test,
) -> None:
    op = instr[0]
    if op in (BLOCK, IF):
        walk.frames.append(_Frame(False, walk.holds, dead=walk.dead, conditional=op == IF))
    elif op == LOOP:
        if walk.holds and _spoiled(instrs, position, spoils):
            walk.holds = False
        walk.frames.append(_Frame(True, walk.holds, dead=walk.dead))
    elif op == ELSE:
        frame = walk.frames[-1]
        _arrive(frame, walk)
        frame.conditional = False
        walk.holds, walk.dead = frame.start, frame.dead
    elif op == END:
        frame = walk.frames.pop()
        if not frame.loop:
            _arrive(frame, walk)
            if frame.conditional and not frame.dead:
                frame.arrived = frame.start and frame.arrived is not False
            walk.dead = frame.arrived is None
            walk.holds = bool(frame.arrived)
    elif op in (BR, BR_IF):
        _arrive(walk.frames[-1 - instr[1]], walk)
        walk.dead |= op == BR
    elif op == BR_TABLE:
        for depth in (*instr[1], instr[2]):
            _arrive(walk.frames[-1 - depth], walk)
        walk.dead = True
    else:
        walk.dead = True


def _arrive(frame: _Frame, walk: _Walk) -> None:
    if not walk.dead and not frame.loop:
        frame.arrived = walk.holds and frame.arrived is not False


def _spoiled(instrs: list[Instr], position: int, spoils: Test) -> bool:
    """Whether something in the loop at `position` spoils."""
    depth = 0
    for instr in instrs[position:]:
        if instr[0] in (BLOCK, LOOP, IF):
            depth += 1
        elif instr[0] == END:
            depth -= 1
            if depth == 0:
                return False
        elif instr[0] not in HANDLED and spoils(instr):
            return True
    return False
