"""Function graph to body bytes: several ways of writing the same graph."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..ir.blocks import measure_loops
from ..ir.graph import Function, Loop, ValType, walk
from ..wasm.body import encode_body
from .events import flatten
from .labels import shapes
from .liveness import GET, SET, TEE
from .locals import Colouring, colour
from .lower import Unsupported
from .peephole import repair
from .place import Placement, place
from .stackify import Stacked, Stackifier
from .tails import Arity, arities
from .types import Instr, has_default

NO_DEFAULT = "a local would need a type without default"
"""Why a style cannot write a graph."""

LOCAL = frozenset((GET, SET, TEE))

RECURSION = 60_000
"""Python frames that nested constructs and long operand trees may take (no C stack is used)."""
sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))


@dataclass(frozen=True, slots=True)
class Style:
    """One way of emitting.

    Attributes:
        hoist: compute equal values once, at their common dominator (smaller); otherwise an
            occurrence is shared only where it dominates (faster).
        on_stack: leave results on the operand stack until they are used, where that is possible.
        invariant: compute before a loop what it does not change (faster, seldom smaller).
        fast: where instructions and bytes want different shapes (results on the stack, negated
            conditions), choose what executes less; on average it is no larger.
    """

    hoist: bool
    on_stack: bool
    invariant: bool = False
    fast: bool = True

    @property
    def name(self) -> str:
        """The style's name in reports."""
        return (
            ("hoist" if self.hoist else "scoped")
            + ("-invariant" if self.invariant else "-stack" if self.on_stack else "-locals")
            + ("" if self.fast else "-small")
        )


STYLES = (
    Style(hoist=True, on_stack=True),
    Style(hoist=False, on_stack=True),
    Style(hoist=True, on_stack=False, fast=False),
    Style(hoist=False, on_stack=False),
    Style(hoist=False, on_stack=True, invariant=True),
    Style(hoist=True, on_stack=True, invariant=True),
)
"""All styles, the one that most often gives the smallest code first."""

Location: TypeAlias = "tuple[Any, ...]"
LoopHint: TypeAlias = "tuple[int, dict[int, Location]]"
"""Number of the original loop, and new local -> the original location it equals at the head."""


@dataclass(frozen=True, slots=True)
class Emission:
    """An emitted body.

    Attributes:
        body: bytes of the body, without its size.
        hints: for each `loop` in the body, in order, what the validator may try first.
        instructions: number of instructions.
        merged: whether equal ends of ways became one.
    """

    body: bytes
    hints: tuple[LoopHint, ...]
    instructions: int
    merged: bool


def emit(function: Function, style: Style) -> Emission:
    """Write a function graph as a body in one style; see `emissions`.

    Raises:
        Unsupported: a local would be needed for a value whose type has no default.
    """
    for emission in emissions(function, (style,)):
        return emission
    raise Unsupported(NO_DEFAULT)


def emissions(
    function: Function, styles: Sequence[Style], *, merging: bool = True
) -> Iterator[Emission]:
    """Write a function graph as a body in several styles, sharing what they have in common.

    Without `merging` equal ends of ways stay where they are. Styles that come to the same code are
    written once, and one that needs a local for a value whose type has no default is left out.

    The graph must be simplified (`ir.demand.simplify`): a block parameter that nothing needs would
    count as a use of its arguments.
    """
    measure_loops(function.blocks)
    events = flatten(function)
    known = arities(function)
    places: dict[tuple[bool, bool], Placement] = {}
    written: list[tuple[bool, bool, list[Instr]]] = []
    for style in styles:
        where = (style.hoist, style.invariant)
        if where not in places:
            places[where] = place(events, *where)
        stacked = Stackifier(
            function,
            events,
            places[where].copy(),
            style.on_stack,
            fast=style.fast,
            eager=style.hoist,
        ).run()
        key = (style.hoist, style.fast, stacked.code)
        if key not in written:
            written.append(key)
            with suppress(Unsupported):
                merged = merging and style.hoist
                yield from _finish(function, stacked, style, known, merging=merged)


def _finish(
    function: Function,
    stacked: Stacked,
    style: Style,
    known: Mapping[Instr, Arity],
    *,
    merging: bool,
) -> Iterator[Emission]:
    """Turn stack code with virtual locals into bodies."""
    count = len(function.arguments)
    coloured = colour(stacked.code, stacked.types, count, sinking=style.hoist)
    code = [(i[0], coloured.local[i[1]]) if i[0] in LOCAL else i for i in stacked.code]
    code = repair(code, count)
    loops = [i[1] for i in code if i[0] == 0x03]
    shaped = shapes(
        code, function.results, known, stacked.crossed, fast=style.fast, merging=merging
    )
    for code, merged in shaped:
        runs, renamed = _number_locals(code, coloured, count)
        numbered = [(i[0], renamed[i[1]]) if i[0] in LOCAL else i for i in code]
        hints = _hints(function, stacked, coloured, renamed, {id(x) for x in loops})
        yield Emission(encode_body(runs, numbered), hints, len(numbered), merged)


def _number_locals(
    code: list[Instr], coloured: Colouring, parameters: int
) -> tuple[list[tuple[int, ValType]], dict[int, int]]:
    """Number the used locals: grouped by type, the busiest type and local first."""
    used: dict[int, int] = {}
    for instr in code:
        if instr[0] in LOCAL:
            local = instr[1]
            assert isinstance(local, int)
            used[local] = used.get(local, 0) + 1
    by_type: dict[ValType, list[int]] = {}
    for local in sorted(used):
        if local >= parameters:
            by_type.setdefault(coloured.types[local], []).append(local)
    groups = sorted(by_type.items(), key=lambda g: -sum(used[x] for x in g[1]))
    renamed = {k: k for k in range(parameters)}
    runs = []
    for type, members in groups:
        if not has_default(type):
            raise Unsupported(NO_DEFAULT)
        runs.append((len(members), type))
        for local in sorted(members, key=lambda x: (-used[x], x)):
            renamed[local] = len(renamed)
    return runs, renamed


def _hints(
    function: Function,
    stacked: Stacked,
    coloured: Colouring,
    renamed: dict[int, int],
    kept: set[int],
) -> tuple[LoopHint, ...]:
    """Say for each emitted loop which original location its locals stand for at the head."""
    found = []
    for node in walk(function.body):
        if not isinstance(node, Loop) or id(node.label) not in kept or not node.label.edges:
            continue
        places: dict[int, Location] = {}
        for parameter in node.label.params:
            transfer = stacked.transfer.get(parameter.id)
            if transfer is None or parameter.origin is None:
                continue
            local = renamed.get(coloured.local[transfer])
            if local is not None:
                places[local] = parameter.origin
        found.append((node.label.ordinal, places))
    return tuple(found)
