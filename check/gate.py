"""The gate: measurement, comparison, and diffs for what is worst."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..optimize.options import Options
from .compare import Comparison, Finding, compare
from .config import PER_MODULE, CheckConfig
from .lock import Lock, LockError, for_config, parse, tools, write
from .measure import Measurement, ModuleError, measure, optimized
from .reports import SHOWN, Context, differences

__all__ = ["DIFF_LINES", "check", "context_of", "read_lock", "write_locks"]

DIFF_LINES = 60
"""Lines of a diff in a report: whoever needs more has the command."""


def read_lock(config: CheckConfig) -> Lock | None:
    """The lock, None if there is none. Raises LockError, and ConfigError for globs."""
    if config.lock != PER_MODULE:
        return _read(config.folder / config.lock)
    locks = [_read(config.folder / config.lock_of(path)) for path in config.files()]
    found = [one for one in locks if one is not None]
    if not found:
        return None
    # Locks of other tools or terms make the whole one of theirs: that is what is told then.
    mine = for_config(config, {})
    other = [one for one in found if (one.tools, one.budget) != (mine.tools, mine.budget)]
    first = other[0] if other else found[0]
    modules = {path: one for lock in found for path, one in lock.modules.items()}
    return replace(first, modules=modules)


def write_locks(config: CheckConfig, lock: Lock, write_file: Callable[[str, bytes], None]) -> None:
    """Write a lock with `write_file`, or one for each module."""
    if config.lock != PER_MODULE:
        write_file(str(config.folder / config.lock), write(lock).encode())
        return
    for path, measured in sorted(lock.modules.items()):
        alone = replace(lock, modules={path: measured})
        write_file(str(config.folder / config.lock_of(path)), write(alone).encode())


def _read(path: Path) -> Lock | None:
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LockError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise LockError(f"{path}: not a lock ({error.reason})") from None


def check(
    config: CheckConfig,
    options: Options,
    lock: Lock | None,
    *,
    locked: bool,
    paths: Sequence[str],
    shard: tuple[int, int] = (1, 1),
    partial: bool = False,
) -> Context:
    """Measure and compare. `partial` says that `paths` are not all modules there are.

    Raises what `measure` raises, and ModuleError for a module that is only in the lock.
    """
    began = time.monotonic()
    partial |= shard != (1, 1)
    if lock is not None and not partial:
        missing = [
            path
            for path in sorted(lock.modules.keys() - set(paths))
            if not (config.folder / path).exists()
        ]
        if missing:
            raise ModuleError(f"{missing[0]}: in the lock, but not there (was it built?)")
    measurement = measure(config, options, paths, shard)
    return context_of(
        config,
        options,
        lock,
        measurement,
        locked=locked,
        shard=shard,
        began=began,
        partial=partial,
    )


def context_of(
    config: CheckConfig,
    options: Options | None,
    lock: Lock | None,
    measurement: Measurement,
    *,
    locked: bool,
    shard: tuple[int, int] = (1, 1),
    began: float,
    partial: bool = False,
) -> Context:
    """Compare a measurement with the lock; without `options` there are no diffs."""
    found = tools()
    comparison = compare(config, lock, measurement, tools=found, locked=locked, whole=not partial)
    diffs = {} if options is None else _diffs(config, options, comparison)
    seconds = time.monotonic() - began
    return Context(config, comparison, measurement, found, diffs, seconds, shard)


def _diffs(
    config: CheckConfig, options: Options, comparison: Comparison
) -> dict[Finding, tuple[str, ...]]:
    """What eqsat makes now of the functions of the worst findings, as a diff of their text."""
    worst = [one for one in comparison.failing[:SHOWN] if one.function and one.verdict == 1]
    found: dict[Finding, tuple[str, ...]] = {}
    for path in sorted({one.path for one in worst}):
        before, after = _bodies(config, options, path)
        for one in (finding for finding in worst if finding.path == path):
            if one.function in before:
                pair = before[one.function], after.get(one.function, [])
                lines = list(differences(*pair, one.function))
                more = len(lines) - DIFF_LINES
                if more > 0:
                    lines[DIFF_LINES:] = [f"... {more} lines more"]
                found[one] = tuple(lines)
    return found


def _bodies(
    config: CheckConfig, options: Options, path: str
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The text of all functions by key, of the input and of the output."""
    from ..wasm.component import core_modules, is_component
    from ..wasm.errors import WasmError
    from ..wasm.module import Module
    from ..wasm.names import function_names
    from ..wasm.text import function_ids, print_body
    from .identity import function_keys

    found: list[dict[str, list[str]]] = []
    for data in optimized(config, options, path):
        parts = [data]
        if is_component(data):
            parts = [data[start:end] for start, end in core_modules(data)]
        texts: dict[str, list[str]] = {}
        for number, part in enumerate(parts):
            try:
                module = Module.parse(part)
                ids = function_ids(module)
                for index, key in function_keys(module, function_names(module)).items():
                    prefix = f"{number}:" if number else ""
                    texts[prefix + key] = print_body(module, index, ids)
            except WasmError:
                continue
        found.append(texts)
    return found[0], found[1]
