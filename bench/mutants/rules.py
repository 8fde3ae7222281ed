"""Mutants of rules, and runs that tell them apart: both sides as functions in wasmtime.

A row is wrong if for some constants and values that it matches its sides differ, or the right one
traps alone. Rows over histories of memory are judged by the prover alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import wasmtime
from eqsat.rules.book import built_in
from eqsat.rules.pretty import Tree, tree
from eqsat.verify.rules_sorts import infer
from eqsat.verify.rules_text import UnreadableRule, command, is_number, show
from eqsat.wasm.opcodes import BY_NAME, OPCODES

from .bodies import ALIKE
from .primitives import Undefined, primitive

TYPES: Final = {"I32": "i32", "I64": "i64", "F32": "f32", "F64": "f64"}
EDGES: Final = (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 65535, 65536,
                0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 62, (1 << 63) - 1)  # fmt: skip
SAMPLES: Final = 400
"""Choices of constants and values for one row; those that its guards refuse do not run."""

RUNS: Final = 60
"""Choices of those that run: two functions each."""


@dataclass(frozen=True, slots=True)
class Row:
    """A rewrite: its sides, its guards and what stands behind them."""

    left: Tree
    right: Tree
    guards: tuple[Tree, ...]
    name: str

    @property
    def text(self) -> str:
        """The command."""
        when = f" :when ({' '.join(map(show, self.guards))})" if self.guards else ""
        sides = f"{show(self.left)} {show(self.right)}"
        return f'(rewrite {sides}{when} :ruleset opt :name "{self.name}")'


def rows() -> list[Row]:
    """The built-in rewrites."""
    found = []
    for rule in built_in():
        parsed = tree(rule.text)
        assert isinstance(parsed, list)
        if parsed[0] != "rewrite":
            continue
        guards: tuple[Tree, ...] = ()
        if ":when" in parsed:
            when = parsed[parsed.index(":when") + 1]
            assert isinstance(when, list)
            guards = tuple(when)
        found.append(Row(parsed[1], parsed[2], guards, rule.name))
    return found


def mutate(row: Row, source: random.Random) -> tuple[str, Row] | None:
    """A row with a guard dropped, or one place of its right side changed."""
    if row.guards and source.random() < 0.3:
        at = source.randrange(len(row.guards))
        if _fact(row.guards[at][2]) is None:
            kept = (*row.guards[:at], *row.guards[at + 1 :])
            return "guard", Row(row.left, row.right, kept, row.name)
    places = list(_places(row.right))
    leaves = (_at(row.left, place) for place in _places(row.left))
    variables = sorted({one for one in leaves if isinstance(one, str) and not is_number(one)})
    for _ in range(20):
        place = source.choice(places)
        old = _at(row.right, place)
        change, new = _changed(old, variables, source)
        if new is not None and new != old:
            return change, Row(row.left, _with(row.right, place, new), row.guards, row.name)
    return None


def _changed(old: Tree, variables: Sequence[str], source: random.Random) -> tuple[str, Tree | None]:
    if isinstance(old, str):
        if is_number(old):
            return "constant", str(int(old) + source.choice((-1, 1, 2)))
        return "variable", source.choice(variables) if variables else None
    head = old[0]
    assert isinstance(head, str)
    if len(old) > 2 and source.random() < 0.4:
        i, j = source.sample(range(1, len(old)), 2)
        new = list(old)
        new[i], new[j] = new[j], new[i]
        return "operands", new
    code = BY_NAME.get(head)
    if code is not None and ALIKE.get(code):
        return "operator", [OPCODES[source.choice(ALIKE[code])].name, *old[1:]]
    if head in ("+", "-", "*", "&", "|", "^", "<<", ">>"):
        return "primitive", [source.choice(("+", "-", "&", "|", "^")), *old[1:]]
    return "operand", old[-1]


def _places(node: Tree, at: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Where the terms, variables and numbers of a tree stand, the tree itself first."""
    yield at
    if not isinstance(node, str):
        for i, part in enumerate(node[1:], 1):
            yield from _places(part, (*at, i))


def _at(node: Tree, place: tuple[int, ...]) -> Tree:
    for i in place:
        assert not isinstance(node, str)
        node = node[i]
    return node


def _with(node: Tree, place: tuple[int, ...], new: Tree) -> Tree:
    if not place:
        return new
    assert not isinstance(node, str)
    i, *rest = place
    return [*node[:i], _with(node[i], tuple(rest), new), *node[i + 1 :]]


class NotRun(Exception):
    """The row says more than two expressions can."""


def wrong(row: Row, seed: int) -> bool | None:
    """Whether runs show that a row is wrong; `None` if it cannot be run at all."""
    try:
        sorts = infer(command(row.text))
        return _wrong(row, sorts, random.Random(seed))
    except (NotRun, UnreadableRule, AssertionError):
        return None


def _wrong(row: Row, sorts: dict[str, str], source: random.Random) -> bool | None:
    values = [name for name, sort in sorts.items() if sort in TYPES and name != "root"]
    if any(sort not in TYPES and sort != "i64" for sort in sorts.values()):
        raise NotRun
    lines: list[str] = []
    choices: list[list[int]] = []
    header = " ".join(f"(param {_integer(sorts[v])})" for v in values)
    for _ in range(SAMPLES):
        if len(choices) == RUNS:
            break
        chosen = _choice(row, sorts, values, source)
        if chosen is None:
            continue
        try:
            sides = [_code(side, chosen, values, sorts) for side in (row.left, row.right)]
        except Undefined:
            continue
        for side, (code, kind) in zip("lr", sides, strict=True):
            back = f"i{kind[1:]}.reinterpret_{kind}" if kind[0] == "f" else ""
            result = f"i{kind[1:]}"
            lines.append(
                f'(func (export "{side}{len(choices)}") {header} (result {result}) {code} {back})'
            )
        choices.append([chosen[v] for v in values])
    if not choices:
        return None
    return _differ(lines, choices, [_integer(sorts[v]) for v in values])


def _differ(lines: list[str], choices: list[list[int]], kinds: list[str]) -> bool:
    store = wasmtime.Store()
    try:
        module = wasmtime.Module(store.engine, f"(module {' '.join(lines)})")
    except wasmtime.WasmtimeError:
        raise NotRun from None
    exports = wasmtime.Instance(store, module, []).exports(store)
    for number, chosen in enumerate(choices):
        arguments = [_signed(x, int(kind[1:])) for x, kind in zip(chosen, kinds, strict=True)]
        results = []
        for side in "lr":
            function = exports[f"{side}{number}"]
            assert isinstance(function, wasmtime.Func)
            try:
                results.append(function(store, *arguments))
            except wasmtime.Trap:
                results.append(None)
        if results[0] is not None and results[0] != results[1]:
            return True
    return False


def _choice(
    row: Row, sorts: dict[str, str], values: list[str], source: random.Random
) -> dict[str, int] | None:
    """Constants and values that the row matches; `None` if its guards refuse these."""
    numbers = sorted({int(atom) for atom in _atoms(tree(row.text)) if is_number(atom)})
    chosen: dict[str, int] = {}
    for name, sort in sorts.items():
        width = 32 if sort == "I32" or sort == "F32" else 64
        value = _number(numbers, source)
        if name in values:
            chosen[name] = value & ((1 << width) - 1)
        else:
            chosen[name] = _signed(value, source.choice((32, 64)))
    for guard in row.guards:
        # What is known of the bits of a value: all of them, or some.
        if isinstance(guard, list) and guard[0] == "=" and _fact(guard[2]) is not None:
            variable, table = guard[1], guard[2]
            assert isinstance(table, list)
            assert isinstance(variable, str)
            known = _known(table, chosen)
            chosen[variable] = known & (source.getrandbits(64) | _keep(source))
            chosen[variable] = _signed(chosen[variable], 64)
    try:
        for guard in row.guards:
            if _fact(guard[2]) is None and not primitive(guard, chosen):
                return None
    except Undefined:
        return None
    except (KeyError, ValueError, TypeError):
        raise NotRun from None
    return chosen


def _keep(source: random.Random) -> int:
    return -1 if source.random() < 0.7 else 0


def _fact(node: Tree) -> str | None:
    """The table of a fact about bits, `kz` or `ko`."""
    if isinstance(node, list) and isinstance(node[0], str) and node[0][:3] in ("kz.", "ko."):
        return node[0][:2]
    return None


def _known(table: list[Tree], chosen: dict[str, int]) -> int:
    name = table[1]
    if not isinstance(name, str) or name not in chosen:
        raise NotRun
    head = table[0]
    assert isinstance(head, str)
    value = _signed(chosen[name], 32 if head.endswith("32") else 64)
    return ~value if head.startswith("kz") else value


def _number(numbers: list[int], source: random.Random) -> int:
    kind = source.random()
    if kind < 0.25 and numbers:
        return source.choice(numbers) + source.choice((-1, 0, 0, 1))
    if kind < 0.8:
        return source.choice(EDGES) * source.choice((1, 1, -1))
    return source.getrandbits(64) >> source.choice((0, 32, 48))


def _code(
    node: Tree, chosen: dict[str, int], values: list[str], sorts: dict[str, str]
) -> tuple[str, str]:
    """Instructions and value type of a term. Raises NotRun."""
    if isinstance(node, str):
        if node not in values:
            raise NotRun
        kind = TYPES[sorts[node]]
        back = f" {kind}.reinterpret_i{kind[1:]}" if kind[0] == "f" else ""
        return f"local.get {values.index(node)}{back}", kind
    head = node[0]
    assert isinstance(head, str)
    prefix, _, operation = head.partition(".")
    if operation == "const":
        width = int(prefix[1:])
        value = primitive(node[1], chosen)
        if _signed(value, width) != value:
            raise Undefined  # No constant of a match looks so.
        back = f" {prefix}.reinterpret_i{width}" if prefix[0] == "f" else ""
        return f"i{width}.const {value}{back}", prefix
    if prefix not in (*TYPES.values(), "select", "gamma") or head == "gamma":
        raise NotRun
    parts = [_code(part, chosen, values, sorts) for part in node[1:]]
    code = " ".join(text for text, _ in parts)
    if prefix == "select":
        return f"{code} select", parts[0][1]
    if prefix == "gamma":
        condition, first, second = (text for text, _ in parts)
        kind = parts[1][1]
        return f"{condition} if (result {kind}) {first} else {second} end", kind
    if head not in BY_NAME:
        raise NotRun
    results = OPCODES[BY_NAME[head]].results
    assert results is not None
    return f"{code} {head}", results[0]


def _integer(sort: str) -> str:
    return f"i{sort[1:]}"


def _atoms(node: Tree) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    else:
        for part in node:
            yield from _atoms(part)


def _signed(value: int, width: int) -> int:
    half = 1 << (width - 1)
    return ((value + half) & ((1 << width) - 1)) - half
