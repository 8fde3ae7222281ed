"""Settings: options over variables over the nearest file."""

import argparse
import math
from pathlib import Path

import pytest
from eqsat.cli.config import SETTINGS, apply_settings
from eqsat.cli.errors import CliError
from eqsat.cli.parser import build_parser
from eqsat.cli.values import duration


def arguments(*words: str) -> argparse.Namespace:
    return build_parser().parse_args(["opt", "in.wasm", *words])


def test_every_setting_is_an_option() -> None:
    assert set(SETTINGS) <= set(vars(arguments()))


def test_order_of_levels(tmp_path: Path) -> None:
    (tmp_path / "eqsat.toml").write_text('[opt]\ncost = "bytes"\nbudget = "5s"\njobs = 3\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    given = arguments("--budget", "1s")
    apply_settings(given, {"EQSAT_COST": "fuel", "EQSAT_BUDGET": "9s"}, below)
    assert (given.cost, given.budget, given.jobs) == ("fuel", 1.0, 3)


def test_nearest_file_wins(tmp_path: Path) -> None:
    (tmp_path / "eqsat.toml").write_text('[opt]\ncost = "bytes"\nskip = ["a*", "b"]\n')
    below = tmp_path / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text('[tool.eqsat.opt]\ncost = "fuel"\nrules = "my.py"\n')
    given = arguments()
    apply_settings(given, {}, below)
    assert given.cost == "fuel"
    assert given.skip is None
    assert given.rules == [str(below / "my.py")]


def test_foreign_pyproject_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "eqsat.toml").write_text('[opt]\ncost = "bytes"\n')
    below = tmp_path / "below"
    below.mkdir()
    (below / "pyproject.toml").write_text('[project]\nname = "other"\n')
    given = arguments()
    apply_settings(given, {}, below)
    assert given.cost == "bytes"


def test_lists_in_variables() -> None:
    given = arguments()
    apply_settings(given, {"EQSAT_ASSUME": "trap-kills, no-reentry"}, Path("/"))
    assert given.assume == ["trap-kills", "no-reentry"]


def test_counted_budget_hides_lower_wall_budgets() -> None:
    given = arguments("--max-iters", "4")
    apply_settings(given, {"EQSAT_BUDGET": "9s"}, Path("/"))
    assert given.budget is None


def test_switches() -> None:
    given = arguments()
    apply_settings(given, {"EQSAT_REQUIRE_PROOF": "yes"}, Path("/"))
    assert given.require_proof is True


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[opt", "E0309"),
        ("[opt]\nspeed = 3\n", "E0202"),
        ('[opt]\nbudget = "soon"\n', "E0202"),
        ("[opt]\ncost = [1]\n", "E0202"),
        ("opt = 3\n", "E0202"),
    ],
)
def test_faulty_files(text: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "eqsat.toml").write_text(text)
    with pytest.raises(CliError) as caught:
        apply_settings(arguments(), {}, tmp_path)
    assert caught.value.code == code


def test_faulty_variable() -> None:
    with pytest.raises(CliError, match="EQSAT_JOBS") as caught:
        apply_settings(arguments(), {"EQSAT_JOBS": "many"}, Path("/"))
    assert caught.value.exit == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2s", 2), ("500ms", 0.5), ("1.5m", 90), ("3", 3), ("1h", 3600), ("none", math.inf)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "2 parsecs", "0", "-3s", "inf", "nan"])
def test_no_durations(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration(text)
