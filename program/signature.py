"""The step that drops parameters nobody looks at and results nobody wants.

Only for functions that nothing but calls can enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..wasm.body import Body, Instr, encode_body
from ..wasm.indices import Changes, Indices
from ..wasm.types import FuncType, ValType
from .choice import TIDY_LIMIT
from .inline import END, Types, as_block
from .references import CALL, RETURN_CALL
from .step import Step
from .view import View

LOCAL_GET, LOCAL_SET, LOCAL_TEE = 0x20, 0x21, 0x22
DROP, RETURN = 0x1A, 0x0F
LOCALS = (LOCAL_GET, LOCAL_SET, LOCAL_TEE)


@dataclass(frozen=True, slots=True)
class _Narrow:
    """The new signature of one function: which old positions it keeps."""

    parameters: tuple[int, ...]
    keeps_results: bool


@dataclass(slots=True)
class _Sites:
    """How a function is called."""

    tails: int = 0
    wanted: bool = False
    """Whether some call does not drop all results at once."""


def narrow(view: View) -> Step | None:
    """Drop unused parameters and results of private functions."""
    module = view.module
    private = [f for f in view.functions if f not in view.entries and view.graph(f) is not None]
    if not private:
        return None
    sites = _sites(view)
    found: dict[int, _Narrow] = {}
    for function in private:
        kind = module.function_type(function)
        used = view.used_parameters(function)
        kept = tuple(position for position in range(len(kind.params)) if position in used)
        at = sites.get(function)
        if at is None:
            continue
        keeps = not kind.results or at.wanted or at.tails > 0
        if _spills(view, function, kept):
            kept = tuple(range(len(kind.params)))
        if len(kept) < len(kind.params) or (kind.results and not keeps):
            # A tail call needs the results of its caller, which do not change here.
            found[function] = _Narrow(kept, keeps)
    if not found:
        return None
    types = Types(module)
    bodies: dict[int, bytes] = {}
    new_types: dict[int, int] = {}
    for function in view.functions:
        calls = view.references.body(function).calls()
        if function not in found and not any(callee in found for callee in calls):
            continue
        body = _calls(view, function, found)
        if function in found:
            body = _own(view, function, body, found[function], types)
            kind = module.function_type(function)
            shape = FuncType(
                tuple(kind.params[p] for p in found[function].parameters),
                kind.results if found[function].keeps_results else (),
            )
            new_types[function] = types.index(shape)
        bodies[function] = encode_body(body.runs, body.instrs)
    return Step(
        "signatures",
        Indices.same(module),
        Changes(bodies=bodies, types=new_types, new_types=tuple(types.added)),
        parameters={f: one.parameters for f, one in found.items()},
        results={f: () for f, one in found.items() if not one.keeps_results},
    )


def _spills(view: View, function: int, kept: Sequence[int]) -> bool:
    """Whether calls in large bodies would have to take kept arguments off the stack and back."""
    trailing = kept == tuple(range(len(kept)))
    callers = view.callers.get(function, ())
    return not trailing and any(view.references.body(f).size > TIDY_LIMIT for f in callers)


def _sites(view: View) -> dict[int, _Sites]:
    found: dict[int, _Sites] = {}
    for function in view.functions:
        if not view.references.body(function).calls():
            continue
        instrs = view.body(function).instrs
        for at, instr in enumerate(instrs):
            if instr[0] == RETURN_CALL:
                found.setdefault(instr[1], _Sites()).tails += 1
            elif instr[0] == CALL:
                count = len(view.module.function_type(instr[1]).results)
                site = found.setdefault(instr[1], _Sites())
                if instrs[at + 1 : at + 1 + count] != [(DROP,)] * count:
                    site.wanted = True
    return found


@dataclass(slots=True)
class _Locals:
    """Fresh locals of one body."""

    base: int
    types: list[ValType] = field(default_factory=list)

    def fresh(self, kind: ValType) -> int:
        self.types.append(kind)
        return self.base + len(self.types) - 1


def _calls(view: View, function: int, found: dict[int, _Narrow]) -> Body:
    """The body with its calls made to the new signatures."""
    module = view.module
    body = view.body(function)
    own = len(module.function_type(function).params) + sum(count for count, _ in body.runs)
    fresh = _Locals(own)
    out: list[Instr] = []
    skip = 0
    for instr in body.instrs:
        if skip:
            skip -= 1
            continue
        if instr[0] not in (CALL, RETURN_CALL) or instr[1] not in found:
            out.append(instr)
            continue
        kind = module.function_type(instr[1])
        narrowed = found[instr[1]]
        _drop_arguments(kind.params, narrowed.parameters, fresh, out)
        out.append(instr)
        if not narrowed.keeps_results:
            skip = len(kind.results)
    runs = (*body.runs, *[(1, kind) for kind in fresh.types])
    return Body(runs, out)


def _drop_arguments(
    params: Sequence[ValType], kept: Sequence[int], fresh: _Locals, out: list[Instr]
) -> None:
    """Take the arguments that are not kept from the stack."""
    lowest = min((p for p in range(len(params)) if p not in kept), default=len(params))
    held: list[int] = []
    for position in reversed(range(lowest, len(params))):
        if position in kept:
            held.append(fresh.fresh(params[position]))
            out.append((LOCAL_SET, held[-1]))
        else:
            out.append((DROP,))
    out += [(LOCAL_GET, local) for local in reversed(held)]


def _own(view: View, function: int, body: Body, narrowed: _Narrow, types: Types) -> Body:
    """The body under its own new signature."""
    kind = view.module.function_type(function)
    kept = narrowed.parameters
    touched = {i[1] for i in body.instrs if i[0] in LOCALS}
    # A parameter that is only written (or read for nothing) lives on as a local.
    moved = [p for p in range(len(kind.params)) if p not in kept and p in touched]
    renamed = {old: new for new, old in enumerate((*kept, *moved))}
    shift = len(renamed) - len(kind.params)
    out: list[Instr] = []
    for instr in body.instrs:
        if instr[0] in LOCALS:
            instr = (instr[0], renamed.get(instr[1], instr[1] + shift))
        out.append(instr)
    runs = (*[(1, kind.params[p]) for p in moved], *body.runs)
    if kind.results and not narrowed.keeps_results:
        out = _without_results(out, kind, types)
    return Body(runs, out)


def _without_results(instrs: Sequence[Instr], kind: FuncType, types: Types) -> list[Instr]:
    """A block around the body, whose results are dropped."""
    block = as_block(instrs, types.block(kind.results))
    return [*block, *[(DROP,)] * len(kind.results), (END,)]
