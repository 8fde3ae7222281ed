"""Rules are registered when a batch can match them, and that changes nothing but time."""

import pytest
from eqsat.egraph import Engine
from eqsat.egraph.engine import EngineError
from eqsat.egraph.needs import admit, split_rules
from eqsat.lowering import lower
from eqsat.rules import book
from eqsat.rules.signature import header

from .memory_programs import program


def test_what_rules_need_and_make() -> None:
    lines = [
        "(sort X)",
        "(rewrite (i32.mul x (i32.const 2)) (i32.shl x (i32.const 1)) :ruleset opt)",
        "(rewrite (i64.mul x y) (i64.mul y x) :ruleset comm)",
        "(rule ((= e (i32.shl x y)) (kz.I32 x)) ((union e (i32.rotl x y))) :ruleset opt)",
    ]
    first, rules = split_rules(lines)
    assert first == lines[:1]
    assert [sorted(rule.needed) for rule in rules] == [
        ["i32.const", "i32.mul"],
        ["i64.mul"],
        ["i32.shl"],
    ]
    present = {"i32.const", "i32.mul"}
    admitted, left = admit(rules, present)
    assert [rule.line for rule in admitted] == [lines[1], lines[3]]
    assert [rule.line for rule in left] == [lines[2]]
    assert "i32.rotl" in present


def test_lazy_and_eager_engines_agree() -> None:
    lines = book.load().lines()
    eager, lazy = Engine(lines), Engine(lines, lazy=True)
    assert len(lazy._waiting) > 500
    for seed in range(6):
        batch = [lower(program(seed), 1)]
        one, other = eager.saturate(batch), lazy.saturate(batch)
        assert one.classes == other.classes
        assert one.nodes == other.nodes
        assert one.constants == other.constants
        assert one.known == other.known
    assert lazy._waiting, "no program of these has floats in a sum"


def test_a_refused_rule_is_named_with_its_batch() -> None:
    good = "(rewrite (i32.and x y) (i32.and y x) :ruleset comm)"
    bad = "(rewrite (i32.add x y) (i64.add x y) :ruleset opt)"
    engine = Engine([*header(), good, bad], "mine", lazy=True)
    batch = [lower(program(1), 1)]
    with pytest.raises(EngineError, match="mine for this batch:"):
        engine.saturate(batch)
