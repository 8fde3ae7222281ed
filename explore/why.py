"""Why two forms are equal: a chain of rule applications from one to the other.

A chain lives in one class: its steps go from node to node, each by a match that the engine has
recorded. Where one step leaves an operand in a form that the next one does not want, the chain of
that operand stands between them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..egraph import Application, Trace
from ..ir.graph import Value
from ..optimize.forms import Forms
from ..rules import signature
from ..rules.pretty import Tree, readable, tree
from ..wasm.opcodes import OPCODES

if TYPE_CHECKING:
    from ..egraph.provenance import TraceNode
    from ..optimize.workbench import Bench

__all__ = ["Step", "Why"]

DEEPEST: Final = 4
"""Levels of operands whose chains are shown: deeper ones say only that they are equal."""

STEP_COST: Final = 1
ANY_COST: Final = 3
"""Steps by a rule with a bare variable on one side say less: they are taken when needed."""

MOST_NODES: Final = 2_000
"""Nodes of a class in which a chain is searched."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `kind` is `rule`, `program`, `computed` or `operand`.

    `before` and `after` are terms in the rules' notation. A rule that is used from right to left
    is `reversed`.
    For `operand` the steps are those that make the two operands equal.
    """

    kind: str
    before: str
    after: str
    rule: str = ""
    equation: str = ""
    guard: str = ""
    reversed: bool = False
    steps: tuple[Step, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The step as plain values."""
        return {
            "kind": self.kind,
            "before": readable(self.before),
            "after": readable(self.after),
            "rule": self.rule,
            "equation": self.equation,
            "guard": self.guard,
            "reversed": self.reversed,
            "steps": [step.as_json() for step in self.steps],
        }


_End: TypeAlias = "tuple[TraceNode, Tree | None, Mapping[str, int]]"
"""One end of a step: a node, and the side of a rule that it is an instance of, if of any."""


@dataclass(frozen=True, slots=True)
class _Move:
    """An edge of the search: what is written before and after it."""

    target: TraceNode
    kind: str
    application: Application | None = None
    backward: bool = False


class Why:
    """Chains in the traced e-graph of one function."""

    def __init__(self, trace: Trace, forms: Forms) -> None:
        self.trace = trace
        self.forms = forms
        self._terms: dict[int, tuple[Tree, Tree]] = {}
        self.given: dict[TraceNode, list[TraceNode]] = {}
        for nodes in trace.given:
            for node in nodes:
                self.given.setdefault(node, []).extend(one for one in nodes if one != node)

    @classmethod
    def of(cls, bench: Bench) -> Why:
        """Saturate the function of a bench once more, with matches recorded."""
        trace, saturation = bench.traced()
        return cls(trace, Forms(saturation, 0, bench.origins, bench.forms.locals))

    def chain(self, position: int, text: str) -> tuple[Step, ...] | None:
        """The chain from what instruction `position` is in the original to a form.

        None where the record holds none. Raises FormError if the form does not fit.
        """
        value = self.forms.value_at(position)
        item = self.forms.find(value, text)
        number = self.forms.classes[value.id]
        start = self._node_of(value)
        if isinstance(item, Value):
            goal = self._node_of(item)
        elif item is None:
            goal = self._constant(number)
        else:
            goal = self._operation(number, *item)
        if start is None or goal is None:
            return None
        return self._explain(number, start, goal, DEEPEST, frozenset())

    def makers(self, position: int) -> dict[str, list[str]]:
        """Names of the rules whose match puts each form into the class, by the form's text."""
        value = self.forms.value_at(position)
        number = self.forms.classes[value.id]
        made: dict[TraceNode, set[str]] = {}
        for application in self.trace.applications.get(number, ()):
            for side in self._sides(application):
                node = self.trace.instance(side, application.bound)
                if isinstance(node, tuple):
                    made.setdefault(node, set()).add(application.rule.name)
        found: dict[str, list[str]] = {}
        for form in self.forms.forms(value):
            if form.kind == "operation" and isinstance(form.item, tuple):
                node = self._operation(number, *form.item)
                found[form.text] = sorted(made.get(node, ())) if node is not None else []
        return found

    # Nodes.

    def _sides(self, application: Application) -> tuple[Tree, Tree]:
        """Both terms of a match's rule, read once."""
        found = self._terms.get(application.number)
        if found is None:
            rule = application.rule
            found = self._terms[application.number] = tree(rule.left), tree(rule.right)
        return found

    def _node_of(self, value: Value) -> TraceNode | None:
        number = self.forms.classes[value.id]
        if value.op in _CONSTANT_SORTS:
            sort = _CONSTANT_SORTS[value.op]
            return f"{sort.lower()}.const", signature.constant_row(sort, value.imm[0])
        if value.op >= 0 and value.args:
            classes = tuple(self.forms.classes[arg.id] for arg in value.args)
            return self._operation(number, value.op, classes)
        for node in self.trace.classes.get(number, ()):
            if node[0].startswith("leaf.") and node[1][0] & 0xFFFF_FFFF == value.id:
                return node
        return None

    def _constant(self, number: int) -> TraceNode:
        code, immediate = self.forms.saturation.constants[number]
        sort = _CONSTANT_SORTS[code]
        return f"{sort.lower()}.const", signature.constant_row(sort, immediate)

    def _operation(self, number: int, code: int, args: tuple[int, ...]) -> TraceNode | None:
        name = OPCODES[code].name
        if name != "select":
            return name, args
        nodes = self.trace.classes.get(number, ())
        merged = args[2], args[0], args[1]
        for node in nodes:
            if node[0].startswith("select.") and node[1] == args:
                return node
        for node in nodes:
            if node[0].startswith("gamma.") and node[1] == merged:
                return node
        return None

    # The search.

    def _explain(
        self,
        number: int,
        start: TraceNode,
        goal: TraceNode,
        depth: int,
        above: frozenset[tuple[int, TraceNode, TraceNode]],
    ) -> tuple[Step, ...] | None:
        if start == goal:
            return ()
        path = self._path(number, start, goal)
        if path is None:
            return None
        above = above | {(number, start, goal)}
        steps: list[Step] = []
        current: _End = (start, None, {})
        for move in path:
            before, after = self._ends(current[0], move)
            steps += self._bridge(current, before, depth, above)
            steps.append(self._step(move, before, after))
            current = after
        steps += self._bridge(current, (goal, None, {}), depth, above)
        return tuple(steps)

    def _path(self, number: int, start: TraceNode, goal: TraceNode) -> list[_Move] | None:
        """The cheapest way between two nodes of a class (Dijkstra's algorithm)."""
        moves, loose = self._moves(number)
        nodes = self.trace.classes.get(number, [])
        if len(nodes) > MOST_NODES:
            return None
        best: dict[TraceNode, int] = {start: 0}
        came: dict[TraceNode, tuple[TraceNode, _Move]] = {}
        done: set[TraceNode] = set()
        queue: list[tuple[int, int, TraceNode]] = [(0, 0, start)]
        ticket = 0
        while queue:
            cost, _, node = heapq.heappop(queue)
            if node in done:
                continue
            done.add(node)
            if node == goal:
                break
            for price, move in self._from(node, moves, loose, [*nodes, goal]):
                total = cost + price
                if total < best.get(move.target, 1 << 60):
                    best[move.target] = total
                    came[move.target] = node, move
                    ticket += 1
                    heapq.heappush(queue, (total, ticket, move.target))
        if goal not in came:
            return None
        path: list[_Move] = []
        node = goal
        while node != start:
            node, move = came[node]
            path.append(move)
        return path[::-1]

    def _moves(
        self, number: int
    ) -> tuple[dict[TraceNode, list[_Move]], list[tuple[TraceNode, Application, bool]]]:
        """Moves by node, and matches of rules one of whose sides is a bare variable.

        Of those: the node of the other side, and whether it is the left one.
        """
        moves: dict[TraceNode, list[_Move]] = {}
        loose: list[tuple[TraceNode, Application, bool]] = []
        for application in self.trace.applications.get(number, ()):
            left, right = self._sides(application)
            a = self.trace.instance(left, application.bound)
            b = self.trace.instance(right, application.bound)
            if isinstance(a, tuple) and isinstance(b, tuple):
                moves.setdefault(a, []).append(_Move(b, "rule", application))
                moves.setdefault(b, []).append(_Move(a, "rule", application, True))
            elif isinstance(a, tuple) and isinstance(right, str):
                loose.append((a, application, True))
            elif isinstance(b, tuple) and isinstance(left, str):
                loose.append((b, application, False))
        return moves, loose

    def _from(
        self,
        node: TraceNode,
        moves: Mapping[TraceNode, Sequence[_Move]],
        loose: Sequence[tuple[TraceNode, Application, bool]],
        nodes: Sequence[TraceNode],
    ) -> Iterator[tuple[int, _Move]]:
        for move in moves.get(node, ()):
            yield STEP_COST, move
        for other in self.given.get(node, ()):
            yield STEP_COST, _Move(other, "program")
        if self._constants_alone(node):
            for other in nodes:
                if other[0].endswith(".const"):
                    yield STEP_COST, _Move(other, "computed")
        elif node[0].endswith(".const"):
            for other in nodes:
                if self._constants_alone(other):
                    yield STEP_COST, _Move(other, "computed")
        for anchor, application, is_left in loose:
            if anchor == node:
                for other in nodes:
                    yield ANY_COST, _Move(other, "rule", application, not is_left)
            else:
                yield ANY_COST, _Move(anchor, "rule", application, is_left)

    def _constants_alone(self, node: TraceNode) -> bool:
        """Whether a node is an operation on constants, which the host may have folded."""
        row = signature.CONSTRUCTORS[node[0]]
        if not node[1] or signature.INTEGER in row.arguments:
            return False
        return all(arg in self.forms.saturation.constants for arg in node[1])

    # What is shown.

    def _ends(
        self, node: TraceNode, move: _Move
    ) -> tuple[
        _End,
        _End,
    ]:
        """What stands before and after a move: node, and the side of the rule that it matches."""
        if move.application is None:
            return (node, None, {}), (move.target, None, {})
        left, right = self._sides(move.application)
        first, second = (right, left) if move.backward else (left, right)
        bound = move.application.bound
        return (
            (node, None if isinstance(first, str) else first, bound),
            (move.target, None if isinstance(second, str) else second, bound),
        )

    def _step(
        self,
        move: _Move,
        before: _End,
        after: _End,
    ) -> Step:
        texts = self._text(*before), self._text(*after)
        if move.application is None:
            return Step(move.kind, *texts)
        rule = move.application.rule
        return Step(
            "rule", *texts, rule=rule.name, equation=rule.equation, guard=rule.guard,
            reversed=move.backward,
        )  # fmt: skip

    def _bridge(
        self,
        first: _End,
        second: _End,
        depth: int,
        above: frozenset[tuple[int, TraceNode, TraceNode]],
    ) -> Iterator[Step]:
        """Between two ways to write one node: the chains of the operands that differ."""
        node = first[0]
        sorts = signature.CONSTRUCTORS[node[0]].arguments
        for position, (sort, number) in enumerate(zip(sorts, node[1], strict=True)):
            if sort == signature.INTEGER:
                continue
            a = self._operand(first, position, number)
            b = self._operand(second, position, number)
            if a is None or b is None or a[0] == b[0]:
                continue
            steps: tuple[Step, ...] | None = None
            if depth > 0 and (number, a[0], b[0]) not in above:
                steps = self._explain(number, a[0], b[0], depth - 1, above)
            yield Step("operand", self._text(*a), self._text(*b), steps=steps or ())

    def _operand(
        self,
        end: _End,
        position: int,
        number: int,
    ) -> _End | None:
        """The node that stands as an operand: that of the rule's side, else the class's first."""
        _, side, bound = end
        part = side[1 + position] if isinstance(side, list) else None
        if isinstance(part, list):
            node = self.trace.instance(part, bound)
            return (node, part, bound) if isinstance(node, tuple) else None
        values = self.forms.values.get(number)
        if values:
            found = self._node_of(values[0])
            return None if found is None else (found, None, {})
        return None

    def _text(self, node: TraceNode, side: Tree | None, bound: Mapping[str, int]) -> str:
        if side is not None and not isinstance(side, str):
            return self._filled(side, bound)
        return self._spelled(node)

    def _filled(self, term: Tree, bound: Mapping[str, int]) -> str:
        """The text of a rule's side with its variables replaced; integers are computed."""
        if isinstance(term, str):
            return term
        head = term[0]
        assert isinstance(head, str)
        row = signature.CONSTRUCTORS.get(head)
        if row is None:
            return str(self.trace.instance(term, bound))
        parts = []
        for sort, part in zip(row.arguments, term[1:], strict=True):
            if sort == signature.INTEGER:
                parts.append(str(self.trace.instance(part, bound)))
            elif isinstance(part, str):
                parts.append(self._class(sort, bound[part]))
            else:
                parts.append(self._filled(part, bound))
        return f"({head} {' '.join(parts)})" if parts else f"({head})"

    def _spelled(self, node: TraceNode) -> str:
        name, args = node
        if name.startswith("leaf."):
            return self.forms.leaf_text(args[0] & 0xFFFF_FFFF)
        parts = [
            str(arg) if sort == signature.INTEGER else self._class(sort, arg)
            for sort, arg in zip(signature.CONSTRUCTORS[name].arguments, args, strict=True)
        ]
        return f"({name} {' '.join(parts)})" if parts else f"({name})"

    def _class(self, sort: str, number: int) -> str:
        if sort == "Tok":
            return f"history{number}"
        if sort == "Val":
            inner = [n for n in self.trace.classes.get(number, ()) if n[0].startswith("val.")]
            return self._class(inner[0][0][4:], inner[0][1][0]) if inner else f"value{number}"
        return self.forms.class_text(number)


_CONSTANT_SORTS: Final = {0x41: "I32", 0x42: "I64", 0x43: "F32", 0x44: "F64", 0xFD000C: "V128"}
