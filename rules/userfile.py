"""Rules of the user: ``.py`` files in the rule language, ``.egg`` files of rewrites and rules.

Both give ordinary rules, which are proven like any other before they are loaded. A file that
cannot be read as rules raises ``RuleError`` with its path and line.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .language import Rule, RuleError, family_rules
from .signature import RULESETS

_NAME: Final = re.compile(r':name "([^"]*)"')
_RULESET: Final = re.compile(r":ruleset (\S+?)[\s)]")
_TOKEN: Final = re.compile(r'"[^"]*"|;[^\n]*|[()]|\n|[^\s()";]+')


def read(path: Path) -> list[Rule]:
    """Return the rules of a file, by its suffix; ``RuleError`` if it has none or cannot be read."""
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RuleError(str(path), 1, "not a text file") from None
    rules = list(_egg(path, source)) if path.suffix == ".egg" else _python(path, source)
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
    except Exception as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(path)
        ]
        line = lines[-1] if lines and lines[-1] is not None else 1
        raise RuleError(str(path), line, f"{type(error).__name__}: {error}") from error


def _egg(path: Path, source: str) -> Iterator[Rule]:
    """Yield the rewrite and rule commands of egglog text."""
    for line, tokens in _commands(path, source):
        text = _joined(tokens)
        head = tokens[1] if len(tokens) > 1 else ""
        if head not in ("rewrite", "rule"):
            raise RuleError(str(path), line, f"only rewrite and rule commands, not {head or '()'}")
        name = _NAME.search(text)
        if name is None:
            text = f'{text[:-1]} :name "{path.stem}:{line}")'
        ruleset = _RULESET.search(text)
        if ruleset is None:
            text = f"{text[:-1]} :ruleset opt)"
        elif ruleset[1] not in RULESETS:
            choices = ", ".join(RULESETS)
            raise RuleError(str(path), line, f"unknown rule set {ruleset[1]}; one of {choices}")
        left, right = _sides(tokens)
        yield Rule(
            name=name[1] if name else f"{path.stem}:{line}",
            family=path.stem,
            kind="algebraic",
            ruleset=ruleset[1] if ruleset else "opt",
            left=left,
            right=right,
            facts=(),
            actions=(),
            text=text,
            path=str(path),
            line=line,
        )


def _sides(tokens: list[str]) -> tuple[str, str]:
    """Return left and right side of a rewrite for display; empty for a rule."""
    if tokens[1] != "rewrite":
        return "", ""
    parts: list[str] = []
    depth, start = 0, 2
    for position in range(2, len(tokens)):
        depth += (tokens[position] == "(") - (tokens[position] == ")")
        if depth == 0:
            parts.append(_joined(tokens[start : position + 1]))
            start = position + 1
        if len(parts) == 2:
            return parts[0], parts[1]
    return "", ""


def _commands(path: Path, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the top-level commands as (line, tokens)."""
    depth, line, start = 0, 1, 1
    tokens: list[str] = []
    for token in _TOKEN.findall(source):
        if token == "\n":
            line += 1
        if token == "\n" or token[0] == ";":
            continue
        if depth == 0:
            start = line
            if token != "(":
                raise RuleError(str(path), line, f"{token!r} outside a command")
        tokens.append(token)
        depth += (token == "(") - (token == ")")
        if depth == 0:
            yield start, tokens
            tokens = []
    if depth:
        raise RuleError(str(path), start, "a command is not closed")


def _joined(tokens: list[str]) -> str:
    """One line of text again, with single spaces."""
    return " ".join(tokens).replace("( ", "(").replace(" )", ")")
