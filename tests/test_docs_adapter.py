"""The README's adapter is what comes out, and does what went in."""

import runpy
from pathlib import Path

import pytest
import wasmtime

ROOT = Path(__file__).resolve().parent.parent
RUNS = (0, 1, 2, 7, 1000)


@pytest.fixture(scope="module")
def adapter() -> dict[str, object]:
    return runpy.run_path(str(ROOT / "docs" / "adapter.py"))


def test_the_readme_shows_what_comes_out(adapter: dict[str, object]) -> None:
    block = adapter["block"]
    assert callable(block)
    assert f"<!-- adapter -->\n\n{block()}\n<!-- end -->" in (ROOT / "README.md").read_text("utf-8")


def test_nothing_is_left_of_the_boundary_and_the_sums_are_the_same() -> None:
    source = (ROOT / "examples" / "fused.wat").read_text("utf-8")
    shown = (ROOT / "README.md").read_text("utf-8").split("```wat\n")[2].split("```")[0]
    assert "load" not in shown
    assert "call" not in shown
    text = "(module (type (func (param i32) (result i32)))" + shown + '(export "run" (func $run)))'
    assert _sums(text) == _sums(source)


def _sums(text: str) -> list[object]:
    config = wasmtime.Config()
    config.consume_fuel = True
    store = wasmtime.Store(wasmtime.Engine(config))
    store.set_fuel(1_000_000)
    module = wasmtime.Module(store.engine, bytes(wasmtime.wat2wasm(text)))
    run = wasmtime.Instance(store, module, []).exports(store)["run"]
    assert isinstance(run, wasmtime.Func)
    return [run(store, n) for n in RUNS]
