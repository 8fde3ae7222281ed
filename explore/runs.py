"""Two runs side by side: what a function and another body for it compute in the same calls.

Both are run by wasmtime, with the host of the validator's witnesses, and record themselves
(`record`). What has an effect is compared in order; around the first effect that differs every
value is shown.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import wasmtime

from ..verify.border import Border, border
from ..verify.concrete import signed
from ..verify.differential import both
from ..verify.machine import FUEL, Inconclusive, Machine, Value, make_engine
from ..wasm.body import Instr
from ..wasm.module import Module
from ..wasm.opcodes import ACCESS_BYTES, OPCODES
from ..wasm.text_folded import print_named
from ..wasm.text_instrs import FunctionIds
from ..wasm.types import ValType
from .pairs import aligned
from .record import (
    END,
    MEMORY_EXPORT,
    POINTER_EXPORT,
    RESULT,
    operands,
    recording,
    result,
)

__all__ = ["Calls", "NotRun", "Subject", "side_by_side"]

Calls: TypeAlias = "Sequence[tuple[str, tuple[Value, ...]]]"

RECORD_FUEL: Final = 40 * FUEL
"""Fuel of a call that records: an entry takes some twenty instructions."""

LEAD: Final = 6
"""Effects that are shown before the first one that differs."""

ROWS: Final = 120
"""Rows of a side that are shown: the last ones before the difference."""

TEXT: Final = 160
"""Characters of an outcome: a digest of all that can be seen may be long."""


class NotRun(Exception):
    """A module that cannot be run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A module, the function of it that is watched, and the identifiers in its text."""

    data: bytes
    index: int
    ids: FunctionIds
    locals: FunctionIds


@dataclass(frozen=True, slots=True)
class _Row:
    """A step: an instruction with what it computed or was given. `key` tells effects apart."""

    at: int | None
    text: str
    value: str
    kind: str
    key: tuple[Any, ...]

    def as_json(self) -> dict[str, Any]:
        return {"at": self.at, "text": self.text, "value": self.value, "kind": self.kind}


def side_by_side(first: Subject, second: Subject, calls: Calls) -> dict[str, Any]:
    """The last of these calls, as steps of both functions, up to the first effect that differs.

    `pairs` are rows that correspond, `first` the pair that differs, `skipped` the steps of either
    side that were left out before. Raises NotRun.
    """
    sides = [_steps(one, calls) for one in _paired(first, second)]
    effects = [[k for k, row in enumerate(rows) if row.kind != "value"] for rows in sides]
    turn = 0
    for a, b in zip(*effects, strict=False):
        if sides[0][a].key != sides[1][b].key:
            break
        turn += 1
    differ = turn < min(map(len, effects))
    end = [k[turn] if differ else len(rows) for k, rows in zip(effects, sides, strict=True)]
    begin = [places[turn - LEAD] if turn > LEAD else 0 for places in effects]
    begin = [max(a, b - ROWS) for a, b in zip(begin, end, strict=True)]
    parts = [list(rows[a:b]) for rows, a, b in zip(sides, begin, end, strict=True)]
    pairs: list[list[int | None]] = [
        [a, b] for a, b in aligned(*([(row.text, row.value) for row in part] for part in parts))
    ]
    note = "as far as they were recorded, both have the same effects in the same order"
    if differ:
        note = f"the first {turn} effects are the same" if turn else "no effect comes before it"
        pairs.append([len(part) for part in parts])
        for part, rows, place in zip(parts, sides, end, strict=True):
            part.append(rows[place])
    return {
        "left": [row.as_json() for row in parts[0]],
        "right": [row.as_json() for row in parts[1]],
        "pairs": pairs,
        "first": len(pairs) - 1 if differ else None,
        "skipped": begin,
        "note": note,
    }


def _paired(first: Subject, second: Subject) -> list[tuple[Subject, bytes, Border]]:
    """Both subjects with modules that record, and the limits under which both run."""
    found = [recording(one.data, one.index) for one in (first, second)]
    borders = []
    for data in found:
        one = border(data)
        if isinstance(one, str):
            raise NotRun(one)
        borders.append(one)
    limits = both(*borders)
    hidden = Border(
        limits.closed | {MEMORY_EXPORT, POINTER_EXPORT}, limits.largest_memory, limits.largest_table
    )
    return [(first, found[0], hidden), (second, found[1], hidden)]


def _steps(side: tuple[Subject, bytes, Border], calls: Calls) -> list[_Row]:
    """Run all calls; the steps of the watched function in the last one, and how that ended."""
    subject, data, limits = side
    engine = make_engine()
    try:
        machine = Machine(wasmtime.Module(engine, data), engine, limits)
    except (wasmtime.WasmtimeError, wasmtime.Trap, Inconclusive, RuntimeError) as error:
        raise NotRun(str(error).splitlines()[0]) from None
    exports = machine.instance.exports(machine.store)
    memory, pointer = exports[MEMORY_EXPORT], exports[POINTER_EXPORT]
    assert isinstance(memory, wasmtime.Memory)
    assert isinstance(pointer, wasmtime.Global)
    outcome = "nothing was called"
    for name, arguments in calls:
        pointer.set_value(machine.store, wasmtime.Val.i32(0))
        try:
            outcome = machine.call(name, arguments, RECORD_FUEL)
        except Inconclusive:
            outcome = "runs on"
            break
    used = pointer.value(machine.store)
    entries = list(struct.iter_unpack("<iiq", memory.read(machine.store, 0, used)))
    rows = list(_Reader(subject).rows(entries))
    if used < END:
        shown = outcome if len(outcome) <= TEXT else outcome[: TEXT - 1] + "…"
        rows.append(_Row(None, "end of the call", shown, "end", ("end", outcome)))
    return rows


class _Reader:
    """Makes steps of the entries of one subject."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.module = Module.parse(subject.data)
        self.instrs = self.module.body(subject.index).instrs

    def rows(self, entries: Sequence[tuple[int, int, int]]) -> Iterator[_Row]:
        """Yield the steps; the operands of an effect stand behind its first entry."""
        place = 0
        while place < len(entries):
            at, what, bits = entries[place]
            instr = self.instrs[at]
            place += 1
            if what == RESULT:
                kind = result(self.module, instr)
                yield _Row(at, self._text(instr), f"= {_show(kind, bits)}", "value", ())
                continue
            given: list[int] = []
            while place < len(entries) and entries[place][:2] == (at, len(given) + 1):
                given.append(entries[place][2])
                place += 1
            yield self._effect(at, instr, given)

    def _text(self, instr: Instr) -> str:
        return print_named(instr, self.subject.ids, self.subject.locals)

    def _effect(self, at: int, instr: Instr, given: Sequence[int]) -> _Row:
        """An effect with its operands; equal effects of different instructions have one key."""
        row = OPCODES[instr[0]]
        text = self._text(instr)
        types = operands(self.module, instr) or ()
        shown = [_show(kind, bits) for kind, bits in zip(types, given, strict=False)]
        if row.effect == "store" and len(given) == 2:
            _, offset, memory = instr[1:4]
            size = ACCESS_BYTES[instr[0]]
            address = given[0] + offset
            value = given[1] & ((1 << 8 * size) - 1)
            key: tuple[Any, ...] = ("store", memory, size, address, value)
            return _Row(at, text, f"[{address}] ← {shown[1]}", "event", key)
        if row.effect == "global.set" and given:
            return _Row(at, text, f"← {shown[0]}", "event", ("global", *given))
        callee = text if row.effect == "call" else row.name
        return _Row(at, text, f"({', '.join(shown)})", "event", (callee, *given))


def _show(kind: ValType | None, bits: int) -> str:
    """A recorded value as people read it; integers are signed."""
    match kind:
        case 0x7F:
            return str(signed(bits & 0xFFFF_FFFF, 32))
        case 0x7D:
            return repr(struct.unpack("<f", struct.pack("<q", bits)[:4])[0])
        case 0x7C:
            return repr(struct.unpack("<d", struct.pack("<q", bits))[0])
        case _:
            return str(bits)
