"""Memories as terms: split, joined, reordered or overwritten, it is one term, and the right one."""

from eqsat.verify.memory import Memory
from eqsat.verify.simulate import Simulation
from eqsat.verify.terms import STATE, Terms
from eqsat.verify.values import Values
from hypothesis import given, settings
from hypothesis import strategies as st

Write = tuple[int, int, int, str]
"""Base (0: none), distance, bytes, kind of value."""

WRITES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 14) | st.integers(2**32 - 4, 2**32 - 1),
        st.sampled_from([1, 2, 4, 8]),
        st.sampled_from(["constant", "constant", "load", "load", "symbol"]),
    ),
    max_size=9,
)


class World:
    """A memory, two bases and a source of bytes."""

    def __init__(self) -> None:
        self.terms = Terms()
        self.values = Values(self.terms)
        self.memory = Memory(self.values)
        self.start = self.terms.variable(STATE, "memory")
        self.other = self.terms.variable(STATE, "other")
        self.bases = [self.terms.variable(32, "p"), self.terms.variable(32, "q")]

    def address(self, base: int, at: int) -> int:
        constant = self.terms.constant(at, 32)
        return constant if base == 0 else self.values.add(self.bases[base - 1], constant)

    def value(self, at: int, count: int, kind: str) -> int:
        if kind == "symbol":
            return self.terms.variable(8 * count, "value", at, count)
        if kind == "load":
            return self.memory.load(self.other, self.address(1, at + 40), count)
        return self.terms.constant(
            sum(17 * (at + k) % 256 << 8 * k for k in range(count)), 8 * count
        )

    def stored(self, writes: list[Write]) -> int:
        memory = self.start
        for base, at, count, kind in writes:
            value = self.value(at, count, kind)
            memory = self.memory.store(memory, self.address(base, at), value, count)
        return memory


@settings(max_examples=150, deadline=None)
@given(WRITES, st.tuples(st.integers(0, 2), st.integers(0, 14), st.sampled_from([1, 2, 4, 8])))
def test_the_normal_form_holds_the_bytes_that_were_written(
    writes: list[Write], read: tuple[int, int, int]
) -> None:
    world = World()
    terms = world.terms
    plain = world.start
    for base, at, count, kind in writes:
        where, value = world.address(base, at), world.value(at, count, kind)
        plain = terms.make(STATE, "store", count, plain, where, value)
    memory = world.stored(writes)
    base, at, count = read
    where = world.address(base, at)
    loads = (
        world.memory.load(memory, where, count),
        terms.make(8 * count, "load", count, plain, where),
    )
    simulation = Simulation(terms)
    p, q = world.bases
    for near in (0, 3, 2**32 - 6):
        simulation.add_vector({p: 5, q: (5 + near) % 2**32})
    simulation.evaluate(range(len(terms.nodes)))
    assert simulation.signature(memory) == simulation.signature(plain)
    assert simulation.signature(loads[0]) == simulation.signature(loads[1])


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["constant", "load"]),
    st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_pieces_in_any_order_are_one_store(kind: str, sizes: list[int], source: object) -> None:
    world = World()
    whole = sum(sizes)
    bytes_ = world.stored([(1, at, 1, kind) for at in range(whole)])
    pieces, at = [], 0
    for size in sizes:
        pieces.append((1, at, size, kind))
        at += size
    source.shuffle(pieces)  # type: ignore[attr-defined]
    memory = world.stored(pieces)
    assert memory == bytes_
    assert world.terms.nodes[memory][:2] == ("store", whole)


def test_what_is_overwritten_in_part_is_gone_in_part() -> None:
    world = World()
    dead = [(1, 0, 8, "constant"), (1, 4, 4, "symbol")]
    assert world.stored(dead) == world.stored([(1, 0, 4, "constant"), (1, 4, 4, "symbol")])
    middle = [(1, 0, 8, "constant"), (1, 3, 2, "symbol")]
    around = [(1, 5, 2, "constant"), (1, 7, 1, "constant"), (1, 0, 2, "constant")]
    around += [(1, 3, 2, "symbol"), (1, 2, 1, "constant")]
    assert world.stored(middle) == world.stored(around)


def test_values_of_nothing_in_common_stay_apart() -> None:
    world = World()
    two = world.stored([(1, 0, 4, "symbol"), (1, 4, 4, "symbol")])
    assert world.terms.nodes[two][:2] == ("store", 4)
    far = world.stored([(1, 0, 4, "constant"), (2, 4, 4, "constant")])
    assert world.terms.nodes[far][:2] == ("store", 4)
