"""What decides about results beside the input: our own code, the engines, the user's files.

A cached result is used only where all of it is the same, so nothing has to be declared compatible.
"""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

from .options import Options

__all__ = ["DECIDING", "choices", "fields_digest", "tool"]

DECIDING = (
    "wasm",
    "ir",
    "lowering",
    "rules",
    "egraph",
    "extract",
    "program",
    "verify",
    "optimize",
)
"""Rooms whose sources decide about results; the faces do not."""

ENGINES = ("egglog", "z3-solver", "wasmtime")

DIGEST_SIZE = 16
"""Bytes: 128 bits meet by chance in none of 2^60 results."""


def fields_digest(*fields: bytes) -> bytes:
    """A digest of byte strings that tells apart where one ends and the next begins."""
    digest = blake2b(digest_size=DIGEST_SIZE)
    for one in fields:
        digest.update(len(one).to_bytes(8, "little"))
        digest.update(one)
    return digest.digest()


@cache
def tool() -> bytes:
    """A digest of our own sources (some 6 ms) and of the versions of the engines."""
    from importlib.metadata import PackageNotFoundError, version

    from .. import __version__

    parts = [__version__.encode(), sys.version.encode()]
    for engine in ENGINES:
        try:
            parts.append(f"{engine} {version(engine)}".encode())
        except PackageNotFoundError:
            parts.append(f"{engine} missing".encode())
    root = Path(__file__).resolve().parent.parent
    for room in DECIDING:
        folder = root / room
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if path.suffix in (".py", ".lock"):
                parts += (f"{room}/{path.name}".encode(), path.read_bytes())
    return fields_digest(*parts)


def choices(options: Options) -> bytes:
    """A digest of the options that decide what is found, apart from wall time and selection.

    Raises OSError for a file of the user's that cannot be read.
    """
    cost = options.cost
    limits = (options.max_iters, options.max_nodes, options.rlimit) if options.counted else "wall"
    parts = [
        repr(limits).encode(),
        repr((options.assume, options.entry)).encode(),
        cost.encode() if isinstance(cost, str) else b"file " + cost.read_bytes(),
    ]
    parts += [path.suffix.encode() + path.read_bytes() for path in options.rules]
    return fields_digest(*parts)
