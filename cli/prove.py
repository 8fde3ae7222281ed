"""`eqsat prove`: are two modules equal?"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import fields, is_dataclass

from ..optimize.contracts import ContractError, parse_contracts
from .errors import CliError, Exit, say
from .reading import STDIO, read_module, shown_path

__all__ = ["prove"]

EXITS = {"proven": Exit.OK, "refuted": Exit.GATE, "unknown": Exit.UNKNOWN}


def prove(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ..wasm.errors import WasmError
    from ..wasm.validate import validate

    try:
        contracts = parse_contracts(tuple(arguments.assume or ()))
    except ContractError as error:
        raise CliError("E0203", str(error)) from None
    if arguments.original == STDIO and arguments.candidate == STDIO:
        raise CliError("E0201", "only one of the two can come from stdin")
    pair = []
    for path in (arguments.original, arguments.candidate):
        data = read_module(path)
        try:
            validate(data)
        except WasmError as error:
            raise CliError("E0303", f"{shown_path(path)}: not a valid module ({error})") from None
        pair.append(data)
    from ..verify.modules import prove_modules

    deadline = None
    if arguments.budget is not None and arguments.budget != math.inf:
        deadline = time.monotonic() + arguments.budget
    began = time.monotonic()
    verdict = prove_modules(
        pair[0],
        pair[1],
        deadline=deadline,
        entries=exports(pair[0], tuple(arguments.entry or ())),
        contracts=frozenset(contracts),
    )
    seconds = time.monotonic() - began
    if arguments.json:
        shown = {"verdict": plain(verdict), "contracts": list(contracts), "seconds": seconds}
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    else:
        detail = f": {verdict.reason}" if verdict.reason else ""
        sys.stdout.write(f"{verdict.status}{detail}\n")
    sys.stdout.flush()
    unused = [c for c in contracts if not any(a.startswith(c) for a in verdict.assumptions)]
    if not arguments.quiet and unused:
        say(f"unused: {', '.join(unused)}")
    return EXITS[verdict.status]


def exports(module: bytes, globs: tuple[str, ...]) -> tuple[str, ...] | None:
    """The exports that are ever used: those that a glob matches; all (``None``) without globs."""
    if not globs:
        return None
    from fnmatch import fnmatchcase

    from ..verify.reader import read_module as read_sections

    names = [name.decode() for name, _, _ in read_sections(module).exports]
    return tuple(n for n in names if any(fnmatchcase(n, glob) for glob in globs))


def plain(value: object) -> object:
    """A value of dataclasses, tuples and bytes as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
