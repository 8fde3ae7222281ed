"""What all bodies of a module do to its globals, tables and memories, in one quick pass."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .opcodes import LANE_STORES, STORES
from .reader import Instruction, Malformed, Module, Unsupported, read_body
from .skeleton import skeleton


@dataclass(slots=True)
class Usage:
    """Index sets; ``unknown`` if some body cannot be read, so that anything may be done there."""

    read_globals: set[int] = field(default_factory=set)
    set_globals: set[int] = field(default_factory=set)
    read_tables: set[int] = field(default_factory=set)
    changed_tables: set[int] = field(default_factory=set)
    read_memories: set[int] = field(default_factory=set)
    stored_memories: set[int] = field(default_factory=set)
    grown_memories: set[int] = field(default_factory=set)
    unknown: bool = False

    def of(self, kind: str) -> set[int] | None:
        """The set for a kind of reference of a skeleton."""
        match kind:
            case "global":
                return self.read_globals
            case "global set":
                return self.set_globals
            case "table":
                return self.read_tables
            case "table changed":
                return self.changed_tables
            case "memory":
                return self.read_memories
            case "memory stored":
                return self.stored_memories
            case "memory grown":
                return self.grown_memories
        return None


def usage(module: Module, bodies: Iterable[int] | None = None) -> Usage:
    """Over all bodies, or those at these positions."""
    found = Usage()
    seen: set[tuple[str, int]] = set()
    for at in range(len(module.bodies)) if bodies is None else bodies:
        split = skeleton(module.bodies[at], False)
        if split is not None:
            seen.update([(kind, index) for _, kind, index in split[1]])
            continue
        try:
            _, code = read_body(module.bodies[at])
        except (Unsupported, Malformed):
            found.unknown = True
            continue
        for instruction in code:
            _note(instruction, seen)
    for kind, index in seen:
        indices = found.of(kind)
        if indices is not None:
            indices.add(index)
    return found


def _note(instruction: Instruction, seen: set[tuple[str, int]]) -> None:
    op = instruction[0]
    if op in STORES or op in LANE_STORES:
        seen.add(("memory stored", instruction[3]))
    elif 0x28 <= op <= 0x35 or 0xFD0000 <= op <= 0xFD000A or 0xFD0054 <= op <= 0xFD005D:
        seen.add(("memory", instruction[3]))
    else:
        kinds = _KINDS.get(op)
        if kinds is not None:
            seen.update(zip(kinds, instruction[1:], strict=False))


_KINDS = {
    0x11: ("type", "table"), 0x13: ("type", "table"), 0x23: ("global",), 0x24: ("global set",),
    0x25: ("table",), 0x26: ("table changed",), 0x3F: ("memory",), 0x40: ("memory grown",),
    0xFC0008: ("data", "memory stored"), 0xFC000A: ("memory stored", "memory"),
    0xFC000B: ("memory stored",), 0xFC000C: ("element", "table changed"),
    0xFC000E: ("table changed", "table"), 0xFC000F: ("table changed",), 0xFC0010: ("table",),
    0xFC0011: ("table changed",),
}  # fmt: skip
