"""Bodies: whatever is encoded is decoded again, by the fast way and by the slow one."""

from typing import Any

import pytest
from eqsat.wasm.body import (
    MAX_LOCALS,
    decode_body,
    decode_instr,
    decode_instrs,
    encode_body,
    encode_instrs,
    instr_offsets,
    instr_size,
    instrs_size,
)
from eqsat.wasm.errors import WasmError
from eqsat.wasm.opcodes import ROWS, Opcode
from eqsat.wasm.types import HEAP_NAMES, ONE_BYTE_TYPES
from hypothesis import given
from hypothesis import strategies as st

END = (0x0B,)
u32 = st.integers(0, (1 << 32) - 1) | st.integers(0, 3)
u64 = st.integers(0, (1 << 64) - 1) | st.integers(0, 3)
byte = st.integers(0, 255)
heap_types = st.sampled_from([code - 0x80 for code in HEAP_NAMES]) | u32
value_types = st.sampled_from(sorted(ONE_BYTE_TYPES)) | st.tuples(
    st.sampled_from((0x63, 0x64)), heap_types
)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) | st.integers(-70, 70)


def raw(size: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << 8 * size) - 1)


catches = st.tuples(st.sampled_from((0, 1)), u32, u32) | st.tuples(st.sampled_from((2, 3)), u32)

IMMEDIATES: dict[str, list[st.SearchStrategy[Any]]] = {
    "i32": [signed(32)],
    "i64": [signed(64)],
    "f32": [raw(4)],
    "f64": [raw(8)],
    "v128": [raw(16)],
    "blocktype": [st.none() | value_types | st.tuples(st.just("type"), u32)],
    "labels": [st.lists(u32, max_size=3).map(tuple), u32],
    "memarg": [st.integers(0, 63), u64, u32],
    "lane": [byte],
    "lanes": [st.tuples(*[byte] * 16)],
    "types": [st.lists(value_types, max_size=3).map(tuple)],
    "heaptype": [heap_types],
    "cast": [st.integers(0, 3), u32, heap_types, heap_types],
    "catches": [st.lists(catches, max_size=3).map(tuple)],
    "zero": [st.just(0)],
}


def instr_of(row: Opcode) -> st.SearchStrategy[tuple[Any, ...]]:
    parts = [part for kind in row.immediates for part in IMMEDIATES.get(kind, [u32])]
    return st.tuples(st.just(row.code), *parts)


instrs = st.lists(st.sampled_from(ROWS).flatmap(instr_of), max_size=12)


@given(instrs)
def test_what_is_encoded_is_decoded(found: list[tuple[Any, ...]]) -> None:
    found = [*found, END]
    data = b"??" + encode_instrs(found) + b"?"
    assert decode_instrs(data, 2, len(data) - 1) == found
    offsets = instr_offsets(data, 2, len(data) - 1)
    position = 2
    for instr, offset in zip(found, offsets, strict=True):
        assert offset == position
        assert decode_instr(data, position, len(data) - 1) == (instr, position + instr_size(instr))
        position += instr_size(instr)
    assert instrs_size(found) == len(data) - 3


@given(st.binary(max_size=60))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    body, offset = None, 0
    try:
        body = decode_body(data, 0, len(data))
    except WasmError as error:
        offset = error.offset
    if body is None:
        assert 0 <= offset <= len(data)
        return
    again = encode_body(body.runs, body.instrs)
    assert decode_body(again, 0, len(again)) == body
    assert len(again) <= len(data)


@given(instrs, st.data())
def test_cut_bodies_raise_nothing_else(found: list[tuple[Any, ...]], data: st.DataObject) -> None:
    whole = encode_body((), [*found, END])
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        body = decode_body(whole, 0, cut)
    except WasmError:
        return
    assert body.instrs[-1] == END


def test_padded_integers_and_sub_opcodes_are_read() -> None:
    padded = b"\x20\x81\x80\x80\x80\x00" + b"\xfc\x8a\x80\x00\x00\x00" + b"\x0b"
    assert decode_instrs(padded, 0, len(padded)) == [(0x20, 1), (0xFC000A, 0, 0), END]


@pytest.mark.parametrize("size", [0, 1, 30, 31, 32, 127, 128, 5000])
def test_branch_tables_of_every_length(size: int) -> None:
    table = (0x0E, tuple(range(size)), 3)
    data = encode_instrs([table, table, (0x20, 200), END])
    assert decode_instrs(data, 0, len(data)) == [table, table, (0x20, 200), END]


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        (b"", 0, "end"),
        (b"\x00", 1, "must end with end"),
        (b"\x00\x01", 1, "must end with end"),
        (b"\x00\xff\x0b", 1, "illegal opcode ff"),
        (b"\x00\x01\xfc\x7f\x0b", 2, "illegal opcode fc 7f"),
        (b"\x00\xfd\x80\x80\x04\x0b", 1, "illegal opcode"),
        (b"\x00\x41\xff\xff\xff\xff\x4f\x0b", 2, "too large"),
        (b"\x00\x28\x80\x01\x00\x0b", 2, "memop flags"),
        (b"\x00\x44\x00\x00\x0b", 2, "8 bytes expected"),
        (b"\x00\x0e\xff\xff\xff\xff\x0f\x0b", 2, "do not fit"),
        (b"\x00\x02\x7a\x0b\x0b", 2, "malformed value type"),
        (b"\xff\xff\xff\xff\x0f", 0, "do not fit"),
        (b"\x01\xff\xff\xff\xff\x0f\x7f\x0b", 1, "too many locals"),
        (b"\x01\x01\x00\x0b", 2, "malformed value type"),
    ],
)
def test_faults_have_place_and_reason(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(WasmError, match=message) as caught:
        decode_body(data, 0, len(data))
    assert caught.value.offset == offset


def test_locals_up_to_the_limit() -> None:
    data = encode_body([(MAX_LOCALS, 0x7F)], [END])
    assert len(decode_body(data, 0, len(data)).locals) == MAX_LOCALS
    data = encode_body([(MAX_LOCALS, 0x7F), (1, 0x7E)], [END])
    with pytest.raises(WasmError, match="too many locals"):
        decode_body(data, 0, len(data))


@pytest.mark.parametrize("instr", [(0x6A, 1), (0x20,), (0x28, 2, 0), (0x20, -1)])
def test_wrong_immediates_are_not_encoded(instr: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_instrs([instr])
