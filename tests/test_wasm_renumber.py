"""Renumbering: the same module where nothing goes, a consistent one where something does."""

import hashlib
from pathlib import Path

import pytest
import wasmtime
from eqsat.wasm.indices import Changes, Dangling, Indices, compacted, without
from eqsat.wasm.module import Module
from eqsat.wasm.names import read_names
from eqsat.wasm.renumber import renumber
from eqsat.wasm.types import I64, FuncType
from eqsat.wasm.validate import validate

ROOT = Path(__file__).resolve().parent.parent


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


RICH = wat(
    """(module
      (type $a (func (param i32) (result i32)))
      (type $b (func))
      (import "env" "gone" (func $gone (param i32)))
      (import "env" "kept" (func $kept (param i32) (result i32)))
      (memory $m0 1) (memory $m1 (export "m") 1)
      (global $g0 (mut i32) (i32.const 3)) (global $g1 (mut i64) (i64.const 9))
      (table $t0 2 funcref) (table $t1 (export "t") 3 funcref)
      (elem (table $t0) (i32.const 0) func $dead)
      (elem (table $t1) (i32.const 1) func $live)
      (data (memory $m0) (i32.const 0) "zero") (data (memory $m1) (i32.const 4) "one")
      (func $dead (type $a) (local.get 0) (call $gone) (i32.const 1))
      (func $live (type $a) (param $named i32) (result i32)
        (global.set $g1 (i64.const 5))
        (i32.store $m1 offset=8 (i32.const 0) (call $kept (local.get $named)))
        (i32.load $m1 (i32.const 4)))
      (func $run (export "run") (param i32) (result i32)
        (call_indirect $t1 (type $a) (local.get 0) (i32.const 1))))"""
)


def test_nothing_changes_under_identity() -> None:
    for path in sorted((ROOT / "examples").glob("*.wasm")):
        module = Module.parse(path.read_bytes())
        made = Module.parse(renumber(module, Indices.same(module), version=None).data)
        defined = range(module.imported_functions, len(module.functions))
        assert [made.body_bytes(f) for f in defined] == [module.body_bytes(f) for f in defined]
        assert (made.exports, made.imports, made.functions) == (
            module.exports,
            module.imports,
            module.functions,
        )
        assert len(made.data) <= len(module.data)


def dropped() -> tuple[Module, Indices]:
    module = Module.parse(RICH)
    same = Indices.same(module)
    return module, Indices(
        functions=without(same.functions, {0, 2}),
        tables=without(same.tables, {0}),
        memories=without(same.memories, {0}),
        globals=without(same.globals, {0}),
        types=compacted([kind == module.types[0] for kind in module.types]),
        elements=without(same.elements, {0}),
        datas=without(same.datas, {0}),
        tags=same.tags,
    )


def test_everything_follows() -> None:
    module, indices = dropped()
    rewritten = renumber(module, indices)
    validate(rewritten.data)
    made = Module.parse(rewritten.data)
    assert [one.name for one in made.imports] == ["kept"]
    assert (len(made.functions), len(made.tables), len(made.memories)) == (3, 1, 1)
    assert (len(made.globals), len(made.types)) == (1, 1)
    assert [element.functions for element in made.elements] == [[1]]
    assert {one.name: one.index for one in made.exports} == {"m": 0, "t": 0, "run": 2}
    names = read_names(made)
    assert names.functions == {0: "kept", 1: "live", 2: "run"}
    assert names.locals[1] == {0: "named"}
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    kept = wasmtime.Func(
        store,
        wasmtime.FuncType([wasmtime.ValType.i32()], [wasmtime.ValType.i32()]),
        lambda x: x + 1,
    )
    instance = wasmtime.Instance(store, wasmtime.Module(engine, rewritten.data), [kept])
    assert instance.exports(store)["run"](store, 41) == int.from_bytes(b"one\0", "little")  # type: ignore[operator]
    memory = instance.exports(store)["m"]
    assert isinstance(memory, wasmtime.Memory)
    assert memory.read(store, 8, 12) == (42).to_bytes(4, "little")


@pytest.mark.parametrize("kind", ["functions", "memories", "globals", "tables", "types"])
def test_what_is_used_cannot_go(kind: str) -> None:
    module = Module.parse(RICH)
    same = Indices.same(module)
    parts = {name: getattr(same, name) for name in Indices.__dataclass_fields__}
    last = len(parts[kind]) - 1
    used = {"functions": 3, "memories": 1, "globals": 1, "tables": 1, "types": 0}[kind]
    parts[kind] = without(parts[kind], {min(used, last)})
    with pytest.raises(Dangling):
        renumber(module, Indices(**parts))


def test_new_bodies_types_and_exports() -> None:
    module = Module.parse(RICH)
    body = bytes.fromhex("00 42 07 0b")
    changes = Changes(
        bodies={4: body},
        types={4: len(module.types)},
        new_types=(FuncType((), (I64,)),),
        exports={"run"},
    )
    made = Module.parse(renumber(module, Indices.same(module), changes).data)
    validate(made.data)
    assert made.function_type(4) == FuncType((), (I64,))
    assert [one.name for one in made.exports] == ["run"]
    assert made.body_bytes(4) == body


def test_provenance_follows(shared: Path) -> None:
    """The section's hash and ranges describe the new module."""
    data = (shared / "fused" / "ops_multi.wasm").read_bytes()
    module = Module.parse(data)
    removed = 30
    same = Indices.same(module)
    functions = without(same.functions, {removed})
    named = {one.name for one in module.exports if (one.kind, one.index) != ("func", removed)}
    trapping = bytes.fromhex("00 00 0b")
    changes = Changes(bodies={f: trapping for f in range(41)}, exports=named)
    parts = {name: getattr(same, name) for name in Indices.__dataclass_fields__}
    made = Module.parse(
        renumber(module, Indices(**{**parts, "functions": functions}), changes).data
    )
    section = next(one for one in made.sections if one.name == "component-provenance")
    content = made.data[section.payload_start : section.end]
    assert content[:5] == b"SCPV\3"
    assert content[7:39] == hashlib.sha256(made.data[: section.start]).digest()
    before = next(one for one in module.sections if one.name == "component-provenance")
    count = int.from_bytes(module.data[before.payload_start + 39 :][:4], "little")
    assert int.from_bytes(content[39:43], "little") in (count, count - 1)
