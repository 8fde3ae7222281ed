"""Wasm body to function graph.

One pass builds the graph (`building`, `instructions`); block parameters that carry nothing go in
`ir.demand.simplify`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.demand import simplify
from ..ir.graph import Function, ValType
from ..wasm.module import Module
from ..wasm.types import FuncType
from .building import Building, spaces_of
from .types import Instr, Unsupported

__all__ = ["Unsupported", "lower", "parts", "spaces_of"]

MAX_INSTRUCTIONS = 20_000
"""Beyond this a body would eat the whole budget for one function."""
MAX_LOCALS = 4_000
"""Liveness keeps a bit for each local at each block."""


def lower(module: Module, index: int) -> Function:
    """Return the simplified function graph of the defined function `index`.

    Emission relies on that: a block parameter that nothing needs would count as a use.

    Raises:
        Unsupported: the body is beyond a limit or has something without a meaning here.
    """
    return simplify(Building(*parts(module, index)).run())


def parts(
    module: Module, index: int
) -> tuple[Module, int, FuncType, list[ValType], Sequence[Instr]]:
    """Return what `Building` takes for a function. Raises `Unsupported` as `lower` does."""
    body = module.body(index)
    instrs = body.instrs
    if len(instrs) > MAX_INSTRUCTIONS:
        raise Unsupported(f"more than {MAX_INSTRUCTIONS} instructions")
    signature = module.function_type(index)
    local_types = list(signature.params)
    for count, type in body.runs:
        if len(local_types) + count > MAX_LOCALS:
            raise Unsupported(f"more than {MAX_LOCALS} locals")
        local_types += [type] * count
    return module, index, signature, local_types, instrs
