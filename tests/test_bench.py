"""The benches: what they read, what they refuse, and that their arithmetic and plots are right."""

import json
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from eqsat.bench.__main__ import main
from eqsat.bench.behaviour import Outcome, call_all, fuel_engine
from eqsat.bench.figures import update_figures
from eqsat.bench.modules import BenchError, Call, bytes_without_custom, code_bytes, load
from eqsat.bench.plots import plot
from eqsat.bench.render import markdown, mean, wins
from eqsat.bench.runtime import available, ratio
from eqsat.bench.scaling import per_hundred, scaling_markdown, synthetic
from eqsat.bench.tools import find_wasm_opt, run_eqsat
from eqsat.wasm.validate import validate

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"


def wat(text: str) -> bytes:
    import wasmtime

    return bytes(wasmtime.wat2wasm(text))


def looping(extra: str = "") -> bytes:
    """`run` counts down from its argument and returns 0; traps for 13."""
    return wat(
        f"""(module (func (export "run") (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable))
        (loop {extra} (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 0)))"""
    )


def test_manifest(tmp_path: Path) -> None:
    row: dict[str, Any] = {"name": "a.O2", "file": "w/a.wasm", "opt": "O2", "export": "run"}
    row["cases"] = [{"arg": 3}, {"arg": [1, 2]}]
    (tmp_path / "manifest.json").write_text(json.dumps([row, {**row, "name": "b.Oz"}]))
    (found,) = load(tmp_path, "O2$")
    assert (found.name, found.group, found.path) == ("a.O2", "O2", tmp_path / "w" / "a.wasm")
    assert found.calls == (Call("run", (3,)), Call("run", (1, 2)))
    assert len(load(tmp_path / "manifest.json")) == 2
    with pytest.raises(BenchError, match="no modules"):
        load(tmp_path, "O9")
    (tmp_path / "manifest.json").write_text('[{"name": 1}]')
    with pytest.raises(BenchError, match="KeyError"):
        load(tmp_path)


def test_any_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.wasm").write_bytes(EXAMPLE.read_bytes())
    (found,) = load(tmp_path)
    assert (found.name, found.calls) == ("deep/x.wasm", ())


def test_sizes() -> None:
    data = looping()
    assert code_bytes(data) < bytes_without_custom(data) == len(data)
    named = data + b"\0\x05\x01nabc"
    assert (bytes_without_custom(named), code_bytes(named)) == (len(data), code_bytes(data))
    assert code_bytes(b"\0asm\x01\0\0\0") == 0


@pytest.mark.parametrize(
    ("said", "match"),
    [("version 119", "too old"), ("hello", "no version"), (None, "cannot be run")],
)
def test_old_wasm_opt_is_refused(tmp_path: Path, said: str | None, match: str) -> None:
    tool = tmp_path / "wasm-opt"
    if said is not None:
        tool.write_text(f"#!/bin/sh\necho wasm-opt {said}\n")
        tool.chmod(0o755)
    with pytest.raises(BenchError, match=match):
        find_wasm_opt(str(tool))


def test_new_wasm_opt_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "wasm-opt"
    tool.write_text("#!/bin/sh\necho wasm-opt version 132 --disable-compact-imports\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = find_wasm_opt(None)
    assert (found.version, found.features) == (132, ("-all", "--disable-compact-imports"))


def test_calls_and_fuel() -> None:
    engine = fuel_engine()
    calls = [Call("run", (5,)), Call("run", (13,)), Call("run", (50,))]
    few, trap, many = call_all(engine, looping(), calls)
    assert (few.value, trap.value, many.value) == ((0,), None, (0,))
    assert many.fuel > 5 * few.fuel > 0
    floats = wat('(module (func (export "f") (param f64) (result f64) local.get 0))')
    (same,) = call_all(engine, floats, [Call("f", (0x7FF8000000000001,))])
    assert same == Outcome(("nan",), same.fuel)


@pytest.mark.parametrize("engine", ["cranelift", "pulley", "v8"])
def test_run_time_tells_slow_from_fast(engine: str) -> None:
    if not available(engine):
        pytest.skip(f"{engine} is not on this machine")
    step = "(local.set 0 (i32.rotl (i32.mul (local.get 0) (i32.const 3)) (i32.const 5)))"
    work = 40 * step
    slow = wat(
        f"""(module (func (export "run") (param i32) (result i32) (local i32)
        (local.set 1 (local.get 0))
        (loop {work} (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
        (local.get 0)))"""
    )
    calls = [Call("run", (20_000,))]
    found = ratio(engine, looping(), slow, calls, 0.05)
    assert found is not None
    assert found > 2
    assert ratio(engine, looping(), slow, [Call("run", (13,))], 0.05) is None


def test_eqsat_is_run_without_cache() -> None:
    ran = run_eqsat(looping(), "bytes", "20s")
    assert ran.output is not None
    assert not ran.error
    assert ran.seconds > 0
    assert ran.memory > 1_000_000
    assert len(ran.report["functions"]) == 1
    failed = run_eqsat(b"no module", "bytes", "2s")
    assert failed.output is None
    assert "E0301" in failed.error


def result() -> dict[str, Any]:
    """Two modules of one group in two variants, one of them failed once."""

    def row(module: str, variant: str, code: int | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        basis: dict[str, Any] = {
            **{"module": module, "group": "O2", "variant": variant, "error": ""},
            **{"bytes": [200, None if code is None else 100 + code], "code": [100, code]},
            **{"seconds": 1.0, "cpu": 1.0, "memory": 5_000_000, "proven": None, "visited": None},
            **{"fuel": 1.0, "different": 0, "time": {"v8": 0.5}},
        }
        return {**basis, **more}

    return {
        "format": 1,
        "versions": {"eqsat": "1", "wasm-opt": "132"},
        "budget": "10s",
        "engines": ["v8"],
        "variants": ["wasm-opt -Oz", "eqsat bytes"],
        "rows": [
            row("a", "wasm-opt -Oz", 90),
            row("b", "wasm-opt -Oz", 80),
            row("c", "wasm-opt -Oz", 70),
            row("a", "eqsat bytes", 81, proven=[3, 4], fuel=0.9),
            row("b", "eqsat bytes", 80, proven=[1, 1], fuel=1.1),
            row("c", "eqsat bytes", None, error="exit code 5: oh"),
            row("d", "eqsat bytes", 1, different=2),
        ],
    }


def test_means_and_wins() -> None:
    assert mean([]) is None
    assert mean([0.5, 2.0]) == pytest.approx(1.0)
    assert wins(result(), "O2", "eqsat bytes", "wasm-opt -Oz") == (1, 1, 0)


def test_markdown() -> None:
    text = markdown(result())
    (line,) = [line for line in text.splitlines() if line.startswith("| eqsat bytes")]
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    assert cells[1:3] == ["0.8050", "0.8100"]  # both, and without b
    assert cells[4:7] == ["0.9950", "1.1000", "0.5000"]
    assert cells[-2:] == ["4 of 5", "1 / 1 / 0"]
    assert "- c, eqsat bytes: exit code 5: oh" in text
    assert "- d, eqsat bytes: 2 calls gave something else" in text


def test_figures_go_into_a_page(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- figures -->\nold\n<!-- end -->\nafter\n")
    update_figures(page, result())
    text = page.read_text()
    assert text.startswith(
        "before\n<!-- figures -->\n\n| inputs | wasm-opt 132 -Oz | eqsat bytes |"
    )
    assert "| O2 | 0.796 | 0.805 |" in text
    assert text.endswith("<!-- end -->\nafter\n")
    page.write_text("nothing")
    with pytest.raises(BenchError):
        update_figures(page, result())


def test_plots_are_svg_and_the_same_every_time(tmp_path: Path) -> None:
    points = [
        {
            **{"bytes": size, "functions": 3, "visited": 2, "saved": 1, "error": ""},
            **{"seconds": 2.0, "cpu": 3.0, "memory": 10**8, "per_hundred": 0.002},
        }
        for size in (10_000, 100_000)
    ]
    scaling = {"budget": "2s", "points": points}
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.append([*plot(result(), tmp_path / name), *plot(scaling, tmp_path / name)])
    assert [path.name for path in found[0]] == ["code-O2.svg", "scaling.svg"]
    for first, second in zip(*found, strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert ElementTree.parse(first).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "| 10 | 3 | 2 | 1 | 2.00 | 3.00 | 100 | 2.00 |" in scaling_markdown(scaling)


def test_synthetic_modules_are_valid_and_fixed() -> None:
    data = synthetic(20_000)
    validate(data)
    assert data == synthetic(20_000)
    assert 20_000 <= code_bytes(data) < 24_000
    assert 0 < per_hundred(synthetic(3_000)) < 1
    call_all(fuel_engine(), data, [Call("f", (3, 4))])


def test_given_results_are_rendered_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.json").write_text(json.dumps(result()))
    words = ["--from", str(tmp_path / "r.json"), "--out", str(tmp_path / "out")]
    assert main(words) == 1  # two calls gave something else
    assert "| eqsat bytes |" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "results.md",
        "results.json",
        "code-O2.svg",
    }
    assert main([]) == 2


def test_whole_run_with_a_tool_that_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stand-in for wasm-opt that copies, so that the whole way runs without it."""
    tool = tmp_path / "wasm-opt"
    tool.write_text(
        "#!/bin/sh\n"
        'case "$1" in --version) echo version 200; exit;; --help) exit;; esac\n'
        'in=$1; while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done; cp "$in" "$out"\n'
    )
    tool.chmod(0o755)
    (tmp_path / "m.wasm").write_bytes(looping())
    row = {"name": "m", "file": "m.wasm", "export": "run", "cases": [{"arg": 5}, {"arg": 13}]}
    (tmp_path / "manifest.json").write_text(json.dumps([row]))
    words = [str(tmp_path), "--wasm-opt", str(tool), "--engines", "", "--out", str(tmp_path / "o")]
    assert main([*words, "--budget", "5s"]) == 0
    said = capsys.readouterr()
    assert "wasm-opt 200" in said.err
    rows = json.loads((tmp_path / "o" / "results.json").read_text())["rows"]
    assert [one["variant"] for one in rows] == [
        *("wasm-opt -O3", "wasm-opt -Oz", "eqsat bytes", "eqsat fuel", "-Oz, eqsat bytes"),
    ]
    assert all(not one["error"] and not one["different"] for one in rows)
    assert rows[0]["fuel"] == 1.0
