"""`eqsat cache`, and what `opt` says about its memory."""

import json
import sqlite3
from pathlib import Path

import pytest
from eqsat.cli.main import main
from eqsat.optimize.cache import Entry, Store

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"

WAT = """(module (func (export "f") (param i32) (result i32)
  i32.const 3 i32.const 4 i32.add drop
  local.get 0 i32.const 0 i32.add i32.const 8 i32.mul))"""


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one entry; the module lies beside it."""
    path = tmp_path / "results.db"
    monkeypatch.setenv("EQSAT_CACHE", str(path))
    (tmp_path / "m.wat").write_text(WAT)
    opt = ["opt", str(tmp_path / "m.wat"), "-o", str(tmp_path / "o.wasm"), "-q", "--max-iters", "4"]
    assert main(opt) == 0
    assert path.exists()
    return path


def test_no_cache_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.db"
    (tmp_path / "m.wat").write_text(WAT)
    words = ["opt", str(tmp_path / "m.wat"), "-o", str(tmp_path / "o.wasm"), "-q"]
    monkeypatch.setenv("EQSAT_CACHE", str(path))
    assert main([*words, "--no-cache"]) == 0
    monkeypatch.setenv("EQSAT_NO_CACHE", "1")
    assert main(words) == 0
    monkeypatch.delenv("EQSAT_NO_CACHE")
    monkeypatch.setenv("EQSAT_CACHE", "off")
    assert main(words) == 0
    assert not path.exists()


def test_stats(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "stats", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["path"] == str(filled)
    assert sum(found["entries"].values()) >= 1
    assert (found["foreign"], found["contexts"]) == (0, 1)
    assert main(["cache", "stats"]) == 0
    assert "last use today to today" in capsys.readouterr().out
    assert main(["cache", "stats", "--file", str(filled.with_name("none.db"))]) == 0
    assert "0 entries" in capsys.readouterr().out


def test_verify_finds_and_removes(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "verify", "--sample", "100%"]) == 0
    assert "1 results proven again, 0 faulty" in capsys.readouterr().err
    with sqlite3.connect(filled) as base:
        base.execute("UPDATE entries SET payload = 'x'")
    base.close()
    assert main(["cache", "verify"]) == 1
    said = capsys.readouterr()
    assert "the seal is broken" in said.out
    assert "faulty entries removed" in said.err
    assert main(["cache", "verify"]) == 0


def test_export_import_gc(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, other = filled.with_name("ci.db"), filled.with_name("other.db")
    assert main(["cache", "export", str(target)]) == 0
    assert main(["cache", "import", str(target), "--file", str(other), "--sample", "100"]) == 0
    assert "1 results proven again" in capsys.readouterr().err
    store = Store(other)
    store.put([Entry(b"k", "function", b"another", b"c", b"p")], {})
    assert main(["cache", "gc", "--file", str(other)]) == 0
    assert "1 entries removed" in capsys.readouterr().err
    assert main(["cache", "export", str(target)]) == 3
    assert "error[E0310]" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["stats", "x"],
        ["export"],
        ["import"],
        ["verify", "--sample", "101"],
        ["gc", "--unused", "0"],
    ],
)
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQSAT_CACHE", "off")
    assert main(["cache", "stats"]) == 2


def test_unusable_file_warns_opt_and_fails_cache(
    filled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.write_bytes(b"no database at all" * 100)
    folder = filled.parent
    assert main(["opt", str(folder / "m.wat"), "-o", str(folder / "o.wasm")]) == 0
    assert "warning: " in capsys.readouterr().err
    assert main(["cache", "stats"]) == 3
    assert capsys.readouterr().err.startswith("eqsat: error[E0310]: ")
    assert main(["cache", "gc"]) == 0
    assert filled.with_name("results.db.broken").exists()
