"""Every opcode that the validator knows, run by wasmtime and by the validator on constants.

A body that applies one opcode to constants is compared with bodies that hold a result: the right
one must be proven (where the validator claims to know what the opcode computes), any other must
not. Memory and tables are compared by what is in them afterwards.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import wasmtime
from eqsat.verify import opcodes
from eqsat.verify.accesses import MAX_SMALL
from eqsat.verify.concrete import is_nan, signed
from eqsat.verify.handlers import HANDLERS
from eqsat.verify.reader import Cursor, Malformed, Unsupported, decode_expression
from eqsat.verify.validator import Validator
from eqsat.wasm.body import Instr, encode_body
from eqsat.wasm.leb import write_unsigned
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import OPCODES
from eqsat.wasm.rewrite import replace
from hypothesis import given, settings
from hypothesis import strategies as st

WIDTHS: Final = {"i32": 32, "i64": 64, "f32": 32, "f64": 64, "v128": 128}
CONST: Final = {"i32": 0x41, "i64": 0x42, "f32": 0x43, "f64": 0x44, "v128": 0xFD000C}
STORE: Final = {"i32": 0x36, "i64": 0x37, "f32": 0x38, "f64": 0x39, "v128": 0xFD000B}
AT, OUT, SPAN = 64, 4096, 48
"""Where the cases read and write, where their results go, and the bytes that are looked at."""

TEXT: Final = """(module (memory (export "m") 2 2) (table $t (export "t") 6 8 funcref)
 (data $d "passive bytes") (elem $e func $none $none) (elem declare func $none)
 (global $g (export "g") (mut i32) (i32.const 9))
 (func $none) (func (export "none") data.drop $d) (func (export "i32") (result i32) i32.const 0)
 (func (export "i64") (result i64) i64.const 0) (func (export "f32") (result f32) f32.const 0)
 (func (export "f64") (result f64) f64.const 0)
 (func (export "v128") (result v128) v128.const i64x2 0 0))"""
MODULE: Final = Module.parse(bytes(wasmtime.wat2wasm(TEXT)))
VALIDATOR: Final = Validator(MODULE.data)
FUNCTION: Final = {"": 1, "i32": 2, "i64": 3, "f32": 4, "f64": 5, "v128": 6}

EDGES: Final = {
    "i32": (0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF, 31, 32, 0x1234_5678, 255, 0xFF80),
    "i64": (0, 1, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 63, 64, 0xFFFF_FFFF, 0x8000_0000, 200),
    "f32": (0, 1 << 31, 0x3F80_0000, 0xBF00_0000, 0x4020_0000, 0x7F80_0000, 0xFF80_0000, 1,
            0x4F00_0000, 0xCF00_0000, 0x7FC0_0000, 0x5F00_0000),
    "f64": (0, 1 << 63, 0x3FF0 << 48, 0xBFE0 << 48, 0x4004 << 48, 0x7FF0 << 48, 0xFFF0 << 48, 1,
            0x41E0 << 48, 0xC1E0 << 48, 0x7FF8 << 48, 0x43E0 << 48),
    "v128": (0, (1 << 128) - 1, 0x0F0E0D0C0B0A09080706050403020100, 0x80 << 120,
             0x3F800000BF8000007F80000080000000, 0xFF00FF00FF00FF0080007FFF00010203),
}  # fmt: skip

OPAQUE: Final = (
    frozenset(opcodes.VECTOR)
    | frozenset(opcodes.VECTOR_LOADS)
    | frozenset(opcodes.LANE_LOADS)
    | frozenset(opcodes.LANE_STORES)
)
"""What is a function of operands and immediates that the validator does not compute."""

MEMORY_OPS: Final = frozenset(
    (*opcodes.LOADS, *opcodes.STORES, *opcodes.VECTOR_LOADS, *opcodes.LANE_LOADS,
     *opcodes.LANE_STORES)
)  # fmt: skip

SPECIAL: Final[dict[int, list[tuple[list[Instr], str]]]] = {
    0x1A: [([(0x41, 5), (0x41, 6), (0x1A,)], "i32")],
    0x1B: [([(0x41, 5), (0x41, 6), (0x41, c), (0x1B,)], "i32") for c in (0, 1, -1)],
    0x1C: [([(0x42, 5), (0x42, 6), (0x41, c), (0x1C, (0x7E,))], "i64") for c in (0, 2)],
    0x23: [([(0x41, 7), (0x24, 0), (0x23, 0)], "i32")],
    0x24: [([(0x41, 7), (0x24, 0), (0x41, 8), (0x24, 0), (0x23, 0)], "i32")],
    0x25: [([(0x41, i), (0x25, 0), (0xD1,)], "i32") for i in (0, 5, 6, -1)],
    0x26: [([(0x41, i), (0xD2, 0), (0x26, 0), (0x41, 3), (0x25, 0), (0xD1,)], "i32")
           for i in (0, 3, 6)],
    0x3F: [([(0x3F, 0)], "i32")],
    0x40: [([(0x41, n), (0x40, 0)], "i32") for n in (0, 1, -1)],
    0xD0: [([(0xD0, -16), (0xD1,)], "i32")],
    0xD1: [([(0xD2, 0), (0xD1,)], "i32")],
    0xD2: [([(0x41, 0), (0xD2, 0), (0x26, 0), (0x41, 0), (0x25, 0), (0xD1,)], "i32")],
    0xFC0008: [([(0x41, AT), (0x41, s), (0x41, n), (0xFC0008, 0, 0)], "")
               for s, n in ((0, 4), (2, 11), (0, 14), (14, 0))],
    0xFC0009: [([(0xFC0009, 0), (0x41, AT), (0x41, 0), (0x41, n), (0xFC0008, 0, 0)], "")
               for n in (0, 1)],
    0xFC000A: [([(0x41, to), (0x41, AT + s), (0x41, n), (0xFC000A, 0, 0)], "")
               for to, s, n in ((AT, 1, 7), (AT + 1, 0, 7), (AT, 8, 16), (AT + 3, 0, 33),
                                (131072 - AT, 0, 0), (131070, 0, 8))],
    0xFC000B: [([(0x41, to), (0x41, value), (0x41, n), (0xFC000B, 0)], "")
               for to, value, n in ((AT, 0x1FF, 8), (AT + 1, 0, 5), (AT, 7, 0), (131071, 1, 2),
                                    (131072, 1, 0), (-1, 1, 1))],
    0xFC000C: [([(0x41, i), (0x41, 0), (0x41, n), (0xFC000C, 0, 0), (0x41, 1), (0x25, 0), (0xD1,)],
                "i32") for i, n in ((1, 1), (0, 2), (5, 2), (0, 3))],
    0xFC000D: [([(0xFC000D, 0), (0x41, 0), (0x41, 0), (0x41, n), (0xFC000C, 0, 0)], "")
               for n in (0, 1)],
    0xFC000E: [([(0x41, 0), (0xD2, 0), (0x26, 0), (0x41, i), (0x41, 0), (0x41, n),
                 (0xFC000E, 0, 0), (0x41, 2), (0x25, 0), (0xD1,)], "i32")
               for i, n in ((2, 1), (1, 2), (5, 2))],
    0xFC000F: [([(0xD2, 0), (0x41, n), (0xFC000F, 0)], "i32") for n in (0, 2, 3)],
    0xFC0010: [([(0xFC0010, 0)], "i32")],
    0xFC0011: [([(0x41, i), (0xD2, 0), (0x41, n), (0xFC0011, 0), (0x41, 2), (0x25, 0), (0xD1,)],
                "i32") for i, n in ((2, 1), (0, 2), (5, 2))],
}  # fmt: skip
"""Cases of opcodes that are no function of operands: code and type of what it leaves."""

VAGUE: Final = frozenset((0x25, 0x26, 0x3F, 0x40, 0xD1, 0xD2, 0xFC0008, 0xFC0009, 0xFC000C,
                          0xFC000D, 0xFC000E, 0xFC000F, 0xFC0010, 0xFC0011))  # fmt: skip
"""Of those, what depends on more than the validator looks at: unknown is right, wrong never is."""

CONTROL: Final = frozenset((*range(6), *range(0x0B, 0x10)))
"""Blocks and branches: the tests of loops and the spec's own run these."""

CALLS: Final = frozenset((0x10, 0x11, 0x12, 0x13))
"""Calls have no result of their own: they are events, compared in other tests."""

PLAIN: Final = frozenset((0x01, 0x20, 0x21, 0x22, 0x41, 0x42, 0x43, 0x44, 0xFD000C))
"""Locals and constants: every case is made of these."""


@dataclass(frozen=True)
class Case:
    """Code that applies an opcode to constants and leaves a value of a type (or none)."""

    op: int
    code: tuple[Instr, ...]
    kind: str
    about: tuple[Any, ...] = field(default=())


def constant(kind: str, bits: int) -> Instr:
    return (CONST[kind], signed(bits, WIDTHS[kind]) if kind[0] == "i" else bits)


FILLING: Final[tuple[Instr, ...]] = tuple(
    instr
    for i in range(SPAN // 16)
    for instr in (
        (0x41, AT + 16 * i),
        constant("v128", sum((37 * (16 * i + j) + 129 & 255) << 8 * j for j in range(16))),
        (STORE["v128"], 0, 0, 0),
    )
)
"""Bytes that differ, with all sign bits, where the cases read."""


def immediates(op: int, source: random.Random) -> tuple[Any, ...]:
    match OPCODES[op].immediates:
        case ():
            return ()
        case ("memarg",):
            return (0, source.choice((0, 1, 5)), 0)
        case ("memarg", "lane"):
            lanes = {0: 16, 1: 8, 2: 4, 3: 2}[(op - 0xFD0054) % 4]
            return (0, source.choice((0, 3)), 0, source.randrange(lanes))
        case ("lane",):
            lanes = int(OPCODES[op].name.partition(".")[0].partition("x")[2])
            return (source.randrange(lanes),)
        case ("lanes",):
            return (tuple(source.randrange(32) for _ in range(16)),)
    raise AssertionError(OPCODES[op])


def operand_types(op: int) -> list[str]:
    operands = OPCODES[op].operands
    assert operands is not None
    return ["i32" if kind == "addr" else kind for kind in operands]


def applied(op: int, operands: Sequence[int], extra: tuple[Any, ...]) -> Case:
    row = OPCODES[op]
    assert row.results is not None
    code = [constant(kind, x) for kind, x in zip(operand_types(op), operands, strict=True)]
    kind = row.results[0] if row.results else ""
    return Case(op, (*code, (op, *extra)), kind, tuple(operands))


def cases(op: int, limit: int) -> list[Case]:
    """Some cases of an opcode, the same in every run."""
    source = random.Random(op)
    if op in SPECIAL:
        return [Case(op, tuple(code), kind) for code, kind in SPECIAL[op]]
    found = []
    for _ in range(limit):
        operands = [source.choice(EDGES[kind]) for kind in operand_types(op)]
        if op in MEMORY_OPS:
            operands[0] = source.choice((AT, AT + 3, AT + 8, AT + 17, 131072))
        found.append(applied(op, operands, immediates(op, source)))
    return found


KNOWN: Final = sorted((frozenset(HANDLERS) | frozenset(opcodes.NUMERIC)) - CALLS - PLAIN)


# --- what wasmtime does -------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """The bits that are left and the bytes at `AT` afterwards."""

    bits: int
    memory: bytes


def run(every: Sequence[Case]) -> list[Result | None]:
    """What wasmtime does in each case, `None` for a trap."""
    lines = [TEXT[:-1]]
    lines += [f'(func (export "c{i}"))' for i in range(len(every))]
    module = Module.parse(bytes(wasmtime.wat2wasm("".join([*lines, ")"]))))
    bodies = {}
    for i, case in enumerate(every):
        kept: list[Instr] = [*FILLING, *case.code]
        if case.kind:
            kept = [*FILLING, (0x41, OUT), *case.code, (STORE[case.kind], 0, 0, 0)]
        bodies[len(module.functions) - len(every) + i] = encode_body((), [*kept, (0x0B,)])
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    compiled = wasmtime.Module(engine, replace(module, bodies).data)
    found: list[Result | None] = []
    for i, case in enumerate(every):
        store = wasmtime.Store(engine)
        store.set_fuel(10_000)
        exports = wasmtime.Instance(store, compiled, []).exports(store)
        call, memory = exports[f"c{i}"], exports["m"]
        assert isinstance(call, wasmtime.Func)
        assert isinstance(memory, wasmtime.Memory)
        try:
            call(store)
        except wasmtime.Trap:
            found.append(None)
            continue
        size = WIDTHS[case.kind] // 8 if case.kind else 0
        out = int.from_bytes(memory.read(store, OUT, OUT + size), "little")
        found.append(Result(out, bytes(memory.read(store, AT, AT + SPAN))))
    return found


# --- what the validator says --------------------------------------------------------------------


def holds(case: Case, result: Result | None) -> str:
    """The validator's word on a case against a body that leaves this result."""
    old = encode_body((), [*FILLING, *case.code, (0x0B,)])
    if result is None:
        code: list[Instr] = [*FILLING, (0x00,), (0x0B,)]
    else:
        code = []
        for at in range(0, SPAN, 16):
            value = int.from_bytes(result.memory[at : at + 16], "little")
            code += [(0x41, AT + at), (CONST["v128"], value), (STORE["v128"], 0, 0, 0)]
        if case.op == 0x24:
            code += [(0x41, 8), (0x24, 0)]
        elif case.op == 0x23:
            code += [(0x41, 7), (0x24, 0)]
        if case.kind:
            code.append(constant(case.kind, result.bits))
        code.append((0x0B,))
    index = FUNCTION[case.kind]
    validator = Validator(replace(MODULE, {index: old}).data)
    return validator.check(index, encode_body((), code), rlimit=200_000).status


def others(case: Case, right: Result | None) -> list[Result | None]:
    """Results that are wrong."""
    if right is None:
        return [Result(0, memory_of(FILLING))]
    found: list[Result | None] = [None]
    if case.kind:
        width = WIDTHS[case.kind]
        flips = [1, 1 << (width - 1)]
        found += [Result(right.bits ^ flip, right.memory) for flip in flips]
    changed = bytearray(right.memory)
    changed[len(case.about) + 9] ^= 1
    return [*found, Result(right.bits, bytes(changed))]


def memory_of(filling: Sequence[Instr]) -> bytes:
    return b"".join(one[1].to_bytes(16, "little") for one in filling if one[0] == 0xFD000C)


def is_open(case: Case, result: Result | None) -> bool:
    """Whether the specification leaves the bits open."""
    if result is None or case.kind not in ("f32", "f64"):
        return False
    return is_nan(result.bits, WIDTHS[case.kind])


def is_vague(case: Case) -> bool:
    """Whether the validator does not claim to know what the case computes."""
    if case.op in (0xFC000A, 0xFC000B):
        return not 0 < case.code[-2][1] <= MAX_SMALL
    return case.op in OPAQUE | VAGUE


def judge(every: Sequence[Case]) -> None:
    for case, right in zip(every, run(every), strict=True):
        said = holds(case, right)
        told = (OPCODES[case.op].name, case.about, right)
        assert said in ("proven", "unknown")
        if not is_vague(case) and not is_open(case, right):
            assert said == "proven", told
        for wrong in others(case, right):
            assert holds(case, wrong) != "proven", (told, wrong)


# --- tests --------------------------------------------------------------------------------------


def test_every_known_opcode_has_cases() -> None:
    """Fails when the validator learns an opcode that nothing here runs."""
    assert set(SPECIAL) <= set(KNOWN)
    for op in KNOWN:
        assert cases(op, 1), hex(op)
    covered = {*KNOWN, *CALLS, *PLAIN, *CONTROL}
    readable = {op: code for op in candidates() if (code := shortest(op)) is not None}
    assert covered <= {*readable, 0x0B}
    for op in {*readable} - covered:
        # It may look odd to the rest: no operand is there. The answer comes before that.
        assert VALIDATOR.check(1, b"\0" + readable[op]).status == "unknown", hex(op)


def candidates() -> list[int]:
    found = [*range(0x100), *(0xFC0000 | i for i in range(40)), *(0xFD0000 | i for i in range(400))]
    return [op for op in found if op not in (0xFC, 0xFD)]


def shortest(op: int) -> bytes | None:
    """An expression with an opcode that the validator's reader takes, if it knows it at all."""
    head = bytes([op]) if op < 0x100 else bytes([op >> 16]) + write_unsigned(op & 0xFFFF)
    for size in (0, 1, 2, 3, 4, 8, 16, 17):
        for end in (b"\x0b", b"\x0b\x0b"):
            code = head + bytes(size) + end
            cursor = Cursor(code)
            try:
                decode_expression(cursor)
            except Unsupported:
                return None
            except Malformed:
                continue
            if cursor.at == len(code):
                return code
    return None


@pytest.mark.parametrize("part", range(8))
def test_opcodes_on_boundary_values(part: int) -> None:
    judge([case for op in KNOWN[part::8] for case in cases(op, 3)])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_opcodes_on_many_values(part: int) -> None:
    judge([case for op in KNOWN[part::4] for case in cases(op, 10)])


SCALAR: Final = sorted(opcodes.NUMERIC)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SCALAR), st.data())
def test_scalar_opcodes_on_any_values(op: int, data: st.DataObject) -> None:
    operands = [
        data.draw(st.one_of(st.sampled_from(EDGES[k]), st.integers(0, (1 << WIDTHS[k]) - 1)))
        for k in operand_types(op)
    ]
    judge([applied(op, operands, ())])
