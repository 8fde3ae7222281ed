"""What a body costs: exact bytes, and fuel estimated from its control flow.

Fuel is counted as wasmtime does (structure is free, everything else is 1; measured with 50.0.1),
times an estimate of how often each piece of code runs. Estimates choose among candidates; whether
one may be taken at all is decided without them, by comparing it with the original on every way
through both (`optimize.paths`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..wasm.body import decode_body
from ..wasm.opcodes import OPCODES
from .flow import LEAVE, TEST, TRAP, Flow, flow, slow_cycles
from .paths import excess

if TYPE_CHECKING:
    from ..extract import CostModel

__all__ = ["FuelCost", "Profile", "SizeCost", "body_time", "choosing"]


@dataclass(frozen=True, slots=True)
class Profile:
    """A guess at how code runs.

    Attributes:
        rounds: how often a loop runs for each time it is entered.
        entered: how often what a test guards is entered rather than gone around.
    """

    rounds: float = 10.0
    entered: float = 0.5


USUAL = Profile()
"""The usual guess of compilers without a profile."""

PROFILES = (Profile(2.0), Profile(100.0), Profile(10.0, 0.1), Profile(10.0, 0.9))
"""Guesses that bound what real programs do; a body that is cheaper under all of them is likely
cheaper under the true one."""

DEEPEST_LOOP = 6
"""Loops beyond this depth add no weight: 10^6 already decides everything."""

COLD = 0.01
"""How often a test goes where nothing but a trap follows."""

LEFT = 0.5
"""How often a loop ends at one of its tests rather than at others."""

TICKS = 64
"""Parts of one unit of cost, so that latency can decide between terms of equal cost."""

ONCE = 2
"""Instructions that a way may take more with `--cost fuel`: what a loop does not change is kept
before it, which a loop of a single round does not pay back. By default nothing may get slower."""

CACHED = 256
"""Bodies whose control flow is remembered: the candidates of a few functions."""


@lru_cache(CACHED)
def _usual_flow(body: bytes) -> Flow:
    return flow(body)


def body_time(
    body: bytes, costs: Mapping[int, float] | None = None, profile: Profile = USUAL
) -> tuple[float, float]:
    """Estimated fuel of one call of a body (without its size field), and cycles of slow operations.

    `costs` gives the price by opcode number where it is not wasmtime's.
    """
    made = flow(body, costs) if costs else _usual_flow(body)
    total = slow = 0.0
    for number, weight in weights(made, profile).items():
        piece = made.pieces[number]
        total += weight * piece.cost
        slow += weight * piece.slow
    return total, slow


def weights(flow: Flow, profile: Profile) -> dict[int, float]:
    """Return how often each piece runs for each call, by number, in program order."""
    at = {number: k for k, number in enumerate(flow.order)}
    depth = flow.depth()
    cold = _cold(flow, at)
    share = dict.fromkeys(flow.order, 0.0)
    share[flow.order[0]] = 1.0
    found = {}
    for number in flow.order:
        piece = flow.pieces[number]
        here = min(1.0, share[number])
        found[number] = here * profile.rounds ** min(depth[number], DEEPEST_LOOP)
        ahead = [t for t in piece.targets if at[t] > at[number]]
        if piece.end != TEST or len(ahead) < 2:
            # A loop that may go round leaves by the other way in the end.
            for target in ahead:
                share[target] += here / len(ahead)
            continue
        for target, part in zip(
            ahead, _parts(piece.inner, ahead, depth, cold, profile), strict=True
        ):
            share[target] += here * part
    return found


def _parts(
    inner: int | None, targets: list[int], depth: list[int], cold: set[int], profile: Profile
) -> tuple[float, float]:
    """Return how often a test goes each of two ways ahead."""
    first, second = targets
    if (first in cold) != (second in cold):
        return (COLD, 1 - COLD) if first in cold else (1 - COLD, COLD)
    if depth[first] != depth[second]:
        return (LEFT, 1.0) if depth[first] < depth[second] else (1.0, LEFT)
    if inner == first:
        return profile.entered, 1 - profile.entered
    return 1 - profile.entered, profile.entered


def _cold(flow: Flow, at: Mapping[int, int]) -> set[int]:
    """Return the pieces from which every way ends in `unreachable`."""
    cold: set[int] = set()
    for number in reversed(flow.order):
        piece = flow.pieces[number]
        if piece.end == LEAVE:
            if piece.code == TRAP:
                cold.add(number)
        elif all(t in cold and at[t] > at[number] for t in piece.targets):
            cold.add(number)
    return cold


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
        """Size, then cycles of slow operations, each counted once."""
        latency = slow_cycles()
        instrs = decode_body(body, 0, len(body)).instrs
        return (len(body), sum([latency.get(i[0], 0.0) for i in instrs]))

    def allows(self, original: bytes, body: bytes) -> bool:
        """Being smaller is enough."""
        return True

    def figure(self, body: bytes) -> float:
        """Bytes."""
        return len(body)


@dataclass(frozen=True, slots=True)
class FuelCost:
    """`--cost fuel`, `balanced` and cost files: estimated fuel, then slow work, then bytes.

    With `bounded` a body never grows. `rounds` is how often a loop is taken to run.
    """

    bounded: bool
    costs: Mapping[int, float] = field(default_factory=dict)
    rounds: float = USUAL.rounds

    def key(self, body: bytes) -> tuple[float, ...]:
        """Fuel, cycles of slow operations, size."""
        return (*body_time(body, self.costs, Profile(self.rounds)), len(body))

    def allows(self, original: bytes, body: bytes) -> bool:
        """Whether the size is acceptable, and no call could cost more than before.

        Where the two do not take the same decisions, so that calls cannot be compared, or where
        some way may cost a trifle more (`ONCE`), every profile has to say that the body is cheaper.
        """
        if self.bounded and len(body) > len(original):
            return False
        more = excess(self._flow(original), self._flow(body))
        if more is not None and (self.bounded or more <= 0 or more > ONCE):
            return more <= 0
        # Twice what a way may cost more has to come back under every profile.
        owed = 2 * more if more is not None else 0.0
        return all(
            body_time(body, self.costs, p)[0] + owed < body_time(original, self.costs, p)[0]
            for p in PROFILES
        )

    def _flow(self, body: bytes) -> Flow:
        return flow(body, self.costs) if self.costs else _usual_flow(body)

    def figure(self, body: bytes) -> float:
        """Estimated fuel."""
        return body_time(body, self.costs, Profile(self.rounds))[0]
