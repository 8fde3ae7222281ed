"""Two runs side by side: what is recorded is what happened, and the first difference is marked."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import wasmtime
from eqsat.explore.record import (
    ENTRY,
    MEMORY_EXPORT,
    POINTER_EXPORT,
    REACHED,
    RESULT,
    recording,
)
from eqsat.explore.runs import NotRun, Subject, side_by_side
from eqsat.explore.session import Session, SessionError
from eqsat.optimize.options import Options
from eqsat.wasm.module import Module
from eqsat.wasm.text_in import assemble
from eqsat.wasm.validate import validate

LOOP = b"""(module (import "h" "log" (func $log (param i32))) (memory (export "m") 1)
  (global $g (export "g") (mut i64) (i64.const 7))
  (func $f (export "f") (param $x i32) (param $y f64) (result i32) (local $i i32)
    (loop $again
      (i32.store offset=4 (i32.mul (local.get $i) (i32.const 8)) (local.get $x))
      (call $log (i32.mul (local.get $x) (i32.const 3)))
      (global.set $g (i64.extend_i32_u (local.get $i)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (i32.const 12))))
    (i32.trunc_f64_s (f64.mul (local.get $y) (f64.const 2)))))"""


def steps(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for a, b in found["pairs"]:
        sides = (("left", a), ("right", b))
        left, right = (
            "" if k is None else f"{found[side][k]['text']} {found[side][k]['value']}"
            for side, k in sides
        )
        yield left, right


def subjects(first: bytes, second: bytes, index: int) -> tuple[Subject, Subject]:
    return Subject(first, index, {}, {}), Subject(second, index, {}, {})


def test_a_record_holds_every_value_and_changes_nothing() -> None:
    data = assemble(LOOP)
    module = recording(data, 1)
    validate(module)
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    kind = wasmtime.FuncType([wasmtime.ValType.i32()], [])
    seen: list[int] = []
    log = wasmtime.Func(store, kind, lambda value: seen.append(value))
    exports = wasmtime.Instance(store, wasmtime.Module(engine, module), [log]).exports(store)
    function, memory, pointer = (exports[name] for name in ("f", MEMORY_EXPORT, POINTER_EXPORT))
    assert isinstance(function, wasmtime.Func)
    assert isinstance(memory, wasmtime.Memory)
    assert isinstance(pointer, wasmtime.Global)
    assert function(store, 5, 4.5) == 9
    assert seen == [15] * 12
    used = pointer.value(store)
    raw = bytes(memory.read(store, 0, used))
    entries = [raw[k : k + ENTRY] for k in range(0, used, ENTRY)]
    instrs = Module.parse(data).body(1).instrs
    found = [
        (instrs[int.from_bytes(e[:4], "little")][0], int.from_bytes(e[4:8], "little"), e[8:])
        for e in entries
    ]
    calls = [value for code, what, value in found if code == 0x10 and what == 1]
    assert [int.from_bytes(value, "little") for value in calls] == seen
    stores = [int.from_bytes(v, "little") for code, what, v in found if (code, what) == (0x36, 1)]
    assert stores == list(range(0, 96, 8))
    assert sum(code == 0x36 and what == REACHED for code, what, _ in found) == 12
    assert (0xAA, RESULT, (9).to_bytes(8, "little")) in found


def test_the_first_difference_is_found_in_the_middle() -> None:
    once = b"(select (i32.const 3) (i32.const 4) (i32.lt_u (local.get $i) (i32.const 9)))"
    found = side_by_side(
        *subjects(assemble(LOOP), assemble(LOOP.replace(b"(i32.const 3)", once)), 1),
        [("f", (5, 1.0))],
    )
    assert found["note"] == "the first 28 effects are the same"
    rows = list(steps(found))
    assert rows[found["first"]] == ("call 0 (15)", "call 0 (20)")
    assert found["first"] == len(rows) - 1
    assert ("i32.store offset=4 [76] ← 5",) * 2 in rows
    assert found["skipped"][0] > 0


@pytest.mark.parametrize(
    ("old", "new", "left", "right"),
    [
        (b"f64.const 2", b"f64.const 3", "end of the call 2;", "end of the call 3;"),
        (b"offset=4", b"offset=5", "i32.store offset=4 [4] ← 5", "i32.store offset=5 [5] ← 5"),
        (b"(f64.mul", b"(f64.div", "end of the call 2;", "end of the call 0;"),
    ],
)  # fmt: skip
def test_effects_of_all_kinds_are_compared(old: bytes, new: bytes, left: str, right: str) -> None:
    pair = subjects(assemble(LOOP), assemble(LOOP.replace(old, new)), 1)
    found = side_by_side(*pair, [("f", (5, 1.0))])
    rows = list(steps(found))
    a, b = rows[found["first"]]
    assert a.startswith(left)
    assert b.startswith(right)


def test_equal_effects_of_other_instructions_are_no_difference() -> None:
    address = b"(i32.mul (local.get $i) (i32.const 8))"
    moved = b"(i32.add (i32.shl (local.get $i) (i32.const 3)) (i32.const 4))"
    same = LOOP.replace(b"offset=4 " + address, moved)
    found = side_by_side(*subjects(assemble(LOOP), assemble(same), 1), [("f", (5, 1.0))])
    assert found["first"] is None
    assert "the same effects" in found["note"]


def test_what_does_not_end_is_shown_as_far_as_it_was_recorded() -> None:
    endless = LOOP.replace(b"(i32.const 12)", b"(i32.const -1)")
    found = side_by_side(*subjects(assemble(LOOP), assemble(endless), 1), [("f", (5, 1.0))])
    a, b = list(steps(found))[found["first"]]
    assert a.startswith("end of the call")
    assert b.startswith("i32.store")


def test_a_module_that_cannot_be_run_is_said() -> None:
    data = assemble(b'(module (import "h" "v" (func (param v128))) (func (export "f")))')
    with pytest.raises(NotRun, match="cannot name"):
        side_by_side(*subjects(data, data, 1), [("f", ())])


def session(*others: tuple[str, bytes]) -> Session:
    found = Session(assemble(LOOP), Options(max_iters=3))
    for name, text in others:
        found.adopt(base64.b64encode(assemble(text)).decode(), name=name)
    return found


def test_a_module_beside_is_judged_by_function() -> None:
    wrong = LOOP.replace(b"f64.const 2", b"f64.const 3")
    right = LOOP.replace(b"(i32.mul (local.get $i) (i32.const 8))",
                         b"(i32.shl (local.get $i) (i32.const 3))")  # fmt: skip
    # Another type before all others: the functions have to be matched, and the call is an export's.
    moved = wrong.replace(b"(module ", b"(module (type (func (result i64))) ")
    found = session(("wrong", wrong), ("right", right), ("moved", moved))
    assert found.judge(1, "right")["status"] == "proven"
    for name in ("wrong", "moved"):
        verdict = found.judge(1, name)
        assert verdict["status"] == "refuted", name
        called, arguments = verdict["counterexample"]["calls"][-1]
        assert called == "f"
        assert "eqsat:" not in verdict["reason"]
        runs = found.runs(1, name)
        assert runs["calls"][-1] == [called, arguments]
        a, b = list(steps(runs))[runs["first"]]
        assert a != b
    with pytest.raises(SessionError, match="no call"):
        found.runs(1, "right")
    with pytest.raises(SessionError, match="nothing called"):
        found.judge(1, "nobody")


def test_a_module_with_other_exports_has_no_call_to_run() -> None:
    found = session(("more", LOOP.replace(b'(export "g")', b'(export "g") (export "h")')))
    assert found.judge(1, "more")["status"] == "refuted"
    with pytest.raises(SessionError, match="no call"):
        found.runs(1, "more")
