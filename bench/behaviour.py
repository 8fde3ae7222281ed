"""Calls of a module in wasmtime: results and fuel, from a fresh instance each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .modules import Call

if TYPE_CHECKING:
    import wasmtime

__all__ = ["Outcome", "arguments_for", "call_all", "fuel_engine"]

MOST_FUEL = 20_000_000_000
"""Instructions after which a call is given up: no call of the corpora takes a hundredth."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave (`value` None: a trap) and the fuel it took."""

    value: tuple[Any, ...] | None
    fuel: int


def fuel_engine() -> wasmtime.Engine:
    """An engine that counts."""
    import wasmtime
    from eqsat.wasm.validate import SWITCHES

    config = wasmtime.Config()
    for switch in SWITCHES:
        setattr(config, switch, True)
    config.consume_fuel = True
    return wasmtime.Engine(config)


def call_all(engine: wasmtime.Engine, data: bytes, calls: Sequence[Call]) -> list[Outcome]:
    """The outcomes of the calls. Raises WasmtimeError for a module that cannot be instantiated."""
    import wasmtime

    module = wasmtime.Module(engine, data)
    found = []
    for call in calls:
        store = wasmtime.Store(engine)
        store.set_fuel(MOST_FUEL)
        value: tuple[Any, ...] | None
        instance = wasmtime.Instance(store, module, [])
        function = instance.exports(store)[call.export]
        assert isinstance(function, wasmtime.Func)
        try:
            given = function(store, *arguments_for(function, store, call))
            value = tuple(map(_comparable, given if isinstance(given, list) else [given]))
        except wasmtime.Trap:
            value = None
        found.append(Outcome(value, MOST_FUEL - store.get_fuel()))
    return found


def arguments_for(function: wasmtime.Func, store: wasmtime.Store, call: Call) -> list[int | float]:
    """The arguments as wasmtime's Python interface wants them: integers signed, floats floats."""
    import struct

    found: list[int | float] = []
    for kind, pattern in zip(function.type(store).params, call.arguments, strict=True):
        match str(kind):
            case "i32" | "i64" as name:
                half = 1 << (31 if name == "i32" else 63)
                found.append((pattern + half) % (2 * half) - half)
            case "f32":
                found.append(struct.unpack("<f", struct.pack("<I", pattern % (1 << 32)))[0])
            case _:
                found.append(struct.unpack("<d", struct.pack("<Q", pattern % (1 << 64)))[0])
    return found


def _comparable(value: Any) -> Any:  # noqa: ANN401 (whatever wasmtime returns)
    """A value for which equal means the same: floats by bits, any NaN as one."""
    if isinstance(value, float):
        return "nan" if value != value else value.hex()
    return value
