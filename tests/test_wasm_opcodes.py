"""The opcode table: every row complete, and every row with fixed types true in wasmtime."""

from collections.abc import Mapping

import pytest
from eqsat.wasm.body import decode_body, encode_body, encode_instrs, instr_size
from eqsat.wasm.immediates import READERS, WRITERS
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import (
    ACCESS_BYTES,
    BY_NAME,
    EFFECTS,
    IMMEDIATE_KINDS,
    OPCODES,
    ROWS,
    Opcode,
)
from eqsat.wasm.rewrite import write_func_type
from eqsat.wasm.text import print_instr
from eqsat.wasm.text_in import assemble
from eqsat.wasm.types import NUMBER_NAMES, FuncType, ValType
from eqsat.wasm.validate import validate

TYPES = {"i32", "i64", "f32", "f64", "v128", "ref", "addr"}
CODES: Mapping[str, ValType] = {name: code for code, name in NUMBER_NAMES.items()} | {"addr": 0x7F}

SAMPLES: dict[str, tuple[object, ...]] = {
    "i32": (-5,),
    "i64": (1 << 40,),
    "f32": (0x3FC00000,),
    "f64": (0x3FF8000000000000,),
    "v128": (0x0F0E0D0C0B0A09080706050403020100,),
    "memory": (0,),
    "data": (0,),
    "lane": (1,),
    "lanes": (tuple(range(16, 32)),),
    "zero": (0,),
}


def test_codes_and_names_are_unique() -> None:
    assert len(ROWS) == len(OPCODES) == len(BY_NAME)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row_has_every_column(row: Opcode) -> None:
    assert row.name
    assert row.proposal
    assert row.effect in EFFECTS
    assert row.cost >= 0
    assert set(row.immediates) <= IMMEDIATE_KINDS.keys()
    for types in (row.operands, row.results):
        assert types is None or set(types) <= TYPES
    if row.commutative:
        assert row.operands is not None
        assert row.operands[-1] == row.operands[-2]
        assert row.effect == "pure"
    assert ("memarg" in row.immediates) == (row.code in ACCESS_BYTES)


def test_every_kind_of_immediate_has_reader_and_writer() -> None:
    assert READERS.keys() == WRITERS.keys() == IMMEDIATE_KINDS.keys()


def is_concrete(row: Opcode) -> bool:
    """Whether a function around the one instruction can be made from the row alone."""
    types = (*(row.operands or ()), *(row.results or ()))
    return (
        row.operands is not None
        and row.results is not None
        and "ref" not in types
        and row.effect not in ("control", "table", "gc", "global.get", "global.set", "local")
    )


CONCRETE = [row for row in ROWS if is_concrete(row)]


def sample(row: Opcode) -> tuple[object, ...]:
    instr: tuple[object, ...] = (row.code,)
    for kind in row.immediates:
        if kind == "memarg":
            instr += (ACCESS_BYTES[row.code].bit_length() - 1, 16, 0)
        else:
            instr += SAMPLES[kind]
    return instr


def module_around(row: Opcode, instr: tuple[object, ...]) -> bytes:
    """Make a module of one function whose type is the instruction's."""
    params = tuple(CODES[name] for name in row.operands or ())
    results = tuple(CODES[name] for name in row.results or ())
    kind = write_func_type(FuncType(params, results))
    body = encode_body((), [*((0x20, at) for at in range(len(params))), instr, (0x0B,)])
    sections = [
        (1, b"\x01" + kind),
        (3, b"\x01\x00"),
        (5, b"\x01\x03\x01\x01"),
        (12, b"\x01"),
        (10, b"\x01" + bytes((len(body),)) + body),
        (11, b"\x01\x01\x01x"),
    ]
    packed = (bytes((identity, len(payload))) + payload for identity, payload in sections)
    return b"\0asm\1\0\0\0" + b"".join(packed)


def test_most_rows_are_concrete() -> None:
    assert len(CONCRETE) > 480


@pytest.mark.parametrize("row", CONCRETE, ids=lambda row: row.name)
def test_wasmtime_agrees_with_the_types_of_the_row(row: Opcode) -> None:
    instr = sample(row)
    binary = module_around(row, instr)
    validate(binary)
    assert Module.parse(binary).body(0).instrs[-2] == instr
    assert instr_size(instr) == len(encode_instrs([instr]))


@pytest.mark.parametrize("row", CONCRETE, ids=lambda row: row.name)
def test_wasmtime_reads_the_printed_row(row: Opcode) -> None:
    instr = sample(row)
    text = f'(module (memory 1 1 shared) (data "x") (func {print_instr(instr)}))'
    module = Module.parse(assemble(text.encode()))
    assert module.body(0).instrs == [instr, (0x0B,)]


def test_natural_alignments_are_the_largest_that_wasmtime_takes() -> None:
    for code, size in ACCESS_BYTES.items():
        row = OPCODES[code]
        lane = (0,) if "lane" in row.immediates else ()
        align = size.bit_length() - 1
        validate(module_around(row, (code, align, 0, 0, *lane)))
        with pytest.raises(ValueError, match=r"alignment"):
            validate(module_around(row, (code, align + 1, 0, 0, *lane)))


def test_effects_of_the_numeric_rows() -> None:
    traps = {row.name for row in ROWS if row.effect == "trap" and row.operands != ("ref",)}
    divisions = {f"{t}.{op}_{s}" for t in ("i32", "i64") for op in ("div", "rem") for s in "su"}
    truncations = {
        f"{t}.trunc_{f}_{s}" for t in ("i32", "i64") for f in ("f32", "f64") for s in "su"
    }
    assert traps == divisions | truncations


def test_decoding_a_body_of_every_concrete_row() -> None:
    instrs = [*map(sample, CONCRETE), (0x0B,)]
    raw = encode_body([(3, 0x7F), (1, 0x7B)], instrs)
    body = decode_body(raw, 0, len(raw))
    assert body.instrs == instrs
    assert body.runs == ((3, 0x7F), (1, 0x7B))
    assert body.locals == [0x7F, 0x7F, 0x7F, 0x7B]
