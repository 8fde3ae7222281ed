"""LEB128 integers: readers that check the limits of the format, writers of the shortest form.

Readers take `(data, position, end)` and return `(value, next position)`; they never look at or
past `end` and raise `WasmError` at the first byte of the integer. A padded integer is accepted as
long as it stays within the bytes that its type allows (5, 5, 5 and 10).
"""

from .errors import WasmError

TOO_LONG = "integer representation too long"
TOO_LARGE = "integer too large"
CUT_OFF = "unexpected end of the integer"


def read_u32(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read an unsigned integer of at most 32 bits."""
    if position < end and data[position] < 0x80:
        return data[position], position + 1
    return _read_unsigned(data, position, end, 32)


def read_u64(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read an unsigned integer of at most 64 bits."""
    return _read_unsigned(data, position, end, 64)


def read_s32(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read a signed integer of 32 bits."""
    return _read_signed(data, position, end, 32)


def read_s33(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read a signed integer of 33 bits: a block type or a heap type."""
    return _read_signed(data, position, end, 33)


def read_s64(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read a signed integer of 64 bits."""
    return _read_signed(data, position, end, 64)


def _read_unsigned(data: bytes, position: int, end: int, bits: int) -> tuple[int, int]:
    value, shift, at = 0, 0, position
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if value >> bits:
                raise WasmError(position, TOO_LARGE)
            return value, at
        if shift >= bits:
            raise WasmError(position, TOO_LONG)
    raise WasmError(position, CUT_OFF)


def _read_signed(data: bytes, position: int, end: int, bits: int) -> tuple[int, int]:
    value, shift, at = 0, 0, position
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if byte & 0x40:
                value -= 1 << shift
            if not -(1 << bits - 1) <= value < 1 << bits - 1:
                raise WasmError(position, TOO_LARGE)
            return value, at
        if shift >= bits:
            raise WasmError(position, TOO_LONG)
    raise WasmError(position, CUT_OFF)


def write_unsigned(value: int) -> bytes:
    """Encode a non-negative integer in the fewest bytes; `ValueError` if it is negative."""
    if value < 0x80:
        if value < 0:
            raise ValueError(f"negative: {value}")
        return value.to_bytes(1, "little")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_signed(value: int) -> bytes:
    """Encode an integer of either sign in the fewest bytes."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def unsigned_size(value: int) -> int:
    """Bytes that `write_unsigned` takes for a non-negative integer."""
    return max(1, (value.bit_length() + 6) // 7)


def signed_size(value: int) -> int:
    """Bytes that `write_signed` takes."""
    magnitude = value if value >= 0 else ~value
    return magnitude.bit_length() // 7 + 1
