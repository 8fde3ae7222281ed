"""Pin files: choices made by hand, kept from run to run.

A pin names a function (by name, or by index where it has none), the hash of the body it was made
for, an instruction of that body and the form that is to stand there (`forms.py`). A pin of another
body is refused, not guessed at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .workbench import Choice

if TYPE_CHECKING:
    from ..wasm.module import Module

__all__ = ["Pin", "PinFileError", "body_key", "pins_json", "read_pins", "resolve"]

SCHEMA: Final = 1
"""Of pin files; a file of another one is refused."""

KEY_DIGITS: Final = 16
"""Hexadecimal digits of the hash that names a body: 64 bits tell a module's bodies apart."""

LARGEST_FILE: Final = 1 << 24
"""Bytes of a pin file: far more than anybody picks by hand."""


class PinFileError(Exception):
    """A pin file that cannot be used for this module; the message says why."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One choice: `form` in the place of what instruction `at` of that body computes."""

    function: str | int
    body: str
    at: int
    form: str


def body_key(body: bytes) -> str:
    """The name of a body in pin files and links: the beginning of its SHA-256."""
    return hashlib.sha256(body).hexdigest()[:KEY_DIGITS]


def read_pins(path: Path) -> tuple[Pin, ...]:
    """The pins in a file. Raises PinFileError, OSError."""
    if path.stat().st_size > LARGEST_FILE:
        raise PinFileError(f"{path}: larger than any pin file")
    try:
        return parse_pins(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise PinFileError(f"{path}: not JSON ({error})") from None
    except PinFileError as error:
        raise PinFileError(f"{path}: {error}") from None


def parse_pins(plain: Any) -> tuple[Pin, ...]:  # noqa: ANN401 (JSON)
    """The pins in the contents of a file. Raises PinFileError."""
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA:
        raise PinFileError(f"not a pin file (an object with schema {SCHEMA})")
    rows = plain.get("pins")
    if not isinstance(rows, list):
        raise PinFileError("'pins' must be a list")
    pins = tuple(_pin(number, row) for number, row in enumerate(rows))
    if len({(pin.function, pin.at) for pin in pins}) < len(pins):
        raise PinFileError("two pins for one place")
    return pins


def _pin(number: int, row: Any) -> Pin:  # noqa: ANN401 (JSON)
    if not isinstance(row, dict):
        raise PinFileError(f"pin {number}: not an object")
    function, body, at, form = (row.get(name) for name in ("function", "body", "at", "form"))
    if isinstance(function, bool) or not isinstance(function, (str, int)):
        raise PinFileError(f"pin {number}: 'function' must be a name or an index")
    if not isinstance(body, str) or not isinstance(form, str):
        raise PinFileError(f"pin {number}: 'body' and 'form' must be strings")
    if type(at) is not int or at < 0:
        raise PinFileError(f"pin {number}: 'at' must be the number of an instruction")
    return Pin(function, body, at, form)


def pins_json(pins: Iterable[Pin], **about: str) -> dict[str, Any]:
    """The contents of a pin file; `about` adds what a reader may want to know."""
    return {
        "schema": SCHEMA,
        **about,
        "pins": [
            {"function": pin.function, "body": pin.body, "at": pin.at, "form": pin.form}
            for pin in sorted(pins, key=lambda pin: (str(pin.function), pin.at))
        ],
    }


def resolve(
    pins: Iterable[Pin], module: Module, names: Mapping[int, str]
) -> dict[int, tuple[Choice, ...]]:
    """The choices for each function of a module, by index. Raises PinFileError."""
    by_name: dict[str, list[int]] = {}
    own = range(module.imported_functions, len(module.functions))
    for index in own:
        if index in names:
            by_name.setdefault(names[index], []).append(index)
    found: dict[int, dict[int, str]] = {}
    for pin in pins:
        if isinstance(pin.function, int):
            indices = [pin.function] if pin.function in own else []
        else:
            indices = by_name.get(pin.function, [])
        if not indices:
            raise PinFileError(f"the module has no function '{pin.function}'")
        same = [index for index in indices if body_key(module.body_bytes(index)) == pin.body]
        if not same:
            raise PinFileError(f"the body of '{pin.function}' is not the one the pin was made for")
        for index in same:
            found.setdefault(index, {})[pin.at] = pin.form
    return {
        index: tuple(Choice(at, forms[at]) for at in sorted(forms))
        for index, forms in sorted(found.items())
    }
