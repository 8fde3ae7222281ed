"""Reader of emitted rule text: one egglog command to a query and actions.

The prover works on the text that the engine loads and on nothing else, so this reader, like the
table of sorts beside it (``rules_terms.py``), is written apart from the rooms that emit the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Sexp: TypeAlias = "str | list[Sexp]"

_TOKEN: Final = re.compile(r'\s+|("[^"]*"|[()]|;[^\n]*|[^\s()";]+)')
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}")
_VARIABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LITERALS: Final = frozenset(("true", "false", "inf", "infinity", "nan"))
"""What the engine reads as a value of its own, not as a variable."""
DEEPEST: Final = 200
"""Levels of parentheses in a rule: terms of people have a dozen, and readers are recursive."""


class UnreadableRule(Exception):
    """Text that is no rule this prover understands; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Command:
    """A rule: its name, the facts of its query and its actions. A rewrite is read as a rule."""

    name: str
    facts: tuple[Sexp, ...]
    actions: tuple[Sexp, ...]


def read(text: str) -> Sexp:
    """Read exactly one s-expression; ``UnreadableRule`` otherwise."""
    stack: list[list[Sexp]] = [[]]
    for token in _tokens(text):
        if token == "(":
            if len(stack) > DEEPEST:
                raise UnreadableRule(f"more than {DEEPEST} levels of parentheses")
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise UnreadableRule("a parenthesis closes that was never opened")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise UnreadableRule("the text is not one complete command")
    return stack[0][0]


def _tokens(text: str) -> Iterator[str]:
    """Yield the tokens of a text without comments."""
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise UnreadableRule("a string is not closed")
        position = found.end()
        token = found[1]
        if token is not None and token[0] != ";":
            yield token


def command(text: str) -> Command:
    """Read a ``rewrite`` or ``rule`` command whose words mean here what they mean in the engine."""
    found = _command(text)
    for part in (*found.facts, *found.actions):
        _check_atoms(part)
    return found


def _check_atoms(tree: Sexp) -> None:
    """Refuse what the engine reads in another way: ``_`` is a new variable each time it stands."""
    for part in tree[1:]:
        if not isinstance(part, str):
            _check_atoms(part)
        elif not is_number(part) and (
            _VARIABLE.fullmatch(part) is None or part.lower() in _LITERALS
        ):
            raise UnreadableRule(f"{part[:40]!r} is neither a variable nor an integer of 64 bits")


def _command(text: str) -> Command:
    tree = read(text)
    if not isinstance(tree, list) or len(tree) < 3:
        raise UnreadableRule("not a command")
    options = _options(tree[3:], rewrite=tree[0] == "rewrite")
    name = options.get(":name", '""')
    if not isinstance(name, str):
        raise UnreadableRule("the name is no string")
    match tree[0]:
        case "rewrite":
            when = options.get(":when", [])
            if not isinstance(when, list):
                raise UnreadableRule(":when takes a list of facts")
            root = _fresh(tree)
            facts: list[Sexp] = [["=", root, tree[1]], *when]
            return Command(name.strip('"'), tuple(facts), (["union", root, tree[2]],))
        case "rule":
            query, actions = tree[1], tree[2]
            if not isinstance(query, list) or not isinstance(actions, list):
                raise UnreadableRule("a rule takes a list of facts and a list of actions")
            if ":when" in options:
                raise UnreadableRule("a rule has no :when")
            return Command(name.strip('"'), tuple(query), tuple(actions))
        case other:
            raise UnreadableRule(f"{other!r} is neither rewrite nor rule")


def _options(rest: list[Sexp], *, rewrite: bool) -> dict[str, Sexp]:
    options: dict[str, Sexp] = {}
    position = 0
    while position < len(rest):
        key = rest[position]
        if key == ":subsume" and rewrite:
            position += 1
            continue
        if not isinstance(key, str) or key not in (":when", ":ruleset", ":name"):
            raise UnreadableRule(f"unknown option {key!r}")
        if key in options:
            raise UnreadableRule(f"{key} twice")
        if position + 1 >= len(rest):
            raise UnreadableRule(f"{key} without a value")
        options[key] = rest[position + 1]
        position += 2
    return options


def _fresh(tree: Sexp) -> str:
    """A variable name that does not occur in the tree."""
    used = set(atoms(tree))
    name = "root"
    while name in used:
        name += "_"
    return name


def atoms(tree: Sexp) -> list[str]:
    """Every atom of the tree, in order."""
    if isinstance(tree, str):
        return [tree]
    return [atom for part in tree for atom in atoms(part)]


def is_variable(atom: str) -> bool:
    """Whether an atom in operand position is a variable (and not a number or a string)."""
    return not is_number(atom) and atom[0] not in '":'


def is_number(atom: str) -> bool:
    """Whether an atom is an integer literal of the engine's."""
    return _NUMBER.fullmatch(atom) is not None and -1 << 63 <= int(atom) < 1 << 63


def substitute(tree: Sexp, values: dict[str, str]) -> Sexp:
    """Replace variables in operand position by literals."""
    if isinstance(tree, str):
        return values.get(tree, tree)
    return [tree[0], *(substitute(part, values) for part in tree[1:])] if tree else tree


def show(tree: Sexp) -> str:
    """The text of a tree again."""
    return tree if isinstance(tree, str) else f"({' '.join(show(part) for part in tree)})"
