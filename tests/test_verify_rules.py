"""The rule prover: true rules pass, planted errors are refuted, unknown text is never proven."""

from __future__ import annotations

from pathlib import Path

import pytest
from eqsat.rules.signature import CONSTRUCTORS
from eqsat.verify import rules_lock
from eqsat.verify.rules import prove_rule
from eqsat.verify.rules_terms import signature
from eqsat.verify.rules_text import UnreadableRule, command, read

M32 = 4294967295

TRUE = {
    "addition of zero": "(rewrite (i32.add x (i32.const 0)) x)",
    "power of two, enumerated": (
        "(rewrite (i64.div_u x (i64.const c)) (i64.shr_u x (i64.const (log2 c)))"
        " :when ((> c 1) (= 0 (& c (- c 1)))))"
    ),
    "a division that may trap, by itself": (
        "(rewrite (i32.add (i32.div_u x y) (i32.const 0)) (i32.div_u x y))"
    ),
    "division by two cannot trap": (
        "(rewrite (i32.shr_u x (i32.const 1)) (i32.div_u x (i32.const 2)))"
    ),
    "store then load": (
        "(rewrite (load.I32 (tok.store t p o 2 (val.I32 v)) p o 2 0) (i32.and v (i32.const 65535)))"
    ),
    "load past a store": (
        "(rewrite (load.I64 (tok.store t p 8 s v) p o n g) (load.I64 t p o n g)"
        " :when ((<= (+ o n) 8)))"
    ),
    "a constant of an address moves into the offset": (
        "(rewrite (load.I32 t (i32.add p (i32.const k)) o 4 0)"
        " (load.I32 t p (& (+ (& k 4294967295) o) 4294967295) 4 0))"
    ),
    "store over a store": (
        "(rewrite (tok.store (tok.store t p o s u) p o s v) (tok.store t p o s v))"
    ),
    "a global": "(rewrite (get.F64 (tok.set t (val.F64 x))) x)",
    "known bits of a mask": (
        "(rule ((= e (i32.and x y)) (= a (kz.I32 x))) ((set (kz.I32 e) a)) :ruleset analysis)"
    ),
    "float signs": "(rewrite (f64.neg (f64.neg x)) x)",
}

FALSE = {
    "signed division by shifting": (
        "(rewrite (i32.div_s x (i32.const c)) (i32.shr_s x (i32.const (log2 c)))"
        " :when ((> c 1) (= 0 (& c (- c 1)))))"
    ),
    "a missing guard": (
        "(rewrite (i32.mul x (i32.const c)) (i32.shl x (i32.const (log2 c))) :when ((> c 1)))"
    ),
    "a sum that overflows the engine's": (
        "(rewrite (i64.add (i64.const a) (i64.const b)) (i64.const (+ a b)))"
    ),
    "a constant that is not canonical": (
        "(rewrite (i32.add (i32.const a) (i32.const b)) (i32.const (+ a b)))"
    ),
    "a new trap": (
        "(rewrite (i32.and x y) (i32.add (i32.and x y) (i32.mul (i32.div_u x y) (i32.const 0))))"
    ),
    "a quotient where division traps": "(rewrite (i32.div_u x x) (i32.const 1))",
    "a log of nothing": (
        "(rewrite (i32.add x (i32.const c)) (i32.add x (i32.const (- c (- (log2 c) (log2 c))))))"
    ),
    "a narrow store read wide": ("(rewrite (load.I32 (tok.store t p o 2 (val.I32 v)) p o 4 0) v)"),
    "sign lost": (
        "(rewrite (load.I32 (tok.store t p o 1 (val.I32 v)) p o 1 1) (i32.and v (i32.const 255)))"
    ),
    "a store that touches the last byte": (
        "(rewrite (load.I32 (tok.store t p o 4 v) p 8 4 0) (load.I32 t p 8 4 0) :when ((<= o 5)))"
    ),
    "an offset beyond 32 bits": (
        "(rewrite (load.I32 t (i32.add p (i32.const k)) o 4 0)"
        " (load.I32 t p (+ o (& k 4294967295)) 4 0))"
    ),
    "disjoint only without wrapping": (
        "(rewrite (load.I32 (tok.store t p 0 4 v) (i32.add p (i32.const k)) o 4 0)"
        " (load.I32 t (i32.add p (i32.const k)) o 4 0) :when ((>= (+ (& k 4294967295) o) 4)))"
    ),
    "known bits of a sum": (
        "(rule ((= e (i32.add x y)) (= a (kz.I32 x))) ((set (kz.I32 e) a)) :ruleset analysis)"
    ),
    "a mask that is not canonical": (
        f"(rule ((= e (i32.and x (i32.const 1)))) ((set (kz.I32 e) {M32 - 1})) :ruleset analysis)"
    ),
    "the wrong order of a choice": "(rewrite (gamma.I64 c a b) (select.I64 b a c))",
    "absolute value of a negative zero": "(rewrite (f32.abs x) x)",
}

UNPROVABLE = {
    "sums of floats commute only up to NaN bits": "(rewrite (f32.add x y) (f32.add y x))",
    "an unknown constructor": "(rewrite (i32.frob x) x)",
    "an unknown primitive": "(rewrite (i32.add x (i32.const a)) (i32.const (bit-rev a)))",
    "log2 in a query": (
        "(rewrite (i32.mul x (i32.const c)) x :when ((> c 0) (= 0 (log2 c)) (= c 1)))"
    ),
    "an action that deletes": "(rule ((= e (i32.add x y))) ((delete (i32.add x y))))",
    "a widthless size": "(rewrite (load.F32 t p o 1 0) (load.F32 t p o 1 0))",
    "the identity of a history": "(rewrite (load.I32 (tok.entry 0 0) p o 4 0) (i32.const 0))",
    "a guard that nothing satisfies": (
        "(rewrite (i32.add x (i32.const a)) x :when ((> a 1) (< a 1)))"
    ),
    "a distance that no store has": (
        "(rewrite (load.I32 (tok.store t p m s v) p o n g) (load.I32 t p o n g)"
        " :when ((> (- o m) 4294967296)))"
    ),
    "a variable of no sort": "(rule ((= a b)) ((union a b)))",
    "sorts that disagree": "(rewrite (i32.add x y) (i64.add x y))",
}


@pytest.mark.parametrize("name", TRUE)
def test_true_rules_are_proven(name: str) -> None:
    proof = prove_rule(TRUE[name])
    assert (proof.status, proof.goal, proof.reason) == ("proven", "", "")


@pytest.mark.parametrize("name", FALSE)
def test_planted_errors_are_refuted_with_values(name: str) -> None:
    proof = prove_rule(FALSE[name])
    assert proof.status == "refuted", proof
    assert proof.counterexample
    assert proof.goal


@pytest.mark.parametrize("name", UNPROVABLE)
def test_what_is_not_understood_stays_unknown(name: str) -> None:
    proof = prove_rule(UNPROVABLE[name])
    assert proof.status == "unknown", proof
    assert proof.reason


def test_a_counterexample_names_the_rule_variables() -> None:
    proof = prove_rule('(rewrite (i32.add x (i32.const a)) x :when ((> a 6)) :name "n")')
    assert proof.name == "n"
    values = dict(part.split("=") for part in proof.counterexample)
    assert int(values["a"]) > 6


def test_the_prover_knows_every_constructor() -> None:
    for name, row in CONSTRUCTORS.items():
        assert signature(name) == (row.arguments, row.result), name


@pytest.mark.parametrize("text", ["(a (b)", "a) (b", "(a) (b)", ""])
def test_broken_text_is_refused(text: str) -> None:
    with pytest.raises(UnreadableRule):
        read(text)


def test_a_rewrite_is_read_as_a_rule() -> None:
    rule = command('(rewrite (i32.eqz x) x :when ((> a 1)) :ruleset opt :name "n")')
    assert rule.facts == (["=", "root", ["i32.eqz", "x"]], [">", "a", "1"])
    assert rule.actions == (["union", "root", "x"],)


def _question(operation: str) -> str:
    return (
        f"(rule ((= e ({operation} (i32.const a) (i32.const b)))) ((ask.I32 e 7 a b))"
        f' :ruleset fold :name "{operation}")'
    )


def test_two_meanings_of_one_number_are_refuted() -> None:
    rows = [("i32.rotl", _question("i32.rotl")), ("i32.rotr", _question("i32.rotr"))]
    first, second = rules_lock.prove_all(rows)
    assert (first.status, first.method) == ("proven", "definition")
    assert second.status == "refuted"
    assert "already means i32.rotl" in second.reason


def test_a_question_must_carry_its_own_constants() -> None:
    swapped = _question("i32.rotl").replace("7 a b", "7 b a")
    assert prove_rule(swapped).status == "unknown"


def test_the_lock_keeps_what_is_unchanged_and_drops_what_fails(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    good = ("good", '(rewrite (i32.add x (i32.const 0)) x :name "good")')
    bad = ("bad", '(rewrite (i32.add x (i32.const 1)) x :name "bad")')
    assert [p.status for p in rules_lock.update([good, bad], lock)] == ["proven", "refuted"]
    assert list(rules_lock.read(lock)) == ["good"]
    again = rules_lock.update([good, bad], lock)
    assert [p.name for p in again] == ["bad"]
    changed = ("good", good[1].replace("0", "1"))
    assert [p.status for p in rules_lock.update([changed], lock)] == ["refuted"]
    assert rules_lock.read(lock) == {}
