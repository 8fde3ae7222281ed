"""What a module consists of: sections and functions with their sizes, as plain data.

`eqsat inspect` prints it and the explorer lists it; both show the same record.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..optimize.measure import body_time
from ..optimize.options import Options
from ..optimize.pins import body_key
from ..wasm.features import features
from ..wasm.module import SECTION_NAMES, Module
from ..wasm.names import function_names
from ..wasm.provenance import NO_ORIGINAL, Origin, read_provenance
from ..wasm.text_values import text_signature

__all__ = ["SCHEMA_VERSION", "FunctionRow", "Listing", "listing", "overview"]

SCHEMA_VERSION: Final = 1
"""Of the JSON that `eqsat inspect` prints and the explorer serves."""

QUICK: Final = 300_000
"""Bytes of a module up to which all bodies are decoded for the list: about half a second. Beyond,
the list must not wait for it; the optimizer's report brings costs later."""

GROUPS: Final = (
    ("[callback]", "callbacks"),
    ("[async-lift]", "async exports"),
    ("[task-return]", "built-ins"),
    ("[resource-", "handle tables"),
    ("$ht_", "handle tables"),
    ("cabi_", "component ABI"),
    ("$adapter", "adapters"),
)
"""Beginnings of names that tools of the Component Model give, and the group they make."""


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function of the module's own.

    `size` counts the bytes of its body, `fuel` is the estimate for one call that the optimizer
    works with, `key` is a hash of the body that does not depend on its place.
    """

    index: int
    name: str
    key: str
    type: str
    size: int
    instructions: int
    fuel: float
    exports: tuple[str, ...]
    group: str
    callers: int

    def as_json(self) -> dict[str, Any]:
        """The row as plain values."""
        return {
            "index": self.index,
            "name": self.name,
            "key": self.key,
            "type": self.type,
            "bytes": self.size,
            "instructions": self.instructions,
            "fuel": round(self.fuel, 3),
            "exports": list(self.exports),
            "group": self.group,
            "callers": self.callers,
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """A module in figures; sizes in bytes."""

    sha256: str
    size: int
    sections: tuple[tuple[str, int], ...]
    imports: tuple[tuple[str, str, str], ...]
    """Module, name and kind."""
    exports: tuple[tuple[str, str, int], ...]
    """Name, kind and index."""
    features: tuple[str, ...]
    functions: tuple[FunctionRow, ...]

    def as_json(self) -> dict[str, Any]:
        """The listing as plain values, in the schema's order."""
        return {
            "schema": SCHEMA_VERSION,
            "sha256": self.sha256,
            "bytes": self.size,
            "sections": [{"name": name, "bytes": size} for name, size in self.sections],
            "imports": [
                {"module": module, "name": name, "kind": kind}
                for module, name, kind in self.imports
            ],
            "exports": [
                {"name": name, "kind": kind, "index": index} for name, kind, index in self.exports
            ],
            "features": list(self.features),
            "functions": [row.as_json() for row in self.functions],
        }


def listing(data: bytes, *, quick: bool = False) -> Listing:
    """Read a module in the binary format. Raises `WasmError`.

    A `quick` one decodes no body: instructions, fuel and callers are 0, features are not listed.
    """
    module = Module.parse(data)
    names = function_names(module)
    exported: dict[int, list[str]] = {}
    for export in module.exports:
        if export.kind == "func":
            exported.setdefault(export.index, []).append(export.name)
    bodies = range(module.imported_functions, len(module.functions))
    instrs = {} if quick else {index: module.body(index).instrs for index in bodies}
    callers = Counter(
        instr[1] for code in instrs.values() for instr in code if instr[0] in (0x10, 0x12)
    )
    made = {one.function: one for one in read_provenance(module)}
    rows = []
    for index in bodies:
        body = module.body_bytes(index)
        shown = tuple(exported.get(index, ()))
        rows.append(
            FunctionRow(
                index=index,
                name=names.get(index, ""),
                key=body_key(body),
                type=text_signature(module.function_type(index)).strip(),
                size=len(body),
                instructions=0 if quick else len(instrs[index]) - 1,
                fuel=0.0 if quick else body_time(body)[0],
                exports=shown,
                group=_group(names.get(index, ""), shown, made, index),
                callers=callers[index],
            )
        )
    return Listing(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        sections=tuple(
            (section.name or SECTION_NAMES[section.id], section.end - section.payload_start)
            for section in module.sections
        ),
        imports=tuple((one.module, one.name, one.kind) for one in module.imports),
        exports=tuple((one.name, one.kind, one.index) for one in module.exports),
        features=() if quick else tuple(sorted(features(module))),
        functions=tuple(rows),
    )


def overview(data: bytes, options: Options) -> dict[str, Any]:
    """A module and its functions in figures, and the limits in force."""
    plain = listing(data, quick=len(data) > QUICK).as_json()
    plain["cost"] = str(options.cost)
    plain["limits"] = {
        "max_iters": options.max_iters,
        "max_nodes": options.max_nodes,
        "rlimit": options.rlimit,
    }
    return plain


def _group(name: str, exports: tuple[str, ...], made: Mapping[int, Origin], index: int) -> str:
    """What kind of function it is: by its names, else by what the fuser says of it."""
    for text in (name, *exports):
        for beginning, group in GROUPS:
            if text.startswith(beginning):
                return group
    if made:
        # What the fuser itself made has no origin, or no entry at all.
        origin = made.get(index)
        if origin is None or origin.original == NO_ORIGINAL:
            return "adapters"
        return origin.component.decode(errors="replace")
    return "exports" if exports else "code"
