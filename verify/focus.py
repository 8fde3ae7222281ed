"""Terms as they are where a condition holds, down to the operands of operations.

`constrain` stops at the first operation that is no decision: what a store writes, or where, keeps
decisions that the way to it has taken already. Two bodies that took those in different order keep
different ones. Here every operand is constrained by the decisions above it.
"""

from typing import Final

from .rebuild import rebuild
from .space import Space
from .terms import LEAF

MAX_VISITS: Final = 3_000
"""Pairs of term and condition that are looked at for one function."""


class Focus:
    """Narrows terms; one per function, so that what is known is found once."""

    def __init__(self, space: Space) -> None:
        self.space, self.terms = space, space.terms
        self._known: dict[tuple[int, int], int] = {}
        self._decides: dict[int, bool] = {}
        self._visits = 0

    def narrow(self, term: int, care: int) -> int:
        """A term that equals ``term`` wherever ``care`` holds; the same for many equal ones."""
        term = self.terms.constrain(term, care)
        if not self._deciding(term):
            return term
        key = (term, care)
        found = self._known.get(key)
        if found is None:
            self._visits += 1
            if self._visits > MAX_VISITS:
                return term
            found = self._known[key] = self._narrow(term, care)
        return found

    def _narrow(self, term: int, care: int) -> int:
        terms = self.terms
        node = terms.nodes[term]
        if terms.tops[term] != LEAF:
            literal = terms.literal(node[2])
            hi = self.narrow(node[3], terms.both(care, literal))
            lo = self.narrow(node[4], terms.both(care, terms.negate(literal)))
            asked = self._inside(node[2], care) if self._deciding(node[2]) else literal
            return terms.ite(asked, hi, lo)
        return term if terms.widths[term] == 0 else self._inside(term, care)

    def _inside(self, term: int, care: int) -> int:
        """An operation, or the condition of an atom, with its operands narrowed."""
        children = self.terms.nodes[term][2:]
        return rebuild(self.space, term, {child: self.narrow(child, care) for child in children})

    def _deciding(self, term: int) -> bool:
        """Whether a decision stands in the term or below it."""
        nodes, tops, decides = self.terms.nodes, self.terms.tops, self._decides
        pending = [term]
        while pending:
            at = pending[-1]
            if at in decides:
                pending.pop()
                continue
            if tops[at] != LEAF:
                decides[at] = True
                continue
            missing = [child for child in nodes[at][2:] if child not in decides]
            if missing:
                pending += missing
            else:
                decides[at] = any(decides[child] for child in nodes[at][2:])
        return decides[term]
