"""The one place that decides: cheaper, proven, or the original."""

from dataclasses import dataclass

import pytest
from eqsat.optimize.function import MAX_PROOFS, Candidate, Outcome, improve, joined
from eqsat.optimize.measure import FuelCost, SizeCost, body_time
from hypothesis import given
from hypothesis import strategies as st


@dataclass
class Verdict:
    status: str
    method: str = "test"
    reason: str = ""
    queries: int = 1
    rlimit: int = 10


class Length:
    """Bodies that are no code have a length."""

    def key(self, body: bytes) -> tuple[float, ...]:
        return (len(body),)

    def allows(self, original: bytes, body: bytes) -> bool:
        return True

    def figure(self, body: bytes) -> float:
        return len(body)


def decide(original: bytes, bodies: list[bytes], verdicts: dict[bytes, Verdict]) -> Outcome:
    def check(index: int, candidate: Candidate) -> Verdict:
        assert index == 5
        asked.append(candidate.body)
        return verdicts.get(candidate.body, Verdict("proven"))

    asked: list[bytes] = []
    return improve(
        5,
        "f",
        original,
        [Candidate(body) for body in bodies],
        check=check,
        measure=Length(),
        began=0.0,
    )


def test_cheapest_proven_wins() -> None:
    found = decide(b"12345", [b"123", b"12", b"1234"], {})
    assert found.body == b"12"
    assert (found.record.bytes_before, found.record.bytes_after) == (5, 2)
    assert found.record.status == "proven"


def test_next_one_when_the_cheapest_is_not_proven() -> None:
    found = decide(b"12345", [b"123", b"12"], {b"12": Verdict("unknown", reason="hard")})
    assert found.body == b"123"
    assert found.record.rejected == 1
    assert found.record.rlimit == 20


def test_original_stays_when_nothing_is_proven() -> None:
    verdicts = {b"12": Verdict("refuted", reason="f(1)"), b"123": Verdict("unknown")}
    found = decide(b"12345", [b"123", b"12"], verdicts)
    assert found.body is None
    assert found.record.status == "refuted"
    assert found.record.reason == "f(1)"
    assert found.record.bytes_after == 5


def test_ties_keep_the_original_and_ask_nobody() -> None:
    found = decide(b"12345", [b"54321", b"123456"], {b"54321": Verdict("proven")})
    assert found.body is None
    assert found.record.status == "unchanged"
    assert found.record.queries == 0


def test_proofs_are_bounded() -> None:
    bodies = [b"x" * size for size in range(1, 20)]
    found = decide(b"y" * 30, bodies, {body: Verdict("unknown") for body in bodies})
    assert found.record.rejected == MAX_PROOFS


@given(st.binary(min_size=4, max_size=12), st.lists(st.binary(max_size=14), max_size=6))
def test_never_worse(original: bytes, bodies: list[bytes]) -> None:
    found = decide(original, bodies, {})
    if found.body is not None:
        assert len(found.body) < len(original)
        assert len(found.body) == min(map(len, bodies))


LOOP = bytes.fromhex("00 03 40 41 01 1a 0c 00 0b 0b")
FLAT = bytes.fromhex("00 41 01 1a 0b")
ARM = bytes.fromhex("00 41 01 04 40 41 01 1a 05 41 01 1a 0b 0b")


def test_fuel_weighs_loops_and_arms() -> None:
    assert body_time(FLAT)[0] == 1  # drop is free
    assert body_time(LOOP)[0] == 20  # const and br, ten times
    assert body_time(ARM)[0] == 3  # condition, if, and one of two arms


def test_balanced_never_grows() -> None:
    measure = FuelCost(bounded=True)
    assert measure.allows(FLAT, FLAT)
    assert not measure.allows(FLAT, LOOP)
    assert FuelCost(bounded=False).allows(ARM, FLAT)
    assert measure.key(FLAT) < measure.key(LOOP)


def test_slow_work_breaks_ties() -> None:
    multiplied = bytes.fromhex("00 20 00 41 08 6c 0b")
    shifted = bytes.fromhex("00 20 00 41 03 74 0b")
    for measure in (SizeCost(), FuelCost(bounded=True)):
        assert measure.key(shifted) < measure.key(multiplied)
        assert measure.figure(shifted) == measure.figure(multiplied)


NOTHING: dict[bytes, Verdict] = {b"12": Verdict("unknown", reason="deadline")}


@pytest.mark.parametrize(
    ("first", "second", "status", "body"),
    [
        (decide(b"12345", [], {}), decide(b"12345", [b"123"], {}), "proven", b"123"),
        (decide(b"12345", [b"12"], NOTHING), decide(b"12345", [b"123"], {}), "proven", b"123"),
        (decide(b"12345", [b"123"], {}), decide(b"123", [b"12"], NOTHING), "proven", b"123"),
        (decide(b"12345", [b"123"], {}), decide(b"123", [b"12"], {}), "proven", b"12"),
        (decide(b"12345", [], {}), decide(b"12345", [b"12"], NOTHING), "unknown", None),
        (decide(b"12345", [b"12"], NOTHING), decide(b"12345", [], {}), "unknown", None),
    ],
)
def test_two_visits_make_one_record(
    first: Outcome, second: Outcome, status: str, body: bytes | None
) -> None:
    both = joined(first, second)
    assert both.body == body
    assert both.record.status == status
    assert both.record.bytes_before == 5
    assert both.record.bytes_after == len(body or b"12345")
    assert both.record.reason == ("deadline" if status == "unknown" else "")


def test_the_way_of_several_visits_is_kept() -> None:
    first, second = decide(b"12345", [b"123"], {}), decide(b"123", [b"12"], {})
    both = joined(first, second)
    assert both.via == ((b"123", first.hints),)
    third = joined(both, decide(b"12", [b"1"], {}))
    assert (third.body, third.via) == (b"1", ((b"123", first.hints), (b"12", second.hints)))
    # What changed nothing adds nothing.
    assert joined(both, decide(b"12", [b"1"], {b"1": Verdict("unknown")})).via == both.via
    assert joined(decide(b"123", [], {}), second).via == ()


@pytest.mark.parametrize(
    ("form", "tried"), [(2, [b"1", b"123", b"1234"]), (0, [b"1"]), (-1, [b"1", b"12", b"123"])]
)
def test_after_a_reason_of_the_original_only_what_changed_it_less(
    form: int, tried: list[bytes]
) -> None:
    asked = []

    def check(index: int, candidate: Candidate) -> Verdict:
        asked.append(candidate.body)
        proven = candidate.body == tried[-1] and len(tried) > 1
        return Verdict("proven") if proven else Verdict("unknown", reason="deadline")

    forms = ((b"1", form), (b"12", 2), (b"123", 1), (b"1234", 0))
    found = improve(
        5,
        "f",
        b"12345",
        [Candidate(body, form=number) for body, number in forms],
        check=check,
        measure=Length(),
        began=0.0,
    )
    assert asked == tried
    assert found.body == (tried[-1] if len(tried) > 1 else None)
