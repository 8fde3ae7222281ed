"""Terms of rules as functions in WAT: what a match does to a program, with constants filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..wasm.text_values import text_f32, text_f64
from .compute import compute
from .pretty import Tree, flat
from .signature import CONSTRUCTORS

WIDE: Final = 72
"""Columns that a folded instruction may fill before it is broken."""
TYPES: Final = {"I32": "i32", "I64": "i64", "F32": "f32", "F64": "f64", "V128": "v128"}
"""Wasm's names of the sorts that a function can take and give."""

_BYTES: Final = {"i32": 4, "i64": 8, "f32": 4, "f64": 8, "v128": 16}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class NoExample(Exception):
    """Why a rule cannot be shown as a pair of functions."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two functions that do the same, before and after the rule.

    Attributes:
        constants: the rule's constants with the values chosen for them.
        before: module fields: a memory or global if one is needed, and the exported function.
        after: the same for the right side.
        parameters: types of the parameters of both.
        result: type of the result, empty where memory or a global is what the rule is about.
    """

    constants: tuple[tuple[str, int], ...]
    before: str
    after: str
    parameters: tuple[str, ...]
    result: str


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes terms under one choice of constants.

    Attributes:
        sorts: the rule's variables with their sorts.
        values: the value of every constant.
        masks: what is known of a value: variable to (bits that are 0, bits that are 1).
    """

    sorts: Mapping[str, str]
    values: Mapping[str, int]
    masks: Mapping[str, tuple[int, int]]

    def pair(self, left: Tree, right: Tree) -> Pair:
        """Write both sides. Raises `NoExample`, and `Undefined` where a constant has no value."""
        sort = self._sort(left)
        stores, read = _chain(left), _chain(right)
        before = [*map(self._store, stores), *self._result(left, sort)]
        if sort == "Tok":
            after = [*map(self._store, read)]
        else:
            if not _reads(right):
                read = stores
            if read != stores[: len(read)]:
                raise NoExample("its sides read different histories")
            # What is read before a later store is computed before it.
            late = map(self._store, stores[len(read) :])
            after = [*map(self._store, read), *self._result(right, sort), *late]
        parameters = {
            name: self._type(name, kind, left)
            for name, kind in self.sorts.items()
            if kind not in ("i64", "Tok")
        }
        result = "" if sort == "Tok" else TYPES[sort]
        head: list[Tree] = [["param", f"${name}", kind] for name, kind in parameters.items()]
        head += [["result", result]] if result else []
        needs = _surroundings(left)
        return Pair(
            tuple(self.values.items()),
            needs + _function("before", head, before),
            needs + _function("after", head, after),
            tuple(parameters.values()),
            result,
        )

    def _sort(self, node: Tree) -> str:
        if isinstance(node, str):
            return self.sorts[node]
        return CONSTRUCTORS[str(node[0])].result

    def _type(self, name: str, kind: str, left: Tree) -> str:
        """The type of a parameter; a value on its way into a space has that of its store."""
        if not _NAME.fullmatch(name):
            raise NoExample(f"{name} is no name for a parameter")
        if kind == "Val":
            sizes = [
                self._number(store[4])
                for store in _chain(left)
                if store[0] == "tok.store" and store[5] == name
            ]
            return "i64" if max(sizes, default=4) == 8 else "i32"
        if kind not in TYPES:
            raise NoExample(f"{name} is a reference")
        return TYPES[kind]

    def _number(self, node: Tree) -> int:
        return compute(node, self.values)

    def _result(self, node: Tree, sort: str) -> list[Tree]:
        return [] if sort == "Tok" else [self._value(node)]

    def _store(self, store: list[Tree]) -> Tree:
        """One change of a memory or of the global."""
        held = store[-1]
        value = self._value(held[1] if isinstance(held, list) else held)
        if store[0] == "tok.set":
            return ["global.set", "$g", value]
        size = self._number(store[4])
        kind = TYPES[str(held[0])[4:]] if isinstance(held, list) else "i64" if size == 8 else "i32"
        narrow = "" if size == _BYTES[kind] else str(8 * size)
        return [
            *_access(f"{kind}.store{narrow}", self._number(store[3])),
            self._value(store[2]),
            value,
        ]

    def _value(self, node: Tree) -> Tree:
        if isinstance(node, str):
            return self._variable(node)
        head, operands = str(node[0]), node[1:]
        first, _, rest = head.partition(".")
        if rest == "const":
            return self._constant(first, operands)
        match first:
            case "select":
                return ["select", *map(self._value, operands)]
            case "gamma":
                condition, then, other = map(self._value, operands)
                arms: list[Tree] = [["then", then], ["else", other]]
                return ["if", ["result", TYPES[rest]], condition, *arms]
            case "load":
                offset, size, sign = (self._number(part) for part in operands[2:])
                kind = TYPES[rest]
                name = f"{kind}.load"
                if size != _BYTES[kind]:
                    name += f"{8 * size}_{'s' if sign else 'u'}"
                return [*_access(name, offset), self._value(operands[1])]
            case "get":
                return ["global.get", "$g"]
            case "leaf" | "val" | "tok":
                raise NoExample(f"{head} is nothing that a program says")
            case _:
                return [head, *map(self._value, operands)]

    def _variable(self, name: str) -> Tree:
        """A parameter, with the bits that the rule knows of it."""
        value: Tree = ["local.get", f"${name}"]
        if name not in self.masks:
            return value
        kind = TYPES[self.sorts[name]]
        zeros, ones = self.masks[name]
        if zeros:
            value = [f"{kind}.and", value, [f"{kind}.const", str(~zeros)]]
        if ones:
            value = [f"{kind}.or", value, [f"{kind}.const", str(ones)]]
        return value

    def _constant(self, kind: str, operands: Sequence[Tree]) -> Tree:
        bits = [self._number(operand) for operand in operands]
        match kind:
            case "f32":
                return ["f32.const", text_f32(bits[0] & 0xFFFF_FFFF)]
            case "f64":
                return ["f64.const", text_f64(bits[0] & 0xFFFF_FFFF_FFFF_FFFF)]
            case "v128":
                return ["v128.const", "i64x2", *map(str, bits)]
            case _:
                return [f"{kind}.const", str(bits[0])]


def _access(name: str, offset: int) -> list[Tree]:
    return [name, f"offset={offset}"] if offset else [name]


def _chain(node: Tree) -> list[list[Tree]]:
    """The stores of the longest history that a term looks at, the oldest first."""
    if isinstance(node, str):
        return []
    if node[0] in ("tok.store", "tok.set"):
        return [*_chain(node[1]), node]
    return max((_chain(part) for part in node[1:]), key=len, default=[])


def _reads(node: Tree) -> bool:
    """Whether a value looks at memory or at a global."""
    return any(head.startswith(("load.", "get.")) for head in _heads(node))


def _heads(node: Tree) -> Iterator[str]:
    if isinstance(node, list):
        yield str(node[0])
        for part in node[1:]:
            yield from _heads(part)


def _surroundings(left: Tree) -> str:
    """The memory or the global that a left side needs."""
    heads = set(_heads(left))
    if any(head.startswith("get.") or head == "tok.set" for head in heads):
        return '(global $g (export "g") (mut i32) (i32.const 0))\n'
    if any(head.startswith("load.") or head == "tok.store" for head in heads):
        return '(memory (export "m") 1)\n'
    return ""


def _function(name: str, head: Sequence[Tree], body: Sequence[Tree]) -> str:
    first = " ".join(["(func", f'(export "{name}")', *map(flat, head)])
    lines = [first]
    for node in body:
        lines += _lines(node, "  ")
    return "\n".join(lines) + ")\n"


def _lines(node: Tree, indent: str) -> list[str]:
    """A folded instruction, broken after its immediates where it is wide."""
    text = indent + flat(node)
    if len(text) <= WIDE or isinstance(node, str):
        return [text]
    atoms = [part for part in node if isinstance(part, str)]
    lines = [f"{indent}({' '.join(atoms)}"]
    for part in node:
        if not isinstance(part, str):
            lines += _lines(part, indent + "  ")
    lines[-1] += ")"
    return lines
