"""Steps that a contract of the caller allows: `p3-async`, in the words of `docs` and no further.

Context slots belong to a task, so that a slot nobody reads need not be written, and one that is
read behind a write in the same function is a local. A waitable set that is only made and dropped
need not be made. Where the host has just put an event code, it is one that it can deliver.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from ..ir.demand import simplify
from ..ir.graph import Anchor, Block, Function, If, Loop, Node, Value, walk
from ..ir.rebuild import Rebuild
from ..wasm.body import Instr, encode_body
from ..wasm.indices import Changes, Indices
from ..wasm.opcodes import BY_NAME, OPCODES
from .promote import covered
from .references import CALL, INDIRECT, RETURN_CALL
from .step import Step
from .unread import emitted
from .view import View

P3: Final = "p3-async"
ROOT: Final = "$root"

LOCAL_GET, LOCAL_SET, DROP = 0x20, 0x21, 0x1A
I32: Final = 0x7F
I32_CONST: Final = 0x41
LOAD: Final = BY_NAME["i32.load"]
EQUAL: Final = {BY_NAME["i32.eq"]: 0, BY_NAME["i32.ne"]: 1}
"""Comparisons, and what they give for numbers that differ."""

CODES: Final = (
    (1, ("async-lower", "subtask", "[async]")),
    (2, ("stream-read",)),
    (3, ("stream-write",)),
    (4, ("future-read",)),
    (5, ("future-write",)),
)
"""Event codes, and what the name of an import that can create such a waitable contains."""

ALWAYS: Final = (0, 6)
"""NONE and CANCELLED can always be delivered."""


@dataclass(slots=True)
class Intrinsics:
    """The asynchronous built-ins that a module imports, by function index."""

    get: dict[int, int] = field(default_factory=dict)
    put: dict[int, int] = field(default_factory=dict)
    new: set[int] = field(default_factory=set)
    drop: set[int] = field(default_factory=set)
    poll: set[int] = field(default_factory=set)
    codes: frozenset[int] = frozenset()


def intrinsics(view: View) -> Intrinsics:
    """Find the built-ins among the imports."""
    found = Intrinsics()
    names = []
    for index, one in enumerate(one for one in view.module.imports if one.kind == "func"):
        names.append(one.name.replace("_", "-"))
        if one.module != ROOT:
            continue
        kind, _, rest = one.name.removeprefix("[").removesuffix("]").rpartition("-")
        if kind == "context-get" and rest.isdecimal():
            found.get[index] = int(rest)
        elif kind == "context-set" and rest.isdecimal():
            found.put[index] = int(rest)
        elif kind == "waitable-set" and rest in ("new", "drop", "poll"):
            getattr(found, rest).add(index)
    created = [code for code, parts in CODES if any(p in n for p in parts for n in names)]
    found.codes = frozenset((*ALWAYS, *created))
    return found


def context_slots(view: View) -> Step | None:
    """Keep context slots in locals, and do not write those that nobody reads."""
    known = intrinsics(view)
    chosen: set[int] = set()
    for slot in sorted(set(known.put.values())):
        gets = {index for index, number in known.get.items() if number == slot}
        puts = {index for index, number in known.put.items() if number == slot}
        readers = [f for f in view.functions if _calls(view, f) & gets]
        writers = frozenset(f for f in view.functions if _calls(view, f) & puts)
        if not writers:
            continue
        spoils = partial(_sets, view, view.reaching(writers))
        if all(covered(view.body(f).instrs, _IsCall(gets), _IsCall(puts), spoils) for f in readers):
            chosen.add(slot)
    if not chosen:
        return None
    bodies = {}
    for function in view.functions:
        called = _calls(view, function)
        if any(known.put.get(f, known.get.get(f)) in chosen for f in called):
            bodies[function] = _with_locals(view, function, known, chosen)
    return Step("context slots", Indices.same(view.module), Changes(bodies=bodies))


def _calls(view: View, function: int) -> set[int]:
    return set(view.references.body(function).calls())


@dataclass(frozen=True, slots=True)
class _IsCall:
    """Whether an instruction is a call of one of some functions."""

    functions: Collection[int]

    def __call__(self, instr: Instr) -> bool:
        return instr[0] == CALL and instr[1] in self.functions


def _sets(view: View, dangerous: frozenset[int], instr: Instr) -> bool:
    """Whether a call may set the slot: the host's functions leave it alone."""
    if instr[0] in (CALL, RETURN_CALL):
        return instr[1] in dangerous
    return instr[0] in INDIRECT and bool(dangerous & view.entries)


def _with_locals(view: View, function: int, known: Intrinsics, chosen: set[int]) -> bytes:
    """The body with a local for each slot."""
    body = view.body(function)
    base = len(view.module.function_type(function).params) + len(body.locals)
    local: dict[int, int] = {}
    out: list[Instr] = []
    for instr in body.instrs:
        if instr[0] == CALL:
            slot = known.get.get(instr[1], known.put.get(instr[1]))
            if slot in chosen:
                assert slot is not None
                at = local.setdefault(slot, base + len(local))
                instr = (LOCAL_GET if instr[1] in known.get else LOCAL_SET, at)
        out.append(instr)
    return encode_body((*body.runs, *[(1, I32)] * len(local)), out)


def waitable_sets(view: View) -> Step | None:
    """Do not make waitable sets that are only dropped again."""
    known = intrinsics(view)
    return _on_graphs(view, "waitable sets", known.new, partial(_unused_sets, known))


def _unused_sets(known: Intrinsics, graph: Function) -> Function | None:
    uses: dict[int, int] = {}
    drops: dict[int, list[Anchor]] = {}
    made: dict[int, Anchor] = {}
    for node in walk(graph.body):
        for value in _used(node):
            uses[value.id] = uses.get(value.id, 0) + 1
        if isinstance(node, Anchor) and node.op == CALL:
            if node.imm[0] in known.new:
                made[node.results[0].id] = node
            elif node.imm[0] in known.drop:
                drops.setdefault(node.args[0].id, []).append(node)
    gone: set[int] = set()
    for result, anchor in made.items():
        dropped = drops.get(result, [])
        if len(dropped) <= 1 and uses.get(result, 0) == len(dropped):
            gone.update((anchor.id, *(one.id for one in dropped)))
    return simplify(Rebuild(graph, drop=gone).run()) if gone else None


def event_codes(view: View) -> Step | None:
    """Drop what is done for event codes that cannot be delivered."""
    known = intrinsics(view)
    return _on_graphs(view, "event codes", known.poll, partial(_impossible, known))


def _impossible(known: Intrinsics, graph: Function) -> Function | None:
    codes = {v.id for nodes in _lists(graph.body) for v in _delivered(known, nodes)}
    if not codes:
        return None
    replace: dict[int, Value] = {}
    for value in _values(graph):
        if value.op not in EQUAL:
            continue
        for one, other in (value.args, value.args[::-1]):
            if one.id in codes and other.op == I32_CONST and other.imm[0] not in known.codes:
                replace[value.id] = graph.pure(
                    I32_CONST, (), (EQUAL[value.op],), I32, graph.blocks[0]
                )
    return simplify(Rebuild(graph, replace=replace).run()) if replace else None


def _delivered(known: Intrinsics, nodes: list[Node]) -> Iterator[Value]:
    """Values that are loaded from where the host has just put an event code."""
    address: Value | None = None
    for node in nodes:
        if not isinstance(node, Anchor):
            address = None
        elif node.op == CALL and node.imm[0] in known.poll:
            address = node.args[1]
        elif node.op == LOAD and address is not None:
            _, offset, _ = node.imm
            if offset == 0 and node.args[0] is address:
                yield node.results[0]
        elif OPCODES[node.op].effect != "load":
            address = None


def _lists(nodes: list[Node]) -> Iterator[list[Node]]:
    yield nodes
    for node in nodes:
        match node:
            case Block(_, body) | Loop(_, _, body):
                yield from _lists(body)
            case If():
                yield from _lists(node.then)
                yield from _lists(node.orelse)
            case _:
                pass


def _used(node: Node) -> list[Value]:
    """All values that a node depends on, those of pure values below it too."""
    from ..ir.graph import operands

    found = []
    work = list(operands(node))
    while work:
        value = work.pop()
        found.append(value)
        work += value.args
    return found


def _values(graph: Function) -> Iterator[Value]:
    seen: set[int] = set()
    for node in walk(graph.body):
        for value in _used(node):
            if value.id not in seen:
                seen.add(value.id)
                yield value


def _on_graphs(
    view: View, kind: str, called: Collection[int], change: partial[Function | None]
) -> Step | None:
    """A step that changes the graphs of functions with certain calls."""
    bodies: dict[int, bytes] = {}
    loops = {}
    for function in view.functions:
        if not _calls(view, function) & set(called):
            continue
        graph = view.graph(function)
        made = None if graph is None else change(graph)
        found = None if made is None else emitted(made)
        if found is not None:
            bodies[function] = found.body
            loops[function] = found.hints
    if not bodies:
        return None
    return Step(kind, Indices.same(view.module), Changes(bodies=bodies), loops=loops)
