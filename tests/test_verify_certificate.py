"""Certificates of whole modules: what must be proven, and what never."""

from collections.abc import Mapping
from typing import Any

import pytest
import wasmtime
from eqsat.verify.certificate import Certificate, certify
from eqsat.verify.plan import Facts, Maps, Step
from eqsat.verify.reader import read_module
from eqsat.verify.segments import read_segments


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def maps(before: bytes, **given: Any) -> Maps:  # noqa: ANN401
    """Identity where nothing is given; a mapping changes single indices."""
    module = read_module(before)
    segments = read_segments(module)
    counts = {
        "functions": len(module.functions), "tables": len(module.tables),
        "memories": len(module.memories), "globals": len(module.globals),
        "types": len(module.types), "elements": len(segments.elements),
        "datas": len(segments.datas), "tags": len(segments.tags),
    }  # fmt: skip
    filled: dict[str, Any] = {
        name: given.pop(name, tuple(range(count))) for name, count in counts.items()
    }
    for name, value in filled.items():
        if isinstance(value, Mapping):
            filled[name] = tuple(value.get(i, i) for i in range(counts[name]))
    return Maps(**filled, **given)


def judge(a: str, b: str, **given: Any) -> Certificate:  # noqa: ANN401
    """Certify a step between two texts; ``given`` are fields of the step or of its maps."""
    before, after = wat(a), wat(b)
    fields = {k: given.pop(k) for k in list(given) if k in Step.__dataclass_fields__}
    return certify(before, after, Step(maps(before, **given), **fields))


CALLEE = "(func $c (param i32) (result i32) local.get 0 i32.const 1 i32.add)"
CALLER = '(func (export "f") (param i32) (result i32) local.get 0 i32.const 2 i32.mul call $c)'
PLAIN = f"(module {CALLEE} {CALLER})"


def test_equal_bytes() -> None:
    assert certify(wat(PLAIN), wat(PLAIN), Step(Maps())).status == "proven"


def test_garbage_is_unknown() -> None:
    for other in (b"", b"\0asm\1\0\0\0\x01\xff", wat(PLAIN)[:-4]):
        assert certify(wat(PLAIN), other, Step(Maps())).status == "unknown"
    assert certify(wat(PLAIN), wat("(module)"), Step(Maps())).status == "unknown"


def test_renumbered_functions() -> None:
    other = f"(module {CALLER} {CALLEE})"
    assert judge(PLAIN, other, functions=(1, 0)).status == "proven"
    assert judge(PLAIN, other).status == "unknown"


def test_a_changed_body_is_named() -> None:
    good = PLAIN.replace("i32.const 2 i32.mul", "i32.const 1 i32.shl")
    bad = PLAIN.replace("i32.const 2 i32.mul", "i32.const 2 i32.shl")
    assert judge(PLAIN, good).status == "proven"
    found = judge(PLAIN, bad)
    assert found.status == "unknown"
    assert {i: v.status for i, v in found.functions.items()} == {0: "proven", 1: "unknown"}


# --- unfolding ----------------------------------------------------------------------------------

INLINED = '(func (export "f") (param i32) (result i32) local.get 0 i32.const 1 i32.shl {})'
ONE_MORE = "i32.const 1 i32.add"


@pytest.mark.parametrize(("code", "status"), [(ONE_MORE, "proven"), ("i32.const 1", "unknown")])
def test_inlined_and_removed(code: str, status: str) -> None:
    other = f"(module {INLINED.format(code if status == 'proven' else code + ' i32.sub')})"
    found = judge(PLAIN, other, functions=(None, 0), unfold={1: frozenset({0})})
    assert found.status == status


def test_a_removed_callee_needs_unfolding() -> None:
    other = f"(module {INLINED.format(ONE_MORE)})"
    assert judge(PLAIN, other, functions=(None, 0)).status == "unknown"


def test_removed_while_still_called_is_not_proven() -> None:
    other = '(module (func (export "f") (param i32) (result i32) local.get 0 i32.const 2 i32.mul))'
    found = judge(PLAIN, other, functions=(None, 0), unfold={1: frozenset({0})})
    assert found.status == "unknown"


LOOPING = """(module
 (func $sum (param i32) (result i32) (local i32)
   loop local.get 1 local.get 0 i32.add local.set 1
     local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 1)
 (func (export "f") (param i32) (result i32) (local i32)
   loop local.get 0 call $sum local.get 1 i32.add local.set 1
     local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 1))"""
LOOPED = """(module
 (func (export "f") (param i32) (result i32) (local i32 i32 i32)
   loop
     local.get 0 local.set 2 {zero}
     loop local.get 3 local.get 2 i32.add local.set 3
       local.get 2 i32.const 1 i32.sub local.tee 2 br_if 0 end
     local.get 3 local.get 1 i32.add local.set 1
     local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 1))"""


def test_locals_of_an_inlined_loop_start_at_zero_each_time() -> None:
    step: dict[str, Any] = {"functions": (None, 0), "unfold": {1: frozenset({0})}}
    good = LOOPED.format(zero="i32.const 0 local.set 3")
    assert judge(LOOPING, good, **step).status == "proven"
    assert judge(LOOPING, LOOPED.format(zero=""), **step).status == "unknown"


EARLY = """(module
 (func $c (param i32) (result i32)
   local.get 0 i32.const 9 i32.gt_u if i32.const 7 return end
   block local.get 0 br_if 0 i32.const 3 return end i32.const 5)
 (func (export "f") (param i32) (result i32) local.get 0 {}))"""


def test_returns_become_joins() -> None:
    a = EARLY.format("call $c i32.const 1 i32.add")
    b = """(module (func (export "f") (param i32) (result i32)
      i32.const 8 i32.const 6 i32.const 4 local.get 0 select local.get 0 i32.const 9 i32.gt_u select))"""  # noqa: E501
    step: dict[str, Any] = {"functions": (None, 0), "unfold": {1: frozenset({0})}}
    assert judge(a, b, **step).status == "proven"
    assert judge(a, b.replace("i32.const 8", "i32.const 7"), **step).status == "unknown"


def test_tail_calls() -> None:
    a = EARLY.format("return_call $c")
    b = """(module (func (export "f") (param i32) (result i32)
      i32.const 7 i32.const 5 i32.const 3 local.get 0 select local.get 0 i32.const 9 i32.gt_u select))"""  # noqa: E501
    step: dict[str, Any] = {"functions": (None, 0), "unfold": {1: frozenset({0})}}
    assert judge(a, b, **step).status == "proven"
    assert judge(a, b.replace("i32.const 5", "i32.const 6"), **step).status == "unknown"


def test_recursion_is_unfolded_once() -> None:
    a = """(module (func $f (export "f") (param i32) (result i32)
      local.get 0 i32.eqz if (result i32) i32.const 1 else
      local.get 0 local.get 0 i32.const 1 i32.sub call $f i32.mul end))"""
    b = """(module (func $f (export "f") (param i32) (result i32)
      local.get 0 i32.eqz if (result i32) i32.const 1 else local.get 0
        local.get 0 i32.const 1 i32.sub i32.eqz if (result i32) i32.const 1 else
        local.get 0 i32.const 1 i32.sub local.get 0 i32.const 2 i32.sub call $f i32.mul end
      i32.mul end))"""
    # The new side unfolds as well and makes its calls two at a time: not comparable this way.
    assert judge(a, b, unfold={0: frozenset({0})}).status == "unknown"


MUTUAL = """(module
 (func $f (export "f") (result i32) {})
 (func $g (export "g") (result i32) {}))"""


def test_unfolding_is_no_circle() -> None:
    """Each function proven with the other's old body would prove an endless recursion."""
    a = MUTUAL.format("call $g", "i32.const 1")
    b = MUTUAL.format("call $g", "call $f")
    for chosen in ({0: {1}, 1: {0, 1}}, {0: {1}, 1: {0}}, {}, {0: {0, 1}, 1: {0, 1}}):
        unfold = {k: frozenset(v) for k, v in chosen.items()}
        assert judge(a, b, unfold=unfold).status == "unknown"


def test_calls_that_stay_are_unfolded_on_both_sides() -> None:
    body = '(func (export "f") (param i32) (result i32) local.get 0 {} {})'
    a = f"(module {CALLEE} {body.format('call $c', 'call $c')})"
    b = f"(module {CALLEE} {body.format(ONE_MORE, 'call $c')})"
    assert judge(a, b, unfold={1: frozenset({0})}).status == "proven"
    c = f"(module {CALLEE} {body.format('i32.const 2 i32.add', 'call $c')})"
    assert judge(a, c, unfold={1: frozenset({0})}).status == "unknown"


# --- merged functions ---------------------------------------------------------------------------

TWINS = """(module
 (func $a (param i32) (result i32) local.get 0 i32.const {} i32.shr_u call $b)
 (func $b (param i32) (result i32) local.get 0 i32.const {} i32.shr_u call $a)
 (func (export "f") (param i32) (result i32) local.get 0 call $a local.get 0 call $b i32.sub))"""
ONE = """(module
 (func $a (param i32) (result i32) local.get 0 i32.const 1 i32.shr_u call $a)
 (func (export "f") (param i32) (result i32) local.get 0 call $a local.get 0 call $a i32.sub))"""


def test_equal_functions_may_become_one() -> None:
    assert judge(TWINS.format(1, 1), ONE, functions=(0, 0, 1)).status == "proven"
    assert judge(TWINS.format(1, 2), ONE, functions=(0, 0, 1)).status == "unknown"


def test_copies_of_a_function() -> None:
    a = f"(module {CALLEE} {CALLER})"
    other = CALLEE.replace("$c", "$d")
    b = f"(module {CALLEE} {CALLER.replace('$c', '$d')} {other})"
    assert judge(a, b, copies={2: 0}).status == "proven"
    wrong = b.replace("i32.const 1 i32.add)", "i32.const 3 i32.add)")
    assert judge(a, wrong, copies={2: 0}).status == "unknown"
    assert judge(a, b, copies={2: 1}).status == "unknown"


def test_equal_bytes_may_mean_something_else() -> None:
    """An index that now belongs to a copy, or to other data."""
    a = """(module (func $a (result i32) i32.const 1) (func $b (result i32) i32.const 2)
      (func (export "f") (result i32) call $b))"""
    b = """(module (func $a (result i32) i32.const 1) (func $c (result i32) i32.const 1)
      (func (export "f") (result i32) call $c))"""
    assert judge(a, b, functions=(0, None, 2), copies={1: 0}).status == "unknown"
    c = """(module (memory (export "m") 1) (data "abc")
      (func (export "f") i32.const 0 i32.const 0 i32.const 3 memory.init 0))"""
    d = c.replace("abc", "abd")
    assert judge(c, d, datas=(None,)).status == "unknown"
    assert judge(c, d).status == "unknown"


# --- sections -----------------------------------------------------------------------------------

FULL = """(module
 (import "e" "x" (func $x)) (import "e" "y" (func $y)) (import "e" "k" (global $k i32))
 (memory $m (export "m") 1) (memory $p 1 2) (table $t 4 funcref) (table $u (export "u") 4 funcref)
 (global $g (mut i32) (i32.const 5)) (global $i i32 (i32.const 6)) (global $h (export "h") i32 (global.get $k))
 (func $f (export "f") (result i32) call $y i32.const 1)
 (func $s global.get $g drop)
 (start $s)
 (elem (table $u) (i32.const 0) func $f) (elem (table $t) (i32.const 1) func $f $s)
 (data (memory $m) (i32.const 8) "xyz") (data (memory $p) (i32.const 4) "abc"))"""  # noqa: E501


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"xyz"', '"xyw"'),
        ("(i32.const 8)", "(i32.const 9)"),
        ("(memory $m) (i32", "(memory $p) (i32"),
        ("(i32.const 0) func $f", "(i32.const 0) func $s"),
        ("(table $u) (i32.const 0)", "(table $u) (i32.const 1)"),
        ("(mut i32) (i32.const 5)", "(mut i32) (i32.const 6)"),
        ("(global.get $k)", "(i32.const 0)"),
        ("$p 1 2", "$p 1 3"),
        ("$p 1 2", "$p 2 2"),
        ("$t 4", "$t 5"),
        ('(export "m") 1', '(export "n") 1'),
        ("(start $s)", ""),
        ('"e" "k"', '"e" "l"'),
        ('"e" "y" (func $y)', '"e" "y" (func $y (result i32))'),
        ('(import "e" "x" (func $x)) (import "e" "y" (func $y))',
         '(import "e" "y" (func $x)) (import "e" "x" (func $y))'),
        ("call $y", "call $x"),
        ('(func $f (export "f")', '(func $f (export "f") (export "g")'),
    ],
)  # fmt: skip
def test_every_part_is_compared(old: str, new: str) -> None:
    assert old in FULL
    after = FULL.replace(old, new)
    try:
        found = judge(FULL, after)
    except wasmtime.WasmtimeError:
        pytest.skip("the change makes no valid module")
    assert found.status == "unknown"


@pytest.mark.parametrize(
    ("old", "change"),
    [
        ('(import "e" "x" (func $x))', {"functions": (None, 0, 1, 2)}),
        ("(global $i i32 (i32.const 6))", {"globals": (0, 1, None, 2)}),
        ('(data (memory $p) (i32.const 4) "abc")', {"datas": (0, None), "memories": (0, None)}),
        (
            "(elem (table $t) (i32.const 1) func $f $s)",
            {"elements": (0, None), "tables": (None, 0)},
        ),
    ],
)
def test_what_nobody_needs_may_go(old: str, change: dict[str, Any]) -> None:
    assert old in FULL
    after = FULL.replace(old, "")
    if "memories" in change:
        after = after.replace("(memory $p 1 2)", "")
    if "tables" in change:
        after = after.replace("(table $t 4 funcref)", "")
    assert judge(FULL, after, **change).status == "proven"


def test_a_segment_that_may_trap_stays() -> None:
    a = '(module (memory 1) (data (i32.const 65535) "ab"))'
    assert judge(a, "(module)", memories=(None,), datas=(None,)).status == "unknown"
    b = '(module (memory 1) (data (i32.const 65534) "ab"))'
    assert judge(b, "(module)", memories=(None,), datas=(None,)).status == "proven"
    c = """(module (import "e" "g" (global i32)) (memory 1) (data (global.get 0) "ab"))"""
    d = """(module (import "e" "g" (global i32)))"""
    assert judge(c, d, memories=(None,), datas=(None,)).status == "unknown"
    e = "(module (table 1 funcref) (func) (elem (i32.const 1) 0))"
    assert judge(e, "(module (func))", tables=(None,), elements=(None,)).status == "unknown"


def test_segments_of_what_stays_may_not_go() -> None:
    a = '(module (memory (export "m") 1) (data (i32.const 0) "ab"))'
    assert judge(a, '(module (memory (export "m") 1))', datas=(None,)).status == "unknown"


def test_segments_that_leave_the_same_bytes() -> None:
    text = "(module (memory {} 1) {})"
    a = text.format(
        '(export "m")', '(data (i32.const 0) "ab\\00\\00cd\\00") (data (i32.const 1) "x")'
    )
    b = text.format('(export "m")', '(data (i32.const 0) "ax") (data (i32.const 4) "cd")')
    assert judge(a, b).status == "proven"
    assert judge(a, b, datas=(None, None)).status == "proven"
    assert judge(b, a).status == "proven"
    assert judge(a, b.replace("ax", "ab")).status == "unknown"
    assert judge(a, b.replace("const 4", "const 5")).status == "unknown"
    far = b.replace('"cd")', '"cd") (data (i32.const 65536) "x")')
    assert judge(a, far).status == "unknown"
    assert judge(far, a, datas=(0, 1, None)).status == "unknown"
    foreign = text.replace("(memory {} 1)", '(import "e" "m" (memory 1)) {}')
    one, two = (
        foreign.format("", '(data (i32.const 0) "a\\00")'),
        foreign.format("", '(data (i32.const 0) "a")'),
    )
    assert judge(one, two).status == "unknown"


def test_visible_state_may_not_go() -> None:
    a = """(module (import "e" "g" (global $g (mut i32)))
      (func (export "f") i32.const 1 global.set $g))"""
    assert judge(a, '(module (func (export "f")))', globals=(None,)).status == "unknown"
    b = '(module (global (export "g") (mut i32) (i32.const 0)))'
    assert judge(b, "(module)", globals=(None,)).status == "unknown"
    c = '(module (import "e" "m" (memory 1)) (data (i32.const 0) "x"))'
    assert judge(c, "(module)", memories=(None,), datas=(None,)).status == "unknown"


def test_entries() -> None:
    a = f'(module {CALLEE} {CALLER} (func (export "g") (result i32) i32.const 7))'
    b = f"(module {CALLEE} {CALLER})"
    assert judge(a, b, functions=(0, 1, None)).status == "unknown"
    found = judge(a, b, functions=(0, 1, None), entries=("f",))
    assert found.status == "proven"
    assert found.used == ("entry: other exports are unused",)
    assert judge(a, b, functions=(0, 1, None), entries=("f", "g")).status == "unknown"


# --- removed state ------------------------------------------------------------------------------

WRITTEN = """(module (memory $p 1) (global $g (mut i32) (i32.const 5))
 (func (export "f") (param i32) (result i32)
   local.get 0 global.set $g {} local.get 0 i32.const 255 i32.and i32.const 7 i32.store {}))"""


def test_stores_that_nobody_reads() -> None:
    gone: dict[str, Any] = {"memories": (None,), "globals": (None,)}
    b = '(module (func (export "f") (param i32) (result i32) local.get 0))'
    assert judge(WRITTEN.format("", "local.get 0"), b, **gone).status == "proven"
    # The store may be out of bounds, what is read may be anything, growth may be asked for.
    wild = WRITTEN.replace("i32.const 255 i32.and", "").format("", "local.get 0")
    assert judge(wild, b, **gone).status == "unknown"
    assert judge(WRITTEN.format("", "i32.const 0 i32.load"), b, **gone).status == "unknown"
    assert judge(WRITTEN.format("", "i32.const 0 memory.grow"), b, **gone).status == "unknown"
    c = '(module (func (export "f") (param i32) (result i32) i32.const 5))'
    assert judge(WRITTEN.format("", "global.get $g"), c, **gone).status == "unknown"
    assert judge(WRITTEN.format("", "global.get $g"), b, **gone).status == "proven"


def test_growth_of_a_memory_that_goes() -> None:
    gone: dict[str, Any] = {"memories": (None,), "globals": (None,)}
    b = '(module (func (export "f") (param i32) (result i32) local.get 0))'
    grown = WRITTEN.format("i32.const 1 memory.grow drop", "local.get 0")
    assert judge(grown, b, **gone).status == "proven"
    seen = WRITTEN.format("", "memory.size local.get 0 i32.add")
    assert judge(seen, b, **gone).status == "unknown"


SHIM = """(module (global $g (mut i32) (i32.const 0))
  (func $s (param i32) local.get 0 global.set $g)
  (func (export "f") (param i32) (result i32)
    local.get 0 i32.const 3 i32.add call $s {} global.get $g))"""


def test_shim_global() -> None:
    b = '(module (func (export "f") (param i32) (result i32) i32.const 3 local.get 0 i32.add))'
    step: dict[str, Any] = {
        "functions": (None, 0), "globals": (None,), "unfold": {1: frozenset({0})}
    }  # fmt: skip
    assert judge(SHIM.format(""), b, **step).status == "proven"
    again = "i32.const 1 call $s"
    assert judge(SHIM.format(again), b, **step).status == "unknown"


def test_state_survives_between_calls() -> None:
    a = """(module (global $g (mut i32) (i32.const 0))
      (func (export "set") (param i32) local.get 0 global.set $g)
      (func (export "get") (result i32) global.get $g))"""
    b = '(module (func (export "set") (param i32)) (func (export "get") (result i32) i32.const 0))'
    assert judge(a, b, globals=(None,)).status == "unknown"


def test_a_host_that_calls_back_changes_state() -> None:
    a = """(module (import "e" "x" (func $x)) (global $g (mut i32) (i32.const 0))
      (func (export "f") (result i32) i32.const 1 global.set $g {} global.get $g)
      (func (export "set") i32.const 2 global.set $g))"""
    b = """(module (import "e" "x" (func $x)) {}
      (func (export "f") (result i32) {} i32.const 1) (func (export "set") {}))"""
    gone: dict[str, Any] = {"globals": (None,)}
    assert judge(a.format("call $x"), b.format("", "call $x", ""), **gone).status == "unknown"
    assert judge(a.format(""), b.format("", "", ""), **gone).status == "proven"


# --- changed types ------------------------------------------------------------------------------

WIDE = """(module (import "e" "x" (func $x (param i32)))
 (func $c {} (param i32 i32) (result i32 i32) local.get {} call $x local.get 1 i32.const 9)
 (func (export "f") (param i32) (result i32) local.get 0 i32.const 4 call $c {}))"""
NARROW = """(module (import "e" "x" (func $x (param i32)))
 (func $c {} (param i32) (result i32) local.get 0 call $x local.get 0)
 (func (export "f") (param i32) (result i32) i32.const 4 call $c))"""


def test_unused_parameters_and_results() -> None:
    change: dict[str, Any] = {"parameters": {1: (1,)}, "results": {1: (0,)}}
    a = WIDE.format("", 1, "drop")
    assert judge(a, NARROW.format(""), **change).status == "proven"
    assert judge(WIDE.format("", 0, "drop"), NARROW.format(""), **change).status == "unknown"
    assert judge(WIDE.format("", 1, "i32.add"), NARROW.format(""), **change).status == "unknown"
    assert judge(a, NARROW.format("").replace("const 4", "const 5"), **change).status == "unknown"
    out = '(export "c")'
    assert judge(WIDE.format(out, 1, "drop"), NARROW.format(out), **change).status == "unknown"


def test_facts_that_are_false_prove_nothing() -> None:
    a = """(module (global $g (mut i32) (i32.const 1))
      (func (export "set") (param i32) local.get 0 global.set $g)
      (func (export "get") (result i32) global.get $g))"""
    b = a.replace("(result i32) global.get $g", "(result i32) i32.const 1")
    assert judge(a, b, facts=Facts(globals={0: 1})).status == "unknown"


@pytest.mark.parametrize(
    ("argument", "factor"), [("(local.get 0)", 3), ("(local.get 0)", 5), ("(i32.const 0)", 3)]
)
def test_code_with_the_callee_in_place_is_compared_as_it_stands(argument: str, factor: int) -> None:
    callee = "(func $f (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))"
    frame = '(module {} (func (export "r") (param i32) (result i32) {}))'
    before = frame.format(callee, "(call $f (local.get 0))")
    product = f"(i32.mul (local.get 1) (i32.const {factor}))"
    body = f"(local i32) (local.set 1 {argument}) (block (result i32) {product})"
    found = judge(before, frame.format(callee, body), unfold={1: frozenset({0})})
    equal = (argument, factor) == ("(local.get 0)", 3)
    assert (found.status == "proven") is equal
    if equal:
        assert found.functions[1].method == "unfolded"


def test_a_global_that_became_a_local_of_a_loop() -> None:
    a = """(module (global $g (mut i32) (i32.const 0))
      (func (export "f") (param i32) (result i32) local.get 0 global.set $g
        loop global.get $g i32.const 3 i32.mul global.set $g
          local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end global.get $g))"""
    b = """(module (func (export "f") (param i32) (result i32) (local i32) local.get 0 local.set 1
        loop local.get 1 i32.const {} i32.mul local.set 1
          local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 1))"""
    assert judge(a, b.format(3), globals=(None,)).status == "proven"
    assert judge(a, b.format(5), globals=(None,)).status == "unknown"


IDLE = """(module (type $t (func (param i32))) (type $u (func (result i32)))
 (table $t {out} 2 funcref) (elem (i32.const 0) $idle)
 (func $idle (type $t) {body})
 (func $dead (param i32) local.get 0 {inside})
 (func (export "f") (param i32) (result i32) {code})
 {more})"""


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "proven"),
        ({"code": "local.get 0 call_indirect (type $u)"}, "proven"),
        ({"code": "local.get 0 i32.const 0 call_indirect (type $t) i32.const 1"}, "unknown"),
        ({"code": "local.get 0 call $idle i32.const 1"}, "unknown"),
        ({"code": "local.get 0 call $dead i32.const 1"}, "unknown"),
        ({"code": "i32.const 1", "out": '(export "t")'}, "unknown"),
        ({"more": '(func (export "r") (result funcref) ref.func $idle)'}, "unknown"),
        ({"more": '(global (export "g") funcref (ref.func $idle))'}, "unknown"),
        ({"more": '(export "i" (func $idle))'}, "unknown"),
        ({"more": '(func (export "r") (result funcref) i32.const 0 table.get $t)'}, "unknown"),
    ],
)
def test_a_function_that_never_runs(change: dict[str, str], status: str) -> None:
    given = {"out": "", "inside": "call $idle", "code": "i32.const 1", "more": ""} | change
    a = IDLE.format(body="i32.const 1 local.get 0 i32.div_u drop", **given)
    assert judge(a, IDLE.format(body="unreachable", **given)).status == status
