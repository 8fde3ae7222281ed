"""Loops that run once: found on the graph, gone from the code, proven; others stay."""

import pytest
import wasmtime
from eqsat.ir.check import check
from eqsat.ir.graph import Loop, walk
from eqsat.lowering import STYLES, emit, lower
from eqsat.verify.differential import explore
from eqsat.verify.validator import Validator
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

FRAME = """(module (import "e" "p" (func $p (param i32) (result i32)))
  (global $g (export "g") (mut i32) (i32.const 0))
  (func (export "f") (param i32 i32) (result i32) (local $x i32) (local $y i32) {body}))"""

DRIVE = """
  (local.set $x {entry})
  (block (loop
    (br_if 1 (i32.eqz (i32.and (local.get $x) (i32.const 15))))
    (local.set $x (call $p (local.get 0)))
    (br 0)))
  (i32.add (local.get 0) (local.get $x))"""

ONCE = {
    "exit": DRIVE.format(entry="(i32.const 0)"),
    "exit with payload": DRIVE.format(entry="(i32.shl (local.get 0) (i32.const 4))"),
    "masked": DRIVE.format(entry="(i32.and (local.get 0) (i32.const 0xf0))"),
    "at the end": """(local.set $x (i32.const 9))
      (loop (global.set $g (local.get 0))
        (local.set $x (i32.add (local.get $x) (i32.const 1)))
        (br_if 0 (i32.lt_s (local.get $x) (i32.const 5))))
      (local.get $x)""",
    "by a table": """(local.set $x (i32.const 2))
      (block $out (loop $l (block $a (block $b
        (br_table $l $a $b (local.get $x))) (br $out)) (br $l)))
      (local.get 0)""",
    "either arm leaves": """(local.set $x (i32.const 1))
      (block $out (loop $l
        (if (local.get 0) (then (local.set $y (i32.const 7))) (else (local.set $y (i32.const 8))))
        (br_if $out (local.get $x))
        (local.set $x (call $p (local.get $y))) (br $l)))
      (local.get $y)""",
}
MORE = {
    "unknown": DRIVE.format(entry="(local.get 0)"),
    "other code": DRIVE.format(entry="(i32.shl (local.get 0) (i32.const 3))"),
    "goes on": DRIVE.format(entry="(i32.const 2)"),
    "second turn": """(local.set $x (i32.const 3))
      (loop (local.set $x (i32.add (local.get $x) (i32.const 1)))
        (br_if 0 (i32.lt_s (local.get $x) (i32.const 5))))
      (local.get $x)""",
    "one arm goes round": """(local.set $x (i32.const 1))
      (block $out (loop $l
        (if (local.get 0) (then (local.set $y (i32.const 1))) (else (local.set $y (i32.const 0))))
        (local.set 0 (i32.const 1))
        (br_if $out (local.get $y))
        (br $l)))
      (local.get $x)""",
}


def module_of(body: str) -> Module:
    return Module.parse(bytes(wasmtime.wat2wasm(FRAME.format(body=body))))


def loops(module: Module) -> int:
    graph = lower(module, 1)
    check(graph)
    return sum(isinstance(node, Loop) for node in walk(graph.body))


@pytest.mark.parametrize("name", ONCE)
def test_it_is_gone_and_proven(name: str) -> None:
    module = module_of(ONCE[name])
    assert loops(module) == 0
    body = emit(lower(module, 1), STYLES[0]).body
    verdict = Validator(module.data).check(1, body)
    assert verdict.status == "proven", verdict.reason
    made = replace(module, {1: body}).data
    assert explore(module.data, made, seconds=3, seed=3, calls=60).difference is None


@pytest.mark.parametrize("name", MORE)
def test_it_stays(name: str) -> None:
    assert loops(module_of(MORE[name])) == 1


@pytest.mark.parametrize("name", MORE)
def test_the_validator_does_not_take_it_for_one_turn(name: str) -> None:
    """The body without its back edges is never taken for equal."""
    text = MORE[name]
    single = text.replace("(loop $l", "(block $l").replace("(loop", "(block")
    body = module_of(single).body_bytes(1)
    verdict = Validator(module_of(text).data).check(1, body, witness_seconds=1.0)
    assert verdict.status != "proven"
