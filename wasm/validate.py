"""Validation by wasmtime, with every proposal switched on that its Python package offers."""

import atexit
import re
from functools import cache
from typing import TYPE_CHECKING

from .errors import WasmError

if TYPE_CHECKING:
    import wasmtime

SWITCHES = (
    "wasm_bulk_memory",
    "wasm_custom_page_sizes",
    "wasm_exceptions",
    "wasm_function_references",
    "wasm_gc",
    "wasm_memory64",
    "wasm_multi_memory",
    "wasm_multi_value",
    "wasm_reference_types",
    "wasm_relaxed_simd",
    "wasm_simd",
    "wasm_tail_call",
    "wasm_threads",
    "wasm_wide_arithmetic",
)
"""The proposals that wasmtime 50 accepts in core modules; stack switching runs on few platforms."""


@cache
def engine() -> "wasmtime.Engine":
    """Return the engine that validates (made once; imports wasmtime)."""
    import wasmtime

    config = wasmtime.Config()
    for switch in SWITCHES:
        setattr(config, switch, True)
    config.shared_memory = True
    # Freed at exit while wasmtime's module still stands: its finaliser would complain later.
    atexit.register(engine.cache_clear)
    return wasmtime.Engine(config)


def validate(data: bytes) -> None:
    """Raise `WasmError` unless wasmtime accepts `data` as a core module."""
    import wasmtime

    try:
        wasmtime.Module.validate(engine(), data)
    except wasmtime.WasmtimeError as error:
        raise _translate(str(error)) from None


def _translate(text: str) -> WasmError:
    """Take the offset and the first line, without the dumps that follow it, out of a message."""
    found = re.search(r"\(at offset (0x[0-9a-f]+|\d+)\)", text)
    offset = int(found[1], 0) if found is not None else 0
    line = text.strip().split("\n")[0]
    line = re.sub(r"\s*(\(at offset [^)]*\)|- expected=.*)", "", line)
    return WasmError(offset, line or "invalid module")
