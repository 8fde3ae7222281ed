"""The cheapest choice of terms for a whole graph, by constraint programming (extra `exact`).

Every class that is needed has one term or a leaf; a term needs the classes of its operands; terms
come in some order, so that none is its own operand. A term costs its operation once. Where it is
used more than once it lives in a local, and each use costs as much as one of a leaf. Where in the
function a term stands is not asked: who takes the answer checks that, value by value
(`Choices.graph`).

Solved by OR-tools' CP-SAT with one worker, a fixed seed and a limit in its own deterministic time:
the answer is the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..egraph import ENode, is_term
from ..ir.graph import Value, operands, walk
from .search import Costs

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver, IntVar, LinearExprT

__all__ = ["MissingSolver", "cheapest", "solver_version"]

MOST_CLASSES: Final = 400
"""Classes of a graph up to which the question is put: beyond, the limit ends it without a good
answer."""

EFFORT: Final = 2.0
"""Units of deterministic time, each about a second of an idle core."""

LONGEST: Final = 60
"""Operations in a chain: bounds what orders the terms."""

_FOUND: Final = ("OPTIMAL", "FEASIBLE")


class MissingSolver(Exception):
    """OR-tools is not installed."""

    def __init__(self) -> None:
        super().__init__("--extract exact needs OR-tools: pip install 'eqsat[exact]'")


def solver_version() -> str:
    """Return the version of the solver. Raises `MissingSolver`."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ortools")
    except PackageNotFoundError:
        raise MissingSolver from None


def cheapest(costs: Costs, seconds: float | None = None) -> dict[int, ENode] | None:
    """Return the term of each value (by id) in the cheapest graph, None if none was found in time.

    `seconds` limits wall time as well, and makes the answer depend on it. Raises `MissingSolver`.
    """
    solver_version()
    if len(costs.entries) > MOST_CLASSES:
        return None
    return _Question(costs).answer(seconds)


@dataclass(slots=True)
class _Class:
    """What a class may be: its terms, each with the variable that says it is chosen, or a leaf."""

    needed: IntVar
    place: IntVar
    terms: list[tuple[IntVar, ENode]] = field(default_factory=list)
    leaf: IntVar | None = None
    uses: list[IntVar] = field(default_factory=list)
    """The chosen term of another class that uses this one, for each operand."""
    roots: int = 0
    """Uses by the skeleton."""


class _Question:
    """The model of one function."""

    def __init__(self, costs: Costs) -> None:
        from ortools.sat.python.cp_model import CpModel

        self.costs = costs
        self.model: CpModel = CpModel()
        self.price: list[LinearExprT] = []
        model = self.model
        self.classes = {
            number: _Class(model.new_bool_var(""), model.new_int_var(0, LONGEST, ""))
            for number in costs.entries
        }
        self._roots()
        for number, found in self.classes.items():
            self._terms(number, found)
        for found in self.classes.values():
            self._uses(found)
        model.minimize(sum(self.price))

    def answer(self, seconds: float | None) -> dict[int, ENode] | None:
        """Solve, and say what each value is."""
        from ortools.sat.python.cp_model import CpSolver

        solver: CpSolver = CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = EFFORT
        if seconds is not None:
            solver.parameters.max_time_in_seconds = max(0.01, seconds)
        if solver.status_name(solver.solve(self.model)) not in _FOUND:
            return None
        chosen = {
            number: term
            for number, found in self.classes.items()
            for variable, term in found.terms
            if solver.boolean_value(variable)
        }
        costs = self.costs
        return {
            value.id: chosen[costs.classes[value.id]]
            for value in costs.values
            if value.op >= 0 and value.args and is_term(value) and costs.classes[value.id] in chosen
        }

    def _roots(self) -> None:
        """Count what the skeleton uses; constants there cost the same whatever is chosen."""
        for node in walk(self.costs.function.body):
            for value in operands(node):
                found = self.classes.get(self.costs.classes[value.id])
                if found is not None:
                    found.roots += 1

    def _terms(self, number: int, found: _Class) -> None:
        """Say what a class may be, what that costs and needs."""
        costs, model = self.costs, self.model
        for own, args, item in costs.entries[number]:
            if isinstance(item, Value):
                if found.leaf is None:
                    found.leaf = model.new_bool_var("")
                continue
            variable = model.new_bool_var("")
            found.terms.append((variable, item))
            self.price.append(own * variable)
            for arg in args:
                constant = costs.constants.get(arg)
                if constant is not None:
                    self.price.append(costs.model.constant(*constant) * variable)
                    continue
                operand = self.classes[arg]
                operand.uses.append(variable)
                model.add(found.place >= operand.place + 1).only_enforce_if(variable)
        choices = [variable for variable, _ in found.terms]
        if found.leaf is not None:
            choices.append(found.leaf)
        model.add(sum(choices) == found.needed)

    def _uses(self, found: _Class) -> None:
        """Price the uses of a class."""
        model = self.model
        most = found.roots + len(found.uses)
        if found.roots:
            model.add(found.needed == 1)
        elif not found.uses:
            model.add(found.needed == 0)
            return
        for variable in found.uses:
            model.add_implication(variable, found.needed)
        uses = sum(found.uses) + found.roots
        priced = model.new_int_var(0, most, "")
        several = model.new_bool_var("")
        model.add(uses <= 1 + most * several)
        model.add(priced >= uses - most * (1 - several))
        if found.leaf is not None:
            model.add(priced >= uses - most * (1 - found.leaf))
        self.price.append(self.costs.model.leaf * priced)
