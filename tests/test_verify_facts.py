"""Certificates that rely on what is true of every run: tables, constants, arguments, results."""

from typing import Any

import pytest
from eqsat.verify.plan import Facts

from .test_verify_certificate import judge

# --- tables that never change -------------------------------------------------------------------

TABLE = """(module
 (type $t (func (param i32) (result i32))) (type $u (func (result i32)))
 (import "e" "x" (func $x (param i32) (result i32)))
 (table $t {visible} 5 funcref) (elem (i32.const {at}) func $a $b $n $x)
 (func $a (type $t) local.get 0 i32.const 1 i32.add)
 (func $b (type $t) local.get 0 i32.const 2 i32.mul)
 (func $n (type $u) i32.const 7)
 {more}
 (func (export "f") (param i32 i32) (result i32) {code}))"""


def table(code: str, visible: str = "", at: str = "0", more: str = "") -> str:
    return TABLE.format(code=code, visible=visible, at=at, more=more)


INDIRECT = "local.get 0 i32.const {} call_indirect $t (type $t)"


@pytest.mark.parametrize(
    ("index", "code", "status"),
    [
        (0, "local.get 0 call $a", "proven"),
        (1, "local.get 0 call $b", "proven"),
        (3, "local.get 0 call $x", "proven"),
        (0, "local.get 0 call $b", "unknown"),
        (2, "unreachable", "proven"),
        (2, "call $n", "unknown"),
        (4, "unreachable", "proven"),
        (5, "unreachable", "proven"),
        (-1, "unreachable", "proven"),
        (4, "local.get 0 call $a", "unknown"),
    ],
)
def test_known_index(index: int, code: str, status: str) -> None:
    assert judge(table(INDIRECT.format(index)), table(code)).status == status


@pytest.mark.parametrize(
    "change",
    [
        {"visible": '(export "t")'},
        {"visible": '(import "e" "t")'},
        {"at": "0", "more": "(func i32.const 0 ref.func $b table.set $t) (elem declare func $b)"},
        {"more": "(func i32.const 0 i32.const 1 i32.const 1 table.copy $t $t)"},
        {"more": "(func ref.null func i32.const 0 table.grow $t drop)"},
        {"more": "(func i32.const 0 ref.null func i32.const 0 table.fill $t)"},
        {"more": "(elem $p func $b) (func i32.const 0 i32.const 0 i32.const 1 table.init $t $p)"},
        {"more": "(elem (i32.const 0) func $b)"},
    ],
)
def test_tables_that_may_change(change: dict[str, str]) -> None:
    a, b = INDIRECT.format(0), "local.get 0 call $a"
    if "import" in change.get("visible", ""):
        before, after = (
            table(code, **change).replace('(import "e" "x"', '(import "e" "x"', 1)
            for code in (a, b)
        )
    else:
        before, after = table(a, **change), table(b, **change)
    assert judge(before, after).status == "unknown"


def test_an_unknown_offset_is_no_axiom() -> None:
    a, b = (
        table(code)
        .replace("(elem (i32.const 0)", "(elem (global.get $k)")
        .replace('(import "e" "x"', '(import "e" "k" (global $k i32)) (import "e" "x"')
        for code in (INDIRECT.format(0), "local.get 0 call $a")
    )
    assert judge(a, b).status == "unknown"


ANY = "local.get 0 local.get 1 call_indirect $t (type $t)"
GUARDED = """local.get 1 i32.const {} i32.eq if (result i32) local.get 0 call {} else {} end"""


def test_guarded_calls() -> None:
    a = table(ANY)
    assert judge(a, table(GUARDED.format(0, "$a", ANY))).status == "proven"
    assert judge(table(GUARDED.format(0, "$a", ANY)), a).status == "proven"
    assert judge(a, table(GUARDED.format(1, "$a", ANY))).status == "unknown"
    assert judge(a, table(GUARDED.format(0, "$a", "unreachable"))).status == "unknown"
    both = GUARDED.format(0, "$a", GUARDED.format(1, "$b", ANY))
    assert judge(a, table(both)).status == "proven"
    all_ = GUARDED.format(0, "$a", GUARDED.format(1, "$b", GUARDED.format(3, "$x", "unreachable")))
    assert judge(a, table(all_)).status == "proven"
    assert judge(a, table(all_.replace("const 3", "const 2"))).status == "unknown"


def test_a_table_that_is_needed_no_more_may_go() -> None:
    a = """(module (table 2 funcref) (elem (i32.const 0) func $a $a) (type $t (func (result i32)))
      (func $a (result i32) i32.const 3)
      (func (export "f") (result i32) i32.const {} call_indirect (type $t)))"""
    b = """(module (func $a (result i32) i32.const 3) (func (export "f") (result i32) call $a))"""
    gone: dict[str, Any] = {"tables": (None,), "elements": (None,)}
    assert judge(a.format(1), b, **gone).status == "proven"
    assert judge(a.format(2), b, **gone).status == "unknown"


# --- what never changes -------------------------------------------------------------------------


def test_globals_that_nobody_sets() -> None:
    a = """(module (global $g {} (mut i32) (i32.const 4)) (global $i i32 (i32.const 5))
      (global $j i32 (global.get $i)) {}
      (func (export "f") (result i32) global.get $g global.get $j i32.add))"""
    b = a.replace("global.get $g global.get $j i32.add", "i32.const 9")
    assert judge(a.format("", ""), b.format("", "")).status == "proven"
    for change in (('(export "g")', ""), ("", "(func i32.const 1 global.set $g)")):
        assert judge(a.format(*change), b.format(*change)).status == "unknown"
    unexported = a.format('(export "g")', ""), b.format('(export "g")', "")
    assert judge(*unexported, entries=("f",)).status == "proven"


def test_the_new_module_may_not_set_them_either() -> None:
    a = """(module (global $g (mut i32) (i32.const 4))
      (func (export "f") (result i32) {} global.get $g))"""
    assert judge(a.format(""), a.format("i32.const 4 global.set $g")).status == "proven"
    assert judge(a.format(""), a.format("i32.const 5 global.set $g")).status == "unknown"


def test_memory_that_nobody_writes() -> None:
    a = """(module (memory $m {} 1) (memory $w 1) (data (memory $m) (i32.const 4) "\\07\\08") {}
      (func (export "f") (result i32) i32.const 3 i32.load $m))"""
    b = a.replace("i32.const 3 i32.load $m", "i32.const 0x080700")
    assert judge(a.format("", ""), b.format("", "")).status == "proven"
    assert judge(a.format("", ""), b.format("", "").replace("0x08", "0x09")).status == "unknown"
    for change in (
        ('(export "m")', ""),
        ("", "(func i32.const 9 i32.const 1 i32.store8 $m)"),
        ("", "(func i32.const 0 i32.const 0 i32.const 1 memory.copy $m $w)"),
        ("", "(func i32.const 0 i32.const 0 i32.const 1 memory.fill $m)"),
        ("", '(data $p "x") (func i32.const 0 i32.const 0 i32.const 1 memory.init $m $p)'),
    ):
        assert judge(a.format(*change), b.format(*change)).status == "unknown"
    grown = "(func i32.const 1 memory.grow $m drop)"
    assert judge(a.format("", grown), b.format("", grown)).status == "proven"


# --- facts by induction -------------------------------------------------------------------------

FLAG = """(module (import "e" "x" (func $x)) (global $g {} (mut i32) (i32.const 1))
  (func (export "s") (param i32) {})
  (func (export "f") (result i32) call $x global.get $g))"""


@pytest.mark.parametrize(
    ("visible", "code", "status"),
    [
        ("", "i32.const 1 global.set $g", "proven"),
        ("", "global.get $g global.set $g", "proven"),
        ("", "i32.const 2 global.get $g i32.sub global.set $g", "proven"),
        ("", "local.get 0 if i32.const 1 global.set $g end", "proven"),
        ("", "local.get 0 i32.const 1 i32.eq if local.get 0 global.set $g end", "proven"),
        ("", "local.get 0 global.set $g", "unknown"),
        ("", "i32.const 2 global.set $g i32.const 1 global.set $g", "unknown"),
        ("", "local.get 0 if i32.const 0 global.set $g end", "unknown"),
        ("", "loop local.get 0 global.set $g local.get 0 br_if 0 end", "unknown"),
        ('(export "g")', "i32.const 1 global.set $g", "unknown"),
    ],
)
def test_a_global_that_always_holds_its_constant(visible: str, code: str, status: str) -> None:
    a = FLAG.format(visible, code)
    b = a.replace("call $x global.get $g", "call $x i32.const 1")
    facts = Facts(globals={0: 1})
    assert judge(a, b, facts=facts).status == status
    assert judge(a, b).status == "unknown"
    assert judge(a, b, facts=Facts(globals={0: 2})).status == "unknown"


ARGUMENT = """(module (table 2 funcref) {elem}
 (func $c {out} (param i32 i32) (result i32) local.get 0 local.get 1 i32.mul)
 (func $d (param i32) (result i32) local.get 0 i32.const {k} call $c)
 (func (export "f") (param i32) (result i32)
   local.get 0 call $d i32.const 9 {other} call $c i32.add))"""


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "proven"),
        ({"k": "5"}, "unknown"),
        ({"other": "i32.const 5"}, "unknown"),
        ({"other": "local.get 0"}, "unknown"),
        ({"out": '(export "c")'}, "unknown"),
        ({"elem": "(elem (i32.const 0) func $c)"}, "unknown"),
        ({"elem": "(elem declare func $c) (func (result funcref) ref.func $c)"}, "unknown"),
    ],
)
def test_arguments_that_are_always_the_same(change: dict[str, str], status: str) -> None:
    given = {"elem": "", "out": "", "k": "4", "other": "i32.const 4"} | change
    a = ARGUMENT.format(**given)
    b = a.replace("local.get 0 local.get 1 i32.mul", "local.get 0 i32.const 2 i32.shl")
    facts = Facts(arguments={0: (None, 4)})
    assert judge(a, b, facts=facts).status == status
    assert judge(a, b).status == "unknown"


def test_arguments_that_are_passed_on() -> None:
    """Each call is right only because the other is: an induction proves both or neither."""
    a = """(module
      (func $c (param i32 i32) (result i32) local.get 0 if (result i32)
        local.get 0 i32.const 1 i32.sub local.get 1 call $d else local.get 1 end)
      (func $d (param i32 i32) (result i32) local.get 0 local.get 1 call $c)
      (func (export "f") (param i32) (result i32) local.get 0 i32.const {} call $c))"""
    b = a.replace("else local.get 1 end", "else i32.const 4 end")
    facts = Facts(arguments={0: (None, 4), 1: (None, 4)})
    assert judge(a.format(4), b.format(4), facts=facts).status == "proven"
    assert judge(a.format(5), b.format(5), facts=facts).status == "unknown"
    alone = Facts(arguments={0: (None, 4)})
    assert judge(a.format(4), b.format(4), facts=alone).status == "unknown"


def test_results_that_are_always_the_same() -> None:
    code = """(module (import "e" "x" (func $x))
      (func $c (param i32) (result i32 i32)
        local.get 0 i32.const 9 i32.gt_u if i32.const {} local.get 0 return end
        call $x i32.const 3 local.get 0)
      (func (export "f") (param i32) (result i32) (local i32)
        local.get 0 call $c local.set 1 {} local.get 1 i32.add))"""
    tested = "i32.const 3 i32.eq if (result i32) i32.const 1 else call $x i32.const 2 end"
    short = "drop i32.const 1"
    facts = Facts(results={1: (3, None)})
    a, b = code.format(3, tested), code.format(3, short)
    assert judge(a, b, facts=facts).status == "proven"
    assert judge(a, b).status == "unknown"
    assert judge(code.format(4, tested), code.format(4, short), facts=facts).status == "unknown"
    other = Facts(results={1: (3, 0)})
    assert judge(a, b, facts=other).status == "proven"
    assert judge(a, b, facts=Facts(results={0: (3,)})).status == "unknown"


def test_constant_parameter_and_result_dropped() -> None:
    a = """(module (import "e" "x" (func $x (param i32)))
      (func $c (param i32 i32) (result i32) local.get 0 local.get 1 i32.add call $x i32.const 0)
      (func (export "f") (param i32) (result i32) local.get 0 i32.const {} call $c))"""
    b = """(module (import "e" "x" (func $x (param i32)))
      (func $c (param i32) local.get 0 i32.const 8 i32.add call $x)
      (func (export "f") (param i32) (result i32) local.get 0 call $c i32.const 0))"""
    step: dict[str, Any] = {
        "facts": Facts(arguments={1: (None, 8)}, results={1: (0,)}),
        "parameters": {1: (0,)}, "results": {1: ()},
    }  # fmt: skip
    found = judge(a.format(8), b, **step)
    assert found.status == "proven"
    assert found.used == (
        "parameter 1 of function 1 is always 0x8",
        "result 0 of function 1 is always 0x0",
    )
    assert judge(a.format(9), b, **step).status == "unknown"


def test_a_loop_that_never_repeats_on_either_side() -> None:
    """Only a result that is always 0 says so; the new body still has the loop as well."""
    a = """(module (import "e" "x" (func $x (param i32)))
      (func $c (param i32) (result i32) local.get 0 call $x i32.const {})
      (func (export "f") (param i32) (local i32)
        block loop local.get 1 br_if 1 local.get 0 call $c {} i32.const 1 i32.and local.set 1
          local.get 1 i32.eqz br_if 1 br 0 end end))"""
    facts = Facts(results={1: (0,)})
    assert judge(a.format(0, ""), a.format(0, "drop i32.const 0"), facts=facts).status == "proven"
    assert judge(a.format(1, ""), a.format(1, "drop i32.const 0"), facts=facts).status == "unknown"


RING = """(module (memory $m 1) (global $n {out} (mut i32) (i32.const {first})) {more}
 (func (export "f") (param i32) (result i32)
   global.get $n local.get 0 i32.store
   global.get $n i32.const 4 i32.add i32.const {mask} i32.and global.set $n
   local.get 0))"""


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "proven"),
        ({"mask": "0xfffc"}, "proven"),
        ({"mask": "0xffff"}, "unknown"),
        ({"mask": "0x1fffc"}, "unknown"),
        ({"first": "65536"}, "unknown"),
        ({"out": '(export "n")'}, "unknown"),
        ({"more": '(func (export "r") (param i32) local.get 0 drop {})'}, "proven"),
        ({"more": '(func (export "r") (param i32) local.get 0 global.set $n {})'}, "unknown"),
        ({"more": '(func (export "r") (param i32) i32.const 8 global.set $n {})'}, "proven"),
    ],
)
def test_bits_that_a_global_can_have(change: dict[str, str], status: str) -> None:
    given = {"mask": "0x3fc", "first": "8", "out": "", "more": ""} | change
    given["more"] = given["more"].format("")
    a = RING.format(**given)
    more = given["more"].replace("global.set $n", "drop")
    b = f'(module {more} (func (export "f") (param i32) (result i32) local.get 0))'
    assert judge(a, b, memories=(None,), globals=(None,)).status == status


def test_bits_are_an_induction_over_all_setters() -> None:
    a = """(module (memory $m 1) (global $n (mut i32) (i32.const 0))
      (func (export "a") global.get $n i32.const {} i32.mul global.set $n)
      (func (export "b") global.get $n i32.const 1 i32.or i32.const 15 i32.and global.set $n)
      (func (export "f") (result i32) global.get $n i32.const 16 i32.lt_u))"""
    b = a.replace("global.get $n i32.const 16 i32.lt_u", "i32.const 1")
    assert judge(a.format(1), b.format(1)).status == "proven"
    assert judge(a.format(2), b.format(2)).status == "unknown"


def test_inlined_through_a_table() -> None:
    a = table(INDIRECT.format(1))
    b = table("local.get 0 i32.const 1 i32.shl")
    assert judge(a, b, unfold={4: frozenset({2})}).status == "proven"
    assert judge(a, b).status == "unknown"
    other = table("local.get 0 i32.const 1 i32.add")
    assert judge(a, other, unfold={4: frozenset({2})}).status == "unknown"
    open_ = {"visible": '(export "t")'}
    changed = table(INDIRECT.format(1), **open_), table("local.get 0 i32.const 1 i32.shl", **open_)
    assert judge(*changed, unfold={4: frozenset({2})}).status == "unknown"
