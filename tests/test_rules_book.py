"""The book: every rule is proven, loads into the engine, and agrees on plain numbers."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator

import pytest
import wasmtime
from eqsat.egraph import Engine, bindings
from eqsat.lowering import lower
from eqsat.rules import book
from eqsat.rules.fold import FOLDABLE
from eqsat.rules.language import Rule
from eqsat.rules.pretty import Tree, tree
from eqsat.rules.signature import ASKED, CONSTRUCTORS, RULESETS, header
from eqsat.verify import rules_lock
from eqsat.verify.rules import prove_rule
from eqsat.wasm.module import Module

from .rules_evaluate import Undefined, primitive, term

RULES = book.built_in()
EDGES = (0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 24, 31, 32, 33, 48, 56, 63, 64, 65, 255, 256, 65535)
SAMPLES = 3_000
"""Attempts to meet a rule's guard: enough for every rule below, see the list of exceptions."""


def test_every_rule_is_covered_by_the_lock() -> None:
    assert book.load().unproven == ()


def test_the_lock_has_no_rows_without_a_rule() -> None:
    rows = rules_lock.read(book.LOCK)
    assert rows, "the lock is of another prover or Z3: prove the rules again"
    assert set(rows) == {rule.name for rule in RULES}


def test_a_changed_rule_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = RULES[0].text.replace(":ruleset", " :ruleset")
    import dataclasses

    rule = dataclasses.replace(RULES[0], text=changed)
    monkeypatch.setattr(book, "built_in", lambda: (rule, *RULES[1:]))
    loaded = book.load()
    assert loaded.unproven == (rule,)
    assert len(loaded.rules) == len(RULES) - 1


@pytest.mark.parametrize("traced", [False, True])
def test_the_engine_accepts_every_line(traced: bool) -> None:
    egglog = bindings.load()
    loaded = book.load()
    graph = egglog.EGraph()
    for line in loaded.traced_lines() if traced else loaded.lines():
        graph.run_program(*graph.parse_program(line))


class Listening:
    """The engine's module, with an e-graph that notes the text of every command."""

    def __init__(self) -> None:
        self.real = bindings.load()
        self.heard: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def EGraph(self) -> object:
        graph, heard = self.real.EGraph(), self.heard

        class Graph:
            def __getattr__(self, name: str) -> object:
                return getattr(graph, name)

            def parse_program(self, text: str) -> object:
                heard.append(text)
                return graph.parse_program(text)

        return Graph()


@pytest.mark.parametrize("lazy", [False, True])
def test_what_the_engine_loads_is_proven(lazy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    listening = Listening()
    monkeypatch.setattr(bindings, "load", lambda: listening)
    engine = Engine(book.load().lines(), lazy=lazy)
    text = """(module (memory 1) (func (param i32 i64) (result i32)
        (i32.store (local.get 0) (i32.mul (local.get 0) (i32.const 4)))
        (i32.add (i32.load (local.get 0)) (i32.wrap_i64 (i64.add (local.get 1) (local.get 1))))))"""
    module = Module.parse(bytes(wasmtime.wat2wasm(text)))
    assert engine.saturate([lower(module, 0)]).hits["i32/mul-pow2"]
    recorded = {row.hash for row in rules_lock.read(book.LOCK).values()}
    own = 0
    for line in listening.heard:
        if not line.startswith(("(rewrite ", "(rule ", "(birewrite ")):
            continue
        if rules_lock.digest(line) in recorded:
            continue
        # The engine's own: rows of a function that become terms, and terms that are hidden.
        own += 1
        actions = tree(line)[2]
        assert isinstance(actions, list)
        assert len(actions) == 1
        match actions[0]:
            case ["subsume", [str(_), *_]]:
                assert ":ruleset clean" in line
            case ["union", [str(number), "id"], [str(_), *_]]:
                assert number.startswith("n.")
                assert line.startswith("(rule ((+")
            case other:
                raise AssertionError(other)
    assert own > 0
    assert len(listening.heard) > (len(RULES) if not lazy else 50)


def test_a_traced_rule_proves_like_the_rule() -> None:
    rule = next(rule for rule in RULES if rule.name == "i32/mul-pow2")
    assert prove_rule(rule.traced(7)[1]).status == "proven"


def test_loading_needs_neither_engine_nor_solver() -> None:
    script = (
        "import sys; from eqsat.rules.book import load; load();"
        "print([m for m in ('z3', 'egglog', 'wasmtime', 'inspect') if m in sys.modules and"
        " m != 'inspect'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_loading_is_deterministic() -> None:
    script = "from eqsat.rules.book import load; print('\\n'.join(load().lines()))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {"\n".join(book.load().lines()) + "\n"}


def test_asked_operations_are_foldable_and_asked_once() -> None:
    assert len(set(ASKED)) == len(ASKED)
    assert set(ASKED) <= FOLDABLE
    asking = [rule for rule in RULES if rule.name.startswith("ask-")]
    assert [f"ask-{name}" for name in ASKED] == [rule.name for rule in asking]


def test_the_header_declares_what_it_should() -> None:
    lines = header()
    assert "(constructor i64.extend_i32_u (I32) I64)" in lines
    assert "(constructor load.I64 (Tok I32 i64 i64 i64) I64 :unextractable)" in lines
    assert [line for line in lines if line.startswith("(ruleset")] == [
        f"(ruleset {name})" for name in RULESETS
    ]
    assert len(lines) == len(set(lines))


def test_rules_stay_in_the_signature() -> None:
    for rule in RULES:
        for word in rule.text.replace("(", " ( ").replace(")", " ) ").split("( ")[1:]:
            head = word.split(" ")[0]
            if "." in head and head[:3] not in ("kz.", "ko.", "ask", "ans"):
                assert head in CONSTRUCTORS, rule.name


# --- plain numbers --------------------------------------------------------------------------------


def _checkable() -> Iterator[Rule]:
    """Rewrites between terms that need no history and no fact."""
    for rule in RULES:
        whole = rule.text
        if rule.left and not any(
            f"({word}." in whole for word in ("load", "get", "tok", "kz", "ko")
        ):
            yield rule


def _variables(node: Tree, found: dict[str, None]) -> None:
    if isinstance(node, str):
        if not node.lstrip("-").isdigit():
            found[node] = None
        return
    for part in node[1:]:
        _variables(part, found)


def _sides(rule: Rule, generator: random.Random) -> tuple[int, int] | None:
    """Both sides for random values, None where the guard does not hold or the left side traps."""
    left, right = tree(rule.left), tree(rule.right)
    names: dict[str, None] = {}
    for node in (left, right, *(tree(fact) for fact in rule.facts)):
        _variables(node, names)
    sorts = dict(rule.variables)
    whole = " ".join((rule.left, rule.right, *rule.facts))
    values: dict[str, int] = {}
    for name in names:
        narrow = sorts[name] in ("I32", "F32") or f"32.const {name})" in whole
        bits = 32 if narrow else 64
        shape = generator.random()
        raw = generator.choice(EDGES) if shape < 0.5 else generator.getrandbits(bits)
        if shape > 0.8:
            raw = (1 << generator.randrange(bits)) - generator.choice((0, 0, 1))
        if generator.random() < 0.2:
            raw = -raw
        half = 1 << (bits - 1)
        constant = sorts[name] == "i64"
        values[name] = ((raw + half) % (1 << bits)) - half if constant else raw % (1 << bits)
    try:
        if not all(primitive(fact, values) for fact in rule.facts):
            return None
        expected = term(left, values)
    except Undefined:
        return None
    return expected, term(right, values)


RARE = frozenset(
    f"{width}/{name}"
    for width in ("i32", "i64")
    for name in ("rotl-const", "select-next", "select-previous",
                 "gamma-next", "gamma-previous")
)  # fmt: skip
"""Rules whose guard ties two constants together: random ones seldom meet it."""


def test_both_sides_agree_on_plain_numbers() -> None:
    never = []
    for rule in _checkable():
        # Of its own for each rule, so that no rule decides what another one is given.
        generator = random.Random(rule.name)
        met = 0
        for _ in range(SAMPLES):
            sides = _sides(rule, generator)
            if sides is None:
                continue
            assert sides[0] == sides[1], rule.text
            met += 1
            if met == 12:
                break
        if met == 0:
            never.append(rule.name)
    assert set(never) <= RARE
