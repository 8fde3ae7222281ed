"""The rule prover: is an emitted rule sound for all inputs and all constants it can match?

``prove_rule`` reads the text of one egglog command and checks, with a fresh solver context,

* every ``union``: both sides are equal (histories: at every address);
* every ``set`` of a fact table: the mask is sound for the value (see ``rules_terms.sound_mask``);
* every primitive in an action is defined (a failing one aborts the whole run), constants are
  canonical, offsets in range;
* no operation that may trap appears on the right where nothing on the left traps.

What it may assume is what a match grants: the facts of the query, definedness of the query's
primitives, canonical constants, sound masks. Sizes and signs of loads and stores are enumerated;
constants are where the solver gives up. A rule is *refuted* only with a counterexample over exact
semantics; one that needs to know what a float operation computes stays *unknown*.

``python -m eqsat.verify.rules --lock FILE`` reads JSON lines with ``name`` and ``text`` (what
``python -m eqsat.rules`` prints), proves what the lock does not cover, and rewrites the lock.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import z3  # type: ignore[import-untyped]

from .rules_disjoint import looks_past_a_store, spent
from .rules_sorts import heads, infer, sort_of
from .rules_terms import BITS, FACT_TABLES, SIZES, Encoder, Memory, sound_mask
from .rules_text import (
    Command,
    Sexp,
    UnreadableRule,
    command,
    is_number,
    is_variable,
    show,
    substitute,
)

PROVER_VERSION: Final = 4
"""Goes into the lock; raised whenever a change here could change a verdict."""
FIRST_RLIMIT: Final = 2_000_000
"""Solver units for the direct question: about half a second, enough for nearly every rule."""
INSTANCE_RLIMIT: Final = 4_000_000
"""Solver units for one instance with a constant filled in; these are easy or hopeless."""
LAST_RLIMIT: Final = 20_000_000
"""Solver units for the last direct attempt: what a person would wait for in maintenance."""
TOTAL_RLIMIT: Final = 100_000_000
"""Solver units for one rule, about ten seconds: four times what the hardest of ours takes."""
MOST_INSTANCES: Final = 1_000
"""Choices of sizes and signs in one rule: two stores and a load have less than half of that."""
ENUMERATED: Final = 64
"""A constant with at most this many admitted values is filled in: all shift counts of 64 bits."""

Status = Literal["proven", "refuted", "unknown"]


@dataclass(frozen=True, slots=True)
class RuleProof:
    """The verdict on one rule.

    ``method`` is ``direct``, ``enumerated``, ``integers`` (``rules_disjoint``) or ``definition``
    (a row that asks the host and so fixes what its number means: ``meaning``). ``goal`` names the
    failed obligation and ``counterexample`` the values of the rule's variables, as ``name=value``.
    """

    name: str
    status: Status
    method: str
    seconds: float
    rlimit: int
    goal: str = ""
    reason: str = ""
    counterexample: tuple[str, ...] = ()
    meaning: tuple[str, str] | None = None


@dataclass(slots=True)
class _Attempt:
    """The outcome of one question to the solver, or of several taken together."""

    status: Status = "proven"
    goal: str = ""
    reason: str = ""
    counterexample: tuple[str, ...] = ()
    rlimit: int = 0
    inexact: set[str] = field(default_factory=set)


def prove_rule(text: str) -> RuleProof:
    """Prove the rule in ``text``, one egglog ``rewrite`` or ``rule`` command."""
    start = time.perf_counter()
    name = ""
    try:
        rule = command(text)
        name = rule.name
        meaning = _asked(rule)
        units = looks_past_a_store(rule, FIRST_RLIMIT)
        if units is not None:
            attempt, method = _Attempt(rlimit=units), "integers"
        else:
            attempt, method = _attempt(rule)
    except (UnreadableRule, RecursionError, z3.Z3Exception) as error:
        seconds = time.perf_counter() - start
        return RuleProof(name, "unknown", "none", seconds, 0, "readable", str(error))
    return RuleProof(
        name,
        attempt.status,
        "definition" if meaning is not None and attempt.status == "proven" else method,
        time.perf_counter() - start,
        attempt.rlimit,
        attempt.goal,
        attempt.reason,
        attempt.counterexample,
        meaning,
    )


def _attempt(rule: Command) -> tuple[_Attempt, str]:
    """Try the whole rule, then with one constant filled in, then once more with patience."""
    instances = list(_instances(rule))
    if not instances:
        raise UnreadableRule("no size or sign that a load or store may have fits this rule")
    if all(_never_matches(instance) for instance in instances):
        raise UnreadableRule("nothing satisfies the query: the rule can never fire")
    method = "direct" if len(instances) == 1 else "enumerated"
    total = 0
    for instance in instances:
        outcome = _solve(instance, FIRST_RLIMIT)
        total += outcome.rlimit
        if outcome.status == "unknown":
            method = "enumerated"
            filled = _enumerate(instance, TOTAL_RLIMIT - total)
            if filled is None:
                method = "direct"
                filled = _solve(instance, LAST_RLIMIT)
            total += filled.rlimit
            outcome = filled
        if outcome.status == "proven" and total > TOTAL_RLIMIT:
            outcome = _exhausted()
        if outcome.status != "proven":
            outcome.rlimit = total
            return outcome, method
    return _Attempt(rlimit=total), method


def _exhausted() -> _Attempt:
    return _Attempt("unknown", "work", f"more than {TOTAL_RLIMIT:,} solver units")


def _never_matches(rule: Command) -> bool:
    """Whether the query certainly has no match: such a rule proves anything and says nothing."""
    context = z3.Context()
    encoder, _ = _obligations(rule, context, {})
    solver = z3.SolverFor("QF_UFBV", ctx=context)
    solver.set("rlimit", FIRST_RLIMIT)
    solver.set("random_seed", 0)
    solver.add(*encoder.assume)
    return bool(solver.check() == z3.unsat)


# --- sizes and signs ------------------------------------------------------------------------------


def _instances(rule: Command) -> Iterator[Command]:
    """Yield the rule with every admitted choice of sizes and signs filled in."""
    domains: dict[str, set[int]] = {}
    checks: list[tuple[str, Sexp, Sexp]] = []
    for part in (*rule.facts, *rule.actions):
        _accesses(part, domains, checks)
    names = sorted(domains)
    if math.prod(len(domains[name]) for name in names) > MOST_INSTANCES:
        raise UnreadableRule(f"more than {MOST_INSTANCES} choices of sizes and signs")
    for values in itertools.product(*(sorted(domains[name]) for name in names)):
        chosen = {name: str(value) for name, value in zip(names, values, strict=True)}
        if all(_admitted(sort, substitute(size, chosen), substitute(sign, chosen))
               for sort, size, sign in checks):  # fmt: skip
            yield Command(
                rule.name,
                tuple(substitute(fact, chosen) for fact in rule.facts),
                tuple(substitute(action, chosen) for action in rule.actions),
            )


def _accesses(
    tree: Sexp, domains: dict[str, set[int]], checks: list[tuple[str, Sexp, Sexp]]
) -> None:
    """Collect the variables that stand for sizes and signs, with what each may be."""
    if isinstance(tree, str) or not tree:
        return
    head = tree[0]
    if isinstance(head, str) and head.startswith("load.") and len(tree) == 6:
        sort = head[5:]
        _narrow(domains, tree[4], set(SIZES.get(sort, ())))
        _narrow(domains, tree[5], {0, 1} if sort[0] == "I" else {0})
        checks.append((sort, tree[4], tree[5]))
    if head == "tok.store" and len(tree) == 6:
        held = tree[5]
        sort = held[0][4:] if isinstance(held, list) and isinstance(held[0], str) else ""
        sizes = set(SIZES[sort]) if sort in SIZES else {1, 2, 4, 8, 16}
        _narrow(domains, tree[4], sizes)
    for part in tree:
        _accesses(part, domains, checks)


def _narrow(domains: dict[str, set[int]], name: Sexp, values: set[int]) -> None:
    if isinstance(name, str) and is_variable(name):
        domains[name] = domains.get(name, values) & values


def _admitted(sort: str, size: Sexp, sign: Sexp) -> bool:
    """Whether the load exists: a sign is for loads of fewer bytes than the type has."""
    return sign == "0" or (isinstance(size, str) and 8 * int(size) < BITS[sort])


# --- goals ----------------------------------------------------------------------------------------


def _solve(rule: Command, rlimit: int, fixed: dict[str, int] | None = None) -> _Attempt:
    """Ask for every goal of an instance in one fresh context."""
    context = z3.Context()
    encoder, goals = _obligations(rule, context, fixed or {})
    result = _Attempt(inexact=encoder.inexact)
    for goal, condition in goals:
        solver = z3.SolverFor("QF_UFBV", ctx=context)
        solver.set("rlimit", rlimit)
        solver.set("random_seed", 0)
        solver.add(*encoder.assume, z3.Not(condition))
        answer = solver.check()
        result.rlimit = spent(solver)
        if answer == z3.unsat:
            continue
        result.goal = goal
        if answer == z3.unknown:
            result.status, result.reason = "unknown", str(solver.reason_unknown())
            return result
        if encoder.inexact:
            result.status = "unknown"
            result.reason = f"it depends on what {', '.join(sorted(encoder.inexact))} computes"
            return result
        result.status = "refuted"
        result.counterexample = _witness(encoder, solver.model())
        return result
    return result


def _obligations(
    rule: Command, context: z3.Context, fixed: dict[str, int]
) -> tuple[Encoder, list[tuple[str, z3.BoolRef]]]:
    """Encode an instance: the encoder with its assumptions, and the goals by name."""
    parts = (*rule.facts, *rule.actions)
    applied = heads(parts)
    of_globals = any(head == "tok.set" or head.startswith("get.") for head in applied)
    if of_globals and any(head == "tok.store" or head.startswith("load.") for head in applied):
        raise UnreadableRule("a history of a memory and of a global in one rule")
    encoder = Encoder(context, infer(rule), of_globals)
    for name, value in fixed.items():
        encoder.assume.append(encoder.variable(name) == encoder.number(value))
    for fact in rule.facts:
        _assume(encoder, fact)
    encoder.in_query = False
    goals: list[tuple[str, z3.BoolRef]] = []
    for action in rule.actions:
        goals += _goals(encoder, action)
    goals += _joined(encoder.require)
    if encoder.right_traps:
        allowed = z3.Or(*encoder.left_traps) if encoder.left_traps else z3.BoolVal(False, context)
        goals.append(("no new trap", z3.Implies(z3.Or(*encoder.right_traps), allowed)))
    return encoder, goals


def _joined(required: list[tuple[str, z3.BoolRef]]) -> list[tuple[str, z3.BoolRef]]:
    """One goal for each kind of requirement."""
    kinds: dict[str, list[z3.BoolRef]] = {}
    for name, condition in required:
        kinds.setdefault(name, []).append(condition)
    return [(name, z3.And(*conditions)) for name, conditions in kinds.items()]


def _assume(encoder: Encoder, fact: Sexp) -> None:
    """Add what a fact of the query grants."""
    if isinstance(fact, str) or not fact:
        raise UnreadableRule(f"{show(fact)} is no fact")
    match fact:
        case ["=", left, right]:
            _equate(encoder, left, right)
        case ["!=" | "<" | "<=" | ">" | ">=" as order, left, right]:
            a, b = encoder.primitive(left), encoder.primitive(right)
            comparisons = {"!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
            encoder.assume.append(comparisons[str(order)])
        case [str(head), *operands] if head.startswith(("ask.", "ans.")):
            _granted_by_host(encoder, head, operands)
        case _:
            encoder.term(fact)


def _granted_by_host(encoder: Encoder, head: str, operands: list[Sexp]) -> None:
    """A row of the host's tables: the class, or the answer, is host(number, a, b)."""
    sort = head[4:]
    if head.startswith("ask."):
        value = encoder.value(operands[0])
        encoder.assume.append(value == _host(encoder, sort, operands[1:4]))
        return
    answer = encoder.primitive(operands[3])
    computed = _host(encoder, sort, operands[:3])
    wide = z3.SignExt(64 - computed.size(), computed) if computed.size() < 64 else computed
    encoder.assume.append(answer == wide)


def _host(encoder: Encoder, sort: str, operands: list[Sexp]) -> z3.BitVecRef:
    values = [encoder.primitive(operand) for operand in operands]
    return encoder.opaque(f"host.{sort}", BITS[sort], values)


def _equate(encoder: Encoder, left: Sexp, right: Sexp) -> None:
    """An equality in the query, of integers or of terms; a history variable is bound by it."""
    sort = sort_of(left, encoder.sorts) or sort_of(right, encoder.sorts)
    if sort == "i64":
        encoder.assume.append(encoder.primitive(left) == encoder.primitive(right))
        return
    for variable, term in ((left, right), (right, left)):
        if isinstance(variable, str) and variable not in encoder.bound:
            encoder.bound[variable] = encoder.term(term)
            return
    if sort == "Tok" and not encoder.globals_only:
        raise UnreadableRule("two histories of a memory compared in a query")
    encoder.assume.append(encoder.value(left) == encoder.value(right))


def _goals(encoder: Encoder, action: Sexp) -> list[tuple[str, z3.BoolRef]]:
    """What an action owes beside definedness."""
    match action:
        case ["union", left, right]:
            return [("equal", _equal(encoder, encoder.term(left), encoder.term(right)))]
        case ["set", [str(table), key], mask] if table in FACT_TABLES:
            value, bits = encoder.value(key), encoder.primitive(mask)
            return [("sound mask", sound_mask(table, bits, value))]
        case ["let", str(name), term]:
            sort = encoder.sorts[name]
            encoder.bound[name] = encoder.primitive(term) if sort == "i64" else encoder.term(term)
            return []
        case [str(head), *operands] if head.startswith("ask."):
            for operand in operands[1:]:
                encoder.primitive(operand)
            return []
        case [str(head), *operands] if head.startswith("app."):
            return []
        case _:
            raise UnreadableRule(f"{show(action)} is no action that can be proven")


def _equal(encoder: Encoder, left: object, right: object) -> z3.BoolRef:
    if isinstance(left, Memory) and isinstance(right, Memory):
        if left.base != right.base:
            raise UnreadableRule("histories that grow from different ones")
        anywhere = z3.BitVec("anywhere", 32, encoder.context)
        return encoder.byte(left, anywhere) == encoder.byte(right, anywhere)
    if isinstance(left, Memory) or isinstance(right, Memory):
        raise UnreadableRule("a history and a value are never equal")
    assert isinstance(left, z3.BitVecRef)
    assert isinstance(right, z3.BitVecRef)
    if left.size() != right.size():
        raise UnreadableRule("the sides have different sorts")
    return left == right


def _witness(encoder: Encoder, model: z3.ModelRef) -> tuple[str, ...]:
    """The values of the rule's variables in a model, readable."""
    shown = []
    for name, meaning in sorted(encoder.bound.items()):
        if isinstance(meaning, Memory):
            continue
        value = model.eval(meaning, model_completion=True)
        if encoder.sorts.get(name) in ("i64", "I32", "I64"):
            shown.append(f"{name}={value.as_signed_long()}")
        else:
            shown.append(f"{name}={value.as_long():#x}")
    return tuple(shown)


# --- constants filled in --------------------------------------------------------------------------


def _enumerate(rule: Command, rlimit: int) -> _Attempt | None:
    """Prove a rule for each value of one constant, or of two; None where none has few values.

    More solver units than `rlimit` in all make it unknown.
    """
    variables = [
        name for name, sort in infer(rule).items() if sort == "i64" and not name.startswith("root")
    ]
    few: list[tuple[str, list[int]]] = []
    total = 0
    for name in variables:
        values = _admitted_values(rule, name)
        if values is not None:
            few.append((name, values))
    for chosen in [[one] for one in few] + [
        [one, two] for one, two in itertools.combinations(few, 2)
    ]:
        result = _Attempt()
        for combination in itertools.product(*(values for _, values in chosen)):
            fixed = {name: value for (name, _), value in zip(chosen, combination, strict=True)}
            result = _solve(rule, INSTANCE_RLIMIT, fixed)
            total += result.rlimit
            if result.status == "proven" and total > rlimit:
                result = _exhausted()
            if result.status != "proven":
                break
        result.rlimit = total
        if total > rlimit:
            return result
        if result.status != "unknown":
            return result
    return None


def _admitted_values(rule: Command, name: str) -> list[int] | None:
    """All values of a constant that the query admits, None if there are more than ENUMERATED."""
    context = z3.Context()
    encoder, _ = _obligations(rule, context, {})
    solver = z3.SolverFor("QF_UFBV", ctx=context)
    solver.set("rlimit", INSTANCE_RLIMIT)
    solver.set("random_seed", 0)
    solver.add(*encoder.assume)
    variable = encoder.variable(name)
    values: list[int] = []
    while len(values) <= ENUMERATED:
        answer = solver.check()
        if answer == z3.unsat:
            return sorted(values)
        if answer == z3.unknown:
            return None
        value = solver.model().eval(variable, model_completion=True)
        values.append(value.as_signed_long())
        solver.add(variable != value)
    return None


# --- questions to the host ------------------------------------------------------------------------


def _asked(rule: Command) -> tuple[str, str] | None:
    """Return (number, operation) for a rule that asks the host, which is its definition.

    The operation must be applied to the constants a and b that the row carries (0 for none).
    """
    for action in rule.actions:
        if not (isinstance(action, list) and isinstance(action[0], str)):
            continue
        if not action[0].startswith("ask."):
            continue
        if len(rule.actions) != 1 or len(rule.facts) != 1 or len(action) != 5:
            raise UnreadableRule("a rule that asks the host does only that")
        match rule.facts[0]:
            case ["=", root, [str(operation), *operands]] if root == action[1]:
                pass
            case _:
                raise UnreadableRule("a rule that asks the host has one term on its left")
        constants = [operand[1] if isinstance(operand, list) else operand for operand in operands]
        wanted = [*constants, "0"][:2]
        kinds = all(
            isinstance(operand, list) and str(operand[0]).endswith(".const") for operand in operands
        )
        if not kinds or action[3:] != wanted or not is_number(str(action[2])):
            raise UnreadableRule("a question to the host carries the term's constants in order")
        return f"{action[0][4:]}:{action[2]}", operation
    return None


if __name__ == "__main__":
    from .rules_lock import main

    raise SystemExit(main())
