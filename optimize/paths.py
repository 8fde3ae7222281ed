"""Could a body cost more than another on some way through it?

Both bodies are walked together, piece by piece, as long as they ask the same questions. Then a
difference of cost belongs to every way, and the dearest way is a longest path: no estimate of how
often anything runs is needed.
"""

from __future__ import annotations

from math import inf

from .flow import GO, LEAVE, TEST, TRAP, Flow, Piece

__all__ = ["excess"]

TRACES = 4
"""Pairs of places looked at, as a multiple of the places in both bodies: code that corresponds
needs about half as many."""

ROUNDS = 6
"""How many tests ahead what a way leads to is looked at."""


def excess(before: Flow, after: Flow) -> float | None:
    """Return what a way through `after` costs at most beyond the same way through `before`.

    Infinite if every round of some loop costs more; None if the bodies do not ask the same
    questions, so that nothing can be said. Ways that end in `unreachable` do not count.
    """
    one, two = _Sites(before), _Sites(after)
    start = (one.site(0), two.site(0))
    if start[0] is None or start[1] is None:
        return None
    limit = TRACES * (len(before.order) + len(after.order))
    first = (start[0][0], start[1][0])
    worst: dict[tuple[int, int], float] = {first: start[1][1] - start[0][1]}
    visits: dict[tuple[int, int], int] = {}
    following: dict[tuple[int, int], list[tuple[tuple[int, int], float]]] = {}
    work = [first]
    waiting = {first}
    ends: set[tuple[int, int]] = set()
    while work:
        pair = work.pop()
        waiting.discard(pair)
        visits[pair] = visits.get(pair, 0) + 1
        ways = following.get(pair)
        if ways is None:
            if len(following) > limit:
                return None
            found = _following(one, two, pair)
            if found is None:
                return None
            ways = following[pair] = found
            if not ways and before.pieces[pair[0]].code != TRAP:
                ends.add(pair)
        elif visits[pair] > len(following) + 1:
            # Costs more with every round.
            return inf
        here = worst[pair]
        for target, more in ways:
            if target not in worst or here + more > worst[target]:
                worst[target] = here + more
                if target not in waiting:
                    waiting.add(target)
                    work.append(target)
    return max((worst[pair] for pair in ends), default=0.0)


class _Sites:
    """Where ways part in a body: pieces with a test or a switch, and its ends."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.known: dict[int, tuple[int, float] | None] = {}
        self.signs: dict[int, int] | None = None

    def traits(self) -> dict[int, int]:
        """Return for each piece a hash of what may happen from there on."""
        if self.signs is None:
            self.signs = _traits(self)
        return self.signs

    def site(self, number: int) -> tuple[int, float] | None:
        """Return the next site from a piece on and the cost up to its end; None: it never comes."""
        if number not in self.known:
            chain = self.chain(number)
            pieces = self.flow.pieces
            last = chain[-1]
            cost = sum(pieces[k].cost for k in chain)
            self.known[number] = None if pieces[last].end == GO else (last, cost)
        return self.known[number]

    def chain(self, number: int) -> list[int]:
        """Return the pieces from one on up to the next site, or until they come round."""
        chain = [number]
        pieces = self.flow.pieces
        while pieces[chain[-1]].end == GO:
            following = pieces[chain[-1]].targets[0]
            if following in chain:
                break
            chain.append(following)
        return chain


def _following(
    one: _Sites, two: _Sites, pair: tuple[int, int]
) -> list[tuple[tuple[int, int], float]] | None:
    """Return the pairs of sites that follow, each with the difference of cost on the way."""
    a, b = one.flow.pieces[pair[0]], two.flow.pieces[pair[1]]
    if a.end != b.end:
        return None
    if a.end == LEAVE:
        return [] if a.code == b.code else None
    if a.end == TEST:
        targets = b.targets if _same_sense(one, two, a, b) else b.targets[::-1]
        ways = list(zip(a.targets, targets, strict=True))
    else:
        # A table may be shorter where its last entries are the default's.
        longest = max(len(a.targets), len(b.targets))
        ways = list(zip(_padded(a.targets, longest), _padded(b.targets, longest), strict=True))
    found = []
    for left, right in ways:
        x, y = one.site(left), two.site(right)
        if x is None and y is None:
            continue
        if x is None or y is None:
            return None
        found.append(((x[0], y[0]), y[1] - x[1]))
    return found


def _same_sense(one: _Sites, two: _Sites, a: Piece, b: Piece) -> bool:
    """Tell whether two tests hold in the same cases.

    Equal comparisons say so themselves. Where a condition is computed elsewhere or has become
    another one, what the ways lead to tells them apart.
    """
    if a.asks[0] != b.asks[0]:
        yes, no = (one.traits()[t] for t in a.targets)
        left, right = (two.traits()[t] for t in b.targets)
        if yes != no:
            if (yes, no) == (left, right):
                return True
            if (yes, no) == (right, left):
                return False
    return a.asks[1] == b.asks[1]


def _padded(targets: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*targets[:-1], *(targets[-1:] * (length - len(targets) + 1)))


def _traits(sites: _Sites) -> dict[int, int]:
    """Hash what may happen from each piece on, in a few rounds (Weisfeiler and Leman, 1968).

    The order of the ways of a test does not enter: it is what is asked for.
    """
    flow = sites.flow
    pieces = flow.pieces
    at = {number: k for k, number in enumerate(flow.order)}
    rows: list[tuple[int, tuple[int, ...], Piece, list[bool]]] = []
    for number in flow.order:
        chain = sites.chain(number)
        last = pieces[chain[-1]]
        effects = tuple(e for k in chain for e in pieces[k].effects)
        back = [at[t] <= at[chain[-1]] for t in last.targets]
        rows.append((number, effects, last, back))
    signs = dict.fromkeys(flow.order, 0)
    for _ in range(ROUNDS):
        fresh = {}
        for number, effects, last, back in rows:
            ways = [(b, signs[t]) for t, b in zip(last.targets, back, strict=True)]
            if last.end == TEST:
                ways.sort()
            fresh[number] = hash((effects, last.end, last.code, *ways))
        signs = fresh
    return signs
