"""The validator's operator semantics, concrete and Z3, against wasmtime on boundary values."""

import itertools
import random
from collections.abc import Callable

import pytest
import wasmtime
import z3  # type: ignore[import-untyped]
from eqsat.verify import concrete, z3ops

EDGES = {
    "i32": [0, 1, 2, 31, 32, 33, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1234_5678],
    "i64": [0, 1, 63, 64, 65, 0xFFFF_FFFF, 1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1],
    "f32": [
        0,
        1 << 31,
        0x3F80_0000,
        0x3FC0_0000,
        0xC020_0000,
        0x7F80_0000,
        0xFF80_0000,
        1,
        0x7F7F_FFFF,
        0x4F00_0000,
        0xCF00_0001,
        0x3F00_0000,
        0x7F_FFFF,
    ],
    "f64": [
        0,
        1 << 63,
        0x3FF0 << 48,
        0x4004 << 48,
        0xBFE0 << 48,
        0x7FF0 << 48,
        0xFFF0 << 48,
        1,
        0x7FEF_FFFF_FFFF_FFFF,
        0x41E0 << 48,
        0x43E0 << 48,
        0x36A0 << 48,
        0x47EF_FFFF_F000_0000,
    ],
}
RANDOM = random.Random(7)
for _name, _values in EDGES.items():
    _values += [RANDOM.getrandbits(int(_name[1:])) for _ in range(4)]


def signature(name: str) -> tuple[list[str], str]:
    """Parameter types and result type of a scalar operator."""
    prefix, _, operation = name.partition(".")
    if name == "select":
        return ["i32", "i32", "i32"], "i32"
    if operation in concrete.COMPARISONS:
        return [prefix] * (1 if operation == "eqz" else 2), "i32"
    for source in ("i32", "i64", "f32", "f64"):
        if f"_{source}" in operation:
            return [source], prefix
    unary = ("clz", "ctz", "popcnt", "abs", "neg", "sqrt", "ceil", "floor", "trunc", "nearest")
    one = operation in unary or operation.startswith("extend")
    return [prefix] * (1 if one else 2), prefix


@pytest.fixture(scope="module")
def engine_call() -> Callable[[str, tuple[int, ...]], int | None]:
    """Run one operator in wasmtime on bit patterns; ``None`` for a trap."""
    lines = []
    for name in concrete.OPERATORS:
        params, result = signature(name)
        ints = " ".join("i64" if p.endswith("64") else "i32" for p in params)
        back = f"i{result[1:]}"
        gets = []
        for i, p in enumerate(params):
            gets.append(f"local.get {i}")
            if p[0] == "f":
                gets.append(f"{p}.reinterpret_i{p[1:]}")
        out = f"i{result[1:]}.reinterpret_{result}" if result[0] == "f" else ""
        body = " ".join([*gets, name, out])
        lines.append(f'(func (export "{name}") (param {ints}) (result {back}) {body})')
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, f"(module {' '.join(lines)})")
    exports = wasmtime.Instance(store, module, []).exports(store)

    def call(name: str, args: tuple[int, ...]) -> int | None:
        params, result = signature(name)
        ints = [concrete.signed(a, int(p[1:])) for a, p in zip(args, params, strict=True)]
        function = exports[name]
        assert isinstance(function, wasmtime.Func)
        try:
            value: int = function(store, *ints)
        except wasmtime.Trap:
            return None
        return value & ((1 << int(result[1:])) - 1)

    return call


def vectors(name: str, limit: int = 160) -> list[tuple[int, ...]]:
    combinations = list(itertools.product(*(EDGES[p] for p in signature(name)[0])))
    if len(combinations) <= limit:
        return combinations
    return random.Random(name).sample(combinations, limit)


@pytest.mark.parametrize("name", sorted(concrete.OPERATORS))
def test_concrete_agrees_with_wasmtime(
    name: str, engine_call: Callable[[str, tuple[int, ...]], int | None]
) -> None:
    _params, result = signature(name)
    for args in vectors(name):
        expected = engine_call(name, args)
        assert concrete.traps(name, args) == (expected is None), args
        if expected is None:
            continue
        got = concrete.evaluate(name, args)
        if result[0] == "f" and name not in concrete.BITWISE_FLOAT:
            width = int(result[1:])
            if concrete.is_nan(expected, width):
                assert concrete.is_nan(got, width) or "reinterpret" in name, args
                continue
        assert got == expected, (args, hex(got), hex(expected))


@pytest.mark.parametrize("name", sorted(n for n in concrete.OPERATORS if z3ops.is_exact(n)))
def test_z3_agrees_with_concrete(name: str) -> None:
    context = z3.Context()
    widths = [int(p[1:]) for p in signature(name)[0]]
    for args in vectors(name, 40):
        terms = [z3.BitVecVal(a, w, context) for a, w in zip(args, widths, strict=True)]
        value = z3.simplify(z3ops.apply(name, terms))
        assert value.as_long() == concrete.evaluate(name, args), args
        trap = z3ops.trap_condition(name, terms)
        assert concrete.traps(name, args) == (trap is not None and z3.is_true(z3.simplify(trap)))


def test_every_integer_operator_is_exact() -> None:
    inexact = {n for n in concrete.OPERATORS if n[0] == "i" and not z3ops.is_exact(n)}
    assert inexact == {n for n in concrete.OPERATORS if n[0] == "i" and "trunc" in n}


def test_float_comparisons_are_related() -> None:
    context = z3.Context()
    a, b = (z3.BitVec(n, 32, context) for n in "ab")
    solver = z3.Solver(ctx=context)
    solver.add(z3ops.apply("f32.gt", (a, b)) != z3ops.apply("f32.lt", (b, a)))
    assert solver.check() == z3.unsat
    solver = z3.Solver(ctx=context)
    solver.add(z3ops.apply("f32.le", (a, b)) == z3ops.apply("f32.gt", (a, b)))
    assert solver.check() == z3.sat  # both are false on NaN


def test_uninterpreted_values_are_stable() -> None:
    assert concrete.pseudo_random("x", (1, 2), 32) == concrete.pseudo_random("x", (1, 2), 32)
    assert concrete.pseudo_random("x", (1, 2), 64) != concrete.pseudo_random("y", (1, 2), 64)
