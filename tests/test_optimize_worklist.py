"""Which functions, in which order, in which batches."""

from dataclasses import dataclass

import pytest
from eqsat.optimize.worklist import (
    BATCH_BYTES,
    BATCH_FUNCTIONS,
    HUGE_BODY,
    Batch,
    batches,
    selected,
    worklist,
)
from hypothesis import given
from hypothesis import strategies as st


@dataclass
class Bodies:
    """A module as the work list sees it: bodies by size and content."""

    bodies: list[bytes]
    types: list[int]
    imported_functions: int = 2

    @property
    def functions(self) -> list[int]:
        return [0] * self.imported_functions + self.types

    @property
    def code(self) -> list[tuple[int, int]]:
        found, at = [], 100
        for body in self.bodies:
            found.append((at, at + len(body)))
            at += len(body) + 1
        return found

    def body_bytes(self, index: int) -> bytes:
        return self.bodies[index - self.imported_functions]


def of(*bodies: bytes, types: list[int] | None = None) -> Bodies:
    return Bodies(list(bodies), types or [0] * len(bodies))


def test_largest_first_huge_last() -> None:
    module = of(b"a" * 10, b"b" * HUGE_BODY, b"c" * (HUGE_BODY + 9), b"d" * (HUGE_BODY + 1))
    assert worklist(module, {}).ranked == (3, 2, 5, 4)


def test_equal_bodies_once() -> None:
    module = of(b"same!", b"other", b"same!", types=[0, 0, 0])
    found = worklist(module, {})
    assert found.ranked == (2, 3)
    assert [(twin.index, twin.first) for twin in found.duplicates] == [(4, 2)]


def test_equal_bytes_of_another_type_differ() -> None:
    found = worklist(of(b"same!", b"same!", types=[0, 1]), {})
    assert found.ranked == (2, 3)
    assert not found.duplicates


def test_excluded_and_tiny() -> None:
    found = worklist(of(b"\0\x0b", b"aaaaa", b"bbbbb"), {3: "keep", 4: "drop"}, skip=["dr*"])
    assert (found.tiny, found.ranked, found.excluded) == ((2,), (3,), (4,))


@pytest.mark.parametrize(
    ("only", "skip", "wanted"),
    [
        ([], [], True),
        (["run*"], [], True),
        (["7"], [], True),
        (["walk"], [], False),
        (["run*"], ["*_fast"], False),
        ([], ["7"], False),
    ],
)
def test_selection_by_name_or_index(only: list[str], skip: list[str], wanted: bool) -> None:
    assert selected(7, "run_fast", only, skip) is wanted


def test_nameless_functions_are_selected_by_index() -> None:
    assert selected(7, None, ["7"], [])
    assert not selected(7, None, ["run"], [])


@given(st.lists(st.integers(4, 2 * BATCH_BYTES), max_size=80))
def test_batches_keep_order_and_bounds(sizes: list[int]) -> None:
    module = of(*(bytes([i % 251]) * size for i, size in enumerate(sizes)))
    ranked = worklist(module, {}).ranked
    found = batches(module, ranked)
    assert [index for batch in found for index, _ in batch.functions] == list(ranked)
    for batch in found:
        total = sum(len(module.body_bytes(index)) for index, _ in batch.functions)
        assert len(batch.functions) <= BATCH_FUNCTIONS
        assert total <= BATCH_BYTES or len(batch.functions) == 1


def test_batches_carry_the_bodies_of_the_round() -> None:
    module = of(b"aaaaa", b"bbbbb")
    assert batches(module, (2, 3), {3: b"new"}) == [Batch(((2, None), (3, b"new")))]
