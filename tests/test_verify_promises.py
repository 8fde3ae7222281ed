"""Certificates under contracts: what each allows, what it does not, and that its use is named."""

from typing import Any

import pytest

from .test_verify_certificate import judge

P3 = frozenset({"p3-async"})
FULL = frozenset({"no-exhaustion"})

TASK = """(module
 (import "{root}" "[waitable-set-new]" (func $new (result i32)))
 (import "{root}" "[waitable-set-drop]" (func $drop (param i32)))
 (import "{root}" "[waitable-join]" (func $join (param i32 i32)))
 (import "{root}" "[context-set-0]" (func $set (param i32)))
 (import "{root}" "[context-get-0]" (func $get (result i32)))
 (memory (export "m") 1) (global $g (mut i32) (i32.const 0)) {more}
 (func $f (export "{name}") (param i32) (result i32) (local i32) {code})
 (func (export "look") (result i32) {look}))"""


def task(code: str, **given: str) -> str:
    defaults = {"root": "$root", "name": "f", "more": "", "look": "global.get $g"}
    return TASK.format(code=code, **defaults | given)


def both(a: str, b: str, contracts: frozenset[str] = P3, **given: str) -> str:
    return judge(task(a, **given), task(b, **given), contracts=contracts).status


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("call $new call $drop local.get 0", "local.get 0"),
        ("call $new local.tee 1 drop local.get 1 call $drop local.get 0", "local.get 0"),
        ("local.get 0 if call $new call $drop end i32.const 1", "i32.const 1"),
        ("i32.const 5 call $set call $get", "i32.const 5"),
        ("i32.const 5 call $set i32.const 6 call $set i32.const 1", "i32.const 1"),
        ("i32.const 5 call $set i32.const 1 i32.const 2 call $join call $get",
         "i32.const 1 i32.const 2 call $join i32.const 5"),
        ("i32.const 5 call $set local.get 0 i32.load", "local.get 0 i32.load"),
    ],
)  # fmt: skip
def test_what_a_task_keeps_to_itself(a: str, b: str) -> None:
    assert both(a, b) == "proven"
    assert both(a, b, frozenset()) == "unknown"
    assert both(a, b, root="env") == "unknown"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # The set goes elsewhere before or after it is dropped, on some way or through a place.
        ("call $new local.tee 1 i32.const 3 call $join local.get 1 call $drop i32.const 1",
         "call $new i32.const 3 call $join i32.const 1"),
        ("call $new local.tee 1 call $drop local.get 1 i32.const 3 call $join i32.const 1",
         "call $new i32.const 3 call $join i32.const 1"),
        ("call $new local.tee 1 call $drop local.get 1", "call $new"),
        ("call $new local.tee 1 global.set $g local.get 1 call $drop i32.const 1",
         "call $new global.set $g i32.const 1"),
        ("i32.const 0 call $new local.tee 1 i32.store local.get 1 call $drop i32.const 1",
         "i32.const 0 call $new i32.store i32.const 1"),
        ("call $new local.set 1 loop local.get 1 i32.const 3 call $join local.get 0 "
         "i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 1 call $drop i32.const 1",
         "call $new local.set 1 loop local.get 1 i32.const 3 call $join local.get 0 "
         "i32.const 1 i32.sub local.tee 0 br_if 0 end i32.const 1"),
        # It is not a new one.
        ("local.get 0 call $drop i32.const 1", "i32.const 1"),
        ("call $new local.get 0 i32.or call $drop i32.const 1", "i32.const 1"),
        ("call $new local.tee 1 call $drop local.get 1 call $drop i32.const 1", "i32.const 1"),
        # Two sets are not one.
        ("call $new local.tee 1 call $drop call $new i32.const 3 call $join i32.const 1",
         "call $new call $new drop i32.const 3 call $join i32.const 1"),
        ("call $new call $new i32.eq", "i32.const 1"),
        # Other calls stay.
        ("i32.const 1 i32.const 2 call $join call $new call $drop i32.const 1", "i32.const 1"),
        # What a context slot holds is not known before it was set.
        ("call $get", "i32.const 0"),
        ("i32.const 5 call $set call $get", "i32.const 6"),
    ],
)  # fmt: skip
def test_what_is_not_promised(a: str, b: str) -> None:
    assert both(a, b) == "unknown"


def test_context_slots_after_the_task() -> None:
    a, b = "i32.const 5 call $set {}", "{}"
    lifted, back = "[async-lift]f", "[callback][async-lift]f"
    for name in (lifted, back):
        for result, status in (("i32.const 0", "proven"), ("i32.const 16", "proven"),
                               ("i32.const 1", "unknown"), ("local.get 0", "unknown"),
                               ("local.get 0 i32.const 4 i32.shl", "proven")):  # fmt: skip
            assert both(a.format(result), b.format(result), name=name) == status, (name, result)
    for inside in ("i32.const 0 call $f", "i32.const 0 return_call $f"):
        assert both(a.format("i32.const 0"), b.format("i32.const 0"), look=inside) == "unknown"
    by_table = "(table 1 funcref) (elem (i32.const 0) $f)"
    assert both(a.format("i32.const 0"), b.format("i32.const 0"), more=by_table) == "unknown"


def test_a_private_function_leaves_its_context() -> None:
    a = """(module (import "$root" "[context-set-0]" (func $set (param i32)))
      (import "$root" "[context-get-0]" (func $get (result i32)))
      (func $c {}) (func (export "f") (result i32) call $c call $get))"""
    assert judge(a.format("i32.const 5 call $set"), a.format(""), contracts=P3).status == "unknown"
    b = a.replace("call $c call $get", "i32.const 5")
    step: dict[str, Any] = {"contracts": P3, "unfold": {3: frozenset({2})}}
    set_ = "i32.const 5 call $set"
    assert judge(a.format(set_), b.format(set_), **step).status == "proven"


POLL = """(module
 (import "$root" "[waitable-set-poll]" (func $poll (param i32 i32) (result i32)))
 (import "a" "{kind}" (func $read (param i32) (result i32)))
 (memory $m (export "m") 1) (memory $n {second} 1)
 (func (export "f") (param i32) (result i32)
   i32.const 3 i32.const 8 call $poll drop {code}))"""


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({}, 4, "proven"),
        ({}, 1, "proven"),
        ({}, 5, "proven"),
        ({}, 7, "proven"),
        ({}, 2, "unknown"),
        ({}, 0, "unknown"),
        ({}, 6, "unknown"),
        ({"kind": "[stream-write-0]"}, 2, "proven"),
        ({"kind": "[stream-write-0]"}, 3, "unknown"),
        ({"kind": "[async-lower]x"}, 1, "unknown"),
        ({"kind": "future_read"}, 4, "unknown"),
        ({"second": '(export "n")'}, 4, "unknown"),
        ({"at": "12"}, 4, "unknown"),
        ({"between": "local.get 0 i32.const 4 i32.store"}, 4, "unknown"),
        ({"between": "local.get 0 call $read drop"}, 4, "unknown"),
    ],
)
def test_event_codes(change: dict[str, str], code: int, status: str) -> None:
    given = {"kind": "stream_read", "second": "", "at": "8", "between": ""} | change
    test = f"{given['between']} i32.const {given['at']} i32.load i32.const {code} i32.eq"
    text = {k: given[k] for k in ("kind", "second")}
    a = POLL.format(code=f"{test} if i32.const 77 return end i32.const 5", **text)
    b = POLL.format(code=f"{given['between']} i32.const 5", **text)
    assert judge(a, b, contracts=P3).status == status
    assert judge(a, b).status == "unknown"


BUMP = """(module (memory $m {out} 1) (global $n {seen} (mut i32) (i32.const 1024)) {more}
 (func (export "f") (param i32) (result i32) (local i32) {code}))"""
NEW = """global.get $n local.set 1 local.get 1 local.get 0 i32.store
  global.get $n i32.const {step} i32.add global.set $n local.get 1 i32.load offset={at}"""


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "proven"),
        ({"step": "8"}, "proven"),
        ({"step": "-4"}, "unknown"),
        ({"step": "2"}, "unknown"),
        ({"at": "4"}, "unknown"),
        ({"seen": '(export "n")'}, "unknown"),
        ({"more": '(func (export "r") i32.const 0 global.set $n)'}, "unknown"),
        ({"more": '(func (export "r") (param i32) local.get 0 global.set $n)'}, "unknown"),
    ],
)
def test_bump_pointers(change: dict[str, str], status: str) -> None:
    given = {"step": "4", "at": "0", "out": "", "seen": "", "more": ""} | change
    text = {k: given[k] for k in ("out", "seen", "more")}
    a = BUMP.format(code=NEW.format(step=given["step"], at=given["at"]), **text)
    b = '(module (func (export "f") (param i32) (result i32) local.get 0))'
    if given["more"]:
        b = b.replace("(module", "(module " + given["more"].replace("global.set $n", "drop"))
    gone: dict[str, Any] = {"memories": (None,), "globals": (None,)}
    found = judge(a, b, contracts=FULL, **gone)
    assert found.status == status
    assert judge(a, b, **gone).status == "unknown"
    if status == "proven":
        assert found.used == ("no-exhaustion: a bump pointer stays in memory",)


def test_other_traps_stay_under_no_exhaustion() -> None:
    text = BUMP.format(code="{}", out='(export "m")', seen="", more="")
    code = """global.get $n local.set 1 {} global.get $n i32.const 4 i32.add global.set $n
      local.get 1 local.get 0 i32.store local.get 0"""
    other = "local.get 0 i32.load drop"
    a, b = text.format(code.format(other)), text.format(code.format(""))
    assert judge(a, b, contracts=FULL).status == "unknown"
    # The memory itself is still seen.
    b = text.format(code.format(other).replace("local.get 1 local.get 0 i32.store", ""))
    assert judge(a, b, contracts=FULL).status == "unknown"


def test_memories_that_a_host_knows_by_number() -> None:
    a = """(module (import "pulseengine:async" "stream_read" (func (param i32) (result i32)))
      (memory 1) (memory (export "m") 1))"""
    b = a.replace("(memory 1) ", "")
    assert judge(a, b, memories=(None, 0)).status == "unknown"
    c, d = a.replace("pulseengine:async", "e"), b.replace("pulseengine:async", "e")
    assert judge(c, d, memories=(None, 0)).status == "proven"


KILLS = frozenset({"trap-kills"})

STATE = """(module (import "h" "f" (func $h (param i32))) (memory (export "m") 1)
 (global $g (export "g") (mut i32) (i32.const 0))
 (func (export "f") (param i32 i32) (result i32) {}))"""


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # A store before a trap or behind it, a dead one, halves as one, a global.
        ("(i32.store (i32.const 0) (i32.const 1)) (i32.div_u (i32.const 1) (local.get 0))",
         "(i32.div_u (i32.const 1) (local.get 0)) (i32.store (i32.const 0) (i32.const 1))"),
        ("(i32.store (i32.const 0) (i32.const 5)) (drop (i32.load (local.get 0))) "
         "(i32.store (i32.const 0) (i32.const 6)) i32.const 0",
         "(drop (i32.load (local.get 0))) (i32.store (i32.const 0) (i32.const 6)) i32.const 0"),
        ("(global.set $g (local.get 1)) (i32.load (local.get 0))",
         "(i32.load (local.get 0)) (global.set $g (local.get 1))"),
        ("(global.set $g (local.get 1)) unreachable", "unreachable"),
    ],
)  # fmt: skip
def test_what_state_a_trap_leaves(a: str, b: str) -> None:
    found = judge(STATE.format(a), STATE.format(b), contracts=KILLS)
    assert found.status == "proven", found.reason
    assert any(one.startswith("trap-kills") for one in found.used)
    assert judge(STATE.format(a), STATE.format(b)).status == "unknown"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # Another trap, none, another call before it, other state where nothing traps.
        ("(i32.div_u (i32.const 1) (local.get 0))", "(i32.div_u (i32.const 1) (local.get 1))"),
        ("(drop (i32.load (local.get 0))) i32.const 0", "i32.const 0"),
        ("(call $h (i32.const 1)) (i32.load (local.get 0))",
         "(i32.load (local.get 0)) (call $h (i32.const 1))"),
        ("(call $h (i32.const 1)) unreachable", "unreachable"),
        ("(global.set $g (local.get 1)) (call $h (i32.const 1)) unreachable",
         "(call $h (i32.const 1)) unreachable"),
        ("(i32.store (i32.const 0) (i32.const 1)) (i32.load (local.get 0))",
         "(i32.load (local.get 0)) (i32.store (i32.const 0) (i32.const 1))"),
        ("(global.set $g (local.get 1)) (i32.load (local.get 0))", "(i32.load (local.get 0))"),
    ],
)  # fmt: skip
def test_traps_themselves_stay(a: str, b: str) -> None:
    assert judge(STATE.format(a), STATE.format(b), contracts=KILLS).status == "unknown"
