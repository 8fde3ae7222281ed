"""Steps over the whole module: what they find, that they keep behaviour, that they are proven."""

from collections.abc import Callable

import pytest
import wasmtime
from eqsat.optimize.options import Options
from eqsat.optimize.program import Program
from eqsat.program.choice import Policy, inline
from eqsat.program.dead import circular_globals, unread_globals
from eqsat.program.merge import merge
from eqsat.program.promote import covered, promote
from eqsat.program.signature import narrow
from eqsat.program.step import Step
from eqsat.program.substitute import substitute
from eqsat.program.trim import trim
from eqsat.program.unread import unread_memories
from eqsat.program.view import View
from eqsat.verify.differential import explore
from eqsat.wasm.body import decode_body
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import OPCODES
from eqsat.wasm.validate import validate

Propose = Callable[[View], Step | None]


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def small(view: View) -> Step | None:
    return inline(view, Policy(speed=False))


def fast(view: View) -> Step | None:
    return inline(view, Policy(speed=True))


def taken(propose: Propose, text: str, exports: frozenset[str] | None = None) -> Module:
    """The module after a step that must be there, keep behaviour and be proven."""
    data = wat(text)
    program = Program(Module.parse(data), Options(rlimit=200_000), lambda: None, exports=exports)
    step = propose(program.view())
    assert step is not None
    built = step.build(program.module).data
    validate(built)
    if exports is None:
        found = explore(data, built, seconds=5, seed=1, calls=60)
        assert found.difference is None
        assert found.calls
    certificate, certified = program.certify(step)
    assert certified == built
    assert certificate.status == "proven", certificate.reason
    return Module.parse(built)


def refused(propose: Propose, text: str) -> None:
    assert propose(View(Module.parse(wat(text)))) is None


DEAD = """(module
  (import "e" "unused" (func $unused (param i32)))
  (memory $m 1) (global $g (mut i32) (i32.const 5)) (table $t 1 funcref)
  (elem (table $t) (i32.const 0) func $odd) (data (memory $m) (i32.const 0) "x")
  (func $even (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
      (else (call $odd (i32.sub (local.get 0) (i32.const 1))))))
  (func $odd (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (call $even (i32.sub (local.get 0) (i32.const 1))))))
  (func $entry (param i32)
    (global.set $g (call $even (local.get 0)))
    (call $unused (i32.load $m (i32.const 0))))
  (func (export "run") (param i32) (result i32) (i32.add (local.get 0) (i32.const 40)))
  (func (export "other") (param i32) (call $entry (local.get 0))))"""


def test_entry_points_decide_what_lives() -> None:
    made = taken(trim, DEAD, frozenset({"run"}))
    assert len(made.functions) == 1
    assert [*made.imports, *made.memories, *made.globals, *made.tables, *made.datas] == []
    assert [one.name for one in made.exports] == ["run"]
    refused(trim, DEAD.replace("(table $t 1 funcref)", '(table $t (export "t") 1 funcref)'))


@pytest.mark.parametrize(
    "text",
    [
        '(module (memory $m 1) (data (memory $m) (i32.const 65535) "xy") (func (export "f")))',
        '(module (import "e" "o" (global $o i32)) (memory $m 1) '
        '(data (memory $m) (global.get $o) "xy") (func (export "f")))',
        "(module (table $t 1 funcref) (elem (table $t) (i32.const 1) func $f) "
        '(func $f (export "f")))',
    ],
)
def test_a_segment_that_may_trap_keeps_what_it_fills(text: str) -> None:
    refused(trim, text)


def test_constants_go_through_calls() -> None:
    text = """(module
      (global $mode (mut i32) (i32.const 2))
      (func $set (param i32) (global.set $mode (local.get 0)))
      (func $callee (param $n i32) (param $enc i32) (result i32)
        (if (local.get $enc) (then (return (i32.const 7))))
        (i32.add (local.get $n) (global.get $mode)))
      (func $pass (param $n i32) (param $enc i32) (result i32)
        (call $callee (local.get $n) (local.get $enc)))
      (func (export "a") (param i32) (result i32)
        (call $set (i32.const 2)) (call $pass (local.get 0) (i32.const 0)))
      (func (export "b") (param i32) (result i32) (call $pass (local.get 0) (i32.const 0))))"""
    made = taken(substitute, text)
    assert not any(i[0] in (0x23, 0x24) for f in range(5) for i in made.body(f).instrs)
    other = text.replace("(call $set (i32.const 2))", "(call $set (local.get 0))")
    known = substitute(View(Module.parse(wat(other))))
    assert known is not None
    assert not known.claims.globals


def test_an_exported_function_may_get_anything() -> None:
    text = """(module
      (func $f (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (export "g") (result i32) (call $f (i32.const 4))))"""
    refused(substitute, text)
    taken(substitute, text.replace('(export "f") ', ""))


TABLE = """(module
  (type $f (func (param i32) (result i32))) (type $g (func (param i64) (result i64)))
  (table $t 5 5 funcref) (elem (table $t) (i32.const 0) func $a $a $b $wrong)
  (func $a (type $f) (i32.add (local.get 0) (i32.const 100)))
  (func $b (type $f) (i32.mul (local.get 0) (i32.const 100)))
  (func $wrong (type $g) (local.get 0))
  (func (export "one") (param i32) (result i32)
    (call_indirect $t (type $f) (local.get 0) (i32.const 2)))
  (func (export "mask") (param i32 i32) (result i32)
    (call_indirect $t (type $f) (local.get 1) (i32.and (local.get 0) (i32.const 1))))
  (func (export "null") (param i32) (result i32)
    (call_indirect $t (type $f) (local.get 0) (i32.const 4)))
  (func (export "type") (param i32) (result i32)
    (call_indirect $t (type $f) (local.get 0) (i32.const 3)))
  (func (export "past") (param i32) (result i32)
    (call_indirect $t (type $f) (local.get 0) (i32.const -1)))
  (func (export "any") (param i32 i32) (result i32)
    (call_indirect $t (type $f) (local.get 0) (local.get 1)))
  (func (export "two") (param i32 i32) (result i32)
    (call_indirect $t (type $f) (local.get 1) (i32.and (local.get 0) (i32.const 2)))))"""


def test_known_targets_are_called_directly() -> None:
    constant = TABLE.replace("(i32.and (local.get 0) (i32.const 1))", "(i32.const 1)")
    made = taken(substitute, constant)
    left = [i for f in range(3, 10) for i in made.body(f).instrs if i[0] == 0x11]
    assert len(left) == 2  # any index, and a choice of two


@pytest.mark.parametrize(
    "spoiler",
    [
        '(export "t" (table $t))',
        '(func (export "w") (table.set $t (i32.const 0) (ref.func $b)))',
        '(func (export "w") (table.fill $t (i32.const 0) (ref.func $b) (i32.const 1)))',
        '(func (export "w") (drop (table.grow $t (ref.func $b) (i32.const 0))))',
        '(func (export "w") (table.copy $t $t (i32.const 0) (i32.const 2) (i32.const 1)))',
    ],
)
def test_a_table_that_may_change_says_nothing(spoiler: str) -> None:
    text = TABLE.removesuffix(")") + spoiler + ")"
    made = Module.parse(wat(text))
    step = substitute(View(made))
    if step is not None:
        made = Module.parse(step.build(made).data)
    assert sum(i[0] == 0x11 for f in range(3, 10) for i in made.body(f).instrs) == 7


def test_a_segment_may_start_at_a_global_that_never_changes() -> None:
    text = """(module
      (type $f (func (param i32) (result i32)))
      (global $base i32 (i32.const 2))
      (global $start i32 (global.get $base))
      (table $t 4 4 funcref) (elem (table $t) (global.get $start) func $one $two)
      (func $one (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func $two (param i32) (result i32) (i32.add (local.get 0) (i32.const 2)))
      (func (export "f") (param i32) (result i32)
        (call_indirect $t (type $f) (local.get 0) (i32.const 3))))"""
    module = taken(substitute, text)
    assert (0x10, 1) in module.body(2).instrs


ROM = """(module
  (memory 1) (data (i32.const 8) "\\01\\02\\83\\ff") (data (i32.const 10) "\\84")
  (func (export "f") (result i32) (i32.load offset=4 (i32.const 4)))
  (func (export "g") (result i64) (i64.load8_s (i32.const 10)))
  (func (export "h") (result i32) (i32.load16_u (i32.const 20)))
  (func (export "trap") (result i32) (i32.load (i32.const 65533)))
  (func (export "any") (param i32) (result i32) (i32.load (local.get 0))) {})"""


def test_what_nobody_writes_is_known() -> None:
    module = taken(substitute, ROM.format(""))
    first = [module.body(index).instrs[0] for index in range(4)]
    assert first[0] == (0x41, 0xFF840201 - (1 << 32))
    assert first[1] == (0x42, 0x84 - 256)
    assert first[2] == (0x41, 0)
    assert first[3] == (0x41, 65533)
    assert len(module.body(3).instrs) == 3


@pytest.mark.parametrize(
    "spoiler",
    [
        '(export "m" (memory 0))',
        '(func (export "s") (param i32) (i32.store8 (local.get 0) (i32.const 1)))',
        '(func (export "s") (param i32) (memory.fill (local.get 0) (i32.const 1) (i32.const 1)))',
        '(func (export "s") (param i32) (memory.copy (local.get 0) (i32.const 1) (i32.const 9)))',
        '(func (export "s") (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 4)))',
        '(func (export "s") (result i32) (memory.grow (i32.const 1)))',
    ],
)
def test_what_somebody_may_write_is_not_known(spoiler: str) -> None:
    refused(substitute, ROM.format(spoiler))


def test_inlining_zeroes_locals_each_time_and_keeps_returns() -> None:
    text = """(module
      (func $callee (param $n i32) (result i32 i32) (local $acc i32)
        (local.set $acc (i32.add (local.get $acc) (local.get $n)))
        (block (br_if 0 (i32.lt_s (local.get $n) (i32.const 3)))
          (return (i32.const -1) (local.get $acc)))
        (loop $l (local.set $acc (i32.add (local.get $acc) (i32.const 2)))
          (br_if $l (i32.lt_s (local.get $acc) (i32.const 9))))
        (local.get $acc) (local.get $n))
      (func (export "run") (param $n i32) (result i32) (local $i i32) (local $sum i32)
        (block $done (loop $l
          (br_if $done (i32.ge_s (local.get $i) (i32.and (local.get $n) (i32.const 7))))
          (call $callee (local.get $i))
          (i32.sub) (local.get $sum) (i32.add) (local.set $sum)
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $l)))
        (local.get $sum)))"""
    made = taken(small, text)
    assert not any(i[0] == 0x10 for i in made.body(1).instrs)


def test_inlining_goes_through_chains_but_not_round() -> None:
    text = """(module (global $g (export "g") (mut i32) (i32.const 0))
      (func $shim (param i32) (global.set $g (local.get 0)))
      (func $twice (param i32)
        (call $shim (local.get 0)) (call $shim (i32.add (global.get $g) (i32.const 1))))
      (func $round (param i32)
        (if (local.get 0) (then (call $round (i32.sub (local.get 0) (i32.const 1))))))
      (func (export "run") (param i32) (call $twice (local.get 0))
        (call $round (i32.and (local.get 0) (i32.const 7)))))"""
    made = taken(fast, text)
    assert [i[1] for i in made.body(3).instrs if i[0] == 0x10] == [2]


def test_tail_calls_are_inlined_where_they_stand() -> None:
    text = """(module
      (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
      (func $tail (param i32) (result i32)
        (return_call $leaf (i32.add (local.get 0) (i32.const 1))))
      (func (export "run") (param i32) (result i32)
        (i32.sub (call $tail (local.get 0)) (i32.const 1)))
      (func (export "end") (param i32) (result i32) (return_call $tail (local.get 0))))"""
    made = taken(fast, text)
    assert not any(i[0] in (0x10, 0x12) for f in (1, 2, 3) for i in made.body(f).instrs)


def test_unused_parameters_and_results_go() -> None:
    text = """(module (global $g (export "g") (mut i32) (i32.const 0))
      (func $f (param $a i32) (param $unused i64) (param $b i32) (result i32)
        (local.set $unused (i64.const 3))
        (global.set $g (i32.sub (local.get $a) (local.get $b)))
        (if (local.get $a) (then (return (i32.const 1))))
        (i32.const 2))
      (func (export "run") (param i32 i32)
        (drop (call $f (local.get 0) (i64.const 5) (local.get 1)))
        (drop (call $f (local.get 1) (i64.extend_i32_s (global.get $g)) (i32.const 3)))))"""
    made = taken(narrow, text)
    assert (len(made.function_type(0).params), len(made.function_type(0).results)) == (2, 0)
    refused(narrow, text.replace("(func $f ", '(func $f (export "f") '))


def test_equal_functions_become_one() -> None:
    text = """(module
      (func $h1 (param i32) (result i32) (i32.mul (local.get 0) (i32.const 77)))
      (func $h2 (param i32) (result i32) (i32.mul (local.get 0) (i32.const 77)))
      (func $c1 (param i32) (result i32) (call $h1 (call $h1 (local.get 0))))
      (func $c2 (param i32) (result i32) (call $h2 (call $h1 (local.get 0))))
      (func (export "a") (param i32) (result i32)
        (i32.add (call $c1 (local.get 0)) (i32.const 1)))
      (func (export "b") (param i32) (result i32)
        (i32.sub (call $c2 (local.get 0)) (i32.const 1))))"""
    made = taken(merge, text)
    assert len(made.functions) == 4
    refused(
        merge,
        text.replace("(i32.const 77)))\n      (func $c1", "(i32.const 78)))\n      (func $c1"),
    )


def test_globals_that_nobody_reads_go() -> None:
    text = """(module (global $g (mut i32) (i32.const 0)) (global $h (mut i32) (i32.const 1))
      (func (export "run") (param i32) (result i32)
        (global.set $g (i32.div_s (i32.const 9) (local.get 0))) (global.get $h)))"""
    made = taken(unread_globals, text)
    assert len(made.globals) == 1
    assert any(i[0] == 0x6D for i in made.body(0).instrs)  # the division may trap
    refused(unread_globals, text.replace("(global $g ", '(global $g (export "g") '))


CIRCLE = """(module
  (global $n (mut i32) (i32.const 0)) (global $e (export "e") (mut i32) (i32.const 0))
  (func (export "run") (param i32)
    (global.set $n (i32.add (i32.mul (global.get $n) (i32.const 3)) (local.get 0))) %s))"""


def test_globals_read_only_for_themselves_go() -> None:
    assert len(taken(circular_globals, CIRCLE % "(nop)").globals) == 1
    for use in (
        "(global.set $e (global.get $n))",
        "(if (global.get $n) (then (global.set $e (i32.const 1))))",
        "(global.set $n (i32.div_u (i32.const 8) (global.get $n)))",
        "(loop (br_if 0 (i32.lt_u (global.get $n) (i32.const 9))))",
    ):
        refused(circular_globals, CIRCLE % use)


PROMOTE = """(module (import "e" "h" (func $h)) (global $r (mut i32) (i32.const 0))
  (func (export "run") (param i32) (result i32)
    (if (local.get 0) (then (global.set $r (i32.const 4))) (else (global.set $r (i32.const 9))))
    %s
    (global.get $r))
  (func (export "set") (param i32) (global.set $r (local.get 0))))"""


def test_a_global_set_before_every_read_is_a_local() -> None:
    made = taken(promote, PROMOTE % "(nop)")
    assert not made.globals


@pytest.mark.parametrize(
    "between",
    ["(call $h)", "(if (local.get 0) (then (call $h)))", "(loop (call $h))"],
)
def test_a_host_call_may_set_it(between: str) -> None:
    refused(promote, PROMOTE % between)


@pytest.mark.parametrize(
    ("body", "holds"),
    [
        ("(global.set $r (local.get 0)) (drop (global.get $r))", True),
        ("(drop (global.get $r)) (global.set $r (local.get 0))", False),
        ("(if (local.get 0) (then (global.set $r (i32.const 1)))) (drop (global.get $r))", False),
        (
            "(block (br_if 0 (local.get 0)) (global.set $r (i32.const 1))) (drop (global.get $r))",
            False,
        ),
        (
            "(block (br_if 0 (local.get 0)) (global.set $r (i32.const 1)) (drop (global.get $r)))",
            True,
        ),
        (
            "(loop (global.set $r (i32.const 1)) (br_if 0 (local.get 0))) (drop (global.get $r))",
            True,
        ),
        (
            "(loop (drop (global.get $r)) (global.set $r (i32.const 1)) (br_if 0 (local.get 0)))",
            False,
        ),
        (
            "(global.set $r (i32.const 1)) (loop (drop (global.get $r)) (br_if 0 (local.get 0)))",
            True,
        ),
        (
            "(block (block (br_table 0 1 (local.get 0))) (global.set $r (i32.const 1)) (return)) "
            "(drop (global.get $r))",
            False,
        ),
        ("(unreachable) (drop (global.get $r))", True),
        ("(if (local.get 0) (then (return))) (drop (global.get $r))", False),
    ],
)
def test_assignment_on_every_path(body: str, holds: bool) -> None:
    module = Module.parse(
        wat(f"(module (global $r (mut i32) (i32.const 0)) (func (param i32) {body}))")
    )
    code = module.body_bytes(0)
    instrs = decode_body(code, 0, len(code)).instrs
    found = covered(instrs, lambda i: i[0] == 0x23, lambda i: i[0] == 0x24, lambda _: False)
    assert found is holds


def test_stores_that_nobody_reads_go() -> None:
    text = """(module (memory $m 1) (memory $n (export "n") 1)
      (data (memory $m) (i32.const 4) "abc")
      (func (export "run") (param i32 i32)
        (i32.store $m offset=16 (i32.const 4) (local.get 0))
        (i64.store $m (i32.and (local.get 1) (i32.const 0xfff8)) (i64.const 1))
        (i32.store $n (local.get 0) (local.get 1))))"""
    made = taken(unread_memories, text)
    assert (len(made.memories), len(made.datas)) == (1, 0)
    edge = text.replace("0xfff8", "0xffff")
    step = unread_memories(View(Module.parse(wat(edge))))
    assert step is not None
    assert len(Module.parse(step.build(Module.parse(wat(edge))).data).memories) == 2
    refused(
        unread_memories,
        text.replace(
            "(func (export", '(func (export "r") (result i32) (memory.size $m)) (func (export'
        ),
    )


def test_a_segment_that_declares_a_reference_stays() -> None:
    text = """(module (table $t 1 funcref) (elem (table $t) (i32.const 0) func $f)
      (func $f) (func $dead) (func (export "r") (result funcref) (ref.func $f)))"""
    made = taken(trim, text)
    assert (len(made.functions), len(made.elements)) == (2, 1)


def test_where_time_is_short_bodies_go_into_what_the_search_will_write_anew() -> None:
    """What inlining leaves behind costs more than the call, in a caller that stays as it is."""
    many = "(drop (i32.load (local.get $p)))" * 300
    text = f"""(module (memory 1)
      (func $f (param i32 i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
        (local.set 1 (i32.mul (local.get 0) (local.get 1)))
        (local.set 0 (i32.add (local.get 1) (local.get 0)))
        (i32.xor (local.get 0) (local.get 1)))
      (func (export "small") (param $p i32) (result i32) (call $f (local.get $p) (i32.const 3)))
      (func (export "large") (param $p i32) (result i32)
        {many} (call $f (local.get $p) (i32.const 3))))"""

    def touched(tidied: int, room: int | None = None) -> set[int]:
        step = inline(View(Module.parse(wat(text))), Policy(speed=True, tidied=tidied, room=room))
        return set() if step is None else set(step.changes.bodies)

    assert touched(0) == set()
    assert touched(100) == {1}
    assert touched(5_000) == {1, 2}
    assert touched(5_000, room=1_000) == {1}
    assert touched(5_000, room=5) == set()


INLINED = """(module (memory 1) (global $g (export "g") (mut i32) (i32.const 1))
  (func $callee {callee})
  (func (export "run") (param $a i32) (param $b i32) (result i32) (local $i i32) {caller}))"""


@pytest.mark.parametrize(
    ("callee", "caller", "instructions"),
    [
        pytest.param(
            "(param i32 i32) (result i32) (i32.store (local.get 0) (local.get 1)) (i32.const 3)",
            "(call $callee (i32.mul (local.get $a) (local.get $b)) (i32.eqz (local.get $b)))",
            "local.get local.get i32.mul local.get i32.eqz i32.store i32.const end",
            id="a body that begins with its arguments finds them on the stack",
        ),
        pytest.param(
            "(param i32 i32) (result i32) (i32.sub (local.get 1) (local.get 0))",
            "(call $callee (local.tee $b (i32.eqz (local.get $b))) (local.get $b))",
            "local.get i32.eqz local.tee local.set local.get local.get i32.sub end",
            id="a push stands where the parameter was read",
        ),
        pytest.param(
            "(param i32 i32) (result i32) (local.set 1 (i32.eqz (local.get 1))) "
            "(i32.sub (local.get 1) (local.get 0))",
            "(i32.add (call $callee (local.get $a) (local.get $b)) (local.get $b))",
            "local.get local.set local.get i32.eqz local.set local.get local.get i32.sub "
            "local.get i32.add end",
            id="a parameter that is set has a local of its own",
        ),
        pytest.param(
            "(param i32 i32) (result i32) (local i32) "
            "(local.set 2 (i32.add (local.get 2) (local.get 0))) (local.get 2)",
            "(call $callee (local.get $a) (i32.load (local.get $b)))",
            "local.get local.get i32.load drop local.set local.get local.get i32.add local.set "
            "local.get end",
            id="locals are zero in code that runs once; an unread argument is dropped",
        ),
        pytest.param(
            "(param i32) (local i32 i32) (block (br_if 0 (local.get 0)) "
            "(local.set 1 (i32.const 7)) (global.set $g (local.get 1))) "
            "(global.set $g (i32.add (global.get $g) (local.get 2))) (local.set 2 (i32.const 5))",
            "(loop (call $callee (local.get $i)) (br_if 0 (i32.lt_u (local.tee $i "
            "(i32.add (local.get $i) (i32.const 1))) (i32.and (local.get $b) (i32.const 7))))) "
            "(local.get $i)",
            "loop i32.const local.set block local.get br_if i32.const local.set local.get "
            "global.set end global.get local.get i32.add global.set i32.const local.set local.get "
            "i32.const i32.add local.tee local.get i32.const i32.and i32.lt_u br_if end local.get "
            "end",
            id="in a loop those are zeroed that may be read before they are set",
        ),
        pytest.param(
            "(param i32) (result i32) (local i32) (block (br_if 0 (local.get 0)) "
            "(local.set 1 (i32.const 7))) (local.get 1)",
            "(loop (global.set $g (i32.add (global.get $g) (call $callee (local.get $i)))) "
            "(br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) "
            "(i32.const 3)))) (local.get $i)",
            "loop global.get i32.const local.set block local.get br_if i32.const local.set end "
            "local.get i32.add global.set local.get i32.const i32.add local.tee i32.const "
            "i32.lt_u br_if end local.get end",
            id="what one arm sets is not set",
        ),
    ],
)
def test_what_stands_in_place_of_a_call(callee: str, caller: str, instructions: str) -> None:
    """No more than is needed, and never more than the call if the body stays as it is."""
    made = taken(fast, INLINED.format(callee=callee, caller=caller))
    names = " ".join(OPCODES[instr[0]].name for instr in made.body(1).instrs)
    assert names == instructions


def test_how_large_a_body_the_search_will_get_to() -> None:
    body = "(func (param i32) (result i32) (local.get 0)" + "(i32.eqz)" * 100 + ")"
    module = Module.parse(wat(f"(module {body * 40})"))
    everything = Program(module, Options(), lambda: None)._tidied()
    limits = []
    for seconds in (2.0, 0.5, 0.1, 0.01):
        limits.append(Program(module, Options(), lambda: None, search_seconds=seconds)._tidied())
    assert limits[0] == everything
    assert limits[1:3] == [104, 104]
    assert limits[3] == 0


def test_a_long_body_waits_until_the_search_has_made_it_short() -> None:
    """In one large function the search would have to find, and to prove, everything at once."""
    work = "(local.set $x (i32.xor (local.get $x) (i32.load (local.get $x))))"

    def touched(length: int) -> set[int]:
        text = f"""(module (memory 1)
          (func $f (param $x i32) (result i32) {work * length} (local.get $x))
          (func (export "g") (param $x i32) (result i32)
            {work * 150} (call $f (local.get $x))))"""
        step = inline(View(Module.parse(wat(text))), Policy(speed=False))
        return set() if step is None else set(step.changes.bodies)

    assert touched(10) == {1}
    assert touched(60) == set()
