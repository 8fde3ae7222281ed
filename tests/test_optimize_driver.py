"""The whole way, on real modules: never worse, proven, bounded, the same bytes under counters."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import eqsat
import pytest
import wasmtime
from eqsat.optimize import driver, finish, search
from eqsat.optimize.budget import CROWDED, SLACK, Clock, process_start
from eqsat.optimize.errors import FuseBlown, InputError, OutputError
from eqsat.optimize.function import Candidate, Outcome
from eqsat.optimize.options import Options, OptionsError
from eqsat.optimize.run import Progress, Run
from eqsat.optimize.search import Search
from eqsat.optimize.worklist import Batch
from eqsat.verify.validator import Verdict
from eqsat.wasm.errors import WasmError
from eqsat.wasm.module import Module
from eqsat.wasm.validate import validate

PATH = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"
EXAMPLE = PATH.read_bytes()
QUICK = Options(cost="bytes", budget=None, max_iters=4, rlimit=200_000)
FUNCTIONS = replace(QUICK, only=("*",))
"""Functions alone: no change of the module as a whole."""


def wat(text: str) -> bytes:
    import wasmtime

    return bytes(wasmtime.wat2wasm(text))


FOLDABLE = wat(
    """(module
      (func (export "f") (param i32) (result i32)
        i32.const 3 i32.const 4 i32.add drop
        local.get 0 i32.const 0 i32.add i32.const 8 i32.mul)
      (func (export "g") (param i32) (result i32)
        i32.const 3 i32.const 4 i32.add drop
        local.get 0 i32.const 0 i32.add i32.const 8 i32.mul)
      (func (export "h") (result i32) i32.const 7))"""
)


def test_folds_and_proves() -> None:
    result = eqsat.optimize(FOLDABLE, options=FUNCTIONS)
    validate(result.output)
    first, twin, tiny = result.report.functions
    assert first.status == twin.status == "proven"
    assert first.bytes_after < first.bytes_before
    assert twin.reason == "the same body as function 0"
    assert tiny.status == "unchanged"
    module = Module.parse(result.output)
    assert module.body_bytes(0) == module.body_bytes(1)
    assert len(result.output) < len(FOLDABLE)


def test_twice_is_once() -> None:
    once = eqsat.optimize(FOLDABLE, options=QUICK).output
    again = eqsat.optimize(once, options=QUICK)
    assert again.output == once
    assert again.report.differential == "not run: nothing changed"


@pytest.mark.parametrize("cost", ["bytes", "balanced"])
def test_never_larger(cost: str) -> None:
    result = eqsat.optimize(EXAMPLE, options=replace(QUICK, cost=cost))
    assert len(result.output) <= len(EXAMPLE)
    for record in result.report.functions:
        assert record.bytes_after <= record.bytes_before
        assert record.cost_after <= record.cost_before
        assert (record.bytes_after != record.bytes_before) <= (record.status == "proven")


def test_same_bytes_for_any_number_of_workers() -> None:
    """In processes of their own: a process that has loaded the engine does not fork."""
    script = (
        "import sys, eqsat, hashlib, pathlib\n"
        "jobs = int(sys.argv[1])\n"
        "options = eqsat.Options(cost='bytes', max_iters=4, rlimit=200_000, jobs=jobs)\n"
        "data = pathlib.Path(sys.argv[2]).read_bytes()\n"
        "print(hashlib.sha256(eqsat.optimize(data, options=options).output).hexdigest())\n"
    )
    found = set()
    for jobs, seed in (("0", "1"), ("1", "2"), ("3", "3")):
        ran = subprocess.run(
            [sys.executable, "-c", script, jobs, str(PATH)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert not ran.stderr
        found.add(ran.stdout)
    assert len(found) == 1


def test_selection() -> None:
    result = eqsat.optimize(FOLDABLE, options=replace(QUICK, only=("g",)))
    assert [record.status for record in result.report.functions] == [
        "skipped",
        "proven",
        "skipped",
    ]
    assert result.report.functions[0].reason == "not selected"


def test_budget_is_kept() -> None:
    began = time.monotonic()
    result = eqsat.optimize(EXAMPLE, options=Options(cost="bytes", budget=0.3, jobs=1))
    assert time.monotonic() - began < 1.5  # 0.3 and slack for a busy machine
    validate(result.output)


def test_used_up_budget_gives_the_input_back() -> None:
    started = time.monotonic() - 60
    result = eqsat.optimize(EXAMPLE, options=Options(budget=1, started=started, jobs=1))
    assert result.output == EXAMPLE
    assert {record.reason for record in result.report.functions} == {"budget"}


def test_fuse_under_counters_is_an_error() -> None:
    options = Options(max_iters=3, budget=1, started=time.monotonic() - 60, jobs=1)
    with pytest.raises(FuseBlown, match="fuse fired with 3 functions left"):
        eqsat.optimize(EXAMPLE, options=options)


@pytest.mark.parametrize("jobs", [0, 1])
def test_stop_keeps_what_is_there(jobs: int) -> None:
    seen: list[Progress] = []
    result = eqsat.optimize(
        FOLDABLE,
        options=replace(QUICK, jobs=jobs),
        progress=seen.append,
        stop=lambda: bool(seen),
    )
    validate(result.output)
    assert result.report.interrupted
    assert result.report.visited() >= 1
    assert seen[0].done == 1


def test_invalid_input() -> None:
    with pytest.raises(InputError) as caught:
        eqsat.optimize(b"\0asm\1\0\0\0\7\1\1")
    assert caught.value.offset is not None
    with pytest.raises(InputError):
        eqsat.optimize(b"")


def test_relocatable_object_comes_back_with_a_reason() -> None:
    module = FOLDABLE + b"\0\x08\x07linking"
    result = eqsat.optimize(module, options=QUICK)
    assert result.output == module
    assert "relocatable" in result.report.unchanged_reason
    assert {record.status for record in result.report.functions} == {"skipped"}


def test_module_without_functions() -> None:
    empty = b"\0asm\1\0\0\0"
    assert eqsat.optimize(empty, options=Options(jobs=2)).output == empty


def test_wrong_candidate_never_gets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the optimizer comes up with, the validator stands before it."""
    wrong = bytes.fromhex("00 20 00 41 02 74 0b")  # x << 2 instead of x << 3

    def candidates(self: Search, forms: object, styles: object) -> list[Candidate]:
        return [Candidate(wrong)]

    monkeypatch.setattr(Search, "_candidates", candidates)
    result = eqsat.optimize(FOLDABLE, options=FUNCTIONS)
    assert result.output == FOLDABLE
    assert result.report.functions[0].status in ("refuted", "unknown")
    assert result.report.functions[0].rejected == 1


def test_invalid_body_costs_its_function_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the validator to accept an ill-typed body, wasmtime would not."""
    broken = bytes.fromhex("00 20 00 41 03 42 00 0b")

    def accept(self: Search, *of: object) -> Verdict:
        return Verdict("proven", "mistaken")

    def candidates(self: Search, forms: object, styles: object) -> list[Candidate]:
        return [Candidate(broken)]

    monkeypatch.setattr(Search, "_candidates", candidates)
    monkeypatch.setattr(Search, "_check", accept)
    result = eqsat.optimize(FOLDABLE, options=FUNCTIONS)
    assert result.output == FOLDABLE
    assert result.report.functions[0].reason == "fault: the emitted body is not valid"
    assert len(result.report.warnings) == 1


def lie(run: Run) -> None:
    """A stage that changes what nobody proved."""
    run.output = run.data.replace(b"\x41\x07\x0b", b"\x41\x08\x0b")
    assert run.output != run.data


def test_differential_run_is_the_last_net(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = tuple(lie if stage is driver.assemble else stage for stage in driver.STAGES)
    monkeypatch.setattr(driver, "STAGES", stages)
    with pytest.raises(OutputError, match="behaves differently") as caught:
        eqsat.optimize(FOLDABLE, options=FUNCTIONS)
    assert caught.value.kind == "behaviour"


def test_too_much_code_is_first_written_without_the_e_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[tuple[bool, str]] = []
    run = Search.run

    def watched(self: Search, batch: Batch) -> Iterator[Outcome]:
        for outcome in run(self, batch):
            turns.append((batch.plain, outcome.record.status))
            yield outcome

    monkeypatch.setattr(Search, "run", watched)
    monkeypatch.setattr(search, "too_much", lambda *_: True)
    monkeypatch.setattr("eqsat.optimize.workers.can_fork", lambda: False)
    result = eqsat.optimize(FOLDABLE, options=Options(cost="bytes", budget=30.0))
    assert turns[0] == (True, "proven")
    assert (False, "proven") in turns
    assert result.output == eqsat.optimize(FOLDABLE, options=QUICK).output


def test_where_time_is_short_what_steps_changed_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = "(i32.eqz (i32.eqz " * 40 + "(local.get 0)" + "))" * 40
    data = bytes(
        wasmtime.wat2wasm(
            f"""(module
              (func $thunk (param i32) (result i32) (i32.add (local.get 0) (i32.const 3)))
              (func (export "large") (param i32) (result i32) {body})
              (func (export "caller") (param i32) (result i32)
                (i32.add (i32.const 0) (call $thunk (local.get 0)))))"""
        )
    )
    order: list[int] = []
    run = Search.run

    def watched(self: Search, batch: Batch) -> Iterator[Outcome]:
        order.extend(len(self.module.body_bytes(index)) for index, _ in batch.functions)
        yield from run(self, batch)

    monkeypatch.setattr(Search, "run", watched)
    monkeypatch.setattr(search, "too_much", lambda size, *_: size < 10_000)
    monkeypatch.setattr("eqsat.optimize.workers.can_fork", lambda: False)
    eqsat.optimize(data, options=Options(cost="bytes", budget=30.0))
    assert order[0] < order[1]


def test_frame_check_is_asked() -> None:
    other = FOLDABLE.replace(b"\1h\0", b"\1i\0")
    assert other != FOLDABLE
    with pytest.raises(OutputError, match="differs elsewhere") as caught:
        finish.check(FOLDABLE, other, QUICK, None)
    assert caught.value.kind == "frame"


def test_validation_is_asked() -> None:
    broken = FOLDABLE.replace(b"\x41\x07\x0b", b"\x42\x07\x0b")
    with pytest.raises(OutputError, match="not valid") as caught:
        finish.check(FOLDABLE, broken, QUICK, None)
    assert caught.value.kind == "validation"


def test_options_are_checked() -> None:
    for wrong in (
        {"cost": "beauty"},
        {"budget": 0},
        {"budget": float("nan")},
        {"max_iters": 0},
        {"jobs": -1},
    ):
        with pytest.raises(OptionsError):
            Options(**wrong)


def test_contracts_are_reported_as_unused() -> None:
    result = eqsat.optimize(FOLDABLE, options=replace(QUICK, assume=("trap-kills",), entry=("f",)))
    plain = result.report.as_json()
    assert plain["contracts"] == [{"name": "trap-kills", "used_by": []}]
    assert plain["entries"] == [{"glob": "f", "used_by": ["trim"]}]
    assert [one.name for one in Module.parse(result.output).exports] == ["f"]
    unused = eqsat.optimize(FOLDABLE, options=replace(QUICK, entry=("?",)))
    assert unused.report.as_json()["entries"] == [{"glob": "?", "used_by": []}]


def test_clock() -> None:
    clock = Clock(time.monotonic() - 1, 2.0)
    end = clock.search_end(100_000)
    assert end is not None
    assert clock.start + 1 <= end < clock.start + 2
    assert Clock(0.0, None).search_end(5) is None
    assert 0 <= time.monotonic() - process_start() <= SLACK + (CROWDED + 1) * time.process_time()


def test_what_a_shell_did_before_does_not_count() -> None:
    code = "import time; from eqsat.optimize.budget import process_start"
    code += "; print(time.monotonic() - process_start())"
    ran = subprocess.run(
        ["/bin/sh", "-c", 'sleep 4; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert 0 < float(ran.stdout) < 4


def acceptable(data: bytes) -> bool:
    try:
        Module.parse(data)
        validate(data)
    except WasmError:
        return False
    return True


def test_mutated_modules_never_break_the_driver() -> None:
    """A bounded fuzz: each mutant is refused as bad input or optimized to a valid module."""
    dice = random.Random(2026)
    kept = 0
    bodies = [place for span in Module.parse(FOLDABLE).code for place in range(*span)]
    for trial in range(50):
        mutant = bytearray(FOLDABLE if trial % 5 else EXAMPLE)
        for _ in range(dice.randrange(1, 3)):
            place = dice.choice(bodies) if trial % 5 else dice.randrange(8, len(mutant))
            mutant[place] = dice.choice((0, 1, 2, 7, 0x20, 0x6B, 0x72, dice.randrange(256)))
        options = Options(cost="bytes", budget=0.5, max_iters=None)
        try:
            result = eqsat.optimize(bytes(mutant), options=options)
        except InputError:
            assert not acceptable(bytes(mutant))
            continue
        kept += 1
        validate(result.output)
        assert len(result.output) <= len(mutant)
        assert not [r for r in result.report.functions if r.reason.startswith("fault")]
    assert kept > 5


def test_what_is_beyond_the_time_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that takes longer than the budget would else be begun in every run in vain."""
    seen: list[tuple[int, bool]] = []
    run = Search.run

    def watched(self: Search, batch: Batch) -> Iterator[Outcome]:
        seen.extend((index, batch.plain) for index, _ in batch.functions)
        return run(self, batch)

    waste = "(i32.add (i32.const 0) (local.get 0))"
    long = f"(i32.mul (i32.const 8) {waste})"
    head = "(param i32) (result i32)"
    data = wat(f'(module (func (export "l") {head} {long}) (func (export "w") {head} {waste}))')
    monkeypatch.setattr(Search, "run", watched)
    monkeypatch.setattr(search, "too_much", lambda *_: True)
    monkeypatch.setattr(search, "PLAIN_SPEED", 10 / 30)
    monkeypatch.setattr("eqsat.optimize.workers.can_fork", lambda: False)
    eqsat.optimize(data, options=Options(cost="bytes", budget=30.0, only=("*",)))
    first = list(dict.fromkeys(seen))
    assert first == [(1, True), (1, False), (0, False)]
