"""Steps that the optimizer really takes, and their mutants: no proven one differs in a run."""

import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from eqsat.optimize.driver import optimize
from eqsat.optimize.options import Options
from eqsat.verify import certificate
from eqsat.verify.certificate import Certificate
from eqsat.verify.differential import explore
from eqsat.verify.plan import Step
from eqsat.verify.reader import read_module
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

from .test_verify_emitted import is_valid, mutate

Taken = list[tuple[bytes, bytes, Step]]

ADAPTER = """(module
 (type $cb (func (param i32 i32) (result i32))) (memory $m 1) (table $t 2 funcref)
 (elem (i32.const 1) $callback)
 (global $res (mut i32) (i32.const 0)) (global $ctx (mut i32) (i32.const 0))
 (func $work (param $n i32) (result i32) (local $s i32)
   loop local.get $n i32.const 3 i32.mul local.get $s i32.add local.set $s
     local.get $n i32.const 1 i32.sub local.tee $n i32.const 0 i32.gt_s br_if 0 end local.get $s)
 (func $return (param i32) local.get 0 global.set $res)
 (func $callback (type $cb) local.get 0 i32.eqz if (result i32)
   global.get $ctx i32.load offset=4 call $work call $return i32.const 0 else i32.const 18 end)
 (func $start (param $n i32) (result i32)
   i32.const 512 global.set $ctx i32.const 516 local.get $n i32.store
   i32.const 0 i32.const 0 i32.const 1 call_indirect (type $cb))
 (func (export "run") (param $n i32) (result i32)
   local.get $n call $start i32.const 15 i32.and if unreachable end global.get $res))"""

SHARED = """(module (import "e" "x" (func $x (param i32))) (memory (export "m") 1)
 (global $flag (mut i32) (i32.const 0))
 (func $check (param i32 i32) (result i32) local.get 1 i32.const 7 i32.and if (result i32)
   local.get 0 call $x i32.const 1 else global.get $flag if unreachable end i32.const 2 end)
 (func $a (param i32) (result i32) local.get 0 i32.const 12 i32.shr_u i32.const 9 call $check)
 (func $b (param i32) (result i32) local.get 0 i32.const 12 i32.shr_u i32.const 9 call $check)
 (func (export "f") (param i32) (result i32) local.get 0 call $a local.get 0 call $b i32.add)
 (func (export "g") (param i32) i32.const 8 local.get 0 call $a i32.store local.get 0 call $x))"""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> tuple[Taken, Callable[..., Certificate]]:
    """The proven steps of the runs in a test, and the certifier itself."""
    found: Taken = []
    certify = certificate.certify

    def record(before: bytes, after: bytes, step: Step, **given: Any) -> Certificate:  # noqa: ANN401
        result = certify(before, after, step, **given)
        if result.status == "proven" and before != after:
            found.append((before, after, step))
        return result

    monkeypatch.setattr(certificate, "certify", record)
    return found, certify


def survey(
    texts: list[str], taken: tuple[Taken, Callable[..., Certificate]], mutants: int, calls: int
) -> dict[str, int]:
    """Judge mutants of all steps taken for these modules."""
    steps, certify = taken
    counts = {"steps": 0, "proven": 0, "unknown": 0}
    for number, text in enumerate(texts):
        steps.clear()
        options = Options(cost="fuel", max_iters=3, max_nodes=5_000, jobs=1)
        optimize(bytes(wasmtime.wat2wasm(text)), options=options)
        for before, after, step in steps:
            counts["steps"] += 1
            source = random.Random(f"{number} {counts['steps']}")
            bodies = read_module(after).bodies
            module = Module.parse(after)
            for _ in range(mutants if bodies else 0):
                at = source.randrange(len(bodies))
                mutant = mutate(bodies[at], source)
                output = replace(module, {module.imported_functions + at: mutant}).data
                if not is_valid(output):
                    continue
                verdict = certify(before, output, step)
                counts[verdict.status] += 1
                if verdict.status == "proven":
                    found = explore(before, output, seconds=2, seed=1, calls=calls)
                    assert found.difference is None, f"proven, but {found.difference}"
    return counts


def test_mutants_of_steps(taken: tuple[Taken, Callable[..., Certificate]]) -> None:
    counts = survey([ADAPTER, SHARED], taken, 8, 60)
    assert counts["steps"] >= 4
    assert counts["unknown"] > counts["proven"]


@pytest.mark.slow
def test_many_mutants_of_steps(
    shared: Path, taken: tuple[Taken, Callable[..., Certificate]]
) -> None:
    texts = []
    for file in sorted((shared / "cases/public").glob("00[012]-*/*.wat")):
        head, _, text = file.read_text().partition("@;)")
        if not tomllib.loads(head.removeprefix("(;@")).get("assume"):
            texts.append(text)
    counts = survey(texts, taken, 25, 300)
    assert counts["unknown"] > counts["proven"]
