"""`eqsat inspect` and `eqsat diff`: figures that agree with the bytes, functions matched, text."""

import json
from pathlib import Path

import pytest
from eqsat.cli.main import main
from eqsat.explore.listing import listing
from eqsat.explore.pairs import aligned, pairs, sections
from eqsat.wasm.module import Module
from eqsat.wasm.text_in import assemble
from hypothesis import given
from hypothesis import strategies as st

PATH = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"

BEFORE = b"""(module
  (func $a (export "a") (param $x i32) (result i32) (i32.mul (local.get $x) (i32.const 8)))
  (func $b (result i32) (i32.const 1))
  (func (result i64) (i64.const 5))
  (func $gone))"""
AFTER = b"""(module
  (func $b (result i32) (i32.const 1))
  (func $a (export "a") (param $x i32) (result i32) (i32.shl (local.get $x) (i32.const 3)))
  (func $new (result f32) (f32.const 1))
  (func (result i64) (i64.const 5)))"""


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "a.wasm", tmp_path / "b.wasm"
    for path, text in zip(paths, (BEFORE, AFTER), strict=True):
        path.write_bytes(assemble(text))
    return paths


def test_figures_agree_with_the_bytes() -> None:
    data = PATH.read_bytes()
    module, found = Module.parse(data), listing(data)
    assert found.size == len(data)
    assert [row.index for row in found.functions] == [0, 1, 2]
    for row in found.functions:
        assert row.size == len(module.body_bytes(row.index))
        assert row.instructions == len(module.body(row.index).instrs) - 1
        assert row.fuel > 0
    assert [row.callers for row in found.functions] == [0, 4, 2]
    json.dumps(found.as_json())


def test_keys_depend_on_the_body_alone(two: tuple[Path, Path]) -> None:
    rows = [listing(path.read_bytes()).functions for path in two]
    assert rows[0][1].key == rows[1][0].key
    assert rows[0][0].key != rows[1][1].key


def test_functions_match_by_name_then_body() -> None:
    found = pairs(*(Module.parse(assemble(text)) for text in (BEFORE, AFTER)))
    assert [(p.before, p.after, p.same) for p in found] == [
        (0, 1, False),
        (1, 0, True),
        (2, 3, True),
        (3, None, False),
        (None, 2, False),
    ]
    assert {name for name, old, new in sections(
        *(Module.parse(assemble(text)) for text in (BEFORE, AFTER))
    ) if old != new} >= {"code"}  # fmt: skip


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_alignment_shows_every_row_once_and_in_order(left: str, right: str) -> None:
    rows = list(aligned(left, right))
    assert [a for a, _ in rows if a is not None] == list(range(len(left)))
    assert [b for _, b in rows if b is not None] == list(range(len(right)))
    assert all(a is not None or b is not None for a, b in rows)
    if left == right:
        assert all(a == b for a, b in rows)


def test_inspect_prints_figures_text_and_json(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(two[0])]) == 0
    table = capsys.readouterr().out
    assert "4 functions" in table
    assert "exports" in table
    assert main(["inspect", str(two[0]), "--function", "a"]) == 0
    assert "(i32.mul (local.get $x) (i32.const 8))" in capsys.readouterr().out
    assert main(["inspect", str(two[0]), "--json", "--function", "a"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in plain["functions"]] == ["a"]
    assert plain["functions"][0]["wat"][-1] == ")"
    assert main(["inspect", str(two[0]), "--function", "a", "--graph"]) == 0
    assert "return (i32.mul p0 (i32.const 8))" in capsys.readouterr().out
    assert main(["inspect", str(two[0]), "--graph"]) == 2
    assert main(["inspect", str(two[0]), "--function", "nothing"]) == 2
    assert "E0201" in capsys.readouterr().err


def test_inspect_tells_all_forms_and_why(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["inspect", str(two[0]), "--function", "a", "--at", "2"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "$x << 3  (+0 bytes, +0 fuel)" in text
    assert "    $x * 8 = $x << 3  by i32/mul-pow2" in text
    assert main([*words, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [form["shown"] for form in plain["forms"]] == ["$x * 8", "8 * $x", "$x << 3"]
    assert main(["inspect", str(two[0]), "--at", "2"]) == 2
    assert main([*words[:-1], "99"]) == 2
    assert "E0201" in capsys.readouterr().err


def test_diff_prints_figures_and_text(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = map(str, two)
    assert main(["diff", a, b]) == 0
    text = capsys.readouterr().out
    assert "-  (i32.mul (local.get $x) (i32.const 8))" in text
    assert "+  (i32.shl (local.get $x) (i32.const 3))" in text
    assert main(["diff", a, b, "--stat"]) == 0
    text = capsys.readouterr().out
    assert "i32.mul" not in text
    assert "gone" in text
    assert main(["diff", a, b, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["functions"]) == 5
    assert main(["diff", a, b, "--exit-code", "-q"]) == 1
    assert main(["diff", a, a, "--exit-code"]) == 0


def test_neither_needs_the_engines(two: tuple[Path, Path]) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from eqsat.cli.main import main; main(['diff', sys.argv[1], sys.argv[2]]);"
        "assert not {'egglog.bindings', 'z3', 'starlette', 'uvicorn'} & set(sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, two)], capture_output=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr


def test_fused_modules_are_grouped_by_what_the_fuser_says(shared: Path) -> None:
    handles = (shared / "fused" / "res_chain_reexport.wasm").read_bytes()
    assert "handle tables" in {row.group for row in listing(handles).functions}
    data = (shared / "fused" / "ops_multi.wasm").read_bytes()
    groups = {row.group for row in listing(data).functions}
    assert "adapters" in groups
    assert len([group for group in groups if group.startswith("component-")]) >= 2
    # A section that cannot be read says nothing, and nothing fails.
    at = data.index(b"SCPV")
    broken = listing(data[: at + 4] + b"\xff" + data[at + 5 :])
    assert "adapters" not in {row.group for row in broken.functions}
