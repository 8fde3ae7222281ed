"""`python -m eqsat.bench.fused FOLDER`: what is left of the boundary in fused modules, per export.

Each module is optimized by `wasm-opt -O3` and by eqsat: as it is, with `--entry`, and with one more
contract after the other. So a gain stands in the first column whose contract allows it.
See README.md.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .behaviour import fuel_engine
from .modules import BenchError, code_bytes
from .tools import WasmOpt, find_wasm_opt, run_eqsat, run_wasm_opt

if TYPE_CHECKING:
    import wasmtime

__all__ = ["Measured", "main", "measure", "table"]

MOST_FUEL = 1_000_000_000
ROUNDS = 100
"""Rounds of an export whose floor is known: it has one parameter, their number."""

ARGUMENTS = (12, 5, 3, 7, 2)
"""Those of other exports."""


class Host:
    """The canonical built-ins that fused modules import: context slots, handles, waitable sets.

    Nothing is ever ready in a waitable set; a name that is not known gives zero.
    """

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.handles: dict[int, int] = {}

    def function(self, name: str, results: int) -> Callable[..., int | None]:
        """The function of this name."""

        def call(*arguments: int) -> int | None:
            value = self.answer(name, arguments)
            return value if results else None

        return call

    def answer(self, name: str, arguments: Sequence[int]) -> int:
        """The result of a call."""
        slot = name.partition("$")[2]
        if "context-set" in name:
            self.slots[slot] = arguments[0]
        elif "context-get" in name:
            return self.slots.get(slot, 0)
        elif name.startswith("[resource-new]"):
            self.handles[len(self.handles) + 1] = arguments[0]
            return len(self.handles)
        elif name.startswith("[resource-rep]"):
            return self.handles.get(arguments[0], 0)
        elif name.endswith("-new") or "-new]" in name:
            return 1
        return 0


@dataclass
class Measured:
    """Fuel and result of each export that was called (None: a trap), the code's bytes."""

    code: int
    fuel: dict[str, float] = field(default_factory=dict)
    results: dict[str, object] = field(default_factory=dict)


def measure(
    engine: wasmtime.Engine, data: bytes, wanted: Sequence[str], floors: Mapping[str, float]
) -> Measured:
    """Call the exports whose names match `wanted`, each in an instance of its own.

    An export of `floors` with one integer parameter costs what a round more costs, as those figures
    do; others what a call costs.
    """
    import wasmtime

    module = wasmtime.Module(engine, data)
    found = Measured(code_bytes(data))
    for one in module.exports:
        kind = one.type
        if not isinstance(kind, wasmtime.FuncType):
            continue
        if not any(fnmatchcase(one.name, glob) for glob in wanted):
            continue
        kinds = [str(param) for param in kind.params]
        if len(kinds) > len(ARGUMENTS) or not {"i32", "i64", "f32", "f64"}.issuperset(kinds):
            continue
        if short(one.name) in floors and kinds in (["i32"], ["i64"]):
            none, _ = _call(engine, module, one.name, [0])
            all_, result = _call(engine, module, one.name, [ROUNDS])
            fuel = (all_ - none) / ROUNDS
        else:
            arguments = [
                float(value) if kind[0] == "f" else value
                for kind, value in zip(kinds, ARGUMENTS, strict=False)
            ]
            fuel, result = _call(engine, module, one.name, arguments)
        found.results[one.name] = result
        if result is not None:
            found.fuel[one.name] = fuel
    return found


def short(export: str) -> str:
    """The name of an export without that of its interface."""
    return export.partition("#")[2] or export


def _call(
    engine: wasmtime.Engine, module: wasmtime.Module, name: str, arguments: Sequence[float]
) -> tuple[float, object]:
    """Fuel and result of a call in a new instance; a trap has no result."""
    import wasmtime

    store = wasmtime.Store(engine)
    store.set_fuel(MOST_FUEL)
    host = Host()
    imports: list[Any] = []
    for one in module.imports:
        if not isinstance(one.type, wasmtime.FuncType):
            raise BenchError(f"imports {one.module}.{one.name}: only functions are known")
        answer = host.function(one.name or "", len(one.type.results))
        imports.append(wasmtime.Func(store, one.type, answer))
    instance = wasmtime.Instance(store, module, imports)
    function = instance.exports(store)[name]
    assert isinstance(function, wasmtime.Func)
    before = store.get_fuel()
    try:
        result: object = str(function(store, *arguments))
    except wasmtime.Trap:
        result = None
    return before - store.get_fuel(), result


def table(
    module: str, columns: Mapping[str, Measured | None], floors: Mapping[str, float]
) -> tuple[str, bool]:
    """One module as Markdown, and whether some result differs from the first column's.

    The last lines are geometric means of the ratios to the first column, and the bytes of the code.
    """
    kept = {title: column for title, column in columns.items() if column is not None}
    first = next(iter(kept.values()))
    lines = [
        f"| {module} | floor | {' | '.join(columns)} |",
        "|---|" + "---:|" * (len(columns) + 1),
    ]
    for export in sorted(first.fuel):
        name = short(export)
        cells = [f"{floors[name]:.1f}" if name in floors else ""]
        for column in columns.values():
            known = None if column is None else column.fuel.get(export)
            cells.append("-" if known is None else f"{known:.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    means, codes = [""], [""]
    for column in columns.values():
        ratios = [
            math.log(column.fuel[export] / fuel)
            for export, fuel in first.fuel.items()
            if column is not None and fuel > 0 and column.fuel.get(export, 0) > 0
        ]
        means.append(f"{math.exp(sum(ratios) / len(ratios)):.3f}" if ratios else "-")
        codes.append("-" if column is None else f"{column.code / max(1, first.code):.3f}")
    lines += [f"| **fuel** | {' | '.join(means)} |", f"| **code** | {' | '.join(codes)} |"]
    different = [
        f"{title}: {export}"
        for title, column in kept.items()
        for export, result in first.results.items()
        if column.results.get(export) != result
    ]
    lines += ["", f"Different: {', '.join(different)}"] if different else []
    return "\n".join(lines), bool(different)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; exit code 0, 1 if a result differs, 2 for usage."""
    arguments = _parser().parse_args(argv)
    arguments.calls = arguments.calls or ["*#run-*"]
    try:
        tool = None if arguments.no_wasm_opt else find_wasm_opt(arguments.wasm_opt)
        different = False
        for path in _modules(arguments.folder):
            floors = _floors(path)
            columns = _columns(path.read_bytes(), arguments, tool, floors)
            text, differs = table(path.stem, columns, floors)
            print(text + "\n", flush=True)
            different = different or differs
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return int(different)


def _columns(
    data: bytes, arguments: argparse.Namespace, tool: WasmOpt | None, floors: Mapping[str, float]
) -> dict[str, Measured | None]:
    """The module as it is and by every tool; None where one failed, which is said."""
    engine = fuel_engine()
    wanted = arguments.calls

    def measured(title: str, output: bytes | None, error: str) -> Measured | None:
        if output is None:
            print(f"bench: {title}: {error}", file=sys.stderr)
            return None
        return measure(engine, output, wanted, floors)

    found: dict[str, Measured | None] = {"fused": measure(engine, data, wanted, floors)}
    if tool is not None:
        ran = run_wasm_opt(tool, data, ["-O3"])
        found["wasm-opt -O3"] = measured("wasm-opt", ran.output, ran.error)
    more: list[str] = []
    steps: list[tuple[str, list[str]]] = [("eqsat", [])]
    steps += [("--entry", [part for glob in wanted for part in ("--entry", glob)])]
    steps += [(f"+ {contract}", ["--assume", contract]) for contract in arguments.assume]
    for title, words in steps:
        more += words
        ran = run_eqsat(data, arguments.cost, arguments.budget, more)
        found[title] = measured(title, ran.output, ran.error)
    return found


def _modules(folder: Path) -> list[Path]:
    found = [folder] if folder.is_file() else sorted(folder.glob("*.wasm"))
    if not found:
        raise BenchError(f"{folder}: no module")
    return found


def _floors(path: Path) -> Mapping[str, float]:
    """From `floor.json` beside a module: what the same code costs where it is called directly."""
    beside = path.with_name("floor.json")
    if not beside.is_file():
        return {}
    try:
        known = json.loads(beside.read_text(encoding="utf-8")).get(path.stem, {})
        return {name: float(row["called"]) for name, row in known.get("fuel", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(f"{beside}: {type(error).__name__}: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eqsat.bench.fused", description=__doc__)
    parser.add_argument("folder", type=Path, help="modules, or one")
    parser.add_argument(
        "--calls", action="append", metavar="GLOB", help="exports (default *#run-*)"
    )
    parser.add_argument("--assume", action="append", default=[], metavar="CONTRACT")
    parser.add_argument("--budget", default="10s", help="of every eqsat run (default 10s)")
    parser.add_argument("--cost", default="fuel", choices=("fuel", "bytes", "balanced"))
    parser.add_argument("--wasm-opt", metavar="PATH", help="default: from PATH; at least 120")
    parser.add_argument("--no-wasm-opt", action="store_true", help="without that column")
    return parser


if __name__ == "__main__":
    sys.exit(main())
