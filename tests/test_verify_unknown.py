"""What the validator does not model: unknown with a reason, never proven, never a crash."""

import random

import pytest
import wasmtime
from eqsat.verify import modules
from eqsat.verify.differential import explore
from eqsat.verify.modules import prove_modules
from eqsat.wasm.errors import WasmError
from eqsat.wasm.validate import validate

BEYOND = {
    "shared memory": """(module (memory (export "m") 1 1 shared)
      (func (export "f") (result i32) (i32.add (i32.load (i32.const 0)) (i32.const {}))))""",
    "atomic load": """(module (memory (export "m") 1 1 shared)
      (func (export "f") (result i32) (i32.add (i32.atomic.load (i32.const 0)) (i32.const {}))))""",
    "atomic on a private memory": """(module (memory 1)
      (func (export "f") (param i32) (result i32)
       (i32.atomic.rmw.add (i32.const 0) (i32.const {}))))""",
    "atomic wait": """(module (memory 1 1 shared) (func (export "f") (result i32)
      (memory.atomic.notify (i32.const 0) (i32.const {}))))""",
    "fence": '(module (func (export "f") (result i32) atomic.fence i32.const {}))',
    "throw": """(module (tag $t (param i32)) (func (export "f") (param i32)
      local.get 0 if i32.const {} throw $t end))""",
    "try_table": """(module (tag $t) (func (export "f") (result i32)
      block $b try_table (catch $t $b) throw $t end end i32.const {}))""",
    "catch_all": """(module (import "h" "f" (func $h)) (func (export "f") (result i32)
      block $b try_table (catch_all $b) call $h end i32.const 0 return end i32.const {}))""",
    "throw_ref": """(module (tag $t) (func (export "f") (result i32) block $b (result exnref)
      try_table (catch_all_ref $b) throw $t end unreachable end drop i32.const {}))""",
    "struct": """(module (type $s (struct (field (mut i32)))) (func (export "f") (result i32)
      (struct.get $s 0 (struct.new $s (i32.const {})))))""",
    "array": """(module (type $a (array (mut i32))) (func (export "f") (result i32)
      (array.get $a (array.new $a (i32.const {}) (i32.const 3)) (i32.const 1))))""",
    "i31": """(module (func (export "f") (result i32) (i31.get_s (ref.i31 (i32.const {})))))""",
    "ref.test": """(module (func (export "f") (result i32)
      (i32.add (ref.test (ref i31) (ref.i31 (i32.const 1))) (i32.const {}))))""",
    "call_ref": """(module (type $t (func (result i32))) (func $g (type $t) i32.const {})
      (elem declare func $g) (func (export "f") (result i32) (call_ref $t (ref.func $g))))""",
    "br_on_null": """(module (type $t (func)) (func (export "f") (param (ref null $t))
      (result i32) block $b (br_on_null $b (local.get 0)) drop end i32.const {}))""",
    "recursive types": """(module (rec (type $a (struct (field (ref null $b))))
      (type $b (struct (field (ref null $a))))) (func (export "f") (result i32)
      (struct.get $a 0 (struct.new_default $a)) ref.is_null i32.const {} i32.add))""",
    "wide arithmetic": """(module (func (export "f") (param i64 i64) (result i64 i64)
      (i64.add128 (local.get 0) (local.get 1) (i64.const {}) (i64.const 0))))""",
    "relaxed SIMD": """(module (memory (export "m") 1) (func (export "f") (param i32)
      (v128.store (i32.const 0) (f32x4.relaxed_min (f32x4.splat (f32.convert_i32_s (local.get 0)))
       (v128.const f32x4 {} 2 3 4)))))""",
    "a table of 64 bits": """(module (table i64 4 funcref) (func (export "f") (result i64)
      (i64.add (table.size) (i64.const {}))))""",
    "a page size of its own": """(module (memory (export "m") 100 100 (pagesize 1))
      (func (export "f") (result i32) (i32.load offset={} (i32.const 90))))""",
    "memory of 64 bits": """(module (memory (export "m") i64 1) (func (export "f") (result i32)
      (i32.load offset={} (i64.const 65533))))""",
    "several tables": """(module (table $a 2 funcref) (table $b 2 funcref)
      (elem (table $a) (i32.const 0) func $x $y) (elem (table $b) (i32.const 0) func $y $x)
      (type $t (func (result i32))) (func $x (result i32) i32.const 7)
      (func $y (result i32) i32.const {}) (func (export "f") (param i32) (result i32)
      (call_indirect $a (type $t) (local.get 0)) (call_indirect $b (type $t) (local.get 0))
      i32.sub))""",
    "tail call": """(module
      (func $g (param i32) (result i32) (i32.add (local.get 0) (i32.const {})))
      (func (export "f") (param i32) (result i32) (return_call $g (local.get 0))))""",
    "indirect tail call": """(module (table 1 funcref) (elem (i32.const 0) $g)
      (type $t (func (param i32) (result i32)))
      (func $g (type $t) (i32.add (local.get 0) (i32.const {})))
      (func (export "f") (type $t) (return_call_indirect (type $t) (local.get 0)
       (i32.const 0))))""",
    "externref": """(module (table $t (export "t") 3 externref) (func (export "f") (param externref)
      (table.set $t (i32.const {}) (local.get 0))))""",
}
"""Texts with a place for a constant; the first ones have what is not modelled."""

WHOLLY_UNKNOWN = frozenset(list(BEYOND)[: list(BEYOND).index("relaxed SIMD")])
"""Of these not even a body with one more `nop` is proven."""


@pytest.fixture(autouse=True)
def short_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "WITNESS_CALLS", 120)


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


@pytest.mark.parametrize("name", BEYOND)
def test_what_differs_is_never_proven(name: str) -> None:
    a, b = (wasm(BEYOND[name].format(value)) for value in (1, 2))
    verdict = prove_modules(a, b)
    assert verdict.status != "proven"
    assert verdict.reason


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_beyond_is_unknown_with_a_reason(name: str) -> None:
    text = BEYOND[name].format(1)
    assert text.endswith("))")
    again = wasm(f"{text[:-2]} nop))")
    assert again != wasm(text)
    verdict = prove_modules(wasm(text), again)
    if name in WHOLLY_UNKNOWN:
        assert verdict.status == "unknown"
        assert verdict.reason
    assert verdict.status != "refuted", verdict.reason


@pytest.mark.parametrize("name", BEYOND)
def test_flipped_bits_crash_nothing_and_prove_nothing_wrong(name: str) -> None:
    data = wasm(BEYOND[name].format(1))
    source = random.Random(name)
    for _ in range(25):
        broken = bytearray(data)
        if source.random() < 0.2:
            del broken[source.randrange(8, len(broken)) :]
        for _ in range(source.randrange(1, 3)):
            broken[source.randrange(len(broken))] ^= 1 << source.randrange(8)
        verdict = prove_modules(data, bytes(broken))
        if verdict.status == "proven" and is_valid(bytes(broken)):
            found = explore(data, bytes(broken), seconds=5, seed=1, calls=60)
            assert found.difference is None


def is_valid(data: bytes) -> bool:
    try:
        validate(data)
    except WasmError:
        return False
    return True


def test_a_component_is_unknown() -> None:
    core = wasm("(module)")
    verdict = prove_modules(core, b"\0asm\x0d\0\1\0")
    assert verdict.status == "unknown"
    assert verdict.reason
