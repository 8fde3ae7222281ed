"""`eqsat prove`: are two modules equal?"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..optimize.contracts import ContractError, parse_contracts
from .errors import CliError, Exit, say
from .reading import STDIO, read_module, reason, shown_path
from .writing import write

if TYPE_CHECKING:
    from ..verify.modules import ModuleVerdict

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
    if arguments.replay is not None:
        return replayed(arguments.replay, pair[0], pair[1])
    from ..verify.modules import prove_modules

    deadline = None
    if arguments.budget is not None and arguments.budget != math.inf:
        deadline = time.monotonic() + arguments.budget
    began = time.monotonic()
    try:
        verdict = prove_modules(
            pair[0],
            pair[1],
            deadline=deadline,
            entries=exports(pair[0], tuple(arguments.entry or ())),
            contracts=frozenset(contracts),
            smt2=None if arguments.smt2 is None else Path(arguments.smt2),
        )
    except OSError as error:
        problem = f"{arguments.smt2}: cannot be written ({reason(error)})"
        raise CliError("E0304", problem) from None
    if verdict.witness is not None and arguments.witness is not None:
        from ..verify.witnessfile import to_text

        write(arguments.witness, to_text(verdict.witness, pair[0], pair[1]).encode())
    seconds = time.monotonic() - began
    if arguments.json:
        shown = {"verdict": plain(verdict), "contracts": list(contracts), "seconds": seconds}
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    else:
        detail = f": {verdict.reason}" if verdict.reason else ""
        sys.stdout.write(f"{verdict.status}{detail}\n")
        if arguments.verbose:
            sys.stdout.writelines(f"{line}\n" for line in account(verdict))
    sys.stdout.flush()
    unused = [c for c in contracts if not any(a.startswith(c) for a in verdict.assumptions)]
    if not arguments.quiet and unused:
        say(f"unused: {', '.join(unused)}")
    return EXITS[verdict.status]


def account(verdict: ModuleVerdict) -> Iterator[str]:
    """What is known of every changed function, and what the proof relies on."""
    for index, one in verdict.functions:
        how = one.method if one.status == "proven" else one.reason
        cost = f", {one.queries} queries, {one.rlimit} solver units" if one.queries else ""
        yield f"  function {index}: {one.status} ({how}{cost})"
    for assumption in verdict.assumptions:
        yield f"  relies on: {assumption}"


def replayed(path: str, original: bytes, candidate: bytes) -> int:
    """Make the calls of a kept refutation again."""
    from ..verify.differential import replay
    from ..verify.witnessfile import BadWitness, read_calls

    try:
        calls = read_calls(Path(path).read_text(encoding="utf-8"))
    except (BadWitness, UnicodeDecodeError) as problem:
        raise CliError("E0303", f"{path}: {problem}") from None
    except OSError as error:
        raise CliError("E0302", f"{path}: cannot be read ({reason(error)})") from None
    found = replay(original, candidate, calls)
    sys.stdout.write("unknown: no difference\n" if found is None else f"refuted: {found}\n")
    return Exit.UNKNOWN if found is None else Exit.GATE


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
