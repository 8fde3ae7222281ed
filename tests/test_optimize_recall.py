"""What a run remembers: cold and warm alike under counters, further and further under a clock."""

import json
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import eqsat
import pytest
from eqsat.optimize import fingerprint
from eqsat.optimize.cache import Entry, Store
from eqsat.optimize.fingerprint import choices, fields_digest
from eqsat.optimize.function import Outcome
from eqsat.optimize.options import Options
from eqsat.optimize.payload import Payload, PayloadError, decode, encode, read
from eqsat.optimize.recall import Known, Recall, State, skeleton
from eqsat.optimize.recheck import recheck
from eqsat.optimize.report import FunctionRecord
from eqsat.optimize.search import Search
from eqsat.optimize.worklist import Batch
from eqsat.verify.validator import Validator
from eqsat.wasm.module import Module
from eqsat.wasm.validate import validate
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent


def wat(text: str) -> bytes:
    import wasmtime

    return bytes(wasmtime.wat2wasm(text))


def of(*bodies: str, memory: str = '(memory (export "m") 1)') -> bytes:
    functions = "".join(
        f'(func (export "f{n}") (param i32 i32) (result i32) {body})'
        for n, body in enumerate(bodies)
    )
    return wat(f"(module {memory} (global (mut i32) (i32.const 0)) {functions})")


WASTE = "(i32.mul (i32.add (local.get 0) (i32.const 0)) (i32.const 8))"
LOOP = """(local i32) (loop
  (local.set 2 (i32.add (local.get 2) (i32.add (local.get 1) (i32.const 0))))
  (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 2)"""
OTHER = "(i32.add (i32.add (local.get 1) (i32.const 3)) (i32.const 4))"
MODULE = of(WASTE, LOOP, OTHER)


@pytest.fixture
def counted(tmp_path: Path) -> Options:
    return Options(
        cost="bytes", budget=None, max_iters=4, rlimit=200_000, cache=tmp_path / "results.db"
    )


@pytest.fixture
def clocked(tmp_path: Path) -> Options:
    return Options(cost="bytes", budget=60, cache=tmp_path / "results.db")


def searched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """The functions that are worked on from now on, with whether they are only written anew."""
    seen: list[tuple[int, bool]] = []
    run = Search.run

    def noted(self: Search, batch: Any) -> Any:  # noqa: ANN401
        seen.extend((index, batch.plain) for index, _ in batch.functions)
        return run(self, batch)

    monkeypatch.setattr(Search, "run", noted)
    return seen


def plain(report: eqsat.Report) -> dict[str, Any]:
    """The report without what may differ from run to run."""
    found = report.as_json()
    for name in ("seconds", "phases", "cached", "differential"):
        del found[name]
    for record in (*found["functions"], *found["steps"]):
        del record["seconds"]
    return found


def test_cold_and_warm_are_the_same(counted: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    without = eqsat.optimize(MODULE, options=replace(counted, cache=None))
    cold = eqsat.optimize(MODULE, options=counted)
    seen = searched(monkeypatch)
    warm = eqsat.optimize(MODULE, options=counted)
    assert without.output == cold.output == warm.output != MODULE
    assert plain(without.report) == plain(cold.report) == plain(warm.report)
    assert not seen
    assert (cold.report.cached, warm.report.cached >= 3) == (0, True)


def test_warm_run_loads_neither_engine_nor_solver(counted: Options) -> None:
    import subprocess
    import sys

    assert counted.cache is not None
    script = (
        "import sys, eqsat, pathlib\n"
        "options = eqsat.Options(cost='bytes', budget=None, max_iters=4, rlimit=200_000,\n"
        "                        cache=pathlib.Path(sys.argv[1]))\n"
        "eqsat.optimize(sys.stdin.buffer.read(), options=options)\n"
        "print(*[name for name in ('egglog', 'egglog.bindings', 'z3') if name in sys.modules])\n"
    )
    words = [sys.executable, "-c", script, str(counted.cache)]
    assert b"egglog" in subprocess.run(words, input=MODULE, capture_output=True).stdout
    assert subprocess.run(words, input=MODULE, capture_output=True).stdout == b"\n"


@pytest.mark.parametrize(
    "other",
    [
        of(WASTE, LOOP, OTHER, memory='(memory (export "m") 2)'),
        of(WASTE, LOOP, OTHER, memory='(memory (export "m") 1) (data (i32.const 0) "x")'),
        of(WASTE, LOOP, OTHER + " drop (i32.const 1)"),
    ],
    ids=["memory", "data", "body"],
)
def test_nothing_is_taken_from_other_modules(
    other: bytes, counted: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    eqsat.optimize(MODULE, options=counted)
    seen = searched(monkeypatch)
    eqsat.optimize(other, options=counted)
    assert {index for index, _ in seen} == {0, 1, 2}


@pytest.mark.parametrize(
    "change",
    [
        {"max_iters": 5},
        {"max_nodes": 7_000},
        {"rlimit": 200_001},
        {"cost": "fuel"},
        {"assume": ("trap-kills",)},
        {"entry": ("f0",)},
        {"only": ("f0", "f1")},
    ],
    ids=str,
)
def test_nothing_is_taken_from_other_options(
    change: dict[str, Any], counted: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    eqsat.optimize(MODULE, options=counted)
    seen = searched(monkeypatch)
    eqsat.optimize(MODULE, options=replace(counted, **change))
    assert seen


def test_files_of_the_user_count_by_content(tmp_path: Path, counted: Options) -> None:
    rules, cost = tmp_path / "mine.egg", tmp_path / "cost.toml"
    rules.write_text("; none")
    cost.write_text("")
    found = set()
    for text in ("a", "b"):
        cost.write_text(text)
        found.add(choices(replace(counted, cost=cost)))
        rules.write_text(text)
        found.add(choices(replace(counted, rules=(rules,))))
    assert len(found) == 4


def test_every_deciding_room_is_in_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All but the faces: a changed line in any other room makes another tool of it."""
    layers = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {"wasm", "lowering", "rules", "egraph", "extract", "verify", "optimize"} <= layers
    assert not {"wasm", "lowering", "rules", "verify", "optimize"} & set(fingerprint.FACES)
    found = set()
    for room in ("verify", "fresh", "cli"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("")
    (tmp_path / "optimize").mkdir()
    (tmp_path / "optimize" / "__init__.py").write_text("")
    monkeypatch.setattr(fingerprint, "__file__", str(tmp_path / "optimize" / "fingerprint.py"))
    for name in ("", "verify/a.py", "fresh/b.py", "rules/proofs.lock", "cli/c.py"):
        if name:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text("changed")
        fingerprint.sources.cache_clear()
        found.add(fingerprint.sources())
    fingerprint.sources.cache_clear()
    assert len(found) == 4


def test_another_tool_finds_nothing(counted: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    eqsat.optimize(MODULE, options=counted)
    monkeypatch.setattr("eqsat.optimize.recall.tool", lambda: b"another")
    seen = searched(monkeypatch)
    eqsat.optimize(MODULE, options=counted)
    assert seen


def test_the_proof_of_a_function_reads_no_other_body(counted: Options) -> None:
    """Keys leave other functions' bodies out: this fails when a proof begins to read them."""

    class Guarded(list[bytes]):
        def __getitem__(self, place: Any) -> Any:  # noqa: ANN401
            assert place == 1, "add the other bodies to the keys of optimize/recall.py"
            return super().__getitem__(place)

        def __iter__(self) -> Any:  # noqa: ANN401
            raise AssertionError("add the other bodies to the keys of optimize/recall.py")

    result = eqsat.optimize(MODULE, options=replace(counted, only=("f1",), cache=None))
    validator = Validator(MODULE)
    validator.module.bodies = Guarded(validator.module.bodies)
    validator.module.sections = []
    validator.bytes = b""
    new = Module.parse(result.output).body_bytes(1)
    assert new != Module.parse(MODULE).body_bytes(1)
    assert validator.check(1, new).status == "proven"


def test_a_second_run_settles_and_a_third_does_nothing(
    clocked: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = searched(monkeypatch)
    first = eqsat.optimize(MODULE, options=clocked)
    assert {index for index, _ in seen} == {0, 1, 2}
    seen.clear()
    second = eqsat.optimize(MODULE, options=clocked)
    assert not seen
    assert second.output == first.output
    assert plain(first.report) == plain(second.report)


def test_later_runs_go_on(
    clocked: Options, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Interrupted after one function, then written anew, then without hurry."""
    seen = searched(monkeypatch)
    calls = iter(range(100))
    first = eqsat.optimize(MODULE, options=clocked, stop=lambda: next(calls) >= 0)
    assert first.report.interrupted
    assert [record.status for record in first.report.functions].count("skipped") == 2
    done = [record.index for record in first.report.functions if record.status != "skipped"]

    seen.clear()
    monkeypatch.setattr("eqsat.optimize.search.too_much", lambda *_: True)
    eqsat.optimize(MODULE, options=clocked, stop=lambda: len(seen) > 1)
    assert seen[0][0] not in done
    assert seen[0][1]

    seen.clear()
    monkeypatch.setattr("eqsat.optimize.search.too_much", lambda *_: False)
    last = eqsat.optimize(MODULE, options=clocked)
    assert seen
    assert not any(plain for _, plain in seen)
    assert last.output == eqsat.optimize(MODULE, options=replace(clocked, cache=None)).output


@pytest.mark.parametrize(
    ("visits", "state", "tries"),
    [
        ([(False, False, False)], State.SETTLED, 0),
        ([(True, False, False)], State.OPEN, 0),
        ([(False, True, False)], State.PLAIN, 0),
        ([(False, False, True)], State.OPEN, 1),
        ([(False, False, True)] * 3, State.SETTLED, 3),
        ([(False, False, True)] * 2 + [(True, False, True)], State.OPEN, 0),
    ],
)
def test_how_far_the_search_has_come(
    visits: list[tuple[bool, bool, bool]], state: State, tries: int
) -> None:
    outcome = Outcome(record_of())
    known = Known(outcome, State.PLAIN)
    for changed, plain, cut in visits:
        known = known.next(outcome, changed=changed, plain=plain, cut=cut)
    assert (known.state, known.tries) == (state, tries)


def record_of(**fields: Any) -> FunctionRecord:  # noqa: ANN401
    basis: dict[str, Any] = {
        **{"index": 0, "name": "", "status": "unchanged", "reason": ""},
        **{"bytes_before": 5, "bytes_after": 5, "cost_before": 3, "cost_after": 3},
    }
    return FunctionRecord(**{**basis, **fields})


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every payload and seal it properly, as a liar would."""
    store = Store(path)
    entries = [one for one in store.entries() if isinstance(one, Entry) and one.kind != "step"]
    for one in entries:
        payload = json.loads(zlib.decompress(one.payload))
        change(payload)
        data = zlib.compress(json.dumps(payload).encode())
        store.put([Entry(one.key, one.kind, one.tool, one.context, data)], {})


def test_poison_is_ignored_with_a_warning(
    counted: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = eqsat.optimize(MODULE, options=counted)
    assert counted.cache is not None
    with sqlite3.connect(counted.cache) as base:
        base.execute("UPDATE entries SET payload = substr(payload, 1, 20)")
    base.close()
    seen = searched(monkeypatch)
    again = eqsat.optimize(MODULE, options=counted)
    assert again.output == clean.output
    assert seen
    assert "something else has changed" in again.report.warnings[0]


@pytest.mark.parametrize("garbage", [b"no database", b""])
def test_broken_file_is_a_warning(counted: Options, garbage: bytes) -> None:
    assert counted.cache is not None
    counted.cache.write_bytes(garbage * 200)
    result = eqsat.optimize(MODULE, options=counted)
    assert result.output == eqsat.optimize(MODULE, options=replace(counted, cache=None)).output
    assert [line[:23] for line in result.report.warnings] == (
        ["going on without the cac"[:23]] if garbage else []
    )


def test_recheck_proves_and_catches_liars(counted: Options, clocked: Options) -> None:
    eqsat.optimize(MODULE, options=counted)
    eqsat.optimize(MODULE, options=clocked)
    assert counted.cache is not None
    store = Store(counted.cache)
    found = list(recheck(store, 1.0))
    assert sum(one.proofs for one in found) >= 3
    assert not [one.fault for one in found if one.fault]

    def lie(payload: dict[str, Any]) -> None:
        for row in payload["functions"]:
            if row["body"] is not None:
                row["body"] = (b"\0\x20\x01\x0b").hex()  # returns the second parameter
                row["bytes_after"] = 4

    rewrite(counted.cache, lie)
    faults = [one.fault for one in recheck(store, 1.0) if one.fault]
    assert faults
    assert all("not proven again" in fault for fault in faults)
    assert not list(recheck(store, 1.0, stop=lambda: True))


@pytest.mark.parametrize("counted_visit", [False, True])
def test_recheck_proves_every_part_of_the_way(counted: Options, counted_visit: bool) -> None:
    module = Module.parse(MODULE)
    multiplied, shifted = bytes.fromhex("00200041086c0b"), b"\0\x20\0\x41\3\x74\x0b"
    record = record_of(
        status="proven", bytes_before=len(module.body_bytes(0)), bytes_after=len(shifted)
    )
    for between, right in ((multiplied, True), (b"\0\x20\0\x41\x09\x6c\x0b", False)):
        recall = Recall.prepare(module, {}, counted)
        assert recall is not None
        if counted_visit:
            start = replace(record, bytes_before=len(between))
            batch = Batch(((0, between),))
            recall.note_batch(batch, [Outcome(start, shifted)])
        else:
            outcome = Outcome(record, shifted, via=((between, None),))
            recall.note(0, Known(outcome, State.SETTLED))
        recall.flush()
        (found,) = recheck(recall.store, 1.0)
        assert (found.fault == "") == right, found
        recall.store.path.unlink()


def test_recheck_of_entries_of_other_tools_passes_over(
    counted: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    eqsat.optimize(MODULE, options=counted)
    monkeypatch.setattr("eqsat.optimize.recheck.tool", lambda: b"another")
    assert counted.cache is not None
    assert all(one.passed for one in recheck(Store(counted.cache), 1.0))


def test_payloads_come_back() -> None:
    module = Module.parse(MODULE)
    body = module.body_bytes(1)[:-1]
    record = record_of(
        status="proven",
        bytes_before=len(module.body_bytes(1)),
        bytes_after=len(body),
        rules=("a", "b"),
        cost_after=2.5,
    )
    hints = [[0, 1, [[2, ["local", 3]]]]]
    outcome = Outcome(record, body, ((("i32",), ()),), hints, via=((b"1", None), (b"2", hints)))
    data = encode(Payload((outcome,), 1, 2), module, ((1, None),))
    back = decode(data, module, ((1, None),), {1: "one"})
    assert (back.state, back.tries) == (1, 2)
    assert back.outcomes == (replace(outcome, record=replace(record, index=1, name="one")),)
    for wrong in (((0, None),), ((1, body),), ()):
        with pytest.raises(PayloadError):
            decode(data, module, wrong, {})


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists), st.integers(0, 10))
def test_what_is_no_payload_is_refused(value: Any, field: int) -> None:  # noqa: ANN401
    module = Module.parse(MODULE)
    outcome = Outcome(record_of(bytes_before=len(module.body_bytes(0)), bytes_after=0))
    outcome = replace(
        outcome, record=replace(outcome.record, bytes_after=outcome.record.bytes_before)
    )
    good = json.loads(zlib.decompress(encode(Payload((outcome,), 2, 0), module, ((0, None),))))
    row = good["functions"][0]
    name = sorted(row)[field % len(row)]
    row[name] = value
    try:
        kept, _, _ = read(zlib.compress(json.dumps(good).encode()))
    except PayloadError:
        return
    assert isinstance(kept[0].original, bytes)
    with pytest.raises(PayloadError):
        read(json.dumps(good).encode())


def test_skeleton_is_a_valid_module_of_the_same_context() -> None:
    from eqsat.optimize.recall import context_of

    module = Module.parse((ROOT / "examples" / "json.wasm").read_bytes())
    bare = skeleton(module)
    validate(bare)
    assert context_of(Module.parse(bare)) == context_of(module)
    assert len(bare) < len(module.data)


@given(st.lists(st.binary(max_size=5), max_size=4), st.lists(st.binary(max_size=5), max_size=4))
def test_digests_tell_where_fields_end(first: list[bytes], second: list[bytes]) -> None:
    assert (fields_digest(*first) == fields_digest(*second)) == (first == second)


def test_recall_without_a_cache() -> None:
    assert Recall.prepare(Module.parse(MODULE), {}, Options()) is None


def test_cost_file_decides_alike_cold_and_warm(counted: Options, tmp_path: Path) -> None:
    """Whether steps paid is measured by the file's costs even where no search is made."""
    cost = tmp_path / "cost.toml"
    cost.write_text('base = "fuel"\n[opcodes]\n"i32.mul" = 50\n')
    module = wat(
        f"""(module (func $callee (param i32 i32) (result i32) {WASTE})
        (func (export "f") (param i32) (result i32)
          (call $callee (i32.mul (local.get 0) (local.get 0)) (i32.const 7))))"""
    )
    options = replace(counted, cost=cost)
    cold = eqsat.optimize(module, options=options)
    warm = eqsat.optimize(module, options=options)
    assert cold.output == warm.output
    assert cold.output == eqsat.optimize(module, options=replace(options, cache=None)).output


def test_steps_that_time_does_not_allow_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proposal cannot be interrupted: on a large module it would use the budget up."""
    from eqsat.optimize.program import Program

    tried: list[object] = []

    def note(_: Program, propose: object) -> bool:
        tried.append(propose)
        return False

    monkeypatch.setattr(Program, "_take", note)
    module = Module.parse(MODULE + b"\0" + b"\x83\x80\x40" + b"\1x" + bytes((1 << 20) + 1))
    Program(module, Options(max_iters=3), lambda: None).settle(True)
    everything = len(tried)
    assert everything > 2
    for allowance, expected in ((0.5, 0), (8.0, 3), (60.0, everything)):
        tried.clear()
        Program(module, Options(), lambda: None, allowance=allowance).settle(True)
        assert len(tried) == expected


def test_the_search_for_a_function_reads_no_other_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for proofs: what other bodies hold is not in the keys, so it must not count."""
    read: list[int] = []
    ranged = Module.body_range

    def noted(self: Module, index: int) -> tuple[int, int]:
        read.append(index)
        return ranged(self, index)

    module = Module.parse(MODULE)
    options = Options(cost="bytes", max_iters=4, rlimit=200_000)
    search = Search.prepare(MODULE, module, {}, options, None)
    monkeypatch.setattr(Module, "body_range", noted)
    (outcome,) = search.run(Batch(((1, None),)))
    assert outcome.body is not None
    assert set(read) == {1}


def test_a_locked_cache_costs_a_tenth_of_the_budget(clocked: Options) -> None:
    """Somebody else packs the file: the run goes on without, in time."""
    import time

    eqsat.optimize(MODULE, options=clocked)
    assert clocked.cache is not None
    holder = sqlite3.connect(clocked.cache, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("UPDATE entries SET used = 0")
    began = time.monotonic()
    recall = Recall.prepare(Module.parse(MODULE), {}, replace(clocked, budget=2.0))
    assert recall is not None
    known = recall.functions([0, 1, 2])
    recall.flush(0.1)
    assert time.monotonic() - began < 2.0
    assert known or recall.warning
    holder.close()
