"""What holds for a whole module while two of its bodies are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .reader import FunctionType, Module, Unsupported


@dataclass(slots=True)
class Context:
    """The old module, in whose indices both bodies are compared, and what may be relied on.

    ``alike`` gives, per function, the one that stands for all that became one; ``dead`` are the
    spaces (``("global", 3)``) whose content nothing of the new module depends on; ``lost`` those
    that are gone although the host can see them, so that nothing may touch them.
    ``parameters`` and ``results`` are as in :class:`~.plan.Maps`.
    """

    module: Module
    types: list[FunctionType | None]
    alike: Sequence[int] | None = None
    dead: frozenset[tuple[str, int]] = frozenset()
    lost: frozenset[tuple[str, int]] = frozenset()
    parameters: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    results: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

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
