"""Steps that contracts allow: taken with them, proven, and not one inch beyond."""

from collections.abc import Callable

import pytest
import wasmtime
from eqsat.optimize.options import Options
from eqsat.optimize.program import Program
from eqsat.program.contracts import context_slots, event_codes, waitable_sets
from eqsat.program.step import Step
from eqsat.program.view import View
from eqsat.wasm.module import Module
from eqsat.wasm.validate import validate

Propose = Callable[[View], Step | None]
HEAD = """(module
  (import "$root" "[waitable-set-new]" (func $new (result i32)))
  (import "$root" "[waitable-set-drop]" (func $drop (param i32)))
  (import "$root" "[waitable-set-poll]" (func $poll (param i32 i32) (result i32)))
  (import "$root" "[waitable-join]" (func $join (param i32 i32)))
  (import "$root" "[context-set-0]" (func $set (param i32)))
  (import "$root" "[context-get-0]" (func $get (result i32)))
  (import "$root" "[stream-read-0]x" (func $read (param i32 i32 i32) (result i32)))
  (import "env" "other" (func $other))
  (memory (export "mem") 1)
  """


def proposed(propose: Propose, body: str) -> tuple[Program, Step | None]:
    data = bytes(wasmtime.wat2wasm(HEAD + body + ")"))
    options = Options(rlimit=200_000, assume=("p3-async",))
    program = Program(Module.parse(data), options, lambda: None)
    return program, propose(program.view())


def taken(propose: Propose, body: str) -> set[int]:
    """The functions that the exported one calls after a step that must be there and proven."""
    program, step = proposed(propose, body)
    assert step is not None
    certificate, data = program.certify(step)
    assert certificate.status == "proven", certificate.reason
    validate(data)
    made = Module.parse(data)
    return {i[1] for i in made.body(len(made.functions) - 1).instrs if i[0] == 0x10}


def not_taken(propose: Propose, body: str) -> None:
    """Not proposed, or not proven."""
    program, step = proposed(propose, body)
    assert step is None or program.certify(step)[0].status != "proven"


RUN = '(func (export "run") (param i32) (result i32) (local $s i32) '


def test_a_set_that_goes_nowhere() -> None:
    body = (
        RUN + "(local.set $s (call $new)) (call $other) (call $drop (local.get $s)) (i32.const 1))"
    )
    assert taken(waitable_sets, body) == {7}
    assert taken(waitable_sets, RUN + "(drop (call $new)) (local.get 0))") == set()


@pytest.mark.parametrize(
    "use",
    [
        "(call $join (local.get 0) (local.get $s)) (call $drop (local.get $s)) (i32.const 1)",
        "(call $drop (local.get $s)) (call $drop (local.get $s)) (i32.const 1)",
        "(local.get $s)",
        "(i32.shl (local.get $s) (i32.const 4))",
        "(drop (call $poll (local.get $s) (i32.const 8))) (i32.const 1)",
        "(i32.store (i32.const 0) (local.get $s)) (i32.const 1)",
        "(if (local.get 0) (then (local.set $s (i32.const 3)))) (call $drop (local.get $s)) "
        "(i32.const 1)",
    ],
)
def test_a_set_that_goes_somewhere(use: str) -> None:
    not_taken(waitable_sets, RUN + f"(local.set $s (call $new)) {use})")


def test_a_slot_is_a_local() -> None:
    body = RUN + "(call $set (local.get 0)) (call $other) (i32.add (call $get) (i32.const 1)))"
    assert taken(context_slots, body) == {7}
    assert taken(context_slots, RUN + "(call $set (i32.const 8)) (local.get 0))") == set()


@pytest.mark.parametrize(
    "body",
    [
        # Read before it is written, by the same task.
        RUN + "(call $get) (call $set (local.get 0)))",
        # The callback of the task that goes on reads it.
        '(func (export "[callback]f") (param i32 i32 i32) (result i32) (call $get))'
        '(func (export "[async-lift]f") (param i32) (result i32) (call $set (local.get 0)) '
        "(i32.const 1))",
        "(func $inner (call $set (i32.const 4)))"
        + RUN
        + "(call $set (local.get 0)) (call $inner) (call $get))",
    ],
)
def test_a_slot_that_is_read_elsewhere(body: str) -> None:
    not_taken(context_slots, body)


EVENT = (
    RUN
    + "(drop (call $poll (i32.const 3) (i32.const 16))) {between}"
    + "(if (i32.eq (i32.load {offset} (i32.const 16)) (i32.const {code})) (then (call $other)))"
    + " (i32.const 0))"
)


def test_codes_that_nothing_can_create() -> None:
    assert taken(event_codes, EVENT.format(between="", offset="", code=4)) == {2}
    assert taken(event_codes, EVENT.format(between="", offset="", code=77)) == {2}


@pytest.mark.parametrize(
    ("between", "offset", "code"),
    [
        ("", "", 0),
        ("", "", 6),
        ("", "", 2),
        ("", "offset=4", 4),
        ("(call $other)", "", 4),
        ("(i32.store (i32.const 16) (local.get 0))", "", 4),
        ("(i32.store8 (local.get 0) (i32.const 4))", "", 4),
        ("(loop (call $other) (br_if 0 (local.get 0)))", "", 4),
    ],
)
def test_codes_that_may_be_there(between: str, offset: str, code: int) -> None:
    not_taken(event_codes, EVENT.format(between=between, offset=offset, code=code))


def test_nothing_without_the_contract() -> None:
    body = RUN + "(call $set (local.get 0)) (drop (call $new)) (i32.const 1))"
    data = bytes(wasmtime.wat2wasm(HEAD + body + ")"))
    program = Program(Module.parse(data), Options(rlimit=200_000), lambda: None)
    for propose in (context_slots, waitable_sets):
        step = propose(program.view())
        assert step is not None
        assert program.certify(step)[0].status != "proven"
    program.settle(inlining=True)
    calls = {
        i[1] for i in program.module.body(len(program.module.functions) - 1).instrs if i[0] == 0x10
    }
    assert len(calls) == 2


BUMP = """(module (memory $m 2) {extra}
  (global $next (mut i32) (i32.const 65540))
  (func (export "run") (param i32) (result i32) (local $h i32)
    (local.set $h (global.get $next))
    (i32.store $m offset={offset} (local.get $h) (local.get 0))
    (global.set $next (i32.add (local.get $h) (i32.const {step})))
    (local.get 0)))"""


def bump(offset: int = 0, step: int = 4, extra: str = "", promised: bool = True) -> bool:
    """Whether the store behind the bump pointer goes, proven."""
    text = BUMP.format(offset=offset, step=step, extra=extra)
    assume = ("no-exhaustion",) if promised else ()
    options = Options(rlimit=200_000, assume=assume)
    program = Program(Module.parse(bytes(wasmtime.wat2wasm(text))), options, lambda: None)
    program.settle(inlining=True)
    return not program.module.memories


def test_a_bump_pointer_stays_in_memory_if_promised() -> None:
    assert bump()
    assert bump(offset=4, step=8)
    assert not bump(promised=False)
    assert not bump(offset=4)
    assert not bump(offset=1)
    assert not bump(step=-4)
    assert not bump(step=0)
    assert not bump(extra='(func (export "set") (param i32) (global.set $next (local.get 0)))')
    assert not bump(extra='(export "next" (global $next))')
    assert not bump(extra='(func (export "get") (result i32) (i32.load (i32.const 65540)))')
