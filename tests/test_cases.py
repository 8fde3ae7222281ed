"""Whole modules: what has to go, goes; what could be seen, stays; and all calls do the same.

Each file in `cases/` is a module with a head in TOML:

- `calls`: one per line, all in one instance: `f(1, 2.5)`, with what the original gives behind `->`
  where that is worth saying; `!table NAME I = EXPORT` is an act of the host.
- `expect`: predicates over the optimized module, ` || ` between alternatives. `module: METRIC`,
  `func EXPORT: METRIC` and `reach EXPORT: METRIC` count instructions by name or pattern, classes of
  them (`indirect`, `anycall`, `mem`, `compare`), `instrs`, sections (`functions`, `memories`, ...),
  `const K` and `import MODULE.NAME`; `fuel CALL <= 0.6x` compares with the original.
- `assume`: contracts. `host`: what functions of the host return.

In `keep-*.wat` a tempting rewrite is wrong.
"""

from __future__ import annotations

import math
import operator
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import eqsat
import pytest
import wasmtime
from eqsat.optimize.options import Options
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import OPCODES

CASES = sorted((Path(__file__).parent / "cases").glob("*.wat"))
FUEL = 1_000_000
OPTIONS = Options(cost="fuel", max_iters=8, max_nodes=20_000, rlimit=2_000_000)

CLASSES = {
    "indirect": ("call_indirect", "return_call_indirect"),
    "anycall": ("call", "return_call", "call_indirect", "return_call_indirect"),
    "mem": ("*.load*", "*.store*", "memory.*"),
    "compare": tuple(f"[if][36][24].{op}*" for op in ("eq", "ne", "lt", "gt", "le", "ge")),
}
SECTIONS: dict[str, Callable[[Module], int]] = {
    "functions": lambda m: len(m.functions) - m.imported_functions,
    "memories": lambda m: len(m.memories),
    "tables": lambda m: len(m.tables),
    "globals": lambda m: len(m.globals),
    "types": lambda m: len(m.types),
    "elems": lambda m: _items(m, 9),
    "datasegs": lambda m: _items(m, 11),
}
RELATIONS = {"==": operator.eq, "<=": operator.le, ">=": operator.ge}
CALL = re.compile(r"(\w+)\((.*?)\)(?:\s*->\s*(.*))?$")


def _items(module: Module, section: int) -> int:
    """How many entries a section has; fewer than 128 fit into its first byte."""
    found = [s for s in module.sections if s.id == section]
    return module.data[found[0].payload_start] if found else 0


def read(path: Path) -> tuple[dict[str, Any], bytes]:
    """The head and the module of a case."""
    head, text = path.read_text("utf-8").removeprefix("(;@").split("@;)", 1)
    return tomllib.loads(head), bytes(wasmtime.wat2wasm(text))


# --- running ----------------------------------------------------------------------------------


def _number(text: str) -> float | int:
    text = text.strip()
    return float(text) if any(c in text for c in ".n") else int(text)


def _shown(value: object) -> object:
    """A result as text: all NaNs are one, and zeros have a sign."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    return [_shown(v) for v in value] if isinstance(value, list) else value


class Machine:
    """An instance that keeps what can be seen."""

    def __init__(self, data: bytes, host: dict[str, int]) -> None:
        config = wasmtime.Config()
        config.consume_fuel = True
        self.store = wasmtime.Store(wasmtime.Engine(config))
        self.store.set_fuel(FUEL)
        module = wasmtime.Module(self.store.engine, data)
        self.seen: list[object] = []
        imports = []
        for one in module.imports:
            assert isinstance(one.type, wasmtime.FuncType)
            name = f"{one.module}.{one.name}"
            answer = [host.get(name, 0)] * len(one.type.results)
            act = partial(self._asked, name, answer)
            imports.append(wasmtime.Func(self.store, one.type, act))
        self.exports = wasmtime.Instance(self.store, module, imports).exports(self.store)
        self.names = sorted(one.name for one in module.exports)

    def _asked(self, name: str, answer: list[int], *arguments: object) -> object:
        self.seen.append((name, *arguments))
        return answer[0] if answer else None

    def call(self, line: str) -> int:
        """Do one line; the fuel that it took."""
        if line.startswith("!table"):
            _, table, at, _, name = line.split()
            target, function = self.exports[table], self.exports[name]
            assert isinstance(target, wasmtime.Table)
            target.set(self.store, int(at), function)
            return 0
        found = CALL.match(line)
        assert found is not None, line
        name, arguments, expected = found.groups()
        function = self.exports[name]
        assert isinstance(function, wasmtime.Func)
        self.store.set_fuel(FUEL)
        try:
            result = _shown(function(self.store, *map(_number, filter(None, arguments.split(",")))))
        except wasmtime.Trap as trap:
            endless = trap.trap_code is wasmtime.TrapCode.OUT_OF_FUEL
            result = "endless" if endless else "trap"
        assert result != "endless", line
        if expected and expected.strip() not in ("void", "trap"):
            assert result == _shown(_number(expected)), line
        self.seen += (result, *self._state())
        return FUEL - self.store.get_fuel()

    def _state(self) -> Iterator[object]:
        for name in self.names:
            one = self.exports[name]
            if isinstance(one, wasmtime.Global):
                yield _shown(one.value(self.store))
            elif isinstance(one, wasmtime.Memory):
                yield bytes(one.read(self.store))


def observed(data: bytes, head: dict[str, Any]) -> tuple[list[object], dict[str, int]]:
    """What could be seen in all calls, and the fuel of those that are to get cheaper."""
    machine = Machine(data, head.get("host", {}))
    for line in head["calls"].strip().splitlines():
        machine.call(line.strip())
    wanted = re.findall(r"fuel (\w+\(.*?\))", head.get("expect", ""))
    fuel = {call: Machine(data, head.get("host", {})).call(call) for call in wanted}
    return machine.seen, fuel


# --- counting ---------------------------------------------------------------------------------


def _names(module: Module, functions: set[int]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for index in functions:
        for instr in module.body(index).instrs:
            yield OPCODES[instr[0]].name, instr[1:]


def _exported(module: Module, name: str) -> int:
    return next(one.index for one in module.exports if (one.kind, one.name) == ("func", name))


def _reached(module: Module, start: int) -> set[int]:
    """The functions with a body that direct calls reach."""
    found, work = {start}, [start]
    while work:
        for name, rest in _names(module, {work.pop()}):
            calls = name in ("call", "return_call", "ref.func")
            if calls and rest[0] >= module.imported_functions and rest[0] not in found:
                found.add(rest[0])
                work.append(rest[0])
    return found


def measure(module: Module, scope: str, metric: str) -> int:
    """The figure that a predicate speaks of."""
    kind, _, name = scope.partition(" ")
    everything = set(range(module.imported_functions, len(module.functions)))
    chosen = everything
    if kind != "module":
        chosen = {_exported(module, name)}
        if kind == "reach":
            chosen = _reached(module, *chosen)
            if metric == "functions":
                return len(chosen)
    if metric in SECTIONS:
        return SECTIONS[metric](module)
    word, _, what = metric.partition(" ")
    if word == "import":
        return sum(f"{one.module}.{one.name}" == what for one in module.imports)
    instrs = list(_names(module, chosen))
    if word == "instrs":
        return sum(name != "end" for name, _ in instrs)
    if word == "const":
        return sum(name.endswith(".const") and rest[0] == int(what) for name, rest in instrs)
    patterns = CLASSES.get(metric, (metric,))
    return sum(any(fnmatchcase(name, p) for p in patterns) for name, _ in instrs)


def holds(
    predicate: str, before: Module, after: Module, fuel: tuple[dict[str, int], dict[str, int]]
) -> bool:
    """Whether a predicate holds; `fuel` of each call, original and optimized."""
    found = re.match(r"(.*?)\s*(==|<=|>=)\s*([\d.]+)(x?)$", predicate)
    assert found is not None, predicate
    left, relation, number, times = found.groups()
    limit = float(number)
    if left.startswith("fuel "):
        call = left.removeprefix("fuel ").strip()
        return bool(RELATIONS[relation](fuel[1][call], limit * fuel[0][call]))
    scope, metric = (part.strip() for part in left.split(":"))
    if times:
        limit *= measure(before, scope, metric)
    return bool(RELATIONS[relation](measure(after, scope, metric), limit))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    head, data = read(path)
    options = replace(OPTIONS, assume=tuple(head.get("assume", ())))
    output = eqsat.optimize(data, options=options).output
    before, after = Module.parse(data), Module.parse(output)
    seen, old = observed(data, head)
    again, new = observed(output, head)
    assert again == seen
    for line in filter(None, map(str.strip, head.get("expect", "").splitlines())):
        assert any(holds(one.strip(), before, after, (old, new)) for one in line.split("||")), line


def test_the_cases_ask_for_something() -> None:
    """Without optimizing, every case that wants something to go fails."""
    wanted = [path for path in CASES if not path.stem.startswith("keep-")]
    content = []
    for path in wanted:
        head, data = read(path)
        module = Module.parse(data)
        _, fuel = observed(data, head)
        lines = filter(None, map(str.strip, head["expect"].splitlines()))
        if all(
            any(holds(one.strip(), module, module, (fuel, fuel)) for one in line.split("||"))
            for line in lines
        ):
            content.append(path.stem)
    assert len(wanted) > 40
    assert not content
