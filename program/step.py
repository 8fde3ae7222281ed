"""A step: one change of a whole module, with what a checker needs to prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..lowering.emit import LoopHint
from ..wasm.indices import NOTHING, Changes, Indices
from ..wasm.module import Module
from ..wasm.renumber import renumber
from ..wasm.rewrite import Rewritten


@dataclass(frozen=True, slots=True)
class Claims:
    """What a step relies on, in old indices; the checker proves it or refuses the step.

    Attributes:
        globals: global -> the bit pattern that it always holds.
        arguments: function -> the bit pattern of each parameter at every call, None: not known.
        results: function -> the bit pattern of each result whenever it returns, None: not known.
        dead_globals, dead_memories, dead_tables: private state that the new module never reads.
    """

    globals: Mapping[int, int] = field(default_factory=dict)
    arguments: Mapping[int, tuple[int | None, ...]] = field(default_factory=dict)
    results: Mapping[int, tuple[int | None, ...]] = field(default_factory=dict)
    dead_globals: frozenset[int] = frozenset()
    dead_memories: frozenset[int] = frozenset()
    dead_tables: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a module.

    Attributes:
        kind: a word for reports.
        indices: new index of everything old.
        changes: new bodies (in old indices), dropped exports and the like.
        claims: what the change relies on.
        unfold: function -> callees whose bodies stand in place of their calls, transitively.
        loops: function -> what its emission says about its loops (`lowering.emit`).
        parameters, results: function -> the old positions that its new type still has.
    """

    kind: str
    indices: Indices
    changes: Changes = field(default_factory=Changes)
    claims: Claims = field(default_factory=Claims)
    unfold: Mapping[int, frozenset[int]] = field(default_factory=dict)
    loops: Mapping[int, tuple[LoopHint, ...]] = field(default_factory=lambda: NOTHING)
    parameters: Mapping[int, tuple[int, ...]] = field(default_factory=lambda: NOTHING)
    results: Mapping[int, tuple[int, ...]] = field(default_factory=lambda: NOTHING)

    def build(self, module: Module) -> Rewritten:
        """The module after the step; raises Dangling if the step contradicts itself."""
        return renumber(module, self.indices, self.changes, version=None)

    def touched(self) -> frozenset[int]:
        """Functions whose bodies change beyond the numbering."""
        return frozenset(self.changes.bodies)
