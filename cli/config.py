"""Settings that are not on the command line: `EQSAT_*` variables, then the nearest file.

The file is `eqsat.toml` (table `[opt]`) or `pyproject.toml` (table `[tool.eqsat.opt]`), whichever
comes first on the way from the working directory up. Options win over variables, variables over
the file.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import CliError
from .reading import reason
from .values import count, duration, jobs

__all__ = ["SETTINGS", "apply_settings"]


def _text(value: str) -> str:
    return value


def _switch(value: str) -> bool:
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off", ""):
        return False
    raise argparse.ArgumentTypeError(f"'{value}' is neither true nor false")


SETTINGS: dict[str, Callable[[str], object]] = {
    "cost": _text,
    "budget": duration,
    "max_iters": count,
    "max_nodes": count,
    "rlimit": count,
    "extract": _text,
    "jobs": jobs,
    "only": _text,
    "skip": _text,
    "assume": _text,
    "entry": _text,
    "rules": _text,
    "without_rule": _text,
    "strip": _text,
    "keep": _text,
    "require_proof": _switch,
    "no_cache": _switch,
}
"""Options that may stand in a file or a variable, and how their text is read."""

LISTS = frozenset(("only", "skip", "assume", "entry", "rules", "without_rule", "strip", "keep"))
"""Settings of several values: a list in a file, separated by commas in a variable."""

COUNTED = ("max_iters", "max_nodes", "rlimit")


def apply_settings(
    arguments: argparse.Namespace,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> None:
    """Fill options that were not given from variables and the nearest file.

    Budgets belong together: a counted budget on one level hides the wall budget of lower levels.
    Raises CliError E0202 or E0309.
    """
    for level in (_from_environment(environment), _from_file(folder or Path.cwd())):
        counted = any(getattr(arguments, name) is not None for name in COUNTED)
        for name, value in level.items():
            if name == "budget" and counted:
                continue
            current = getattr(arguments, name)
            if current is None or current is False:
                setattr(arguments, name, value)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, read in SETTINGS.items():
        variable = f"EQSAT_{name.upper()}"
        text = environment.get(variable)
        if text is None:
            continue
        parts = [part.strip() for part in text.split(",")] if name in LISTS else [text]
        values = [_read(read, part, variable) for part in parts if part or name not in LISTS]
        found[name] = values if name in LISTS else values[0]
    return found


def _from_file(folder: Path) -> dict[str, Any]:
    for place in (folder, *folder.parents):
        path = place / "eqsat.toml"
        if path.is_file():
            return _table(path, ("opt",))
        path = place / "pyproject.toml"
        if path.is_file() and (found := _table(path, ("tool", "eqsat", "opt"))):
            return found
    return {}


def _table(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    import tomllib

    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CliError("E0302", f"{path}: cannot be read ({reason(error)})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        if path.name == "pyproject.toml":  # somebody else's file, somebody else's error
            return {}
        raise CliError("E0309", f"{path}: not TOML ({error})") from None
    for key in keys:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise CliError("E0202", f"{path}: [{'.'.join(keys)}] is no table")
    return {_name(key, path): _value(key, value, path) for key, value in table.items()}


def _name(key: str, path: Path) -> str:
    name = key.replace("-", "_")
    if name not in SETTINGS:
        raise CliError("E0202", f"{path}: unknown setting '{key}'")
    return name


def _value(key: str, value: object, path: Path) -> object:
    name = key.replace("-", "_")
    where = f"{path}: {key}"
    if name in LISTS:
        parts = value if isinstance(value, list) else [value]
        found = [_read(SETTINGS[name], str(part), where) for part in parts]
        # Files that a configuration names stand beside it.
        return [str(path.parent / str(part)) for part in found] if name == "rules" else found
    if isinstance(value, (list, dict)):
        raise CliError("E0202", f"{where}: one value expected")
    return _read(SETTINGS[name], str(value), where)


def _read(read: Callable[[str], object], text: str, where: str) -> object:
    try:
        return read(text)
    except argparse.ArgumentTypeError as error:
        raise CliError("E0202", f"{where}: {error}") from None
