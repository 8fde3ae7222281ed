"""Text in: a module in the text format is recognised by its content and assembled by wasmtime."""

import re
from typing import Final

from .errors import WasmError

_TEXT: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r\n]|;;[^\n]*(?:\n|\Z)|\(;)*+\(?")


def looks_like_text(data: bytes) -> bool:
    """Whether the first thing that is not space or a comment is an opening parenthesis."""
    found = _TEXT.match(data)
    return found is not None and b"(" in found[0]


def to_binary(data: bytes) -> bytes:
    """Return a binary module: `data` itself, or what it assembles to if it looks like text.

    Raises `WasmError`, with the offset in the text, if the text is not a module.
    """
    return assemble(data) if looks_like_text(data) else data


def assemble(text: bytes) -> bytes:
    """Assemble the text of a module with wasmtime (imported here)."""
    import wasmtime

    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as error:
        raise _translate(text, str(error)) from None


def _translate(text: bytes, message: str) -> WasmError:
    """Take the first line of wasmtime's message, and the place out of its `--> <anon>:2:5`."""
    line = message.strip().split("\n")[0]
    found = re.search(r"--> <anon>:(\d+):(\d+)", message)
    if found is None:
        return WasmError(0, f"not a module in the text format: {line}")
    row, column = int(found[1]), int(found[2])
    before = text.split(b"\n")[: row - 1]
    offset = sum(map(len, before)) + len(before) + column - 1
    return WasmError(offset, f"text line {row}, column {column}: {line}")
