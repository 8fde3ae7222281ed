"""Refutations as files: the calls that show a difference, to be made again at any time."""

import hashlib
import json
import struct
from collections.abc import Sequence

from .differential import Difference
from .machine import Value

VERSION = 1
"""Version of the format."""


class BadWitness(ValueError):
    """A file that is no witness."""


def to_text(difference: Difference, original: bytes, candidate: bytes) -> str:
    """The calls, what either module did, and which modules these were, as JSON."""
    calls = [
        {"export": name, "arguments": [_argument(x) for x in arguments]}
        for name, arguments in difference.calls
    ]
    content = {
        "witness": VERSION,
        "original": {"sha256": hashlib.sha256(original).hexdigest(), "saw": difference.original},
        "candidate": {"sha256": hashlib.sha256(candidate).hexdigest(), "saw": difference.output},
        "calls": calls,
    }
    return json.dumps(content, indent=1) + "\n"


def read_calls(text: str) -> Sequence[tuple[str, tuple[Value, ...]]]:
    """The calls of a witness. Raises BadWitness."""
    try:
        content = json.loads(text)
        if content["witness"] != VERSION:
            raise BadWitness(f"a witness of version {content['witness']}")
        return [
            (str(call["export"]), tuple(_value(x) for x in call["arguments"]))
            for call in content["calls"]
        ]
    except (ValueError, KeyError, TypeError, struct.error) as problem:
        raise BadWitness(f"not a witness: {problem}") from None


def _argument(value: Value) -> object:
    """Numbers as such; floats by their bits, so that nothing is lost."""
    if isinstance(value, float):
        return {"f64": struct.pack(">d", value).hex()}
    return value


def _value(shown: object) -> Value:
    if shown is None or (isinstance(shown, int) and not isinstance(shown, bool)):
        return shown
    if isinstance(shown, dict):
        found: float = struct.unpack(">d", bytes.fromhex(shown["f64"]))[0]
        return found
    raise BadWitness(f"not a value: {shown!r}")
