"""Copies of eight bytes: two words are seen through them, and what is left becomes one again."""

import pytest
from eqsat.verify.validator import Validator
from eqsat.wasm.rewrite import replace

from .observed import observe
from .test_skeleton_adjacent import CALLS, P, Q, rewritten

COPY = "(i64.store $n (i32.const 64) (i64.load (i32.const 16)))"
WORDS = (
    "(i32.store (i32.const 16) (local.get $p)) (i32.store offset=4 (i32.const 16) (local.get $q))"
)
BACK = (
    "(i32.store (i32.const 128) (i32.sub (i32.load $n (i32.const 64)) "
    "(i32.load $n offset=4 (i32.const 64))))"
)

SEEN = {
    "words through a copy": (WORDS + COPY + BACK, 0),
    "through a bulk copy": (
        WORDS + "(memory.copy $n $m (i32.const 64) (i32.const 16) (i32.const 8))" + BACK,
        0,
    ),
    "as a float": (WORDS + COPY.replace("i64", "f64") + BACK, 0),
    "into the copy alone": (WORDS + COPY, 0),
    "out of the copy alone": (COPY + BACK, 2),
}


@pytest.mark.parametrize("name", SEEN)
def test_words_are_seen_through_a_copy(name: str) -> None:
    body, loads = SEEN[name]
    names, source, new = rewritten(body)
    assert sum("load" in name for name in names) == loads
    start = bytes(range(1, 255))
    after = replace(source, {1: new}).data
    assert observe(after, CALLS, memory=start) == observe(source.data, CALLS, memory=start)
    assert Validator(source.data).check(1, new).status == "proven"


WHOLE = {
    "nobody looks at halves": f"(i64.store {P} (i64.load {Q}))",
    "a word across both": f"(i64.store {P} (i64.load {Q})) (i32.store offset=2 {P} (i32.const 1))",
}


@pytest.mark.parametrize("name", WHOLE)
def test_copies_that_nothing_is_gained_from_stay_whole(name: str) -> None:
    names, source, new = rewritten(WHOLE[name])
    assert sum(name.startswith("i64.") for name in names) >= 2
    assert Validator(source.data).check(1, new).status == "proven"


def test_two_halves_become_one_again() -> None:
    body = f"(drop (i32.load offset=4 {P})) (i64.store {P} (i64.load {Q}))"
    names, _, _ = rewritten(body)
    assert names == ["i32.load", "i64.load", "i64.store"]
