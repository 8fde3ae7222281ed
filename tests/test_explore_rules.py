"""Rules of one's own in the explorer, and rules left out: the command line does the same."""

import json
import re
from pathlib import Path

import pytest
from eqsat.cli.main import main
from eqsat.explore.ownrules import proven
from eqsat.explore.session import Session
from eqsat.optimize.options import Options
from eqsat.optimize.rulebook import book, own_rules
from eqsat.rules.language import RuleError, UnknownRule
from eqsat.wasm.text_in import assemble

from .explored import HANDLE, MUL

GOOD = """(rewrite (i32.mul x (i32.const 8))
  (i32.add (i32.shl x (i32.const 2)) (i32.shl x (i32.const 2))) :name "mine/eight")
"""
BAD = """; a comment

(rewrite (i32.mul x (i32.const 8)) (i32.shl x (i32.const 4)) :name "mine/bad")
"""


def test_rules_are_proven_one_by_one() -> None:
    found = proven(GOOD)
    assert found["accepted"]
    assert [(one["name"], one["line"]) for one in found["rules"]] == [("mine/eight", 1)]
    found = proven(GOOD + BAD)
    assert not found["accepted"]
    good, bad = found["rules"]
    assert (good["status"], bad["status"]) == ("proven", "refuted")
    # Two lines of the first rule, a comment, an empty one.
    assert bad["line"] == 5
    assert any(one.startswith("x=") for one in bad["counterexample"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no rules"),
        ("; nothing", "no rules"),
        ("(", "not closed"),
        ("x", "outside a command"),
        ('(include "/etc/passwd")', "only rewrite and rule commands"),
        ('(input F "/etc/passwd")', "only rewrite and rule commands"),
        ("(let x (i32.const 1))", "only rewrite and rule commands"),
        ("import os; os._exit(1)", "outside a command"),
        ('(rewrite (i32.mul x x) (i32.mul x x) :name "i32/mul-pow2")', "there already"),
        (GOOD + GOOD, "there already"),
        (GOOD.replace(" :name", " :ruleset mine :name"), "unknown rule set"),
    ],
)
def test_texts_that_are_no_rules_are_refused(text: str, error: str) -> None:
    found = proven(text)
    assert not found["accepted"]
    assert error in found["error"]


def test_the_text_of_a_file_gives_the_rules_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.egg"
    path.write_text(GOOD)
    assert [rule.text for rule in own_rules(GOOD)] == [
        rule.text for rule in book([path]).rules if rule.path == str(path)
    ]


def test_rules_that_are_left_out_are_not_in_the_book() -> None:
    whole = {rule.name for rule in book().rules}
    kept = {rule.name for rule in book(without=("*/mul-pow?", "i32/add-sub-right")).rules}
    gone = whole - kept
    assert {"i32/mul-pow2", "i64/mul-pow2"} <= gone
    assert all(re.fullmatch(r".*/mul-pow.|i32/add-sub-right", name) for name in gone)
    with pytest.raises(UnknownRule, match="no rule is called 'nothing'"):
        book(without=("nothing",))
    assert issubclass(UnknownRule, RuleError)


def run(source: Path, target: Path, *words: str) -> int:
    limits = ["--cost", "fuel", "--max-iters", "6", "--jobs", "1", "-q"]
    return main(["opt", str(source), "-o", str(target), *limits, *words])


def test_the_command_line_leaves_the_same_rules_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target, report = tmp_path / "in.wasm", tmp_path / "out.wasm", tmp_path / "r.json"
    source.write_bytes(assemble(HANDLE))
    assert run(source, target, "--report", str(report)) == 0
    used = {name for one in json.loads(report.read_text())["functions"] for name in one["rules"]}
    first = target.read_bytes()
    name = next(one for one in sorted(used) if "sub" in one)
    # All at once: one rule's work is often done by another as well.
    words = [word for one in sorted(used) for word in ("--without-rule", one)]
    assert run(source, target, "--report", str(report), *words) == 0
    rest = {one for row in json.loads(report.read_text())["functions"] for one in row["rules"]}
    assert not used & rest
    assert target.read_bytes() != first
    session = Session(source.read_bytes(), Options(cost="fuel", max_iters=6, without=tuple(used)))
    assert len(session.forms(0, MUL, {})["forms"]) == 1
    assert run(source, target, "--without-rule", name + "x") == 3
    assert f"no rule is called '{name}x'" in capsys.readouterr().err


def test_a_variable_leaves_rules_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target, other = (tmp_path / name for name in ("in.wasm", "a.wasm", "b.wasm"))
    source.write_bytes(assemble(HANDLE))
    assert run(source, target, "--without-rule", "i32/*") == 0
    monkeypatch.setenv("EQSAT_WITHOUT_RULE", "i32/*")
    assert run(source, other) == 0
    assert other.read_bytes() == target.read_bytes()
