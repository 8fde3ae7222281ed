"""Measuring modules: from the cache where the same was measured before, else by optimizing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..optimize.cache import CacheError, Entry, Store
from ..optimize.errors import FuseBlown, InputError, OutputError
from ..optimize.fingerprint import choices, fields_digest, tool
from ..optimize.options import Options
from .calls import CallError, measure_calls
from .config import CheckConfig
from .lock import Line, Measured, plain_to_measured

if TYPE_CHECKING:
    from ..wasm.module import Module

__all__ = ["Alarm", "Measurement", "ModuleError", "measure", "optimized", "shard_of"]

KIND = "module"
"""Of entries in the cache: the outcome for a whole module."""

CONTEXT = b""
"""Entries for whole modules need no surroundings."""


class ModuleError(Exception):
    """A module cannot be read, or is none; one line says why."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that must never happen: a wrong output, or two outputs for one input."""

    path: str
    message: str
    nondeterminism: bool = False


@dataclass(slots=True)
class Measurement:
    """All modules by path, alarms, what was wrong with the cache, and how many it answered."""

    modules: dict[str, Measured]
    alarms: list[Alarm]
    warning: str = ""
    cached: int = 0


def shard_of(data: bytes, count: int) -> int:
    """Which of `count` shards a module belongs to, from 1: by its content alone."""
    return 1 + int.from_bytes(sha256(data).digest()[:8], "big") % count


def measure(
    config: CheckConfig, options: Options, paths: Sequence[str], shard: tuple[int, int] = (1, 1)
) -> Measurement:
    """Measure the modules at these paths, those of one shard (k of n).

    Raises ModuleError for a module that cannot be read or is not valid, CallError for a call that
    cannot be made, OSError for a file of the user's that cannot be read.
    """
    found = Measurement({}, [])
    sources = {path: data for path, data in _sources(config, paths) if _mine(data, shard)}
    keys = {path: _key(config, options, path, data) for path, data in sources.items()}
    known = _recall(options, list(keys.values()), found)
    new: list[Entry] = []
    for path, data in sources.items():
        payload = known.get(keys[path])
        measured = None if payload is None else _unpacked(path, payload)
        if measured is not None:
            found.cached += 1
            found.modules[path] = measured
            continue
        fresh = _fresh(config, options, path, data, found)
        if fresh is not None:
            found.modules[path] = fresh
            new.append(Entry(keys[path], KIND, tool(), CONTEXT, _packed(fresh)))
    _keep(options, new, [keys[path] for path in sources if keys[path] in known], found)
    return found


def optimized(config: CheckConfig, options: Options, path: str) -> tuple[bytes, bytes]:
    """A module and what becomes of it, for those who want to show the difference."""
    from ..optimize.driver import optimize

    ((_, data),) = _sources(config, [path])
    module = _binary(data)
    return module, optimize(module, options=options).output


def _binary(data: bytes) -> bytes:
    """The module in the binary format. Raises WasmError for text that is none."""
    from ..wasm.text_in import looks_like_text, to_binary

    return to_binary(data) if looks_like_text(data) else data


def _sources(config: CheckConfig, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        try:
            data = (config.folder / path).read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ModuleError(f"{path}: cannot be read ({reason})") from None
        yield path, data


def _mine(data: bytes, shard: tuple[int, int]) -> bool:
    number, count = shard
    return shard_of(data, count) == number


def _key(config: CheckConfig, options: Options, path: str, data: bytes) -> bytes:
    parts = [tool(), choices(options), b"module", data]
    for call in config.calls:
        if call.module == path:
            host = (config.folder / call.imports).read_bytes() if call.imports else b""
            parts += (call.export.encode(), repr(call.arguments).encode(), host)
    return fields_digest(*parts)


def _recall(options: Options, keys: Sequence[bytes], found: Measurement) -> dict[bytes, bytes]:
    if options.cache is None:
        return {}
    try:
        known, broken = Store(options.cache).get(keys)
    except CacheError as error:
        found.warning = f"going on without the cache: {error}"
        return {}
    if broken:
        found.warning = "the cache has entries that something else has changed: not used"
    return known


def _keep(
    options: Options, new: Sequence[Entry], used: Sequence[bytes], found: Measurement
) -> None:
    # What was only read is marked as used with the next write: a warm check writes nothing.
    if options.cache is None or not new or found.warning:
        return
    try:
        Store(options.cache).put(new, {}, used)
    except CacheError as error:
        found.warning = f"the cache was not written: {error}"


def _fresh(
    config: CheckConfig, options: Options, path: str, data: bytes, found: Measurement
) -> Measured | None:
    """Optimize a module and measure it; an alarm instead where the result is wrong."""
    from ..optimize.driver import optimize
    from ..wasm.errors import WasmError

    try:
        module = _binary(data)
        result = optimize(module, options=options)
        calls = measure_calls(
            module,
            result.output,
            [call for call in config.calls if call.module == path],
            config.folder,
        )
        if _sampled(config, data):
            again = optimize(module, options=replace(options, cache=None))
            if again.output != result.output:
                found.alarms.append(Alarm(path, "two runs gave two outputs", True))
    except (InputError, WasmError) as error:
        raise ModuleError(f"{path}: not a valid module ({error.message})") from None
    except CallError as error:
        raise CallError(f"{path}: {error}") from None
    except OutputError as error:
        found.alarms.append(Alarm(path, error.message))
        return None
    except FuseBlown as error:
        raise ModuleError(f"{path}: {error}") from None
    if calls.different:
        found.alarms += [Alarm(path, message) for message in calls.different]
        return None
    lines, plain = _functions(module, result.output, result.report.functions)
    counts: dict[str, int] = {"total": len(result.report.functions)}
    counts |= {str(name): count for name, count in result.report.counts().items()}
    return Measured(
        path=path,
        input=sha256(data).hexdigest(),
        output=sha256(result.output).hexdigest(),
        bytes=(len(module), len(result.output)),
        functions=counts,
        calls=calls.fuel,
        lines=lines,
        plain=plain,
    )


def _sampled(config: CheckConfig, data: bytes) -> bool:
    """Whether a module that had to be optimized is optimized twice."""
    part = int.from_bytes(sha256(b"twice" + data).digest()[:4], "big")
    return part < config.determinism_sample * (1 << 32)


def _functions(
    before: bytes, after: bytes, records: Sequence[Any]
) -> tuple[dict[str, Line], dict[str, tuple[str, int]]]:
    """Lines of changed and unproved functions, hash and size of the others."""
    from ..wasm.component import core_modules, is_component
    from ..wasm.module import Module
    from ..wasm.names import function_names
    from ..wasm.text import function_ids
    from .identity import body_hash, function_keys

    def parts(data: bytes) -> list[bytes]:
        if not is_component(data):
            return [data]
        return [data[start:end] for start, end in core_modules(data)]

    lines: dict[str, Line] = {}
    plain: dict[str, tuple[str, int]] = {}
    for number, (old, new) in enumerate(zip(parts(before), parts(after), strict=True)):
        olds, news = Module.parse(old), Module.parse(new)
        prefix = f"{number}:" if number else ""
        keys = function_keys(olds, function_names(olds))
        old_ids, new_ids = function_ids(olds), function_ids(news)
        renamed = _renamed(olds, news, keys)
        for record in (one for one in records if one.module == number):
            key = prefix + keys[record.index]
            source = body_hash(olds, record.index, old_ids)
            if record.status in ("unchanged", "skipped"):
                plain[key] = (source, record.bytes_before)
                continue
            place = renamed.get(record.index)
            lines[key] = Line(
                key=key,
                input=source,
                output="gone" if place is None else body_hash(news, place, new_ids),
                bytes=(record.bytes_before, record.bytes_after),
                cost=(record.cost_before, record.cost_after),
                proof=record.status,
                rlimit=record.rlimit,
                note=record.reason,
            )
    return lines, plain


def _renamed(old: Module, new: Module, keys: dict[int, str]) -> dict[int, int]:
    """Where each function is in the output: the same place, else the one of the same key."""
    from ..wasm.names import function_names
    from .identity import function_keys

    if len(old.functions) == len(new.functions):
        return {index: index for index in keys}
    places = {key: index for index, key in function_keys(new, function_names(new)).items()}
    return {index: places[key] for index, key in keys.items() if key in places}


def _packed(measured: Measured) -> bytes:
    plain = asdict(replace(measured, path=""))
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), 6)


def _unpacked(path: str, payload: bytes) -> Measured | None:
    """The measurement in a payload; None where it is none."""
    try:
        return plain_to_measured(json.loads(zlib.decompress(payload)), path)
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
