"""What an optimizer says about one step from a module to the next: data that is never believed.

A step changes many functions at once. Its :class:`Maps` name what became of every index; the
validator checks all sections through them (``structure.py``). Its :class:`Facts` are claims about
every run of the old module, which the validator proves by induction before it uses them
(``induction.py``). The rest are hints: they choose what is tried and cannot make a wrong proof.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .hints import Hints

Index = int | None
"""The new index of something old, or ``None`` if it was removed."""


@dataclass(frozen=True, slots=True)
class Maps:
    """Old index to new index in every index space (imports included), ``None``: removed.

    Several old functions may share a new one: they were merged. Elsewhere the map is one to one.
    ``parameters`` and ``results`` list, for functions whose type changed, which old positions the
    new type still has, in its order; a function that is missing keeps its type. ``copies`` are new
    functions beside those of the map, each with the old function that it stands for.
    """

    functions: tuple[Index, ...] = ()
    tables: tuple[Index, ...] = ()
    memories: tuple[Index, ...] = ()
    globals: tuple[Index, ...] = ()
    types: tuple[Index, ...] = ()
    elements: tuple[Index, ...] = ()
    datas: tuple[Index, ...] = ()
    tags: tuple[Index, ...] = ()
    parameters: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    results: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    copies: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """Claims about every run of the old module; constants are bit patterns.

    ``globals`` hold their constant always. ``arguments`` are those of every call of a function,
    ``results`` what it returns whenever it returns; ``None`` where nothing is claimed. The dead
    are private globals, memories and tables that nothing in the new module reads (what is removed
    is dead without being named).
    """

    globals: Mapping[int, int] = field(default_factory=dict)
    arguments: Mapping[int, tuple[int | None, ...]] = field(default_factory=dict)
    results: Mapping[int, tuple[int | None, ...]] = field(default_factory=dict)
    dead_globals: frozenset[int] = frozenset()
    dead_memories: frozenset[int] = frozenset()
    dead_tables: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """One step. All function indices are old ones, except for the keys of ``hints``.

    ``unfold`` says, per function, which callees are executed in place of their calls, transitively
    (a function within itself once). A call that the new function still makes is executed in
    place as well, on either side with that side's own body. The loops of an unfolded body are
    numbered in the order in which they stand after unfolding. ``entries`` are the exports that
    are ever used, ``None`` for all; ``contracts`` the promises that may be relied on.
    """

    maps: Maps
    facts: Facts = field(default_factory=Facts)
    unfold: Mapping[int, frozenset[int]] = field(default_factory=dict)
    hints: Mapping[int, Hints] = field(default_factory=dict)
    entries: tuple[str, ...] | None = None
    contracts: frozenset[str] = frozenset()
