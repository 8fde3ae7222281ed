"""Facts about every run of a module, established by induction before anything relies on them.

All claimed facts are assumed together: at every function's entry, after every call, wherever a
global is read. Then every function that can run is executed symbolically where it sets such a
global, calls such a function or returns such a result, and each of these must keep the claim. What
does not is dropped, and the rest is tried again. Sound by induction over the steps of a run: the
first step that broke a fact would have done so while all facts held.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from .axioms import Axioms
from .context import Context
from .escapes import escapes
from .obligations import Obligation
from .plan import Facts
from .reader import Malformed, Unsupported
from .scan import TooDeep
from .skeleton import skeleton
from .space import Space
from .structure import GLOBAL, Side, constant
from .terms import Exhausted
from .validator import (
    FUNCTION_RLIMIT,
    QUERY_RLIMIT,
    deep_recursion,
    execute_original,
    given_parameters,
    read,
)

MAX_ROUNDS: Final = 8
"""Rounds of dropping what does not hold; after them nothing is claimed."""

MAX_SETTERS: Final = 8
"""Functions that set a global whose bits are looked at."""

Claimed = tuple[str, int, int]
"""``("global", index, 0)``, ``("argument", function, i)`` or ``("result", function, i)``."""


Constants = Mapping[int, tuple[int | None, ...]]
"""Function to a constant, or nothing, per position."""


class Induction:
    """Establishes facts of one module."""

    def __init__(
        self,
        side: Side,
        outside: frozenset[tuple[int, int]],
        entries: frozenset[bytes] | None,
        axioms: Axioms,
        deadline: float | None,
    ) -> None:
        self.side, self.outside, self.entries = side, outside, entries
        self.axioms, self.deadline = axioms, deadline
        self.dropped: list[str] = []
        self.spent = 0

    def establish(self, claimed: Facts) -> Facts:
        """The largest set of the claimed facts found that keeps itself."""
        escaping = escapes(self.side, self.entries)
        facts = self._plausible(claimed, escaping)
        running = reachable(self.side, escaping)
        for _ in range(MAX_ROUNDS):
            if not (facts.globals or facts.arguments or facts.results):
                break
            broken = self._broken(facts, running)
            if not broken:
                return facts
            facts = self._without(facts, broken)
        return replace(claimed, globals={}, arguments={}, results={})

    def _plausible(self, claimed: Facts, escaping: set[int]) -> Facts:
        """Without what can be changed from outside, or is no constant to begin with."""
        module = self.side.module
        broken: set[Claimed] = set()
        for index, value in claimed.globals.items():
            at = index - module.imported_globals
            known = 0 <= at < len(self.side.segments.globals)
            initial = constant(self.side, self.side.segments.globals[at]) if known else None
            if initial != value or (GLOBAL, index) in self.outside:
                broken.add(("global", index, 0))
        for function, values in claimed.arguments.items():
            if not _has_body(self.side, function) or function in escaping:
                broken.update(("argument", function, i) for i in range(len(values)))
        for function, values in claimed.results.items():
            if not _has_body(self.side, function):
                broken.update(("result", function, i) for i in range(len(values)))
        return self._without(claimed, broken)

    def _without(self, facts: Facts, broken: set[Claimed]) -> Facts:
        self.dropped += [
            f"{kind} {index}" + (f" {i}" if kind != "global" else "")
            for kind, index, i in sorted(broken)
        ]

        def kept(kind: str, given: Constants) -> dict[int, tuple[int | None, ...]]:
            left = {
                f: tuple(None if (kind, f, i) in broken else v for i, v in enumerate(values))
                for f, values in given.items()
            }
            return {f: values for f, values in left.items() if any(v is not None for v in values)}

        return replace(
            facts,
            globals={g: v for g, v in facts.globals.items() if ("global", g, 0) not in broken},
            arguments=kept("argument", facts.arguments),
            results=kept("result", facts.results),
        )

    def bits(self, globals_: list[int], facts: Facts) -> dict[int, int]:
        """The bits that private globals can have, as a mask each; without those that can have all.

        ``facts`` are established ones. Globals with many setters are left out.
        """
        module = self.side.module
        setters: dict[int, set[int]] = {}
        for i, body in enumerate(module.bodies, module.imported_functions):
            split = skeleton(body, True)
            if split is None:
                return {}
            for _, kind, index in split[1]:
                if kind == "global set" and index in globals_:
                    setters.setdefault(index, set()).add(i)
        initial: dict[int, int] = {}
        for index in globals_:
            at = index - module.imported_globals
            if at < 0 or (GLOBAL, index) in self.outside or index not in setters:
                continue
            value = constant(self.side, self.side.segments.globals[at])
            if value is not None and len(setters[index]) <= MAX_SETTERS:
                initial[index] = value
        functions = {f for g in initial for f in setters[g]}
        # Up from the initial values, as long as that ends soon: what keeps itself is true.
        masks = initial
        for _ in range(MAX_ROUNDS // 2):
            grown = self._grown(initial, masks, functions, facts)
            if grown is None or grown == masks:
                return grown or {}
            masks = {g: mask | masks[g] for g, mask in grown.items()}
        # Down from nothing known: what is set under true assumptions is true each time.
        masks = {}
        for _ in range(2):
            grown = self._grown(initial, masks, functions, facts)
            if grown is None:
                return {}
            masks = grown
        return masks

    def _grown(
        self, initial: dict[int, int], masks: dict[int, int], functions: set[int], facts: Facts
    ) -> dict[int, int] | None:
        """Bits of the initial values and of what the functions set, if ``masks`` hold.

        ``None`` if a function cannot be executed.
        """
        grown = dict(initial)
        module = self.side.module
        for function in sorted(functions):
            context = Context(module, list(module.types), axioms=self.axioms, facts=facts)
            context.bits = masks
            try:
                with deep_recursion():
                    body = read(module.bodies[function - module.imported_functions])
                    space = Space(context, [body.scan])
                    kind = module.function_type(function)
                    given = given_parameters(space, kind, function)
                    run = execute_original(space, kind, body, given)
            except (Unsupported, Malformed, Exhausted, TooDeep, RecursionError):
                return None
            for index, value in run.set_globals:
                if index in grown:
                    grown[index] |= space.values.ones(value)
        return grown

    # --- one round ------------------------------------------------------------------------------

    def _broken(self, facts: Facts, running: set[int]) -> set[Claimed]:
        broken: set[Claimed] = set()
        for function in sorted(running):
            if _has_body(self.side, function):
                concerned = self._concerned(function, facts)
                if concerned and not concerned <= broken:
                    broken |= self._check(function, facts, concerned)
        return broken

    def _concerned(self, function: int, facts: Facts) -> set[Claimed]:
        """The facts that a body could break."""
        module = self.side.module
        found = {("result", function, i) for i in _positions(facts.results, function)}
        split = skeleton(module.bodies[function - module.imported_functions], True)
        if split is None:
            found |= {("global", g, 0) for g in facts.globals}
            for f in facts.arguments:
                found |= {("argument", f, i) for i in _positions(facts.arguments, f)}
            return found
        for kind, index in {(kind, index) for _, kind, index in split[1]}:
            if kind == "global set" and index in facts.globals:
                found.add(("global", index, 0))
            elif kind == "function":
                found |= {("argument", index, i) for i in _positions(facts.arguments, index)}
        return found

    def _check(self, function: int, facts: Facts, concerned: set[Claimed]) -> set[Claimed]:
        """Which of these facts a function may break; all, if it cannot be executed."""
        if self.deadline is not None and time.perf_counter() > self.deadline:
            return concerned
        try:
            with deep_recursion():
                return self._run(function, facts)
        except (Unsupported, Malformed, Exhausted, TooDeep, RecursionError):
            return concerned

    def _run(self, function: int, facts: Facts) -> set[Claimed]:
        module = self.side.module
        context = Context(module, list(module.types), axioms=self.axioms, facts=facts)
        body = read(module.bodies[function - module.imported_functions])
        space = Space(context, [body.scan])
        kind = module.function_type(function)
        run = execute_original(space, kind, body, given_parameters(space, kind, function))
        claims: list[tuple[Claimed, int, int, int]] = [
            (_named(about), condition, expected, value)
            for about, condition, expected, value in run.claims
        ]
        if run.returned is not None:
            for i in _positions(facts.results, function):
                wanted = facts.results[function][i]
                assert wanted is not None
                value = run.returned.values[i]
                expected = space.terms.constant(wanted, space.terms.widths[value])
                claims.append((("result", function, i), run.returned.condition, expected, value))
        broken = set()
        for claim, condition, expected, value in claims:
            if not self._holds(space, condition, expected, value):
                broken.add(claim)
        return broken

    def _holds(self, space: Space, condition: int, expected: int, value: int) -> bool:
        constrain = space.terms.constrain
        if constrain(expected, condition) == constrain(value, condition):
            return True
        from .sweep import Sweep

        sweep = Sweep(space, FUNCTION_RLIMIT, QUERY_RLIMIT, self.deadline)
        left = sweep.settle([Obligation("fact", condition, expected, value)])
        self.spent += sweep.spent
        return left is None


def _positions(facts: Constants, function: int) -> list[int]:
    return [i for i, v in enumerate(facts.get(function, ())) if v is not None]


def _named(about: str) -> Claimed:
    """A claim of a run (``symbolic.py``) as a claimed fact."""
    words = about.split()
    if words[0] == "global":
        return ("global", int(words[1]), 0)
    return ("argument", int(words[-1]), int(words[1]))


def _has_body(side: Side, function: int) -> bool:
    return side.module.imported_functions <= function < len(side.module.functions)


def reachable(side: Side, roots: set[int]) -> set[int]:
    """Functions that can run: the roots and whatever they call; all, if a body is unreadable."""
    module = side.module
    found, pending = set(roots), list(roots)
    while pending:
        function = pending.pop()
        if not _has_body(side, function):
            continue
        split = skeleton(module.bodies[function - module.imported_functions], True)
        if split is None:
            return set(range(len(module.functions)))
        for _, kind, index in split[1]:
            if kind == "function" and index not in found:
                found.add(index)
                pending.append(index)
    return found
