"""The solver part of the ladder: SAT sweeping, then the obligations themselves.

Both sides are simulated on a few vectors. An obligation that a vector contradicts is not going to
be proven: the answer is unknown at once. Otherwise the terms that only the new body has are taken
bottom-up; one that agrees with a term of the original on all vectors is asked about in a small
query, in which everything both have in common is cut to free symbols; if proven equal it is
replaced, and whatever is built on it normalises again. What is left are queries for whole
obligations. Every query has a context of its own and a budget in solver units, so that the same
input costs the same everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from .focus import Focus
from .obligations import Obligation
from .rebuild import rebuild
from .simulate import Simulation, TooBig
from .space import Space
from .terms import LEAF, STATE, TRUE
from .trace import How

if TYPE_CHECKING:
    import z3  # type: ignore[import-untyped]

    from .encode import Encoder

MAX_TERMS: Final = 20_000
"""Terms below the obligations of one function: more would take seconds to simulate."""

MAX_CANDIDATES: Final = 3
"""Terms of the original that one term of the new body is compared with."""

MAX_CONE: Final = 300
"""Terms in a query that is not cut."""

MAX_MODELS: Final = 6
"""Vectors added from models of failed queries."""


class Sweep:
    """Settles obligations that the normal form does not. One per function."""

    def __init__(
        self, space: Space, rlimit: int, query_rlimit: int, deadline: float | None
    ) -> None:
        self.space, self.terms = space, space.terms
        self.rlimit, self.query_rlimit, self.deadline = rlimit, query_rlimit, deadline
        self.queries = self.spent = 0
        self.direct = False
        """Whether a whole obligation had to be asked about."""
        self.suspects: list[dict[int, int]] = []
        """Values of symbols for which a model or a vector says that the bodies differ."""
        self.how: dict[Obligation, How] = {}
        """What came of each obligation that was reached."""
        self._asked = ""
        self.simulation = Simulation(self.terms)
        self.focus = Focus(space)
        self.original: set[int] = set()
        self.replaced: dict[int, int] = {}
        self._by_signature: dict[tuple[Any, ...], list[int]] = {}
        self._models = 0

    def settle(self, obligations: list[Obligation]) -> str | None:
        """``None`` if all hold, else which one is left and why."""
        left = [o.original for o in obligations] + [o.condition for o in obligations]
        self.original = reachable(self.space, left)
        new = reachable(self.space, [o.new for o in obligations])
        if len(self.original | new) > MAX_TERMS:
            return f"more than {MAX_TERMS} terms in open obligations"
        try:
            self.simulation.evaluate(sorted(self.original | new))
        except TooBig:
            return "memory too large to simulate"
        for obligation in obligations:
            if self._contradicted(obligation):
                self._suspect(obligation)
                self.how[obligation] = "differs in simulation"
                return self._describe(obligation, "differs in simulation")
        for term in sorted(self.original):
            self._note(term)
        fresh, roots = sorted(new - self.original), {o.new for o in obligations}
        for decisions in (False, True):
            problem = self._merge(fresh, roots, decisions)
            if problem is not None:
                return problem
            # Whole decisions are asked about only where their parts do not do.
            left_over = [o for o in obligations if not self._agree(o)]
            self.how |= dict.fromkeys(set(obligations) - set(left_over), "sweep")
            obligations = left_over
            if not obligations:
                return None
        for obligation in obligations:
            holds = self._holds(obligation)
            self.how[obligation] = "solver" if holds else "not proven"
            if not holds:
                return self._describe(obligation, "not proven")
        return None

    def _describe(self, o: Obligation, why: str) -> str:
        show = self.terms.show
        return f"{o.about}: {why}: {show(o.original, 3)} against {show(o.new, 3)}"

    def _contradicted(self, o: Obligation) -> bool:
        """Whether a vector shows the difference."""
        if self.terms.widths[o.original] == STATE:
            a, b = self.simulation.signature(o.original), self.simulation.signature(o.new)
            return any(
                vector[o.condition] and x != y
                for vector, x, y in zip(self.simulation.vectors, a, b, strict=True)
            )
        return any(v[o.condition] and v[o.original] != v[o.new] for v in self.simulation.vectors)

    def _suspect(self, o: Obligation) -> None:
        """Keep the inputs of the vectors that contradict an obligation."""
        nodes, widths = self.terms.nodes, self.terms.widths
        inputs = [t for t in self.simulation.vectors[0] if nodes[t][0] == "v" and widths[t] > 0]
        for vector in self.simulation.vectors:
            if vector[o.condition] and vector[o.original] != vector[o.new]:
                self.suspects.append({t: vector[t] for t in inputs})

    def _note(self, term: int) -> None:
        """Make a term of the original a candidate."""
        node = self.terms.nodes[term]
        if node[0] in ("c", "true", "false") or (node[0] == "ite" and not self._worth(term)):
            return
        key = (self.terms.widths[term], *self.simulation.signature(term))
        self._by_signature.setdefault(key, []).append(term)

    def _worth(self, term: int) -> bool:
        """Decisions between conditions are parts of larger ones and not asked about."""
        return self.terms.widths[term] != 0

    # --- merging --------------------------------------------------------------------------------

    def _merge(self, new: list[int], roots: set[int], decisions: bool) -> str | None:
        """Replace terms of the new body by equal ones of the original, bottom-up.

        Whole decisions are only looked for with `decisions`.
        """
        terms, tops = self.terms, self.terms.tops
        for term in new:
            if self.spent > self.rlimit:
                return "solver budget"
            if self.deadline is not None and time.perf_counter() > self.deadline:
                return "deadline"
            result = rebuild(self.space, term, self.replaced)
            atom = terms.widths[term] == 0 and terms.nodes[term][0] != "ite"
            if atom:
                if result == terms.literal(term):
                    result = self._match_atom(term)
                if result != term:
                    self.replaced[term] = result
                continue
            wanted = self._worth(term) or term in roots
            if result not in self.original and wanted and (decisions or tops[result] == LEAF):
                result = self._match(result)
            if result != term:
                self.replaced[term] = result
        return None

    def _ensure(self, term: int) -> None:
        """Evaluate a term that a rebuild has made."""
        missing = reachable(self.space, [term], known=self.simulation.vectors[0])
        self.simulation.evaluate(sorted(missing))

    def _candidates(self, term: int) -> list[int]:
        self._ensure(term)
        key = (self.terms.widths[term], *self.simulation.signature(term))
        found = self._by_signature.get(key, [])
        if len(set(key[1:])) <= 1 and self.terms.widths[term] == 0:
            # A condition that never changed says little: only its like is worth a query.
            op = self.terms.nodes[term][0]
            found = [c for c in found if self.terms.nodes[c][0] == op]
        return [c for c in found if c != term][:MAX_CANDIDATES]

    def _match(self, term: int) -> int:
        """An equal term of the original, or the term itself."""
        constant = self._constant(term)
        if constant is not None and self._equal(constant, term):
            return constant
        for candidate in self._candidates(term):
            if self._equal(candidate, term):
                return candidate
        return term

    def _constant(self, term: int) -> int | None:
        """The constant that a value has been on all vectors."""
        width = self.terms.widths[term]
        if width <= 0 or self.terms.nodes[term][0] == "c":
            return None
        self._ensure(term)
        first = self.simulation.vectors[0][term]
        if any(v[term] != first for v in self.simulation.vectors):
            return None
        return self.terms.constant(first, width)

    def _match_atom(self, term: int) -> int:
        """The literal of an equal atom, or of the opposite of one."""
        literal = self.terms.literal(term)
        if term in self.original:
            return literal
        for candidate in self._candidates(term):
            other = self.terms.literal(candidate)
            if self._equal(other, literal):
                return other
        key = (0, *(not v[term] for v in self.simulation.vectors))
        for candidate in self._by_signature.get(key, [])[:MAX_CANDIDATES]:
            other = self.terms.negate(self.terms.literal(candidate))
            if self._equal(other, literal):
                return other
        return literal

    # --- queries --------------------------------------------------------------------------------

    def _equal(self, a: int, b: int) -> bool:
        """Whether two terms are equal for all values of their symbols."""
        return a == b or self._proven(TRUE, a, b, model=True)

    def _agree(self, o: Obligation) -> bool:
        """Whether both sides have become one term."""
        a, b = self._sides(o)
        return a == b or self.focus.narrow(a, o.condition) == self.focus.narrow(b, o.condition)

    def _sides(self, o: Obligation) -> tuple[int, int]:
        constrain = self.terms.constrain
        return constrain(o.original, o.condition), constrain(self._replacement(o.new), o.condition)

    def _holds(self, o: Obligation) -> bool:
        a, b = self._sides(o)
        if self.terms.widths[a] == STATE and not self._is_memory(a, b):
            return False
        self.direct = True
        self._asked = o.about
        return self._proven(o.condition, a, b, model=False)

    def _is_memory(self, *roots: int) -> bool:
        """Whether there is a store in either: other states are equal as terms or not at all."""
        nodes = self.terms.nodes
        pending, seen = list(roots), set[int]()
        while pending:
            at = pending.pop()
            if nodes[at][0] == "store":
                return True
            if nodes[at][0] == "ite" and at not in seen:
                seen.add(at)
                pending += nodes[at][3:]
        return False

    def _replacement(self, term: int) -> int:
        if self.terms.widths[term] == 0 and self.terms.nodes[term][0] != "ite":
            return term
        return self.replaced.get(term, term)

    def _proven(self, condition: int, a: int, b: int, *, model: bool) -> bool:
        """Cut queries first, then the whole thing if it is small."""
        left, right = reachable(self.space, [a]), reachable(self.space, [b])
        context = reachable(self.space, [condition])
        fixed = {a, b, condition}
        nodes = self.terms.nodes
        shared = {t for t in left & right if nodes[t][0] not in ("c", "true", "false")} - fixed
        # An atom of the condition must stay connected with the same atom in the terms.
        if shared and self._query(condition, a, b, shared) == "unsat":
            return True
        if len(left | right | context) > MAX_CONE:
            return False
        answer = self._query(condition, a, b, set(), model=model)
        return answer == "unsat"

    def _query(self, condition: int, a: int, b: int, cut: set[int], *, model: bool = False) -> str:
        """Ask whether ``a`` and ``b`` can differ where ``condition`` holds."""
        if self.spent > self.rlimit:
            return "unknown"
        import z3

        from .encode import Encoder, TooComplex

        self.queries += 1
        encoder = Encoder(self.terms, cut)
        solver = z3.SolverFor("QF_UFBV", ctx=encoder.context)
        solver.set("rlimit", min(self.query_rlimit, max(self.rlimit - self.spent, 1)))
        try:
            if condition != TRUE:
                solver.add(encoder.encode(condition))
            solver.add(encoder.differ(a, b))
        except TooComplex:
            return "unknown"
        record = self.space.context.record
        trace = self.space.context.trace
        text = "" if record is None and trace is None else str(solver.to_smt2())
        if record is not None:
            record(text)
        answer = str(solver.check())
        cost = 0
        statistics = solver.statistics()
        if "rlimit count" in statistics.keys():  # noqa: SIM118
            cost = int(statistics.get_key_value("rlimit count"))
            self.spent += cost
        if trace is not None:
            trace.query(self.terms, self._asked, (a, b), answer, cost, text)
        if answer == "sat" and not cut:
            given = self._inputs(encoder, solver.model())
            if not model:
                self.suspects.append(given)
            elif self._models < MAX_MODELS:
                self._learn(given)
        return answer

    def _inputs(self, encoder: Encoder, model: z3.ModelRef) -> dict[int, int]:
        """What a model says about the symbols of the query."""
        return {
            term: int(model.eval(symbol, model_completion=True).as_long())
            for term, symbol in encoder.symbols.items()
            if self.terms.widths[term] > 0
        }

    def _learn(self, given: dict[int, int]) -> None:
        """Make a model a vector, so that the same mistake is not asked again."""
        self._models += 1
        known = sorted(self.simulation.vectors[0])
        self.simulation.add_vector(given)
        self.simulation.evaluate(known)
        candidates = [t for bucket in self._by_signature.values() for t in bucket]
        self._by_signature.clear()
        for term in sorted(candidates):
            self._note(term)


def reachable(space: Space, roots: Iterable[int], known: Iterable[int] = ()) -> set[int]:
    """All terms below and with the roots, except for what is below known ones."""
    nodes = space.terms.nodes
    stop = known if isinstance(known, dict) else frozenset(known)
    seen: set[int] = set()
    pending = [r for r in roots if r not in stop]
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        seen.add(at)
        pending += [c for c in nodes[at][2:] if c not in seen and c not in stop]
    return seen
