"""Memories as functional states: stores, loads, and when an access is out of bounds.

A memory is a symbol or a ``store`` on an older memory: ``store(bytes)(memory, address, value)``
with a value of ``8 * bytes`` bits, little endian. An access that happens is in bounds, so its
address is the wrapped sum of operand and offset exactly; whether it happens is a matter of the
path condition, where ``oob`` atoms compare the unwrapped sum with the size in pages.

Two accesses with the same symbolic base are compared by their constants. With different bases
nothing is known. Stores at constants of one base stand in the order of the constants, and a store
that a newer one covers is gone, so reordered and dead stores make no difference.
"""

from typing import Final

from .terms import FALSE, STATE, TRUE
from .values import Values

MAX_WALK: Final = 96
"""Stores that one load or store looks through: keeps bodies with thousands of stores linear."""

MAX_FORKS: Final = 8
"""Merged memories that one load looks into."""


class Memory:
    """Memory operations over the terms of one check."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.terms = values.terms
        self._thorough = False
        self._loads: dict[tuple[int, int, int], int] = {}
        self._stores: dict[tuple[int, int, int, int], int] = {}
        self.accessed: dict[tuple[int, int], dict[int, bool]] = {}
        """Constant part of the address and number of bytes, to the addresses of all accesses, and
        whether one of them is a load."""

    def load(self, memory: int, address: int, count: int) -> int:
        """``count`` bytes at ``address`` as one value of ``8 * count`` bits."""
        key = (memory, address, count)
        found = self._loads.get(key)
        if found is None:
            self._note(address, count, True)
            found, rest = self._find(memory, address, count, MAX_FORKS)
            if found is None:
                found = self.terms.make(8 * count, "load", count, rest, address)
            self._loads[key] = found
        return found

    def thorough(self) -> None:
        """From now on a load of a merged memory is the merge of two loads."""
        self._thorough = True
        self._loads.clear()
        self._stores.clear()

    def _note(self, address: int, count: int, load: bool) -> None:
        found = self.accessed.setdefault((self.values.split(address)[1], count), {})
        found[address] = load or found.get(address, False)

    def _find(self, memory: int, address: int, count: int, forks: int) -> tuple[int | None, int]:
        """The value that is there, or ``None`` and the oldest memory that has the same bytes."""
        terms = self.terms
        base, at = self.values.split(address)
        size = 1 << terms.widths[address]
        for _ in range(MAX_WALK):
            node = terms.nodes[memory]
            if node[0] == "ite":
                return self._find_merged(memory, address, count, forks)
            if node[0] != "store":
                break
            other, there = self.values.split(node[3])
            if other != base:
                break
            ahead = (at - there) % size
            if ahead + count <= node[1]:
                return self.values.bits(node[4], 8 * ahead, 8 * count), memory
            if ahead < node[1] or size - ahead < count:
                break
            memory = node[2]
        return None, self._relevant(memory, base, at, count)

    def _relevant(self, memory: int, base: int, at: int, count: int) -> int:
        """The memory without stores that cannot touch ``count`` bytes at ``base + at``.

        Below a store with another base lie stores that one body may have dropped, because they
        were overwritten before the load, and the other not, which loads earlier.
        """
        terms = self.terms
        # Stores that stay, newest first, and how many of them lie above the last one dropped.
        above: list[tuple[int, int, int]] = []
        lowest: int | None = None
        count_above = 0
        below = memory
        for _ in range(MAX_WALK):
            node = terms.nodes[below]
            if node[0] != "store":
                break
            other, there = self.values.split(node[3])
            size = 1 << terms.widths[node[3]]
            ahead = (at - there) % size
            below = node[2]
            if other == base and ahead >= node[1] and size - ahead >= count:
                lowest, count_above = below, len(above)
            else:
                above.append((node[1], node[3], node[4]))
        if lowest is None:
            return memory
        for own, where, what in reversed(above[:count_above]):
            lowest = terms.make(STATE, "store", own, lowest, where, what)
        return lowest

    def _find_merged(
        self, memory: int, address: int, count: int, forks: int
    ) -> tuple[int | None, int]:
        """Look into both sides of a merge; worth it if they agree or one has the value.

        Where a variable was kept in memory it is worth it always (``thorough``).
        """
        if forks <= 0:
            return None, memory
        terms = self.terms
        _, _, atom, hi, lo = terms.nodes[memory]
        a, below_a = self._find(hi, address, count, forks // 2)
        b, below_b = self._find(lo, address, count, forks // 2)
        if a is None and b is None and (below_a == below_b or not self._thorough):
            return None, below_a if below_a == below_b else memory
        if a is None:
            a = terms.make(8 * count, "load", count, below_a, address)
        if b is None:
            b = terms.make(8 * count, "load", count, below_b, address)
        return terms.ite(terms.literal(int(atom)), a, b), memory

    def store(self, memory: int, address: int, value: int, count: int) -> int:
        """The memory after ``count`` bytes of ``value`` (of that width) were stored."""
        key = (memory, address, value, count)
        found = self._stores.get(key)
        if found is None:
            self._note(address, count, False)
            found = self._stores[key] = self._store(memory, address, value, count)
        return found

    def _store(self, memory: int, address: int, value: int, count: int) -> int:
        there, rest = self._find(memory, address, count, MAX_FORKS)
        if there == value:
            return memory
        node = self.terms.nodes[value]
        if there is None and node[0] == "load" and node[1:] == (count, rest, address):
            return memory
        memory = self._without(memory, address, count)
        return self._insert(memory, address, value, count)

    def _without(self, memory: int, address: int, count: int, forks: int = MAX_FORKS) -> int:
        """Drop older stores that the bytes at ``address`` cover, on both sides of a merge too."""
        terms = self.terms
        base, at = self.values.split(address)
        size = 1 << terms.widths[address]
        kept: list[tuple[int, int, int]] = []
        dropped = 0
        below = memory
        for _ in range(MAX_WALK):
            node = terms.nodes[below]
            if node[0] != "store":
                break
            other, there = self.values.split(node[3])
            if other == base and (there - at) % size + int(node[1]) <= count:
                dropped = len(kept) + 1
                lowest = int(node[2])
            else:
                kept.append((node[1], node[3], node[4]))
            below = node[2]
        node = terms.nodes[below]
        if node[0] == "ite" and forks > 1:
            _, _, atom, *sides = node
            hi, lo = (self._without(side, address, count, forks // 2) for side in sides)
            if [hi, lo] != sides:
                dropped = len(kept) + 1
                lowest = terms.ite(terms.literal(int(atom)), hi, lo)
        if not dropped:
            return memory
        # Everything newer than the last dropped store goes on top again, oldest first.
        result = lowest
        for own, where, what in reversed(kept[: dropped - 1]):
            result = self._insert(result, where, what, own)
        return result

    def _insert(self, memory: int, address: int, value: int, count: int) -> int:
        """Put a store below the newer ones of its base that have a greater constant."""
        terms = self.terms
        base, at = self.values.split(address)
        size = 1 << terms.widths[address]
        above: list[tuple[int, int, int]] = []
        for _ in range(MAX_WALK):
            node = terms.nodes[memory]
            if node[0] != "store":
                break
            other, there = self.values.split(node[3])
            if other != base or there < at or (there - at) % size < count:
                break
            if (at - there) % size < node[1]:
                break
            above.append((node[1], node[3], node[4]))
            memory = node[2]
        result = terms.make(STATE, "store", count, memory, address, value)
        for own, where, what in reversed(above):
            result = terms.make(STATE, "store", own, result, where, what)
        return result

    # --- bounds ---------------------------------------------------------------------------------

    def place(self, address: int, offset: int) -> tuple[int, int]:
        """``(base, offset)`` of an access with the constants moved into the offset.

        Only where the sum cannot wrap: then ``base + k`` with ``offset`` is ``base`` with
        ``k + offset``.
        """
        values = self.values
        base, k = values.split(address)
        if k and values.ones(base) + k < 1 << self.terms.widths[address]:
            return base, offset + k
        return address, offset

    def out_of_bounds(self, pages: int, address: int, end: int, shift: int, minimum: int) -> int:
        """The condition that ``address + end`` (unwrapped) exceeds the memory.

        ``shift`` is log2 of the page size, ``minimum`` the pages that are always there.
        """
        terms = self.terms
        most = self.values.ones(address)
        if most + end <= minimum << shift:
            return FALSE
        if end > 1 << (terms.widths[pages] + shift):
            return TRUE
        return terms.literal(terms.make(0, "oob", (end, shift), pages, address))
