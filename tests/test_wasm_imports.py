"""Imports in the compact form: read as if each stood for itself, by the validator too."""

import eqsat
import pytest
import wasmtime
from eqsat.optimize.options import Options
from eqsat.verify.frame import check_frame
from eqsat.verify.reader import read_module
from eqsat.wasm.errors import WasmError
from eqsat.wasm.leb import write_unsigned
from eqsat.wasm.module import Module

TEXT = """(module
  (import "e" "m" (memory 1))
  (import "e" "g" (global i32))
  (import "e" "f" (func $f (param i32) (result i32)))
  (import "e" "h" (func $h (param i32) (result i32)))
  (import "x" "k" (func $k (param i32) (result i32)))
  (func $unused (param i32) (result i32) (call $h (local.get 0)))
  (func (export "run") (param i32) (result i32)
    (i32.mul (call $k (i32.add (call $f (local.get 0)) (i32.const 0))) (i32.const 8))))"""


def name(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def compact(*entries: bytes) -> bytes:
    """The module with other bytes for its imports."""
    data = bytes(wasmtime.wat2wasm(TEXT))
    module = Module.parse(data)
    section = next(s for s in module.sections if s.id == 2)
    payload = bytes([len(entries)]) + b"".join(entries)
    head = data[: section.start] + b"\x02" + write_unsigned(len(payload)) + payload
    return head + data[section.end :]


FUNC = b"\x00\x00"
EACH = (
    name("e") + name("") + b"\x7f\x04" + name("m") + b"\x02\x00\x01" + name("g") + b"\x03\x7f\x00"
    + name("f") + FUNC + name("h") + FUNC
)  # fmt: skip
ALIKE = name("e") + name("") + b"\x7e" + FUNC + b"\x02" + name("f") + name("h")
PLAIN = name("x") + name("k") + FUNC

FORMS = {
    "a type for each": (EACH, PLAIN),
    "one type for all": (
        name("e") + name("m") + b"\x02\x00\x01",
        name("e") + name("g") + b"\x03\x7f\x00",
        ALIKE,
        PLAIN,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_compact_imports_are_read_one_by_one(form: str) -> None:
    plain = Module.parse(bytes(wasmtime.wat2wasm(TEXT)))
    data = compact(*FORMS[form])
    found = Module.parse(data)
    assert found.imports == plain.imports
    assert found.functions == plain.functions
    assert (found.memories, found.globals) == (plain.memories, plain.globals)
    ours, theirs = read_module(data), read_module(plain.data)
    assert ours.imports == theirs.imports
    assert ours.functions == theirs.functions
    assert (ours.memories, ours.globals) == (theirs.memories, theirs.globals)


@pytest.mark.parametrize("form", FORMS)
def test_modules_with_compact_imports_are_optimized(form: str) -> None:
    data = compact(*FORMS[form])
    options = Options(cost="bytes", max_iters=4, max_nodes=5_000, rlimit=500_000)
    result = eqsat.optimize(data, options=options)
    assert result.report.counts()["proven"] >= 1
    assert not check_frame(result.output, result.output)
    left = [(one.module, one.name) for one in Module.parse(result.output).imports]
    assert ("e", "f") in left
    assert ("x", "k") in left
    kept = eqsat.optimize(data, options=Options(only=("no such",))).output
    assert kept == data


@pytest.mark.parametrize("cut", range(1, 12))
def test_cut_off_or_wrong_compact_imports_are_refused(cut: int) -> None:
    with pytest.raises(WasmError):
        Module.parse(compact(EACH[:-cut], PLAIN))
    with pytest.raises(WasmError):
        Module.parse(compact(name("e") + name("") + b"\x7e" + b"\x09\x00\x01" + name("f")))
