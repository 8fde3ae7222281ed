"""The egglog engine: rules registered once, batches of function graphs saturated one by one.

What makes it fast (`docs/architecture.md` has the figures): one e-graph for all batches with a
push and a pop around each, commands parsed line by line (one big text is quadratic), rows
inserted in bulk from tables, everything read out by one `freeze`. Nothing inside one iteration
can be interrupted, so every call runs one rule set for one iteration, with a look at clock and
size in between; what can explode runs under back-off.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..ir.graph import Function
from ..rules import signature
from . import bindings
from .encode import Rows, encode
from .fold import FOLDS
from .frozen import Saturation, freeze
from .needs import Needs, admit, split_rules

if TYPE_CHECKING:
    from types import ModuleType

    from .provenance import Trace

MAX_ITERATIONS: Final = 12
"""Rounds over all rule sets; real code is saturated after four to six."""
MAX_NODES: Final = 200_000
"""E-nodes in one batch: about half a second of saturation, twenty times a usual batch."""
MAX_ANALYSIS: Final = 8
"""Iterations of an inner fixpoint (folding, facts) in a round: longer chains take the next one."""
MAX_GROWTH: Final = 4
"""A batch may grow to so many times its rows and a floor: beyond that rules only permute."""
GROWTH_FLOOR: Final = 4_000
"""Small batches may grow by so many nodes in any case."""
MATCH_LIMIT: Final = 800
"""Matches of an explosive rule in one iteration before it is left out of that iteration."""
EXPLOSIVE_ROUNDS: Final = 3
"""Rounds in which rule sets under back-off run at all."""

_EXPLOSIVE: Final = ("walk", "assoc")
_INNER: Final = ("fold", "analysis")


class EngineError(Exception):
    """The engine refused a rule or failed while running; the message names the rule's place."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where saturation of one batch stops.

    `max_iters` and `max_nodes` count, so the result does not depend on the machine; `deadline` is
    a reading of `time.monotonic` and a fuse.
    """

    max_iters: int = MAX_ITERATIONS
    max_nodes: int = MAX_NODES
    deadline: float | None = None


class Engine:
    """An e-graph with registered rules. It may be used in the thread that made it only."""

    def __init__(self, lines: Sequence[str], source: str = "rules", *, lazy: bool = False) -> None:
        """Register declarations and rules, one egglog command an entry of `lines`.

        `lines` begins with `rules.signature.header()`, as those of a rule book do. Raises
        `EngineError` with the line's number in `lines` for a command that egglog refuses. With
        `lazy` a rule is registered with the first batch that it can match (so only then refused):
        each costs time at the start and in every batch, and gives the same either way.
        """
        self._lazy = lazy
        self._waiting: Sequence[Needs] = ()
        self._present: set[str] = set()
        self._egglog: ModuleType = bindings.load()
        self._rules = list(lines)
        self._source = source
        self._span = self._egglog.RustSpan(source, 1, 1)
        self._tables: set[str] = set()
        self._start()

    def _start(self) -> None:
        self._graph: Any = self._egglog.EGraph()
        self._tables.clear()
        self._present = set()
        first: Sequence[str] = self._rules
        if self._lazy:
            first, self._waiting = split_rules(self._rules)
        self._declarations: Sequence[str] = ()
        self._run_lines(first, self._source)
        self._run_lines(_own_lines(), "engine")
        self._declarations = first if self._lazy else ()
        backoff = (
            f"(run-schedule (let-scheduler b (back-off :match-limit {MATCH_LIMIT} :ban-length 1))"
            " (run-with b {name}))"
        )
        self._steps = {
            name: self._graph.parse_program(
                backoff.replace("{name}", name)
                if name in _EXPLOSIVE
                else f"(run-schedule (run {name}))"
            )
            for name in ("insert", "clean", *signature.RULESETS)
        }

    def _run_lines(self, lines: Sequence[str], source: str) -> None:
        graph = self._graph
        commands: list[Any] = []
        for number, line in enumerate(lines, 1):
            try:
                commands += graph.parse_program(line)
            except self._egglog.EggSmolError as error:
                raise EngineError(f"{source}:{number}: {error}") from None
        try:
            graph.run_program(*commands)
        except BaseException as error:
            if not self._is_ours(error):
                raise
            self._blame(lines, source)

    def _is_ours(self, error: BaseException) -> bool:
        """Tell whether egglog raised this; its panics are no `Exception`."""
        return isinstance(error, self._egglog.EggSmolError) or type(error).__name__ == (
            "PanicException"
        )

    def _blame(self, lines: Sequence[str], source: str) -> None:
        """Raise the error of the line that egglog refuses, found by running one after another."""
        graph = self._egglog.EGraph()
        for line in self._declarations:
            graph.run_program(*graph.parse_program(line))
        for number, line in enumerate(lines, 1):
            try:
                graph.run_program(*graph.parse_program(line))
            except BaseException as error:
                if not self._is_ours(error):
                    raise
                raise EngineError(f"{source}:{number}: {error}") from None
        raise EngineError(f"{source}: egglog refuses these commands together")

    def saturate(
        self,
        functions: Sequence[Function],
        limits: Limits | None = None,
        trace: Trace | None = None,
    ) -> Saturation:
        """Saturate a batch of function graphs, which are numbered in this order.

        `trace` is filled if the engine's lines record matches (`RuleBook.traced_lines`).
        The graph of another batch leaves no trace in it. Raises `EngineError` if the engine fails;
        it is usable again afterwards.
        """
        rows = Rows()
        encoded = [encode(f, ordinal, rows) for ordinal, f in enumerate(functions)]
        self._declare(rows.lines)
        self._admit(rows.lines)
        try:
            self._graph.run_program(self._egglog.Push(1))
            self._insert(rows.lines)
            stop, rounds, hits = self._search(limits or Limits(), rows.count)
            result = freeze(self._graph, encoded, hits, trace)
            self._graph.run_program(self._egglog.Pop(self._span, 1))
        except BaseException as error:
            self._start()  # a failed run leaves the graph in an unknown state
            if self._is_ours(error):
                raise EngineError(str(error)) from None
            raise
        result.stopped = stop
        result.rounds = rounds
        return result

    def _admit(self, constructors: Iterable[str]) -> None:
        """Register the waiting rules that terms of these constructors let match."""
        if self._waiting and not self._present.issuperset(constructors):
            self._present.update(constructors)
            admitted, self._waiting = admit(self._waiting, self._present)
            self._run_lines([rule.line for rule in admitted], f"{self._source} for this batch")

    # Input.

    def _declare(self, lines: Mapping[str, Sequence[str]]) -> None:
        """Declare the input tables of constructors that were not used so far."""
        new = [name for name in lines if name not in self._tables]
        if new:
            self._run_lines([x for name in new for x in _table_lines(name)], "tables")
            self._tables.update(new)

    def _insert(self, lines: Mapping[str, Sequence[str]]) -> None:
        self._read({f"+{name}": rows for name, rows in lines.items()})
        self._graph.run_program(*self._steps["insert"])

    def _read(self, tables: Mapping[str, Sequence[str]]) -> None:
        """Append rows to relations."""
        for name, rows in tables.items():
            with _file_with("\n".join(rows) + "\n") as path:
                self._graph.run_program(self._egglog.Input(self._span, name, path))

    # Search.

    def _search(self, limits: Limits, rows: int) -> tuple[str, int, dict[str, int]]:
        """Run rule sets until nothing changes; return why it stopped, rounds, matches by rule."""
        hits: dict[str, int] = {}
        most = min(limits.max_nodes, rows * MAX_GROWTH + GROWTH_FLOOR)
        answered: set[tuple[str, int, int, int]] = set()
        for number in range(limits.max_iters):
            changed = False
            for name in signature.RULESETS:
                if name in _EXPLOSIVE and number >= EXPLOSIVE_ROUNDS:
                    continue
                for _ in range(MAX_ANALYSIS if name in _INNER else 1):
                    if not self._step(name, hits):
                        break
                    changed = True
                    if limits.deadline is not None and time.monotonic() > limits.deadline:
                        return "deadline", number + 1, hits
                if name == "fold":
                    changed |= self._answer(answered)
                    self._step("clean", {})
                elif name in ("opt", "comm", *_EXPLOSIVE) and self.size() > most:
                    return "nodes", number + 1, hits
            if not changed:
                return "saturated", number, hits
        return "iterations", limits.max_iters, hits

    def _step(self, name: str, hits: dict[str, int]) -> bool:
        """Run one rule set for one iteration; tell whether anything changed."""
        report = self._graph.run_program(*self._steps[name])[0].report
        for rule, count in report.num_matches_per_rule.items():
            hits[rule] = hits.get(rule, 0) + count
        return bool(report.updated)

    def size(self) -> int:
        """Return the number of e-nodes."""
        output = self._graph.run_program(self._egglog.PrintSize(self._span, None))
        constructors = signature.CONSTRUCTORS
        sizes: list[tuple[str, int]] = output[0].sizes
        return sum(count for name, count in sizes if name in constructors)

    def _answer(self, answered: set[tuple[str, int, int, int]]) -> bool:
        """Fold what rules asked the host for; tell whether an answer was given."""
        egglog, graph = self._egglog, self._graph
        counts = [
            graph.run_program(egglog.PrintSize(self._span, f"ask.{sort}"))[0].size
            for sort in signature.ASK_SORTS
        ]
        if not any(counts):
            return False
        number = graph.value_to_i64
        tables = graph.freeze().functions
        answers: dict[str, list[str]] = {}
        for sort in signature.ASK_SORTS:
            for row in tables[f"ask.{sort}"].rows:
                which, a, b = [number(v) for v in row.inputs[1:]]
                if (sort, which, a, b) in answered:
                    continue
                answered.add((sort, which, a, b))
                result = _folded(signature.ASKED[which], a, b)
                if result is not None:
                    answers.setdefault(f"ans.{sort}", []).append(f"{which}\t{a}\t{b}\t{result}")
        self._read(answers)
        return bool(answers)


def _folded(name: str, a: int, b: int) -> int | None:
    unary = len(signature.CONSTRUCTORS[name].arguments) == 1
    return FOLDS[name](a) if unary else FOLDS[name](a, b)


_CLEANED: Final = ("add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u")


def _own_lines() -> list[str]:
    """Return what only this room uses.

    That is the way from the number of a value to its class, and rules that hide what can never be
    chosen: operations whose class is a constant or is that of an operand (`x + 0`). Rules about
    sums would split every constant in all ways.
    """
    lines = ["(ruleset insert)", "(ruleset clean)"]
    lines += [f"(constructor n.{s} (i64) {s} :unextractable)" for s in signature.SORTS]
    for width in ("i32", "i64"):
        for op in _CLEANED:
            name = f"{width}.{op}"
            for why, fact, term in (
                ("constant", f"(= e ({width}.const k)) (= e ({name} x y))", f"({name} x y)"),
                ("left", f"(= e ({name} e y))", f"({name} e y)"),
                ("right", f"(= e ({name} x e))", f"({name} x e)"),
            ):
                rule = f'(rule ({fact}) ((subsume {term})) :ruleset clean :name "{why} {name}")'
                lines.append(rule)
    return lines


def _table_lines(name: str) -> list[str]:
    """Return the input relation of a constructor and the rule that makes terms of its rows."""
    row = signature.CONSTRUCTORS[name]
    columns = [f"a{k}" for k in range(len(row.arguments))]
    terms = [
        column if sort == signature.INTEGER else f"(n.{sort} {column})"
        for column, sort in zip(columns, row.arguments, strict=True)
    ]
    return [
        f"(relation +{name} ({' '.join(['i64'] * (len(columns) + 1))}))",
        f"(rule ((+{name} id {' '.join(columns)}))"
        f" ((union (n.{row.result} id) ({name} {' '.join(terms)})))"
        f' :ruleset insert :name "insert {name}")',
    ]


@contextmanager
def _file_with(text: str) -> Iterator[str]:
    """Give the path of a file with this text, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("rows")
        try:
            with open(handle, "w", encoding="ascii", closefd=False) as file:
                file.write(text)
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
        return
    with tempfile.TemporaryDirectory(prefix="eqsat-") as folder:
        path = os.path.join(folder, "rows.tsv")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        yield path
