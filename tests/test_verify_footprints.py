"""Calls that touch little: what may be forwarded over them, and when one may go or be made once."""

from typing import Any

import pytest
from eqsat.verify.plan import Facts

from .test_verify_certificate import judge

CALL = """(module (import "e" "x" (func $x (result i32))) (memory $m 1) (memory $n 1)
 (global $g (mut i32) (i32.const 0)) (global $h (mut i32) (i32.const 0))
 (table $t 2 funcref) {elem}
 (func $c (param i32) (result i32) {callee})
 (func $u (param i32) (result i32) i32.const 7 global.set $g i32.const 8)
 (func (export "f") (param i32) (result i32) {code})
 (func (export "get") (result i32) global.get $g global.get $h i32.add i32.const 0 i32.load $m i32.add
   i32.const 0 i32.load $n i32.add))"""  # noqa: E501

ARITHMETIC = "local.get 0 i32.const 3 i32.mul"
READER = "global.get $h local.get 0 i32.add"
WRITER = "local.get 0 global.set $h i32.const 1"


def module(callee: str, code: str, elem: str = "") -> str:
    return CALL.format(callee=callee, code=code, elem=elem)


@pytest.mark.parametrize(
    ("callee", "status"),
    [
        (ARITHMETIC, "proven"),
        (READER, "proven"),
        ("local.get 0 i32.const 1 i32.or local.get 0 i32.div_s", "unknown"),
        ("local.get 0 i32.const 3 i32.div_u", "proven"),
        ("local.get 0 i32.const 3 i32.const 0 i32.div_u", "unknown"),
        ("local.get 0 i32.const 255 i32.and i32.load $n", "proven"),
        ("local.get 0 i32.load $n", "unknown"),
        (WRITER, "unknown"),
        ("call $x", "unknown"),
        ("loop local.get 0 br_if 0 end i32.const 1", "unknown"),
        ("local.get 0 if local.get 0 call $c drop end i32.const 1", "unknown"),
        ("i32.const 0 memory.grow $m", "unknown"),
        ("local.get 0 local.get 0 call_indirect (param i32) (result i32)", "unknown"),
        ("local.get 0 if unreachable end i32.const 1", "unknown"),
    ],
)
def test_an_unused_call_may_go_if_it_surely_returns(callee: str, status: str) -> None:
    a = module(callee, "local.get 0 call $c drop local.get 0")
    assert judge(a, module(callee, "local.get 0")).status == status


@pytest.mark.parametrize(
    ("callee", "status"),
    [
        (ARITHMETIC, "proven"),
        (WRITER, "proven"),
        ("local.get 0 local.get 0 i32.store $n i32.const 1", "proven"),
        ("local.get 0 call $c", "proven"),
        ("local.get 0 global.set $g i32.const 1", "unknown"),
        ("local.get 0 call $u", "unknown"),
        ("call $x", "unknown"),
        ("local.get 0 i32.const 0 call_indirect $t (param i32) (result i32)", "unknown"),
    ],
)
def test_a_global_is_forwarded_over_a_call(callee: str, status: str) -> None:
    code = "i32.const 5 global.set $g local.get 0 call $c drop {}"
    elem = "(elem (i32.const 0) $u)"
    a, b = (module(callee, code.format(x), elem) for x in ("global.get $g", "i32.const 5"))
    assert judge(a, b).status == status


def test_memory_is_forwarded_over_a_call() -> None:
    code = "i32.const 8 local.get 0 i32.store $m local.get 0 call $c drop {}"
    texts = code.format("i32.const 8 i32.load $m"), code.format("local.get 0")
    other = "local.get 0 local.get 0 i32.store {} i32.const 1"
    for memory, status in (("$n", "proven"), ("$m", "unknown")):
        a, b = (module(other.format(memory), text) for text in texts)
        assert judge(a, b).status == status


def test_order_of_calls_that_touch_different_things() -> None:
    first, second = "i32.const 1 call $c drop", "i32.const 2 call $u drop"
    a = module(WRITER, f"{first} {second} i32.const 0")
    b = module(WRITER, f"{second} {first} i32.const 0")
    assert judge(a, b).status == "proven"
    same = "local.get 0 global.set $g i32.const 1"
    a = module(same, f"{first} {second} i32.const 0")
    b = module(same, f"{second} {first} i32.const 0")
    assert judge(a, b).status == "unknown"


def test_one_call_for_two_equal_ones() -> None:
    once = "local.get 0 call $c local.tee 0 local.get 0 i32.add"
    twice = "local.get 0 call $c local.get 0 {} call $c i32.add"
    for callee in (ARITHMETIC, READER):
        a = module(callee, twice.format(""))
        assert judge(a, module(callee, once)).status == "proven"
        assert judge(module(callee, once), a).status == "proven"
    between = twice.format("i32.const 3 global.set $h")
    assert judge(module(READER, between), module(READER, once)).status == "unknown"
    assert judge(module("call $x", twice.format("")), module("call $x", once)).status == "unknown"


def test_a_call_out_of_a_loop() -> None:
    a = """local.get 0 call $c drop loop local.get 0 call $c drop
      local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end i32.const 1"""
    b = """local.get 0 call $c drop loop
      local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end i32.const 1"""
    assert judge(module(READER, a), module(READER, b)).status == "proven"
    assert judge(module("call $x", a), module("call $x", b)).status == "unknown"


def test_no_call_comes_from_nowhere() -> None:
    """Two functions that call each other where nothing was called would never return."""
    a = """(module (func $f (export "f") (result i32) i32.const 1)
      (func $g (export "g") (result i32) i32.const 2))"""
    b = """(module (func $f (export "f") (result i32) call $g drop i32.const 1)
      (func $g (export "g") (result i32) call $f drop i32.const 2))"""
    c = """(module (func $f (export "f") (result i32) call $f)
      (func $g (export "g") (result i32) i32.const 2))"""
    assert judge(a, b).status == "unknown"
    assert judge(a, c).status == "unknown"
    assert judge(b, a).status == "unknown"


def test_no_writing_call_comes_from_nowhere() -> None:
    text = """(module (global $g (mut i32) (i32.const 0))
      (func $f (export "f") {} i32.const 3 global.set $g)
      (func (export "get") (result i32) global.get $g))"""
    assert judge(text.format(""), text.format("call $f")).status == "unknown"


DEAD = """(module (global $d (mut i32) (i32.const 0))
 (func $c (param i32) (result i32) {callee})
 (func (export "f") (param i32) (result i32) (local i32 i32) {code}))"""
STAY = """(module {c} (func (export "f") (param i32) (result i32) {code}))"""


def test_results_of_removed_functions_depend_on_removed_state() -> None:
    code = """i32.const {} global.set $d i32.const 0 call $c local.set 1
      i32.const 2 global.set $d i32.const 0 call $c local.get 1 i32.eq"""
    step: dict[str, Any] = {"globals": (None,), "functions": (None, 0)}
    b = STAY.format(c="", code="i32.const 1")
    read = "global.get $d"
    assert judge(DEAD.format(callee=read, code=code.format(1)), b, **step).status == "unknown"
    step["unfold"] = {1: frozenset({0})}
    assert judge(DEAD.format(callee=read, code=code.format(1)), b, **step).status == "unknown"
    assert judge(DEAD.format(callee=read, code=code.format(2)), b, **step).status == "proven"


def test_removed_state_changes_with_each_call() -> None:
    count = "global.get $d i32.const 1 i32.add global.set $d local.get 0"
    code = """i32.const 0 call $c drop global.get $d local.set 1
      i32.const 0 call $c drop global.get $d local.get 1 i32.eq"""
    kept = "(func $c (param i32) (result i32) local.get 0)"
    b = STAY.format(c=kept, code="i32.const 0 call $c drop i32.const 1")
    assert judge(DEAD.format(callee=count, code=code), b, globals=(None,)).status == "unknown"


def test_a_dropped_result_depends_on_a_dropped_argument() -> None:
    a = """(module (func $c (param i32 i32) (result i32 i32) local.get 1 local.get 0)
      (func (export "f") (param i32) (result i32) (local i32 i32)
        local.get 0 i32.const 1 call $c local.set 1 local.set 2
        local.get 0 i32.const 2 call $c drop local.get 2 i32.eq))"""
    b = """(module (func $c (param i32) (result i32) local.get 0)
      (func (export "f") (param i32) (result i32) local.get 0 call $c drop i32.const 1))"""
    change: dict[str, Any] = {"parameters": {0: (0,)}, "results": {0: (1,)}}
    assert judge(a, b, **change).status == "unknown"


def test_merged_functions_touch_what_any_of_them_touches() -> None:
    a = """(module (global $d (mut i32) (i32.const 0)) (global $e (mut i32) (i32.const 0))
      (func $a i32.const 1 global.set $d) (func $b i32.const 1 global.set $e)
      (func (export "f") (param i32) (result i32)
        i32.const 5 global.set $d i32.const 5 global.set $e call {} global.get {}))"""
    b = """(module (func $a)
      (func (export "f") (param i32) (result i32) call $a i32.const 5))"""
    step: dict[str, Any] = {"globals": (None, None), "functions": (0, 0, 1)}
    for call, read in (("$a", "$d"), ("$b", "$e")):
        assert judge(a.format(call, read), b, **step).status == "unknown"


def test_dead_claims_are_checked() -> None:
    a = """(module (global $g (mut i32) (i32.const 0)) (memory $m 1)
      (func (export "f") (param i32) {})
      (func (export "get") (result i32) {}))"""
    write = "local.get 0 global.set $g"
    dead = Facts(dead_globals=frozenset({0}))
    quiet, reads = a.format(write, "i32.const 1"), a.format(write, "global.get $g")
    assert judge(quiet, a.format("", "i32.const 1"), facts=dead).status == "proven"
    assert judge(quiet, a.format("", "i32.const 1")).status == "unknown"
    assert judge(reads, a.format("", "global.get $g"), facts=dead).status == "unknown"
    out = quiet.replace("$g (mut", '$g (export "g") (mut')
    assert judge(out, out.replace(write, ""), facts=dead).status == "unknown"
    store = "i32.const 8 local.get 0 i32.store $m"
    quiet, reads = a.format(store, "i32.const 1"), a.format(store, "i32.const 8 i32.load $m")
    dead = Facts(dead_memories=frozenset({0}))
    assert judge(quiet, a.format("", "i32.const 1"), facts=dead).status == "proven"
    assert judge(reads, a.format("", "i32.const 8 i32.load $m"), facts=dead).status == "unknown"
    sized = (
        a.format(store, "i32.const 8 memory.grow $m"),
        a.format("", "i32.const 8 memory.grow $m"),
    )
    assert judge(*sized, facts=dead).status == "unknown"


def test_a_dead_memory_that_grows_keeps_its_bounds() -> None:
    """Where it is stored to beyond its first size, the new module would trap."""
    a = """(module (memory $m 1) (func (export "g") (param i32) {}
      i32.const 65536 local.get 0 i32.store $m))"""
    dead = Facts(dead_memories=frozenset({0}))
    grown = "i32.const 1 memory.grow $m drop"
    assert judge(a.format(grown), a.format(""), facts=dead).status == "unknown"
    stored = "i32.const 8 local.get 0 i32.store $m"
    assert judge(a.format(stored), a.format(""), facts=dead).status == "proven"
