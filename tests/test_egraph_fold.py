"""Constant folding against the validator's semantics, and on cases that are easy to miss."""

import random

import pytest
from eqsat.egraph.fold import FOLDS, fold
from eqsat.rules.signature import CONSTRUCTORS
from eqsat.verify import concrete

WIDTH = {"I32": 32, "I64": 64, "F32": 32, "F64": 64}
EDGES = {
    32: [0, 1, -1, 2, 31, 32, 33, -(1 << 31), (1 << 31) - 1, 0x7F800000, 0x3F800000, 0x80000000],
    64: [0, 1, -1, 63, 64, 65, -(1 << 63), (1 << 63) - 1, 0x7FF0 << 48, 0x3FF0 << 48, 1 << 53],
}
OPERATIONS = sorted(name for name in FOLDS if name in CONSTRUCTORS and "select" not in name)


def immediate(pattern: int, sort: str) -> int:
    """The form of an immediate: signed for integers, unsigned for floats."""
    width = WIDTH[sort]
    pattern &= (1 << width) - 1
    if sort.startswith("F") or pattern < 1 << (width - 1):
        return pattern
    return pattern - (1 << width)


def patterns(sort: str, source: random.Random) -> int:
    width = WIDTH[sort]
    if source.random() < 0.5:
        return source.choice(EDGES[width]) & ((1 << width) - 1)
    if sort.startswith("F") and source.random() < 0.7:
        # Numbers of ordinary size: random patterns are nearly all astronomically large or small.
        exponent = source.randrange(100, 160) if width == 32 else source.randrange(1000, 1090)
        digits = 23 if width == 32 else 52
        return (
            source.getrandbits(1) << (width - 1) | exponent << digits | source.getrandbits(digits)
        )
    return source.getrandbits(width)


@pytest.mark.parametrize("name", OPERATIONS)
def test_agrees_with_the_validator(name: str) -> None:
    row = CONSTRUCTORS[name]
    source = random.Random(name)
    sorts = row.arguments
    folded = 0
    for _ in range(150):
        raw = [patterns(s, source) for s in sorts]
        nan = any(
            s.startswith("F") and concrete.is_nan(p, WIDTH[s])
            for s, p in zip(sorts, raw, strict=True)
        )
        result = fold(name, [immediate(p, s) for p, s in zip(raw, sorts, strict=True)])
        expected = concrete.evaluate(name, raw)
        refused = [
            concrete.traps(name, raw),
            row.result.startswith("F") and concrete.is_nan(expected, WIDTH[row.result]),
            nan and "reinterpret" not in name,
        ]
        if any(refused):
            assert result is None
            continue
        folded += 1
        assert result == immediate(expected, row.result), raw
    assert folded > 20


def test_every_operation_of_the_signature_folds() -> None:
    missing = {
        name
        for name, row in CONSTRUCTORS.items()
        if row.extractable and not name.startswith(("leaf.", "v128.", "ref.", "select."))
        if not name.endswith(".const") and name not in FOLDS
    }
    assert not missing


def test_unknown_operations_have_no_value() -> None:
    assert fold("i32.load", [0]) is None


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("i32.div_s", (-7, 2), -3),
        ("i32.rem_s", (-7, 2), -1),
        ("i32.div_s", (-(1 << 31), -1), None),
        ("i32.rem_s", (-(1 << 31), -1), 0),
        ("f64.min", (0, 1 << 63), 1 << 63),
        ("f64.nearest", (0x3FE0 << 48,), 0),  # 0.5 rounds to even
        ("f64.ceil", (0xBFE0 << 48,), 1 << 63),  # -0.5 to the negative zero
        ("f32.convert_i64_u", ((1 << 40) + (1 << 16) + 1,), 0x53800001),  # not rounded twice
        ("i32.trunc_sat_f64_u", (0xBFF0 << 48,), 0),
        ("i64.trunc_f64_s", (0x43E0 << 48,), None),  # 2**63
        ("f64.div", (0x3FF0 << 48, 1 << 63), 0xFFF0 << 48),
        ("f64.div", (0, 0), None),
        ("f32.demote_f64", (0x7FEF_FFFF_FFFF_FFFF,), 0x7F800000),
    ],
)
def test_cases(name: str, arguments: tuple[int, ...], result: int | None) -> None:
    assert fold(name, arguments) == result
