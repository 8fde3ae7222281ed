"""What of a module can be observed: everything that entry points, start and instantiation reach.

A function in a table lives if the table is read anywhere (or seen from outside); a table lives if
something that lives names it. Instantiation is observable too: an active segment that may trap,
an import that may be missing or of another type.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ..wasm.body import Instr
from ..wasm.entities import Data, Element
from ..wasm.indices import Indices, compacted, plain_types
from ..wasm.module import Module
from .references import GLOBAL_GET, REF_FUNC, Entity, Kind, References, entities, types_of


@dataclass(slots=True)
class Live:
    """What is reached, by kind, as sets of indices."""

    func: set[int] = field(default_factory=set)
    table: set[int] = field(default_factory=set)
    memory: set[int] = field(default_factory=set)
    global_: set[int] = field(default_factory=set)
    type: set[int] = field(default_factory=set)
    elem: set[int] = field(default_factory=set)
    data: set[int] = field(default_factory=set)
    tag: set[int] = field(default_factory=set)

    def of(self, kind: Kind) -> set[int]:
        """The set of a kind."""
        found: set[int] = getattr(self, "global_" if kind == "global" else kind)
        return found


def live(
    references: References,
    exports: Collection[str] | None,
    *,
    keep_imports: bool = False,
    memories_by_number: bool = False,
) -> Live:
    """Find everything that has to stay if only `exports` (None: all) are ever used.

    Imports of functions that nothing uses go, unless `keep_imports`; those of other kinds stay.
    With `memories_by_number` no memory that stands before a live one may go: the host names
    memories by their index.
    """
    walk = _Walk(references, exports, keep_imports, memories_by_number)
    walk.run()
    return walk.live


class _Walk:
    def __init__(
        self,
        references: References,
        exports: Collection[str] | None,
        keep_imports: bool,
        memories_by_number: bool,
    ) -> None:
        self.references = references
        self.module = references.module
        self.exports = exports
        self.keep_imports = keep_imports
        self.memories_by_number = memories_by_number
        self.live = Live()
        self.work: list[Entity] = []
        self.elements_of: dict[int, list[int]] = {}
        self.datas_of: dict[int, list[int]] = {}

    def run(self) -> None:
        module = self.module
        for index, element in enumerate(module.elements):
            if element.mode == "active":
                self.elements_of.setdefault(element.table, []).append(index)
                if not safe_element(module, element):
                    self.reach("elem", index)
            elif element.mode == "declared":
                self.keep_declared(index, element)
        for index, data in enumerate(module.datas):
            if data.mode == "active":
                self.datas_of.setdefault(data.memory, []).append(index)
                if not safe_data(module, data):
                    self.reach("data", index)
        for export in module.exports:
            if self.exports is None or export.name in self.exports:
                self.reach(export.kind, export.index)
        if module.start is not None:
            self.reach("func", module.start)
        for index, kind in enumerate(module.globals):
            if kind.init is not None and _may_trap(kind.init):
                self.reach("global", index)
        counts = dict.fromkeys(("func", "table", "memory", "global", "tag"), 0)
        for one in module.imports:
            if one.kind != "func" or self.keep_imports:
                self.reach(one.kind, counts[one.kind])
            counts[one.kind] += 1
        if not plain_types(module):
            for index in range(len(module.types)):
                self.reach("type", index)
        self.drain()
        self.declare()
        if self.memories_by_number and self.live.memory:
            for index in range(max(self.live.memory)):
                self.reach("memory", index)
            self.drain()

    def declare(self) -> None:
        """Keep a segment for every function that a body takes a reference to: it declares it."""
        module = self.module
        while True:
            declared = {
                one.index
                for one in module.exports
                if one.kind == "func" and (self.exports is None or one.name in self.exports)
            }
            for index in self.live.elem:
                declared.update(f for f in module.elements[index].functions if f is not None)
            for index in self.live.global_:
                init = module.globals[index].init or ()
                declared.update(i for one in init for kind, i in entities(one) if kind == "func")
            taken = {
                use.targets[0][1]
                for function in self.live.func
                if function >= module.imported_functions
                for use in self.references.body(function).uses
                if use.opcode == REF_FUNC
            }
            missing = taken - declared
            segments = [i for i, e in enumerate(module.elements) if missing & set(e.functions)]
            if not segments:
                return
            self.reach("elem", segments[0])
            self.drain()

    def keep_declared(self, index: int, element: Element) -> None:
        """A declaration is needed by `ref.func` in bodies; it keeps nothing alive by itself.

        Without a way to shorten it, it stays with all that it names.
        """
        self.reach("elem", index)

    def reach(self, kind: Kind, index: int) -> None:
        found = self.live.of(kind)
        if index not in found:
            found.add(index)
            self.work.append((kind, index))

    def drain(self) -> None:
        while self.work:
            kind, index = self.work.pop()
            match kind:
                case "func":
                    self.function(index)
                case "table":
                    self.table(index)
                case "memory":
                    for segment in self.datas_of.get(index, ()):
                        self.reach("data", segment)
                case "global":
                    self.value_type(self.module.globals[index].type)
                    self.expression(self.module.globals[index].init)
                case "type":
                    for other in self.references.of_type(index):
                        self.reach("type", other)
                case "elem":
                    self.element(self.module.elements[index])
                case "data":
                    data = self.module.datas[index]
                    if data.mode == "active":
                        self.reach("memory", data.memory)
                    self.expression(data.offset)
                case "tag":
                    self.reach("type", self.module.tags[index].type)

    def function(self, index: int) -> None:
        self.reach("type", self.module.functions[index])
        if index < self.module.imported_functions:
            return
        for use in self.references.body(index).uses:
            for kind, target in use.targets:
                self.reach(kind, target)

    def table(self, index: int) -> None:
        table = self.module.tables[index]
        self.value_type(table.type)
        self.expression(table.init)
        for segment in self.elements_of.get(index, ()):
            self.reach("elem", segment)

    def element(self, element: Element) -> None:
        if element.mode == "active":
            self.reach("table", element.table)
        self.expression(element.offset)
        self.value_type(element.type)
        for function in element.functions:
            if function is not None:
                self.reach("func", function)
        for expression in element.expressions:
            self.expression(expression)

    def value_type(self, kind: int | tuple[int, int]) -> None:
        for index in types_of(kind):
            self.reach("type", index)

    def expression(self, instrs: tuple[Instr, ...] | None) -> None:
        for instr in instrs or ():
            for kind, index in entities(instr):
                self.reach(kind, index)


def constant_offset(module: Module, offset: tuple[Instr, ...] | None) -> int | None:
    """The unsigned value of an offset that is one constant, else None.

    Follows immutable globals of the module itself.
    """
    for _ in range(len(module.globals) + 1):
        if offset is None or len(offset) != 1:
            return None
        op, *immediates = offset[0]
        if op in (0x41, 0x42):
            value = immediates[0]
            assert isinstance(value, int)
            return value & (0xFFFFFFFF if op == 0x41 else 0xFFFFFFFFFFFFFFFF)
        if op != GLOBAL_GET:
            return None
        index = immediates[0]
        assert isinstance(index, int)
        # An imported one has no initial value here.
        offset = None if module.globals[index].mutable else module.globals[index].init
    return None


def safe_element(module: Module, element: Element) -> bool:
    """Whether an active segment is always within its table's first size."""
    start = constant_offset(module, element.offset)
    table = module.tables[element.table]
    return start is not None and start + len(element.functions) <= table.minimum


def safe_data(module: Module, data: Data) -> bool:
    """Whether an active segment is always within its memory's first size."""
    start = constant_offset(module, data.offset)
    memory = module.memories[data.memory]
    return (
        start is not None
        and start + data.end - data.start <= memory.minimum << memory.page_size_log2
    )


def _may_trap(instrs: tuple[Instr, ...]) -> bool:
    """Whether evaluating a constant expression could fail; allocation of objects is left alone."""
    return any(instr[0] >= 0xFB0000 for instr in instrs)


def indices(module: Module, found: Live) -> Indices:
    """The numbering in which only what lives is left, in the old order."""

    def kept(kind: Kind, count: int) -> tuple[int | None, ...]:
        alive = found.of(kind)
        return compacted([index in alive for index in range(count)])

    return Indices(
        functions=kept("func", len(module.functions)),
        tables=kept("table", len(module.tables)),
        memories=kept("memory", len(module.memories)),
        globals=kept("global", len(module.globals)),
        types=kept("type", len(module.types)),
        elements=kept("elem", len(module.elements)),
        datas=kept("data", len(module.datas)),
        tags=kept("tag", len(module.tags)),
    )
