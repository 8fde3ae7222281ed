"""Folded text: it reads back as the same body, whatever folds and whatever cannot."""

from pathlib import Path

import pytest
from eqsat.wasm.module import Module
from eqsat.wasm.text import print_module
from eqsat.wasm.text_folded import local_ids, print_folded
from eqsat.wasm.text_in import assemble

PATH = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"


def folded_module(module: Module) -> str:
    """The module's text with every function in the folded format."""
    lines: list[str] = []
    function = module.imported_functions
    inside = False
    for line in print_module(module).splitlines():
        if line.startswith("  (func"):
            lines += print_folded(module, function)
            function += 1
            inside = True
        elif inside:
            inside = line != "  )"
        else:
            lines.append(line)
    return "\n".join(lines)


def bodies(module: Module) -> list[bytes]:
    own = range(module.imported_functions, len(module.functions))
    return [module.body_bytes(index) for index in own]


def check(module: Module) -> None:
    again = Module.parse(assemble(folded_module(module).encode()))
    assert bodies(again) == bodies(module)


def test_names_and_nesting() -> None:
    module = Module.parse(
        assemble(
            b"""(module (memory 1) (func $f (param $h i32) (param $base i32) (result i32)
              (if (result i32) (i32.and (i32.load offset=4 (i32.add (i32.mul (local.get $h)
                (i32.const 8)) (local.get $base))) (i32.const 15))
                (then (i32.load (local.get $base))) (else (i32.const -1)))))"""
        )
    )
    text = print_folded(module, 0)
    assert text[0] == "(func $f (type 0) (param $h i32) (param $base i32) (result i32)"
    assert "  (if (result i32)" in text
    assert "    (then" in text
    assert any("(i32.mul (local.get $h) (i32.const 8))" in line for line in text)
    assert text[-1] == ")"
    assert local_ids(module, 0) == {0: "$h", 1: "$base"}
    check(module)


@pytest.mark.parametrize(
    "body",
    [
        "(local i32 i64) local.get 0 call 1 i32.add",  # an operand below a call with two results
        "i32.const 1 nop i32.const 2 i32.add",  # a statement between the operands
        "i32.const 1 local.get 0 if (param i32) (result i32) i32.const 1 i32.add end",
        "block (result i32) i32.const 7 local.get 0 br_if 0 drop i32.const 8 end",
        "loop (result i32) local.get 0 i32.eqz br_if 0 i32.const 4 end",
        "unreachable i32.add drop i32.const 1",
        "local.get 0 if else nop end i32.const 3",
        "local.get 0 local.get 0 local.get 0 call_indirect (param i32 i32) (result i32)",
        "i32.const 0 i32.const 1 local.get 0 select return",
    ],
)
def test_reads_back_as_the_same_body(body: str) -> None:
    text = f"""(module (table 1 funcref) (func (param i32) (result i32) {body})
      (func (param i32) (result i32 i32) local.get 0 local.get 0))"""
    check(Module.parse(assemble(text.encode())))


def test_a_real_module_reads_back() -> None:
    check(Module.parse(PATH.read_bytes()))


def test_no_line_is_endless_and_deep_nests_need_no_stack() -> None:
    depth = 3_000
    text = "(module (func (param i32) " + "block " * depth + "end " * depth + "))"
    lines = print_folded(Module.parse(assemble(text.encode())), 0)
    assert len(lines) == depth + 2
    chain = "local.get 0 " + "i32.const 1 i32.add " * depth + "drop"
    lines = print_folded(Module.parse(assemble(f"(module (func (param i32) {chain}))".encode())), 0)
    assert max(len(line) for line in lines) < 200 + 2 * 60 + depth * 2


@pytest.mark.parametrize("name", ["ops_multi", "async_multi", "stream_bridge"])
def test_fused_modules_read_back(shared: Path, name: str) -> None:
    check(Module.parse((shared / "fused" / f"{name}.wasm").read_bytes()))
