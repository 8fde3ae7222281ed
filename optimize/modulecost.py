"""What a whole module costs: exact bytes, or fuel estimated across calls.

The fuel of a function includes that of the functions it calls; that of a module is the sum of its
logarithms over all ways in, so that each counts by the part of its own that it gains or loses,
however long it runs. So inlining is measured by what it really saves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import log1p
from typing import TYPE_CHECKING, TypeAlias

from .flow import ELSE, END, FREE, IF, LOOP, OPENERS
from .measure import DEEPEST_LOOP, USUAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..wasm.module import Module

__all__ = ["Key", "ModuleCost"]

Key: TypeAlias = tuple[float, ...]

CALL, RETURN_CALL = 0x10, 0x12

DEEPEST_CALL = 40
"""Chains of calls that are followed; a call back into an open one counts as one instruction."""

CALL_PRICE = 1.0
"""Fuel that a call takes beside its instruction: wasmtime charges 1 for entering a function."""


class ModuleCost:
    """Measures modules; bodies are looked at once."""

    def __init__(self, kind: str, costs: Mapping[int, float], limit: int) -> None:
        """`kind` is the options' cost, `limit` the size in bytes of what must not grow."""
        self._kind = kind
        self._costs = costs
        self._limit = limit
        self._known: dict[bytes, tuple[float, tuple[tuple[int, float], ...]]] = {}

    def key(self, module: Module, entered: Collection[int]) -> Key:
        """Smaller is better; `entered` are the functions that calls from outside can enter, each as
        often as there are ways in: functions that were merged count as before.
        """
        size = sum(one.end - one.start for one in module.sections if one.id != 0)
        if self._kind == "bytes":
            return (size,)
        fuel = round(self._fuel(module, entered), 9)
        over = 0 if self._kind == "fuel" else max(0, size - self._limit)
        return (over, fuel, size)

    def _fuel(self, module: Module, entered: Collection[int]) -> float:
        done: dict[int, float] = {}
        opened: set[int] = set()

        def total(function: int, depth: int) -> float:
            if function < module.imported_functions or function in opened or depth > DEEPEST_CALL:
                return 0.0
            found = done.get(function)
            if found is None:
                opened.add(function)
                own, calls = self._body(module.body_bytes(function))
                found = own + sum(weight * total(callee, depth + 1) for callee, weight in calls)
                opened.discard(function)
                done[function] = found
            return found

        return sum(log1p(total(function, 0)) for function in sorted(entered))

    def _body(self, body: bytes) -> tuple[float, tuple[tuple[int, float], ...]]:
        found = self._known.get(body)
        if found is None:
            found = self._known[body] = _weigh(body, self._costs.get)
        return found


def _weigh(
    body: bytes, price: Callable[[int, float], float]
) -> tuple[float, tuple[tuple[int, float], ...]]:
    """The estimated fuel of a body alone, and how often it calls what."""
    from ..wasm.body import decode_body

    own = 0.0
    weight = 1.0
    outer: list[float] = []
    calls: dict[int, float] = {}
    ceiling = USUAL.rounds**DEEPEST_LOOP
    for instr in decode_body(body, 0, len(body)).instrs:
        op = instr[0]
        if op == LOOP:
            outer.append(weight)
            weight = min(weight * USUAL.rounds, ceiling)
        elif op == IF:
            own += price(op, 1.0) * weight
            outer.append(weight)
            weight *= USUAL.entered
        elif op in OPENERS:
            outer.append(weight)
        elif op == END:
            if outer:
                weight = outer.pop()
        elif op != ELSE and op not in FREE:
            own += price(op, 1.0) * weight
            if op in (CALL, RETURN_CALL):
                calls[instr[1]] = calls.get(instr[1], 0.0) + weight
                own += CALL_PRICE * weight
    return own, tuple(calls.items())
