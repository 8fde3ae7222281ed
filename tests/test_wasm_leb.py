"""LEB128: writers give the shortest form, readers accept padding and refuse what is too large."""

from collections.abc import Callable

import pytest
from eqsat.wasm import leb
from eqsat.wasm.errors import WasmError
from hypothesis import given
from hypothesis import strategies as st

Reader = Callable[[bytes, int, int], tuple[int, int]]
UNSIGNED: list[tuple[Reader, int]] = [(leb.read_u32, 32), (leb.read_u64, 64)]
SIGNED: list[tuple[Reader, int]] = [(leb.read_s32, 32), (leb.read_s33, 33), (leb.read_s64, 64)]


def pad(raw: bytes, size: int, filler: int) -> bytes:
    """Lengthen an integer to `size` bytes without changing it."""
    if len(raw) >= size:
        return raw
    middle = bytes([filler | 0x80]) * (size - len(raw) - 1)
    return raw[:-1] + bytes([raw[-1] | 0x80]) + middle + bytes([filler])


@pytest.mark.parametrize(("read", "bits"), UNSIGNED)
@given(st.data())
def test_unsigned_round_trip(read: Reader, bits: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, (1 << bits) - 1))
    raw = leb.write_unsigned(value)
    assert read(b"x" + raw + b"y", 1, len(raw) + 1) == (value, len(raw) + 1)
    assert len(raw) == leb.unsigned_size(value)
    longest = pad(raw, -(-bits // 7), 0)
    assert read(longest, 0, len(longest)) == (value, len(longest))
    with pytest.raises(WasmError):
        read(raw, 0, len(raw) - 1)


@pytest.mark.parametrize(("read", "bits"), SIGNED)
@given(st.data())
def test_signed_round_trip(read: Reader, bits: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(-(1 << bits - 1), (1 << bits - 1) - 1))
    raw = leb.write_signed(value)
    assert len(raw) == leb.signed_size(value)
    assert read(raw, 0, len(raw)) == (value, len(raw))
    longest = pad(raw, -(-bits // 7), 0x7F if value < 0 else 0)
    assert read(longest, 0, len(longest)) == (value, len(longest))
    with pytest.raises(WasmError):
        read(raw, 0, len(raw) - 1)


@pytest.mark.parametrize(("read", "bits"), UNSIGNED)
def test_unsigned_limits(read: Reader, bits: int) -> None:
    raw = leb.write_unsigned(1 << bits)
    with pytest.raises(WasmError, match="too large"):
        read(raw, 0, len(raw))
    endless = b"\x80" * 20
    with pytest.raises(WasmError, match="too long"):
        read(endless, 0, 20)


@pytest.mark.parametrize(("read", "bits"), SIGNED)
def test_signed_limits(read: Reader, bits: int) -> None:
    for value in (1 << bits - 1, -(1 << bits - 1) - 1):
        raw = leb.write_signed(value)
        with pytest.raises(WasmError):
            read(raw, 0, len(raw))


def test_known_bytes() -> None:
    assert leb.write_unsigned(624485) == b"\xe5\x8e\x26"
    assert leb.write_signed(-123456) == b"\xc0\xbb\x78"
    assert leb.write_signed(64) == b"\xc0\x00"
    assert leb.write_signed(-64) == b"\x40"


def test_negative_is_not_unsigned() -> None:
    with pytest.raises(ValueError, match="negative"):
        leb.write_unsigned(-1)


def test_sizes_at_the_edges() -> None:
    for bits in range(0, 64, 7):
        for value in (1 << bits, (1 << bits) - 1):
            assert leb.unsigned_size(value) == len(leb.write_unsigned(value))
            for signed in (value, -value, value >> 1, -(value >> 1) - 1):
                assert leb.signed_size(signed) == len(leb.write_signed(signed))
