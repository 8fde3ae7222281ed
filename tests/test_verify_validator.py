"""The function validator on pairs of bodies: what must be proven and what must not be.

Each row is a function body of type ``(i32 i32) -> i32`` beside its replacement. Rows that must not
be proven are checked to differ by running both, so that the table cannot be wrong itself.
"""

import time
from dataclasses import replace

import pytest
import wasmtime
import z3  # type: ignore[import-untyped]
from eqsat.verify.differential import explore
from eqsat.verify.reader import read_module
from eqsat.verify.relation import Hints, LoopHint
from eqsat.verify.terms import CLOCK_STEPS, MAX_STEPS, Exhausted, Terms
from eqsat.verify.trace import Trace
from eqsat.verify.validator import Pair, Validator, Verdict

HEAD = """(module
 (import "h" "x" (func $x (param i32) (result i32)))
 (memory (export "m") 1 3) (memory $n (export "n") 1 1)
 (memory $w i64 1)
 (table $t 4 funcref) (elem (i32.const 0) $id)
 (global $g (export "g") (mut i32) (i32.const 0)) (global $k i32 (i32.const 12))
 (func $id (param i32) (result i32) local.get 0)
 (func (export "f") (param i32 i32) (result i32) """
INDEX = 2

COUNT = (
    "(local i32 i32) loop local.get 2 local.get 1 i32.const 3 i32.mul i32.add local.set 2 "
    "local.get 3 i32.const 1 i32.add local.tee 3 local.get 0 i32.lt_u br_if 0 end local.get 2"
)
SUM = (
    "(local i32 i32) loop local.get 2 local.get 1 i32.load offset=16 i32.add local.set 2 "
    "local.get 3 i32.const 1 i32.add local.tee 3 local.get 0 i32.lt_u br_if 0 end local.get 2"
)

EQUAL = {
    "identities": ("local.get 0 i32.const 0 i32.add", "local.get 0"),
    "negation": (
        "local.get 0 local.get 1 i32.sub",
        "local.get 0 i32.const -1 i32.xor local.get 1 i32.add i32.const -1 i32.xor",
    ),
    "shift for multiplication": (
        "local.get 0 i32.const 12 i32.mul",
        "local.get 0 i32.const 3 i32.shl local.get 0 i32.const 2 i32.shl i32.add",
    ),
    "xor by or and and": (
        "local.get 0 local.get 1 i32.xor",
        "local.get 0 local.get 1 i32.or local.get 0 local.get 1 i32.and i32.sub",
    ),
    "signed division by four": (
        "local.get 0 i32.const 4 i32.div_s",
        "local.get 0 local.get 0 i32.const 31 i32.shr_s i32.const 30 i32.shr_u i32.add "
        "i32.const 2 i32.shr_s",
    ),
    "shift counts are taken modulo the width": (
        "local.get 0 i32.const 33 i32.shl",
        "local.get 0 local.get 0 i32.add",
    ),
    "select and if": (
        "local.get 0 local.get 1 local.get 0 i32.const 5 i32.lt_u select",
        "local.get 0 i32.const 5 i32.ge_u if (result i32) local.get 1 else local.get 0 end",
    ),
    "and of comparisons": (
        "local.get 0 if (result i32) local.get 1 i32.eqz i32.eqz else i32.const 0 end",
        "local.get 0 i32.const 0 i32.ne local.get 1 i32.const 0 i32.ne i32.and",
    ),
    "sign test": ("local.get 0 i32.const 0 i32.lt_s", "local.get 0 i32.const 31 i32.shr_u"),
    "condition of a call by solver": (
        "local.get 0 i32.const 0 i32.lt_s if i32.const 4 call $x drop end i32.const 1",
        "local.get 0 i32.const 31 i32.shr_u if i32.const 4 call $x drop end i32.const 1",
    ),
    "branch table": (
        "block block block local.get 0 br_table 0 1 2 end i32.const 10 return end "
        "i32.const 20 return end i32.const 30",
        "local.get 0 i32.eqz if (result i32) i32.const 10 else local.get 0 i32.const 1 i32.eq "
        "if (result i32) i32.const 20 else i32.const 30 end end",
    ),
    "forwarded store": (
        "local.get 0 i32.const 2 i32.shl local.get 1 i32.store "
        "local.get 0 i32.const 4 i32.mul i32.load",
        "local.get 0 i32.const 2 i32.shl local.get 1 i32.store local.get 1",
    ),
    "dead store": (
        "local.get 0 i32.const 1 i32.store local.get 0 i32.const 2 i32.store i32.const 1",
        "local.get 0 i32.const 2 i32.store i32.const 1",
    ),
    "disjoint stores in known bounds swapped": (
        "i32.const 8 local.get 0 i32.store i32.const 4 local.get 1 i32.store i32.const 1",
        "i32.const 4 local.get 1 i32.store i32.const 8 local.get 0 i32.store i32.const 1",
    ),
    "wide load for two": (
        "local.get 0 i32.load8_u local.get 0 i32.load8_u offset=1 i32.const 8 i32.shl i32.or",
        "local.get 0 i32.load16_u",
    ),
    "load past a store to another memory": (
        "local.get 0 i32.const 65535 i32.and i32.load8_u local.get 1 i32.const 7 i32.and "
        "i32.const 5 i32.store8 $n",
        "local.get 1 i32.const 7 i32.and i32.const 5 i32.store8 $n "
        "local.get 0 i32.const 65535 i32.and i32.load8_u",
    ),
    "two traps swapped": (
        "local.get 0 local.get 1 i32.div_u drop local.get 1 i32.load drop i32.const 1",
        "local.get 1 i32.load drop local.get 0 local.get 1 i32.div_u drop i32.const 1",
    ),
    "global forwarded": (
        "local.get 0 global.set $g global.get $g global.get $k i32.add",
        "local.get 0 global.set $g local.get 0 i32.const 12 i32.add",
    ),
    "memory64 offset": (
        "i64.const 8 local.get 0 i32.store $w offset=8 i64.const 16 i32.load $w",
        "i64.const 16 local.get 0 i32.store $w local.get 0",
    ),
    "invariant hoisted": (
        COUNT,
        "(local i32 i32 i32) local.get 1 i32.const 3 i32.mul local.set 4 loop local.get 4 "
        "local.get 2 i32.add local.set 2 local.get 3 i32.const 1 i32.add local.tee 3 "
        "local.get 0 i32.lt_u br_if 0 end local.get 2",
    ),
    "locals renumbered": (
        COUNT,
        "(local i32 i32) loop local.get 3 local.get 1 i32.const 3 i32.mul i32.add local.set 3 "
        "local.get 2 i32.const 1 i32.add local.tee 2 local.get 0 i32.lt_u br_if 0 end local.get 3",
    ),
    "load of unwritten memory kept in a register": (
        SUM,
        "(local i32 i32 i32) loop local.get 1 i32.load offset=16 local.get 2 i32.add "
        "local.set 2 i32.const 1 local.get 3 i32.add local.tee 3 local.get 0 i32.lt_u "
        "br_if 0 end local.get 2",
    ),
    "loop without repetition": (
        "loop local.get 0 if end end local.get 1",
        "local.get 1",
    ),
}

# Merged before and behind what both arms do; a merged value below what its test guards.
ARMS = (
    "local.get 0 if i32.const 8 local.get 1 i32.store i32.const 4 i32.const 7 i32.store "
    "else i32.const 16 local.get 0 i32.store i32.const 4 i32.const {} i32.store end i32.const 1"
)
BEHIND = (
    "local.get 0 if i32.const 8 local.get 1 i32.store "
    "else i32.const 16 local.get 0 i32.store end i32.const 4 i32.const 7 i32.store i32.const 1"
)
GUARDED = (
    "(local i32) local.get 0 if local.get 1 local.set 2 end "
    "local.get 0 if i32.const 8 local.get 1 call $x i32.store "
    "i32.const 4 local.get {} i32.const 3 i32.mul i32.store end i32.const 1"
)
EQUAL["a store in both arms"] = ARMS.format(7), BEHIND
EQUAL["a value that a test has decided"] = GUARDED.format(2), GUARDED.format(1)

DIFFERENT = {
    "wrong rounding": ("local.get 0 i32.const 4 i32.div_s", "local.get 0 i32.const 2 i32.shr_s"),
    "one point": (
        "local.get 0 i32.const 3 i32.mul",
        "local.get 0 i32.const 3 i32.mul local.get 0 i32.const 127 i32.eq i32.add",
    ),
    "lost trap": ("local.get 0 local.get 1 i32.div_u drop i32.const 1", "i32.const 1"),
    "new trap": ("i32.const 1", "local.get 0 i32.load drop i32.const 1"),
    "trap moved past a global": (
        "local.get 0 local.get 1 i32.div_u drop i32.const 1 global.set $g i32.const 1",
        "i32.const 1 global.set $g local.get 0 local.get 1 i32.div_u drop i32.const 1",
    ),
    "trap moved past a call": (
        "local.get 0 local.get 1 i32.div_u drop i32.const 1 call $x",
        "i32.const 1 call $x local.get 0 local.get 1 i32.div_u drop",
    ),
    "load moved past an aliasing store": (
        "local.get 0 i32.load local.get 1 i32.const 7 i32.store",
        "local.get 1 i32.const 7 i32.store local.get 0 i32.load",
    ),
    "store read before it is overwritten": (
        "local.get 0 i32.const 1 i32.store local.get 1 i32.load local.get 0 i32.const 2 i32.store",
        "local.get 1 i32.load local.get 0 i32.const 2 i32.store",
    ),
    "offset that may not wrap": (
        "local.get 0 i32.const 4 i32.add i32.load",
        "local.get 0 i32.load offset=4",
    ),
    "other memory": (
        "i32.const 8 local.get 0 i32.store i32.const 8 i32.load",
        "i32.const 8 local.get 0 i32.store $n i32.const 8 i32.load $n",
    ),
    "dropped store": ("i32.const 8 local.get 0 i32.store local.get 0", "local.get 0"),
    "dropped call": ("local.get 0 call $x drop i32.const 1", "i32.const 1"),
    "call made twice": (
        "local.get 0 call $x local.tee 1 local.get 1 i32.add",
        "local.get 0 call $x local.get 0 call $x i32.add",
    ),
    "store at a trap": (
        "i32.const 8 local.get 0 i32.store unreachable",
        "unreachable",
    ),
    "loop condition": (COUNT, COUNT.replace("lt_u", "le_u")),
    "loop step": (COUNT, COUNT.replace("i32.const 1", "i32.const 2")),
    "grown memory": (
        "i32.const 1 memory.grow drop memory.size",
        "i32.const 1 memory.grow drop i32.const 1",
    ),
    "indirect call to another element": (
        "local.get 0 i32.const 0 call_indirect (param i32) (result i32)",
        "local.get 0 i32.const 1 call_indirect (param i32) (result i32)",
    ),
    "hoisted load of written memory": (
        "(local i32) loop local.get 0 i32.load local.get 2 i32.add local.set 2 local.get 1 "
        "local.get 2 i32.const 1 i32.add i32.store local.get 2 i32.const 100 i32.lt_u br_if 0 end "
        "local.get 2",
        "(local i32 i32) local.get 0 i32.load local.set 3 loop local.get 3 local.get 2 i32.add "
        "local.set 2 local.get 1 local.get 2 i32.const 1 i32.add i32.store local.get 2 "
        "i32.const 100 i32.lt_u br_if 0 end local.get 2",
    ),
}
DIFFERENT["a store that one arm makes otherwise"] = ARMS.format(6), BEHIND
DIFFERENT["a value that a test has not decided"] = GUARDED.format(2), GUARDED.format(0)


def module(body: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f"{HEAD}{body}))"))


def check(a: bytes, b: bytes, hints: Hints | None = None) -> Verdict:
    return Validator(a).check(INDEX, read_module(b).bodies[INDEX - 1], hints=hints)


@pytest.mark.parametrize("name", EQUAL)
def test_equal_bodies_are_proven(name: str) -> None:
    a, b = map(module, EQUAL[name])
    verdict = check(a, b)
    assert verdict.status == "proven", verdict.reason
    assert explore(a, b, seconds=1, seed=3, calls=60).difference is None


@pytest.mark.parametrize("name", EQUAL)
def test_the_other_way_round_as_well(name: str) -> None:
    b, a = map(module, EQUAL[name])
    assert check(a, b).status == "proven"


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_bodies_are_not_proven(name: str) -> None:
    a, b = map(module, DIFFERENT[name])
    verdict = check(a, b)
    assert verdict.status == "unknown"
    assert verdict.reason
    assert explore(a, b, seconds=20, seed=3, calls=3000).difference is not None


def test_removing_an_endless_loop_is_not_proven() -> None:
    verdict = check(module("loop local.get 0 br_if 0 end i32.const 1"), module("i32.const 1"))
    assert verdict.status == "unknown"


def test_equal_bytes_are_identical() -> None:
    a = module("local.get 0")
    assert check(a, a).method == "identical"


def test_diagrams_end_with_the_time_or_their_budget() -> None:
    for deadline, reason, steps in (
        (time.perf_counter() - 1, "deadline", CLOCK_STEPS),
        (time.perf_counter() + 3600, "more than", MAX_STEPS),
        (None, "more than", MAX_STEPS),
    ):
        terms = Terms()
        terms.deadline = deadline
        for _ in range(steps):
            terms.step()
        with pytest.raises(Exhausted, match=reason):
            terms.step()


def test_a_late_check_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[bool] = []
    execute = Pair.execute

    def noted(self: Pair, deadline: float | None = None, *, cells: bool = False) -> str | None:
        runs.append(cells)
        return execute(self, deadline, cells=cells)

    monkeypatch.setattr(Pair, "execute", noted)
    a, b = module(COUNT), module(COUNT.replace("i32.lt_u", "i32.gt_u i32.eqz"))
    verdict = Validator(a).check(INDEX, read_module(b).bodies[INDEX - 1], deadline=0.0)
    assert verdict.reason == "deadline"
    assert runs == [False]


def test_another_original_takes_the_place_of_the_module_s() -> None:
    one, same, other = map(module, (*EQUAL["identities"], "local.get 1"))
    bodies = [read_module(data).bodies[INDEX - 1] for data in (one, same, other)]
    validator = Validator(other)
    for original, new, status in ((0, 1, "proven"), (2, 2, "proven"), (0, 2, "unknown")):
        verdict = validator.check(INDEX, bodies[new], original=bodies[original])
        assert verdict.status == status
    assert validator.check(INDEX, bodies[1]).status == "unknown"


@pytest.mark.parametrize("wrong", [(0, 2), (0, 3), (0, 99), (7, 2)])
def test_wrong_hints_prove_nothing(wrong: tuple[int, int]) -> None:
    a, b = map(module, DIFFERENT["loop step"])
    original, local = wrong
    hints = Hints((LoopHint(0, original, {2: ("local", local), 3: ("const", 32, 0)}),))
    assert check(a, b, hints).status == "unknown"


NESTED = (
    "(local i32 i32 i32 i32) i32.const 2 local.set 3 loop local.get 0 local.set 4 local.get 2 "
    "local.set 5 loop local.get 2 local.get 1 i32.xor i32.const 3 i32.add local.set 2 "
    "local.get 4 i32.const 1 i32.sub local.tee 4 br_if 0 end "
    "local.get 3 i32.const 1 i32.sub local.tee 3 br_if 0 end {}"
)


def test_a_loop_within_turns_is_another_one_each_time() -> None:
    """What it leaves in the first turn of the outer loop is not what it leaves in the second."""
    inner = (
        "local.get 0 local.set 4 loop local.get 2 local.get 1 i32.xor i32.const 3 i32.add "
        "local.set 2 local.get 4 i32.const 1 i32.sub local.tee 4 br_if 0 end "
    )
    a = module(NESTED.format("local.get 2 local.get 5 i32.sub"))
    for code in ("i32.const 0", f"(local i32 i32 i32 i32) {inner} i32.const 0"):
        assert check(a, module(code)).status == "unknown"
    twice = f"(local i32 i32 i32 i32) {inner} {inner} i32.const 0"
    for hints in (None, Hints((LoopHint(0, 1), LoopHint(1, 1)))):
        assert check(a, module(twice), hints).status == "unknown"
    b = module(NESTED.format("local.get 2 local.get 5 i32.sub i32.const 0 i32.add"))
    assert check(a, b).status == "proven"


def test_hints_name_no_addresses() -> None:
    """An address of the hint's own could be another one in every turn of the loop."""
    turn = (
        "(local i32 i32) i32.const 8 local.get 1 i32.store loop i32.const 8 local.get 3 i32.store "
        "{} local.get 3 i32.const 1 i32.add local.tee 3 local.get 0 i32.lt_u br_if 0 end "
        "local.get 2"
    )
    a, b = (
        module(turn.format(f"{x} local.set 2")) for x in ("i32.const 8 i32.load", "local.get 2")
    )
    for term in range(2, 60):
        hints = Hints((LoopHint(0, 0, {2: ("load", 2, term, 4), 3: ("local", 3)}),))
        assert check(a, b, hints).status == "unknown"


def test_hints_may_be_expressions() -> None:
    a = module(COUNT)
    b = module(
        "(local i32 i32) i32.const 100 local.set 3 loop local.get 2 local.get 1 i32.const 3 "
        "i32.mul i32.add local.set 2 local.get 3 i32.const 1 i32.add local.tee 3 "
        "i32.const 100 i32.sub local.get 0 i32.lt_u br_if 0 end local.get 2"
    )
    hundred = ("const", 32, 100)
    hints = Hints((LoopHint(0, 0, {3: ("op", "i32.add", ("local", 3), hundred)}),))
    assert check(a, b, hints).status == "proven"


@pytest.mark.parametrize(
    "text",
    [
        "(module (memory 1 1 shared) (func (param i32) (result i32) local.get 0 i32.load{}))",
        "(module (memory 1) (func (param i32) (result i32) local.get 0 i32.atomic.load{}))",
        "(module (tag $e) (func (param i32) (result i32) local.get 0 if throw $e end i32.const 1{}))",  # noqa: E501
    ],
)
def test_what_is_not_modelled_is_unknown(text: str) -> None:
    a, b = (bytes(wasmtime.wat2wasm(text.format(t))) for t in ("", " nop"))
    verdict = Validator(a).check(0, read_module(b).bodies[0])
    assert verdict.status == "unknown"
    assert verdict.reason


def test_budgets_are_respected() -> None:
    hard = "local.get 0 local.get 1 i32.mul local.get 0 i32.mul local.get 1 i32.rem_u"
    a = module(hard)
    b = module(
        hard.replace(
            "local.get 0 local.get 1 i32.mul",
            "local.get 0 local.get 1 i32.and "
            "local.get 0 local.get 1 i32.or i32.add local.get 0 i32.xor",
        )
    )
    body = read_module(b).bodies[INDEX - 1]
    assert Validator(a).check(INDEX, body, rlimit=1000).status == "unknown"
    began = time.perf_counter()
    verdict = Validator(a).check(INDEX, body, deadline=began)
    assert verdict.status == "unknown"
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "name", ["condition of a call by solver", "xor by or and and", "and of comparisons"]
)
def test_a_trace_tells_all_and_changes_nothing(name: str) -> None:
    a, b = map(module, EQUAL[name])
    trace = Trace()
    verdict = Validator(a).check(INDEX, read_module(b).bodies[INDEX - 1], trace=trace)
    assert replace(verdict, seconds=0.0) == replace(check(a, b), seconds=0.0)
    assert {claim.how for claim in trace.claims} <= {"same term", "sweep", "solver"}
    assert any(claim.about == "return: result 0" for claim in trace.claims)
    assert trace.total == len(trace.claims)
    assert len(trace.queries) == verdict.queries
    assert sum(query.rlimit for query in trace.queries) == verdict.rlimit
    for query in trace.queries:
        solver = z3.Solver(ctx=z3.Context())
        solver.from_string(query.text)
        assert str(solver.check()) == query.answer


def test_a_trace_tells_what_relates_loops() -> None:
    a, b = module(COUNT), module(COUNT.replace("i32.const 3 i32.mul", "i32.const 4 i32.mul"))
    for other, last in ((COUNT.replace("loop", "nop loop"), "same term"), (None, "not proven")):
        trace = Trace()
        body = read_module(b if other is None else module(other)).bodies[INDEX - 1]
        verdict = Validator(a).check(INDEX, body, trace=trace)
        assert (verdict.status == "proven") == (other is not None)
        assert any(text.startswith("loop 0: new local 2 is (local 2") for text in trace.invariants)
        hows = {claim.how for claim in trace.claims if claim.about.startswith("loop 0 back edge")}
        assert "same term" in hows
        assert (last == "same term") == (hows == {"same term"})


def test_verdicts_repeat_exactly() -> None:
    a, b = map(module, EQUAL["signed division by four"])
    first, second = check(a, b), check(a, b)
    assert (first.method, first.queries, first.rlimit) == (
        second.method, second.queries, second.rlimit
    )  # fmt: skip


def test_deep_and_long_bodies_end() -> None:
    deep = "block " * 3000 + "end " * 3000 + "local.get 0"
    assert check(module(deep), module(deep + " nop")).status == "proven"
    long = "local.get 0 i32.const 3 i32.add local.set 0 " * 4000 + "local.get 0"
    assert check(module(long), module(long + " nop")).status == "proven"
    chain = "local.get 0 local.get 1 i32.eq if i32.const 5 return end local.get 0 i32.const 7 "
    chain = (chain + "i32.mul local.set 0 ") * 60 + "local.get 0"
    assert check(module(chain), module(chain + " nop")).status == "proven"


def test_a_private_function_is_refuted_in_a_harness() -> None:
    text = """(module (memory 1) (global (mut i64) (i64.const 0)) (func (param i32 f64)
      local.get 0 i32.const {} i32.store8))"""
    a, b, c = (bytes(wasmtime.wat2wasm(text.format(k))) for k in (7, 8, "7 i32.const 0 i32.add"))
    verdict = Validator(a).check(0, read_module(b).bodies[0], witness_seconds=2)
    assert verdict.status == "refuted"
    assert verdict.counterexample is not None
    assert Validator(a).check(0, read_module(c).bodies[0], witness_seconds=2).status == "proven"


def test_harness_with_new_types_stays_valid() -> None:
    text = "(module (func (param i32) (result i32) local.get 0 {}))"
    a = bytes(wasmtime.wat2wasm(text.format("")))
    # A block of the appended type 1: i32 -> i32, which adds one.
    body = bytes([0, 0x20, 0, 0x02, 1, 0x41, 1, 0x6A, 0x0B, 0x0B])
    verdict = Validator(a).check(0, body, [((0x7F,), (0x7F,))], witness_seconds=2)
    assert verdict.status == "refuted"
