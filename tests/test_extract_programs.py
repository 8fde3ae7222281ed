"""Random programs do the same after extraction, and the same bytes come out of every process."""

import hashlib
import os
import random
import subprocess
import sys

import pytest
import wasmtime
from eqsat.egraph import Engine
from eqsat.extract import apply, cost_model
from eqsat.ir.demand import simplify
from eqsat.lowering import STYLES, emit, lower
from eqsat.rules import book
from eqsat.tests.observed import observe  # runs as a script too
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

ROUNDS = 2
BINARY = (
    "add",
    "sub",
    "mul",
    "and",
    "or",
    "xor",
    "shl",
    "shr_s",
    "shr_u",
    "rotl",
    "rotr",
    "div_s",
    "div_u",
    "rem_s",
    "rem_u",
)
COMPARE = ("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u")
FLOAT = ("add", "sub", "mul", "div", "min", "max", "copysign")
CONSTANTS = [0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 63, 255, 65535, -1, -2, -8, 1 << 30]


ARGUMENTS = ((0, 0, 0), (1, 2, 3), (-1, 7, 65530), (5, -8, 12), (1 << 30, 33, -4))


class Writer:
    """Writes a random function body over i32, i64 and f64 locals."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.labels = 0

    def i32(self, depth: int) -> str:
        pick, source = self.source.random(), self.source
        if depth == 0 or pick < 0.2:
            if source.random() < 0.3:
                return f"(i32.const {source.choice(CONSTANTS)})"
            return f"(local.get {source.randrange(6)})"
        if pick < 0.55:
            return f"(i32.{source.choice(BINARY)} {self.i32(depth - 1)} {self.i32(depth - 1)})"
        if pick < 0.7:
            width = source.choice(("i32", "i64"))
            operand = self.i32 if width == "i32" else self.i64
            return f"({width}.{source.choice(COMPARE)} {operand(depth - 1)} {operand(depth - 1)})"
        if pick < 0.76:
            op = source.choice(("eqz", "clz", "ctz", "popcnt", "extend8_s", "extend16_s"))
            return f"(i32.{op} {self.i32(depth - 1)})"
        if pick < 0.8:
            return f"(i32.wrap_i64 {self.i64(depth - 1)})"
        if pick < 0.85:
            a, b, c = (self.i32(depth - 1) for _ in range(3))
            return f"(select {a} {b} {c})"
        if pick < 0.9:
            return f"(global.get ${source.choice('gh')})"
        op = source.choice(("load", "load8_u", "load8_s", "load16_u", "load16_s"))
        return f"(i32.{op} {self.address()})"

    def i64(self, depth: int) -> str:
        pick, source = self.source.random(), self.source
        if depth == 0 or pick < 0.2:
            if source.random() < 0.3:
                return f"(i64.const {source.choice(CONSTANTS)})"
            return f"(local.get {source.randrange(6, 8)})"
        if pick < 0.6:
            return f"(i64.{source.choice(BINARY)} {self.i64(depth - 1)} {self.i64(depth - 1)})"
        if pick < 0.75:
            return f"(i64.extend_i32_{source.choice('su')} {self.i32(depth - 1)})"
        if pick < 0.82:
            op = source.choice(("clz", "popcnt", "extend8_s", "extend32_s"))
            return f"(i64.{op} {self.i64(depth - 1)})"
        if pick < 0.88:
            return f"(i64.trunc_sat_f64_s {self.f64(depth - 1)})"
        op = source.choice(("load", "load8_u", "load32_s", "load32_u"))
        return f"(i64.{op} {self.address()})"

    def f64(self, depth: int) -> str:
        pick, source = self.source.random(), self.source
        if depth == 0 or pick < 0.3:
            return source.choice(("(f64.const -1.5)", "(f64.const 0)", "(local.get 8)"))
        if pick < 0.6:
            return f"(f64.{source.choice(FLOAT)} {self.f64(depth - 1)} {self.f64(depth - 1)})"
        if pick < 0.75:
            return f"(f64.{source.choice(('neg', 'abs', 'floor'))} {self.f64(depth - 1)})"
        return f"(f64.convert_i32_s {self.i32(depth - 1)})"

    def address(self) -> str:
        """An immediate and an address, mostly within the first bytes of memory."""
        source = self.source
        base = source.choice(
            (
                "(i32.const 16)",
                "(i32.const 20)",
                "(i32.and (local.get 0) (i32.const 31))",
                "(i32.add (i32.and (local.get 1) (i32.const 31)) (i32.const 8))",
                "(local.get 2)",
            )
        )
        return f"offset={source.choice((0, 0, 4, 8, 2))} {base}"

    def statement(self, depth: int) -> str:
        pick, source = self.source.random(), self.source
        if pick < 0.4:
            return f"(local.set {source.randrange(6)} {self.i32(3)})"
        if pick < 0.48:
            return f"(local.set {source.randrange(6, 8)} {self.i64(3)})"
        if pick < 0.52:
            return f"(local.set 8 {self.f64(2)})"
        if pick < 0.66:
            op = source.choice(("store", "store8", "store16"))
            return f"(i32.{op} {self.address()} {self.i32(2)})"
        if pick < 0.7:
            return f"(i64.store {self.address()} {self.i64(2)})"
        if pick < 0.75:
            return f"(global.set ${source.choice('gh')} {self.i32(2)})"
        if depth == 0:
            return "(nop)"
        if pick < 0.88:
            arms = f"(then {self.statements(depth - 1)}) (else {self.statements(depth - 1)})"
            return f"(if {self.i32(2)} {arms})"
        self.labels += 1
        label = f"$l{self.labels}"
        if pick < 0.95:
            inside = f"{self.statements(depth - 1)} (br_if {label} {self.i32(2)})"
            return f"(block {label} {inside} {self.statements(depth - 1)})"
        count = "(i32.and (i32.const 3) (local.tee 9 (i32.add (local.get 9) (i32.const 1))))"
        return f"(loop {label} {self.statements(depth - 1)} (br_if {label} {count}))"

    def statements(self, depth: int) -> str:
        return " ".join(self.statement(depth) for _ in range(self.source.randrange(1, 5)))


def program(seed: int) -> Module:
    writer = Writer(random.Random(seed))
    text = f"""(module (memory (export "m") 1)
      (global $g (export "g") (mut i32) (i32.const 5))
      (global $h (export "h") (mut i32) (i32.const 0))
      (data (i32.const 0) "\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a\\0b\\0c\\f1\\f2\\f3\\f4")
      (func (export "f") (param i32 i32 i32) (result i32)
        (local i32 i32 i32 i64 i64 f64 i32)
        {writer.statements(2)} {writer.statements(2)}
        (i32.xor {writer.i32(3)} (i32.wrap_i64 {writer.i64(2)}))))"""
    return Module.parse(bytes(wasmtime.wat2wasm(text)))


def rewritten(engine: Engine, source: Module, cost: str) -> list[bytes]:
    """The bodies after some rounds, in every style."""
    function = simplify(lower(source, 0))
    for _ in range(ROUNDS):
        found = engine.saturate([function])
        function = apply(function, found, 0, cost_model(cost), [65536])
    return [emit(function, style).body for style in STYLES]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(book.load().lines())


def compare(engine: Engine, seeds: range) -> None:
    for seed in seeds:
        source = program(seed)
        expected = observe(source.data, ARGUMENTS)
        cost = ("bytes", "fuel", "balanced")[seed % 3]
        for style, body in zip(STYLES, rewritten(engine, source, cost), strict=True):
            found = observe(replace(source, {0: body}).data, ARGUMENTS)
            assert found == expected, f"seed {seed}, {style.name}, cost {cost}"


@pytest.mark.parametrize("start", range(0, 120, 20))
def test_random_programs(engine: Engine, start: int) -> None:
    compare(engine, range(start, start + 20))


def test_condition_below_copies(engine: Engine) -> None:
    """A result that lay on the stack was taken from below a condition evaluated before it."""
    compare(engine, range(2_878, 2_879))


@pytest.mark.slow
def test_many_random_programs(engine: Engine) -> None:
    compare(engine, range(1_000, 3_000))


def digest() -> str:
    engine = Engine(book.load().lines())
    functions = [simplify(lower(program(seed), 0)) for seed in range(12)]
    found = engine.saturate(functions)
    seen = hashlib.sha256()
    for ordinal, function in enumerate(functions):
        new = apply(function, found, ordinal, cost_model("bytes"), [65536])
        seen.update(emit(new, STYLES[0]).body)
    return seen.hexdigest()


def test_every_process_gives_the_same_bytes() -> None:
    found = {digest()}
    for seed in ("0", "1", "12345"):
        run = subprocess.run(
            [sys.executable, __file__],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        found.add(run.stdout.strip())
    assert len(found) == 1


def test_company_in_a_batch_changes_nothing(engine: Engine) -> None:
    functions = [simplify(lower(program(seed), 0)) for seed in range(40, 48)]
    together = engine.saturate(functions)
    for ordinal, function in enumerate(functions):
        alone = engine.saturate([function])
        if alone.stopped == together.stopped == "saturated":
            bodies = [
                emit(apply(function, found, number, cost_model("bytes")), STYLES[0]).body
                for found, number in ((alone, 0), (together, ordinal))
            ]
            assert bodies[0] == bodies[1]


if __name__ == "__main__":
    print(digest())
