"""Evaluating at compile time: the interpreter against wasmtime, the step, and its proof."""

import random

import pytest
import wasmtime
from eqsat.ir.constants import signed
from eqsat.optimize.options import Options
from eqsat.optimize.program import Program
from eqsat.program.interpret import Machine, Undecided
from eqsat.program.view import View
from eqsat.verify.validator import Validator
from eqsat.wasm.module import Module

OPERATIONS = [
    f"i{bits}.{name}"
    for bits in (32, 64)
    for name in (
        *("add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr"),
        *("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"),
        *("eqz", "clz", "ctz", "popcnt", "extend8_s", "extend16_s"),
    )
] + ["i32.wrap_i64", "i64.extend_i32_s", "i64.extend_i32_u", "i64.extend32_s"]
UNARY = ("eqz", "clz", "ctz", "popcnt", "extend", "wrap")
EDGES = (0, 1, -1, 7, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF, 0x8000, 1 << 31, (1 << 31) - 1, 1 << 63)


def module_of(text: str) -> Module:
    return Module.parse(bytes(wasmtime.wat2wasm(text)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_those_of_wasmtime(name: str) -> None:
    operand = "i64" if name.startswith("i64") and "extend_i32" not in name else "i32"
    operand = "i64" if name == "i32.wrap_i64" else operand
    compares = name.split(".")[1].split("_")[0] in ("eq", "ne", "lt", "gt", "le", "ge", "eqz")
    result = "i32" if compares else name[:3]
    count = 1 if name.split(".")[1].startswith(UNARY) else 2
    given = " ".join(f"(local.get {k})" for k in range(count))
    params = " ".join([operand] * count)
    module = module_of(
        f'(module (func (export "f") (param {params}) (result {result}) ({name} {given})))'
    )
    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, module.data), [])
    real = instance.exports(store)["f"]
    assert isinstance(real, wasmtime.Func)
    bits = int(operand[1:])
    dice = random.Random(name)
    for _ in range(60):
        args = [signed(dice.choice((*EDGES, dice.getrandbits(64))), bits) for _ in range(count)]
        assert Machine(View(module)).call(0, args) == [real(store, *args)], args


def test_control_and_memory_are_those_of_wasmtime() -> None:
    module = module_of(
        """(module (memory 1) (type $two (func (param i32) (result i32 i32)))
        (func $split (type $two) (i32.and (local.get 0) (i32.const 15))
          (i32.shr_u (local.get 0) (i32.const 4)))
        (func (export "f") (param i32 i32) (result i32) (local $i i32) (local $s i64)
          (block $out (loop $l
            (br_if $out (i32.ge_u (local.get $i) (i32.const 40)))
            (i32.store16 offset=2 (i32.shl (local.get $i) (i32.const 1)) (local.get 0))
            (call $split (i32.load16_s offset=2 (i32.shl (local.get $i) (i32.const 1))))
            (local.set 1 (i32.xor (local.get 1)))
            (block $c (block $b (block $a (br_table $a $b $c (i32.const 1)))
              (local.set $s (i64.const 1)))
              (local.set $s (i64.const 2)))
            (if (result i32) (i32.and (local.get $i) (i32.const 1))
              (then (i32.const 7)) (else (br_if $out (i32.gt_u (local.get $i) (i32.const 30)))
                (i32.const 9)))
            (local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 31))))
            (drop) (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $l)))
          (return (select (local.get 1) (i32.wrap_i64 (local.get $s)) (local.get 0)))))"""
    )
    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, module.data), [])
    real = instance.exports(store)["f"]
    assert isinstance(real, wasmtime.Func)
    for first in (0, 1, 77, -5, 123456789):
        assert Machine(View(module)).call(1, [first, 3]) == [real(store, first, 3)]


TABLE = """(module (memory $m {visible} 1)
  (func $build (param $poly i32) (local $i i32) (local $c i32) (local $k i32)
    (loop $o
      (local.set $c (local.get $i)) (local.set $k (i32.const 8))
      (loop $in
        (local.set $c (i32.xor (i32.shr_u (local.get $c) (i32.const 1))
          (i32.and (local.get $poly)
            (i32.sub (i32.const 0) (i32.and (local.get $c) (i32.const 1))))))
        (br_if $in (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
      (i32.store $m (i32.shl (local.get $i) (i32.const 2)) (local.get $c))
      (br_if $o (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16)))))
  (func $crc (param $v i32) (result i32)
    (i32.xor (i32.load $m (i32.shl (i32.and (local.get $v) (i32.const {mask})) (i32.const 2)))
      (i32.shr_u (local.get $v) (i32.const 4))))
  (func (export "config") (result i32)
    (call $build (i32.const 0xedb88320)) (call $crc (call $crc (i32.const 0x1234))))
  {extra})"""


def settled(text: str) -> Module:
    program = Program(module_of(text), Options(rlimit=200_000), lambda: None)
    program.settle(inlining=False)
    return program.module


def test_a_table_and_all_that_fills_it_become_a_number() -> None:
    made = settled(TABLE.format(visible="", mask=15, extra=""))
    assert made.memories == []
    assert len(made.functions) == 1
    assert made.body(0).instrs == [(0x41, -526174899), (0x0B,)]


@pytest.mark.parametrize(
    ("visible", "mask", "extra"),
    [
        ('(export "m")', 15, ""),
        ("", 31, ""),  # reads what it did not write
        ("", 15, '(func (export "peek") (param i32) (result i32) (i32.load $m (local.get 0)))'),
        ("", 15, '(func (export "size") (result i32) (memory.size $m))'),
    ],
)
def test_what_others_see_stays(visible: str, mask: int, extra: str) -> None:
    made = settled(TABLE.format(visible=visible, mask=mask, extra=extra))
    assert len(made.memories) == 1
    assert any(i[0] == 0x36 for f in range(len(made.functions)) for i in made.body(f).instrs)


CALLS = """(module (import "e" "h" (func $h)) (global $g (mut i32) (i32.const 1))
  (func $power (param $b i32) (param $n i32) (result i32) (local $r i32)
    (local.set $r (i32.const 1))
    (loop $l (if (local.get $n) (then
      (local.set $r (i32.mul (local.get $r) (local.get $b)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1))) {inside} (br $l))))
    (local.get $r))
  (func (export "set") (param i32) (global.set $g (local.get 0)))
  (func (export "f") (param i32) (result i32)
    (i32.add (call $power (i32.const 3) (i32.const 7)) (call $power (local.get 0) (i32.const 2))))
  (func (export "g") (result i32) (call $power (i32.const 2) (i32.const 10))))"""


def test_calls_with_constants_are_made_at_once() -> None:
    made = settled(CALLS.format(inside=""))
    assert made.body(len(made.functions) - 1).instrs == [(0x41, 1024), (0x0B,)]
    assert (0x41, 2187) in made.body(len(made.functions) - 2).instrs


@pytest.mark.parametrize(
    "inside",
    ["(call $h)", "(br_if $l (global.get $g))", "(drop (f32.add (f32.const 1) (f32.const 2)))"],
)
def test_what_may_differ_is_not_run(inside: str) -> None:
    made = settled(CALLS.format(inside=inside))
    assert any(i[0] == 0x10 for i in made.body(len(made.functions) - 1).instrs)


def test_endless_loops_are_given_up() -> None:
    view = View(module_of("(module (func (loop (br 0))))"))
    with pytest.raises(Undecided):
        Machine(view).call(0, [])


COUNT = """(module (memory (export "m") 1) (func (export "f") (param $x i32) (result i32)
  (local $i i32) (local $s i32)
  (loop $l
    (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 3)) (local.get {what})))
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {n}))))
  (local.get $s)))"""


def straight(turns: int, what: str = "i") -> bytes:
    """The body that a loop of so many turns amounts to."""
    total = 0
    for turn in range(turns):
        total = total * 3 + (turn if what == "i" else 0)
    return module_of(f"(module (func (param i32) (result i32) (i32.const {total})))").body_bytes(0)


def test_the_validator_runs_loops_turn_by_turn() -> None:
    data = module_of(COUNT.format(what="$i", n=9)).data
    assert Validator(data).check(0, straight(9)).status == "proven"
    for wrong in (8, 10):
        assert Validator(data).check(0, straight(wrong)).status != "proven"
    other = module_of(COUNT.format(what="$x", n=9)).data
    assert Validator(other).check(0, straight(9, "x")).status != "proven"


@pytest.mark.parametrize(
    "loop",
    [
        # Something leaves on the way, or waits behind a block within.
        "(block $o (loop $l (br_if $o (local.get 0)) (br_if $l (i32.lt_u (local.tee 1 (i32.add "
        "(local.get 1) (i32.const 1))) (i32.const 3)))) (local.set 2 (i32.const 5)))",
        "(loop $l (block $b (br_if $b (local.get 0)) (br_if $l (i32.lt_u (local.tee 1 (i32.add "
        "(local.get 1) (i32.const 1))) (i32.const 3)))) (local.set 2 (i32.add (local.get 2) "
        "(i32.const 5))))",
        "(loop $l (if (local.get 0) (then (local.set 2 (i32.const 7))) (else (br_if $l (i32.lt_u "
        "(local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 3))))))",
    ],
)
def test_what_leaves_a_turn_early_is_not_lost(loop: str) -> None:
    frame = "(module (func (param i32) (result i32) (local i32 i32) {} {}))"
    module = module_of(frame.format(loop, "(i32.add (local.get 1) (local.get 2))"))
    for answer in ("(i32.const 3)", "(i32.const 8)", "(i32.const 5)", "(i32.const 0)"):
        body = module_of(f"(module (func (param i32) (result i32) {answer}))").body_bytes(0)
        assert Validator(module.data).check(0, body).status != "proven"
