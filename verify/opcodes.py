"""The validator's own tables of operators: names, arities, widths.

Deliberately separate from the opcode table of ``wasm/`` (see ``reader.py``). Source: core
specification 3.0, "Index of Instructions". Checked against wasmtime in the tests, operator by
operator.
"""

# ruff: noqa: SIM905 (tables of names read better as text)

from typing import Final

_INT_COMPARISONS: Final = "eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u".split()
_FLOAT_COMPARISONS: Final = "eq ne lt gt le ge".split()
_INT_OPERATIONS: Final = (
    "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"
).split()
_FLOAT_OPERATIONS: Final = (
    "abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign"
).split()
_CONVERSIONS: Final = (
    "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u "
    "i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s "
    "i64.trunc_f64_u f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u "
    "f32.demote_f64 f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u "
    "f64.promote_f32 i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 "
    "f64.reinterpret_i64 i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s"
).split()
_UNARY: Final = frozenset("eqz clz ctz popcnt abs neg ceil floor trunc nearest sqrt".split())


def _numeric() -> dict[int, tuple[str, int]]:
    names = [f"i32.{n}" for n in _INT_COMPARISONS] + [f"i64.{n}" for n in _INT_COMPARISONS]
    names += [f"f32.{n}" for n in _FLOAT_COMPARISONS] + [f"f64.{n}" for n in _FLOAT_COMPARISONS]
    names += [f"i32.{n}" for n in _INT_OPERATIONS] + [f"i64.{n}" for n in _INT_OPERATIONS]
    names += [f"f32.{n}" for n in _FLOAT_OPERATIONS] + [f"f64.{n}" for n in _FLOAT_OPERATIONS]
    table = {0x45 + i: (name, 1 if name[4:] in _UNARY else 2) for i, name in enumerate(names)}
    table |= {0xA7 + i: (name, 1) for i, name in enumerate(_CONVERSIONS)}
    saturating = [
        f"{i}.trunc_sat_{f}_{s}" for i in ("i32", "i64") for f in ("f32", "f64") for s in "su"
    ]
    return table | {0xFC0000 + i: (name, 1) for i, name in enumerate(saturating)}


NUMERIC: Final[dict[int, tuple[str, int]]] = _numeric()
"""Opcode to spec name and number of operands, for every scalar numeric operator."""

TRAPPING: Final[frozenset[str]] = frozenset(
    name for name, _ in NUMERIC.values() if "div_" in name or "rem_" in name or ("trunc_f" in name)
)
"""Operators with a trap condition."""

LOADS: Final[dict[int, tuple[int, str, int]]] = {
    0x28: (4, "", 32), 0x29: (8, "", 64), 0x2A: (4, "", 32), 0x2B: (8, "", 64),
    0x2C: (1, "s", 32), 0x2D: (1, "u", 32), 0x2E: (2, "s", 32), 0x2F: (2, "u", 32),
    0x30: (1, "s", 64), 0x31: (1, "u", 64), 0x32: (2, "s", 64), 0x33: (2, "u", 64),
    0x34: (4, "s", 64), 0x35: (4, "u", 64), 0xFD0000: (16, "", 128),
}  # fmt: skip
"""Opcode to bytes read, extension and width of the result."""

STORES: Final[dict[int, int]] = {
    0x36: 4, 0x37: 8, 0x38: 4, 0x39: 8, 0x3A: 1, 0x3B: 2, 0x3C: 1, 0x3D: 2, 0x3E: 4,
    0xFD000B: 16,
}  # fmt: skip
"""Opcode to bytes written."""

VECTOR_LOADS: Final[dict[int, int]] = {
    **{0xFD0000 + i: 8 for i in range(1, 7)},
    0xFD0007: 1, 0xFD0008: 2, 0xFD0009: 4, 0xFD000A: 8, 0xFD005C: 4, 0xFD005D: 8,
}  # fmt: skip
"""Loads that spread, widen or zero-fill: bytes read; the rest is an opaque function of them."""

LANE_LOADS: Final = {0xFD0054: 1, 0xFD0055: 2, 0xFD0056: 4, 0xFD0057: 8}
LANE_STORES: Final = {0xFD0058: 1, 0xFD0059: 2, 0xFD005A: 4, 0xFD005B: 8}


def _vector() -> dict[int, tuple[int, int]]:
    """Opcode to (operands, result width) for the pure SIMD operators, by exception lists."""
    unary = [*range(15, 21), 77, *range(94, 99), *range(103, 107), 116, 117, 122]
    unary += [*range(124, 130), *range(135, 139), 148, 160, 161, *range(167, 171), 192, 193]
    unary += [*range(199, 203), 224, 225, 227, 236, 237, 239, *range(248, 256)]
    unary += range(0x101, 0x105)
    ternary = [82, *range(0x105, 0x10D), 0x113]
    scalar = dict.fromkeys([83, 99, 100, 131, 132, 163, 164, 195, 196, 21, 22, 24, 25, 27], 32)
    scalar |= {29: 64, 31: 32, 33: 64}
    absent = {12, 154, 162, 165, 166, 175, 176, 178, 179, 180, 187, 194, 197, 198, 207, 208}
    absent |= {210, 211, 212, 226, 238, *range(11), 11, *range(84, 94)}
    table = {}
    for sub in range(13, 0x114):
        if sub in absent:
            continue
        count = 1 if sub in unary or sub in scalar else 3 if sub in ternary else 2
        table[0xFD0000 | sub] = (count, scalar.get(sub, 128))
    return table


VECTOR: Final[dict[int, tuple[int, int]]] = _vector()
"""Pure SIMD operators: modelled as opaque functions of operands and immediates."""
