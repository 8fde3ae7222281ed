"""What one comparison had to show, and how each part was shown: for people who want to see it.

Filled only when asked for (``Context.trace``); it decides nothing.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from .terms import TRUE, Terms

How = Literal["same term", "sweep", "solver", "differs in simulation", "not proven", "not reached"]

DEPTH: Final = 4
"""Levels of a term that are written out."""

MAX_CLAIMS: Final = 2_000
"""Claims kept of one comparison; how many there were is counted."""

MAX_TEXT: Final = 1 << 20
"""Characters of queries kept of one comparison."""


@dataclass(frozen=True, slots=True)
class Claim:
    """``original`` and ``new`` are equal wherever ``condition`` holds; terms as text."""

    about: str
    how: How
    condition: str
    original: str
    new: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the solver: ``unsat`` means that both terms are equal.

    ``about`` is the claim, or empty for a part that both bodies have; ``rlimit`` is in the
    solver's units; ``text`` is SMT-LIB, empty where ``MAX_TEXT`` was used up.
    """

    about: str
    original: str
    new: str
    answer: str
    rlimit: int
    text: str


@dataclass(slots=True)
class Trace:
    """The claims of a comparison, what relates the loops, and the queries."""

    claims: list[Claim] = field(default_factory=list)
    invariants: list[str] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    total: int = 0
    """Claims that there were; more than are kept if it is greater than their number."""
    _room: int = MAX_TEXT

    def claim(
        self, terms: Terms, about: str, how: How, condition: int, original: int, new: int
    ) -> None:
        """Keep a claim about terms."""
        self.total += 1
        if len(self.claims) < MAX_CLAIMS:
            a, b, c = (terms.show(term, DEPTH) for term in (condition, original, new))
            self.claims.append(Claim(about, how, "always" if condition == TRUE else a, b, c))

    def query(
        self, terms: Terms, about: str, pair: tuple[int, int], answer: str, cost: int, text: str
    ) -> None:
        """Keep a query and what came of it."""
        if len(text) > self._room:
            text = ""
        self._room -= len(text)
        a, b = (terms.show(term, DEPTH) for term in pair)
        self.queries.append(Query(about, a, b, answer, cost, text))
