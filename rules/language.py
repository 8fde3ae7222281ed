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


@dataclass(frozen=True, slots=True)
class Rule:
    """One emitted rule.

    ``facts`` is the query, ``actions`` what a match does; ``text`` is the egglog command that is
    loaded and proven. ``left`` and ``right`` are the two terms of a rewrite (both empty when the
    rule is not one). ``variables`` are the names to record with a match, each with its sort.
    """

    name: str
    family: str
    kind: Kind
    ruleset: str
    left: str
    right: str
    facts: tuple[str, ...]
    actions: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    text: str
    path: str
    line: int

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
        sort = root_sort(self.left if self.left[0] == "(" else self.right)
        sorts = " ".join([sort, *(kind for _, kind in self.variables)])
        names = " ".join(["e__", *(name for name, _ in self.variables)])
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
            variables: list[tuple[str, str]] = []
            arguments: list[object] = []
            for name, annotation in zip(names, annotations, strict=True):
                argument, sort = _variable(name, annotation, width)
                arguments.append(argument)
                variables.append((name, sort))
            rows = self.function(*arguments)
            prefix = f"{width}/" if width else ""
            for row in rows:
                frame = getattr(rows, "gi_frame", None)
                line = frame.f_lineno if frame is not None else code.co_firstlineno
                yield _rule(self, family, prefix, row, variables, code.co_filename, line)


def _variable(name: str, annotation: object, width: str) -> tuple[object, str]:
    match annotation:
        case "V" if width:
            return V(name, width.upper()), width.upper()
        case "K" if width:
            return K(name, int(width[1:])), "i64"
        case "I32" | "I64" | "F32" | "F64" | "V128":
            return V(name, annotation), annotation
        case "K32" | "K64":
            return K(name, int(annotation[1:])), "i64"
        case "N":
            return N(name), "i64"
        case "Tok":
            return Tok(name), "Tok"
        case "Val":
            return Val(name), "Val"
        case _:
            raise TypeError(f"parameter {name}: {annotation!r} is no kind of rule variable")


def _rule(
    schema: Schema,
    family: str,
    prefix: str,
    row: Row,
    variables: list[tuple[str, str]],
    path: str,
    line: int,
) -> Rule:
    """Make the rule of one row; ``RuleError`` where the row is malformed."""
    if len(row) < 3 or not isinstance(row[0], str) or not isinstance(row[1], V | Tok):
        raise RuleError(path, line, "a row is: name, left, right, guard...")
    name = prefix + row[0]
    left = row[1].text
    facts: list[str] = []
    for guard in row[3:]:
        match guard:
            case str():
                facts.append(guard)
            case tuple():
                facts.extend(guard)
            case _:
                raise RuleError(path, line, f"{name}: {guard!r} is no condition")
    tail = f':ruleset {schema.ruleset} :name "{name}")'
    sort = row[1].sort if isinstance(row[1], V) else "Tok"
    match row[2]:
        case Learns(zeros=z, ones=o):
            pairs = [(f"kz.{sort}", z), (f"ko.{sort}", o)]
            actions = tuple(f"(set ({table} e__) {k.text})" for table, k in pairs if k is not None)
            query = (f"(= e__ {left})", *facts) if left[0] == "(" else tuple(facts)
            if left[0] != "(":
                actions = tuple(action.replace("e__", left) for action in actions)
            text = f"(rule ({' '.join(query)}) ({' '.join(actions)}) {tail}"
            return Rule(
                *(name, family, schema.kind, schema.ruleset, "", "", query, actions, ()),
                *(text, path, line),
            )
        case V() | Tok() as term:
            right = term.text
        case K() | int() as value if isinstance(row[1], V):
            right = row[1].of(value).text
        case other:
            raise RuleError(path, line, f"{name}: {other!r} is no term")
    if left[0] == "(":
        when = f" :when ({' '.join(facts)})" if facts else ""
        text = f"(rewrite {left} {right}{when} {tail}"
    else:
        text = f"(rule ({' '.join(facts)}) ((union {left} {right})) {tail}"
    used = _used([left, *facts], variables)
    return Rule(
        *(name, family, schema.kind, schema.ruleset, left, right, tuple(facts)),
        *((f"(union {left} {right})",), used, text, path, line),
    )


def _used(texts: list[str], variables: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the variables that occur in the texts."""
    words = set(" ".join(texts).replace("(", " ").replace(")", " ").split())
    return tuple(pair for pair in variables if pair[0] in words)


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
