"""A module under observation in wasmtime: deterministic host, calls, and what can be seen.

Imported functions are stubs whose results depend on their name, their arguments and how many calls
were before, so that two modules that call alike are answered alike. A stub may also write to the
first exported or imported memory at an address it was given, as real hosts do; it logs what it
was given and what it can see, lets that memory grow now and then, and calls an export before it
returns. Before a call the host may fill what it can see with other values.
Results of floating-point operations are canonical NaNs, so that payloads, which the specification
leaves open, do not count.
"""

import contextlib
import math
import random
import struct
import weakref
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import wasmtime

from .border import Border
from .concrete import M32, pseudo_random, signed

FUEL: Final = 300_000
"""Instructions per call at first: a few milliseconds; a call that needs more is inconclusive."""

SEEN_BYTES: Final = 1 << 22
"""Bytes of a memory that are compared after a call (the first ones)."""

FILL: Final = "eqsat:fill"
"""Among calls: by the seed that is the one argument the host fills memories and globals, and from
then on answers otherwise."""

FILLED_BYTES: Final = 1 << 17
"""Bytes of a memory that are filled (the first ones)."""

PERIOD: Final = 1021
"""Words after which the filling repeats: prime, so that no stride of a program meets it often."""

WORDS: Final = (0, 1, 2, 3, 4, 8, 16, 64, 100, 255, 1024, 4096, 0x7FFF_FFFF, 0x8000_0000, M32)
"""Words of a filling that programs branch on or follow."""

SMALL: Final = bytes(i % 4 for i in range(256))
LETTERS: Final = bytes(0x20 + i % 0x5F for i in range(256))
FILLING: Final = [word.to_bytes(4, "little") for word in WORDS]

MAX_LOG: Final = 256
"""Host calls of one call of the module: more end the call, inconclusively."""

SWITCHES: Final = (
    "wasm_bulk_memory", "wasm_custom_page_sizes", "wasm_exceptions", "wasm_function_references",
    "wasm_gc", "wasm_memory64", "wasm_multi_memory", "wasm_multi_value", "wasm_reference_types",
    "wasm_relaxed_simd", "wasm_simd", "wasm_tail_call", "wasm_wide_arithmetic",
    "wasm_relaxed_simd_deterministic",
)  # fmt: skip

Value = int | float | None
NUMBERS: Final = ("i32", "i64", "f32", "f64")


class Inconclusive(Exception):
    """The run says nothing: out of fuel or stack, too many host calls, a host value missing."""


class Endless(Inconclusive):
    """The run has not ended where it was stopped: out of fuel, or too many host calls."""


def make_engine() -> wasmtime.Engine:
    """An engine that compiles fast, counts fuel and canonicalises NaNs."""
    config = wasmtime.Config()
    for switch in SWITCHES:
        setattr(config, switch, True)
    config.consume_fuel = True
    config.cranelift_nan_canonicalization = True
    config.cranelift_opt_level = "none"
    config.memory_reservation = 1 << 24
    return wasmtime.Engine(config)


def show(value: Value) -> str:
    """A value with its bits, so that zeros of both signs differ and NaNs do not."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value).hex()
    return repr(value)


class Machine:
    """One instance. Raises wasmtime's errors if it cannot be made; Inconclusive if we cannot."""

    def __init__(self, module: wasmtime.Module, engine: wasmtime.Engine, border: Border) -> None:
        self.store = wasmtime.Store(engine)
        self.store.set_limits(border.largest_memory, border.largest_table)
        self.store.set_fuel(FUEL)
        self.log: list[str] = []
        self.visible: list[wasmtime.Memory | wasmtime.Global | wasmtime.Table] = []
        self.memory: wasmtime.Memory | None = None
        self.overflow = False
        self.mood: Value = 0
        """Seed of what the host answers."""
        self.turn = 0
        """Calls so far."""
        self.entered = False
        """Whether the host is calling back."""
        self.used = 0
        """Fuel of the last call; all that it got if it did not end."""
        externs = [self._import(one) for one in module.imports]
        self.functions: dict[str, wasmtime.Func] = {}
        self.instance = wasmtime.Instance(self.store, module, externs)
        exports = self.instance.exports(self.store)
        # By name: the order of exports says nothing.
        for export in sorted(module.exports, key=lambda one: one.name):
            extern = exports[export.name]
            if export.name in border.closed:
                continue
            if isinstance(extern, wasmtime.Func):
                self.functions[export.name] = extern
            elif isinstance(extern, wasmtime.Memory | wasmtime.Global | wasmtime.Table):
                self._show(extern)

    def _show(self, extern: wasmtime.Memory | wasmtime.Global | wasmtime.Table) -> None:
        self.visible.append(extern)
        if self.memory is None and isinstance(extern, wasmtime.Memory):
            self.memory = extern

    def _import(self, wanted: wasmtime.ImportType) -> Any:  # noqa: ANN401
        kind = wanted.type
        match kind:
            case wasmtime.FuncType():
                return wasmtime.Func(
                    self.store, kind, self._stub(f"{wanted.module}.{wanted.name}", kind)
                )
            case wasmtime.MemoryType():
                extern: Any = wasmtime.Memory(self.store, kind)
            case wasmtime.GlobalType():
                text = str(kind.content)
                if text not in NUMBERS:
                    raise Inconclusive(f"imported global of type {text}")
                number = pseudo_random(f"{wanted.module}.{wanted.name}", (), 8) * 16
                initial = float(number) if text[0] == "f" else number
                value = getattr(wasmtime.Val, text)(initial)
                extern = wasmtime.Global(self.store, kind, value)
            case wasmtime.TableType():
                extern = wasmtime.Table(self.store, kind, None)
            case _:
                raise Inconclusive("an import of a kind that the host cannot make")
        self._show(extern)
        return extern

    def _stub(self, name: str, kind: wasmtime.FuncType) -> Any:  # noqa: ANN401
        results = [str(t) for t in kind.results]

        # wasmtime keeps host functions in a table of its own, beyond the reach of the garbage
        # collector: a strong reference to this machine would keep its store for ever.
        machine = weakref.proxy(self)

        def stub(*arguments: Value) -> Any:  # noqa: ANN401
            if len(machine.log) >= MAX_LOG:
                machine.overflow = True
                raise RuntimeError("too many host calls")
            count = len(machine.log)
            shown = [show(a) if isinstance(a, int | float) else "ref" for a in arguments]
            machine.log.append(f"{name}({', '.join(shown)}) {machine.seen()}")
            key = f"{name}{shown}{count} {machine.turn} {machine.mood}"
            machine._write(key, arguments)
            machine._call_back(key)
            values = [_answer(f"{key}#{i}", t) for i, t in enumerate(results)]
            return values[0] if len(values) == 1 else values or None

        return stub

    def _write(self, key: str, arguments: Sequence[Value]) -> None:
        """Write four bytes where the first argument points, every other time."""
        if self.memory is None or not arguments or not isinstance(arguments[0], int):
            return
        at = arguments[0]
        if pseudo_random(key, (), 1) and 0 <= at <= self.memory.data_len(self.store) - 4:
            self.memory.write(self.store, struct.pack("<I", pseudo_random(key, (1,), 32)), at)

    def _call_back(self, key: str) -> None:
        """Let the memory grow, or call an export of integers, every now and then."""
        choice = pseudo_random(key, (2,), 4)
        if choice == 0 and self.memory is not None:
            with contextlib.suppress(wasmtime.WasmtimeError):
                self.memory.grow(self.store, 1)
        if choice > 1 or self.entered or not self.functions:
            return
        names = sorted(self.functions)
        function = self.functions[names[pseudo_random(key, (3,), 16) % len(names)]]
        types = [str(one) for one in function.type(self.store).params]
        if not all(one in ("i32", "i64") for one in types):
            return
        self.entered = True
        try:
            result = function(
                self.store, *(pseudo_random(key, (4, i), 4) for i in range(len(types)))
            )
        except wasmtime.Trap as trap:
            if trap.trap_code in (wasmtime.TrapCode.STACK_OVERFLOW, wasmtime.TrapCode.OUT_OF_FUEL):
                raise
            self.log.append("back: trap")
        else:
            self.log.append(f"back: {_shown(result)}")
        finally:
            self.entered = False

    def _fill(self, seed: Value) -> None:
        """Give memories and globals that the host can see other values, alike for every module."""
        self.mood = seed
        source = random.Random(str(seed))
        for extern in self.visible:
            if isinstance(extern, wasmtime.Memory):
                size = min(extern.data_len(self.store), FILLED_BYTES)
                extern.write(self.store, _content(source, size), 0)
            elif isinstance(extern, wasmtime.Global) and extern.type(self.store).mutable:
                text = str(extern.type(self.store).content)
                if text in NUMBERS and source.random() < 0.3:
                    value = signed(source.choice(WORDS), 32)
                    number = float(value) if text[0] == "f" else value
                    extern.set_value(self.store, getattr(wasmtime.Val, text)(number))

    def edges(self) -> list[int]:
        """Integers about what can be seen: the ends of memories, values of globals, and near."""
        found: set[int] = set()
        for extern in self.visible:
            if isinstance(extern, wasmtime.Memory):
                size = extern.data_len(self.store)
                found |= {size - near for near in (0, 1, 2, 3, 4, 5, 8, 16)}
            elif isinstance(extern, wasmtime.Global):
                value = extern.value(self.store)
                found |= {value, value + 1} if isinstance(value, int) else set()
        return sorted(found)

    def seen(self) -> str:
        """A digest of all memories, globals and tables that the outside can see."""
        parts: list[str] = []
        for extern in self.visible:
            if isinstance(extern, wasmtime.Memory):
                size = extern.data_len(self.store)
                data = extern.read(self.store, 0, min(size, SEEN_BYTES))
                parts.append(f"{size}:{zlib.crc32(data):08x}")
            elif isinstance(extern, wasmtime.Table):
                parts.append(f"[{extern.size(self.store)}]")
            else:
                value = extern.value(self.store)
                parts.append(show(value) if isinstance(value, int | float) else "ref")
        return " ".join(parts)

    def call(self, name: str, arguments: Sequence[Value], fuel: int = FUEL) -> str:
        """Call an export; a text of its results or ``trap``, the host calls, and what is seen.

        Raises Inconclusive if ``fuel`` instructions do not suffice.
        """
        self.turn += 1
        if name == FILL:
            self._fill(arguments[0])
            return self.seen()
        self.store.set_fuel(fuel)
        self.used = fuel
        self.log.clear()
        try:
            result = self.functions[name](self.store, *arguments)
        except wasmtime.Trap as trap:
            if trap.trap_code is wasmtime.TrapCode.STACK_OVERFLOW:
                raise Inconclusive("out of stack") from None
            if trap.trap_code is wasmtime.TrapCode.OUT_OF_FUEL:
                raise Endless("out of fuel") from None
            outcome = "trap"
        except (wasmtime.WasmtimeError, RuntimeError) as error:
            if self.overflow:
                raise Endless("too many host calls") from None
            outcome = f"error {type(error).__name__}"
        else:
            outcome = _shown(result)
        self.used = fuel - self.store.get_fuel()
        return "; ".join([outcome, self.seen(), *self.log])


def _shown(result: object) -> str:
    """The results of a call."""
    values = result if isinstance(result, list) else [result]
    return " ".join(show(v) if v is None or isinstance(v, int | float) else "ref" for v in values)


def _content(source: random.Random, size: int) -> bytes:
    """Bytes for a memory: any, small ones, text, or words as programs have them."""
    block = source.randbytes(4 * PERIOD)
    match source.randrange(4):
        case 0:
            pass
        case 1:
            block = block.translate(SMALL)
        case 2:
            block = block.translate(LETTERS)
        case _:
            block = b"".join([FILLING[one % len(FILLING)] for one in block[:PERIOD]])
    return (block * (size // len(block) + 1))[:size]


def _answer(key: str, type_: str) -> Value:
    """A host function's result."""
    if type_ not in NUMBERS:
        return None
    choice = pseudo_random(key, (0,), 3)
    width = int(type_[1:])
    if choice < 5:
        value = (0, 1, 2, 3, 16)[choice]
    else:
        bits = pseudo_random(key, (1,), width if choice == 7 else 8)
        value = bits - (1 << width) if bits >> (width - 1) else bits
    return float(value) if type_[0] == "f" else value


def from_bits(types: Sequence[object], patterns: Sequence[int]) -> tuple[Value, ...] | None:
    """Bit patterns as arguments of these value types; ``None`` if a type is no number."""
    if not all(t in _FROM_BITS for t in types):
        return None
    return tuple(_FROM_BITS[t](x) for t, x in zip(types, patterns, strict=True))


def _float(size: int, bits: int) -> float:
    value: float = struct.unpack("<f" if size == 4 else "<d", bits.to_bytes(size, "little"))[0]
    return value


_FROM_BITS: Final[dict[object, Callable[[int], Value]]] = {
    0x7F: lambda bits: signed(bits, 32),
    0x7E: lambda bits: signed(bits, 64),
    0x7D: partial(_float, 4),
    0x7C: partial(_float, 8),
}
"""Value type to what the engine takes for a bit pattern."""
