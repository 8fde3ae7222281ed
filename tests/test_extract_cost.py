"""Cost models and the user's cost file."""

from pathlib import Path

import pytest
import wasmtime
from eqsat.extract import CostError, cost_model
from eqsat.optimize.options import Options
from eqsat.optimize.search import measure_for
from eqsat.wasm.body import instr_size
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import BY_NAME


@pytest.mark.parametrize("value", [0, 1, 63, 64, -64, -65, 8191, 8192, -(1 << 31), (1 << 31) - 1])
def test_constants_cost_their_bytes(value: int) -> None:
    model = cost_model("bytes")
    assert model.constant(0x41, value) == instr_size((0x41, value))
    assert model.constant(0x42, value << 30) == instr_size((0x42, value << 30))


@pytest.mark.parametrize("name", ["i32.add", "i32.trunc_sat_f32_s", "i32x4.add", "f64x2.max"])
def test_operations_cost_their_bytes(name: str) -> None:
    assert cost_model("bytes").operation(BY_NAME[name]) == instr_size((BY_NAME[name],))


def test_fuel_counts_instructions() -> None:
    model = cost_model("fuel")
    assert model.constant(0x41, 1 << 30) == model.operation(0x6A) == model.leaf == 1


def test_balanced_puts_instructions_before_bytes() -> None:
    model = cost_model("balanced")
    assert model.constant(0x41, 1 << 20) < model.operation(0x6A) + model.constant(0x41, 1)


def test_a_cost_file(tmp_path: Path) -> None:
    file = tmp_path / "costs.toml"
    file.write_text('base = "bytes"\nleaf = 1\n[opcodes]\n"i32.mul" = 30\n')
    model = cost_model(str(file))
    assert model.leaf == 1
    assert model.operation(BY_NAME["i32.mul"]) == 30
    assert model.operation(BY_NAME["i32.add"]) == 1
    assert model.constant(0x41, 64) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leaf = 0", "leaf must be a whole number from 1"),
        ("leaf = true", "leaf must be"),
        ("[opcodes]\n'i32.mull' = 3", 'unknown instruction "i32.mull"'),
        ("[opcodes]\n'i32.mul' = 2.5", "i32.mul must be"),
        ("opcodes = 3", "opcodes must be a table"),
        ("base = 'tiny'", "base must be one of bytes, fuel, balanced"),
        ("leafs = 2", 'unknown key "leafs"'),
        ("leaf =", "not TOML"),
        ("loop = 0", "loop must be a whole number from 1 to 1000, not 0"),
        ("loop = 1001", "loop must be a whole number from 1 to 1000, not 1001"),
        ("leaf = 1000001", "leaf must be a whole number from 1 to 1000000"),
        ("leaf = -1", "leaf must be"),
        ("leaf = nan", "leaf must be"),
        (f"leaf = {'9' * 4_000}", "leaf must be"),
        (f"leaf = {'9' * 100_000}", "not TOML that anybody would write"),
        (f"base = {'[' * 100_000}", "not TOML that anybody would write"),
        (f"{'k' * 100_000} = 1", 'unknown key "k{40}[.]{3}"'),
        ("[opcodes]\n'../../etc/passwd' = 1", "unknown instruction"),
        ("[opcodes.i32]\nmul = 3", 'unknown instruction "i32"'),
        ("[opcodes]\n'i32.add' = {}", "i32.add must be"),
        ("leaf = 1\nleaf = 2", "not TOML"),
        ("#" + "x" * (1 << 20), "longer than"),
    ],
)
def test_errors_name_the_file_and_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "costs.toml"
    file.write_text(text)
    with pytest.raises(CostError, match=message) as caught:
        cost_model(str(file))
    assert str(caught.value).startswith(str(file))
    assert len(str(caught.value)) < len(str(file)) + 200


def test_a_cost_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "costs.toml"
    file.write_bytes(b"leaf = 1 # \xff")
    with pytest.raises(CostError, match="not UTF-8"):
        cost_model(str(file))


def test_a_cost_file_without_end() -> None:
    with pytest.raises(CostError, match="longer than"):
        cost_model("/dev/zero")


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "costs.md").read_text("utf-8")
    file = tmp_path / "costs.toml"
    file.write_text(text.split("```toml\n")[1].split("```")[0])
    model = cost_model(str(file))
    assert (model.leaf, model.rounds, model.operation(BY_NAME["i32.add"])) == (1, 50, 2)
    assert model.operation(BY_NAME["i64.div_u"]) == 40


def test_the_rounds_of_a_loop_decide_what_it_costs(tmp_path: Path) -> None:
    text = """(module (func (param i32)
        (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""
    body = Module.parse(bytes(wasmtime.wat2wasm(text))).body_bytes(0)
    costs = {}
    for loop in ("", "loop = 1", "loop = 10", "loop = 1000"):
        file = tmp_path / "costs.toml"
        file.write_text(loop)
        measure = measure_for(Options(cost=file), cost_model(str(file)))
        costs[loop] = measure.figure(body)
        assert measure.key(body)[0] == costs[loop]
    round_ = (costs["loop = 1000"] - costs["loop = 10"]) / 990
    assert round_ == 5
    assert costs["loop = 10"] - costs["loop = 1"] == 9 * round_
    assert costs[""] == costs["loop = 10"]


def test_a_missing_cost_file() -> None:
    with pytest.raises(CostError, match="cannot read the cost file"):
        cost_model("no/such/file.toml")
