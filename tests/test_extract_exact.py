"""The cheapest graph by a solver: as cheap as any, valid, and the same in every run."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
import wasmtime
from eqsat.cli.main import main
from eqsat.egraph import Engine, ENode
from eqsat.extract import Choices
from eqsat.extract.exact import cheapest
from eqsat.extract.search import Costs
from eqsat.ir.demand import simplify
from eqsat.ir.graph import Value, operands, walk
from eqsat.lowering import STYLES, emit, lower
from eqsat.rules import book
from eqsat.wasm.rewrite import replace

from .observed import observe
from .processes import answers
from .test_extract_local import MODEL, chosen, function
from .test_extract_programs import ARGUMENTS, program

pytest.importorskip("ortools", reason="the extra 'exact' is not installed")

Choice = Mapping[int, "ENode | None"]
"""The term of each class, None where it is a leaf."""

SMALL = (
    "(i32.add (local.get 0) (i32.const 5))",
    "(i32.and (local.get 0) (i32.or (local.get 1) (local.get 2)))",
    "(i32.xor (i32.shl (local.get 0) (i32.const 1)) (i32.mul (local.get 1) (i32.const 3)))",
    """(i32.eqz (i32.sub (i32.add (local.get 0) (local.get 1))
                         (i32.add (local.get 0) (local.get 2))))""",
    """(local.set 2 (i32.and (local.get 0) (local.get 1)))
       (i32.sub (local.get 2) (i32.or (local.get 2) (local.get 0)))""",
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(book.load().lines())


def roots(costs: Costs) -> list[int]:
    return [costs.classes[v.id] for node in walk(costs.function.body) for v in operands(node)]


def price(costs: Costs, choice: Choice) -> int | None:
    """What a graph costs, counted by walking it; None if it is none."""
    uses: dict[int, int] = {}
    total = 0
    open_: set[int] = set()

    def use(number: int) -> bool:
        nonlocal total
        if number in costs.constants:
            total += MODEL.constant(*costs.constants[number])
            return True
        if number in open_ or number not in choice:
            return False
        uses[number] = uses.get(number, 0) + 1
        term = choice[number]
        if uses[number] > 1 or term is None:
            return True
        total += MODEL.operation(term[0])
        open_.add(number)
        fine = all([use(arg) for arg in term[1]])
        open_.discard(number)
        return fine

    fixed = 0
    for root in roots(costs):
        before = total
        if not use(root):
            return None
        if root in costs.constants:
            fixed += total - before
    return (
        total
        - fixed
        + sum(
            MODEL.leaf * count
            for number, count in uses.items()
            if count > 1 or choice[number] is None
        )
    )


def every_choice(costs: Costs) -> Iterator[Choice]:
    options: list[list[ENode | None]] = []
    for entries in costs.entries.values():
        terms: list[ENode | None] = [item for *_, item in entries if not isinstance(item, Value)]
        leaf: list[ENode | None] = [None] if len(terms) < len(entries) else []
        options.append(leaf + terms)
    for picked in itertools.product(*options):
        yield dict(zip(costs.entries, picked, strict=True))


@pytest.mark.parametrize("body", SMALL)
def test_no_other_choice_is_cheaper(body: str, engine: Engine) -> None:
    costs = chosen(engine, function(body)).costs
    answer = cheapest(costs)
    assert answer is not None
    terms = {costs.classes[value]: term for value, term in answer.items()}
    count = 1
    for entries in costs.entries.values():
        count *= len(entries)
    assert 1 <= count < 200_000
    prices = [
        found for choice in every_choice(costs) if (found := price(costs, choice)) is not None
    ]
    of_answer = [
        found
        for choice in every_choice(costs)
        if all(choice[number] == term for number, term in terms.items())
        and (found := price(costs, choice)) is not None
    ]
    assert min(of_answer) == min(prices)


def test_answers_are_valid_and_equal(engine: Engine) -> None:
    for seed in range(6):
        source = program(seed)
        choices = chosen(engine, simplify(lower(source, 0)))
        graph = choices.graph(choices.exact())
        assert graph is not None
        expected = observe(source.data, ARGUMENTS)
        for style in STYLES[:2]:
            body = emit(graph, style).body
            assert observe(replace(source, {0: body}).data, ARGUMENTS) == expected, seed


def test_a_large_graph_is_not_asked_about(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from eqsat.extract import exact

    choices = chosen(engine, function(SMALL[1]))
    assert choices.exact()
    monkeypatch.setattr(exact, "MOST_CLASSES", 2)
    assert choices.exact() == {}


def digest() -> str:
    engine = Engine(book.load().lines())
    answers = [cheapest(Choices(engine.saturate([function(b)]), 0, MODEL).costs) for b in SMALL]
    return hashlib.sha256(repr(answers).encode()).hexdigest()


def test_every_process_gets_the_same_answer() -> None:
    assert answers("test_extract_exact") == {digest()}


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "m.wasm"
    text = f'(module (func (export "f") (param i32 i32 i32) (result i32) {SMALL[3]}))'
    path.write_bytes(bytes(wasmtime.wat2wasm(text)))
    return str(path)


@pytest.mark.parametrize("way", ["tree", "local", "exact"])
def test_the_option_is_taken(way: str, small: str) -> None:
    again = ["--max-iters", "6", "--no-cache", "-q", "--jobs", "1", "--cost", "bytes"]
    for name in "ab":
        assert main(["opt", small, "-o", small + name, "--extract", way, *again]) == 0
    first, second = Path(small + "a").read_bytes(), Path(small + "b").read_bytes()
    assert first == second
    assert len(first) < len(Path(small).read_bytes())


def test_an_unknown_way(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["opt", small, "--diff", "--extract", "fast"]) == 2
    assert "error[E0201]: unknown way 'fast' (known: tree, local, exact)" in capsys.readouterr().err


def test_without_the_solver(
    small: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert main(["opt", small, "--diff", "--extract", "exact"]) == 2
    assert "pip install 'eqsat[exact]'" in capsys.readouterr().err


if __name__ == "__main__":
    print(digest())
