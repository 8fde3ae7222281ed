"""What every function refers to: one linear scan over the bodies, without decoding operands twice.

Bodies are cut into the bytes of their instructions; what one of those refers to is found out once
for each different instruction of the module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ..wasm.body import Instr, decode_instrs, encode_instrs, read_locals
from ..wasm.immediates import WRITERS
from ..wasm.module import Module
from ..wasm.opcodes import BY_NAME, OPCODES
from ..wasm.tokens import INSTRUCTION
from ..wasm.types import FuncType, ValType

Kind: TypeAlias = Literal["func", "table", "memory", "global", "type", "elem", "data", "tag"]
KINDS: Final[tuple[Kind, ...]] = (
    "func",
    "table",
    "memory",
    "global",
    "type",
    "elem",
    "data",
    "tag",
)
Entity: TypeAlias = tuple[Kind, int]

CALL: Final = BY_NAME["call"]
RETURN_CALL: Final = BY_NAME["return_call"]
REF_FUNC: Final = BY_NAME["ref.func"]
GLOBAL_GET: Final = BY_NAME["global.get"]
GLOBAL_SET: Final = BY_NAME["global.set"]
INDIRECT: Final = frozenset(
    BY_NAME[name]
    for name in ("call_indirect", "return_call_indirect", "call_ref", "return_call_ref")
    if name in BY_NAME
)
LOOP: Final = BY_NAME["loop"]


@dataclass(frozen=True, slots=True)
class Use:
    """One kind of instruction that refers to something, and how often it stands in a body."""

    instr: Instr
    targets: tuple[Entity, ...]
    count: int

    @property
    def opcode(self) -> int:
        """The opcode number."""
        opcode = self.instr[0]
        assert isinstance(opcode, int)
        return opcode


@dataclass(frozen=True, slots=True)
class Body:
    """What one body refers to.

    Attributes:
        uses: its referring instructions.
        size: bytes of the body.
        loops: number of `loop` instructions.
        indirect: whether it calls through a table or a reference.
    """

    uses: tuple[Use, ...]
    size: int
    loops: int
    indirect: bool

    def calls(self) -> Counter[int]:
        """Directly called functions, with the number of call sites."""
        found: Counter[int] = Counter()
        for use in self.uses:
            if use.opcode in (CALL, RETURN_CALL):
                found[use.targets[0][1]] += use.count
        return found


class Scanner:
    """Scans bodies of one numbering; equal instructions are looked at once."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Instr, tuple[Entity, ...]] | None] = {}

    def body(self, data: bytes, start: int, end: int) -> Body:
        """What the body at `data[start:end]` (without its size) refers to."""
        runs, position = read_locals(data, start, end)
        tokens = INSTRUCTION.findall(data, position, end)
        if sum(map(len, tokens)) != end - position:
            tokens = [encode_instrs([one]) for one in decode_instrs(data, position, end)]
        uses = []
        loops = 0
        indirect = False
        for token, count in Counter(tokens).items():
            try:
                known = self._known[token]
            except KeyError:
                known = self._known[token] = _classify(token)
            if known is None:
                continue
            instr, targets = known
            if instr[0] == LOOP:
                loops += count
            if instr[0] in INDIRECT:
                indirect = True
            if targets:
                uses.append(Use(instr, targets, count))
        types = tuple(t for _, kind in runs for t in types_of(kind))
        if types:
            uses.append(Use((0x01,), tuple(("type", t) for t in types), 1))
        return Body(tuple(uses), end - start, loops, indirect)


def _classify(token: bytes) -> tuple[Instr, tuple[Entity, ...]] | None:
    instr = decode_instrs(token + b"\x0b", 0, len(token) + 1)[0]
    targets = entities(instr)
    if not targets and instr[0] != LOOP and instr[0] not in INDIRECT:
        return None
    return instr, targets


def entities(instr: Instr) -> tuple[Entity, ...]:
    """What an instruction refers to by index."""
    found: list[Entity] = []
    at = 1
    for kind in OPCODES[instr[0]].immediates:
        width = WRITERS[kind][0]
        values = instr[at : at + width]
        at += width
        match kind:
            case "func" | "table" | "memory" | "global" | "type" | "elem" | "data" | "tag":
                found.append((kind, values[0]))
            case "memarg":
                found.append(("memory", values[2]))
            case "blocktype":
                if isinstance(values[0], tuple):
                    found += [("type", t) for t in _block_types(values[0])]
            case "heaptype":
                found += [("type", values[0])] if values[0] >= 0 else []
            case "types":
                found += [("type", t) for one in values[0] for t in types_of(one)]
            case "cast":
                found += [("type", heap) for heap in values[2:] if heap >= 0]
            case "catches":
                found += [("tag", clause[1]) for clause in values[0] if clause[0] < 2]
            case _:
                pass
    return tuple(found)


def _block_types(kind: tuple[str | int, int]) -> tuple[int, ...]:
    if kind[0] == "type":
        return (kind[1],)
    return (kind[1],) if kind[1] >= 0 else ()


def types_of(kind: ValType) -> tuple[int, ...]:
    """Types that a value type names."""
    return (kind[1],) if isinstance(kind, tuple) and kind[1] >= 0 else ()


CHECKED: Final = 64
"""Bodies between two looks at the clock."""


def _nothing() -> None:
    pass


@dataclass(slots=True)
class References:
    """What refers to what in a module.

    `bodies` are scanned on demand: what nothing reaches is never looked at.
    """

    module: Module
    check: Callable[[], None] = _nothing
    """Called before every so many bodies that are scanned; may raise to end it."""
    scanner: Scanner = field(default_factory=Scanner)
    _bodies: dict[int, Body] = field(default_factory=dict)

    def body(self, function: int) -> Body:
        """What the body of a function of the module's own refers to."""
        found = self._bodies.get(function)
        if found is None:
            if len(self._bodies) % CHECKED == 0:
                self.check()
            start, end = self.module.body_range(function)
            found = self._bodies[function] = self.scanner.body(self.module.data, start, end)
        return found

    def take(self, other: References, changed: Collection[int]) -> None:
        """Take over what is known of a module with the same numbers and mostly the same bodies."""
        self.scanner = other.scanner
        self._bodies = {f: body for f, body in other._bodies.items() if f not in changed}

    def defined(self) -> range:
        """Functions with a body."""
        return range(self.module.imported_functions, len(self.module.functions))

    def of_type(self, type: int) -> list[int]:
        """Types that a type names."""
        kind = self.module.types[type]
        if not isinstance(kind, FuncType):
            return []
        return [t for one in (*kind.params, *kind.results) for t in types_of(one)]
