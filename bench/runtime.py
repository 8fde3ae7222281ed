"""Run time of two modules against each other: interleaved, as ratios, on three engines.

Both run alternately in one process, each block of calls long enough for the clock, so that what
disturbs the machine disturbs both; the median of the ratios is what remains.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .behaviour import arguments_for
from .modules import Call

if TYPE_CHECKING:
    import wasmtime

__all__ = ["ENGINES", "available", "ratio"]

ENGINES = ("cranelift", "pulley", "v8")
"""wasmtime's compiler, its interpreter, and the compilers of node."""

BLOCK_SECONDS = 0.02
"""Seconds of calls between two looks at the clock: a thousand times what a look costs."""

LEAST_ROUNDS = 5
"""Pairs of blocks below which a median says nothing."""

NODE_SCRIPT = Path(__file__).with_name("runtime.mjs")


def available(engine: str) -> bool:
    """Whether an engine is on this machine."""
    return shutil.which("node") is not None if engine == "v8" else engine in ENGINES


def ratio(
    engine: str, original: bytes, output: bytes, calls: Sequence[Call], seconds: float
) -> float | None:
    """Time of the output over time of the original for the calls that do not trap, the median.

    None if no call can be measured. One instance each serves all calls, in the same order.
    """
    if engine == "v8":
        return _node(original, output, calls, seconds)
    return _wasmtime(engine, original, output, calls, seconds)


def _wasmtime(
    engine: str, original: bytes, output: bytes, calls: Sequence[Call], seconds: float
) -> float | None:
    import wasmtime
    from eqsat.wasm.validate import SWITCHES

    config = wasmtime.Config()
    for switch in SWITCHES:
        setattr(config, switch, True)
    if engine == "pulley":
        config.target = "pulley64"
        config.wasm_threads = False  # not in the interpreter: the engine would abort
    compiled = wasmtime.Engine(config)
    blocks = [
        found for data in (original, output) if (found := _calls(compiled, data, calls)) is not None
    ]
    return _interleaved(blocks[0], blocks[1], seconds) if len(blocks) == 2 else None


def _calls(
    engine: wasmtime.Engine, data: bytes, calls: Sequence[Call]
) -> Callable[[], None] | None:
    """A function that makes all calls once; None if one of them traps."""
    import wasmtime

    store = wasmtime.Store(engine)
    try:
        instance = wasmtime.Instance(store, wasmtime.Module(engine, data), [])
        bound = []
        for call in calls:
            function = instance.exports(store)[call.export]
            assert isinstance(function, wasmtime.Func)
            bound.append((function, arguments_for(function, store, call)))

        def once() -> None:
            for function, arguments in bound:
                function(store, *arguments)

        once()
    except (wasmtime.Trap, wasmtime.WasmtimeError):
        return None
    return once


def _interleaved(
    first: Callable[[], None], second: Callable[[], None], seconds: float
) -> float | None:
    """The median of second over first."""
    repeat = 1
    while True:
        taken = _timed(first, repeat)
        if taken > BLOCK_SECONDS or repeat > 1 << 20:
            break
        repeat *= 2
    ratios: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(ratios) < LEAST_ROUNDS:
        # Who goes first changes from round to round: the first one meets cold caches.
        if len(ratios) % 2:
            late = _timed(second, repeat)
            early = _timed(first, repeat)
        else:
            early = _timed(first, repeat)
            late = _timed(second, repeat)
        ratios.append(late / early)
    return statistics.median(ratios)


def _timed(work: Callable[[], None], repeat: int) -> float:
    began = time.perf_counter()
    for _ in range(repeat):
        work()
    return time.perf_counter() - began


def _node(original: bytes, output: bytes, calls: Sequence[Call], seconds: float) -> float | None:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, data in (("a.wasm", original), ("b.wasm", output)):
            path = Path(folder) / name
            path.write_bytes(data)
            paths.append(str(path))
        plan = {
            "modules": paths,
            # 64-bit values do not survive JSON's numbers.
            "calls": [[call.export, [str(one) for one in call.arguments]] for call in calls],
            "seconds": seconds,
            "block": BLOCK_SECONDS,
            "rounds": LEAST_ROUNDS,
        }
        ran = subprocess.run(
            ["node", str(NODE_SCRIPT)],
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            timeout=60 + 20 * seconds,
        )
    if ran.returncode != 0:
        return None
    found = json.loads(ran.stdout)
    return None if found is None else float(found)
