"""What calls of a module do: results, traps, and all that can be seen afterwards."""

from collections.abc import Iterable

import wasmtime

ENDS = 128
"""Bytes at either end of a memory that are looked at."""


def observe(
    data: bytes, calls: Iterable[tuple[int, ...]], fuel: int = 1_000_000, memory: bytes = b""
) -> list[object]:
    """Call the export `f` with each of `calls`, in an instance of its own.

    Gives the result or how it ended, and the memories and globals that are exported, also after a
    trap: what was written before it counts. `memory` is written to the start of the export `m`
    first. A program that needs more than `fuel` is endless, and says nothing more.
    """
    config = wasmtime.Config()
    config.consume_fuel = True
    machine = wasmtime.Engine(config)
    compiled = wasmtime.Module(machine, data)
    names = sorted(one.name for one in compiled.exports)
    found: list[object] = []
    for arguments in calls:
        store = wasmtime.Store(machine)
        store.set_fuel(fuel)
        exports = wasmtime.Instance(store, compiled, []).exports(store)
        externs = [exports[name] for name in names]
        if memory:
            first = exports["m"]
            assert isinstance(first, wasmtime.Memory)
            first.write(store, memory, 0)
        call = exports["f"]
        assert isinstance(call, wasmtime.Func)
        store.set_fuel(fuel)
        try:
            result: object = call(store, *arguments)
        except wasmtime.Trap as trap:
            if trap.trap_code is wasmtime.TrapCode.OUT_OF_FUEL:
                found.append((arguments, "endless"))
                continue
            result = "trap"
        state: list[object] = []
        for one in externs:
            if isinstance(one, wasmtime.Memory):
                size = one.data_len(store)
                state += [bytes(one.read(store, 0, ENDS)), bytes(one.read(store, size - ENDS))]
            elif isinstance(one, wasmtime.Global):
                state.append(one.value(store))
        found.append((arguments, result, state))
    return found
