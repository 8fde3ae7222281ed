"""Which parameters and results a function has lost between two modules: guesses for a step."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from .context import Context
from .plan import Facts, Step
from .reader import FunctionType, Malformed, Module, Unsupported, ValueType, read_body
from .scan import TooDeep
from .space import Space
from .structure import Side
from .terms import Exhausted
from .validator import deep_recursion, execute_original, given_parameters, read

Constants = dict[int, list[int | None]]
"""Function to the constant of each position, ``None`` where it is not always the same."""

MAX_CHOICES = 64
"""Ways to lose parameters that are looked at."""


def narrow(before: Side, after: Side, step: Step, changed: Sequence[int]) -> Step:
    """The step with guesses about the functions whose type has ``changed``, and facts for them."""
    arguments, results = _constants(before.module)
    functions = step.maps.functions
    parameters: dict[int, tuple[int, ...]] = {}
    values: dict[int, tuple[int, ...]] = {}
    facts = Facts(
        arguments={f: tuple(a) for f, a in arguments.items() if any(x is not None for x in a)},
        results={f: tuple(r) for f, r in results.items() if any(x is not None for x in r)},
    )
    for old in changed:
        new = functions[old]
        assert new is not None
        kind, wanted = before.module.function_type(old), after.module.function_type(new)
        unread = _unread(before.module, old)
        known = [x is not None for x in arguments.get(old, [])] or [False] * len(kind.params)
        likely = sorted(range(len(kind.params)), key=lambda i: (i not in unread, not known[i], i))
        parameters[old] = _kept(kind.params, wanted.params, likely)
        constant = [x is not None for x in results.get(old, [])] or [False] * len(kind.results)
        likely = sorted(range(len(kind.results)), key=lambda i: (not constant[i], -i))
        values[old] = _kept(kind.results, wanted.results, likely)
    maps = replace(step.maps, parameters=parameters, results=values)
    return replace(step, maps=maps, facts=facts)


def _kept(
    whole: Sequence[ValueType], part: Sequence[ValueType], likely: list[int]
) -> tuple[int, ...]:
    """Positions that are left, if the likeliest ones that fit have gone."""
    lost = len(whole) - len(part)
    for count, gone in enumerate(combinations(likely, lost)):
        kept = tuple(i for i in range(len(whole)) if i not in gone)
        if tuple(whole[i] for i in kept) == tuple(part) or count > MAX_CHOICES:
            return kept
    return tuple(range(len(whole)))


def _unread(module: Module, function: int) -> set[int]:
    """Parameters that a body does not read."""
    _, code = read_body(module.bodies[function - module.imported_functions])
    read_ = {i[1] for i in code if i[0] == 0x20}
    return set(range(len(module.function_type(function).params))) - read_


def _constants(module: Module) -> tuple[Constants, Constants]:
    """Arguments that are the same constant in all calls, and such results, by execution."""
    seen: dict[int, list[tuple[int | None, ...]]] = defaultdict(list)
    results: Constants = {}
    for function in range(module.imported_functions, len(module.functions)):
        kind = module.function_type(function)
        try:
            with deep_recursion():
                calls, returned = _execute(module, function, kind)
        except (Unsupported, Malformed, Exhausted, TooDeep, RecursionError):
            return {}, {}
        for callee, values in calls:
            seen[callee].append(values)
        if returned is not None:
            results[function] = list(returned)
    arguments = {
        callee: [column[0] if len(set(column)) == 1 else None for column in zip(*rows, strict=True)]
        for callee, rows in seen.items()
    }
    return arguments, results


def _execute(
    module: Module, function: int, kind: FunctionType
) -> tuple[Iterator[tuple[int, tuple[int | None, ...]]], tuple[int | None, ...] | None]:
    """The calls of a body with the constants among their arguments, and what it returns."""
    body = read(module.bodies[function - module.imported_functions])
    space = Space(Context(module, list(module.types)), [body.scan])
    run = execute_original(space, kind, body, given_parameters(space, kind, function))
    value_of = space.terms.value_of
    calls = (
        (callee, tuple(value_of(x) for x in operands)) for callee, operands in run.direct_calls
    )
    returned = None if run.returned is None else tuple(map(value_of, run.returned.values))
    return calls, returned
