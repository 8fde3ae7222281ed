"""Bodies through the graph and back do the same, in every style, on a real engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime
from eqsat.ir.check import check
from eqsat.ir.demand import simplify
from eqsat.ir.graph import Function
from eqsat.lowering import STYLES, Style, Unsupported, emit, lower
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace
from eqsat.wasm.validate import validate

PROGRAMS = Path(__file__).parent / "programs"
FUEL = 1_000_000
EDGES = (0, 1, 2, 3, 4, 5, 7, 8, 31, 63, 64, 255, 65535, 65536, -1, -2, -8, 2**31 - 1, -(2**31))


def graphs(module: Module) -> Iterator[tuple[int, Function]]:
    for index in range(module.imported_functions, len(module.functions)):
        try:
            yield index, lower(module, index)
        except Unsupported:
            continue


def written(module: Module, style: Style) -> bytes:
    bodies = {}
    for index, graph in graphs(module):
        check(graph)
        graph = simplify(graph)
        check(graph)
        bodies[index] = emit(graph, style).body
    data = replace(module, bodies).data
    validate(data)
    return data


def behaviour(data: bytes) -> list[tuple[str, int, int, object]]:
    """Call every export of type (i32, i32) -> i32 on edge inputs; state carries over."""
    config = wasmtime.Config()
    config.consume_fuel = True
    store = wasmtime.Store(wasmtime.Engine(config))
    store.set_fuel(FUEL)
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
    found: list[tuple[str, int, int, object]] = []
    exports = instance.exports(store)
    for name, item in exports.items():
        if not isinstance(item, wasmtime.Func):
            continue
        for a in EDGES:
            for b in EDGES[::3]:
                store.set_fuel(FUEL)
                try:
                    outcome: object = item(store, a, b)
                except wasmtime.Trap:
                    outcome = "trap"
                found.append((str(name), a, b, outcome))
        for state in exports.values():
            if isinstance(state, wasmtime.Global):
                found.append((str(name), 0, 0, state.value(store)))
            elif isinstance(state, wasmtime.Memory):
                found.append((str(name), 0, 0, hash(bytes(state.read(store)))))
    return found


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)
def test_same_behaviour(style: Style) -> None:
    data = bytes(wasmtime.wat2wasm((PROGRAMS / "control.wat").read_text()))
    module = Module.parse(data)
    out = written(module, style)
    assert out != data
    assert behaviour(out) == behaviour(data)


def test_every_program_function_is_lowered() -> None:
    module = Module.parse(bytes(wasmtime.wat2wasm((PROGRAMS / "control.wat").read_text())))
    assert len(list(graphs(module))) == len(module.code)


@pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)
def test_corpus_stays_valid_and_smaller(shared: Path, style: Style) -> None:
    before = after = 0
    for path in sorted((shared / "corpus" / "wasm").glob("*.O0.wasm")):
        module = Module.parse(path.read_bytes())
        out = Module.parse(written(module, style))
        before += sum(end - start for start, end in module.code)
        after += sum(end - start for start, end in out.code)
    assert before > 0
    assert after < 0.5 * before


def body_of(text: str, style: Style = STYLES[0]) -> list[object]:
    """Optimise the first function of a module and return its instructions."""
    module = Module.parse(bytes(wasmtime.wat2wasm(text)))
    graph = simplify(lower(module, module.imported_functions))
    check(graph)
    data = replace(module, {module.imported_functions: emit(graph, style).body}).data
    validate(data)
    return [i[0] for i in Module.parse(data).body(module.imported_functions).instrs]


def test_constant_branch_folds() -> None:
    ops = body_of(
        """(module (func (export "f") (param i32) (result i32)
             (if (result i32) (i32.const 1) (then (local.get 0)) (else (i32.const 9)))))"""
    )
    assert ops == [0x20, 0x0B]


def test_loop_without_back_edge_goes() -> None:
    ops = body_of(
        """(module (func (export "f") (param i32) (result i32)
             (loop (local.set 0 (i32.add (local.get 0) (i32.const 1)))) (local.get 0)))"""
    )
    assert ops == [0x20, 0x41, 0x6A, 0x0B]


def test_unused_load_stays() -> None:
    ops = body_of(
        """(module (memory 1) (func (export "f") (param i32) (drop (i32.load (local.get 0)))))"""
    )
    assert ops == [0x20, 0x28, 0x1A, 0x0B]


def test_load_does_not_pass_a_global_write() -> None:
    ops = body_of(
        """(module (memory 1) (global (mut i32) (i32.const 0))
             (func (export "f") (param i32) (result i32) (local i32)
               (local.set 1 (i32.load (local.get 0)))
               (global.set 0 (i32.const 1))
               (local.get 1)))"""
    )
    assert ops.index(0x28) < ops.index(0x24)


def test_common_subexpression_is_computed_once() -> None:
    ops = body_of(
        """(module (func (export "f") (param i32 i32) (result i32)
             (i32.mul (i32.add (local.get 0) (local.get 1))
               (i32.add (local.get 0) (local.get 1)))))"""
    )
    assert ops.count(0x6A) == 1


def test_limits_have_reasons() -> None:
    many = "(nop) " * 20_001
    module = Module.parse(bytes(wasmtime.wat2wasm(f"(module (func {many}))")))
    with pytest.raises(Unsupported, match="instructions"):
        lower(module, 0)


def test_a_parameter_that_nothing_needs_does_not_keep_its_argument() -> None:
    text = """(module (func (export "f") (param i32) (result i32) (local $t i32) (local $a i32)
      (local $b i32)
      (local.set $b (i32.const 1))
      (loop $l
        (local.set $t (i32.add (local.get $a) (local.get $b)))
        (local.set $a (local.get $b))
        (local.set $b (local.get $t))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get $a)))"""
    module = Module.parse(bytes(wasmtime.wat2wasm(text)))
    for style in STYLES:
        data = replace(module, {0: emit(lower(module, 0), style).body}).data
        store = wasmtime.Store(wasmtime.Engine())
        instance = wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
        function = instance.exports(store)["f"]
        assert isinstance(function, wasmtime.Func)
        assert [function(store, n) for n in range(1, 8)] == [1, 1, 2, 3, 5, 8, 13]


def test_value_below_a_branch_stays_outside_the_if() -> None:
    # The load lies on the stack while the `br_if` is passed and is used behind it: the rest of the
    # block cannot become the arm of an `if`, which could not reach it.
    text = """(module (memory 1) (global $g (mut i32) (i32.const 0))
      (func (export "f") (param i32 i32) (result i32) (local $x i32) (local $y i32)
        (block $b
          (local.set $x (i32.load (local.get 0)))
          (global.set $g (i32.const 1))
          (br_if $b (local.get 1))
          (local.set $y (i32.rem_u (local.get $x) (i32.load (local.get 0)))))
        (local.get $y)))"""
    module = Module.parse(bytes(wasmtime.wat2wasm(text)))
    for style in STYLES:
        validate(replace(module, {0: emit(lower(module, 0), style).body}).data)


def test_a_passed_value_lies_below_all_of_the_condition() -> None:
    # Part of the condition is pushed long before the branch; the value that the branch passes has
    # to lie below that part too.
    text = """(module (memory 1) (func (export "f") (param i32) (result i64)
      (block $b (result i64)
        (drop (br_if $b (i64.const 5)
          (block (result i32)
            (i32.const 27)
            (i32.load16_s (local.get 0))
            (i32.store (local.get 0) (i32.const 9))
            (i32.xor)
            (i32.gt_u (local.get 0)))))
        (i64.extend_i32_u (local.get 0)))))"""
    module = Module.parse(bytes(wasmtime.wat2wasm(text)))
    for style in STYLES:
        validate(replace(module, {0: emit(lower(module, 0), style).body}).data)


def test_tables_end_with_the_last_entry_that_matters() -> None:
    text = """(module (func (param i32) (result i32)
      (block $d (block $b (block $a (br_table $a $b $a $d $d $d (local.get 0)))
        (return (i32.const 10))) (return (i32.const 20))) (i32.const 30)))"""
    module = Module.parse(bytes(wasmtime.wat2wasm(text)))
    body = emit(simplify(lower(module, 0)), STYLES[0]).body
    instrs = Module.parse(replace(module, {0: body}).data).body(0).instrs
    assert [(len(i[1]), i[2]) for i in instrs if i[0] == 0x0E] == [(3, 2)]
