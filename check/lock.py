"""The lock file: what was measured, readable, one line for each function worth one.

TOML, read by the standard library, written by hand so that lines are where people and merges expect
them: modules by path, functions by key, nothing that depends on the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .config import CheckConfig

__all__ = [
    "FORMAT",
    "CallFuel",
    "Line",
    "Lock",
    "LockError",
    "Measured",
    "for_config",
    "parse",
    "tools",
    "write",
]

FORMAT = 1

PROOFS = ("proven", "refuted", "unknown", "skipped", "unchanged")

HEAD = """\
# What eqsat made of these modules; `eqsat check --update` writes this file, `eqsat check` compares.
# A line: key, hash of the input, of the output, bytes, cost (before, after), proof, rlimit, note.
"""


class LockError(Exception):
    """The lock file cannot be used; one line says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One function: its short hashes, bytes and cost before and after, and its proof."""

    key: str
    input: str
    output: str
    bytes: tuple[int, int]
    cost: tuple[float, float]
    proof: str
    rlimit: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class CallFuel:
    """The fuel of one recorded call before and after (None: it does not end well in either)."""

    label: str
    fuel: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One module: hashes, sizes of the files, counts by status, calls, and lines by key.

    `plain` has hash and bytes of the functions without a line; only a fresh measurement knows it.
    """

    path: str
    input: str
    output: str
    bytes: tuple[int, int]
    functions: Mapping[str, int]
    calls: tuple[CallFuel, ...] = ()
    lines: Mapping[str, Line] = field(default_factory=dict)
    plain: Mapping[str, tuple[str, int]] = field(default_factory=dict)


Tools: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lock:
    """A whole lock: which tools made it, under which budget, and the modules by path."""

    tools: Tools
    budget: Mapping[str, Any]
    modules: Mapping[str, Measured]


def tools() -> dict[str, str]:
    """The tools as the lock names them: `sources` is a digest of eqsat's own code and rules."""
    from .. import __version__
    from ..optimize.fingerprint import engines, sources

    return {"eqsat": __version__, "sources": sources().hex(), **dict(engines())}


def write(lock: Lock) -> str:
    """The text of a lock; the same text for the same lock."""
    return "".join(line + "\n" for line in _lines(lock))


def _lines(lock: Lock) -> Iterator[str]:
    yield HEAD.rstrip("\n")
    yield f"version = {FORMAT}"
    yield f"tools = {_table(lock.tools)}"
    yield f"budget = {_table(lock.budget)}"
    for path in sorted(lock.modules):
        one = lock.modules[path]
        yield ""
        yield "[[module]]"
        yield f"path = {_text(one.path)}"
        yield f"input = {_text('sha256:' + one.input)}"
        yield f"output = {_text('sha256:' + one.output)}"
        yield f"bytes = [{one.bytes[0]}, {one.bytes[1]}]"
        yield f"functions = {_table(one.functions)}"
        if one.calls:
            yield "calls = ["
            for call in one.calls:
                yield f"  [{_text(call.label)}, {list(call.fuel) if call.fuel else []}],"
            yield "]"
        yield "f = ["
        for key in sorted(one.lines):
            yield f"  {_line(one.lines[key])},"
        yield "]"


def _line(line: Line) -> str:
    cells = [
        _text(line.key),
        _text(line.input),
        _text(line.output),
        f"[{line.bytes[0]}, {line.bytes[1]}]",
        f"[{_number(line.cost[0])}, {_number(line.cost[1])}]",
        _text(line.proof),
        str(line.rlimit),
        _text(line.note),
    ]
    return f"[{', '.join(cells)}]"


def _table(table: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in table.items()) + " }"


def _value(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    assert isinstance(value, int)
    return str(value)


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for the one control character JSON lets be."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


def parse(text: str, source: str) -> Lock:
    """Read the text of a lock. Raises LockError, which names `source`."""
    import tomllib

    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise LockError(f"{source}: not TOML ({error})") from None
    if table.get("version") != FORMAT:
        raise LockError(f"{source}: version {table.get('version')!r} instead of {FORMAT}")
    try:
        modules = [_module(one) for one in table.get("module", [])]
        found = Lock(
            {str(key): _str(value) for key, value in table["tools"].items()},
            dict(table["budget"]),
            {one.path: one for one in modules},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LockError(f"{source}: not a lock ({type(error).__name__}: {error})") from None
    if len(found.modules) != len(modules):
        raise LockError(f"{source}: a module is listed twice (a merge gone wrong?)")
    return found


def _module(table: Mapping[str, Any]) -> Measured:
    lines = [_parsed_line(row) for row in table["f"]]
    by_key = {line.key: line for line in lines}
    if len(by_key) != len(lines):
        raise ValueError("a function is listed twice (a merge gone wrong?)")
    return Measured(
        path=_str(table["path"]),
        input=_hash(table["input"]),
        output=_hash(table["output"]),
        bytes=_pair(table["bytes"]),
        functions={_str(key): _int(value) for key, value in table["functions"].items()},
        calls=tuple(
            CallFuel(_str(label), _pair(fuel) if fuel else None)
            for label, fuel in table.get("calls", [])
        ),
        lines=by_key,
    )


def _parsed_line(row: list[Any]) -> Line:
    key, before, after, sizes, cost, proof, rlimit, note = row
    if proof not in PROOFS:
        raise ValueError(f"no such proof: {proof!r}")
    old, new = cost
    return Line(
        _str(key),
        _str(before),
        _str(after),
        _pair(sizes),
        (_real(old), _real(new)),
        proof,
        _int(rlimit),
        _str(note),
    )


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _int(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return value


def _pair(value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise TypeError(f"{value!r} is no pair")
    return (_int(value[0]), _int(value[1]))


def _hash(value: object) -> str:
    text = _str(value)
    if not text.startswith("sha256:"):
        raise ValueError(f"{text!r} is no hash")
    return text.removeprefix("sha256:")


def for_config(config: CheckConfig, modules: Mapping[str, Measured]) -> Lock:
    """The lock of a measurement made now."""
    return Lock(tools(), config.budget(), modules)


def plain_to_measured(plain: Mapping[str, Any], path: str | None = None) -> Measured:
    """A measurement from its plain values; `path` where they have none.

    Raises KeyError, TypeError, ValueError, AttributeError or IndexError for anything else.
    """
    return Measured(
        path=plain["path"] if path is None else path,
        input=plain["input"],
        output=plain["output"],
        bytes=(plain["bytes"][0], plain["bytes"][1]),
        functions=dict(plain["functions"]),
        calls=tuple(
            CallFuel(one["label"], (one["fuel"][0], one["fuel"][1]) if one["fuel"] else None)
            for one in plain["calls"]
        ),
        lines={
            key: Line(**{**one, "bytes": tuple(one["bytes"]), "cost": tuple(one["cost"])})
            for key, one in plain["lines"].items()
        },
        plain={key: (one[0], one[1]) for key, one in plain["plain"].items()},
    )
