"""Choices by hand: forms are found again, take effect, are proven, or refused with a reason."""

import json
from pathlib import Path

import pytest
import wasmtime
from eqsat.cli.main import main
from eqsat.optimize.forms import FormError
from eqsat.optimize.options import Options
from eqsat.optimize.pins import Pin, PinFileError, body_key, parse_pins, pins_json, resolve
from eqsat.optimize.workbench import Bench, Choice, Workbench
from eqsat.wasm.module import Module
from eqsat.wasm.names import function_names
from eqsat.wasm.text_in import assemble
from eqsat.wasm.validate import validate

from .explored import HANDLE, MUL


@pytest.fixture(scope="module")
def bench() -> Bench:
    module = Module.parse(assemble(HANDLE))
    return Workbench(module, Options(cost="bytes", max_iters=6)).bench(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "in.wasm"
    found.write_bytes(assemble(HANDLE))
    return found


def texts(bench: Bench, position: int) -> dict[str, str]:
    return {form.shown: form.text for form in bench.forms_at(position)}


def test_every_form_is_found_again(bench: Bench) -> None:
    seen = 0
    for position, value in bench.forms.origins.items():
        for form in bench.forms_at(position):
            assert bench.forms.find(value, form.text) == form.item
            seen += 1
    assert seen > 20
    assert texts(bench, MUL)["$h << 3"] == "(i32.shl $0 (i32.const 3))"


def test_a_choice_takes_effect_and_is_proven(bench: Bench) -> None:
    mul, shl = 0x6C, 0x74
    for form, wanted, gone in (("(i32.shl $0 (i32.const 3))", shl, mul), ("own", mul, shl)):
        graph = bench.chosen([Choice(MUL, form)])
        best = bench.candidates(graph)[0]
        assert best.body.count(bytes([wanted])) >= 1
        assert bytes([gone]) not in best.body
        assert bench.prove(best).status == "proven"


def test_what_does_not_fit_is_refused_with_a_reason(bench: Bench) -> None:
    for at, form, reason in (
        (MUL, "(i32.shl $1 (i32.const 3))", "does not hold that term"),
        (MUL, "(i32.const 15)", "not known to be equal"),
        (MUL, "(i32.const 77)", "does not occur"),
        (MUL, "(nonsense $0)", "no instruction is called"),
        (MUL, "$9", "names no value"),
        (MUL, "((", "no form|parentheses|an operation needs"),
        (MUL, "", "no form|parentheses"),
        (999, "own", "computes no value"),
        (MUL, "(" * 9_000, "longer"),
    ):
        with pytest.raises(FormError, match=reason):
            bench.chosen([Choice(at, form)])


def test_every_form_that_can_stand_is_proven_or_refused(bench: Bench) -> None:
    taken = 0
    for position in bench.forms.origins:
        for form in bench.forms_at(position):
            try:
                graph = bench.chosen([Choice(position, form.text)])
            except FormError:
                continue
            assert bench.prove(bench.candidates(graph)[0]).status == "proven", form
            taken += 1
    assert taken > 15


def call(data: bytes, name: str, *arguments: int) -> int:
    config = wasmtime.Config()
    config.consume_fuel = True
    store = wasmtime.Store(wasmtime.Engine(config))
    store.set_fuel(100_000)
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
    function = instance.exports(store)[name]
    assert isinstance(function, wasmtime.Func)
    result = function(store, *arguments)
    assert isinstance(result, int)
    return result


def pin_file(folder: Path, *pins: Pin) -> Path:
    path = folder / "pins.json"
    path.write_text(json.dumps(pins_json(pins)))
    return path


def run(path: Path, target: Path, *words: object) -> int:
    return main(
        ["opt", str(path), "-o", str(target), "-q", "--cost", "bytes", "--max-iters", "6",
         "--no-cache", "--jobs", "1", *map(str, words)]
    )  # fmt: skip


def test_pins_survive_a_run(path: Path, tmp_path: Path) -> None:
    module = Module.parse(path.read_bytes())
    key = body_key(module.body_bytes(0))
    target, report = tmp_path / "out.wasm", tmp_path / "r.json"
    pins = pin_file(tmp_path, Pin("rep", key, MUL, "(i32.mul (i32.const 8) $0)"))
    assert run(path, target, "--pin", pins, "--report", report) == 0
    data = target.read_bytes()
    validate(data)
    plain = json.loads(report.read_text())
    assert [row["kept"] for row in plain["pins"]] == [True]
    # The other function is optimized as ever, the pinned one as chosen and no further.
    assert plain["functions"][1]["status"] == "proven"
    code = Module.parse(data).body(0).instrs
    assert (0x41, 8) in code
    assert (0x6C,) in code
    assert call(data, "rep", 1, 0) == call(path.read_bytes(), "rep", 1, 0)
    again = tmp_path / "again.wasm"
    assert run(path, again, "--pin", pins) == 0
    assert again.read_bytes() == data


def test_pins_that_do_not_fit(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = body_key(Module.parse(path.read_bytes()).body_bytes(0))
    target, report = tmp_path / "out.wasm", tmp_path / "r.json"
    pins = pin_file(tmp_path, Pin("rep", key, MUL, "(i32.shl $1 (i32.const 3))"))
    assert run(path, target, "--pin", pins, "--report", report) == 1
    assert "E0110" in capsys.readouterr().err
    plain = json.loads(report.read_text())
    assert "does not hold that term" in plain["pins"][0]["reason"]
    assert plain["functions"][0]["status"] == "skipped"
    before, after = Module.parse(path.read_bytes()), Module.parse(target.read_bytes())
    assert after.body_bytes(0) == before.body_bytes(0)
    for pin, reason in (
        (Pin("rep", "0" * 16, MUL, "own"), "not the one the pin was made for"),
        (Pin("nobody", key, MUL, "own"), "no function 'nobody'"),
        (Pin(77, key, MUL, "own"), "no function '77'"),
    ):
        assert run(path, target, "--pin", pin_file(tmp_path, pin)) == 3
        error = capsys.readouterr().err
        assert "E0320" in error
        assert reason in error


@pytest.mark.parametrize(
    "plain",
    [
        None,
        {},
        {"schema": 2, "pins": []},
        {"schema": 1},
        {"schema": 1, "pins": [3]},
        {"schema": 1, "pins": [{"function": True, "body": "", "at": 1, "form": ""}]},
        {"schema": 1, "pins": [{"function": 1, "body": "", "at": -1, "form": ""}]},
        {"schema": 1, "pins": [{"function": 1, "body": "", "at": 1.5, "form": ""}]},
        {"schema": 1, "pins": [{"function": 1, "body": "", "at": 1, "form": "own"}] * 2},
    ],
)
def test_malformed_pin_files_are_refused(plain: object) -> None:
    with pytest.raises(PinFileError):
        parse_pins(plain)


def test_pins_go_to_their_function() -> None:
    module = Module.parse(assemble(HANDLE))
    pins = (
        Pin("rep", body_key(module.body_bytes(0)), 4, "own"),
        Pin(0, body_key(module.body_bytes(0)), 2, "own"),
    )
    assert parse_pins(pins_json(pins, module="x")) == pins[::-1]
    found = resolve(pins, module, function_names(module))
    assert found == {0: (Choice(2, "own"), Choice(4, "own"))}


def test_replay_gives_the_same_bytes_without_a_search(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, report = tmp_path / "1.wasm", tmp_path / "2.wasm", tmp_path / "r.json"
    assert run(path, first, "--report", report) == 0
    assert first.read_bytes() != path.read_bytes()
    assert run(path, second, "--replay", report) == 0
    assert first.read_bytes() == second.read_bytes()
    assert run(first, second, "--replay", report) == 3
    assert "another module" in capsys.readouterr().err
    # A body that is not the same is not proven, so it does not get in.
    plain = json.loads(report.read_text())
    plain["replay"][0]["body"] = "AEEACw=="
    report.write_text(json.dumps(plain))
    assert run(path, second, "--replay", report) == 1
    assert "E0111" in capsys.readouterr().err
    report.write_text("{}")
    assert run(path, second, "--replay", report) == 3


def test_a_run_that_changed_the_whole_module_is_not_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, target, report = tmp_path / "in.wasm", tmp_path / "out.wasm", tmp_path / "r.json"
    unused = b"(func $unused (param i32) (result i32) (i32.mul (local.get 0) (i32.const 77))))"
    path.write_bytes(assemble(HANDLE.rstrip()[:-1] + unused))
    assert run(path, target, "--report", report) == 0
    assert any(step["status"] == "proven" for step in json.loads(report.read_text())["steps"])
    assert run(path, target, "--replay", report) == 3
    assert "--only" in capsys.readouterr().err
    assert run(path, target, "--report", report, "--only", "*") == 0
    first = target.read_bytes()
    assert run(path, target, "--replay", report) == 0
    assert target.read_bytes() == first
