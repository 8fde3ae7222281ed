"""Functions of three i32 parameters: written as text, called on a few inputs."""

import wasmtime
from eqsat.wasm.module import Module

FUEL = 100_000
INPUTS = ((0, 0, 0), (1, 2, 3), (2, 5, 7), (3, -1, 1), (7, -3, 9), (4, 1 << 30, -8))


def module(text: str) -> Module:
    """A module with one function of three i32 parameters, three i32 locals and an i32 result."""
    wat = f"""(module (memory (export "m") 1)
     (func (export "f") (param $n i32) (param $a i32) (param $b i32)
      (result i32) (local $t i32) (local $k i32) (local $u i32) {text}))"""
    return Module.parse(bytes(wasmtime.wat2wasm(wat)))


def results(data: bytes) -> list[object]:
    """What the function does on each input: its result, or a trap, and what memory then holds."""
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    compiled = wasmtime.Module(engine, data)
    found: list[object] = []
    for arguments in INPUTS:
        store = wasmtime.Store(engine)
        store.set_fuel(FUEL)
        exports = wasmtime.Instance(store, compiled, []).exports(store)
        call = exports["f"]
        assert isinstance(call, wasmtime.Func)
        try:
            outcome = call(store, *arguments)
        except wasmtime.Trap:
            outcome = "trap"
        memory = exports["m"]
        assert isinstance(memory, wasmtime.Memory)
        found.append((outcome, hash(bytes(memory.read(store)))))
    return found
