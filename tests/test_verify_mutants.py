"""Mutants of random functions: what wasmtime tells apart must never be proven equal."""

import random
from collections.abc import Callable

import pytest
import wasmtime
from eqsat.verify.differential import Exploration, explore
from eqsat.verify.modules import prove_modules
from eqsat.verify.reader import read_module
from eqsat.verify.validator import Validator, Verdict

HEAD = """(module
 (import "host" "f" (func $f (param i32) (result i32)))
 (import "host" "g" (func $g (param i32 i32)))
 (memory (export "m") 1 2) (memory $n (export "n") 1)
 (global $a (export "a") (mut i32) (i32.const 5)) (global $b (export "b") (mut i64) (i64.const 7))
 (data (i32.const 0) "abcdefghijklmnopqrstuvwxyz0123456789\\ff\\fe\\80\\7f\\00\\01")
 (func $p (param i32) (result i32)
   (i32.store offset=64 (i32.and (local.get 0) (i32.const 60)) (local.get 0))
   (global.set $a (i32.add (global.get $a) (i32.const 1)))
   (i32.mul (local.get 0) (i32.const 3)))
 (func (export "t") (param i32 i32 i64) (result i32) (local i32 i32 i64)
"""
BINARY = ["add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr"]
BINARY += ["div_s", "div_u", "rem_s", "rem_u"]
COMPARE = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"]
LOADS = ["i32.load", "i32.load8_u", "i32.load8_s", "i32.load16_u", "i32.load16_s"]
STORES = ["i32.store", "i32.store8", "i32.store16"]
CONSTANTS = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 255, 65535, 65532, -1, -2, -8, 2**31 - 1]


class Writer:
    """Random structured code as a list of tokens, one instruction each."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.code: list[str] = []
        self.loops = 0

    def put(self, *instructions: str) -> None:
        self.code += instructions

    def value(self, depth: int) -> None:
        """An i32 on the stack."""
        r = self.random
        match r.randrange(14) if depth else r.randrange(4):
            case 0 | 1:
                self.put(f"local.get {r.choice([0, 1, 3, 4])}")
            case 2:
                self.put(f"i32.const {r.choice(CONSTANTS)}")
            case 3:
                self.put("global.get $a")
            case 4 | 5 | 6:
                self.value(depth - 1)
                self.value(depth - 1)
                self.put(f"i32.{r.choice(BINARY[:11] if r.random() < 0.9 else BINARY)}")
            case 7:
                self.value(depth - 1)
                self.value(depth - 1)
                self.put(f"i32.{r.choice(COMPARE)}")
            case 8:
                self.value(depth - 1)
                self.put("i32." + r.choice(["eqz", "clz", "ctz", "popcnt", "extend8_s"]))
            case 9 | 10:
                self.address(depth - 1)
                memory = r.choice(["0", "0", "$n"])
                self.put(f"{r.choice(LOADS)} {memory} offset={r.choice([0, 0, 1, 2, 4, 8])}")
            case 11:
                self.value(depth - 1)
                self.value(depth - 1)
                self.value(depth - 1)
                self.put("select")
            case 12:
                self.value(depth - 1)
                self.put(r.choice(["call $f", "call $p"]))
            case 13:
                self.long(depth - 1)
                self.put("i32.wrap_i64")

    def long(self, depth: int) -> None:
        """An i64 on the stack."""
        r = self.random
        match r.randrange(5) if depth else r.randrange(2):
            case 0:
                self.put(f"local.get {r.choice([2, 5])}")
            case 1:
                self.put(r.choice(["global.get $b", f"i64.const {r.choice(CONSTANTS)}"]))
            case 2:
                self.value(depth - 1)
                self.put("i64.extend_i32_" + r.choice("su"))
            case 3 | 4:
                self.long(depth - 1)
                self.long(depth - 1)
                self.put(f"i64.{r.choice(BINARY[:11])}")

    def address(self, depth: int) -> None:
        self.value(depth)
        if self.random.random() < 0.7:
            self.put("i32.const 28", "i32.and")

    def statements(self, depth: int, count: int) -> None:
        for _ in range(count):
            self.statement(depth)

    def statement(self, depth: int) -> None:
        r = self.random
        match r.randrange(11) if depth else r.randrange(6):
            case 0 | 1:
                self.value(2)
                self.put(f"local.set {r.choice([0, 1, 3, 4])}")
            case 2:
                self.long(2)
                self.put(f"local.set {r.choice([2, 5])}")
            case 3 | 4:
                self.address(1)
                self.value(2)
                memory = r.choice(["0", "0", "$n"])
                self.put(f"{r.choice(STORES)} {memory} offset={r.choice([0, 0, 1, 2, 4, 8])}")
            case 5:
                self.value(1)
                self.put("global.set $a")
            case 6 | 7:
                self.value(2)
                self.put("if")
                self.statements(depth - 1, r.randrange(1, 3))
                if r.random() < 0.5:
                    self.put("else")
                    self.statements(depth - 1, r.randrange(1, 3))
                self.put("end")
            case 8:
                self.put("block")
                self.statements(depth - 1, 1)
                self.value(2)
                self.put("br_if 0")
                self.statements(depth - 1, r.randrange(1, 3))
                self.put("end")
            case 9:
                self.value(1)
                self.value(1)
                self.put("call $g")
            case 10:
                # Ends: the counter only grows, and the body cannot change it.
                self.put("loop")
                self.statements(0, r.randrange(1, 3))
                counter = f"i32.load 0 offset={1024 + 8 * self.loops}"
                self.put(f"i32.const {8 * self.loops}", f"i32.const {8 * self.loops}", counter)
                self.put("i32.const 1", "i32.add", f"i32.store 0 offset={1024 + 8 * self.loops}")
                self.put(f"i32.const {8 * self.loops}", counter, "i32.const 9", "i32.lt_u")
                self.loops += 1
                self.put("br_if 0", "end")

    def function(self) -> list[str]:
        self.statements(2, self.random.randrange(2, 6))
        self.value(2)
        return self.code


def mutate(code: list[str], source: random.Random) -> list[str]:
    """One small change that keeps the types (the result may still be invalid or equal)."""
    result = list(code)
    for _ in range(20):
        at = source.randrange(len(code))
        words = code[at].split()
        new = list(words)
        prefix, _, operation = words[0].partition(".")
        if operation in BINARY:
            new[0] = f"{prefix}.{source.choice(BINARY)}"
        elif operation in COMPARE:
            new[0] = f"{prefix}.{source.choice(COMPARE)}"
        elif operation == "const":
            value = int(words[1])
            new[1] = str(source.choice([value + 1, value ^ 1, source.choice(CONSTANTS)]))
        elif operation in ("get", "set") and words[1] in "0134":
            new[1] = source.choice("0134")
        elif words[0] in LOADS:
            new[0] = source.choice(LOADS)
        elif words[0] in STORES:
            choice = source.random()
            if choice < 0.3:
                result[at] = "drop drop"
                return result
            new[0] = source.choice(STORES)
        elif words[0] == "call" and words[1] in ("$f", "$p"):
            new[1] = "$p" if words[1] == "$f" else "$f"
        elif words[0] == "i32.eqz":
            new[0] = "i32.ctz"
        elif words[0] == "global.set" and source.random() < 0.5:
            new = ["drop"]
        if len(words) > 2 and source.random() < 0.4:
            new[-1] = f"offset={source.choice([0, 1, 2, 4, 8])}"
        if new != words:
            result[at] = " ".join(new)
            return result
    return result


def assemble(code: list[str]) -> bytes | None:
    try:
        return bytes(wasmtime.wat2wasm(HEAD + "\n".join(code) + "))"))
    except wasmtime.WasmtimeError:
        return None


def judge(a: bytes, b: bytes) -> Verdict:
    old, new = read_module(a), read_module(b)
    index = old.imported_functions + 1
    return Validator(a).check(index, new.bodies[1], rlimit=60_000, query_rlimit=30_000)


def run(a: bytes, b: bytes, calls: int) -> Exploration:
    return explore(a, b, seconds=3, seed=5, calls=calls)


def survey(seeds: range, calls: int, report: Callable[[str], None] = print) -> dict[str, int]:
    """Judge one mutant per seed; fails on the first one that is proven and yet differs."""
    counts = {"proven": 0, "unknown": 0, "different": 0, "same": 0}
    for seed in seeds:
        code = Writer(seed).function()
        mutant = mutate(code, random.Random(seed))
        a, b = assemble(code), assemble(mutant)
        if a is None or b is None or a == b:
            continue
        verdict = judge(a, b)
        assert verdict.status in ("proven", "unknown")
        counts[verdict.status] += 1
        explored = run(a, b, calls if verdict.status == "proven" else 12)
        counts["same" if explored.difference is None else "different"] += 1
        if verdict.status == "proven" and explored.difference is not None:
            changed = [f"{x} -> {y}" for x, y in zip(code, mutant, strict=True) if x != y]
            report("\n".join(code))
            pytest.fail(f"seed {seed}: proven, but {changed}: {explored.difference}")
    return counts


def test_mutants_that_differ_are_not_proven() -> None:
    counts = survey(range(250), 40)
    assert counts["different"] > 60  # the mutants are worth something
    assert counts["proven"] > 10  # and so is the validator


@pytest.mark.slow
def test_many_mutants() -> None:
    survey(range(1000, 6000), 150)


@pytest.mark.parametrize("seed", range(5))
def test_a_module_equals_itself_with_a_nop(seed: int) -> None:
    code = Writer(seed).function()
    a, b = assemble(code), assemble([*code, "nop"])
    assert a is not None
    assert b is not None
    assert prove_modules(a, b).status == "proven"
