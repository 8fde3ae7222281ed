"""The fuel of recorded calls, and whether they end as before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import CallSpec
from .lock import CallFuel

if TYPE_CHECKING:
    import wasmtime

__all__ = ["CallError", "Calls", "measure_calls"]

MOST_FUEL = 10_000_000_000
"""Instructions after which a call is given up."""


class CallError(Exception):
    """A call cannot be made as configured; one line says why."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Fuel of the calls, and a line for each that ends otherwise than before."""

    fuel: tuple[CallFuel, ...]
    different: tuple[str, ...]


def measure_calls(original: bytes, output: bytes, calls: Sequence[CallSpec], folder: Path) -> Calls:
    """Make the calls on both modules, each on a fresh instance. Raises CallError."""
    import wasmtime

    from ..verify.border import closed, unnameable
    from ..verify.machine import make_engine
    from ..verify.reader import Malformed, Unsupported, read_module

    if not calls:
        return Calls((), ())
    # wasmtime's C interface aborts the process when asked for a type that it cannot express.
    for data in (original, output):
        try:
            module = read_module(data)
        except (Malformed, Unsupported) as problem:
            raise CallError(str(problem)) from None
        reason = unnameable(module)
        if reason is not None:
            raise CallError(reason)
        shut = closed(module)
        for call in calls:
            if call.export in shut:
                raise CallError(f"{call.label}: a type that no host can name")
    engine = make_engine()
    try:
        before, after = wasmtime.Module(engine, original), wasmtime.Module(engine, output)
    except wasmtime.WasmtimeError as error:
        raise CallError(str(error).splitlines()[0]) from None
    fuel, different = [], []
    for call in calls:
        first = _outcome(engine, before, call, folder)
        second = _outcome(engine, after, call, folder)
        if first[0] != second[0]:
            different.append(f"{call.label} gives {second[0]} instead of {first[0]}")
        whole = first[0] is not None and second[0] is not None
        fuel.append(CallFuel(call.label, (first[1], second[1]) if whole else None))
    return Calls(tuple(fuel), tuple(different))


def _outcome(
    engine: wasmtime.Engine, module: wasmtime.Module, call: CallSpec, folder: Path
) -> tuple[str | None, int]:
    """The results as text (None: a trap) and the fuel."""
    import wasmtime

    store = wasmtime.Store(engine)
    store.set_fuel(MOST_FUEL)
    host = _host(store, engine, call, folder)
    try:
        instance = wasmtime.Instance(
            store, module, [_import(store, one, host) for one in module.imports]
        )
    except wasmtime.Trap:
        return None, 0
    except wasmtime.WasmtimeError as error:
        raise CallError(f"{call.label}: {str(error).splitlines()[0]}") from None
    exports = instance.exports(store)
    function = exports.get(call.export)
    if not isinstance(function, wasmtime.Func):
        raise CallError(f"{call.label}: no function of that name is exported")
    started = store.get_fuel()
    try:
        found = function(store, *call.arguments)
    except wasmtime.Trap:
        return None, started - store.get_fuel()
    except (wasmtime.WasmtimeError, TypeError, ValueError, OverflowError) as error:
        raise CallError(f"{call.label}: {str(error).splitlines()[0]}") from None
    values = found if isinstance(found, list) else [found]
    shown = ["nan" if one != one else repr(one) for one in values]
    return ", ".join(shown), started - store.get_fuel()


def _host(
    store: wasmtime.Store, engine: wasmtime.Engine, call: CallSpec, folder: Path
) -> dict[str, Any]:
    """The exports of the module that stands for the host, by name."""
    import wasmtime

    if not call.imports:
        return {}
    path = folder / call.imports
    try:
        text = path.read_text(encoding="utf-8")
        module = wasmtime.Module(engine, text)
        exports = wasmtime.Instance(store, module, []).exports(store)
    except OSError as error:
        raise CallError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, wasmtime.WasmtimeError, wasmtime.Trap) as error:
        raise CallError(f"{path}: {str(error).splitlines()[0]}") from None
    return {one.name: exports[one.name] for one in module.exports}


def _import(store: wasmtime.Store, wanted: wasmtime.ImportType, host: dict[str, Any]) -> Any:  # noqa: ANN401 (an extern: wasmtime has no common type for them)
    """What the host module exports as `module.name` or `name`, else a stub that gives zeros."""
    import wasmtime

    for name in (f"{wanted.module}.{wanted.name}", wanted.name):
        if name is not None and name in host:
            return host[name]
    kind = wanted.type
    match kind:
        case wasmtime.FuncType():
            zeros = [0.0 if str(one)[0] == "f" else 0 for one in kind.results]
            answer: Any = None if not zeros else zeros[0] if len(zeros) == 1 else zeros
            return wasmtime.Func(store, kind, lambda *_: answer)
        case wasmtime.MemoryType():
            return wasmtime.Memory(store, kind)
        case wasmtime.TableType():
            return wasmtime.Table(store, kind, None)
        case wasmtime.GlobalType() if str(kind.content) in ("i32", "i64", "f32", "f64"):
            text = str(kind.content)
            value = getattr(wasmtime.Val, text)(0.0 if text[0] == "f" else 0)
            return wasmtime.Global(store, kind, value)
        case _:
            raise CallError(f"import {wanted.module}.{wanted.name}: no stub for its kind")
