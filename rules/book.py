"""The rule book: the rules that are proven, in loading order.

Built-in rules are proven in maintenance; ``proofs.lock`` beside this file records the hash of each
proven text, and a rule whose text is not in it is not loaded. Rules of a user are proven when they
are read, by the callback the caller gives: this room knows no solver.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol

from .fold import asking
from .language import Rule, RuleError, UnknownRule, family_rules
from .signature import header

FAMILIES: Final = (*("fold", "arithmetic", "bits", "compare", "select", "memory", "analysis"),)
"""The modules of rows, in the order in which their rules are loaded."""

LOCK: Final = Path(__file__).with_name("proofs.lock")
_HASH: Final = re.compile(r'"hash": "([0-9a-f]{64})"')


class Proof(Protocol):
    """What the callback of ``load`` answers; ``verify.rules.RuleProof`` is one."""

    @property
    def status(self) -> str:
        """``proven``, ``refuted`` or ``unknown``."""

    @property
    def goal(self) -> str:
        """The obligation that failed."""

    @property
    def reason(self) -> str:
        """Why nothing is known, or more about the refutation."""

    @property
    def counterexample(self) -> tuple[str, ...]:
        """Values of the rule's variables."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Proven rules in loading order, and the built-in ones the lock does not cover."""

    rules: tuple[Rule, ...]
    unproven: tuple[Rule, ...] = ()

    def without(self, globs: Sequence[str]) -> RuleBook:
        """Return the book without the rules whose name matches; ``UnknownRule`` if none does."""
        names = [rule.name for rule in self.rules]
        for glob in globs:
            if not any(fnmatchcase(name, glob) for name in names):
                raise UnknownRule(glob)
        kept = [r for r in self.rules if not any(fnmatchcase(r.name, glob) for glob in globs)]
        return RuleBook(tuple(kept), self.unproven)

    def lines(self) -> list[str]:
        """Return declarations and rules, one egglog command an entry."""
        return header() + [rule.text for rule in self.rules]

    def traced_lines(self) -> list[str]:
        """Return the same with each rewrite recording its matches in relation ``app.<index>``.

        The index is the rule's place in ``rules``.
        """
        lines = header()
        for index, rule in enumerate(self.rules):
            lines += rule.traced(index) if rule.left else (rule.text,)
        return lines


def built_in() -> tuple[Rule, ...]:
    """Return the rules of all families, proven or not; ``RuleError`` if two share a name."""
    found: list[Rule] = []
    for family in FAMILIES:
        module = import_module(f".{family}", __package__)
        found += family_rules(module.__name__, vars(module))
    found += asking()
    return tuple(distinct(found))


def load(
    user_files: Sequence[Path] = (), *, prove: Callable[[Rule], Proof] | None = None
) -> RuleBook:
    """Return the book of built-in rules and those of the user's files.

    Args:
        user_files: rule files (``.py`` or ``.egg``).
        prove: asked about every rule in them; needed if there are any.

    Raises:
        RuleError: a file cannot be read as rules, or a rule of it is not proven; the message
            holds the counterexample.
        OSError: a file cannot be read at all.
    """
    try:
        covered = frozenset(_HASH.findall(LOCK.read_text(encoding="ascii")))
    except FileNotFoundError:
        covered = frozenset()
    proven: list[Rule] = []
    unproven: list[Rule] = []
    for rule in built_in():
        known = sha256(rule.text.encode()).hexdigest() in covered
        (proven if known else unproven).append(rule)
    for path in user_files:
        proven += _of_user(path, prove)
    if user_files:
        distinct(proven)
    return RuleBook(tuple(proven), tuple(unproven))


def user_rules(path: Path) -> list[Rule]:
    """Return the rules of a user's file, not proven; ``RuleError`` as in ``load``."""
    from .userfile import read

    return read(path)


def _of_user(path: Path, prove: Callable[[Rule], Proof] | None) -> list[Rule]:
    if prove is None:
        raise ValueError("rules of a user need a prover")
    rules = user_rules(path)
    for rule in rules:
        proof = prove(rule)
        if proof.status != "proven":
            parts = [f"{rule.name} is {proof.status}: {rule.equation}", proof.goal, proof.reason]
            if proof.counterexample:
                parts.append(f"wrong for {', '.join(proof.counterexample)}")
            raise RuleError(rule.path, rule.line, "; ".join(part for part in parts if part))
    return rules


def distinct(rules: list[Rule]) -> list[Rule]:
    """Check that names differ: they key tests, reports and the lock."""
    seen: dict[str, Rule] = {}
    for rule in rules:
        other = seen.setdefault(rule.name, rule)
        if other is not rule:
            message = f"a rule named {rule.name} already stands at {other.source}"
            raise RuleError(rule.path, rule.line, message)
    return rules
