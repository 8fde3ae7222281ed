"""Tests of one value against several constants: at most one holds, and what follows from that."""

import pytest

from .test_verify_cells import assert_told_apart, check


def arm(test: str, value: int) -> str:
    """Add to a counter in memory and multiply it, so that order and number of arms show."""
    return f"""{test} if i32.const 0 i32.const 0 i32.load i32.const 3 i32.mul i32.const {value}
      i32.add i32.store end """


def asks(constant: int, local: int = 1) -> str:
    return f"local.get {local} i32.const {constant} i32.eq"


ADD = "i32.const 0 i32.const 0 i32.load i32.const 3 i32.mul i32.const {} i32.add i32.store "


def table(first: int, second: int, third: int) -> str:
    """A table for the constants 3, 4 and 5."""
    return (
        "block block block block local.get 1 i32.const 3 i32.sub br_table 0 1 2 3 end "
        f"{ADD.format(first)} br 2 end {ADD.format(second)} br 1 end {ADD.format(third)} end "
        "local.get 0"
    )


CHAIN = arm(asks(3), 1) + arm(asks(4), 2) + arm(asks(5), 3) + "local.get 0"
MIRRORED = "i32.const 3 local.get 1 i32.sub i32.eqz"

EQUAL = {
    "a table for a chain": (CHAIN, table(1, 2, 3)),
    "another order": (CHAIN, arm(asks(5), 3) + arm(asks(4), 2) + arm(asks(3), 1) + "local.get 0"),
    "a test inside an arm": (
        f"{asks(3)} if {arm(asks(4), 9)} end local.get 0",
        "local.get 0",
    ),
    "a test in the other arm": (
        arm(asks(3), 1) + arm(asks(4), 2) + "local.get 0",
        f"{asks(3)} if {ADD.format(1)} else {arm(asks(4), 2)} end local.get 0",
    ),
}

UNEQUAL = {
    "two arms exchanged": (CHAIN, table(2, 1, 3)),
    "one arm left out": (CHAIN, arm(asks(3), 1) + arm(asks(5), 3) + "local.get 0"),
    "the same constant twice": (
        arm(asks(3), 1) + arm(asks(3), 2) + "local.get 0",
        arm(asks(3), 1) + "local.get 0",
    ),
    "the same test the other way round": (
        arm(asks(3), 1) + arm(MIRRORED, 2) + "local.get 0",
        f"{asks(3)} if {ADD.format(1)} else {arm(MIRRORED, 2)} end local.get 0",
    ),
    "tests of two values": (
        arm(asks(3), 1) + arm("local.get 0 i32.const 16 i32.eq", 2) + "local.get 0",
        f"{asks(3)} if {ADD.format(1)} else "
        f"{arm('local.get 0 i32.const 16 i32.eq', 2)} end local.get 0",
    ),
    "the value changes in between": (
        arm(asks(3), 1)
        + "local.get 1 i32.const 1 i32.add local.set 1 "
        + arm(asks(4), 2)
        + "local.get 0",
        f"{asks(3)} if {ADD.format(1)} else local.get 1 i32.const 1 i32.add local.set 1 "
        f"{arm(asks(4), 2)} end local.get 0",
    ),
    "a factor that is even": (
        arm("local.get 1 i32.const 1 i32.shl i32.const 6 i32.eq", 1)
        + arm(asks(3), 2)
        + "local.get 0",
        f"local.get 1 i32.const 1 i32.shl i32.const 6 i32.eq if {ADD.format(1)} else "
        f"{arm(asks(3), 2)} end local.get 0",
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_pairs_are_proven(name: str) -> None:
    verdict = check(*EQUAL[name], ())
    assert verdict.status == "proven", verdict.reason


@pytest.mark.parametrize("name", UNEQUAL)
def test_unequal_pairs_are_not_proven(name: str) -> None:
    assert_told_apart(*UNEQUAL[name])
