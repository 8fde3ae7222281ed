"""Everything of two modules but the bodies, compared through untrusted index maps.

Kept things must be equal up to the maps: types of functions, limits, initial values, segments,
imports, the start function, and the exports that are ever used. What was removed must be such that
nobody outside can tell: nothing that the host owns or can name, and no segment whose
initialisation may trap. That nothing inside needs it is what the proofs of the bodies say.

Two functions that an embedder's reference equality could tell apart may become one: identity of
references is not observable in WebAssembly itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .plan import Index, Maps
from .reader import FunctionType, Module, ValueType
from .segments import Data, Element, Expression, Segments

MAX_IMAGE: Final = 1 << 24
"""Bytes of a memory's initial content that are laid out for a comparison."""

NUMBERING: Final = b"pulseengine:async"
"""Imports of this module name memories by their index in the memory index space."""

FUNCTION, TABLE, MEMORY, GLOBAL, TAG = range(5)
"""Kinds of import and export."""

KINDS: Final = ("function", "table", "memory", "global", "tag")


class Mismatch(Exception):
    """The modules differ, or the maps do not fit; the text says where."""


@dataclass(slots=True)
class Side:
    """One module, read."""

    module: Module
    segments: Segments

    def counts(self) -> tuple[int, ...]:
        """How many functions, tables, memories, globals and tags there are."""
        m = self.module
        return (
            len(m.functions), len(m.tables), len(m.memories), len(m.globals),
            len(self.segments.tags),
        )  # fmt: skip


@dataclass(slots=True)
class Structure:
    """Checked maps, with their inverses: ``origin`` has an old index for every new one."""

    before: Side
    after: Side
    maps: Maps
    entries: frozenset[bytes] | None
    forward: dict[int, tuple[Index, ...]] = field(default_factory=dict)
    """Old to new, per kind."""
    origin: dict[int, list[int]] = field(default_factory=dict)
    data_origin: list[int] = field(default_factory=list)
    element_origin: list[int] = field(default_factory=list)
    alike: list[int] = field(default_factory=list)
    """Per old function the one that stands for all that became the same new function."""
    outside: frozenset[tuple[int, int]] = frozenset()
    """Kind and old index of what is imported, or exported under a name that is ever used."""

    def used(self, name: bytes) -> bool:
        """Whether an export is ever used."""
        return self.entries is None or name in self.entries


def _outside(module: Module, entries: frozenset[bytes] | None) -> frozenset[tuple[int, int]]:
    """Kind and index of what is imported, or exported under a name that is ever used."""
    found = {(k, i) for name, k, i in module.exports if entries is None or name in entries}
    counts = (module.imported_functions, module.imported_tables, module.imported_memories,
              module.imported_globals)  # fmt: skip
    found |= {(kind, i) for kind, count in enumerate(counts) for i in range(count)}
    return frozenset(found | {(TAG, i) for i in range(sum(m.kind == TAG for m in module.imports))})


def compare(before: Side, after: Side, maps: Maps, entries: frozenset[bytes] | None) -> Structure:
    """Check everything but bodies. Raises Mismatch."""
    structure = Structure(before, after, maps, entries)
    structure.outside = _outside(before.module, entries)
    for side in (before, after):
        if side.segments.others:
            raise Mismatch(f"a section with id {side.segments.others[0]}")
    lists = (maps.functions, maps.tables, maps.memories, maps.globals, maps.tags)
    counts = zip(before.counts(), after.counts(), strict=True)
    for kind, (given, (old, new)) in enumerate(zip(lists, counts, strict=True)):
        structure.forward[kind] = given
        structure.origin[kind] = _invert(KINDS[kind], given, old, new, maps, kind == FUNCTION)
    structure.data_origin = _invert(
        "data segment", maps.datas, len(before.segments.datas), len(after.segments.datas), maps,
        fresh=True,
    )  # fmt: skip
    structure.element_origin = _invert(
        "element segment", maps.elements,
        len(before.segments.elements), len(after.segments.elements), maps,
    )  # fmt: skip
    origin = structure.origin[FUNCTION]
    structure.alike = [i if new is None else origin[new] for i, new in enumerate(maps.functions)]
    for check in (_types, _imports, _tables, _memories, _globals, _tags, _exports, _start):
        check(structure)
    _elements(structure)
    _datas(structure)
    return structure


def _invert(
    what: str,
    given: Sequence[Index],
    old: int,
    new: int,
    maps: Maps,
    merging: bool = False,
    *,
    fresh: bool = False,
) -> list[int]:
    """The old index of every new one; -1 where there may be ``fresh`` ones."""
    if len(given) != old:
        raise Mismatch(f"{what}s: a map of {len(given)} for {old}")
    found: list[int | None] = [None] * new
    for i, to in enumerate(given):
        if to is None:
            continue
        if not 0 <= to < new:
            raise Mismatch(f"{what} {i} became {to} of {new}")
        if found[to] is None:
            found[to] = i
        elif not merging:
            raise Mismatch(f"{what}s {found[to]} and {i} both became {to}")
    if merging:
        for to, i in maps.copies.items():
            if not (0 <= to < new and 0 <= i < old) or found[to] is not None:
                raise Mismatch(f"new {what} {to} is no copy of {i}")
            found[to] = i
    if fresh:
        return [-1 if i is None else i for i in found]
    result = [i for i in found if i is not None]
    if len(result) != new:
        raise Mismatch(f"new {what} {found.index(None)} comes from nowhere")
    return result


# --- the parts --------------------------------------------------------------------------------


def _types(s: Structure) -> None:
    if not any(map(_by_number, (s.before, s.after))):
        return
    payloads = [
        next((payload for kind, payload in side.module.sections if kind == 1), b"")
        for side in (s.before, s.after)
    ]
    if payloads[0] != payloads[1]:
        raise Mismatch("types that are not plain function types have changed")


def _by_number(side: Side) -> bool:
    """Whether types are named by their numbers, so that they must stay where they are."""
    module = side.module
    named: list[ValueType] = [type_ for type_, _ in module.tables]
    named += [one.type for one in module.globals]
    named += [one.type for one in side.segments.elements]
    return not module.plain_types or any(isinstance(t, tuple) and t[1] >= 0 for t in named)


def same_type(a: FunctionType | None, b: FunctionType | None) -> bool:
    """Whether two function types are one; other kinds of type never are."""
    return a is not None and a == b


def _imports(s: Structure) -> None:
    """Kept imports stand in the same order, under the same names, with the same types."""
    old, new = s.before.module, s.after.module
    wanted = []
    count = [0] * 5
    for one in old.imports:
        to = s.forward[one.kind][count[one.kind]]
        if to is not None:
            wanted.append((one, count[one.kind], to))
        count[one.kind] += 1
    count = [0] * 5
    if len(wanted) != len(new.imports):
        raise Mismatch(f"{len(new.imports)} imports for {len(wanted)} that are kept")
    for (a, i, to), b in zip(wanted, new.imports, strict=True):
        if (a.module, a.name, a.kind, to) != (b.module, b.name, b.kind, count[b.kind]):
            raise Mismatch(f"import {a.module.decode()}.{a.name.decode()} differs")
        count[b.kind] += 1
        if a.kind == FUNCTION and not same_type(old.function_type(i), new.function_type(to)):
            raise Mismatch(f"the type of imported function {i} differs")
    imported = new.imported_functions
    for i, to in enumerate(s.forward[FUNCTION]):
        if to is not None and (to < imported) != (i < old.imported_functions):
            raise Mismatch(f"function {i} became or was an import")
    merged = [to for to in s.forward[FUNCTION][: old.imported_functions] if to is not None]
    if len(set(merged)) != len(merged) or any(to < imported for to in s.maps.copies):
        raise Mismatch("two imports became one")


def _visible_state(s: Structure, kind: int, i: int) -> None:
    """What the host owns or sees may not be removed, except under an unused export."""
    if (kind, i) in s.outside:
        raise Mismatch(f"{KINDS[kind]} {i} can be seen from outside and was removed")


def _tables(s: Structure) -> None:
    old, new = s.before, s.after
    imported = old.module.imported_tables
    for i, to in enumerate(s.forward[TABLE]):
        if to is None:
            if i >= imported:
                _visible_state(s, TABLE, i)
            continue
        if old.module.tables[i] != new.module.tables[to]:
            raise Mismatch(f"table {i} differs")
        if i < imported:
            continue
        a = old.segments.tables[i - imported]
        b = new.segments.tables[to - new.module.imported_tables]
        if (a is None) != (b is None) or (a and b and mapped(s, a) != b):
            raise Mismatch(f"the initial value of table {i} differs")


def _memories(s: Structure) -> None:
    # Functions of this module take numbers of memories as arguments.
    numbered = any(m.module == NUMBERING for m in s.before.module.imports)
    for i, to in enumerate(s.forward[MEMORY]):
        if numbered and to is not None and to != i:
            raise Mismatch(f"memory {i} is known to the host by its number")
        if to is None:
            if i >= s.before.module.imported_memories:
                _visible_state(s, MEMORY, i)
        elif s.before.module.memories[i] != s.after.module.memories[to]:
            raise Mismatch(f"the limits of memory {i} differ")


def _globals(s: Structure) -> None:
    """Kept globals have equal initial values."""
    old, new = s.before, s.after
    imported = old.module.imported_globals
    for i, to in enumerate(s.forward[GLOBAL]):
        a = old.module.globals[i]
        if to is None:
            if i >= imported:
                _visible_state(s, GLOBAL, i)
            continue
        b = new.module.globals[to]
        # Whether a private one may be set is no matter: what is in it is compared all the time.
        public = a.imported or (GLOBAL, i) in s.outside
        if (a.type, a.imported) != (b.type, b.imported) or (public and a.mutable != b.mutable):
            raise Mismatch(f"the type of global {i} differs")
        if i >= imported and not _same_value(s, i - imported, to - new.module.imported_globals):
            raise Mismatch(f"the initial value of global {i} differs")


def _same_value(s: Structure, i: int, to: int) -> bool:
    """Whether two initialisers give the same: through the maps, or as the same constant."""
    a, b = s.before.segments.globals[i], s.after.segments.globals[to]
    if mapped(s, a) == b:
        return True
    x, y = constant(s.before, a), constant(s.after, b)
    return x is not None and x == y


def constant(side: Side, expression: Expression) -> int | None:
    """The value of a constant expression as a bit pattern, if it is a plain constant.

    Follows immutable globals of the module itself.
    """
    for _ in range(len(side.module.globals) + 1):
        if len(expression) != 1:
            return None
        op, *immediates = expression[0]
        if op in (0x41, 0x42, 0x43, 0x44, 0xFD000C):
            return int(immediates[0])
        if op != 0x23:
            return None
        index = immediates[0] - side.module.imported_globals
        if index < 0 or side.module.globals[immediates[0]].mutable:
            return None
        expression = side.segments.globals[index]
    return None


_STAYING: Final = (0x41, 0x42, 0x43, 0x44, 0xD0, 0xFD000C, 0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E)
"""Constants and arithmetic of constant expressions."""


def mapped(s: Structure, expression: Expression) -> Expression | None:
    """A constant expression of the old module in the words of the new one."""
    result = []
    for instruction in expression:
        match instruction[0]:
            case 0x23:
                to = s.forward[GLOBAL][instruction[1]]
            case 0xD2:
                to = s.forward[FUNCTION][instruction[1]]
            case op if op in _STAYING:
                result.append(instruction)
                continue
            case _:
                return None
        if to is None:
            return None
        result.append((instruction[0], to))
    return tuple(result)


def _tags(s: Structure) -> None:
    for i, to in enumerate(s.forward[TAG]):
        if to is None:
            if (TAG, i) in s.outside:
                raise Mismatch(f"tag {i} was removed")
            continue
        a = s.before.module.type_at(s.before.segments.tags[i])
        b = s.after.module.type_at(s.after.segments.tags[to])
        if not same_type(a, b):
            raise Mismatch(f"tag {i} differs")


def _exports(s: Structure) -> None:
    """Every used export is still there, and no export is new or something else."""
    new = {name: (kind, i) for name, kind, i in s.after.module.exports}
    for name, kind, i in s.before.module.exports:
        found = new.pop(name, None)
        if found is None:
            if s.used(name):
                raise Mismatch(f"export {name.decode()} is missing")
        elif found != (kind, s.forward[kind][i]):
            raise Mismatch(f"export {name.decode()} became something else")
    if new:
        raise Mismatch(f"export {next(iter(new)).decode()} is new")


def _start(s: Structure) -> None:
    old, new = s.before.segments.start, s.after.segments.start
    if (None if old is None else s.forward[FUNCTION][old]) != new or (old is None) != (new is None):
        raise Mismatch("the start function differs")


# --- segments ---------------------------------------------------------------------------------


def _in_order(what: str, origin: list[int]) -> None:
    if origin != sorted(origin):
        raise Mismatch(f"{what} segments stand in another order")


def _offset(side: Side, expression: Expression, wide: bool) -> int | None:
    value = constant(side, expression)
    return None if value is None else value & ((1 << (64 if wide else 32)) - 1)


def _elements(s: Structure) -> None:
    _in_order("element", s.element_origin)
    for i, (a, to) in enumerate(zip(s.before.segments.elements, s.maps.elements, strict=True)):
        if to is None:
            _removed_element(s, i, a)
            continue
        b = s.after.segments.elements[to]
        if (a.mode, a.type) != (b.mode, b.type) or len(a.items) != len(b.items):
            raise Mismatch(f"element segment {i} differs")
        if a.mode == "active" and (
            s.forward[TABLE][a.table] != b.table or not _same_offset(s, a.offset, b.offset)
        ):
            raise Mismatch(f"element segment {i} went elsewhere")
        if any(mapped(s, x) != y for x, y in zip(a.items, b.items, strict=True)):
            raise Mismatch(f"element segment {i} has other functions")


def _removed_element(s: Structure, i: int, segment: Element) -> None:
    """A segment may go with its table if it fits, or if it is a mere declaration.

    A passive one may go as well: what would still use it has no counterpart.
    """
    if segment.mode != "active":
        return
    limits = s.before.module.tables[segment.table][1]
    at = _offset(s.before, segment.offset, limits.wide)
    if at is None or at + len(segment.items) > limits.minimum:
        raise Mismatch(f"element segment {i} was removed and may trap")
    if s.forward[TABLE][segment.table] is not None and segment.items:
        raise Mismatch(f"element segment {i} was removed, its table was not")
    if (TABLE, segment.table) in s.outside:
        raise Mismatch(f"element segment {i} of a visible table was removed")


def _same_offset(s: Structure, a: Expression, b: Expression) -> bool:
    if mapped(s, a) == b:
        return True
    x, y = constant(s.before, a), constant(s.after, b)
    return x is not None and x == y


def _datas(s: Structure) -> None:
    """Segments are the same, or leave the same bytes in a memory that is the module's own."""
    module, segments = s.before.module, s.before.segments
    differing: set[int] = set()
    for i, (a, to) in enumerate(zip(segments.datas, s.maps.datas, strict=True)):
        if to is not None:
            b = s.after.segments.datas[to]
            if a.active != b.active or (not a.active and a.content != b.content):
                raise Mismatch(f"data segment {i} differs")
            if a.active and not _same_segment(s, a, b):
                differing.add(a.memory)
        elif a.active and a.content:
            differing.add(a.memory)
        elif a.active and not _fits(s.before, a):
            raise Mismatch(f"data segment {i} was removed and may trap")
    origin = s.origin[MEMORY]
    for to, i in enumerate(s.data_origin):
        b = s.after.segments.datas[to]
        if i < 0 and b.active:
            differing.add(origin[b.memory])
    kept = [i for i in s.data_origin if i >= 0 and segments.datas[i].active]
    if kept != sorted(kept):
        differing |= {segments.datas[i].memory for i in kept}
    for memory in sorted(differing):
        to = s.forward[MEMORY][memory]
        if memory < module.imported_memories or (to is None and (MEMORY, memory) in s.outside):
            raise Mismatch(f"data segments of visible memory {memory} differ")
        image = initial_memory(s.before, memory)
        if image is None or (to is not None and image != initial_memory(s.after, to)):
            raise Mismatch(f"the initial content of memory {memory} differs")


def _same_segment(s: Structure, a: Data, b: Data) -> bool:
    return (
        a.content == b.content
        and s.forward[MEMORY][a.memory] == b.memory
        and _same_offset(s, a.offset, b.offset)
    )


def _fits(side: Side, data: Data) -> bool:
    """Whether an active segment surely lies in its memory."""
    limits = side.module.memories[data.memory]
    at = _offset(side, data.offset, limits.wide)
    return at is not None and at + len(data.content) <= limits.minimum << limits.page_shift


def initial_memory(side: Side, memory: int) -> bytes | None:
    """The bytes of a defined memory up to the last that a segment writes, without zeros there.

    ``None`` if a segment's place is not known, or it may lie outside and trap.
    """
    limits = side.module.memories[memory]
    image = bytearray()
    for data in side.segments.datas:
        if not data.active or data.memory != memory:
            continue
        at = _offset(side, data.offset, limits.wide)
        if at is None or not _fits(side, data) or at + len(data.content) > MAX_IMAGE:
            return None
        end = at + len(data.content)
        if end > len(image):
            image.extend(bytes(end - len(image)))
        image[at:end] = data.content
    return bytes(image).rstrip(b"\0")
