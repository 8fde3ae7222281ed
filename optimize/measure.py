"""What a body costs: exact bytes, and fuel estimated from the instructions and their loops.

Fuel is counted as wasmtime does (structure is free, everything else is 1), times a weight for the
loops around it. It is an estimate of how often code runs, not a measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..wasm.body import decode_body

__all__ = ["FuelCost", "SizeCost", "body_fuel"]

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


def body_fuel(body: bytes, costs: Mapping[int, float] | None = None) -> float:
    """Estimated fuel of one call of a body (without its size field).

    `costs` gives the price by opcode number where it is not wasmtime's.
    """
    instructions = decode_body(body, 0, len(body)).instrs
    total = 0.0
    weight = 1.0
    outer: list[float] = []
    price = {} if costs is None else costs
    floor = LOOP_WEIGHT**DEEPEST_LOOP
    for instruction in instructions:
        opcode = instruction[0]
        if opcode == LOOP:
            outer.append(weight)
            weight = min(weight * LOOP_WEIGHT, floor)
        elif opcode == IF:
            total += price.get(opcode, 1.0) * weight
            outer.append(weight)
            weight *= ARM_WEIGHT
        elif opcode in (BLOCK, TRY, TRY_TABLE):
            outer.append(weight)
        elif opcode == END:
            if outer:
                weight = outer.pop()
        elif opcode in price:
            total += price[opcode] * weight
        elif opcode not in FREE:
            total += weight
    return total


@dataclass(frozen=True, slots=True)
class SizeCost:
    """`--cost bytes`: the exact size of the body."""

    def key(self, body: bytes) -> tuple[float, ...]:
        """The size alone: of two equal sizes the original stays."""
        return (len(body),)

    def allows(self, original: bytes, body: bytes) -> bool:
        """Being smaller is enough."""
        return True

    def figure(self, body: bytes) -> float:
        """Bytes."""
        return len(body)


@dataclass(frozen=True, slots=True)
class FuelCost:
    """`--cost fuel`, `balanced` and cost files: estimated fuel, then bytes.

    With `bounded` a body never grows.
    """

    bounded: bool
    costs: Mapping[int, float] = field(default_factory=dict)
    fuel: Callable[[bytes, Mapping[int, float]], float] = body_fuel

    def key(self, body: bytes) -> tuple[float, ...]:
        """Fuel first, bytes second."""
        return (self.fuel(body, self.costs), len(body))

    def allows(self, original: bytes, body: bytes) -> bool:
        """Whether the size is acceptable."""
        return not self.bounded or len(body) <= len(original)

    def figure(self, body: bytes) -> float:
        """Estimated fuel."""
        return self.fuel(body, self.costs)
