"""How time and memory grow with the module: synthetic modules from kilobytes to megabytes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from .modules import code_bytes
from .tools import run_eqsat

__all__ = ["measure_scaling", "scaling_markdown", "synthetic"]

SEED = 20
ONCE_OPERATIONS = 30_000
"""Operations of a module that are taken through one emission: enough for a steady figure."""

I32, EMPTY = 0x7F, 0x40


def measure_scaling(
    sizes: Sequence[int], budget: str, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Optimize a synthetic module of about each size (bytes of code) within the budget.

    `per_hundred` is seconds of CPU from bytes to bytes for 100 operations: decode, lower, emit in
    one style, encode; no e-graph, no proof.
    """
    points = []
    for size in sizes:
        data = synthetic(size)
        tell(f"{code_bytes(data)} bytes of code")
        ran = run_eqsat(data, "bytes", budget)
        functions = ran.report.get("functions", ())
        points.append(
            {
                "bytes": code_bytes(data),
                "functions": len(functions),
                "visited": sum(one["status"] != "skipped" for one in functions),
                "saved": 0 if ran.output is None else code_bytes(data) - code_bytes(ran.output),
                "error": ran.error,
                "seconds": ran.seconds,
                "cpu": ran.cpu,
                "memory": ran.memory,
                "per_hundred": per_hundred(data),
            }
        )
    return {"budget": budget, "points": points}


def scaling_markdown(result: dict[str, Any]) -> str:
    """The points as a table."""
    titles = ("kB of code", "functions", "visited", "saved", "seconds", "CPU s", "MB", "ms/100 ops")
    lines = [f"`eqsat opt --budget {result['budget']} --cost bytes --no-cache`", ""]
    lines += ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for point in result["points"]:
        cells = (
            f"{point['bytes'] / 1e3:.0f}",
            str(point["functions"]),
            str(point["visited"]),
            str(point["saved"]),
            f"{point['seconds']:.2f}",
            f"{point['cpu']:.2f}",
            f"{point['memory'] / 1e6:.0f}",
            f"{1000 * point['per_hundred']:.2f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def per_hundred(data: bytes) -> float:
    """Seconds of CPU for 100 operations, bytes to bytes, over the module's first functions."""
    from eqsat.lowering import STYLES, Unsupported, emit, lower
    from eqsat.wasm.module import Module

    module = Module.parse(data)
    operations = 0
    taken = 0.0
    for index in range(module.imported_functions, len(module.functions)):
        count = len(module.body(index).instrs)
        began = time.process_time()
        try:
            emit(lower(module, index), STYLES[0])
        except Unsupported:
            continue
        taken += time.process_time() - began
        operations += count
        if operations > ONCE_OPERATIONS:
            break
    return 100 * taken / operations if operations else 0.0


def synthetic(size: int) -> bytes:
    """A valid module with about `size` bytes of code: functions with arithmetic, memory, loops.

    No two functions are equal; the same size gives the same module.
    """
    from eqsat.wasm.leb import write_unsigned

    chance = random.Random(SEED)
    bodies: list[bytes] = []
    total = 0
    while total < size:
        body = b"\x01\x03\x7f" + _statements(chance, chance.randrange(4, 40)) + b"\x20\x02\x0b"
        bodies.append(write_unsigned(len(body)) + body)
        total += len(bodies[-1])
    count = write_unsigned(len(bodies))
    sections = (
        (1, b"\x01\x60\x02\x7f\x7f\x01\x7f"),
        (3, count + b"\0" * len(bodies)),
        (5, b"\x01\x00\x01"),
        (7, b"\x01\x01f\x00\x00"),
        (10, count + b"".join(bodies)),
    )
    return b"\0asm\x01\0\0\0" + b"".join(
        bytes((identity,)) + write_unsigned(len(payload)) + payload
        for identity, payload in sections
    )


def _statements(chance: random.Random, count: int) -> bytes:
    """Statements over five i32 locals: assignments, stores, bounded loops, branches."""
    parts = []
    for _ in range(count):
        kind = chance.random()
        if kind < 0.6:
            parts.append(_value(chance, 3) + b"\x21" + _local(chance))
        elif kind < 0.8:
            parts.append(_address(chance) + _value(chance, 2) + b"\x36\x02" + _small(chance))
        elif kind < 0.9:
            inner = _statements(chance, 2)
            parts.append(_value(chance, 2) + b"\x04\x40" + inner + b"\x0b")
        else:
            # Counts local 4 down from at most 15, so every loop ends.
            inner = _value(chance, 2) + b"\x21\x03"
            count_down = b"\x20\x04\x41\x01\x6b\x22\x04\x0d\x00"
            parts.append(b"\x41\x0f\x21\x04\x03\x40" + inner + count_down + b"\x0b")
    return b"".join(parts)


def _value(chance: random.Random, depth: int) -> bytes:
    kind = chance.random()
    if depth == 0 or kind < 0.25:
        return b"\x20" + _local(chance) if chance.random() < 0.7 else b"\x41" + _small(chance)
    if kind < 0.35:
        return _address(chance) + b"\x28\x02" + _small(chance)
    operator = chance.choice((0x6A, 0x6B, 0x6C, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x48, 0x49))
    return _value(chance, depth - 1) + _value(chance, depth - 1) + bytes((operator,))


def _address(chance: random.Random) -> bytes:
    """An address within the first page."""
    return b"\x20" + _local(chance) + b"\x41\xfc\x07\x71"


def _local(chance: random.Random) -> bytes:
    return bytes((chance.randrange(4),))


def _small(chance: random.Random) -> bytes:
    return bytes((chance.randrange(64),))
