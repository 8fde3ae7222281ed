"""Calls, growth and drops: what happens outside, as terms over the world and the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from . import promises
from .joins import Edge
from .reader import FunctionType, Instruction, Unsupported
from .space import WORLD, width_of
from .terms import FALSE, STATE, TRUE

if TYPE_CHECKING:
    from .footprints import Footprint
    from .symbolic import Execution

MASK_BITS = 6
"""Unknown bits of a table's index up to which all its values are looked at."""


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
    run: Execution,
    key: tuple[Any, ...],
    operands: list[int],
    results: list[tuple[object, int]],
    footprint: Footprint | None = None,
    hidden: Sequence[int] = (),
    *,
    kept: bool = True,
    foreign: bool = False,
) -> list[int]:
    """An event; the terms of its results, given by name and width.

    With a footprint it depends on what it may touch alone and leaves the rest as it was. Dead
    slots and ``hidden`` operands do not belong to it, as the other side does not have them; only
    what the other side does not have either (dead slots, results named by a tuple) depends on
    them. If the callee is not ``kept`` in the new module, everything belongs to the event. A
    ``foreign`` one is the host's, who knows nothing of the task's own slots.
    """
    make, slots, space = run.terms.make, run.slots, run.space
    widths = run.terms.widths
    operands = [run.use(x) for x in operands]
    hidden = [run.use(x) for x in hidden]
    if footprint is None:
        # Each such event makes a new world, so no two on one way through a run are the same.
        live = space.foreign if foreign else space.live
        seen = [run.use(slots[i]) for i in live]
        happening = make(STATE, "event", key, *seen, *operands)
        for i, old in enumerate(slots):
            if not foreign or i not in space.contexts.values():
                run.put(i, make(widths[old], "out", ("slot", i), happening))
                space.know(i, run.slots[i])
        run.note_trap(run.terms.literal(make(0, "out", ("trap",), happening)))
        return [make(w, "out", ("result", name), happening) for name, w in results]
    touched, written, reads_world, writes_world = space.touched(footprint)
    live = [i for i in touched if i in space.live or not kept]
    buried = [*hidden, *[slots[i] for i in touched if i not in live]]
    if reads_world or writes_world:
        live.insert(0, WORLD)
    seen = [run.use(slots[i]) for i in live]
    happening = make(STATE, "event", (*key, tuple(live)), *seen, *operands)
    if writes_world:
        run.put(WORLD, make(STATE, "out", ("slot", WORLD), happening))
    else:
        run.note_call(happening)
    for i in written:
        below = () if i in live else buried
        run.put(i, make(widths[slots[i]], "out", ("slot", i), happening, *below))
        space.know(i, run.slots[i])
    if not footprint.returns:
        run.note_trap(run.terms.literal(make(0, "out", ("trap",), happening)))
    return [
        make(w, "out", ("result", n), happening, *(buried if isinstance(n, tuple) else ()))
        for n, w in results
    ]


def arguments(run: Execution, kind: FunctionType) -> list[int]:
    """Take the arguments of a function type from the stack."""
    count = len(kind.params)
    operands = run.stack[len(run.stack) - count :] if count else []
    del run.stack[len(run.stack) - count :]
    return operands


def call(run: Execution, instruction: Instruction, _at: int) -> None:
    """A direct call: of the old module, or with a type as lifted from the new one (``lift.py``)."""
    if len(instruction) == 2:
        index = instruction[1]
        kind = run.space.type_at(run.space.module.functions[index])
        call_old(run, index, arguments(run, kind))
        return
    _, index, kind = instruction
    context = run.space.context
    results: list[tuple[object, int]] = [(i, width_of(t)) for i, t in enumerate(kind.results)]
    operands = arguments(run, kind)
    found = _called(run, index, operands, results)
    left = context.results.get(index)
    run.stack += [known(run, index, i if left is None else left[i], x) for i, x in enumerate(found)]


def call_old(run: Execution, index: int, operands: list[int]) -> None:
    """A call of an old function: what the new one has no more is not passed, or arbitrary."""
    context = run.space.context
    kind = run.space.type_at(run.space.module.functions[index])
    run.direct_calls.append((index, operands))
    for i, operand in enumerate(operands):
        wanted = context.argument(index, i)
        if wanted is not None:
            value = run.terms.constant(wanted, run.terms.widths[operand])
            run.claim(f"argument {i} of function {index}", run.use(operand), value)
    kept = context.parameters.get(index)
    hidden: list[int] = []
    if kept is not None:
        hidden, operands = operands, [operands[i] for i in kept]
    names: list[object] = list(range(len(kind.results)))
    left = context.results.get(index)
    if left is not None:
        names = [left.index(i) if i in left else ("dropped", i) for i in range(len(names))]
    results = [(n, width_of(t)) for n, t in zip(names, kind.results, strict=True)]
    found = _called(run, index, operands, results, hidden)
    run.stack += [known(run, index, i, x) for i, x in enumerate(found)]


def _called(
    run: Execution,
    index: int,
    operands: list[int],
    results: list[tuple[object, int]],
    hidden: Sequence[int] = (),
) -> list[int]:
    context = run.space.context
    if index < context.module.imported_functions:
        promised = promises.call(run, index, operands)
        if promised is not None:
            return promised
        found = outcome(run, ("call", index), operands, results, foreign=True)
        promises.deliver(run, index, operands)
        return found
    same = context.same(index)
    return outcome(
        run, ("call", same), operands, results, context.footprint(same), hidden,
        kept=same not in context.removed,
    )  # fmt: skip


def known(run: Execution, function: int, i: int, value: int) -> int:
    """A result of a call, or the constant that it is known to be."""
    constant = run.space.context.result(function, i)
    return value if constant is None else run.terms.constant(constant, run.terms.widths[value])


def call_indirect(run: Execution, instruction: Instruction, _at: int) -> None:
    """An indirect call; its trap on a bad element is part of the event.

    Through a table that never changes it is a direct call where the index is known. Else the
    functions that either body also calls directly are told apart from the rest by the index.
    """
    _, type_index, table = instruction
    if not run.space.module.plain_types:
        raise Unsupported("call_indirect in a module with types that are not plain")
    kind = run.space.type_at(type_index)
    callee = run.stack.pop()
    contents = run.space.context.axioms.tables.get(table)
    if contents is None:
        _indirect(run, kind, table, callee, arguments(run, kind))
        return
    module = run.space.module
    by_target: dict[int, list[int]] = {}
    for index, function in contents.functions.items():
        if module.function_type(function) == kind:
            by_target.setdefault(function, []).append(index)
    callee = run.use(callee)
    reached = {contents.functions.get(at, -1) for at in _possible(run, callee)}
    reached = {function if function in by_target else -1 for function in reached}
    if len(reached) == 1:
        function = reached.pop()
        if function < 0:
            run.trap(TRUE)
        else:
            call_old(run, function, arguments(run, kind))
        return
    same, called = run.space.context.same, run.space.called
    chosen = [f for f in sorted(by_target) if same(f) in called]
    if not chosen and by_target:
        _indirect(run, kind, table, callee, arguments(run, kind))
        return
    _branch(run, kind, table, callee, {f: by_target[f] for f in chosen}, len(by_target))


def _possible(run: Execution, index: int) -> list[int]:
    """All values that an index may have by its bits, if they are few; else none."""
    at = run.terms.value_of(index)
    if at is not None:
        return [at]
    mask = run.values.ones(index)
    if mask.bit_count() > MASK_BITS:
        return []
    found = [0]
    for bit in range(mask.bit_length()):
        if mask >> bit & 1:
            found += [one | 1 << bit for one in found]
    return found


def _indirect(
    run: Execution, kind: FunctionType, table: int, callee: int, operands: list[int]
) -> None:
    key = ("call_indirect", kind, table)
    event(run, key, [*operands, callee], [width_of(t) for t in kind.results])


def _branch(
    run: Execution,
    kind: FunctionType,
    table: int,
    callee: int,
    targets: dict[int, list[int]],
    count: int,
) -> None:
    """One way per target, and one for the rest: a trap if there are no more targets."""
    terms = run.terms
    operands = arguments(run, kind)
    height = len(run.stack)
    start = run.capture(run.condition, 0)
    rest = run.condition
    edges: list[Edge] = []

    def way(condition: int, act: Callable[[], None]) -> None:
        if condition == FALSE:
            return
        run.resume(replace(start, condition=condition), height)
        act()
        if run.condition != FALSE:
            edges.append(run.capture(run.condition, len(kind.results)))

    for function, indices in targets.items():
        here = FALSE
        for index in indices:
            wanted = terms.constant(index, terms.widths[callee])
            here = terms.either(here, run.values.compare("eq", callee, wanted))
        way(terms.both(rest, here), partial(call_old, run, function, operands))
        rest = terms.both(rest, terms.negate(here))
    if len(targets) == count:
        way(rest, partial(run.trap, TRUE))
    else:
        way(rest, partial(_indirect, run, kind, table, callee, operands))
    merged = run.joins.merge(edges)
    if merged is None:
        run.condition = FALSE
    else:
        run.resume(merged, height)


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
