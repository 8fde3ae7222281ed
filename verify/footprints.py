"""What a call of a function can touch at most, and whether it surely returns.

Computed by the validator from the old module's bodies, over the call graph. A function that calls
the host, or through a table that may change, touches everything (*wild*). Whether a body traps is
read off its instructions, and where these could trap, a small body is executed symbolically: it
may be that none of them does. Termination is claimed only without loops and recursion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .axioms import Axioms
from .context import Context
from .opcodes import LANE_LOADS, LANE_STORES, LOADS, NUMERIC, STORES, TRAPPING, VECTOR_LOADS
from .reader import Instruction, Malformed, Module, Unsupported
from .scan import TooDeep
from .skeleton import skeleton
from .space import Space
from .terms import Exhausted
from .validator import Body, deep_recursion, execute_original, given_parameters, read

SpaceName = tuple[str, int]
"""``("global", i)``, ``("memory", i)``, ``("pages", i)`` or ``("table", i)``."""

MAX_EXECUTED: Final = 400
"""Instructions of a body that is executed to see whether it can trap."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Upper bounds for one call, callees included. ``returns``: surely, without a trap."""

    reads: frozenset[SpaceName] = frozenset()
    writes: frozenset[SpaceName] = frozenset()
    wild: bool = False
    returns: bool = False


WILD: Final = Footprint(wild=True)


@dataclass(slots=True)
class _Local:
    """What one body does by itself, and whom it calls."""

    reads: set[SpaceName] = field(default_factory=set)
    writes: set[SpaceName] = field(default_factory=set)
    calls: set[int] = field(default_factory=set)
    wild: bool = False


class Footprints:
    """Footprints of a module's functions, on demand."""

    def __init__(self, module: Module, axioms: Axioms) -> None:
        self.module, self.axioms = module, axioms
        self._known: dict[int, Footprint] = {}
        self._local: dict[int, _Local] = {}

    def of(self, function: int) -> Footprint:
        """The footprint of a call of ``function``."""
        if function not in self._known:
            self._component(function)
        return self._known[function]

    def joined(self, functions: Sequence[int]) -> Footprint | None:
        """What a call of any of these can touch; ``None`` if that is everything."""
        found = [self.of(f) for f in functions]
        if any(f.wild for f in found):
            return None
        if len(found) == 1:
            return found[0]
        reads = frozenset[SpaceName]().union(*(f.reads for f in found))
        writes = frozenset[SpaceName]().union(*(f.writes for f in found))
        return Footprint(reads, writes, returns=all(f.returns for f in found))

    def _component(self, root: int) -> None:
        """Strongly connected components from ``root`` on, callees first (Tarjan)."""
        index: dict[int, int] = {}
        low: dict[int, int] = {}
        # In order of entry; a dictionary, to ask quickly what is on it.
        stack: dict[int, None] = {}
        work: list[tuple[int, list[int]]] = [(root, self._callees(root, index, low, stack))]
        while work:
            function, pending = work[-1]
            if pending:
                callee = pending.pop()
                if callee in self._known:
                    continue
                if callee not in index:
                    work.append((callee, self._callees(callee, index, low, stack)))
                elif callee in stack:
                    low[function] = min(low[function], index[callee])
                continue
            work.pop()
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[function])
            if low[function] == index[function]:
                members = [function]
                while (last := stack.popitem()[0]) != function:
                    members.append(last)
                self._close(members)

    def _callees(
        self, function: int, index: dict[int, int], low: dict[int, int], stack: dict[int, None]
    ) -> list[int]:
        index[function] = low[function] = len(index)
        stack[function] = None
        return sorted(self._body(function).calls, reverse=True)

    def _close(self, members: list[int]) -> None:
        """The footprint that all members of a component share."""
        inside = set(members)
        reads: set[SpaceName] = set()
        writes: set[SpaceName] = set()
        wild, recursive = False, len(members) > 1
        for member in members:
            local = self._local[member]
            reads |= local.reads
            writes |= local.writes
            wild = wild or local.wild
            recursive = recursive or member in local.calls
            for callee in local.calls - inside:
                found = self._known[callee]
                reads |= found.reads
                writes |= found.writes
                wild = wild or found.wild
        if wild:
            self._known.update(dict.fromkeys(members, WILD))
            return
        shared = Footprint(frozenset(reads), frozenset(writes))
        self._known.update(dict.fromkeys(members, shared))
        if not recursive and self._returns(members[0]):
            self._known[members[0]] = Footprint(shared.reads, shared.writes, returns=True)

    def _body(self, function: int) -> _Local:
        found = self._local.get(function)
        if found is None:
            found = self._local[function] = self._look(function)
        return found

    def _look(self, function: int) -> _Local:
        module, local = self.module, _Local()
        at = function - module.imported_functions
        split = skeleton(module.bodies[at], False) if at >= 0 else None
        if split is None:
            local.wild = True
            return local
        references = split[1]
        if any(m.shared for m in module.memories):
            local.wild = True
            return local
        for i, (_, kind, index) in enumerate(references):
            match kind:
                case "function":
                    local.calls.add(index)
                case "global":
                    if module.globals[index].mutable and index not in self.axioms.globals:
                        local.reads.add(("global", index))
                case "global set":
                    local.writes.add(("global", index))
                case "memory":
                    local.reads |= {("memory", index), ("pages", index)}
                case "memory stored":
                    local.reads.add(("pages", index))
                    local.writes.add(("memory", index))
                case "table":
                    local.reads.add(("table", index))
                    if references[i - 1][1] == "type" and references[i - 1][0] == references[i][0]:
                        self._indirect(references[i - 1][2], index, local)
                case "memory grown" | "table changed" | "data" | "element":
                    # Growth may fail as the host likes, and dropping is outside of all spaces.
                    local.wild = True
        return local

    def _indirect(self, type_: int, table: int, local: _Local) -> None:
        contents = self.axioms.tables.get(table)
        if contents is None or not self.module.plain_types:
            local.wild = True
            return
        kind = self.module.type_at(type_)
        for function in contents.functions.values():
            if self.module.function_type(function) == kind:
                local.calls.add(function)

    # --- returning ------------------------------------------------------------------------------

    def _returns(self, function: int) -> bool:
        """Whether a function that does not call itself surely returns."""
        if any(not self._known[f].returns for f in self._local[function].calls):
            return False
        try:
            body = read(self.module.bodies[function - self.module.imported_functions])
        except (Unsupported, Malformed, TooDeep):
            return False
        if body.scan.loops:
            return False
        if not any(_may_trap(i) for i in body.code):
            return True
        return len(body.code) <= MAX_EXECUTED and self._never_traps(function, body)

    def _never_traps(self, function: int, body: Body) -> bool:
        """Whether an execution for all states meets no condition of a trap."""
        module = self.module
        context = Context(module, list(module.types), axioms=self.axioms, footprints=self)
        try:
            with deep_recursion():
                space = Space(context, [body.scan])
                kind = module.function_type(function)
                given = given_parameters(space, kind, function)
                return not execute_original(space, kind, body, given).epochs
        except (Unsupported, Malformed, Exhausted, RecursionError):
            return False


def _may_trap(instruction: Instruction) -> bool:
    op = instruction[0]
    if op in NUMERIC:
        return NUMERIC[op][0] in TRAPPING
    return (
        op in (0x00, 0x11, 0x13, 0x25, 0x26)
        or op in LOADS or op in STORES or op in VECTOR_LOADS or op in LANE_LOADS
        or op in LANE_STORES or 0xFC0008 <= op <= 0xFC0011
    )  # fmt: skip
