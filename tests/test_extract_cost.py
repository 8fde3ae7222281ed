"""Cost models and the user's cost file."""

from pathlib import Path

import pytest
from eqsat.extract import CostError, cost_model
from eqsat.wasm.body import instr_size
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
    ],
)
def test_errors_name_the_file_and_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "costs.toml"
    file.write_text(text)
    with pytest.raises(CostError, match=message) as caught:
        cost_model(str(file))
    assert str(caught.value).startswith(str(file))


def test_a_missing_cost_file() -> None:
    with pytest.raises(CostError, match="cannot read the cost file"):
        cost_model("no/such/file.toml")
