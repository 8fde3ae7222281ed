"""Which calls to inline, and the step that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..ir.graph import Anchor, walk
from ..lowering.emit import LoopHint
from ..wasm.body import Body
from ..wasm.indices import Changes, Indices
from .claims import CONSTANTS
from .inline import CALL_COST, RETURN, Callee, NotInlined, Types, inlined, order, recursive
from .references import CALL
from .step import Step
from .view import View

CALL_BYTES: Final = 2
"""Bytes of a call that inlining saves at each site: the instruction with a small index."""

FUNCTION_BYTES: Final = 4
"""Bytes beside its instructions that a function costs: its type, its size, its locals, its end."""

CALLER_LIMIT: Final = 3_000
"""Bytes to which a body may grow: beyond this, proof and search take too long for the gain."""

TIDY_LIMIT: Final = 800
"""Bytes of a body up to which the search is sure to write it anew, so that what inlining leaves
behind (arguments in locals, zeroed locals) costs nothing in the end."""

FREE_LIMIT: Final = 200
"""Bytes of a body up to which it goes into a larger one as it is: what is still to be searched is
searched and proven better by itself (alloc and utf8 at -O0: half of what there is to gain)."""

ONCE_LIMIT: Final = 1_500
"""Bytes of a body that is called from one place and goes there."""

SPEED_LIMIT: Final = 60
"""Bytes of a body that goes to several places when speed is wanted."""

CONSTANT_LIMIT: Final = 240
"""The same where some call passes a constant: much of the body may fold away there."""

SPEED_GROWTH: Final = 0.5
"""Part of the code by which it may grow when speed is wanted."""

SPEED_LEAST: Final = 400
"""Bytes by which even the smallest module may grow then."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What inlining is for.

    Attributes:
        speed: spend size for speed.
        tidied: bytes of a body up to which there is time to write it anew; into larger ones only
            those go whose bodies cost nothing more where their calls were.
        refused: callees that were tried and did not pay.
        kept: functions that must stay as they are.
        room: bytes of bodies that there is time to prove, None for all; the smallest are taken.
    """

    speed: bool
    tidied: int = TIDY_LIMIT
    refused: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()
    room: int | None = None


def inline(view: View, policy: Policy) -> Step | None:
    """Put small and singly called functions in place of their calls."""
    chosen = choose(view, policy)
    if not chosen:
        return None
    module = view.module
    types = Types(module)
    callees: dict[int, Callee] = {}
    bodies: dict[int, bytes] = {}
    unfold: dict[int, frozenset[int]] = {}
    loops: dict[int, tuple[LoopHint, ...]] = {}
    calls = {f: view.references.body(f).calls() for f in view.functions}
    callers = _provable(view, [f for f in view.functions if chosen & calls[f].keys()], policy.room)
    for function in order(view.functions, calls):
        if function in chosen:
            body = view.body(function)
            callees[function] = Callee.of(module.function_type(function), body)
        if function in policy.kept or function not in callers:
            continue
        inner = {c: callees[c] for c in calls[function] if c in chosen and c in callees}
        size = view.references.body(function).size
        fitting: dict[int, Callee] = {}
        free = set()
        """Those that the search may not come to fold: only where they cost nothing as they are."""
        for callee in sorted(inner, key=lambda c: (_size(inner[c].body), c)):
            grown = size + calls[function][callee] * _size(inner[callee].body)
            if grown > policy.tidied and _size(inner[callee].body) > FREE_LIMIT:
                continue
            if grown <= max(CALLER_LIMIT, 2 * view.references.body(function).size):
                fitting[callee] = inner[callee]
                size = grown
                if grown > policy.tidied:
                    free.add(callee)
        if not fitting:
            continue
        parameters = len(module.function_type(function).params)
        try:
            made = inlined(view.body(function), parameters, fitting, types, free=free)
        except NotInlined:
            continue
        if made is None:
            continue
        bodies[function] = made.encoded
        if made.loops:
            loops[function] = made.loops
        inside = made.callees
        unfold[function] = inside.union(*[unfold[c] for c in inside if c in unfold])
        if function in callees:
            callees[function] = Callee.of(module.function_type(function), made.body, made)
    if not bodies:
        return None
    return Step(
        "inline",
        Indices.same(module),
        Changes(bodies=bodies, new_types=tuple(types.added)),
        unfold=unfold,
        loops=loops,
    )


def _provable(view: View, callers: Sequence[int], room: int | None) -> frozenset[int]:
    """The smallest of the functions that together have no more bytes than `room`."""
    if room is None:
        return frozenset(callers)
    found = set()
    for function in sorted(callers, key=lambda f: (view.references.body(f).size, f)):
        room -= view.references.body(function).size
        if room < 0:
            break
        found.add(function)
    return frozenset(found)


def _size(body: Body) -> int:
    """About the bytes of a body: two for an instruction, exact enough for limits."""
    return 2 * len(body.instrs) + 2 * len(body.runs)


def choose(view: View, policy: Policy) -> frozenset[int]:
    """The functions to put in place of all their calls."""
    functions = view.functions
    calls = {f: view.references.body(f).calls() for f in functions}
    looping = recursive(functions, calls)
    room = max(
        SPEED_LEAST, int(SPEED_GROWTH * sum(view.references.body(f).size for f in functions))
    )
    found = set()
    sites = view.call_sites
    # The smallest first: they pay most for the room they take.
    for function in sorted(functions, key=lambda f: (view.references.body(f).size, f)):
        count = sites[function]
        if not count or function in looping or function in policy.refused:
            continue
        size = view.references.body(function).size
        if not policy.tidied and not _light(view.body(function)):
            continue
        private = function not in view.entries
        growth = _growth(view, function, size, count, private)
        if growth <= 0 or (private and count == 1 and size <= ONCE_LIMIT):
            found.add(function)
        elif policy.speed and growth <= room and _pays(view, function, size):
            found.add(function)
            room -= growth
    return frozenset(found)


def _light(body: Body) -> bool:
    """Whether the body as it is may cost nothing more than its call, in a loop as well."""
    early = any(instr[0] == RETURN for instr in body.instrs)
    return 2 * len(body.locals) + early <= CALL_COST


def _pays(view: View, function: int, size: int) -> bool:
    """Whether a call costs enough beside what the function does."""
    if view.references.body(function).loops:
        return False
    if size <= SPEED_LIMIT:
        return True
    if size > CONSTANT_LIMIT or not view.module.function_type(function).params:
        return False
    for caller in view.callers.get(function, ()):
        graph = view.graph(caller)
        if graph is None:
            continue
        calls = [node for node in walk(graph.body) if isinstance(node, Anchor) and node.op == CALL]
        wanted = [node for node in calls if node.imm[0] == function]
        if any(value.op in CONSTANTS for node in wanted for value in node.args):
            return True
    return False


def _growth(view: View, function: int, size: int, count: int, private: bool) -> int:
    """About the bytes that inlining at `count` sites adds."""
    parameters = len(view.module.function_type(function).params)
    # Reading its parameters is what a small body mostly consists of.
    inner = max(0, size - FUNCTION_BYTES + 2 - 2 * parameters)
    growth = count * (inner - CALL_BYTES)
    return growth - (size + FUNCTION_BYTES if private else 0)
