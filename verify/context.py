"""What holds for a whole module while two of its bodies are compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .axioms import Axioms
from .plan import Facts
from .promises import Promises
from .reader import FunctionType, Module, Unsupported
from .trace import Trace

if TYPE_CHECKING:
    from .footprints import Footprint, Footprints


@dataclass(slots=True)
class Context:
    """The old module, in whose indices both bodies are compared, and what may be relied on.

    ``alike`` gives, per function, the one that stands for all that became one; ``dead`` are the
    spaces (``("global", 3)``) whose content nothing of the new module depends on; ``lost`` those
    that are gone although the host can see them, so that nothing may touch them.
    ``parameters`` and ``results`` are as in :class:`~.plan.Maps`. ``axioms`` are true of every run
    of the old module; so are ``facts``, or they are what an induction assumes. What of them was
    looked at is noted in ``used``. Without ``footprints`` a call touches everything. ``removed``
    are the functions without counterpart, ``classes`` the members that a function stands for,
    where these are several. ``bits`` are the only bits of a global that are ever set, ``promises``
    what contracts say. ``record`` is given every query to the solver as SMT-LIB text,
    ``trace`` keeps what was to be shown and how it was.
    """

    module: Module
    types: list[FunctionType | None]
    alike: Sequence[int] | None = None
    dead: frozenset[tuple[str, int]] = frozenset()
    lost: frozenset[tuple[str, int]] = frozenset()
    parameters: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    results: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    axioms: Axioms = field(default_factory=Axioms)
    facts: Facts = field(default_factory=Facts)
    bits: Mapping[int, int] = field(default_factory=dict)
    footprints: "Footprints | None" = None
    promises: Promises = field(default_factory=Promises)
    record: Callable[[str], None] | None = None
    trace: Trace | None = None
    removed: frozenset[int] = frozenset()
    classes: Mapping[int, Sequence[int]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def footprint(self, function: int) -> "Footprint | None":
        """What calls of all functions that this one stands for can touch, ``None``: everything."""
        if self.footprints is None:
            return None
        members = self.classes.get(function, (function,))
        return self.footprints.joined(members)

    def constant(self, index: int) -> int | None:
        """The value that a global always has, as a bit pattern, if it is known."""
        found = self.axioms.globals.get(index)
        if found is None:
            found = self.facts.globals.get(index)
            if found is not None:
                self.used.add(f"global {index} is always {found:#x}")
        return found

    def argument(self, function: int, i: int) -> int | None:
        """The value that a parameter has in every call, if it is known."""
        found = self.facts.arguments.get(function, ())[i : i + 1]
        if not found or found[0] is None:
            return None
        self.used.add(f"parameter {i} of function {function} is always {found[0]:#x}")
        return found[0]

    def result(self, function: int, i: int) -> int | None:
        """The value that a function always returns, if it is known."""
        found = self.facts.results.get(function, ())[i : i + 1]
        if not found or found[0] is None:
            return None
        self.used.add(f"result {i} of function {function} is always {found[0]:#x}")
        return found[0]

    def same(self, function: int) -> int:
        """The function that stands for this one."""
        return function if self.alike is None else self.alike[function]

    def type_at(self, index: int) -> FunctionType:
        """A function type by index, appended ones included."""
        found = self.types[index] if index < len(self.types) else None
        if found is None:
            raise Unsupported(f"type {index} is not a plain function type")
        return found

    def number(self, kind: FunctionType) -> int:
        """The index of a function type, appended if it is new."""
        if kind not in self.types:
            self.types.append(kind)
        return self.types.index(kind)
