"""Value, block, function and heap types: their shapes in memory and in bytes.

A value type is an int (the byte of a one-byte type) or `(0x63 | 0x64, heap type)` for the long
form of `(ref null ht)` and `(ref ht)`. A heap type is a signed integer: an index of a type, or the
negative number that its abstract byte stands for (0x70, func, is -16).
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from .errors import WasmError
from .leb import read_s33, write_signed

ValType: TypeAlias = int | tuple[int, int]
BlockType: TypeAlias = ValType | tuple[Literal["type"], int] | None

I32: Final = 0x7F
I64: Final = 0x7E
F32: Final = 0x7D
F64: Final = 0x7C
V128: Final = 0x7B
FUNCREF: Final = 0x70
EXTERNREF: Final = 0x6F
REF_NULL: Final = 0x63
REF: Final = 0x64
EMPTY_BLOCK: Final = 0x40

NUMBER_NAMES: Final = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128"}
HEAP_NAMES: Final = {
    0x75: "nocont",
    0x74: "noexn",
    0x73: "nofunc",
    0x72: "noextern",
    0x71: "none",
    0x70: "func",
    0x6F: "extern",
    0x6E: "any",
    0x6D: "eq",
    0x6C: "i31",
    0x6B: "struct",
    0x6A: "array",
    0x69: "exn",
    0x68: "cont",
}
ONE_BYTE_TYPES: Final = frozenset(NUMBER_NAMES) | frozenset(HEAP_NAMES)


@dataclass(frozen=True, slots=True)
class FuncType:
    """What a function takes and gives: two tuples of value types."""

    params: tuple[ValType, ...]
    results: tuple[ValType, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct or array: a value type, 0x78 (i8) or 0x77 (i16)."""

    type: ValType
    mutable: bool


@dataclass(frozen=True, slots=True)
class OtherType:
    """A type that is not a function's: kind `struct`, `array` (one field) or `cont` (no field).

    `start` and `end` bound its bytes in the module; `target` is the function type of a `cont`.
    """

    kind: Literal["struct", "array", "cont"]
    fields: tuple[Field, ...]
    start: int
    end: int
    target: int = -1


def read_value_type(data: bytes, position: int, end: int) -> tuple[ValType, int]:
    """Read a value type; returns it and the next position."""
    if position >= end:
        raise WasmError(position, "unexpected end of a value type")
    byte = data[position]
    if byte in ONE_BYTE_TYPES:
        return byte, position + 1
    if byte in (REF_NULL, REF):
        heap, after = read_heap_type(data, position + 1, end)
        return (byte, heap), after
    raise WasmError(position, f"malformed value type 0x{byte:02x}")


def read_heap_type(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read a heap type as a signed integer; returns it and the next position."""
    heap, after = read_s33(data, position, end)
    if heap < 0 and (heap < -0x40 or heap + 0x80 not in HEAP_NAMES):
        raise WasmError(position, f"malformed heap type {heap}")
    return heap, after


def read_block_type(data: bytes, position: int, end: int) -> tuple[BlockType, int]:
    """Read a block type; returns it and the next position."""
    if position < end and data[position] == EMPTY_BLOCK:
        return None, position + 1
    if position < end and 0x40 < data[position] < 0x80:
        return read_value_type(data, position, end)
    index, after = read_s33(data, position, end)
    if index < 0:
        raise WasmError(position, f"malformed block type {index}")
    return ("type", index), after


def write_value_type(value_type: ValType) -> bytes:
    """Encode a value type."""
    if isinstance(value_type, tuple):
        return value_type[0].to_bytes(1, "little") + write_signed(value_type[1])
    return value_type.to_bytes(1, "little")


def write_block_type(block_type: BlockType) -> bytes:
    """Encode a block type."""
    if block_type is None:
        return b"\x40"
    if isinstance(block_type, tuple) and block_type[0] == "type":
        return write_signed(block_type[1])
    return write_value_type(block_type)
