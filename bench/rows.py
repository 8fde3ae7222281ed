"""The measurement: every module through every tool, one after the other, in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .behaviour import Outcome, call_all, fuel_engine
from .modules import BenchError, Call, Input, bytes_without_custom, code_bytes
from .runtime import available, ratio
from .tools import Ran, WasmOpt, run_eqsat, run_wasm_opt

if TYPE_CHECKING:
    import wasmtime

__all__ = ["VARIANTS", "Settings", "measure_all"]

FORMAT = 1
"""Version of the JSON; raised when a field changes its meaning."""

VARIANTS = ("wasm-opt -O3", "wasm-opt -Oz", "eqsat bytes", "eqsat fuel", "-Oz, eqsat bytes")
"""What stands beside the original; -Oz means `-Oz --converge`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The tools and limits of a run; `seconds` of run time for each pair of modules and engine."""

    wasm_opt: WasmOpt
    budget: str = "10s"
    engines: tuple[str, ...] = ()
    seconds: float = 1.0
    largest_calls: int = 4


def measure_all(
    modules: Sequence[Input], settings: Settings, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Measure everything; gives what the JSON file holds.

    `rows` has one object per module and variant, ratios are new over old. Raises BenchError for an
    input that cannot be read.
    """
    engines = [engine for engine in settings.engines if available(engine)]
    for engine in settings.engines:
        if engine not in engines:
            tell(f"{engine}: not on this machine, left out")
    tell(f"wasm-opt {settings.wasm_opt.version} ({settings.wasm_opt.path})")
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(modules, 1):
        tell(f"{number}/{len(modules)} {one.name}")
        rows += _module(one, settings, engines)
    return {
        "format": FORMAT,
        "versions": _versions(settings),
        "budget": settings.budget,
        "engines": engines,
        "variants": list(VARIANTS),
        "rows": rows,
    }


def _versions(settings: Settings) -> dict[str, str]:
    from importlib.metadata import version

    from eqsat import __version__

    return {
        "eqsat": __version__,
        "wasm-opt": str(settings.wasm_opt.version),
        "wasmtime": version("wasmtime"),
        "egglog": version("egglog"),
        "z3": version("z3-solver"),
    }


def _module(one: Input, settings: Settings, engines: Sequence[str]) -> list[dict[str, Any]]:
    try:
        original = one.path.read_bytes()
    except OSError as error:
        raise BenchError(f"{one.path}: {error.strerror}") from None
    engine = fuel_engine()
    before = call_all(engine, original, one.calls)
    # Long calls say most about run time, and short ones drown in the cost of calling.
    order = sorted(range(len(before)), key=lambda n: -before[n].fuel)
    timed = [one.calls[n] for n in order if before[n].value is not None][: settings.largest_calls]
    small = run_wasm_opt(settings.wasm_opt, original, ["-Oz", "--converge"])
    ran = {
        "wasm-opt -O3": run_wasm_opt(settings.wasm_opt, original, ["-O3"]),
        "wasm-opt -Oz": small,
        "eqsat bytes": run_eqsat(original, "bytes", settings.budget),
        "eqsat fuel": run_eqsat(original, "fuel", settings.budget),
    }
    if small.output is not None:
        ran["-Oz, eqsat bytes"] = run_eqsat(small.output, "bytes", settings.budget)
    rows = []
    for variant in VARIANTS:
        if variant not in ran:
            continue
        row: dict[str, Any] = {"module": one.name, "group": one.group, "variant": variant}
        row |= _taken(original, ran[variant])
        if ran[variant].output is not None:
            after = _outcomes(engine, ran[variant].output or b"", one.calls)
            row |= _compared(before, after)
            if not row["different"]:
                row["time"] = {
                    name: ratio(name, original, ran[variant].output or b"", timed, settings.seconds)
                    for name in (engines if timed else ())
                }
        rows.append(row)
    return rows


def _taken(original: bytes, ran: Ran) -> dict[str, Any]:
    """What the tool says, and what it cost."""
    functions = ran.report.get("functions", ())
    changed = [one for one in functions if one["status"] == "proven"]
    wanted = [one for one in functions if one["status"] in ("proven", "unknown", "refuted")]
    output = ran.output
    return {
        "error": ran.error,
        "bytes": [
            bytes_without_custom(original),
            None if output is None else bytes_without_custom(output),
        ],
        "code": [code_bytes(original), None if output is None else code_bytes(output)],
        "seconds": ran.seconds,
        "cpu": ran.cpu,
        "memory": ran.memory,
        "proven": [len(changed), len(wanted)] if functions else None,
        "visited": [sum(one["status"] != "skipped" for one in functions), len(functions)]
        if functions
        else None,
        "fuel": None,
        "different": 0,
        "time": {},
    }


def _outcomes(engine: wasmtime.Engine, data: bytes, calls: Sequence[Call]) -> list[Outcome] | None:
    import wasmtime

    try:
        return call_all(engine, data, calls)
    except wasmtime.WasmtimeError:
        return None


def _compared(before: Sequence[Outcome], after: Sequence[Outcome] | None) -> dict[str, Any]:
    """Calls that gave something else, and the mean ratio of fuel over those that gave a value."""
    from .render import mean

    if after is None:
        return {"different": max(1, len(before))}
    pairs = list(zip(before, after, strict=True))
    ratios = [new.fuel / old.fuel for old, new in pairs if old.value is not None and old.fuel]
    return {
        "different": sum(old.value != new.value for old, new in pairs),
        "fuel": mean(ratios),
    }
