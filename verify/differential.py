"""A bounded differential run: two modules side by side in wasmtime, on generated calls.

Not a proof and never counted as one: it is the net under the proofs (a wrong reader or wrong
semantics in the validator would show here), and the source of witnesses.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import wasmtime

from .border import Border, border
from .concrete import signed
from .machine import FILL, FUEL, NUMBERS, Endless, Inconclusive, Machine, Value, make_engine
from .reader import Malformed, Unsupported

REPLAY_SECONDS: Final = 30.0
"""Wall time for a replay: more than a few calls need."""

BYTES_PER_SECOND: Final = 1_500_000
"""Bytes of code that wasmtime compiles in a second of one core, with room for slow machines."""

CALLS_PER_INSTANCE: Final = 12
"""Calls before a new pair of instances is made, so that state builds up but never for good."""

ALIKE: Final = 0.1
"""Share of arguments that repeat one before them of the same type."""

MORE_FUEL: Final = 8
"""Times the fuel of a call once no call on an instance has ended with what it got."""

MOST_FUEL: Final = 1 << 26
"""Fuel of a call, at most."""

ALL_FUEL: Final = 1 << 29
"""Fuel of one exploration: some seconds of one core."""

CLOSER: Final = 3
"""Calls of the original that are given all there is because they do not end and the other's do."""

SLOWER: Final = 64
"""Share of its fuel that the original may take if the other module is to be given all there is."""

INTERESTING: Final = (
    0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 255, 256,
    1000, 1024, 4096, 65532, 65535, 65536, -1, -2, -3, -8, -16, -128, 0x7FFFFFFF, -0x80000000,
)  # fmt: skip
FLOATS: Final = (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 100.0, 1e10, -1e10, 1e-40,
                 float("inf"), float("-inf"), float("nan"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """A witness: the calls in order (the last one differs), and what either module did.

    A call of ``machine.FILL`` is the host's: it changes the memories and globals that it can see.
    """

    calls: tuple[tuple[str, tuple[Value, ...]], ...]
    original: str
    output: str

    def __str__(self) -> str:
        """The last call and both outcomes in one line."""
        if not self.calls:
            return f"instantiation: {self.original} against {self.output}"
        name, arguments = self.calls[-1]
        text = ", ".join(map(str, arguments))
        return f"{name}({text}): {_shorten(self.original)} against {_shorten(self.output)}"


@dataclass(frozen=True, slots=True)
class Exploration:
    """What a bounded run found: a difference or none, the calls compared, why it stopped early."""

    difference: Difference | None
    calls: int
    reason: str = ""


def compare(
    original: bytes, output: bytes, *, seconds: float, seed: int, calls: int
) -> Difference | None:
    """Run both modules for at most about ``seconds`` and ``calls`` calls; the first difference.

    ``None`` if none was found, also if the modules are too big to compile in time or cannot be
    run here: :func:`explore` says which.
    """
    return explore(original, output, seconds=seconds, seed=seed, calls=calls).difference


def explore(
    original: bytes,
    output: bytes,
    *,
    seconds: float,
    seed: int,
    calls: int,
    first: Sequence[tuple[str, tuple[Value, ...]]] = (),
    only: str | None = None,
    values: Sequence[int] = (),
) -> Exploration:
    """As :func:`compare`, with the number of calls compared and the reason for an early end.

    ``first`` are calls to make before generated ones, each in a fresh pair of instances; ``only``
    is the one export to call; ``values`` are more integers that arguments are chosen from.
    """
    run = _prepare(original, output, seconds, seed, calls, first)
    if isinstance(run, Exploration):
        return run
    run.values = values
    if only is not None:
        run.callable = [one for one in run.callable if one[0] == only]
    return run.explore()


def replay(
    original: bytes, output: bytes, calls: Sequence[tuple[str, tuple[Value, ...]]]
) -> Difference | None:
    """Make these calls in one fresh pair of instances; where they differ, if they do."""
    run = _prepare(original, output, REPLAY_SECONDS, 0, len(calls), calls)
    if isinstance(run, Exploration):
        return run.difference
    return run.replay()


def _prepare(
    original: bytes,
    output: bytes,
    seconds: float,
    seed: int,
    calls: int,
    first: Sequence[tuple[str, tuple[Value, ...]]],
) -> "_Run | Exploration":
    """Compile both modules; an exploration that has already ended if that is not possible."""
    until = time.perf_counter() + seconds
    if len(original) + len(output) > seconds * BYTES_PER_SECOND:
        return Exploration(None, 0, "too big to compile in the time given")
    try:
        first_border, second_border = border(original), border(output)
    except (Malformed, Unsupported, IndexError) as problem:
        return Exploration(None, 0, f"a module cannot be read: {problem}")
    if isinstance(first_border, str):
        return Exploration(None, 0, first_border)
    if isinstance(second_border, str):
        return Exploration(None, 0, second_border)
    engine = make_engine()
    try:
        modules = wasmtime.Module(engine, original), wasmtime.Module(engine, output)
    except wasmtime.WasmtimeError as error:
        return Exploration(None, 0, f"wasmtime refuses a module: {str(error).splitlines()[0]}")
    return _Run(
        engine,
        modules,
        both(first_border, second_border),
        until,
        random.Random(seed),
        calls,
        first,
    )


def both(first: Border, second: Border) -> Border:
    """What holds for both modules: they run under the same limits."""
    return Border(
        first.closed | second.closed,
        max(first.largest_memory, second.largest_memory),
        max(first.largest_table, second.largest_table),
    )


class _Run:
    """One exploration in progress."""

    def __init__(
        self,
        engine: wasmtime.Engine,
        modules: tuple[wasmtime.Module, wasmtime.Module],
        border: Border,
        until: float,
        source: random.Random,
        calls: int,
        first: Sequence[tuple[str, tuple[Value, ...]]],
    ) -> None:
        self.engine, self.modules, self.border, self.until = engine, modules, border, until
        self.random, self.left, self.first = source, calls, list(first)
        self.count = 0
        self.fuel, self.spent, self.closer = FUEL, 0, CLOSER
        self.values: Sequence[int] = ()
        self.edges: Sequence[int] = ()
        self.callable: list[tuple[str, list[str]]] = []
        for export in modules[0].exports:
            if export.name not in border.closed and isinstance(export.type, wasmtime.FuncType):
                self.callable.append((export.name, [str(t) for t in export.type.params]))

    def explore(self) -> Exploration:
        names = [sorted(e.name for e in m.exports) for m in self.modules]
        if names[0] != names[1]:
            return Exploration(Difference((), str(names[0]), str(names[1])), 0)
        filled = False
        while True:
            try:
                machines = self._instances()
            except Inconclusive as problem:
                return Exploration(None, self.count, str(problem))
            if isinstance(machines, Exploration):
                return machines
            if not self.edges:
                self.edges = machines[0].edges()
            done: list[tuple[str, tuple[Value, ...]]] = []
            if not self.first:
                if filled:
                    done.append((FILL, (self.random.getrandbits(31),)))
                filled = not filled
            before = self.count
            found = self._session(machines, 1 if self.first else CALLS_PER_INSTANCE, done)
            if found is not None:
                return Exploration(found, self.count)
            if self.count == before:
                self.fuel = min(MORE_FUEL * self.fuel, MOST_FUEL)
            if self.spent > ALL_FUEL:
                return Exploration(None, self.count, "fuel")
            if not self.callable or self.left <= 0:
                return Exploration(None, self.count)
            if time.perf_counter() > self.until:
                return Exploration(None, self.count, "time")

    def replay(self) -> Difference | None:
        """All given calls in one pair of instances."""
        names = [sorted(e.name for e in m.exports) for m in self.modules]
        if names[0] != names[1]:
            return Difference((), str(names[0]), str(names[1]))
        try:
            machines = self._instances()
        except Inconclusive:
            return None
        if isinstance(machines, Exploration):
            return machines.difference
        self.fuel = MOST_FUEL
        known = {FILL, *(name for name, _ in self.callable)}
        self.first = [one for one in self.first if one[0] in known]
        return self._session(machines, len(self.first), [])

    def _instances(self) -> tuple[Machine, Machine] | Exploration:
        made: list[Machine | str] = []
        for module in self.modules:
            try:
                made.append(Machine(module, self.engine, self.border))
            except wasmtime.Trap as trap:
                if trap.trap_code is wasmtime.TrapCode.OUT_OF_FUEL:
                    raise Inconclusive("instantiation runs out of fuel") from None
                made.append("trap")
            except (wasmtime.WasmtimeError, RuntimeError, OverflowError, TypeError):
                made.append("error")
        a, b = made
        if isinstance(a, Machine) and isinstance(b, Machine):
            seen = a.seen(), b.seen()
            if seen[0] == seen[1] and a.log == b.log:
                return a, b
            return Exploration(Difference((), *seen), self.count)
        if isinstance(a, str) and isinstance(b, str):
            return Exploration(None, self.count, f"instantiation ends in {a}")
        texts = [x if isinstance(x, str) else "instance" for x in made]
        return Exploration(Difference((), *texts), self.count)

    def _session(
        self,
        machines: tuple[Machine, Machine],
        length: int,
        done: list[tuple[str, tuple[Value, ...]]],
    ) -> Difference | None:
        """At most ``length`` calls on one pair of instances, after those in ``done``."""
        for name, arguments in done:
            for machine in machines:
                machine.call(name, arguments)
        for _ in range(length):
            if not self.callable or self.left <= 0 or time.perf_counter() > self.until:
                return None
            self.left -= 1
            name, arguments = self.first.pop(0) if self.first else self._generate()
            done.append((name, arguments))
            outcomes = []
            fuel = self.fuel
            for machine in machines:
                try:
                    outcomes.append(machine.call(name, arguments, fuel))
                except Inconclusive as problem:
                    self.spent += machine.used
                    if not isinstance(problem, Endless):
                        return None
                    if not outcomes:
                        return self._endless(machines[1], done)
                    if machines[0].used < self.fuel // SLOWER:
                        return Difference(tuple(done), outcomes[0], "runs on")
                    # They are out of step from here on.
                    return None
                self.spent += machine.used
                if machine.used < self.fuel // SLOWER:
                    # If the other one does not end with this, it runs on for ever.
                    fuel = MOST_FUEL
            self.count += 1
            if outcomes[0] != outcomes[1]:
                return Difference(tuple(done), *outcomes)
        return None

    def _endless(
        self, other: Machine, done: list[tuple[str, tuple[Value, ...]]]
    ) -> Difference | None:
        """The original has not ended: if the other one soon does, look closer, not too often."""
        if self.closer == 0:
            return None
        try:
            other.call(*done[-1], self.fuel)
        except Inconclusive:
            return None
        self.spent += other.used
        if other.used >= self.fuel // SLOWER:
            return None
        self.closer -= 1
        try:
            machines = self._instances()
            if isinstance(machines, Exploration):
                return None
            for call in done[:-1]:
                if machines[0].call(*call, self.fuel) != machines[1].call(*call, self.fuel):
                    return None
            outcome = machines[1].call(*done[-1], self.fuel)
        except Inconclusive:
            return None
        try:
            machines[0].call(*done[-1], MOST_FUEL)
        except Endless:
            self.spent += MOST_FUEL
            return Difference(tuple(done), "runs on", outcome)
        except Inconclusive:
            pass
        return None

    def _generate(self) -> tuple[str, tuple[Value, ...]]:
        name, types = self.random.choice(self.callable)
        arguments: list[Value] = []
        for i, type_ in enumerate(types):
            same = [j for j in range(i) if types[j] == type_]
            if same and self.random.random() < ALIKE:
                arguments.append(arguments[self.random.choice(same)])
            else:
                arguments.append(self._argument(type_))
        return name, tuple(arguments)

    def _argument(self, type_: str) -> Value:
        source = self.random
        if type_ not in NUMBERS:
            return None
        if type_[0] == "f":
            if source.random() < 0.7:
                return source.choice(FLOATS)
            return source.uniform(-1000, 1000)
        width = int(type_[1:])
        kind = source.random()
        if self.edges and kind < 0.06:
            return signed(source.choice(self.edges) & ((1 << width) - 1), width)
        if self.values and kind < 0.3:
            return signed(source.choice(self.values) & ((1 << width) - 1), width)
        if kind < 0.75:
            return source.choice(INTERESTING)
        if kind < 0.9:
            return source.randrange(0, 512)
        return source.getrandbits(width) - (1 << (width - 1))


def _shorten(text: str) -> str:
    """The first hundred characters of an outcome."""
    return text if len(text) <= 100 else text[:99] + "…"
