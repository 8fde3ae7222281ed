"""The `[check]` table of eqsat.toml, or `[tool.eqsat.check]` of pyproject.toml."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..optimize.contracts import ContractError, parse_contracts
from ..optimize.options import NAMED_COSTS, Options, OptionsError

__all__ = [
    "FAILURES",
    "CallSpec",
    "CheckConfig",
    "ConfigError",
    "Override",
    "Tolerance",
    "find_config",
    "read_config",
]

FAILURES = ("size", "fuel", "proof", "refuted", "invalid")
"""What `fail-on` may name; all of it by default."""

DEFAULT_LOCK = "eqsat.lock"

PER_MODULE = "per-module"
"""Instead of a lock file: each module has one of its own beside it."""
DEFAULT_ITERS = 12
DEFAULT_NODES = 40_000
DEFAULT_RLIMIT = 2_000_000
"""Counted budgets where the configuration names none: those of `eqsat opt`."""


class ConfigError(Exception):
    """The configuration makes no sense; one line says where."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse is not worth a failure: an absolute amount and a share, the larger counts."""

    amount: float = 0.0
    share: float = 0.0

    def limit(self, before: float) -> float:
        """The largest value that passes."""
        return before + max(self.amount, self.share * before)


@dataclass(frozen=True, slots=True)
class Override:
    """Other terms for functions (by key) and modules that match."""

    functions: str = "*"
    modules: str = "*"
    require_proof: bool | None = None
    function: Tolerance | None = None
    fuel: Tolerance | None = None

    def covers(self, module: str, function: str) -> bool:
        """Whether a function is meant."""
        return fnmatch.fnmatchcase(module, self.modules) and fnmatch.fnmatchcase(
            function, self.functions
        )


@dataclass(frozen=True, slots=True)
class CallSpec:
    """A call whose fuel is recorded; `imports` is a WAT file whose exports serve as imports."""

    module: str
    export: str
    arguments: tuple[int | float, ...] = ()
    imports: str = ""

    @property
    def label(self) -> str:
        """The call as text."""
        return f"{self.export}({','.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class CheckConfig:
    """What is checked and on which terms. Paths are relative to `folder`."""

    folder: Path
    source: str
    modules: tuple[str, ...]
    lock: str = DEFAULT_LOCK
    cost: str = "balanced"
    max_iters: int = DEFAULT_ITERS
    max_nodes: int = DEFAULT_NODES
    rlimit: int = DEFAULT_RLIMIT
    assume: tuple[str, ...] = ()
    entry: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    fail_on: frozenset[str] = frozenset(FAILURES)
    total: Tolerance = Tolerance(share=0.005)
    function: Tolerance = Tolerance()
    fuel: Tolerance = Tolerance()
    determinism_sample: float = 0.01
    overrides: tuple[Override, ...] = ()
    calls: tuple[CallSpec, ...] = field(default=())

    def options(self, cache: Path | None, jobs: int) -> Options:
        """The options of every run. Raises ConfigError."""
        cost = self.cost if self.cost in NAMED_COSTS else self.folder / self.cost
        try:
            return Options(
                cost=cost,
                max_iters=self.max_iters,
                max_nodes=self.max_nodes,
                rlimit=self.rlimit,
                assume=parse_contracts(self.assume),
                entry=self.entry,
                rules=tuple(self.folder / name for name in self.rules),
                cache=cache,
                jobs=jobs,
            )
        except (OptionsError, ContractError) as error:
            raise ConfigError(f"{self.source}: {error}") from None

    def lock_of(self, path: str) -> str:
        """The lock file that has a module, relative to the folder."""
        return f"{path}.{DEFAULT_LOCK}" if self.lock == PER_MODULE else self.lock

    def budget(self) -> dict[str, str | int | list[str]]:
        """What the lock records of the terms on which it was made."""
        return {
            "cost": self.cost,
            "max-iters": self.max_iters,
            "max-nodes": self.max_nodes,
            "rlimit": self.rlimit,
            "assume": list(self.assume),
            "entry": list(self.entry),
            "rules": list(self.rules),
        }

    def files(self) -> list[str]:
        """The modules that the globs mean, as paths with slashes, sorted; `!` takes away."""
        found: dict[str, None] = {}
        for glob in self.modules:
            if glob.startswith("!"):
                found = {path: None for path in found if not _matches(path, glob[1:])}
                continue
            for path in self.folder.glob(glob):
                if path.is_file():
                    found[path.relative_to(self.folder).as_posix()] = None
        return sorted(found)


def _matches(path: str, glob: str) -> bool:
    """Whether a relative path matches a glob in which `**/` means any folders, or none."""
    pattern = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    pattern = pattern.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.fullmatch(pattern, path) is not None


def find_config(folder: Path) -> Path | None:
    """The nearest file that configures the check, from the folder up."""
    import tomllib

    for place in (folder, *folder.parents):
        if (path := place / "eqsat.toml").is_file():
            return path
        path = place / "pyproject.toml"
        if path.is_file():
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue  # somebody else's file, somebody else's error
            if "check" in table.get("tool", {}).get("eqsat", {}):
                return path
    return None


def read_config(path: Path) -> CheckConfig:
    """Read the configuration. Raises ConfigError."""
    import tomllib

    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from None
    keys = ("tool", "eqsat", "check") if path.name == "pyproject.toml" else ("check",)
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: no table [{'.'.join(keys)}]")
    return _config(path, table)


def _config(path: Path, table: Mapping[str, Any]) -> CheckConfig:
    where = str(path)
    if "budget" in table:
        raise ConfigError(
            f"{where}: budget: a wall-clock budget makes no gate (max-iters, max-nodes, rlimit do)"
        )
    fields: dict[str, Any] = {"folder": path.resolve().parent, "source": where}
    for key, value in table.items():
        if key == "tolerance":
            fields |= _tolerances(where, value)
            continue
        reader = _READERS.get(key)
        if reader is None:
            raise ConfigError(f"{where}: unknown key '{key}'")
        name, read = reader
        try:
            fields[name] = read(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {key}: {error}") from None
    if not fields.get("modules"):
        raise ConfigError(f"{where}: modules: at least one glob is needed")
    return CheckConfig(**fields)


def _tolerances(where: str, value: object) -> dict[str, Tolerance]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: tolerance: a table is expected")
    for name in value:
        if name not in ("total", "function", "fuel"):
            raise ConfigError(f"{where}: tolerance: unknown key '{name}'")
    try:
        return {name: _tolerance(one) for name, one in value.items()}
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: tolerance: {error}") from None


def _tolerance(value: object) -> Tolerance:
    """`"0.5%"`, `"16B"`, or a number of units."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found = Tolerance(amount=float(value))
    elif not isinstance(value, str):
        raise TypeError("a number or a text like '0.5%' or '16B' is expected")
    elif value.strip().endswith("%"):
        found = Tolerance(share=float(value.strip()[:-1]) / 100)
    else:
        found = Tolerance(amount=float(value.strip().removesuffix("B")))
    if not (0 <= found.amount < float("inf") and 0 <= found.share < float("inf")):
        raise ValueError(f"'{value}' is no tolerance")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise TypeError("a list of texts is expected")
    return tuple(map(_text, value))


def _count(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("a whole number of at least 1 is expected")
    return value


def _failures(value: object) -> frozenset[str]:
    names = _texts(value)
    for name in names:
        if name not in FAILURES:
            raise ValueError(f"unknown '{name}' (known: {', '.join(FAILURES)})")
    return frozenset(names)


def _share(value: object) -> float:
    share = _tolerance(value).share if isinstance(value, str) else value
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ValueError("a share like '1%' is expected")
    return float(share)


def _table(value: object, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("tables are expected")
    for name in value:
        if name not in known:
            raise ValueError(f"unknown key '{name}'")
    return value


def _overrides(value: object) -> tuple[Override, ...]:
    if not isinstance(value, list):
        raise TypeError("tables [[check.override]] are expected")
    found = []
    for one in value:
        table = _table(one, ("functions", "modules", "require-proof", "function", "fuel"))
        proof = table.get("require-proof")
        if proof is not None and not isinstance(proof, bool):
            raise TypeError("require-proof is true or false")
        found.append(
            Override(
                functions=_text(table.get("functions", "*")),
                modules=_text(table.get("modules", "*")),
                require_proof=proof,
                function=_tolerance(table["function"]) if "function" in table else None,
                fuel=_tolerance(table["fuel"]) if "fuel" in table else None,
            )
        )
    return tuple(found)


def _calls(value: object) -> tuple[CallSpec, ...]:
    if not isinstance(value, list):
        raise TypeError("tables [[check.call]] are expected")
    found = []
    for one in value:
        table = _table(one, ("module", "export", "args", "imports"))
        arguments = table.get("args", [])
        if not isinstance(arguments, list) or not all(
            isinstance(each, (int, float)) and not isinstance(each, bool) for each in arguments
        ):
            raise TypeError("args are numbers")
        found.append(
            CallSpec(
                module=_text(table.get("module")),
                export=_text(table.get("export")),
                arguments=tuple(arguments),
                imports=_text(table.get("imports", "")),
            )
        )
    return tuple(found)


_READERS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "modules": ("modules", _texts),
    "lock": ("lock", _text),
    "cost": ("cost", _text),
    "max-iters": ("max_iters", _count),
    "max-nodes": ("max_nodes", _count),
    "rlimit": ("rlimit", _count),
    "assume": ("assume", _texts),
    "entry": ("entry", _texts),
    "rules": ("rules", _texts),
    "fail-on": ("fail_on", _failures),
    "determinism-sample": ("determinism_sample", _share),
    "override": ("overrides", _overrides),
    "call": ("calls", _calls),
}
"""Keys of the table, the field each becomes, and how its value is read."""
