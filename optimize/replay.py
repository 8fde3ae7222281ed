"""Bodies of an earlier run out of its report: no search, but every proof is made again."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .function import Candidate, Outcome

if TYPE_CHECKING:
    from ..verify.relation import Hints

__all__ = ["Replay", "ReplayError", "read_replay", "replay_rows"]


class ReplayError(Exception):
    """A report that cannot be replayed on this module; the message says why."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a report holds: hashes of input and output, a candidate for each changed function."""

    input_hash: str
    output_hash: str
    candidates: Mapping[int, Candidate]


def replay_rows(outcomes: Mapping[int, Outcome]) -> list[dict[str, Any]]:
    """The bodies of a run as the report keeps them."""
    from .payload import plain_hints

    return [
        {
            "index": index,
            "body": base64.b64encode(outcome.body).decode(),
            "types": outcome.new_types,
            "hints": plain_hints(outcome.hints),
            "via": [
                {"body": base64.b64encode(body).decode(), "hints": plain_hints(hints)}
                for body, hints in outcome.via
            ],
        }
        for index, outcome in sorted(outcomes.items())
        if outcome.body is not None
    ]


def read_replay(path: Path) -> Replay:
    """What the report in a file holds. Raises ReplayError, OSError."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if any(step["status"] == "proven" for step in plain["steps"]):
            raise ReplayError(
                f"{path}: that run changed the module as a whole, which cannot be replayed "
                "(--only '*' keeps to functions)"
            )
        rules = {row["index"]: tuple(map(str, row["rules"])) for row in plain["functions"]}
        candidates = {
            row["index"]: Candidate(
                base64.b64decode(row["body"], validate=True),
                _tuples(row["types"]),
                _hints(row["hints"]),
                rules.get(row["index"], ()),
                via=tuple(
                    (base64.b64decode(one["body"], validate=True), _hints(one["hints"]))
                    for one in row["via"]
                ),
            )
            for row in plain["replay"]
        }
        return Replay(str(plain["input"]["sha256"]), str(plain["output"]["sha256"]), candidates)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ReplayError(f"{path}: not a report that can be replayed ({what})") from None


def _hints(rows: Any) -> Hints | None:  # noqa: ANN401 (JSON)
    from ..verify.relation import Hints, LoopHint

    if rows is None:
        return None
    return Hints(
        tuple(
            LoopHint(
                int(loop),
                int(original),
                {int(local): (str(place[0]), int(place[1])) for local, place in places},
            )
            for loop, original, places in rows
        )
    )


def _tuples(value: Any) -> Any:  # noqa: ANN401 (JSON)
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
