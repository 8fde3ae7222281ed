"""How strings, numbers and types are written in the text format."""

import math
import re
import struct
from typing import Final

from .types import (
    HEAP_NAMES,
    NUMBER_NAMES,
    REF_NULL,
    BlockType,
    FuncType,
    ValType,
)

PACKED_NAMES: Final = {0x78: "i8", 0x77: "i16"}
_PLAIN_ID: Final = re.compile(r"[0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]+")

# The short names of the types that have one: 0x71 is `nullref`, 0x70 `funcref`.
_SHORT_REFS: Final = {
    0x75: "nullcontref",
    0x74: "nullexnref",
    0x73: "nullfuncref",
    0x72: "nullexternref",
    0x71: "nullref",
}


def text_string(raw: bytes) -> str:
    """Quote bytes: printable ASCII as it is, everything else as two hexadecimal digits."""
    return '"' + "".join(map(_CHARACTERS.__getitem__, raw)) + '"'


_CHARACTERS: Final = [
    chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:02x}"
    for byte in range(256)
]


def text_id(name: str) -> str:
    """Write a name as an identifier, quoted where it has other characters than identifiers may."""
    return f"${name}" if _PLAIN_ID.fullmatch(name) else "$" + text_string(name.encode())


def text_heap_type(heap: int) -> str:
    """Write a heap type: its name, or the index of a type."""
    return HEAP_NAMES[heap + 0x80] if heap < 0 else str(heap)


def text_value_type(kind: ValType) -> str:
    """Write a value type (or a packed field type)."""
    if isinstance(kind, tuple):
        null = "null " if kind[0] == REF_NULL else ""
        return f"(ref {null}{text_heap_type(kind[1])})"
    if kind in NUMBER_NAMES:
        return NUMBER_NAMES[kind]
    return PACKED_NAMES.get(kind) or _SHORT_REFS.get(kind) or HEAP_NAMES[kind] + "ref"


def text_signature(kind: FuncType) -> str:
    """Write ` (param …) (result …)`, either part only if it is not empty."""
    text = ""
    if kind.params:
        text += f" (param {' '.join(map(text_value_type, kind.params))})"
    if kind.results:
        text += f" (result {' '.join(map(text_value_type, kind.results))})"
    return text


def text_block_type(block: BlockType) -> str:
    """Write a block type with a space before it, or nothing."""
    if block is None:
        return ""
    if isinstance(block, tuple) and block[0] == "type":
        return f" (type {block[1]})"
    return f" (result {text_value_type(block)})"


def text_f32(bits: int) -> str:
    """Write a 32-bit float so that exactly these bits are read back."""
    value: float = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    if math.isnan(value):
        return _text_nan(bits >> 31, bits & 0x7FFFFF)
    if math.isinf(value):
        return "-inf" if bits >> 31 else "inf"
    for digits in range(6, 9):
        text = f"{value:.{digits}g}"
        # The shortest decimal may round up to a number that no longer fits 32 bits.
        if abs(float(text)) < 3.4028235e38 and struct.pack("<f", float(text)) == bits.to_bytes(
            4, "little"
        ):
            return text
    return f"{value:.9g}"


def text_f64(bits: int) -> str:
    """Write a 64-bit float so that exactly these bits are read back."""
    value: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    if math.isnan(value):
        return _text_nan(bits >> 63, bits & 0xFFFFFFFFFFFFF)
    if math.isinf(value):
        return "-inf" if bits >> 63 else "inf"
    return repr(value)


def _text_nan(sign: int, payload: int) -> str:
    return f"{'-' if sign else ''}nan:0x{payload:x}"


def text_v128(bits: int) -> str:
    """Write 128 bits as four lanes of 32."""
    lanes = (f"0x{bits >> shift & 0xFFFFFFFF:08x}" for shift in (0, 32, 64, 96))
    return "i32x4 " + " ".join(lanes)
