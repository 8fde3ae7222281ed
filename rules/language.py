"""The rule language: rows of Python that become egglog commands, proof obligations and pages.

A family is a module of decorated generator functions. The parameters are the rule variables, their
annotations say what each one is, and every row is ``name, left, right, guard...``::

    @rules("i32", "i64")
    def strength(x: V, c: K) -> Rows:
        yield "mul-pow2", x * c, x.shl(log2(c)), is_pow2(c)

The function runs once for each width and gives ``i32/mul-pow2`` and ``i64/mul-pow2``. Annotations:
``V`` a value and ``K`` a constant of the schema's width; ``I32 I64 F32 F64 V128`` a value and
``K32 K64`` a constant of a fixed one; ``N`` a plain immediate (offset, size); ``Tok`` a history and
``Val`` a value on its way into a space. The module using it must say ``from __future__ import
annotations``: the annotations are read as text.

Nothing here imports egglog or a solver: a term is its text. What the text means, and whether both
sides agree, is ``verify/``'s business, which reads the emitted text and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .signature import CONSTRUCTORS, RULESETS
from .terms import K, N, Tok, V, Val

Kind: TypeAlias = Literal["algebraic", "effect", "analysis", "fold"]


class RuleError(Exception):
    """A rule file that cannot be used: ``path``, 1-based ``line`` and ``message``."""

    def __init__(self, path: str, line: int, message: str) -> None:
        """Keep the three parts beside the readable whole."""
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.message = message


class UnknownRule(RuleError):
    """A name or glob that means no rule."""

    def __init__(self, name: str) -> None:
        """Say which name, as no file is to blame."""
        Exception.__init__(self, f"no rule is called '{name}'")
        self.path, self.line, self.message = "", 0, str(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """One emitted rule.

    ``facts`` is the query, ``actions`` what a match does; ``text`` is the egglog command that is
    loaded and proven. ``left`` and ``right`` are the two terms of a rewrite (both empty when the
    rule is not one).
    """

    name: str
    family: str
    kind: Kind
    ruleset: str
    left: str
    right: str
    facts: tuple[str, ...]
    actions: tuple[str, ...]
    text: str
    path: str
    line: int

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """The variables that a match binds, each with its sort, in order of appearance."""
        from .variables import variables

        return variables((self.left, *self.facts) if self.left else self.facts)

    @property
    def source(self) -> str:
        """Where the row stands: ``path:line``."""
        return f"{self.path}:{self.line}"

    @property
    def guard(self) -> str:
        """The conditions of the rule beside its left side, readable."""
        from .pretty import readable

        return ", ".join(readable(fact) for fact in self.facts)

    @property
    def equation(self) -> str:
        """``left → right`` in readable form (``x * c → x << log2(c)``)."""
        from .pretty import readable

        if self.left:
            return f"{readable(self.left)} → {readable(self.right)}"
        return " ".join(readable(action) for action in self.actions)

    def traced(self, number: int) -> tuple[str, str]:
        """Return declaration and rule that also record each match of a rewrite.

        The row is ``(app.<number> class variable...)``: this rule fired in that class with that
        substitution. ``ValueError`` for a rule that is not a rewrite.
        """
        if not self.left:
            raise ValueError(f"{self.name} is not a rewrite")
        bound = self.variables
        sort = root_sort(self.left if self.left[0] == "(" else self.right)
        sorts = " ".join([sort, *(kind for _, kind in bound)])
        names = " ".join(["e__", *(name for name, _ in bound)])
        facts = " ".join([f"(= e__ {self.left})", *self.facts])
        return (
            f"(relation app.{number} ({sorts}))",
            f"(rule ({facts}) ((union e__ {self.right}) (app.{number} {names})) "
            f':ruleset {self.ruleset} :name "{self.name}")',
        )


def root_sort(term: str) -> str:
    """Return the sort of a term's text, read off its constructor."""
    return CONSTRUCTORS[term[1:].partition(" ")[0].rstrip(")")].result


Guard: TypeAlias = str | tuple[str, ...]
Row: TypeAlias = tuple[object, ...]
Rows: TypeAlias = Iterator[Row]


@dataclass(frozen=True, slots=True)
class Learns:
    """What an analysis row learns about its left side: known zero and known one bits."""

    zeros: K | None = None
    ones: K | None = None


def zeros(x: V, mask: K) -> str:
    """The fact that the bits ``mask`` of x are known to be 0 (binds mask)."""
    return f"(= {mask.text} (kz.{x.sort} {x.text}))"


def ones(x: V, mask: K) -> str:
    """The fact that the bits ``mask`` of x are known to be 1 (binds mask)."""
    return f"(= {mask.text} (ko.{x.sort} {x.text}))"


@dataclass(frozen=True, slots=True)
class Schema:
    """One decorated function: where its rows come from and how they are made into rules."""

    function: Callable[..., Rows]
    widths: tuple[str, ...]
    ruleset: str
    kind: Kind

    def expand(self, family: str) -> Iterator[Rule]:
        """Yield the rules of every row for every width."""
        code = self.function.__code__
        names = code.co_varnames[: code.co_argcount]
        annotations = [self.function.__annotations__.get(name) for name in names]
        for width in self.widths or ("",):
            rows = self.function(*map(_variable, names, annotations, (width,) * len(names)))
            prefix = f"{width}/" if width else ""
            for row in rows:
                frame = getattr(rows, "gi_frame", None)
                line = frame.f_lineno if frame is not None else code.co_firstlineno
                yield _rule(self, family, prefix, row, code.co_filename, line)


def _variable(name: str, annotation: object, width: str) -> object:
    """The rule variable that a parameter stands for."""
    match annotation:
        case "V" if width:
            return V(name, width.upper())
        case "K" if width:
            return K(name, int(width[1:]))
        case "I32" | "I64" | "F32" | "F64" | "V128":
            return V(name, annotation)
        case "K32" | "K64":
            return K(name, int(annotation[1:]))
        case "N":
            return N(name)
        case "Tok":
            return Tok(name)
        case "Val":
            return Val(name)
        case _:
            raise TypeError(f"parameter {name}: {annotation!r} is no kind of rule variable")


def _rule(schema: Schema, family: str, prefix: str, row: Row, path: str, line: int) -> Rule:
    """Make the rule of one row; ``RuleError`` where the row is malformed."""
    if len(row) < 3 or not isinstance(row[0], str) or not isinstance(row[1], V | Tok):
        raise RuleError(path, line, "a row is: name, left, right, guard...")
    name, left = prefix + row[0], row[1]
    facts: tuple[str, ...] = ()
    for guard in row[3:]:
        match guard:
            case str():
                facts += (guard,)
            case tuple():
                facts += guard
            case _:
                raise RuleError(path, line, f"{name}: {guard!r} is no condition")
    match row[2]:
        case Learns() as learnt if isinstance(left, V):
            facts, actions = _learning(left, learnt, facts)
            sides = ("", "")
        case V() | Tok() as right:
            actions, sides = (f"(union {left.text} {right.text})",), (left.text, right.text)
        case K() | int() as value if isinstance(left, V):
            right = left.of(value)
            actions, sides = (f"(union {left.text} {right.text})",), (left.text, right.text)
        case other:
            raise RuleError(path, line, f"{name}: {other!r} is no term")
    text = _text(*sides, facts, actions, f':ruleset {schema.ruleset} :name "{name}")')
    return Rule(
        *(name, family, schema.kind, schema.ruleset, *sides, facts, actions, text, path, line)
    )


def _learning(
    left: V, learnt: Learns, facts: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Query and actions of an analysis row."""
    masks = ((f"kz.{left.sort}", learnt.zeros), (f"ko.{left.sort}", learnt.ones))
    actions = tuple(f"(set ({table} e__) {mask.text})" for table, mask in masks if mask is not None)
    return (f"(= e__ {left.text})", *facts), actions


def _text(
    left: str, right: str, facts: tuple[str, ...], actions: tuple[str, ...], tail: str
) -> str:
    """The egglog command: a rewrite where there is a term to rewrite, else a rule."""
    if left and left[0] == "(":
        when = f" :when ({' '.join(facts)})" if facts else ""
        return f"(rewrite {left} {right}{when} {tail}"
    return f"(rule ({' '.join(facts)}) ({' '.join(actions)}) {tail}"


def rules(
    *widths: str, ruleset: str = "opt", kind: Kind = "algebraic"
) -> Callable[[Callable[..., Rows]], Schema]:
    """Declare a function of rows, run once for each of ``widths`` (``"i32"``, ``"i64"``)."""
    if ruleset not in RULESETS:
        raise ValueError(f"{ruleset!r} is no rule set; one of {', '.join(RULESETS)}")

    def declare(function: Callable[..., Rows]) -> Schema:
        return Schema(function, widths, ruleset, kind)

    return declare


def family_rules(name: str, namespace: dict[str, object]) -> list[Rule]:
    """Return the rules of every schema in a module's namespace, in order of definition."""
    family = name.rpartition(".")[2]
    return [
        rule
        for value in namespace.values()
        if isinstance(value, Schema)
        for rule in value.expand(family)
    ]
