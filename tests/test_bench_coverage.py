"""The table of rules says which match on a folder of modules, and which do not."""

from pathlib import Path

import pytest
import wasmtime
from eqsat.bench.coverage import main


def test_matches_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "(module (func (param i32) (result i32) (i32.mul (local.get 0) (i32.const 8))))"
    (tmp_path / "one.wasm").write_bytes(bytes(wasmtime.wat2wasm(text)))
    assert main([str(tmp_path)]) == 0
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("| i")
    ]
    counts = {row[0]: int(row[1]) for row in rows}
    assert counts["i32/mul-pow2"] == 1
    assert counts["i64/mul-pow2"] == 0
    assert rows == sorted(rows, key=lambda row: -int(row[1]))


def test_a_folder_without_modules(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2
