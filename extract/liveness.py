"""How long values live in the original program, for the price of using one later than that.

Time is the number of a skeleton node in program order. A value is born at the node that makes or
first needs it; it lives until its last use, or until the end of a loop that it is used in and
was not born in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..ir.graph import Anchor, Block, Function, If, Loop, Node, Value, operands


@dataclass(slots=True)
class Lifetimes:
    """Birth, last use and number of uses of every value, by id."""

    birth: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    uses: dict[int, int] = field(default_factory=dict)
    _start: list[int] = field(default_factory=list)
    _end: list[int] = field(default_factory=list)
    _parent: list[int] = field(default_factory=list)
    _inner: list[int] = field(default_factory=list)
    """Innermost loop at each time, -1 for none."""

    def lives(self, value: int, time: int) -> bool:
        """Tell whether the original program still needs a value at a time."""
        return self.last.get(value, -1) >= time


def lifetimes(function: Function, values: Sequence[Value]) -> Lifetimes:
    """Measure the lifetimes of `values`, which come operands first."""
    found = Lifetimes()
    roots: list[tuple[Value, int]] = []
    _scan(function.body, -1, found, roots)
    for argument in function.arguments:
        found.birth[argument.id] = -1
    uses = found.uses
    for value in reversed(values):
        for operand in value.args:
            uses[operand.id] = uses.get(operand.id, 0) + 1
    for value, _ in roots:
        uses[value.id] = uses.get(value.id, 0) + 1
    _births(found, roots)
    _last_uses(found, values, roots)
    return found


def _scan(
    nodes: Sequence[Node], loop: int, found: Lifetimes, roots: list[tuple[Value, int]]
) -> None:
    """Number the nodes; note uses and loops."""
    birth = found.birth
    for node in nodes:
        time = len(found._inner)
        found._inner.append(loop)
        roots += [(value, time) for value in operands(node)]
        match node:
            case Anchor():
                for value in node.results:
                    birth[value.id] = time
            case Block():
                _scan(node.body, loop, found, roots)
                _born(found, node.label.params)
            case If():
                _scan(node.then, loop, found, roots)
                _scan(node.orelse, loop, found, roots)
                _born(found, node.label.params)
            case Loop():
                for value in node.label.params:
                    birth[value.id] = time
                inner = len(found._start)
                found._start.append(time)
                found._end.append(time)
                found._parent.append(loop)
                _scan(node.body, inner, found, roots)
                found._end[inner] = len(found._inner) - 1
            case _:
                pass


def _born(found: Lifetimes, params: Sequence[Value]) -> None:
    time = len(found._inner)
    for value in params:
        found.birth[value.id] = time


def _births(found: Lifetimes, roots: Sequence[tuple[Value, int]]) -> None:
    """Give pure values the time of the first node that needs them."""
    birth = found.birth
    for root, time in roots:
        if root.id in birth:
            continue
        birth[root.id] = time
        work = [root]
        while work:
            for operand in work.pop().args:
                if operand.id not in birth:
                    birth[operand.id] = time
                    work.append(operand)


def _last_uses(
    found: Lifetimes, values: Sequence[Value], roots: Sequence[tuple[Value, int]]
) -> None:
    birth, last = found.birth, found.last

    def use(value: Value, time: int) -> None:
        born = birth[value.id]
        until = time
        loop = found._inner[time] if 0 <= time < len(found._inner) else -1
        while loop >= 0 and found._start[loop] > born:
            until = found._end[loop]
            loop = found._parent[loop]
        if until > last.get(value.id, -1):
            last[value.id] = until

    for root, time in roots:
        use(root, time)
    for value in values:
        for operand in value.args:
            use(operand, birth[value.id])
