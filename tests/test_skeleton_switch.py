"""Chains of tests that become tables, and those that do not."""

import pytest
import wasmtime
from eqsat.ir.check import check
from eqsat.ir.graph import BranchIf, BranchTable, If, walk
from eqsat.lowering import emit, lower
from eqsat.lowering.emit import STYLES
from eqsat.skeleton import tidy
from eqsat.verify.validator import Validator
from eqsat.wasm.module import Module

HEAD = """(module (import "h" "x" (func $x (param i32)))
  (func (export "f") (param $p i32) (param $q i32) (result i32) """


def asks(constant: int, value: str = "(local.get $p)") -> str:
    return f"(i32.eq {value} (i32.const {constant}))"


def arm(constant: int, number: int, value: str = "(local.get $p)") -> str:
    return f"(if {asks(constant, value)} (then (call $x (i32.const {number}))))"


def nested(constants: list[int]) -> str:
    text = "(i32.const 99)"
    for k, constant in enumerate(constants):
        text = f"(if (result i32) {asks(constant)} (then (i32.const {k})) (else {text}))"
    return text


END = " (i32.const 0)"
ROW = """(block $d (block $c (block $b (block $a
  (br_if $a (i32.eqz (local.get $p))) (br_if $b (i32.eq (local.get $p) (i32.const 1)))
  (br_if $c (i32.eq (local.get $p) (i32.const 2))) (br $d))
  (call $x (i32.const 1))) (call $x (i32.const 2))) (call $x (i32.const 3)))"""

TABLES = {
    "in a row": "".join(arm(k, k) for k in (1, 2, 3, 4)) + END,
    "far from zero": "".join(arm(k, k) for k in (-100, -99, -97)) + END,
    "nested": nested([3, 2, 1, 0]),
    "nested with a gap": nested([5, 2, 1, 0]),
    "branches": ROW + END,
    "one leaves": arm(1, 1)
    + f"(if {asks(2)} (then (return (i32.const 7))))"
    + arm(3, 3)
    + arm(4, 4)
    + END,
    "other ways to ask": "".join(
        f"(if {asked} (then (call $x (i32.const {k}))))"
        for k, asked in enumerate(
            (
                "(i32.eq (i32.const 1) (local.get $p))",
                "(i32.eqz (i32.sub (local.get $p) (i32.const 2)))",
                "(i32.eqz (i32.add (local.get $p) (i32.const -3)))",
                "(i32.eqz (i32.xor (local.get $p) (i32.const 4)))",
            )
        )
    )
    + END,
    "the value itself": arm(1, 1)
    + arm(2, 2)
    + "(if (local.get $p) (then) (else (call $x (i32.const 9))))"
    + END,
}

CHAINS = {
    "two": arm(1, 1) + arm(2, 2) + END,
    "sparse": "".join(arm(k, k) for k in (1, 1000, 2000)) + END,
    "two values": arm(1, 1) + arm(2, 2, "(local.get $q)") + arm(3, 3) + END,
    "something between": arm(1, 1) + arm(2, 2) + "(call $x (i32.const 8))" + arm(3, 3) + END,
    "the value changes": "".join(
        f"(if {asks(k)} (then (local.set $p (i32.const {k + 1}))))" for k in (1, 2, 3)
    )
    + "(local.get $p)",
}


@pytest.mark.parametrize("name", TABLES | CHAINS)
def test_chains(name: str) -> None:
    data = bytes(wasmtime.wat2wasm(f"{HEAD}{(TABLES | CHAINS)[name]}))"))
    new = tidy(lower(Module.parse(data), 1), [], fast=True)
    check(new)
    tables = sum(isinstance(node, BranchTable) for node in walk(new.body))
    assert tables == (name in TABLES)
    if tables:
        assert not any(isinstance(node, (If, BranchIf)) for node in walk(new.body))
        verdict = Validator(data).check(1, emit(new, STYLES[0]).body)
        assert verdict.status == "proven", verdict.reason
