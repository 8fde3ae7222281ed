"""Calls, growth and drops: what happens outside, as terms over the world and the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .reader import FunctionType, Instruction, Unsupported
from .space import WORLD, width_of
from .terms import STATE

if TYPE_CHECKING:
    from .symbolic import Execution


def pages(run: Execution, memory: int) -> int:
    """The size of a memory in pages, as a term."""
    slot = run.space.pages.get(memory)
    if slot is not None:
        return run.slots[slot]
    limits = run.space.module.memories[memory]
    return run.terms.constant(limits.minimum, 64 if limits.wide else 32)


def event(run: Execution, key: tuple[Any, ...], operands: list[int], results: list[int]) -> None:
    """Something outside: may change every slot, may not return, gives ``results`` (widths)."""
    run.stack += outcome(run, key, operands, list(enumerate(results)))


def outcome(
    run: Execution, key: tuple[Any, ...], operands: list[int], results: list[tuple[object, int]]
) -> list[int]:
    """An event; the terms of its results, given by name and width."""
    make, slots = run.terms.make, run.slots
    state = [slots[i] for i in run.space.live]
    happening = make(STATE, "event", key, *state, *map(run.use, operands))
    for i, old in enumerate(slots):
        run.put(i, make(run.terms.widths[old], "out", ("slot", i), happening))
    run.note_trap(run.terms.literal(make(0, "out", ("trap",), happening)))
    return [make(w, "out", ("result", name), happening) for name, w in results]


def arguments(run: Execution, kind: FunctionType) -> list[int]:
    """Take the arguments of a function type from the stack."""
    count = len(kind.params)
    operands = run.stack[len(run.stack) - count :] if count else []
    del run.stack[len(run.stack) - count :]
    return operands


def call(run: Execution, instruction: Instruction, _at: int) -> None:
    """A direct call: of the old module, or with a type as lifted from the new one (``lift.py``)."""
    context, index = run.space.context, instruction[1]
    same = context.same(index)
    if len(instruction) == 3:
        kind: FunctionType = instruction[2]
        operands = arguments(run, kind)
        names: list[object] = list(range(len(kind.results)))
    else:
        kind = run.space.type_at(run.space.module.functions[index])
        operands = arguments(run, kind)
        kept = context.parameters.get(index)
        if kept is not None:
            operands = [operands[i] for i in kept]
        names = list(range(len(kind.results)))
        left = context.results.get(index)
        if left is not None:
            names = [left.index(i) if i in left else ("dropped", i) for i in names]
    results = [(n, width_of(t)) for n, t in zip(names, kind.results, strict=True)]
    run.stack += outcome(run, ("call", same), operands, results)


def call_indirect(run: Execution, instruction: Instruction, _at: int) -> None:
    """An indirect call; its trap on a bad element is part of the event."""
    _, type_index, table = instruction
    if not run.space.module.plain_types:
        raise Unsupported("call_indirect in a module with types that are not plain")
    kind = run.space.type_at(type_index)
    callee = run.stack.pop()
    operands = arguments(run, kind)
    key = ("call_indirect", kind, table)
    event(run, key, [*operands, callee], [width_of(t) for t in kind.results])


def tail_call(run: Execution, instruction: Instruction, at: int) -> None:
    """A tail call: a call, then a return."""
    if instruction[0] == 0x12:
        call(run, instruction, at)
    else:
        call_indirect(run, instruction, at)
    run.leave(instruction, at)


def grow(run: Execution, instruction: Instruction, _at: int) -> None:
    """Growth may fail as the host likes: an event of its own, over this memory alone."""
    memory = instruction[1]
    terms, space = run.terms, run.space
    dead = ("memory", memory) in space.context.dead
    delta = run.use(run.stack.pop())
    width = terms.widths[delta]
    limits = space.module.memories[memory]
    old = pages(run, memory)
    content = space.contents[memory]
    happening = terms.make(
        STATE, "event", ("grow", memory),
        run.slots[WORLD], old, run.slots[content], delta,
    )  # fmt: skip
    if not dead:
        run.put(WORLD, terms.make(STATE, "out", ("slot", WORLD), happening))
    run.put(content, terms.make(STATE, "out", ("memory",), happening))
    if memory in space.pages:
        run.put(space.pages[memory], terms.make(width, "out", ("pages",), happening))
    assert limits.wide == (width == 64)
    run.stack.append(terms.make(width, "out", ("result", 0), happening))


def dropped(run: Execution, instruction: Instruction, _at: int) -> None:
    """data.drop and elem.drop change what later initialisations do: a new world."""
    terms = run.terms
    happening = terms.make(STATE, "event", instruction, run.slots[WORLD])
    run.put(WORLD, terms.make(STATE, "out", ("slot", WORLD), happening))
