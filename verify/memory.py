"""Memories as functional states: stores, loads, and when an access is out of bounds.

A memory is a symbol or a ``store`` on an older memory: ``store(bytes)(memory, address, value)``
with a value of ``8 * bytes`` bits, little endian. An access that happens is in bounds, so its
address is the wrapped sum of operand and offset exactly; whether it happens is a matter of the
path condition, where ``oob`` atoms compare the unwrapped sum with the size in pages.

Two accesses with the same symbolic base are compared by their constants. With different bases
nothing is known. Stores at constants of one base stand in the order of the constants, what a newer
one covers is gone, and neighbours that hold constants, or what one load could give, are one store
of any number of bytes. So reordered, dead, split and joined stores make no difference.
"""

from typing import Final

from .terms import FALSE, STATE, TRUE
from .values import Values

MAX_WALK: Final = 96
"""Stores that one load or store looks through: keeps bodies with thousands of stores linear."""

MAX_FORKS: Final = 8
"""Merged memories that one load looks into."""

MAX_JOINED: Final = 256
"""Bytes of a store that is joined from several: tables that a body writes out stay linear."""


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
                return self._part(node[4], ahead, count), memory
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

    def _part(self, value: int, at: int, count: int) -> int:
        """``count`` bytes of a value from byte ``at`` on; of a load that is a load."""
        node = self.terms.nodes[value]
        if node[0] != "load" or (at, count) == (0, node[1]):
            return self.values.bits(value, 8 * at, 8 * count)
        return self._loaded(node[2], self._moved(node[3], at), count)

    def _moved(self, address: int, distance: int) -> int:
        return self.values.add(address, self.terms.constant(distance, self.terms.widths[address]))

    def _loaded(self, memory: int, address: int, count: int) -> int:
        found, rest = self._find(memory, address, count, MAX_FORKS)
        if found is None:
            found = self.terms.make(8 * count, "load", count, rest, address)
        return found

    def _joined(self, low: int, high: int) -> int | None:
        """What a store of one value right below the other holds, if both are of one kind."""
        terms = self.terms
        width, more = terms.widths[low], terms.widths[high]
        if width + more > 8 * MAX_JOINED:
            return None
        x, y = terms.value_of(low), terms.value_of(high)
        if x is not None and y is not None:
            return terms.constant(x | y << width, width + more)
        first, second = terms.nodes[low], terms.nodes[high]
        if first[0] != "load" or second[0] != "load" or first[2] != second[2]:
            return None
        if self._moved(first[3], first[1]) != second[3]:
            return None
        return self._loaded(first[2], first[3], first[1] + second[1])

    def _uncovered(
        self, store: tuple[int, int, int], address: int, count: int
    ) -> list[tuple[int, int, int]] | None:
        """What of an older store the bytes at ``address`` leave, ``None``: all of it.

        Only what can be joined is cut to pieces; of other values all bytes have to be covered.
        """
        own, where, value = store
        size = 1 << self.terms.widths[address]
        base, at = self.values.split(address)
        other, there = self.values.split(where)
        if other != base:
            return None
        ahead, behind = (at - there) % size, (there - at) % size
        if behind + own <= count:
            return []
        if ahead >= own and behind >= count:
            return None
        if self.terms.nodes[value][0] not in ("c", "load"):
            return None
        left = []
        start = 0 if ahead >= own else ahead
        end = count - behind if ahead >= own else ahead + count
        if end < own:
            left.append((own - end, self._moved(where, end), self._part(value, end, own - end)))
        if start:
            left.append((start, where, self._part(value, 0, start)))
        return left

    def _without(self, memory: int, address: int, count: int, forks: int = MAX_FORKS) -> int:
        """Drop what the bytes at ``address`` cover of older stores, on both sides of merges too."""
        terms = self.terms
        kept: list[tuple[int, int, int]] = []
        dropped = 0
        below = lowest = memory
        for _ in range(MAX_WALK):
            node = terms.nodes[below]
            if node[0] != "store":
                break
            store = (node[1], node[3], node[4])
            pieces = self._uncovered(store, address, count)
            below = node[2]
            if pieces is None:
                kept.append(store)
                continue
            kept += pieces
            dropped = len(kept) + 1
            lowest = below
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
        """Put a store below the newer ones of its base that have a greater constant.

        With its neighbours it becomes one store where that can be.
        """
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
        node = terms.nodes[memory]
        if node[0] == "store" and self._moved(node[3], node[1]) == address:
            joined = self._joined(node[4], value)
            if joined is not None:
                count, memory, address, value = count + node[1], node[2], node[3], joined
        if above and self._moved(address, count) == above[-1][1]:
            joined = self._joined(value, above[-1][2])
            if joined is not None:
                count, value = count + above.pop()[0], joined
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
        size, at = terms.value_of(pages), terms.value_of(address)
        if size is not None and at is not None:
            return TRUE if at + end > size << shift else FALSE
        return terms.literal(terms.make(0, "oob", (end, shift), pages, address))
