"""What may stand where: no value before it is made, no trap lost, no trap moved."""

import pytest
import wasmtime
from eqsat.egraph import Engine
from eqsat.extract import apply, cost_model
from eqsat.ir.graph import Anchor, BranchIf, Function, If, Loop, walk
from eqsat.lowering import STYLES, emit, lower
from eqsat.rules import book
from eqsat.skeleton import tidy
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

VALUES = [0, 1, 2, 3, 8, 100, 65532, 65533, 70000, -1, -4, -(1 << 31)]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(book.load().lines())


def module(body: str) -> Module:
    text = f"""(module (memory (export "m") 1) (memory $n 1)
      (global $g (mut i32) (i32.const 0)) (global $h (mut i32) (i32.const 0))
      (data (i32.const 0) "\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a\\0b\\0c\\f1\\f2\\f3\\f4")
      (func $f (export "f") (param i32 i32 i32) (result i32) {body})
      (func $out (param i32) (result i32) (local.get 0)))"""
    return Module.parse(bytes(wasmtime.wat2wasm(text)))


MINIMUM = [65536, 65536]


def optimized(engine: Engine, source: Module, cost: str = "bytes") -> Function:
    function = tidy(lower(source, 0), MINIMUM)
    found = engine.saturate([function])
    return apply(function, found, 0, cost_model(cost), MINIMUM)


def outcomes(data: bytes) -> list[object]:
    """What the function does on many arguments, with the memory afterwards."""
    machine = wasmtime.Engine()
    compiled = wasmtime.Module(machine, data)
    found: list[object] = []
    for k, a in enumerate(VALUES):
        store = wasmtime.Store(machine)
        exports = wasmtime.Instance(store, compiled, []).exports(store)
        call, memory = exports["f"], exports["m"]
        assert isinstance(call, wasmtime.Func)
        assert isinstance(memory, wasmtime.Memory)
        for b in VALUES[k % 3 :: 3]:
            for c in (0, 1):
                try:
                    result: object = call(store, a, b, c)
                except wasmtime.Trap:
                    result = "trap"
                found.append((a, b, c, result, bytes(memory.read(store, 0, 128))))
    return found


def check(engine: Engine, body: str) -> Function:
    """Optimise, emit in every style, and compare what it does; return the new graph."""
    source = module(body)
    expected = outcomes(source.data)
    function = optimized(engine, source)
    for style in STYLES:
        new = replace(source, {0: emit(function, style).body})
        assert outcomes(new.data) == expected, style
    return function


def operations(function: Function) -> list[int]:
    """Opcodes of the anchors, in order."""
    return [node.op for node in walk(function.body) if isinstance(node, Anchor)]


LOAD, STORE, DIV_U, GLOBAL_GET = 0x28, 0x36, 0x6E, 0x23


def test_equal_loads_in_sibling_arms_keep_to_their_arms(engine: Engine) -> None:
    function = check(
        engine,
        """(if (result i32) (local.get 2)
          (then (i32.mul (i32.load (local.get 0)) (i32.const 3)))
          (else (i32.xor (i32.load (local.get 0)) (i32.const 5))))""",
    )
    assert operations(function) == [LOAD, LOAD]


def test_a_load_again_goes(engine: Engine) -> None:
    function = check(
        engine,
        """(local $t i32) (local.set $t (i32.load (local.get 0)))
        (if (local.get 2) (then (local.set $t (i32.mul (local.get $t) (i32.load (local.get 0))))))
        (i32.add (local.get $t) (i32.load (local.get 0)))""",
    )
    assert operations(function) == [LOAD]


def test_a_load_after_a_store_goes(engine: Engine) -> None:
    function = check(
        engine,
        """(i32.store offset=8 (local.get 0) (local.get 1))
        (i32.add (i32.load offset=8 (local.get 0)) (local.get 2))""",
    )
    assert operations(function) == [STORE]


def test_a_load_that_reaches_further_stays_for_its_trap(engine: Engine) -> None:
    function = check(
        engine,
        """(local $t i32) (local.set $t (i32.load8_u (local.get 0)))
        (drop (i32.load (local.get 0))) (local.get $t)""",
    )
    assert operations(function) == [0x2D, LOAD]


def test_an_unused_load_goes_only_where_it_cannot_trap(engine: Engine) -> None:
    assert operations(check(engine, "(drop (i32.load (local.get 0))) (local.get 1)")) == [LOAD]
    assert operations(check(engine, "(drop (i32.load (i32.const 65532))) (local.get 1)")) == []
    assert operations(check(engine, "(drop (i32.load (i32.const 65533))) (i32.const 1)")) == [LOAD]
    reach = "(drop (i32.load offset=4 (local.get 0))) (drop (i32.load (local.get 0)))"
    assert operations(check(engine, reach + "(local.get 1)")) == [LOAD]


def test_a_proof_of_bounds_from_a_sibling_arm_is_none(engine: Engine) -> None:
    function = check(
        engine,
        """(if (local.get 2) (then (i32.store (local.get 0) (local.get 1))))
        (drop (i32.load (local.get 0))) (local.get 1)""",
    )
    assert operations(function) == [STORE, LOAD]


def test_a_value_is_not_used_before_it_is_made(engine: Engine) -> None:
    """The sum is needed for the store before the load that gives the same number is reached."""
    function = check(
        engine,
        """(local $s i32)
        (local.set $s (i32.mul (i32.add (local.get 1) (local.get 2)) (i32.const 77)))
        (i32.store (i32.const 16) (local.get $s))
        (i32.store (i32.const 20) (i32.load (i32.const 16)))
        (i32.add (local.get $s) (i32.load (i32.const 20)))""",
    )
    assert operations(function) == [STORE, STORE]


def test_an_unsafe_division_keeps_its_anchor(engine: Engine) -> None:
    function = check(engine, "(i32.and (i32.div_u (local.get 0) (local.get 1)) (i32.const 0))")
    assert operations(function) == [DIV_U]


def test_a_division_by_a_constant_found_later_needs_none(engine: Engine) -> None:
    function = check(
        engine,
        """(i32.store (i32.const 16) (i32.const 8))
        (i32.div_u (local.get 0) (i32.load (i32.const 16)))""",
    )
    assert operations(function) == [STORE]


def test_the_same_division_again_goes(engine: Engine) -> None:
    function = check(
        engine,
        """(i32.xor (i32.div_s (local.get 0) (local.get 1))
        (i32.mul (i32.const 3) (i32.div_s (local.get 0) (local.get 1))))""",
    )
    assert operations(function) == [0x6D]


def test_a_condition_that_is_known_leaves_one_arm(engine: Engine) -> None:
    function = check(
        engine,
        """(i32.store (i32.const 16) (i32.const 8))
        (if (result i32) (i32.load (i32.const 16))
          (then (i32.load (local.get 0))) (else (call $out (local.get 1))))""",
    )
    assert operations(function) == [STORE, LOAD]
    assert not any(isinstance(node, If) for node in walk(function.body))


def test_a_condition_with_a_bit_that_is_set_is_known(engine: Engine) -> None:
    function = check(
        engine,
        """(block $b (br_if $b (i32.or (local.get 0) (i32.const 4)))
        (i32.store (local.get 0) (local.get 1))) (local.get 0)""",
    )
    assert operations(function) == []
    assert not any(isinstance(node, BranchIf) for node in walk(function.body))


def test_a_table_index_with_a_known_bit_is_not_taken_for_a_number(engine: Engine) -> None:
    check(
        engine,
        """(block $x (block $y (block $z
          (br_table $x $y $z (i32.or (local.get 0) (i32.const 2))))
          (return (i32.const 30))) (return (i32.const 20))) (i32.const 10)""",
    )


def test_a_loop_is_not_left_with_last_round_values(engine: Engine) -> None:
    function = check(
        engine,
        """(local $i i32) (local $s i32)
        (loop
          (local.set $s (i32.add (local.get $s) (i32.load (i32.and (local.get $i) (i32.const 60)))))
          (i32.store (i32.const 64) (local.get $s))
          (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (br_if 0 (i32.lt_u (local.get $i) (i32.and (local.get 0) (i32.const 63)))))
        (i32.add (i32.load (i32.const 64)) (i32.sub (local.get $i) (i32.const 4)))""",
    )
    assert any(isinstance(node, Loop) for node in walk(function.body))
    assert operations(function).count(LOAD) == 1


def test_nan_results_are_computed_once(engine: Engine) -> None:
    """Each addition that could give a NaN stays one addition, in the order of its operands."""
    function = check(
        engine,
        """(f64.store (i32.const 16) (f64.add (f64.load (i32.const 0)) (f64.load (i32.const 8))))
        (i32.wrap_i64 (i64.reinterpret_f64 (f64.load (i32.const 16))))""",
    )
    assert operations(function) == [0x2B, 0x2B, 0x39]


def test_cost_decides(engine: Engine) -> None:
    source = module("(i32.mul (local.get 0) (i32.const 8))")
    for cost in ("bytes", "fuel", "balanced"):
        assert operations(optimized(engine, source, cost)) == []


def test_nothing_to_do_returns_the_same_graph(engine: Engine) -> None:
    source = module("(call $out (local.get 0))")
    function = lower(source, 0)
    found = engine.saturate([function])
    assert apply(function, found, 0, cost_model("bytes")) is function
