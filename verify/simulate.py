"""Concrete values of terms on a few deterministic vectors.

A vector gives every free symbol a value; uninterpreted things (unknown memory bytes, events,
opaque operators) are hashes of what they depend on. Terms that differ on a vector are different
functions of the symbols, terms that agree on all are candidates for a proof.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from .concrete import OPERATORS, pseudo_random, signed, traps
from .terms import STATE, Terms

VECTORS: Final = 16
"""Vectors to begin with: enough to tell nearly all different terms apart."""

EDGES: Final = (0, 1, 2, 3, 4, 8, 31, 32, 100, 255, -1, -2, 1 << 31, (1 << 31) - 1, 1 << 63)

Memory = tuple[int, dict[int, int]]
"""A token for the unknown bytes, and the known ones."""

MAX_BYTES: Final = 20_000
"""Known bytes of one simulated memory: beyond it a simulation would take too long."""


class TooBig(Exception):
    """A simulated memory holds too many bytes."""


def mix(a: int, b: int) -> int:
    """A cheap hash of two numbers."""
    x = (a * 0x9E3779B97F4A7C15 + b * 0xC2B2AE3D27D4EB4F + 0x165667B19E3779F9) & (1 << 64) - 1
    x ^= x >> 29
    return (x * 0xBF58476D1CE4E5B9 & (1 << 64) - 1) ^ (x >> 32)


class Simulation:
    """Values of terms, one list of vectors per term."""

    def __init__(self, terms: Terms, count: int = VECTORS) -> None:
        self.terms = terms
        self.vectors: list[dict[int, Any]] = [{} for _ in range(count)]
        self.given: list[dict[int, int]] = [{} for _ in range(count)]

    def add_vector(self, given: dict[int, int]) -> None:
        """One more vector, in which some symbols have given values."""
        self.vectors.append({})
        self.given.append(given)

    def evaluate(self, ordered: Iterable[int]) -> None:
        """Compute the values of these terms; children come first, as in order of creation."""
        ordered = list(ordered)
        for k, values in enumerate(self.vectors):
            one = self._one
            for term in ordered:
                if term not in values:
                    values[term] = one(k, values, term)

    def signature(self, term: int) -> tuple[Any, ...]:
        """The values of an evaluated term on all vectors, as something hashable."""
        return tuple(_hashable(v[term]) for v in self.vectors)

    def _one(self, k: int, values: dict[int, Any], term: int) -> Any:  # noqa: ANN401
        terms = self.terms
        node = terms.nodes[term]
        op = node[0]
        operator = OPERATORS.get(op)
        if operator is not None:
            result = operator(*[values[c] for c in node[2:]])
            return bool(result) if terms.widths[term] == 0 else result
        simple = _SIMPLE.get(op)
        if simple is not None:
            return simple(self, values, node, terms.widths[term])
        if op == "v":
            return self._symbol(k, term, node[1], terms.widths[term])
        return self._hashed(values, node, terms.widths[term], term)

    def _symbol(self, k: int, term: int, name: object, width: int) -> Any:  # noqa: ANN401
        given = self.given[k].get(term)
        if width == STATE:
            return pseudo_random(f"{k}{name}", (), 60), {}
        if given is not None:
            return given
        bits = pseudo_random(f"{k}{name}", (), max(width, 1))
        match k % 4:
            case 1:
                bits &= 0xFF
            case 2:
                bits = EDGES[bits % len(EDGES)]
            case 3:
                bits &= 0xFFFF
        return bits & ((1 << width) - 1)

    def _hashed(self, values: dict[int, Any], node: tuple[Any, ...], width: int, term: int) -> Any:  # noqa: ANN401
        bits = pseudo_random(f"{node[0]}{node[1]}", (), 60)
        for child in node[2:]:
            value = values[child]
            if isinstance(value, tuple):
                bits = mix(bits, hash(_hashable(value)))
            else:
                bits = mix(bits, int(value) & (1 << 64) - 1)
        if width == STATE:
            return bits, {}
        if width == 0:
            # Rare, as traps and failures are.
            return bits % 8 == 0
        if width > 64:
            bits |= mix(bits, 1) << 64
        return bits & ((1 << width) - 1)


def _hashable(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, tuple):
        token, known = value
        return token, tuple(sorted((a, b) for a, b in known.items() if b != _unknown(token, a)))
    return value


def _unknown(token: int, address: int) -> int:
    return mix(token, address) & 0xFF


def _load(s: Simulation, values: dict[int, Any], node: tuple[Any, ...], _width: int) -> int:
    (token, known), address = values[node[2]], values[node[3]]
    size = (1 << s.terms.widths[node[3]]) - 1
    result = 0
    for i in range(node[1]):
        at = (address + i) & size
        byte = known.get(at)
        result |= (_unknown(token, at) if byte is None else byte) << (8 * i)
    return result


def _store(s: Simulation, values: dict[int, Any], node: tuple[Any, ...], _width: int) -> Memory:
    (token, known), address, value = values[node[2]], values[node[3]], values[node[4]]
    if len(known) > MAX_BYTES:
        raise TooBig
    size = (1 << s.terms.widths[node[3]]) - 1
    known = dict(known)
    for i in range(node[1]):
        known[(address + i) & size] = value >> (8 * i) & 0xFF
    return token, known


def _linear(_s: Simulation, values: dict[int, Any], node: tuple[Any, ...], width: int) -> int:
    constant, factors = node[1]
    total: int = constant + sum(f * values[c] for f, c in zip(factors, node[2:], strict=True))
    return total & ((1 << width) - 1)


def _sign_extend(s: Simulation, values: dict[int, Any], node: tuple[Any, ...], width: int) -> int:
    return signed(values[node[2]], s.terms.widths[node[2]]) & ((1 << width) - 1)


def _less_signed(s: Simulation, values: dict[int, Any], node: tuple[Any, ...], _w: int) -> bool:
    top = 1 << (s.terms.widths[node[2]] - 1)
    return bool((values[node[2]] ^ top) < (values[node[3]] ^ top))


def _outside(_s: Simulation, values: dict[int, Any], node: tuple[Any, ...], _width: int) -> bool:
    end, shift = node[1]
    # Sizes of about a quarter of the address space, so that both outcomes occur.
    return bool(values[node[3]] + end > (values[node[2]] & 0xFFFF) << shift)


_SIMPLE: Final[dict[str, Callable[[Simulation, dict[int, Any], tuple[Any, ...], int], Any]]] = {
    "true": lambda s, v, n, w: True,
    "false": lambda s, v, n, w: False,
    "c": lambda s, v, n, w: n[1][0],
    "ite": lambda s, v, n, w: v[n[3]] if v[n[2]] else v[n[4]],
    "nz": lambda s, v, n, w: v[n[2]] != 0,
    "lt_u": lambda s, v, n, w: v[n[2]] < v[n[3]],
    "lt_s": _less_signed,
    "lin": _linear,
    "ext": lambda s, v, n, w: v[n[2]] >> n[1] & ((1 << w) - 1),
    "zext": lambda s, v, n, w: v[n[2]],
    "sext": _sign_extend,
    "load": _load,
    "store": _store,
    "oob": _outside,
    "trap": lambda s, v, n, w: traps(n[1], (v[n[2]],)),
}
"""Ops that are exact; everything else is a hash of its operands."""
