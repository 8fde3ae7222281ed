"""The catalogue covers every rule, and what it shows of one is true in wasmtime."""

from __future__ import annotations

import dataclasses
import html
import math
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime
from eqsat.egraph.fold import fold
from eqsat.optimize.catalogue import METHODS, catalogue, costs
from eqsat.optimize.rulebook import every_rule, recorded
from eqsat.rules.example import example
from eqsat.rules.wat import NoExample, Pair

RULES = every_rule()
PAIRS = {rule.name: example(rule, fold) for rule in RULES}
FILES = catalogue(RULES, recorded(RULES))
TRIES = 30
EDGES = (0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, -128, -32768, 65535)
SEEN = 4096
"""Bytes of memory that are filled before a call and compared after it."""


def test_every_rule_has_a_page_that_the_index_names() -> None:
    links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', FILES["index.html"])
    assert [name for _, name in links] == [rule.name for rule in RULES]
    assert {page for page, _ in links} == set(FILES) - {"index.html", "style.css"}
    assert len({page.lower() for page, _ in links}) == len(RULES)
    for (page, _), rule in zip(links, RULES, strict=True):
        text = html.unescape(FILES[page])
        assert rule.equation in text
        assert rule.guard in text
        assert f"<pre>{rule.text}</pre>" in text
        assert PAIRS[rule.name].before in text
        assert PAIRS[rule.name].after in text
        assert any(f"<td>{method}. " in text for method in METHODS), rule.name
        assert re.search(rf"rules/\w+\.py:{rule.line}<", text)
        for name, (before, after) in costs(PAIRS[rule.name]).items():
            cells = "".join(f'<td class="number">{cost}</td>' for cost in (before, after))
            assert f"<tr><td>{name}</td>{cells}</tr>" in text


def test_pages_need_no_network_and_name_no_place_of_this_machine() -> None:
    for text in FILES.values():
        assert "//" not in text.replace("<!doctype", "")
        assert str(Path(__file__).parents[1]) not in text


def test_a_rule_without_a_proof_says_so() -> None:
    files = catalogue(RULES[:1], {})
    assert "1 rules, 0 proven" in files["index.html"]
    (page,) = set(files) - {"index.html", "style.css"}
    assert "the rule is not loaded" in files[page]


def test_costs_are_those_of_the_bodies() -> None:
    # local.get 0, local.get 0, i32.add against local.get 0, i32.const 1, i32.shl; each body has a
    # byte of locals and an end.
    assert costs(PAIRS["i32/add-self"]) == {"bytes": (7, 7), "fuel": (3, 3), "balanced": (19, 19)}
    assert costs(PAIRS["i32/add-0"])["bytes"] == (7, 4)
    assert costs(PAIRS["i32/add-0"])["fuel"] == (3, 1)


def _value(kind: str, address: bool, generator: random.Random) -> int | float:
    bits = int(kind[1:])
    number = generator.choice(EDGES) if generator.random() < 0.5 else generator.getrandbits(bits)
    if address:  # of an access that happens
        return number % (SEEN // 2)
    half = 1 << (bits - 1)
    number = (number + half) % (2 * half) - half
    return number if kind[0] == "i" else generator.choice((float(number), -0.0, math.nan))


def _call(
    machine: wasmtime.Engine, module: wasmtime.Module, name: str, arguments: list[int | float]
) -> tuple[object, object]:
    """The result of a call, or that it trapped; and what memory or global hold afterwards."""
    store = wasmtime.Store(machine)
    store.set_fuel(10_000)
    exports = wasmtime.Instance(store, module, []).exports(store)
    memory = exports.get("m")
    if isinstance(memory, wasmtime.Memory):
        memory.write(store, random.Random(1).randbytes(SEEN), 0)
    function = exports[name]
    assert isinstance(function, wasmtime.Func)
    result: object
    try:
        result = repr(function(store, *arguments))
    except wasmtime.Trap:
        result = "trap"
    other = exports.get("g")
    if isinstance(memory, wasmtime.Memory):
        return result, bytes(memory.read(store, 0, SEEN))
    return result, other.value(store) if isinstance(other, wasmtime.Global) else None


def _agree(name: str, pair: Pair) -> tuple[int, str]:
    """How often both sides were run without a trap, and where they differ (empty: nowhere)."""
    generator = random.Random(name)
    config = wasmtime.Config()
    config.consume_fuel = True
    machine = wasmtime.Engine(config)
    before = wasmtime.Module(machine, pair.before)
    after = wasmtime.Module(machine, pair.after)
    names = re.findall(r"\(param \$(\w+) ", pair.before)
    ran = 0
    for _ in range(TRIES if pair.parameters else 1):
        arguments = [
            _value(kind, one == "p" and '"m"' in pair.before, generator)
            for kind, one in zip(pair.parameters, names, strict=True)
        ]
        left = _call(machine, before, "before", arguments)
        if left[0] == "trap":  # a value that never comes to be
            continue
        ran += 1
        right = _call(machine, after, "after", arguments)
        if left != right:
            return ran, f"{name}: {arguments}: {left[0]} and {right[0]}"
    return ran, ""


@pytest.mark.parametrize("first", range(8))
def test_both_sides_agree_in_wasmtime(first: int) -> None:
    names = list(PAIRS)[first::8]
    for name in names:
        ran, difference = _agree(name, PAIRS[name])
        assert ran, name
        assert not difference


def test_the_comparison_sees_a_wrong_rule() -> None:
    pair = PAIRS["i32/add-self"]
    wrong = Pair((), pair.before, pair.after.replace("const 1", "const 2"), pair.parameters, "i32")
    assert _agree("wrong", wrong)[1]
    stores = PAIRS["store-store"]
    late = stores.after.replace("(local.get $v)", "(local.get $u)")
    assert late != stores.after
    assert _agree("late", Pair((), stores.before, late, stores.parameters, ""))[1]


def test_known_bits_are_in_the_program() -> None:
    assert "(i32.and (local.get $x) (i32.const 1))" in PAIRS["i32/known-lt_u"].before


def _catalogue(folder: Path, *options: str, seed: str = "1") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eqsat", "rules", "catalogue", str(folder), *options],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
    )


def test_the_command_writes_the_same_files_every_time(tmp_path: Path) -> None:
    for seed in "12":
        assert _catalogue(tmp_path / seed, seed=seed).returncode == 0
        assert {path.name: path.read_text("utf-8") for path in (tmp_path / seed).iterdir()} == FILES


def test_the_command_covers_rules_of_a_user_and_keeps_what_is_there(tmp_path: Path) -> None:
    mine = tmp_path / "mine.egg"
    mine.write_text(
        '(rewrite (i32.add x x) (i32.mul x (i32.const 2)) :name "../<b>&")\n'
        '(rewrite (i32.add x (i32.const 1)) x :name "wrong")\n'
        '(rewrite (ref.is_null r) (ref.is_null r) :name "a-reference")\n'
    )
    done = _catalogue(tmp_path / "new", "--rules", str(mine))
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "new" / "index.html").read_text("utf-8")
    assert '<a href="b.html">../&lt;b&gt;&amp;</a>' in index
    assert "<b>" not in index
    assert "direct. " in (tmp_path / "new" / "b.html").read_text("utf-8")
    assert "not loaded" in (tmp_path / "new" / "wrong.html").read_text("utf-8")
    assert "Not shown" in (tmp_path / "new" / "a-reference.html").read_text("utf-8")
    again = _catalogue(tmp_path / "new")
    assert again.returncode == 2
    assert "error[E0205]" in again.stderr


def test_what_cannot_be_shown_says_why() -> None:
    rule = next(rule for rule in RULES if rule.name == "i32/add-0")
    with pytest.raises(NoExample, match="no constants"):
        example(dataclasses.replace(rule, facts=("(< 2 1)",)), fold)
