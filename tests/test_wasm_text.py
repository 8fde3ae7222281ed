"""Text out: numbers keep their bits, names stay apart, what is printed is read back the same."""

import struct

import pytest
from eqsat.wasm.module import Module
from eqsat.wasm.text import function_ids, print_body, print_instr, print_instrs, print_module
from eqsat.wasm.text_in import assemble
from eqsat.wasm.text_values import text_f32, text_f64, text_id, text_string, text_v128
from hypothesis import given, settings
from hypothesis import strategies as st

bits32 = st.integers(0, (1 << 32) - 1)
bits64 = st.integers(0, (1 << 64) - 1)
SPECIAL_32 = [0, 1 << 31, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000]
NANS_32 = [0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF]
SPECIAL_64 = [0, 1 << 63, 1, 0x000FFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000]
NANS_64 = [0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, (1 << 64) - 1]


def constants(name: str, texts: list[str]) -> list[object]:
    """Assemble one constant for each text; returns their immediates."""
    lines = "".join(f"{name}.const {text} drop\n" for text in texts)
    body = Module.parse(assemble(f"(module (func {lines}))".encode())).body(0)
    return [instr[1] for instr in body.instrs if len(instr) == 2]


@settings(deadline=None)
@given(st.lists(bits32, min_size=20, max_size=200))
def test_every_32_bit_float_keeps_its_bits(bits: list[int]) -> None:
    bits = bits + SPECIAL_32 + NANS_32
    assert constants("f32", [text_f32(one) for one in bits]) == bits


@settings(deadline=None)
@given(st.lists(bits64, min_size=20, max_size=200))
def test_every_64_bit_float_keeps_its_bits(bits: list[int]) -> None:
    bits = bits + SPECIAL_64 + NANS_64
    assert constants("f64", [text_f64(one) for one in bits]) == bits


def test_vectors_keep_their_bits() -> None:
    bits = [0, 1, (1 << 128) - 1, 0x0F0E0D0C0B0A09080706050403020100]
    assert constants("v128", [text_v128(one) for one in bits]) == bits


def test_short_floats_are_written_short() -> None:
    assert text_f32(struct.unpack("<I", struct.pack("<f", 0.1))[0]) == "0.1"
    assert text_f64(struct.unpack("<Q", struct.pack("<d", -2.5))[0]) == "-2.5"
    assert text_f32(0x80000000) == "-0"


@pytest.mark.parametrize(
    ("instr", "text"),
    [
        ((0x41, -1), "i32.const -1"),
        ((0x28, 2, 0, 0), "i32.load"),
        ((0x28, 0, 4, 0), "i32.load offset=4 align=1"),
        ((0x28, 2, 0, 3), "i32.load 3"),
        ((0x02, None), "block"),
        ((0x02, 0x7F), "block (result i32)"),
        ((0x04, ("type", 4)), "if (type 4)"),
        ((0x0E, (0, 1), 2), "br_table 0 1 2"),
        ((0x11, 3, 0), "call_indirect (type 3)"),
        ((0x11, 3, 1), "call_indirect 1 (type 3)"),
        ((0x1C, (0x70,)), "select (result funcref)"),
        ((0xFC0008, 5, 1), "memory.init 1 5"),
        ((0xFC000A, 0, 1), "memory.copy 0 1"),
        ((0xD0, -16), "ref.null func"),
        ((0xFB0015, 3), "ref.test (ref null 3)"),
        ((0xFB0018, 1, 0, -18, -20), "br_on_cast 0 (ref null any) (ref i31)"),
        ((0x1F, None, ((0, 1, 0), (3, 2))), "try_table (catch 1 0) (catch_all_ref 2)"),
        ((0xFD0054, 0, 1, 0, 7), "v128.load8_lane offset=1 7"),
        ((0xFE0003, 0), "atomic.fence"),
    ],
)
def test_one_instruction(instr: tuple[object, ...], text: str) -> None:
    assert print_instr(instr) == text


def test_nesting_is_indented() -> None:
    instrs = [(0x03, None), (0x20, 0), (0x04, None), (0x01,), (0x05,), (0x01,), (0x0B,), (0x0B,)]
    assert print_instrs(instrs) == [
        "loop",
        "  local.get 0",
        "  if",
        "    nop",
        "  else",
        "    nop",
        "  end",
        "end",
    ]


def test_bodies_use_names_of_functions() -> None:
    text = b'(module (func $a) (func $"b c" call $a call $"b c"))'
    module = Module.parse(assemble(text))
    assert print_body(module, 1) == ["call $a", 'call $"b c"']
    assert print_body(module, 1, {}) == ["call 0", "call 1"]


def test_names_that_two_functions_share_are_not_used() -> None:
    text = b'(module (func $a (@name "x")) (func $b (@name "x")) (func $c))'
    assert function_ids(Module.parse(assemble(text))) == {2: "$c"}


@pytest.mark.parametrize("name", ["f", "a b", 'quo"te', "back\\slash", "ü", "(;", "\n", "0", "$"])
def test_any_name_is_an_identifier(name: str) -> None:
    module = Module.parse(assemble(f"(module (func {text_id(name)}))".encode()))
    assert function_ids(module) == {0: text_id(name)}
    assert print_module(Module.parse(assemble(print_module(module).encode()))) == print_module(
        module
    )


@given(st.binary())
def test_strings_keep_their_bytes(raw: bytes) -> None:
    text = f"(module (memory 1) (data {text_string(raw)}))"
    module = Module.parse(assemble(text.encode()))
    assert module.data[module.datas[0].start : module.datas[0].end] == raw
