"""Rules of the user: ``.py`` files in the rule language, ``.egg`` files of rewrites and rules.

Both give ordinary rules, which are proven like any other before they are loaded. A ``.py`` file is
a program of the user's and is run; an ``.egg`` file comes from anywhere and is only read. A file
that cannot be read as rules raises ``RuleError`` with its path and line.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .language import Rule, RuleError, family_rules
from .pretty import Tree, flat
from .signature import RULESETS

LARGEST: Final = 1 << 20
"""Bytes of a rule file: all of ours together have a tenth of that."""
DEEPEST: Final = 100
"""Levels of parentheses in one command."""

_TOKEN: Final = re.compile(r'\s+|("[^"\n]*"|;[^\n]*|[()]|[^\s()";]+)')
_NAME: Final = re.compile(r"[!-~]{1,100}")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")


def read(path: Path) -> list[Rule]:
    """Return the rules of a file, by its suffix.

    Raises ``RuleError`` if it has none or cannot be read as rules, ``OSError`` if not at all.
    """
    if path.suffix not in (".py", ".egg"):
        raise RuleError(str(path), 1, "a file of rules is called .py or .egg")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise RuleError(str(path), 1, f"longer than {LARGEST} bytes")
    try:
        source = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RuleError(str(path), line, "not UTF-8 text") from None
    if path.suffix == ".egg":
        return read_egg(path, source)
    return _some(path, _python(path, source))


def read_egg(path: Path, source: str) -> list[Rule]:
    """Return the rules in egglog text; `path` is named in errors. ``RuleError`` as in `read`."""
    return _some(path, list(_egg(path, source)))


def _some(path: Path, rules: list[Rule]) -> list[Rule]:
    if not rules:
        raise RuleError(str(path), 1, "the file has no rules")
    return rules


def _python(path: Path, source: str) -> list[Rule]:
    """Run a rule module (it is a program of the user's) and collect its rules."""
    namespace: dict[str, object] = {"__name__": path.stem, "__file__": str(path)}
    try:
        exec(compile(source, str(path), "exec"), namespace)
        return family_rules(path.stem, namespace)
    except RuleError:
        raise
    except SyntaxError as error:
        raise RuleError(str(path), error.lineno or 1, error.msg) from None
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(path)
        ]
        line = lines[-1] if lines and lines[-1] is not None else 1
        raise RuleError(str(path), line, f"{type(error).__name__}: {error}") from error


def _egg(path: Path, source: str) -> Iterator[Rule]:
    """Yield the rewrite and rule commands of egglog text."""
    for line, command in _commands(path, source):
        head = command[0] if command else "()"
        if head not in ("rewrite", "rule"):
            shown = head[:40] if isinstance(head, str) else "a list"
            raise RuleError(str(path), line, f"only rewrite and rule commands, not {shown}")
        if len(command) < 3:
            raise RuleError(str(path), line, f"a {head} has two sides")
        options = _options(path, line, command[3:])
        name = options.get(":name")
        if name is None:
            name = f"{path.stem}:{line}"
            command += [":name", f'"{name}"']
        ruleset = options.get(":ruleset")
        if ruleset is None:
            ruleset = "opt"
            command += [":ruleset", ruleset]
        elif ruleset not in RULESETS:
            choices = ", ".join(RULESETS)
            raise RuleError(
                str(path), line, f"unknown rule set {_short(ruleset)}; one of {choices}"
            )
        assert isinstance(name, str)
        assert isinstance(ruleset, str)
        name = name.strip('"')
        if _NAME.fullmatch(name) is None:
            raise RuleError(str(path), line, f"{name[:40]!r} is no name for a rule")
        sides = (flat(command[1]), flat(command[2])) if head == "rewrite" else ("", "")
        facts, actions = (options.get(":when", []), []) if sides[0] else command[1:3]
        yield Rule(
            *(name, path.stem, "algebraic", ruleset, *sides, _flat(facts), _flat(actions)),
            text=flat(command),
            path=str(path),
            line=line,
        )


def _options(path: Path, line: int, rest: list[Tree]) -> dict[str, Tree]:
    """Read what follows the sides; the prover has the last word on it."""
    found: dict[str, Tree] = {}
    keys = iter(rest)
    for key in keys:
        if not isinstance(key, str) or key in found:
            raise RuleError(str(path), line, f"an option is expected, not {_short(key)}")
        found[key] = next(keys, "") if key != ":subsume" else ""
    return found


def _flat(nodes: Tree) -> tuple[str, ...]:
    """The texts of a list of facts or actions; none of what is no list."""
    return () if isinstance(nodes, str) else tuple(map(flat, nodes))


def _short(node: Tree) -> str:
    return flat(node)[:40]


def _commands(path: Path, source: str) -> Iterator[tuple[int, list[Tree]]]:
    """Yield the top-level commands with their lines."""
    line, start, position = 1, 1, 0
    stack: list[list[Tree]] = []
    while position < len(source):
        found = _TOKEN.match(source, position)
        if found is None:
            raise RuleError(str(path), line, "a string is not closed")
        position = found.end()
        token = found[1]
        line += found[0].count("\n")
        if token is None or token[0] == ";":
            continue
        if not stack:
            start = line
            if token != "(":
                raise RuleError(str(path), line, f"{token[:40]!r} outside a command")
        if token == "(":
            if len(stack) == DEEPEST:
                raise RuleError(str(path), line, f"more than {DEEPEST} levels of parentheses")
            stack.append([])
        elif token == ")":
            done = stack.pop()
            if stack:
                stack[-1].append(done)
            else:
                yield start, done
        else:
            _check(path, line, token)
            stack[-1].append(token)
    if stack:
        raise RuleError(str(path), start, "a command is not closed")


def _check(path: Path, line: int, token: str) -> None:
    """Refuse words that no rule has: what is not printable, and numbers beyond 64 bits."""
    if not token.isascii() or not token.isprintable():
        raise RuleError(str(path), line, f"{token[:40]!r} is no word of a rule")
    if _INTEGER.fullmatch(token) and (len(token) > 20 or not -1 << 63 <= int(token) < 1 << 63):
        raise RuleError(str(path), line, f"{token[:40]} has more than 64 bits")
