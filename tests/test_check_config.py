"""The configuration of the check: what it may say, and one line about everything else."""

from pathlib import Path

import pytest
from eqsat.check.config import (
    CallSpec,
    ConfigError,
    Override,
    Tolerance,
    find_config,
    read_config,
)

FULL = """
[opt]
cost = "fuel"

[check]
modules = ["build/**/*.wasm", "!build/**/*.dbg.wasm"]
lock = "my.lock"
cost = "bytes"
max-iters = 3
max-nodes = 2_000
rlimit = 500_000
assume = ["trap-kills"]
fail-on = ["size", "refuted"]
tolerance = { total = "0.5%", function = "16B", fuel = 3 }
determinism-sample = "25%"

[[check.override]]
functions = "*callback*"
modules = "build/a*"
require-proof = false
function = "1%"

[[check.call]]
module = "build/a.wasm"
export = "f"
args = [3, 64]
imports = "host.wat"
"""


def config(folder: Path, text: str, name: str = "eqsat.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_everything(tmp_path: Path) -> None:
    found = read_config(config(tmp_path, FULL))
    assert (found.lock, found.cost, found.max_iters, found.max_nodes) == (
        "my.lock",
        "bytes",
        3,
        2000,
    )
    assert found.fail_on == {"size", "refuted"}
    assert (found.total, found.function) == (Tolerance(share=0.005), Tolerance(amount=16))
    assert found.fuel == Tolerance(amount=3)
    assert found.determinism_sample == 0.25
    assert found.overrides == (
        Override("*callback*", "build/a*", False, Tolerance(share=0.01), None),
    )
    assert found.overrides[0].covers("build/a.wasm", "my_callback")
    assert not found.overrides[0].covers("build/b.wasm", "my_callback")
    assert found.calls == (CallSpec("build/a.wasm", "f", (3, 64), "host.wat"),)
    assert found.calls[0].label == "f(3,64)"
    options = found.options(None, 2)
    assert options.counted
    assert (options.cost, options.assume, options.jobs) == ("bytes", ("trap-kills",), 2)


def test_globs(tmp_path: Path) -> None:
    for name in (
        "build/a.wasm",
        "build/x/b.wasm",
        "build/c.dbg.wasm",
        "build/x/d.dbg.wasm",
        "e.wasm",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = read_config(config(tmp_path, FULL))
    assert found.files() == ["build/a.wasm", "build/x/b.wasm"]
    again = read_config(config(tmp_path, '[check]\nmodules = ["**/*.wasm", "!build/*.wasm"]'))
    assert again.files() == ["build/x/b.wasm", "build/x/d.dbg.wasm", "e.wasm"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modules = [", "not TOML"),
        ('[opt]\ncost = "bytes"', "no table [check]"),
        ("[check]", "at least one glob"),
        ('[check]\nmodules = "a"\nmodulse = 1', "unknown key 'modulse'"),
        ('[check]\nmodules = "a"\nbudget = "2s"', "wall-clock"),
        ('[check]\nmodules = "a"\nmax-iters = 0', "at least 1"),
        ('[check]\nmodules = "a"\nmax-iters = true', "at least 1"),
        ('[check]\nmodules = "a"\nfail-on = ["speed"]', "unknown 'speed'"),
        ('[check]\nmodules = "a"\ntolerance = { all = 1 }', "unknown key 'all'"),
        ('[check]\nmodules = "a"\ntolerance = { total = "much" }', "tolerance"),
        ('[check]\nmodules = "a"\ntolerance = { total = "-1%" }', "no tolerance"),
        ('[check]\nmodules = "a"\ntolerance = { total = "inf%" }', "no tolerance"),
        ('[check]\nmodules = "a"\ntolerance = 1', "a table"),
        ('[check]\nmodules = [1]', "text"),
        ('[check]\nmodules = "a"\ndeterminism-sample = 2', "share"),
        ('[check]\nmodules = "a"\n[[check.override]]\nfunction = "x"', "override"),
        ('[check]\nmodules = "a"\n[[check.override]]\nproof = 1', "unknown key 'proof'"),
        ('[check]\nmodules = "a"\n[[check.call]]\nexport = "f"', "text"),
        ('[check]\nmodules = "a"\n[[check.call]]\nmodule = "a"\nexport = "f"\nargs = ["1"]', "num"),
    ],
)  # fmt: skip
def test_faults_are_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = config(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"), [('cost = "bytes"\nassume = "luck"', "unknown contract")]
)
def test_faulty_options(tmp_path: Path, text: str, says: str) -> None:
    found = read_config(config(tmp_path, f'[check]\nmodules = "a"\n{text}'))
    with pytest.raises(ConfigError, match=says):
        found.options(None, 1)


def test_nearest_file_wins(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_config(inner) is None or tmp_path not in (find_config(inner) or tmp_path).parents
    outer = config(tmp_path, '[check]\nmodules = "a"')
    assert find_config(inner) == outer
    config(tmp_path / "a", "[tool.other]", "pyproject.toml")
    assert find_config(inner) == outer
    python = config(tmp_path / "a", '[tool.eqsat.check]\nmodules = "x"', "pyproject.toml")
    assert find_config(inner) == python
    assert read_config(python).modules == ("x",)


def test_tolerance_is_the_larger_of_amount_and_share() -> None:
    assert Tolerance(amount=16).limit(100) == 116
    assert Tolerance(share=0.5).limit(100) == 150
    assert Tolerance().limit(100) == 100
