"""The parts of one check, measured by several processes, as one measurement again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .config import CheckConfig
from .lock import plain_to_measured, tools
from .measure import Alarm, Measurement
from .reports import SCHEMA_VERSION

__all__ = ["MergeError", "read_parts"]


class MergeError(Exception):
    """The parts do not belong together, or one is none; one line says why."""


def read_parts(paths: Sequence[Path], config: CheckConfig) -> Measurement:
    """Put the JSON reports of all shards together.

    Raises MergeError for a report that cannot be read, was made by another eqsat or under other
    terms, or where a shard is missing or there twice.
    """
    found = Measurement({}, [])
    shards: list[tuple[int, int]] = []
    for path in paths:
        table = _read(path)
        if table.get("schema") != SCHEMA_VERSION:
            raise MergeError(f"{path}: not a report of this version of eqsat check")
        try:
            if table["tools"] != tools():
                raise MergeError(f"{path}: made by another eqsat")
            if table["budget"] != config.budget():
                raise MergeError(f"{path}: made under other terms than {config.source} has")
            number, count = table["shard"]
            shards.append((number, count))
            modules = [plain_to_measured(one) for one in table["modules"]]
            alarms = [Alarm(**one) for one in table["alarms"]]
            found.cached += int(table["cached"])
        except (KeyError, TypeError, ValueError) as error:
            raise MergeError(f"{path}: not a report of eqsat check ({error})") from None
        found.modules |= {one.path: one for one in modules}
        found.alarms += alarms
    _complete(shards)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MergeError(f"{path}: cannot be read ({(error.strerror or '').lower()})") from None
    except ValueError as error:
        raise MergeError(f"{path}: not JSON ({error})") from None
    if not isinstance(table, dict):
        raise MergeError(f"{path}: not a report of eqsat check")
    return table


def _complete(shards: Sequence[tuple[int, int]]) -> None:
    """Every shard once."""
    counts = {count for _, count in shards}
    if len(counts) != 1:
        raise MergeError("the parts are of different numbers of shards")
    (count,) = counts
    numbers = sorted(number for number, _ in shards)
    if numbers != list(range(1, count + 1)):
        raise MergeError(f"shards {', '.join(map(str, numbers))} of {count}: not each once")
