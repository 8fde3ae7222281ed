"""Contracts: what a caller promises beyond WebAssembly itself, in the validator's terms.

``p3-async`` (imports of ``$root`` as the Component Model's asynchronous built-ins):

- Context slots belong to a task: ``[context-get-N]`` gives what ``[context-set-N]`` of the task
  set; no other host function sees or changes them. A task ends with a trap, with the return of a
  synchronous export, and with EXIT (the low four bits of the result are 0) of an export named
  ``[async-lift]…`` or ``[callback]…``; then nothing sees its slots.
- ``[waitable-set-new]`` and ``[waitable-set-drop]`` of a set that goes nowhere else have no
  effect. Where a dropped set may have gone elsewhere, nothing is promised (:func:`escaped`).
- ``[waitable-set-poll]`` writes, at its second argument in the one memory that the host can name,
  an event code that is NONE, CANCELLED, or of a kind that the module's imports can create.

``no-exhaustion``: a private global that only ever grows by constants is a bump pointer, and memory
between what it was and its next step is there.

``trap-kills``: after a trap nobody uses the instance or looks at its state. Traps must still be the
same, after the same calls of the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .reader import Instruction, Unsupported, read_body
from .structure import FUNCTION, GLOBAL, MEMORY, Side
from .terms import STATE

if TYPE_CHECKING:
    from .symbolic import Execution

P3: Final = "p3-async"
NO_EXHAUSTION: Final = "no-exhaustion"
TRAP_KILLS: Final = "trap-kills"

ROOT: Final = b"$root"
CODES: Final = (
    (1, ("async-lower", "subtask", "[async]")),
    (2, ("stream-read",)),
    (3, ("stream-write",)),
    (4, ("future-read",)),
    (5, ("future-write",)),
)
"""Event codes, and what the name of an import that can create such a waitable contains."""

NONE, CANCELLED = 0, 6

MAX_STEP: Final = 1 << 16
"""Bytes by which a bump pointer moves at most."""


@dataclass(frozen=True, slots=True)
class Promises:
    """What is promised about a module; function and global indices are old ones."""

    context_get: Mapping[int, int] = field(default_factory=dict)
    context_set: Mapping[int, int] = field(default_factory=dict)
    set_new: frozenset[int] = frozenset()
    set_drop: frozenset[int] = frozenset()
    poll: frozenset[int] = frozenset()
    poll_memory: int | None = None
    codes: tuple[int, ...] = ()
    bumps: Mapping[int, int] = field(default_factory=dict)
    """Bump pointers and by how much they move at least."""
    trap_kills: bool = False

    def contexts(self) -> list[int]:
        """The numbers of the context slots."""
        return sorted({*self.context_get.values(), *self.context_set.values()})


def find_promises(
    side: Side, outside: frozenset[tuple[int, int]], contracts: frozenset[str]
) -> Promises:
    """What the contracts promise about a module."""
    bumps = _bumps(side, outside) if NO_EXHAUSTION in contracts else {}
    kills = TRAP_KILLS in contracts
    if P3 not in contracts:
        return Promises(bumps=bumps, trap_kills=kills)
    get: dict[int, int] = {}
    put: dict[int, int] = {}
    named: dict[str, set[int]] = {"new": set(), "drop": set(), "poll": set()}
    for i, name in _root_functions(side):
        kind, _, rest = name.removeprefix("[").rpartition("]")[0].rpartition("-")
        if kind in ("context-get", "context-set") and rest.isdecimal():
            (get if kind == "context-get" else put)[i] = int(rest)
        elif kind == "waitable-set" and rest in named:
            named[rest].add(i)
    # Built-ins were given their memory when they were made, under whatever name.
    memories = {i for _, k, i in side.module.exports if k == MEMORY}
    memories |= set(range(side.module.imported_memories))
    return Promises(
        get, put, frozenset(named["new"]), frozenset(named["drop"]), frozenset(named["poll"]),
        min(memories) if len(memories) == 1 else None, _codes(side), bumps, kills,
    )  # fmt: skip


def _root_functions(side: Side) -> Iterator[tuple[int, str]]:
    functions = (m for m in side.module.imports if m.kind == FUNCTION)
    for i, one in enumerate(functions):
        if one.module == ROOT:
            yield i, one.name.decode()


def _codes(side: Side) -> tuple[int, ...]:
    names = [m.name.decode().replace("_", "-") for m in side.module.imports if m.kind == FUNCTION]
    created = [c for c, parts in CODES if any(p in name for p in parts for name in names)]
    return (NONE, *created, CANCELLED)


def ends_task(side: Side, index: int, entered: set[int]) -> str | None:
    """When the return of a function ends its task: ``always``, on ``exit``, or not (``None``).

    ``entered`` are the functions that the module itself may call.
    """
    names = [n.decode() for n, kind, i in side.module.exports if kind == FUNCTION and i == index]
    if not names or index in entered:
        return None
    lifted = any(n.startswith(("[async-lift]", "[callback]")) for n in names)
    return "exit" if lifted else "always"


# --- calls --------------------------------------------------------------------------------------


def call(run: Execution, index: int, operands: list[int]) -> list[int] | None:
    """A call of an import that a contract speaks of; ``None`` for all others."""
    context, space = run.space.context, run.space
    promises = context.promises
    if index in promises.context_get or index in promises.context_set:
        context.used.add(f"{P3}: context slots")
        if index in promises.context_get:
            return [run.slots[space.contexts[promises.context_get[index]]]]
        run.put(space.contexts[promises.context_set[index]], run.use(operands[0]))
        return []
    if space.task is None:
        return None
    dropping = index in promises.set_drop
    if index in promises.set_new or (dropping and _is_new(run, operands[0])):
        context.used.add(f"{P3}: waitable sets that go nowhere")
        make = run.terms.make
        operands = [run.use(x) for x in operands]
        happening = make(STATE, "event", ("set", index), run.slots[space.task], *operands)
        run.put(space.task, make(STATE, "out", ("task",), happening))
        if dropping:
            run.dropped.update(operands)
            return []
        return [make(32, "out", ("set",), happening)]
    return None


def _is_new(run: Execution, term: int) -> bool:
    term = run.use(term)
    node = run.terms.nodes[term]
    return bool(node[0] == "out" and node[1] == ("set",)) and term not in run.dropped


def deliver(run: Execution, index: int, operands: list[int]) -> None:
    """After a poll: the event code that it wrote is one that can be."""
    context = run.space.context
    promises = context.promises
    memory = promises.poll_memory
    slot = None if memory is None else run.space.contents.get(memory)
    if index not in promises.poll or slot is None:
        return
    context.used.add(f"{P3}: event codes {', '.join(map(str, promises.codes))}")
    terms, content = run.terms, run.slots[slot]
    code = terms.constant(promises.codes[-1], 32)
    for i, one in enumerate(promises.codes[:-1]):
        is_it = terms.literal(terms.make(0, "out", ("code", i), content))
        code = terms.ite(is_it, terms.constant(one, 32), code)
    run.put(slot, run.memory.store(content, run.use(operands[1]), code, 4))


def escaped(run: Execution) -> bool:
    """Whether a set that is dropped may have gone elsewhere: stored, passed on, or returned."""
    dropped = run.dropped
    if not dropped:
        return False
    nodes, tainted = run.terms.nodes, set(dropped)
    for term, node in enumerate(nodes):
        if node[0] == "event" and node[1][0] == "set":
            continue
        if any(child in tainted for child in node[2:]):
            if node[0] in ("store", "event", "bulk", "table_set"):
                return True
            tainted.add(term)
    kept = [value for _, value in run.set_globals]
    if run.returned is not None:
        kept += run.returned.values
    for loop in run.loops:
        for edge in (loop.entry, loop.back):
            if edge is not None:
                kept += [*map(run.force, edge.locals), *edge.values]
    return any(term in tainted for term in kept)


# --- bump pointers ------------------------------------------------------------------------------


def _bumps(side: Side, outside: frozenset[tuple[int, int]]) -> dict[int, int]:
    """Private i32 globals that every ``global.set`` moves up by a constant; the least of these.

    By instructions alone: what is set is the sum of a constant and the global, read right there
    or into a local on the straight way to it.
    """
    module = side.module
    steps: dict[int, int] = {}
    broken = {i for i, one in enumerate(module.globals) if not one.mutable or one.type != 0x7F}
    broken |= {i for kind, i in outside if kind == GLOBAL}
    for body in module.bodies:
        try:
            _, code = read_body(body)
        except Unsupported:
            return {}
        for at, instruction in enumerate(code):
            if instruction[0] != 0x24:
                continue
            index = instruction[1]
            step = _step(code, at, index)
            if step is None or not 0 < step <= MAX_STEP:
                broken.add(index)
            else:
                steps[index] = min(step, steps.get(index, step))
    return {i: step for i, step in steps.items() if i not in broken}


def _step(code: list[Instruction], at: int, index: int) -> int | None:
    """The constant that ``index + constant`` before ``code[at]`` adds, if it is that."""
    if at < 3 or code[at - 1][0] != 0x6A:
        return None
    for source, number in ((code[at - 3], code[at - 2]), (code[at - 2], code[at - 3])):
        if number[0] == 0x41 and (
            source == (0x23, index)
            or (source[0] == 0x20 and _is_copy(code, at - 3, source[1], index))
        ):
            return int(number[1])
    return None


def _is_copy(code: list[Instruction], at: int, local: int, index: int) -> bool:
    """Whether a local holds the global at ``at``, by straight code without calls before it."""
    for i in range(at - 1, 0, -1):
        op = code[i][0]
        if op in (0x21, 0x22) and code[i][1] == local:
            return bool(code[i - 1] == (0x23, index))
        if 0x02 <= op <= 0x13 or code[i] == (0x24, index):
            return False
    return False
