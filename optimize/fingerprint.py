"""What decides about results beside the input: our own code, the engines, the user's files.

A cached result is used only where all of it is the same, so nothing has to be declared compatible.
"""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

from .options import Options

__all__ = ["FACES", "choices", "engines", "fields_digest", "sources", "tool"]

FACES = ("cli", "check", "explore", "bench", "tests", "docs", "examples")
"""Folders whose sources do not decide about results; all others do, a new one too."""

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
    """A digest of everything that computes: our sources, the engines, the interpreter."""
    return fields_digest(sources(), repr(engines()).encode(), sys.version.encode())


@cache
def engines() -> tuple[tuple[str, str], ...]:
    """The versions of the engines, by name."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for engine in ENGINES:
        try:
            found.append((engine, version(engine)))
        except PackageNotFoundError:
            found.append((engine, "missing"))
    return tuple(found)


@cache
def sources() -> bytes:
    """A digest of the sources of the rooms that decide (some 6 ms)."""
    from .. import __version__

    parts = [__version__.encode()]
    root = Path(__file__).resolve().parent.parent
    rooms = {path.parent for path in root.glob("*/__init__.py")}
    for room in sorted(one for one in rooms if one.name not in FACES):
        for path in sorted(room.iterdir()):
            if path.suffix in (".py", ".lock"):
                parts += (f"{room.name}/{path.name}".encode(), path.read_bytes())
    return fields_digest(*parts)


def choices(options: Options) -> bytes:
    """A digest of the options that decide what is found, apart from wall time and selection.

    Raises OSError for a file of the user's that cannot be read, MissingSolver where one is needed.
    """
    cost = options.cost
    solver = ""
    if options.extract == "exact":
        from ..extract import solver_version

        solver = solver_version()
    limits = (options.max_iters, options.max_nodes, options.rlimit) if options.counted else "wall"
    parts = [
        repr(limits).encode(),
        repr((options.assume, options.entry, options.without)).encode(),
        repr((options.extract, solver)).encode(),
        cost.encode() if isinstance(cost, str) else b"file " + cost.read_bytes(),
    ]
    parts += [path.suffix.encode() + path.read_bytes() for path in options.rules]
    return fields_digest(*parts)
