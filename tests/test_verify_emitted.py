"""What lowering emits for real code is proven; mutants of it that differ are not.

Loops with hints are in here: a wrong relation between loop heads, or a hint taken on trust, would
show as a proven mutant that wasmtime tells apart from its original.
"""

import random
from pathlib import Path

import pytest
import wasmtime
from eqsat.ir.demand import simplify
from eqsat.lowering import STYLES, Unsupported, emit, lower
from eqsat.verify import differential, machine
from eqsat.verify.reader import read_module
from eqsat.verify.relation import Hints, LoopHint
from eqsat.verify.validator import Validator
from eqsat.wasm.body import decode_body, encode_body
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

I32_BINARY = list(range(0x6A, 0x79))
I32_COMPARE = list(range(0x46, 0x50))
I32_LOADS = [0x28, 0x2C, 0x2D, 0x2E, 0x2F]
I32_STORES = [0x36, 0x3A, 0x3B]
GROUPS = [I32_BINARY, I32_COMPARE, I32_LOADS, I32_STORES, list(range(0x7C, 0x8B))]


def emitted(module: Module, index: int, style: int) -> tuple[bytes, Hints] | None:
    try:
        emission = emit(simplify(lower(module, index)), STYLES[style])
    except Unsupported:
        return None
    hints = (LoopHint(n, loop, places) for n, (loop, places) in enumerate(emission.hints))
    return emission.body, Hints(tuple(hints))


def mutate(body: bytes, source: random.Random) -> bytes:
    """Change one instruction into another of the same type."""
    decoded = decode_body(body, 0, len(body))
    code = list(decoded.instrs)
    for _ in range(50):
        at = source.randrange(len(code))
        op, *rest = code[at]
        new = code[at]
        for group in GROUPS:
            if op in group:
                new = (source.choice(group), *rest)
        if op == 0x41:
            value = rest[0]
            assert isinstance(value, int)
            new = (op, max(-(2**31), min(2**31 - 1, value + source.choice([-1, 1, 4]))))
        elif op in (0x20, 0x21, 0x22):
            used = sorted({i[1] for i in code if i[0] in (0x20, 0x21, 0x22)}, key=str)
            new = (op, source.choice(used))
        elif op in (0x0C, 0x0D) and source.random() < 0.5:
            depth = rest[0]
            assert isinstance(depth, int)
            new = (op, max(0, depth + source.choice([-1, 1])))
        if new != code[at]:
            code[at] = new
            break
    return encode_body(decoded.runs, code)


def is_valid(data: bytes) -> bool:
    try:
        wasmtime.Module.validate(machine.make_engine(), data)
    except wasmtime.WasmtimeError:
        return False
    return True


def survey(files: list[Path], mutants: int, calls: int) -> dict[str, int]:
    """Judge mutants of every emitted function; fails if one is proven and yet differs."""
    counts = {"emitted": 0, "unproven": 0, "proven": 0, "unknown": 0}
    for file in files:
        data = file.read_bytes()
        module, validator = Module.parse(data), Validator(data)
        first = module.imported_functions
        for index in range(first, first + len(read_module(data).bodies)):
            found = emitted(module, index, index % 4)
            if found is None:
                continue
            body, hints = found
            verdict = validator.check(index, body, hints=hints)
            counts["emitted"] += 1
            counts["unproven"] += verdict.status != "proven"
            source = random.Random(f"{file.name} {index}")
            for _ in range(mutants):
                mutant = mutate(body, source)
                output = replace(module, {index: mutant}).data
                if not is_valid(output):
                    continue
                verdict = validator.check(
                    index, mutant, hints=hints, rlimit=60_000, query_rlimit=30_000
                )
                counts[verdict.status] += 1
                if verdict.status == "proven":
                    found_ = differential.compare(data, output, seconds=2, seed=1, calls=calls)
                    assert found_ is None, f"{file.name} {index}: proven, but {found_}"
    return counts


@pytest.fixture
def much_fuel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs of the corpus take longer than what a bounded run allows."""
    monkeypatch.setattr(machine, "FUEL", 30_000_000)
    monkeypatch.setattr(differential, "FUEL", 30_000_000)


@pytest.mark.usefixtures("much_fuel")
def test_emitted_bodies_are_proven_and_mutants_are_not(shared: Path) -> None:
    names = ["alloc.O1", "crc32.Oz", "blur.O2", "queue.O2", "bits.O0", "utf8.Oz"]
    files = [shared / f"corpus/wasm/{n}.wasm" for n in names]
    counts = survey([f for f in files if f.is_file()], 12, 6)
    assert counts["emitted"] >= 5
    assert counts["unproven"] == 0
    assert counts["unknown"] > 20


@pytest.mark.slow
@pytest.mark.usefixtures("much_fuel")
def test_many_emitted_mutants(shared: Path) -> None:
    files = sorted((shared / "corpus/wasm").glob("*.wasm"))
    counts = survey(files, 40, 10)
    assert counts["unproven"] <= counts["emitted"] // 100
