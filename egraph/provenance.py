"""Why a class holds what it holds: which rule matched where, with which substitution.

Recorded only by an engine whose rules say so (`RuleBook.traced_lines`), for the explorer. Classes
of values have the numbers of the `Saturation` read together with the trace; histories and values
on their way into a space get numbers of their own above those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..rules import signature
from ..rules.language import Rule
from ..rules.pretty import Tree

if TYPE_CHECKING:
    from egglog.bindings import FrozenFunction, FrozenRow
    from egglog.bindings import Value as Key

__all__ = ["Application", "Trace", "TraceNode"]

TraceNode: TypeAlias = "tuple[str, tuple[int, ...]]"
"""A constructor and its arguments: classes, or immediates where the signature says `i64`."""

MASK: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Application:
    """A match of a rewrite in a class: its variables are bound to classes or integers."""

    rule: Rule
    number: int
    bound: Mapping[str, int]


@dataclass(slots=True)
class Trace:
    """The matches of one saturated batch, by class.

    Attributes:
        rules: the rules in the order in which they were registered.
        classes: nodes by class, as the tables hold them.
        applications: matches by class.
        given: nodes that the program itself makes equal: a load is the value that was loaded.
    """

    rules: Sequence[Rule]
    classes: dict[int, list[TraceNode]] = field(default_factory=dict)
    applications: dict[int, list[Application]] = field(default_factory=dict)
    given: list[tuple[TraceNode, ...]] = field(default_factory=list)
    _class_of: dict[TraceNode, int] = field(default_factory=dict)
    _ids: dict[str, dict[Any, int]] = field(default_factory=dict)
    _next: int = 0

    def read(
        self,
        tables: Mapping[str, FrozenFunction],
        number: Callable[[Key], int],
        by_sort: Mapping[str, Mapping[Key, int]],
    ) -> None:
        """Read frozen tables; `number` gives egglog integers, `by_sort` the classes of values."""
        self._ids = {sort: dict(known) for sort, known in by_sort.items()}
        self._next = 1 + max((max(k.values()) for k in by_sort.values() if k), default=-1)
        for name, row in signature.CONSTRUCTORS.items():
            table = tables.get(name)
            for entry in () if table is None else table.rows:
                self._node(name, row, entry, number)
        for position, rule in enumerate(self.rules):
            table = tables.get(f"app.{position}")
            if table is not None and table.rows:
                self._matches(position, rule, table, number)
        self._given(tables, number)

    def instance(self, term: Tree, bound: Mapping[str, int]) -> TraceNode | int | None:
        """A term of a rule under a substitution.

        Gives a node for an operation, a class or integer for a variable or expression, None where
        an operand is not (any more) in the tables.
        """
        if isinstance(term, str):
            found = bound.get(term)
            return found if found is not None else _literal(term)
        head = term[0]
        assert isinstance(head, str)
        arguments: list[int] = []
        for one in term[1:]:
            part = self.instance(one, bound)
            number = self._class_of.get(part) if isinstance(part, tuple) else part
            if number is None:
                return None
            arguments.append(number)
        if head in signature.CONSTRUCTORS:
            return head, tuple(arguments)
        return _primitive(head, arguments)

    def _node(
        self,
        name: str,
        row: signature.Constructor,
        entry: FrozenRow,
        number: Callable[[Key], int],
    ) -> None:
        arguments = tuple(
            number(key) if sort == signature.INTEGER else self._id(sort, key)
            for sort, key in zip(row.arguments, entry.inputs, strict=True)
        )
        node = name, arguments
        found = self._id(row.result, entry.output)
        self._class_of[node] = found
        self.classes.setdefault(found, []).append(node)

    def _id(self, sort: str, key: Key) -> int:
        known = self._ids.setdefault(sort, {})
        found = known.get(key)
        if found is None:
            found = known[key] = self._next
            self._next += 1
        return found

    def _matches(
        self, position: int, rule: Rule, table: FrozenFunction, number: Callable[[Key], int]
    ) -> None:
        sort = _root_sort(rule)
        variables = rule.variables
        found = []
        for entry in table.rows:
            bound = {
                name: number(key) if kind == signature.INTEGER else self._id(kind, key)
                for (name, kind), key in zip(variables, entry.inputs[1:], strict=True)
            }
            found.append((self._id(sort, entry.inputs[0]), bound))
        found.sort(key=lambda one: (one[0], tuple(one[1].values())))
        for at, bound in found:
            self.applications.setdefault(at, []).append(Application(rule, position, bound))

    def _given(self, tables: Mapping[str, FrozenFunction], number: Callable[[Key], int]) -> None:
        """Group the input rows of one value: each is a way to say what it is."""
        value: dict[tuple[str, int], int] = {}
        for sort in signature.SORTS:
            table = tables.get(f"n.{sort}")
            for entry in () if table is None else table.rows:
                value[sort, number(entry.inputs[0])] = self._id(sort, entry.output)
        groups: dict[tuple[str, int], list[TraceNode]] = {}
        for name, row in signature.CONSTRUCTORS.items():
            table = tables.get(f"+{name}")
            for entry in () if table is None else table.rows:
                columns = [number(key) for key in entry.inputs]
                arguments = tuple(
                    column if sort == signature.INTEGER else value[sort, column]
                    for sort, column in zip(row.arguments, columns[1:], strict=True)
                )
                groups.setdefault((row.result, columns[0]), []).append((name, arguments))
        self.given = [tuple(sorted(nodes)) for _, nodes in sorted(groups.items()) if len(nodes) > 1]


def _root_sort(rule: Rule) -> str:
    from ..rules.language import root_sort

    return root_sort(rule.left if rule.left[0] == "(" else rule.right)


def _literal(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdigit() else None


_BINARY: Final[Mapping[str, Callable[[int, int], int | None]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b if 0 <= b < 64 else None,
    ">>": lambda a, b: a >> b if 0 <= b < 64 else None,
    "%": lambda a, b: a % b if a >= 0 and b > 0 else None,
    "min": min,
    "max": max,
}
_UNARY: Final[Mapping[str, Callable[[int], int | None]]] = {
    "not-i64": lambda a: ~a,
    "log2": lambda a: a.bit_length() - 1 if a > 0 else None,
}


def _primitive(name: str, operands: Sequence[int]) -> int | None:
    """The value of an integer expression, as egglog computes it; None for what is not one."""
    value: int | None = None
    if len(operands) == 2 and name in _BINARY:
        value = _BINARY[name](*operands)
    elif len(operands) == 1 and name in _UNARY:
        value = _UNARY[name](*operands)
    return None if value is None else signature.signed(value & MASK, 64)
