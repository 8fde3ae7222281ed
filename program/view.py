"""One state of the module, with everything that is found out about it once and on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ..ir.graph import PARAM, Function, operands, walk
from ..lowering import Unsupported, lower
from ..wasm.body import Body, decode_body
from ..wasm.module import Module
from .liveness import Live, live
from .references import REF_FUNC, References, entities
from .references import Body as Uses


class TooLate(Exception):
    """There is no time left to look at the module as a whole."""


def _never() -> bool:
    return False


MEMORIES_BY_NUMBER: Final = "pulseengine:async"
"""Module name of imports that take memories by their index."""


@dataclass
class View:
    """A module seen as a whole.

    Attributes:
        module: the module.
        exports: names of the exports that are ever used, None: all.
        keep_imports: whether imports stay that nothing uses.
        graphs: whether there is time to lower functions; without it nothing is known of values.
        late: asked now and then; once it says yes the look at the module is given up.
    """

    module: Module
    exports: Collection[str] | None = None
    keep_imports: bool = False
    graphs: bool = True
    late: Callable[[], bool] = _never
    references: References = field(init=False)
    _decoded: dict[int, Body] = field(default_factory=dict)
    _graphs: dict[int, Function | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.references = References(self.module, self._check)

    def _check(self) -> None:
        if self.late():
            raise TooLate

    def after(self, module: Module, changed: Collection[int]) -> View:
        """The view of the module after a step that kept all numbers, with what still holds."""
        made = View(module, self.exports, self.keep_imports, self.graphs, self.late)
        made.references.take(self.references, changed)
        made._graphs = {f: g for f, g in self._graphs.items() if f not in changed}
        return made

    @cached_property
    def live(self) -> Live:
        """What can be reached."""
        return live(
            self.references,
            self.exports,
            keep_imports=self.keep_imports,
            memories_by_number=self.memories_by_number,
        )

    @cached_property
    def memories_by_number(self) -> bool:
        """Whether the host is given numbers of memories, so that none may be renumbered.

        The functions of `pulseengine:async` take the index of a memory as an argument.
        """
        return any(
            one.kind == "func" and one.module == MEMORIES_BY_NUMBER for one in self.module.imports
        )

    @cached_property
    def functions(self) -> tuple[int, ...]:
        """Reached functions with a body, ascending."""
        first = self.module.imported_functions
        return tuple(sorted(f for f in self.live.func if f >= first))

    @cached_property
    def entries(self) -> frozenset[int]:
        """Functions that something other than a `call` may enter.

        Exported, start, in a segment, in a constant expression, or taken by `ref.func`.
        """
        module = self.module
        found = {
            one.index
            for one in module.exports
            if one.kind == "func" and (self.exports is None or one.name in self.exports)
        }
        if module.start is not None:
            found.add(module.start)
        for index in self.live.elem:
            found.update(f for f in module.elements[index].functions if f is not None)
        for expression in module.expressions():
            for instr in expression:
                found.update(index for kind, index in entities(instr) if kind == "func")
        for function in self.functions:
            for use in self.references.body(function).uses:
                if use.opcode == REF_FUNC:
                    found.add(use.targets[0][1])
        return frozenset(found)

    @cached_property
    def visible_globals(self) -> frozenset[int]:
        """Globals that the host sees: imported or exported."""
        return self._visible("global", [one.imported for one in self.module.globals])

    @cached_property
    def visible_memories(self) -> frozenset[int]:
        """Memories that the host sees: imported or exported."""
        return self._visible("memory", [one.imported for one in self.module.memories])

    @cached_property
    def read_only(self) -> Mapping[int, bytes]:
        """Private memories that nobody writes, and what is in them."""
        from .rom import read_only

        return read_only(self)

    @cached_property
    def visible_tables(self) -> frozenset[int]:
        """Tables that the host sees: imported or exported."""
        return self._visible("table", [one.imported for one in self.module.tables])

    def _visible(self, kind: str, imported: list[bool]) -> frozenset[int]:
        found = {index for index, outside in enumerate(imported) if outside}
        found.update(
            one.index
            for one in self.module.exports
            if one.kind == kind and (self.exports is None or one.name in self.exports)
        )
        return frozenset(found)

    @cached_property
    def call_sites(self) -> Counter[int]:
        """Direct calls of every function in what is reached."""
        found: Counter[int] = Counter()
        for function in self.functions:
            found.update(self.references.body(function).calls())
        return found

    @cached_property
    def callers(self) -> dict[int, list[int]]:
        """Functions that call a function directly, ascending."""
        found: dict[int, list[int]] = {}
        for function in self.functions:
            for callee in self.references.body(function).calls():
                found.setdefault(callee, []).append(function)
        return found

    def reaching(self, targets: frozenset[int]) -> frozenset[int]:
        """Reached functions that may run one of the targets, themselves included.

        A call of the host or through a table may run whatever can be entered from outside.
        """
        found = set(targets)
        outside = bool(found & self.entries)
        while True:
            before = len(found)
            for function in self.functions:
                if function in found:
                    continue
                body = self.references.body(function)
                calls = body.calls()
                called = any(callee in found for callee in calls)
                if called or (outside and self._leaves(body)):
                    found.add(function)
            outside = outside or bool(found & self.entries)
            if len(found) == before:
                return frozenset(found)

    def _leaves(self, body: Uses) -> bool:
        """Whether a body calls the host or through a table."""
        return body.indirect or any(c < self.module.imported_functions for c in body.calls())

    def users(self, opcode: int, index: int) -> list[int]:
        """Reached functions with an instruction of this opcode whose first target is `index`."""
        return [
            function
            for function in self.functions
            if any(
                use.opcode == opcode and use.targets[0][1] == index
                for use in self.references.body(function).uses
            )
        ]

    def body(self, function: int) -> Body:
        """The decoded body; remembered."""
        found = self._decoded.get(function)
        if found is None:
            start, end = self.module.body_range(function)
            found = self._decoded[function] = decode_body(self.module.data, start, end)
        return found

    def graph(self, function: int) -> Function | None:
        """The function's graph, None where the body is beyond lowering; remembered."""
        if not self.graphs:
            return None
        if function not in self._graphs:
            try:
                self._graphs[function] = lower(self.module, function)
            except Unsupported:
                self._graphs[function] = None
        return self._graphs[function]

    def used_parameters(self, function: int) -> frozenset[int]:
        """Parameters whose value the function looks at; all of them where it has no graph."""
        graph = self.graph(function)
        if graph is None:
            return frozenset(range(len(self.module.function_type(function).params)))
        return parameters_used(graph)


def parameters_used(graph: Function) -> frozenset[int]:
    """Positions of the parameters that a graph uses."""
    work = [value for node in walk(graph.body) for value in operands(node)]
    seen: set[int] = set()
    found = set()
    while work:
        value = work.pop()
        if value.id in seen:
            continue
        seen.add(value.id)
        if value.op == PARAM:
            found.add(value.imm[0])
        work += value.args
    return frozenset(found)
