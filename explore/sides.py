"""The sides of a comparison: a function as the original, a result or a choice has it, as rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..optimize.measure import body_time
from ..wasm.module import Module
from ..wasm.text_folded import local_ids
from ..wasm.text_instrs import FunctionIds
from .pairs import aligned
from .rows import Row, body_rows, classes_of

if TYPE_CHECKING:
    from ..optimize.workbench import Bench

__all__ = [
    "AUTOMATIC",
    "NOTHING",
    "ORIGINAL",
    "Other",
    "Shown",
    "Side",
    "compared",
    "digest",
    "figure",
    "parameter_ids",
]

ORIGINAL: Final = "original"
"""The name of the module itself among what can be compared."""

AUTOMATIC: Final = "automatic"
"""The name of the optimizer's result."""

Side: TypeAlias = "str | Mapping[str, str]"
"""What stands on one side: a module by its name, or choices (instruction to form)."""

NOTHING: Final = b"\0\x0b"
"""The body that is shown of a function that is not there."""


@dataclass(frozen=True, slots=True)
class Other:
    """A module to compare with: where each function of the original lies in it, and its names."""

    module: Module
    places: Sequence[int | None] | None
    ids: FunctionIds

    def place(self, index: int) -> int | None:
        """The index that a function of the original has there, None if it is not there."""
        place = index if self.places is None else self.places[index]
        return None if place is None or place < self.module.imported_functions else place


@dataclass(frozen=True, slots=True)
class Shown:
    """One side of a comparison: a body, the identifiers in it, and whether it is there at all."""

    body: bytes
    ids: FunctionIds
    locals: FunctionIds
    there: bool = True


def digest(module: bytes) -> str:
    """A short name of a module by its content, as addresses of the page have it."""
    return hashlib.sha256(module).hexdigest()[:8]


def figure(body: bytes) -> float:
    """Estimated fuel of one call."""
    return round(body_time(body)[0], 3)


def parameter_ids(module: Module, index: int) -> FunctionIds:
    """Identifiers of parameters alone: other locals of a body written anew have no names."""
    count = len(module.function_type(index).params)
    return {local: name for local, name in local_ids(module, index).items() if local < count}


def compared(
    module: Module, index: int, bench: Bench | None, left: Shown, right: Shown
) -> dict[str, Any]:
    """Two bodies of a function of `module` as rows, and the pairs of rows that correspond.

    Without a bench (a function that is not opened) no row has a class. A row whose class the
    original computes has `site`, the instruction there, and `forms`, how many there are.
    """
    sites = {} if bench is None else _sites(bench)
    rows = [_rows(module, index, bench, side) for side in (left, right)]
    plain = [_side(side, found, sites) for side, found in zip((left, right), rows, strict=True)]
    return {
        "left": plain[0],
        "right": plain[1],
        "pairs": [[a, b] for a, b in aligned(*([row.key for row in found] for found in rows))],
    }


def _rows(module: Module, index: int, bench: Bench | None, side: Shown) -> list[Row]:
    if bench is None:
        return body_rows(side.body, side.ids, side.locals, {})
    if side.body == bench.body:
        classes = {at: bench.forms.classes[v.id] for at, v in bench.forms.origins.items()}
    else:
        classes = classes_of(module, index, side.body, bench.saturation, bench.graph)
    return body_rows(side.body, side.ids, side.locals, classes)


def _side(
    side: Shown, rows: Sequence[Row], sites: Mapping[int, tuple[list[int], int]]
) -> dict[str, Any]:
    found = []
    for row in rows:
        plain = row.as_json() | {"site": None, "forms": 0}
        if row.number is not None and row.number in sites:
            places, count = sites[row.number]
            plain |= {"site": row.at if row.at in places else places[0], "forms": count}
        found.append(plain)
    return {
        "rows": found,
        "bytes": len(side.body),
        "fuel": figure(side.body),
        "there": side.there,
    }


def _sites(bench: Bench) -> dict[int, tuple[list[int], int]]:
    """Of each class that the original computes: its instructions there, and its forms' number."""
    found: dict[int, tuple[list[int], int]] = {}
    for at in sorted(bench.forms.origins):
        number = bench.forms.classes[bench.forms.origins[at].id]
        if number in found:
            found[number][0].append(at)
        else:
            found[number] = [at], _count(bench, at)
    return found


def _count(bench: Bench, at: int) -> int:
    """How many forms stand for what an instruction computes."""
    value = bench.forms.origins[at]
    number = bench.forms.classes[value.id]
    if number in bench.saturation.constants:
        return 2 if value.args else 1
    return (0 if value.args else 1) + len(bench.saturation.nodes[number])
