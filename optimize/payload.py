"""Outcomes as bytes for the cache, and back; what does not read well is refused.

The format is compressed JSON and nothing that could run code: the file may come from elsewhere.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from .function import Outcome
from .report import FunctionRecord, Status

if TYPE_CHECKING:
    from ..verify.relation import Hints
    from ..wasm.module import Module

__all__ = ["Kept", "Payload", "PayloadError", "decode", "encode", "plain_hints", "read"]

LARGEST_PAYLOAD = 1 << 28
"""Bytes that a payload may unpack to."""

FIELDS = (
    *("status", "reason", "bytes_before", "bytes_after", "cost_before", "cost_after"),
    *("rules", "method", "queries", "rlimit", "rejected"),
)
"""What is kept of a record: the rest is a matter of the run."""


class PayloadError(Exception):
    """Bytes that are no payload, or one for something else."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Outcomes, how far the search had come with them, and how often time alone ended it."""

    outcomes: tuple[Outcome, ...]
    state: int
    tries: int


@dataclass(frozen=True, slots=True)
class Kept:
    """One function as it is kept: where it stood, its original body and its outcome.

    `base` is the body that the outcome starts from: the original, or what an earlier visit made of
    it.
    """

    index: int
    original: bytes
    base: bytes
    outcome: Outcome


def encode(payload: Payload, module: Module, visited: Sequence[tuple[int, bytes | None]]) -> bytes:
    """The payload for a visit to these functions of a module, with the bodies they had then.

    The outcomes are in the same order; a body that is None is the original.
    """
    rows = [
        _row(index, module.body_bytes(index), body, outcome)
        for (index, body), outcome in zip(visited, payload.outcomes, strict=True)
    ]
    plain = {"state": payload.state, "tries": payload.tries, "functions": rows}
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), 6)


def decode(
    data: bytes,
    module: Module,
    visited: Sequence[tuple[int, bytes | None]],
    names: Mapping[int, str],
) -> Payload:
    """The payload for a visit to these functions of this module, with the bodies they had then.

    Raises PayloadError unless it was made for functions with the same original bodies.
    """
    kept, state, tries = read(data)
    if [one.original for one in kept] != [module.body_bytes(index) for index, _ in visited]:
        raise PayloadError("made for other functions")
    outcomes = []
    for (index, body), one in zip(visited, kept, strict=True):
        if one.base != (one.original if body is None else body):
            raise PayloadError("made for another body")
        record = _relabelled(one.outcome.record, index, names.get(index, ""))
        outcomes.append(replace(one.outcome, record=record))
    return Payload(tuple(outcomes), state, tries)


def read(data: bytes) -> tuple[tuple[Kept, ...], int, int]:
    """Functions, state and tries of a payload. Raises PayloadError."""
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(data, LARGEST_PAYLOAD)
        if not unpacker.eof:
            raise PayloadError("too large")
        plain = json.loads(text)
        state, tries = plain["state"], plain["tries"]
        if type(state) is not int or type(tries) is not int or not 0 <= state <= 2:
            raise PayloadError("no such state")
        return tuple(_kept(row) for row in plain["functions"]), state, tries
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PayloadError(str(error)) from None


def _row(index: int, original: bytes, base: bytes | None, outcome: Outcome) -> dict[str, Any]:
    record = outcome.record
    return {
        "index": index,
        "original": original.hex(),
        "base": None if base is None else base.hex(),
        "via": [(body.hex(), plain_hints(hints)) for body, hints in outcome.via],
        "body": None if outcome.body is None else outcome.body.hex(),
        "types": outcome.new_types,
        "hints": plain_hints(outcome.hints),
        **{name: getattr(record, name) for name in FIELDS},
    }


def _kept(row: Any) -> Kept:  # noqa: ANN401 (JSON)
    status: Status = row["status"]
    if status not in get_args(Status):
        raise PayloadError("no such status")
    body = None if row["body"] is None else bytes.fromhex(row["body"])
    if (status == "proven") != (body is not None):
        raise PayloadError("a body without a proof, or the reverse")
    record = FunctionRecord(
        index=_count(row["index"]),
        name="",
        status=status,
        reason=str(row["reason"]),
        bytes_before=_count(row["bytes_before"]),
        bytes_after=_count(row["bytes_after"]),
        cost_before=_number(row["cost_before"]),
        cost_after=_number(row["cost_after"]),
        rules=tuple(str(name) for name in row["rules"]),
        method=str(row["method"]),
        queries=_count(row["queries"]),
        rlimit=_count(row["rlimit"]),
        rejected=_count(row["rejected"]),
    )
    original = bytes.fromhex(row["original"])
    base = original if row["base"] is None else bytes.fromhex(row["base"])
    if record.bytes_before != len(base):
        raise PayloadError("made for another body")
    via = tuple((bytes.fromhex(between), _hints(advice)) for between, advice in row["via"])
    if via and body is None:
        raise PayloadError("a way that leads nowhere")
    if record.bytes_after != (record.bytes_before if body is None else len(body)):
        raise PayloadError("a size that is not that of the body")
    types, hints = _tuples(row["types"]), _hints(row["hints"])
    return Kept(record.index, original, base, Outcome(record, body, types, hints, via=via))


def _number(value: Any) -> float:  # noqa: ANN401 (JSON)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PayloadError("no number")
    return value


def _count(value: Any) -> int:  # noqa: ANN401 (JSON)
    if type(value) is not int or value < 0:
        raise PayloadError("no count")
    return value


def _relabelled(record: FunctionRecord, index: int, name: str) -> FunctionRecord:
    return replace(record, index=index, name=name)


def plain_hints(hints: Hints | list[Any] | None) -> list[Any] | None:
    """Advice for the validator as lists, for those who want to prove the result again."""
    if hints is None or isinstance(hints, list):
        return hints
    return [
        [one.loop, one.original, [[local, place] for local, place in one.locals.items()]]
        for one in hints.loops
    ]


def _hints(rows: Any) -> list[Any] | None:  # noqa: ANN401 (JSON)
    """The lists again; `cache verify` alone makes hints of them, so the solver stays unloaded."""
    if rows is not None and not isinstance(rows, list):
        raise PayloadError("no hints")
    return rows


def _tuples(value: Any) -> Any:  # noqa: ANN401 (JSON)
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
