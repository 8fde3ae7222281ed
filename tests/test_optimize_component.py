"""Components: core modules are optimized in place, the rest does not move, and it still runs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import eqsat
import pytest
from eqsat.cli.main import main
from eqsat.optimize.errors import InputError
from eqsat.optimize.options import Options
from eqsat.wasm.component import core_modules, is_component, rewrap
from eqsat.wasm.errors import WasmError
from eqsat.wasm.leb import write_unsigned
from eqsat.wasm.module import Module
from eqsat.wasm.validate import validate
from hypothesis import given
from hypothesis import strategies as st

FOLDER = Path(__file__).resolve().parent / "components"
NESTED, SUM = ((FOLDER / f"{name}.wasm").read_bytes() for name in ("nested", "sum"))
OPTIONS = Options(cost="bytes", budget=None, max_iters=6, rlimit=500_000)
HEAD = b"\0asm\x0d\0\1\0"


def call(data: bytes, name: str, *arguments: Any) -> Any:  # noqa: ANN401
    """Call an export of a component in wasmtime."""
    import wasmtime
    from wasmtime import component

    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = component.Linker(engine)
    instance = linker.instantiate(store, component.Component(engine, data))
    function = instance.get_func(store, name)
    assert function is not None
    return function(store, *arguments)


def modules(data: bytes) -> list[bytes]:
    return [data[start:end] for start, end in core_modules(data)]


def section(identity: int, content: bytes, padding: int = 0) -> bytes:
    """A section; the size field gets `padding` bytes more than it needs."""
    size = write_unsigned(len(content))
    if padding:
        size = size[:-1] + bytes((size[-1] | 0x80,)) + b"\x80" * (padding - 1) + b"\0"
    return bytes((identity,)) + size + content


contents = st.recursive(
    st.lists(
        st.tuples(st.sampled_from((0, 2, 3, 5, 7)), st.binary(max_size=9), st.integers(0, 2))
        | st.tuples(st.just(1), st.binary(max_size=200), st.integers(0, 2)),
        max_size=3,
    ),
    lambda inner: st.lists(
        st.tuples(st.just(1), st.binary(max_size=200), st.integers(0, 2))
        | st.tuples(st.just(4), inner, st.integers(0, 2)),
        max_size=4,
    ),
    max_leaves=12,
)


def built(parts: Any, found: list[bytes]) -> bytes:  # noqa: ANN401
    out = HEAD
    for identity, content, padding in parts:
        if identity == 4:
            content = built(content, found)
        elif identity == 1:
            found.append(content)
        out += section(identity, content, padding)
    return out


@given(contents, st.data())
def test_rewrap_puts_modules_in_place_and_moves_nothing_else(parts: Any, data: Any) -> None:  # noqa: ANN401
    expected: list[bytes] = []
    source = built(parts, expected)
    assert modules(source) == expected
    assert rewrap(source, expected) == source
    new = [data.draw(st.just(one) | st.binary(max_size=300)) for one in expected]
    output = rewrap(source, new)
    assert modules(output) == new
    # Back again: the same but for padded sizes around what changed.
    assert modules(rewrap(output, expected)) == expected
    assert len(rewrap(output, expected)) <= len(source)
    with pytest.raises(ValueError, match="more"):
        rewrap(source, [*expected, b""])
    if expected:
        with pytest.raises(ValueError, match="fewer"):
            rewrap(source, expected[:-1])


@pytest.mark.parametrize(
    "data",
    [b"", b"\0asm\1\0\0\0", HEAD + b"\1\5ab", HEAD + section(4, HEAD + b"\1\x80"), HEAD + b"\1"],
)
def test_what_is_no_component_is_refused(data: bytes) -> None:
    with pytest.raises(WasmError):
        core_modules(data)


def test_nesting_ends() -> None:
    data = HEAD
    for _ in range(99):
        data = HEAD + section(4, data)
    assert core_modules(data) == []
    with pytest.raises(WasmError, match="nested"):
        core_modules(HEAD + section(4, data))


def test_nested_component() -> None:
    result = eqsat.optimize(NESTED, options=OPTIONS)
    assert is_component(result.output)
    assert len(result.output) < len(NESTED)
    assert [(one.module, one.name, one.status) for one in result.report.functions] == [
        (0, "double", "proven"),
        (1, "g", "proven"),
    ]
    old, new = modules(NESTED), modules(result.output)
    for before, after in zip(old, new, strict=True):
        validate(after)
        assert len(after) < len(before)
    assert rewrap(result.output, old) == NESTED
    for name in ("f", "g"):
        for argument in (0, 5, 2**32 - 1):
            assert call(result.output, name, argument) == call(NESTED, name, argument)


def test_component_of_wit_component() -> None:
    result = eqsat.optimize(SUM, options=OPTIONS)
    assert len(result.output) < len(SUM)
    assert {one.name for one in result.report.functions if one.status == "proven"} >= {"sum"}
    for numbers in ([], [7], [2**32 - 1, 1], list(range(1000))):
        assert call(result.output, "sum", numbers) == sum(numbers) % 2**32
    report = result.report
    assert report.file_bytes == (len(SUM), len(result.output))
    assert report.code_bytes[1] < report.code_bytes[0]
    assert report.differential.startswith("core module 0: ")


def test_twice_is_once() -> None:
    once = eqsat.optimize(NESTED, options=OPTIONS).output
    assert eqsat.optimize(once, options=OPTIONS).output == once


def test_entries_are_not_used() -> None:
    """A component refers to all exports of its core modules, whatever its own are called."""
    result = eqsat.optimize(NESTED, options=replace(OPTIONS, entry=("nothing",)))
    assert any("--entry" in warning for warning in result.report.warnings)
    assert call(result.output, "f", 5) == 40


def test_module_whose_interface_would_change_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eqsat.optimize.component._same_interface", lambda *_: False)
    result = eqsat.optimize(NESTED, options=OPTIONS)
    assert result.output == NESTED
    assert all(one.status != "proven" for one in result.report.functions)
    assert "core module 0: unchanged" in result.report.warnings[0]


def test_interfaces_are_compared() -> None:
    import wasmtime
    from eqsat.optimize.component import _same_interface

    def of(text: str) -> bytes:
        return bytes(wasmtime.wat2wasm(f"(module {text})"))

    full = of('(import "a" "b" (func)) (func (export "f") (param i32)) (memory (export "m") 1)')
    body = of('(import "a" "b" (func)) (func (export "f") (param i32) nop) (memory (export "m") 1)')
    assert _same_interface(full, body)
    for other in (
        of('(func (export "f") (param i32)) (memory (export "m") 1)'),
        of('(import "a" "b" (func)) (func (export "f") (param i64)) (memory (export "m") 1)'),
        of('(import "a" "b" (func)) (func (export "f") (param i32)) (memory (export "m") 2)'),
        of('(import "a" "b" (func)) (func (export "f") (param i32))'),
        of('(import "a" "c" (func)) (func (export "f") (param i32)) (memory (export "m") 1)'),
    ):
        assert not _same_interface(full, other)


def test_invalid_module_inside_is_named() -> None:
    (first, *_) = core_modules(NESTED)
    broken = bytearray(NESTED)
    broken[first[0] + 4] = 9
    with pytest.raises(InputError, match="core module 0") as caught:
        eqsat.optimize(bytes(broken), options=OPTIONS)
    assert caught.value.offset == first[0] + 4


def test_component_without_modules() -> None:
    result = eqsat.optimize(HEAD, options=OPTIONS)
    assert result.output == HEAD
    assert result.report.unchanged_reason == "a component without core modules"


def test_budget_is_shared() -> None:
    result = eqsat.optimize(SUM, options=Options(cost="bytes", budget=0.4))
    assert result.report.seconds < 2
    assert result.report.budget["seconds"] == 0.4
    assert len(result.output) <= len(SUM)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, report = tmp_path / "o.wasm", tmp_path / "r.json"
    words = ["opt", str(FOLDER / "nested.wasm"), "--cost", "bytes", "--max-iters", "6"]
    assert main([*words, "-o", str(target), "--report", str(report), "--stats"]) == 0
    assert "1:g" in capsys.readouterr().err
    assert call(target.read_bytes(), "f", 5) == 40
    assert [one["module"] for one in json.loads(report.read_text())["functions"]] == [0, 1]
    assert main([*words, "--diff"]) == 0
    assert "--- g (13 bytes)" in capsys.readouterr().out
    assert main([*words, "-S", "-o", "-"]) == 3
    assert "E0307" in capsys.readouterr().err
    assert main(["prove", str(FOLDER / "nested.wasm"), str(target)]) == 3


def test_modules_inside_are_ordinary_modules() -> None:
    for data in (NESTED, SUM):
        for module in modules(data):
            validate(module)
            assert Module.parse(module).code
