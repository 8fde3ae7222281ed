"""What a body costs: exact bytes, and fuel estimated from the instructions and their loops.

Fuel is counted as wasmtime does (structure is free, everything else is 1), times a weight for the
loops around it. It is an estimate of how often code runs, not a measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from ..wasm.body import decode_body
from ..wasm.opcodes import OPCODES

if TYPE_CHECKING:
    from ..extract import CostModel

__all__ = ["FuelCost", "SizeCost", "body_time", "choosing"]

LOOP_WEIGHT = 10.0
"""How often a loop is taken to run: the usual guess of compilers without a profile."""

DEEPEST_LOOP = 6
"""Loops beyond this depth add no weight: 10^6 already decides everything."""

ARM_WEIGHT = 0.5
"""How often one arm of an `if` is taken to run."""

BLOCK, LOOP, IF, ELSE, END = 0x02, 0x03, 0x04, 0x05, 0x0B
TRY, TRY_TABLE = 0x06, 0x1F
FREE = frozenset((0x00, 0x01, BLOCK, LOOP, ELSE, END, 0x0F, 0x1A))
"""unreachable, nop, block, loop, else, end, return, drop: wasmtime charges nothing for them."""


TICKS = 64
"""Parts of one unit of cost, so that latency can decide between terms of equal cost."""

SLOW = 3
"""Cycles of latency from which an instruction counts as slow: multiplications, loads, divisions."""


def body_time(body: bytes, costs: Mapping[int, float] | None = None) -> tuple[float, float]:
    """Estimated fuel of one call of a body (without its size field), and cycles of slow operations.

    `costs` gives the price by opcode number where it is not wasmtime's.
    """
    slow_cycles = _slow()
    total = slow = 0.0
    weight = 1.0
    outer: list[float] = []
    price = {} if costs is None else costs
    ceiling = LOOP_WEIGHT**DEEPEST_LOOP
    for instruction in decode_body(body, 0, len(body)).instrs:
        opcode = instruction[0]
        if opcode == LOOP:
            outer.append(weight)
            weight = min(weight * LOOP_WEIGHT, ceiling)
        elif opcode == IF:
            total += price.get(opcode, 1.0) * weight
            outer.append(weight)
            weight *= ARM_WEIGHT
        elif opcode in (BLOCK, TRY, TRY_TABLE):
            outer.append(weight)
        elif opcode == END:
            if outer:
                weight = outer.pop()
        elif opcode not in FREE:
            total += price.get(opcode, 1.0) * weight
            slow += slow_cycles.get(opcode, 0.0) * weight
    return total, slow


@cache
def _slow() -> dict[int, float]:
    """Latency of the slow instructions, by opcode number."""
    return {code: float(row.cost) for code, row in OPCODES.items() if row.cost >= SLOW}


def choosing(model: CostModel) -> CostModel:
    """A cost model for the choice among equal terms, in which latency breaks ties."""
    return replace(
        model,
        operations={
            code: TICKS * model.operation(code) + min(row.cost, TICKS - 1)
            for code, row in OPCODES.items()
        },
        leaf=TICKS * model.leaf,
        constant_scale=TICKS * model.constant_scale,
        extension=TICKS * model.extension,
        default=TICKS * model.default,
    )


@dataclass(frozen=True, slots=True)
class SizeCost:
    """`--cost bytes`: the exact size of the body; of equal sizes the one with less slow work."""

    def key(self, body: bytes) -> tuple[float, ...]:
        """Size, then cycles of slow operations."""
        return (len(body), body_time(body)[1])

    def allows(self, original: bytes, body: bytes) -> bool:
        """Being smaller is enough."""
        return True

    def figure(self, body: bytes) -> float:
        """Bytes."""
        return len(body)


@dataclass(frozen=True, slots=True)
class FuelCost:
    """`--cost fuel`, `balanced` and cost files: estimated fuel, then slow work, then bytes.

    With `bounded` a body never grows.
    """

    bounded: bool
    costs: Mapping[int, float] = field(default_factory=dict)

    def key(self, body: bytes) -> tuple[float, ...]:
        """Fuel, cycles of slow operations, size."""
        return (*body_time(body, self.costs), len(body))

    def allows(self, original: bytes, body: bytes) -> bool:
        """Whether the size is acceptable."""
        return not self.bounded or len(body) <= len(original)

    def figure(self, body: bytes) -> float:
        """Estimated fuel."""
        return body_time(body, self.costs)[0]
