"""Recorded calls: fuel of both modules, and one line for what cannot be called."""

from pathlib import Path

import pytest
import wasmtime
from eqsat.check.calls import CallError, measure_calls
from eqsat.check.config import CallSpec


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def module(inside: str = "", factor: str = "i32.const 8 i32.mul") -> bytes:
    return wat(f"""(module {inside}
      (func (export "f") (param i32) (result i32) local.get 0 {factor})
      (func (export "v") (param v128) (result v128) local.get 0))""")


def test_fuel_and_results_of_both(tmp_path: Path) -> None:
    calls = [CallSpec("m.wasm", "f", (3,))]
    found = measure_calls(module(), module(factor="i32.const 3 i32.shl"), calls, tmp_path)
    assert found.different == ()
    assert found.fuel[0].fuel == (4, 4)
    found = measure_calls(module(), module(factor=""), calls, tmp_path)
    assert found.different == ("f(3) gives 3 instead of 24",)
    assert found.fuel[0].fuel == (4, 2)


@pytest.mark.parametrize(
    ("inside", "export", "reason"),
    [
        ("", "v", "no host can name"),
        ('(import "m" "g" (func (param v128)))', "f", "an imported function"),
        ('(import "m" "t" (table 1 anyref))', "f", "an imported table"),
    ],
)
def test_types_that_no_host_can_name_are_an_error(
    inside: str, export: str, reason: str, tmp_path: Path
) -> None:
    data = module(inside)
    with pytest.raises(CallError, match=reason):
        measure_calls(data, data, [CallSpec("m.wasm", export, (0,))], tmp_path)
