"""What the optimizer says about the loops of a new body: untrusted, see ``relation.py``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Location = tuple[Any, ...]
"""``("local", i)``, ``("stack", depth)`` (absolute, with the loop's parameters), ``("const",
width, pattern)``, ``("op", name, *locations)``, ``("global", i)``, ``("entry",)`` (the value that
the new local itself had on entry) or ``("free",)`` (no relation). A hint ``("cell", memory,
distance, bytes)`` becomes ``("load", slot, address, bytes)`` with an address that is fixed in the
loop (``cells.py``)."""


@dataclass(frozen=True, slots=True)
class LoopHint:
    """What the optimizer says about one loop of the new body; never trusted.

    ``loop`` and ``original`` are pre-order ordinals over all ``loop`` instructions of the new and
    the original body; ``locals`` maps new local indices to locations of the original.
    """

    loop: int
    original: int
    locals: Mapping[int, Location] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hints:
    """Untrusted advice for one function."""

    loops: tuple[LoopHint, ...] = ()
