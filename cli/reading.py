"""Reading a module from a file or stdin, in either format, with one-line complaints."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from .errors import CliError

__all__ = ["STDIO", "read_module", "reason"]

STDIO = "-"
"""The path that stands for stdin or stdout."""

LARGEST_INPUT = 1 << 28
"""Bytes of input from which we refuse: wasmtime would need several gigabytes for it."""

MAGIC = b"\0asm"
MODULE_VERSION = b"\1\0\0\0"
COMPONENT_LAYER = b"\1\0"


def read_module(path: str, *, components: bool = False) -> bytes:
    """The module in a file (or on stdin, for `-`) in the binary format.

    With `components` it may also be a component. Text is recognised by its content and converted.
    Raises CliError E0301, E0302, E0307 or E0308.
    """
    shown = shown_path(path)
    data = _read(path)
    if data[:4] == MAGIC:
        if data[6:8] == COMPONENT_LAYER:
            if components:
                return data
            raise CliError(
                "E0307",
                f"{shown}: a component, not a module",
                "its core modules are modules (wasm-tools component unbundle)",
            )
        if len(data) < 8:
            raise CliError("E0301", f"{shown}: not a WebAssembly module (offset 4: it ends here)")
        if data[4:8] != MODULE_VERSION:
            found = data[4:8].hex(" ")
            raise CliError(
                "E0301", f"{shown}: not a WebAssembly module (offset 4: unknown version {found})"
            )
        return data
    return _from_text(data, shown)


def shown_path(path: str) -> str:
    """The path as messages name it."""
    return "<stdin>" if path == STDIO else path


def reason(error: OSError) -> str:
    """Why the system refused, in its own words, lower case."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def _from_text(data: bytes, shown: str) -> bytes:
    """Convert text, or say why the bytes are neither text nor binary."""
    from ..wasm.errors import WasmError
    from ..wasm.text_in import looks_like_text, to_binary

    if not data:
        raise CliError("E0301", f"{shown}: not a WebAssembly module (offset 0: the file is empty)")
    if not looks_like_text(data):
        raise CliError(
            "E0301",
            f"{shown}: not a WebAssembly module (offset 0: found {_excerpt(data)})",
            "a binary module begins with 00 61 73 6d, a text module with (module",
        )
    try:
        return to_binary(data)
    except WasmError as error:
        raise CliError("E0308", f"{shown}: {error.message}") from None


def _excerpt(data: bytes) -> str:
    """The first four bytes, as text where they are."""
    head = data[:4]
    if all(32 <= byte < 127 for byte in head):
        return f'"{head.decode()}"'
    return head.hex(" ")


def _read(path: str) -> bytes:
    if path == STDIO:
        if sys.stdin is None or sys.stdin.isatty():
            raise CliError("E0201", "no input: stdin is a terminal (see eqsat opt --help)")
        return _limited(sys.stdin.buffer.read(LARGEST_INPUT + 1), "<stdin>")
    try:
        # A pipe or device is as good a source as a file; a directory is not.
        if stat.S_ISDIR(os.stat(path).st_mode):
            raise CliError("E0302", f"{path}: cannot be read (it is a directory)")
        with Path(path).open("rb") as source:
            return _limited(source.read(LARGEST_INPUT + 1), path)
    except OSError as error:
        raise CliError("E0302", f"{path}: cannot be read ({reason(error)})") from None
    except ValueError as error:
        raise CliError("E0302", f"{path}: cannot be read ({error})") from None


def _limited(data: bytes, shown: str) -> bytes:
    if len(data) > LARGEST_INPUT:
        raise CliError("E0302", f"{shown}: cannot be read (more than {LARGEST_INPUT} bytes)")
    return data
