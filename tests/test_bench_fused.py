"""The table of fused modules: what each export costs, and a result that differs is named."""

from pathlib import Path

import pytest
import wasmtime
from eqsat.bench.behaviour import fuel_engine
from eqsat.bench.fused import Measured, main, measure, table

TEXT = """(module
  (import "$root" "[context-get-0]" (func $get (result i32)))
  (import "$root" "[context-set-0]" (func $set (param i32)))
  (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "a#run-add") (param i32) (result i32) (local i32)
    (block $out (loop $l
      (br_if $out (i32.eqz (local.get 0)))
      (local.set 1 (call $add (local.get 1) (local.get 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br $l)))
    (local.get 1))
  (func (export "a#run-slot") (param f64 i32) (result i32)
    (call $set (i32.add (local.get 1) (i32.trunc_f64_s (local.get 0))))
    (call $get))
  (func (export "a#run-trap") (param i64) unreachable)
  (func (export "other") (result i32) (i32.const 1)))"""


def test_rounds_calls_and_traps_are_measured() -> None:
    found = measure(fuel_engine(), bytes(wasmtime.wat2wasm(TEXT)), ["*#run-*"], {"run-add": 3.0})
    assert found.results == {"a#run-add": "5050", "a#run-slot": "17", "a#run-trap": None}
    # The test, the sum, the callee and its entry, the step, the branch back.
    assert found.fuel["a#run-add"] == 3 + 4 + 4 + 4 + 1
    assert set(found.fuel) == {"a#run-add", "a#run-slot"}


def test_a_table_with_ratios_and_differences() -> None:
    fused = Measured(100, {"a#run-x": 40.0, "a#run-y": 10.0}, {"a#run-x": "1", "a#run-y": "2"})
    better = Measured(50, {"a#run-x": 10.0, "a#run-y": 10.0}, {"a#run-x": "1", "a#run-y": "3"})
    text, different = table("m", {"fused": fused, "eqsat": better, "none": None}, {"run-x": 8.0})
    assert different
    assert "| run-x | 8.0 | 40.0 | 10.0 | - |" in text
    assert "| **fuel** |  | 1.000 | 0.500 | - |" in text
    assert "| **code** |  | 1.000 | 0.500 | - |" in text
    assert "Different: eqsat: a#run-y" in text
    assert not table("m", {"fused": fused}, {})[1]


def test_the_columns_of_a_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.wasm").write_bytes(bytes(wasmtime.wat2wasm(TEXT)))
    assert main([str(tmp_path), "--no-wasm-opt", "--budget", "3s", "--assume", "p3-async"]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| m | floor | fused | eqsat | --entry | + p3-async |"
    cells = rows[0].split("|")
    assert cells[1].strip() == "run-add"
    assert float(cells[4]) < float(cells[3])


def test_a_folder_without_modules(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--no-wasm-opt"]) == 2
