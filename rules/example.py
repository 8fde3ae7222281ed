"""A rule at work: a pair of WAT functions that one match of the rule makes equal.

The constants of a rule get the first values of a short list that satisfy its guard; a value of
which the guard knows bits becomes one that has them (``x & ~zeros | ones``). Rows that learn bits
are shown as what they promise: the value under both masks is the known ones.

For documentation and its tests; what is proven is the rule's text (``verify/rules.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .compute import Undefined, compute
from .language import Rule
from .pretty import Tree, tree
from .signature import ASKED, CONSTRUCTORS
from .variables import variables
from .wat import TYPES, NoExample, Pair, Writer

Fold: TypeAlias = Callable[[str, Sequence[int]], "int | None"]
"""Value of an operation on constants; None where it has none."""

_BYTES: Final = {"I32": 4, "I64": 8, "F32": 4, "F64": 8, "V128": 16}
_CONSTANTS: Final = (
    *(7, 3, 5, 2, 4, 8, 16, 24, 31, 6, 1, 0, 64, 128, 255, 65535, 1 << 16, 32, 63),
    *(-1, -2, -8, -64, -65, -128, -129, -256, -65536, 56, 48, (1 << 31) - 1, -1 << 31),
    *((1 << 32) - 1, 1 << 32, -1 << 32, (1 << 63) - 1, -1 << 63),
)
_MASKS: Final = (-256, -2, 255, 1, -65536, -128, -32768, -1 << 31, -1 << 32, -1 << 63, -1)
_OFFSETS: Final = (8, 4, 16, 0, 12, 2, 6, 1)
_SIZES: Final = (4, 8, 1, 2, 16)


@dataclass(slots=True)
class _Match:
    """What a rule says: two terms, the guard's comparisons, and which bits it knows of values."""

    left: Tree
    right: Tree
    guards: list[Tree] = field(default_factory=list)
    masks: dict[str, dict[str, str]] = field(default_factory=dict)
    """Variable of a value to "kz" or "ko" to the variable of the mask."""
    sets: dict[str, Tree] = field(default_factory=dict)
    """"kz" or "ko" to the mask that the rule gives the left side."""


def example(rule: Rule, fold: Fold) -> Pair:
    """Return a pair for a proven rule; ``NoExample`` where this module has no way to show it.

    ``fold`` computes what rules ask the host for.
    """
    question = _question(rule)
    if question is not None:
        match, sorts = _computed(question, fold), {}
    else:
        match = _match(rule)
        sorts = dict(variables((rule.left, *rule.facts) if rule.left else rule.facts))
    roles = _roles(match, sorts)
    for values in _assignments(match, roles):
        try:
            return _pair(match, sorts, values)
        except Undefined:
            continue
    raise NoExample("no constants of the list satisfy the guard")


def _question(rule: Rule) -> str | None:
    """The operation of a rule that asks the host; for one that takes its answers, some such."""
    match [tree(part) for part in (*rule.facts[:1], *rule.actions[:1])]:
        case [["=", _, [str(operation), *_]], [str(table), *_]] if table.startswith("ask."):
            return operation
        case [[str(table), *_], _] if table.startswith("ask."):
            return next(name for name in ASKED if CONSTRUCTORS[name].result == table[4:])
        case _:
            return None


def _match(rule: Rule) -> _Match:
    """Read a rule's two sides and its guard."""
    if rule.left:
        found = _Match(tree(rule.left), tree(rule.right))
        facts = [tree(fact) for fact in rule.facts]
    else:
        found, facts = _read_rule(rule)
    for fact in facts:
        match fact:
            case ["=", str(mask), [str(table), str(value)]] if table[:3] in ("kz.", "ko."):
                found.masks.setdefault(value, {})[table[:2]] = mask
            case ["=" | "!=" | "<" | "<=" | ">" | ">=", _, _]:
                found.guards.append(fact)
            case _:
                raise NoExample("its guard asks for more than constants and known bits")
    return found


def _read_rule(rule: Rule) -> tuple[_Match, list[Tree]]:
    """Read a ``rule`` command of one union, or of masks for one term."""
    bound: dict[str, Tree] = {}
    facts: list[Tree] = []
    for fact in map(tree, rule.facts):
        match fact:
            case ["=", str(name), [str(head), *_]] if head in CONSTRUCTORS and name not in bound:
                bound[name] = fact[2]
            case _:
                facts.append(fact)
    actions = [tree(action) for action in rule.actions]
    match actions:
        case [["union", left, right]]:
            return _Match(_placed(left, bound), _placed(right, bound)), facts
        case [["set", [str(table), key], mask], *more]:
            found = _Match(_placed(key, bound), "", sets={table[:2]: mask})
            for other in more:
                match other:
                    case ["set", [str(second), same], bits] if same == key:
                        found.sets[second[:2]] = bits
                    case _:
                        raise NoExample("it does several things")
            return found, facts
        case _:
            raise NoExample("it does several things")


def _placed(node: Tree, bound: Mapping[str, Tree]) -> Tree:
    """Put what the query binds in the place of its names."""
    if isinstance(node, str):
        return _placed(bound[node], bound) if node in bound else node
    return [node[0], *(_placed(part, bound) for part in node[1:])]


def _computed(name: str, fold: Fold) -> _Match:
    """An operation on two constants, and what the host makes of it."""
    row = CONSTRUCTORS[name]
    numbers = (-100, 7)[: len(row.arguments)]
    result = fold(name, numbers)
    assert result is not None
    constants = zip(row.arguments, numbers, strict=True)
    operands: list[Tree] = [[f"{TYPES[sort]}.const", str(number)] for sort, number in constants]
    return _Match([name, *operands], [f"{TYPES[row.result]}.const", str(result)])


# --- constants ------------------------------------------------------------------------------------


def _roles(match: _Match, sorts: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """The values to try for each constant, by what it stands for."""
    found: dict[str, tuple[int, ...]] = {}
    for node in (match.left, match.right, *match.guards):
        _find_roles(node, found)
    for masks in match.masks.values():
        for mask in masks.values():
            found[mask] = _MASKS
    for number, (name, sort) in enumerate(sorts.items()):
        if sort != "i64":
            continue
        known = found.setdefault(name, _CONSTANTS)
        # Constants of one kind begin at different places of the list, so that they differ.
        turn = 0 if known is _MASKS else number % min(3, len(known))
        found[name] = known[turn:] + known[:turn]
    for value, masks in match.masks.items():
        if sorts.get(value) == "I32":
            for mask in masks.values():
                found[mask] = _narrow(found[mask])
    return found


def _narrow(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(value for value in values if -1 << 31 <= value < 1 << 31)


def _find_roles(node: Tree, found: dict[str, tuple[int, ...]]) -> None:
    if isinstance(node, str):
        return
    places: tuple[tuple[Tree, tuple[int, ...]], ...] = ()
    match node:
        case ["i32.const" | "f32.const", value]:
            places = ((value, _narrow(_CONSTANTS)),)
        case [str(head), _, _, offset, size, sign] if head.startswith("load."):
            full = _BYTES[head[5:]]
            places = ((offset, _OFFSETS), (size, (full,)), (sign, (0,)))
        case ["tok.store", _, _, offset, size, _]:
            places = ((offset, _OFFSETS), (size, _SIZES))
        case _:
            pass
    for place, values in places:
        if isinstance(place, str):
            found.setdefault(place, values)
    for part in node:
        _find_roles(part, found)


def _assignments(match: _Match, roles: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, int]]:
    """Yield values for all constants under which every guard holds."""
    names = [name for name in roles if not _is_number(name)]
    guards: list[list[Tree]] = [[] for _ in range(len(names) + 1)]
    for guard in match.guards:
        used = set(_names(guard))
        last = max((number + 1 for number, name in enumerate(names) if name in used), default=0)
        guards[last].append(guard)

    def extend(chosen: dict[str, int], level: int) -> Iterator[dict[str, int]]:
        if not all(_holds(guard, chosen) for guard in guards[level]):
            return
        if level == len(names):
            if not any(_contradict(masks, chosen) for masks in match.masks.values()):
                yield chosen
            return
        for value in roles[names[level]]:
            yield from extend({**chosen, names[level]: value}, level + 1)

    yield from extend({}, 0)


def _contradict(masks: Mapping[str, str], values: Mapping[str, int]) -> bool:
    """Whether a bit would be known to be 0 and to be 1."""
    return len(masks) == 2 and values[masks["kz"]] & values[masks["ko"]] != 0


def _names(node: Tree) -> Iterator[str]:
    if isinstance(node, str):
        yield node
        return
    for part in node[1:]:
        yield from _names(part)


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _holds(guard: Tree, values: Mapping[str, int]) -> bool:
    assert isinstance(guard, list)
    try:
        a, b = compute(guard[1], values), compute(guard[2], values)
    except Undefined:
        return False
    match guard[0]:
        case "=":
            return a == b
        case "!=":
            return a != b
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
        case _:
            return a >= b


def _pair(match: _Match, sorts: Mapping[str, str], values: Mapping[str, int]) -> Pair:
    """Write both sides under one choice of constants."""
    known = {
        value: (values.get(masks.get("kz", ""), 0), values.get(masks.get("ko", ""), 0))
        for value, masks in match.masks.items()
    }
    left, right = match.left, match.right
    if match.sets:
        given = {table: compute(mask, values) for table, mask in match.sets.items()}
        kind = TYPES[CONSTRUCTORS[str(left[0])].result]
        either = given.get("kz", 0) | given.get("ko", 0)
        left = [f"{kind}.and", left, [f"{kind}.const", str(either)]]
        right = [f"{kind}.const", str(given.get("ko", 0))]
    return Writer(sorts, values, known).pair(left, right)
