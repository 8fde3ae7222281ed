"""The mutation score: mutants are made and judged, and one that is wrongly proven is a failure."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import wasmtime
from eqsat.bench.mutants import material, rules, trials
from eqsat.bench.mutants.__main__ import main, score
from eqsat.bench.mutants.trials import SHARES, Trial, judge_body
from eqsat.verify import rules as prover
from eqsat.verify.validator import Validator, Verdict
from eqsat.wasm.module import Module

LOOP = """(module (import "h" "put" (func $put (param i32))) (memory (export "m") 1)
 (global $g (mut i32) (i32.const 5))
 (func $inner (param i32) (result i32)
   local.get 0 i32.const 1 i32.mul local.get 0 i32.load offset=4 i32.add global.get $g i32.xor)
 (func (export "f") (param $n i32) (param $p i32) (result i32) (local $s i32)
   block loop local.get $n i32.eqz br_if 1
     local.get $p i32.const 252 i32.and local.tee $p
     local.get $n i32.const 8 i32.mul local.get $p i32.const 0 i32.add call $inner i32.sub
     i32.store offset=8
     local.get $s local.get $p i32.load8_u offset=8 i32.add local.set $s
     local.get $n i32.const 1 i32.sub local.set $n
     local.get $p i32.const 4 i32.add local.set $p br 0 end end
   local.get $s call $put local.get $n local.get $s call $inner i32.add))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("modules")
    (path / "loop.wasm").write_bytes(bytes(wasmtime.wat2wasm(LOOP)))
    return path


@pytest.fixture(autouse=True)
def few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge of a bench makes thousands of calls."""
    monkeypatch.setattr(trials, "PROVEN_CALLS", 500)
    monkeypatch.setattr(trials, "JUDGE_CALLS", 300)


def test_a_sample_has_nothing_wrong_proven(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mutants.json"
    assert main([str(folder), "--count", "40", "--seed", "3", "--json", str(file)]) == 0
    made = [json.loads(line) for line in file.read_text().splitlines()]
    assert {one["kind"] for one in made} == set(SHARES)
    apart = [one for one in made if one["differs"]]
    assert len(apart) > 20
    assert sum(one["status"] == "refuted" for one in apart) >= 0.9 * len(apart)
    assert f"{len(made)} mutants, seed 3" in capsys.readouterr().out


@pytest.mark.slow
def test_a_larger_sample_of_real_modules(shared: Path, tmp_path: Path) -> None:
    file = tmp_path / "mutants.json"
    folders = [str(shared / "fused"), str(shared / "corpus/wasm")]
    assert main([*folders, "--count", "120", "--json", str(file)]) == 0
    made = [json.loads(line) for line in file.read_text().splitlines()]
    apart = [one for one in made if one["differs"]]
    assert sum(one["status"] == "refuted" for one in apart) >= 0.9 * len(apart)


def test_a_validator_that_believes_everything_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proofs, _ = material.recorded("loop", (folder / "loop.wasm").read_bytes())
    monkeypatch.setattr(Validator, "check", lambda *_, **__: Verdict("proven", "by trust"))
    monkeypatch.setattr(material, "recorded", lambda *_: (proofs, []))
    monkeypatch.setattr(trials, "recorded", lambda *_: (proofs, []))
    assert main([str(folder), "--count", "5", "--kinds", "body"]) == 1
    assert "PROVEN AND WRONG: body" in capsys.readouterr().err


def test_the_same_seed_makes_the_same_mutants(folder: Path) -> None:
    def made() -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        trials.run(
            [folder / "loop.wasm"], 6, 11, ["body", "encoder"],
            lambda one: found.append((one.change, one.text)),
        )  # fmt: skip
        return found

    assert made() == made()


def test_a_wrong_body_is_told_apart_and_a_right_one_is_not(folder: Path) -> None:
    proofs, _ = material.recorded("loop", (folder / "loop.wasm").read_bytes())
    assert proofs
    proof = proofs[0]
    right = judge_body("body", "nothing", proof)
    assert right is not None
    assert (right.status, right.differs) == ("proven", False)
    kind = Module.parse(proof.module).type_of(proof.index)
    assert len(kind.results) == 1
    wrong = judge_body("body", "all", replace(proof, body=b"\0\x41\x2a\x0b"))
    assert wrong is not None
    assert (wrong.status, wrong.differs) == ("refuted", True)
    assert not wrong.failed


def row(name: str) -> rules.Row:
    return next(one for one in rules.rows() if one.name == name)


def test_runs_know_wrong_rules() -> None:
    power = row("i32/mul-pow2")
    assert rules.wrong(power, 1) is False
    assert rules.wrong(replace(power, guards=power.guards[:1]), 1) is True
    assert prover.prove_rule(replace(power, guards=power.guards[:1]).text).status == "refuted"
    signed = row("i32/known-le_s")
    assert rules.wrong(signed, 1) is False
    assert rules.wrong(replace(signed, guards=signed.guards[:2]), 1) is True
    assert rules.wrong(row("walk-I64"), 1) is None  # a history is no expression


def test_rows_read_back_as_written() -> None:
    for one in rules.rows()[::40]:
        assert prover.prove_rule(one.text).status == "proven"


def test_no_built_in_rule_is_wrong_in_a_run() -> None:
    for number, one in enumerate(rules.rows()[::12]):
        assert rules.wrong(one, number) is not True, one.text


def test_rules_change_in_one_place() -> None:
    source = random.Random(4)
    seen = set()
    for one in rules.rows()[::9]:
        made = rules.mutate(one, source)
        if made is not None:
            seen.add(made[0])
            assert made[1] != one
    assert seen >= {"guard", "constant", "operator", "operands", "variable"}


def test_the_score_counts_what_could_be_told_apart() -> None:
    made = [
        Trial("body", "step", "a", "refuted", True),
        Trial("body", "step", "a", "unknown", True),
        Trial("body", "index", "a", "proven", False),
        Trial("rule", "guard", "b", "unknown", None),
    ]
    lines = score(made).splitlines()
    assert "| **body** | 3 | 2 | 1 (50.0 %) | 1 | 0 | 1 | 1 |" in lines
    assert "| **all** | 4 | 2 | 1 (50.0 %) | 1 | 0 | 2 | 1 |" in lines
    assert not any(one.failed for one in made)
    assert Trial("body", "step", "a", "proven", True).failed
