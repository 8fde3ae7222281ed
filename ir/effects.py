"""What an anchor does to the world: the effect word and the spaces it speaks of.

A *space* is a piece of state that versions separately: the bytes of a memory, the size of a
memory, a mutable global, a table, the segments, and everything else. A set of spaces is an
`int` used as a bit set; `ALL` stands for every space there is.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL = -1
"""The set of all spaces: a call of something unknown reads and writes it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect word of an anchor.

    Attributes:
        reads: set of spaces whose contents decide the results or whether it traps.
        writes: set of spaces that it may change.
        traps: whether it may trap (or not return).
        calls: whether code outside the function runs, which may see every space.
    """

    reads: int = 0
    writes: int = 0
    traps: bool = False
    calls: bool = False

    def may_swap(self, other: Effect) -> bool:
        """Tell whether two neighbouring anchors may change places.

        Traps may pass traps (which trap it is stays unobserved), but a trap never passes a
        write or a call: state counts also after a trap.
        """
        if self.writes & (other.reads | other.writes) or self.reads & other.writes:
            return False
        if self.calls or other.calls:
            return False
        return not (self.traps and other.writes) and not (other.traps and self.writes)


class Spaces:
    """The numbering of a module's spaces, as sets with one member.

    Memory k has two spaces, its bytes and its size: a store leaves the size alone, and growing
    leaves the bytes alone.
    """

    __slots__ = ("_globals", "_memories", "_tables", "other", "segments")

    def __init__(self, memories: int, tables: int, globals_: int) -> None:
        """Number the spaces of a module with so many memories, tables and globals."""
        self._memories = 2
        self._tables = self._memories + 2 * memories
        self._globals = self._tables + tables
        self.segments = 1
        self.other = 2

    def name(self, space: int) -> tuple[str, int]:
        """Return what a space with one member is: kind (`memory`, `size`, ...) and index."""
        number = space.bit_length() - 1
        if number >= self._globals:
            return "global", number - self._globals
        if number >= self._tables:
            return "table", number - self._tables
        if number >= self._memories:
            index, kind = divmod(number - self._memories, 2)
            return ("size" if kind else "memory"), index
        return ("other" if number else "segments"), 0

    def memory(self, index: int) -> int:
        """Return the space of the bytes of memory `index`."""
        return 1 << (self._memories + 2 * index)

    def memory_size(self, index: int) -> int:
        """Return the space of the size of memory `index`."""
        return 1 << (self._memories + 2 * index + 1)

    def table(self, index: int) -> int:
        """Return the space of table `index`, its size included."""
        return 1 << (self._tables + index)

    def global_(self, index: int) -> int:
        """Return the space of global `index`."""
        return 1 << (self._globals + index)
