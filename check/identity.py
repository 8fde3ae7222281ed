"""What a function is called across builds, and whether it is the same: never by its index.

Inserting one function renumbers all that follow, and with them every call. So keys are names where
there are any, and hashes are taken over the text of a body, in which functions appear by name and
types by what they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..wasm.module import Module
    from ..wasm.text_instrs import FunctionIds

__all__ = ["body_hash", "byte_ranges", "function_keys", "short"]

HASH_LENGTH = 8
"""Hex digits in the lock: enough to tell two versions of one function apart."""

TYPE_INDEX = re.compile(r"\(type (\d+)\)")


def short(text: str) -> str:
    """The short hash of a text."""
    return sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def function_keys(module: Module, names: Mapping[int, str]) -> dict[int, str]:
    """The key of every function of the module's own: export, else name, else type and body.

    Functions that would share a key get `~2`, `~3` and so on, in index order.
    """
    from ..wasm.text import function_ids

    exported: dict[int, str] = {}
    for export in module.exports:
        if export.kind == "func":
            exported.setdefault(export.index, export.name)
    ids = function_ids(module)
    seen: Counter[str] = Counter()
    found: dict[int, str] = {}
    for index in range(module.imported_functions, len(module.functions)):
        key = exported.get(index) or names.get(index)
        if not key:
            key = f"{_signature(module, module.functions[index])}#{body_hash(module, index, ids)}"
        seen[key] += 1
        found[index] = key if seen[key] == 1 else f"{key}~{seen[key]}"
    return found


def byte_ranges(data: bytes) -> dict[str, tuple[int, int]]:
    """Where each function's body starts in a binary module or component, and its bytes, by key.

    Empty for text and for what cannot be read.
    """
    from ..wasm.component import core_modules, is_component
    from ..wasm.errors import WasmError
    from ..wasm.module import Module
    from ..wasm.names import function_names

    found: dict[str, tuple[int, int]] = {}
    try:
        parts = core_modules(data) if is_component(data) else [(0, len(data))]
        for number, (at, end) in enumerate(parts):
            module = Module.parse(data[at:end])
            prefix = f"{number}:" if number else ""
            for index, key in function_keys(module, function_names(module)).items():
                start, stop = module.code[index - module.imported_functions]
                found[prefix + key] = at + start, stop - start
    except WasmError:
        return {}
    return found


def body_hash(module: Module, index: int, ids: FunctionIds) -> str:
    """A short hash of a body that renumbering of named functions and of types leaves alone.

    `ids` are the module's (`wasm.text.function_ids`).
    """
    from ..wasm.errors import WasmError
    from ..wasm.text import print_body

    try:
        lines = print_body(module, index, ids)
    except WasmError:
        return sha256(module.body_bytes(index)).hexdigest()[:HASH_LENGTH]
    kinds = " ".join(map(repr, module.local_types(index)))
    text = TYPE_INDEX.sub(lambda found: _signature(module, int(found[1])), "\n".join(lines))
    return short(f"{kinds}\n{text}")


def _signature(module: Module, kind: int) -> str:
    from ..wasm.text_values import text_signature
    from ..wasm.types import FuncType

    found = module.types[kind] if kind < len(module.types) else None
    return text_signature(found).strip() if isinstance(found, FuncType) else f"type {kind}"
