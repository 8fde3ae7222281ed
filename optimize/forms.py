"""Terms of one function's e-graph as text: the form in which a choice is kept, and one to read.

The kept form does not depend on class numbers. `$2` is parameter 2, `@7` whatever instruction 7
of the original body computes, everything else is spelled out: `(i32.shl @7 (i32.const 3))`.
Looking a form up gives the term only if the e-graph holds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..egraph import ENode, Saturation, is_term
from ..extract.search import Item
from ..ir.graph import PARAM, PHI, Value
from ..rules.pretty import Tree, readable, tree
from ..wasm.opcodes import BY_NAME, OPCODES
from ..wasm.text_values import text_f32, text_f64, text_v128

__all__ = ["Form", "FormError", "Forms"]

SHOWN_SIZE: Final = 12
"""Operations of a term that are written out for people; below, a value is named by its place."""

MAX_FORM: Final = 4_000
"""Characters of a form that is read: nobody writes larger ones, and reading takes recursion."""

_PLAIN: Final = re.compile(r"[^\w.$@-]")
_CONSTANTS: Final = {
    BY_NAME[f"{kind}.const"]: kind for kind in ("i32", "i64", "f32", "f64", "v128")
}


class FormError(Exception):
    """A form that means nothing in this function; the message says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """One member of a class: `text` is the form to keep, `shown` the one to read.

    `kind` is `own` (what stands there in the original), `operation`, `constant` or `value` (the
    value of another instruction). `item` is what the extraction takes, None for the constant.
    """

    text: str
    shown: str
    kind: str
    item: Item | None


class Forms:
    """The names of all terms of function `ordinal` of a saturated batch.

    `origins` gives the value that each instruction computes, `locals` the names of locals.
    """

    def __init__(
        self,
        saturation: Saturation,
        ordinal: int,
        origins: Mapping[int, Value],
        locals: Mapping[int, str],
    ) -> None:
        self.saturation = saturation
        self.ordinal = ordinal
        self.classes = saturation.classes[ordinal]
        self.locals = locals
        self.origins = {p: v for p, v in sorted(origins.items()) if v.id in self.classes}
        self.position: dict[int, int] = {}
        """Value id to the first instruction that computes it."""
        self.values: dict[int, list[Value]] = {}
        """Class to its original values, in program order."""
        for value in saturation.functions[ordinal].values:
            self.values.setdefault(self.classes[value.id], []).append(value)
        for position, value in self.origins.items():
            self.position.setdefault(value.id, position)
        self._by_node = {
            item: number for number, items in enumerate(saturation.nodes) for item in items
        }
        self._by_constant = {row: number for number, row in saturation.constants.items()}
        self._names: dict[int, tuple[int, str]] = {}
        self._name_all()

    def value_at(self, position: int) -> Value:
        """What an instruction computes. Raises FormError if that is nothing that is needed."""
        value = self.origins.get(position)
        if value is None:
            raise FormError(f"instruction {position} computes no value that is needed")
        return value

    # Names to keep.

    def name(self, number: int) -> str | None:
        """The form of a class as an operand, None if it has none."""
        found = self._names.get(number)
        return None if found is None else found[1]

    def forms(self, value: Value) -> list[Form]:
        """All members of the class of a value, its own term first."""
        number = self.classes[value.id]
        own = self._own(value)
        found = [Form("own", self.shown(value), "own", value)]
        if number in self.saturation.constants and value.op not in _CONSTANTS:
            text = self._constant(number)
            found.append(Form(text, self._readable(text), "constant", None))
        for other in self.values[number]:
            if other is value or other.id not in self.position:
                continue
            if own is None or self._own(other) != own:
                text = self._value_name(other)
                found.append(Form(text, self.shown(other), "value", other))
        if number in self.saturation.constants:
            return found  # what computes a constant is never better than the constant
        for item in self.saturation.nodes[number]:
            name = self._node_name(item)
            if item != own and name is not None:
                found.append(Form(name, self._shown_node(item), "operation", item))
        return found

    def _own(self, value: Value) -> ENode | None:
        if not is_term(value):
            return None
        return value.op, tuple(self.classes[arg.id] for arg in value.args)

    def find(self, value: Value, text: str) -> Item | None:
        """What a form means in the place of a value, None for the constant that it is.

        Raises FormError if it is no form, names nothing in this function, or is not known to be
        equal to the value.
        """
        if text == "own":
            return value
        if len(text) > MAX_FORM:
            raise FormError("longer than any form")
        try:
            node = tree(text)
        except IndexError:
            raise FormError("parentheses do not match") from None
        number = self.classes[value.id]
        item, found = self._look_up(node)
        if found != number:
            raise FormError("not known to be equal to what stands there")
        return item

    def _look_up(self, node: Tree) -> tuple[Item | None, int]:
        """Return a term and its class. Raises FormError."""
        if isinstance(node, str):
            value = self._named(node)
            return value, self.classes[value.id]
        if not node or not isinstance(node[0], str):
            raise FormError("an operation needs a name")
        code = BY_NAME.get(node[0])
        if code is None:
            raise FormError(f"no instruction is called '{node[0]}'")
        if code in _CONSTANTS:
            number = self._by_constant.get((code, _integer(node)))
            if number is None:
                raise FormError("that constant does not occur")
            return None, number
        item = code, tuple([self._look_up(operand)[1] for operand in node[1:]])
        found = self._by_node.get(item)
        if found is None:
            raise FormError("the e-graph does not hold that term")
        return item, found

    def _named(self, name: str) -> Value:
        number = int(name[1:]) if name[1:].isdigit() else -1
        value: Value | None = None
        if name[0] == "@":
            value = self.origins.get(number)
        elif name[0] == "$":
            arguments = self.saturation.functions[self.ordinal].function.arguments
            value = arguments[number] if 0 <= number < len(arguments) else None
        if value is None or value.id not in self.classes:
            raise FormError(f"'{name}' names no value of this function")
        return value

    def _name_all(self) -> None:
        """Name classes by their values, then what rules added by its smallest term."""
        names = self._names
        for number in self.saturation.constants:
            names[number] = 1, self._constant(number)
        for number, values in self.values.items():
            named = [v for v in values if v.op == PARAM or v.id in self.position]
            if number not in names and named:
                names[number] = 1, self._value_name(named[0])
        fixed = set(names)
        changed = True
        while changed:
            changed = False
            for number, items in enumerate(self.saturation.nodes):
                if number in fixed:
                    continue
                for code, args in items:
                    if any(arg not in names for arg in args):
                        continue
                    size = 1 + sum(names[arg][0] for arg in args)
                    if number in names and size > names[number][0]:
                        continue
                    text = f"({OPCODES[code].name}{''.join(' ' + names[a][1] for a in args)})"
                    if number not in names or (size, text) < names[number]:
                        names[number] = size, text
                        changed = True

    def _value_name(self, value: Value) -> str:
        if value.op == PARAM:
            return f"${value.imm[0]}"
        return f"@{self.position[value.id]}"

    def _constant(self, number: int) -> str:
        code, immediate = self.saturation.constants[number]
        return f"({OPCODES[code].name} {immediate})"

    def _node_name(self, item: ENode) -> str | None:
        code, args = item
        names = [self.name(arg) for arg in args]
        if any(name is None for name in names):
            return None
        return f"({OPCODES[code].name}{''.join(f' {name}' for name in names)})"

    # Names to read.

    def shown(self, value: Value) -> str:
        """A value as an expression over named leaves."""
        return self._readable(self._value_text(value, [SHOWN_SIZE]))

    def shown_class(self, number: int) -> str:
        """A class as an expression: its first original value, else its smallest term."""
        return self._readable(self._class_text(number, [SHOWN_SIZE]))

    def operation_name(self, item: ENode) -> str:
        """The instruction of a node, without its operands."""
        return OPCODES[item[0]].name

    def class_text(self, number: int) -> str:
        """A class as a term in the rules' own notation, leaves by their names."""
        return self._class_text(number, [SHOWN_SIZE])

    def leaf_text(self, value: int) -> str:
        """The name of a value by its id."""
        for one in self.saturation.functions[self.ordinal].values:
            if one.id == value:
                return self._leaf(one)
        return f"v{value}"

    def _shown_node(self, item: ENode) -> str:
        return self._readable(self._node_text(item, [SHOWN_SIZE]))

    def _readable(self, text: str) -> str:
        return readable(_decimal(text))

    def _class_text(self, number: int, room: list[int]) -> str:
        if number in self.saturation.constants:
            return self._constant(number)
        values = self.values.get(number)
        if values:
            return self._value_text(values[0], room)
        found = self._names.get(number)
        if found is None or room[0] <= 0:
            return f"class{number}"
        items = self.saturation.nodes[number]
        best = next((i for i in items if self._node_name(i) == found[1]), items[0])
        return self._node_text(best, room)

    def _node_text(self, item: ENode, room: list[int]) -> str:
        room[0] -= 1
        operands = "".join(f" {self._class_text(arg, room)}" for arg in item[1])
        return f"({OPCODES[item[0]].name}{operands})"

    def _value_text(self, value: Value, room: list[int]) -> str:
        if value.op in _CONSTANTS:
            return f"({OPCODES[value.op].name} {value.imm[0]})"
        if not is_term(value) or not value.args:
            return self._leaf(value)
        if room[0] <= 0:
            place = self.position.get(value.id)
            return f"v{value.id}" if place is None else f"@{place}"
        room[0] -= 1
        operands = "".join(f" {self._value_text(arg, room)}" for arg in value.args)
        return f"({OPCODES[value.op].name}{operands})"

    def _leaf(self, value: Value) -> str:
        """The name of a value that is no term: a parameter, a merge, the result of an anchor."""
        place = self.position.get(value.id)
        where = "" if place is None else f"@{place}"
        if value.op == PARAM:
            return self._local(int(value.imm[0]))
        if value.op == PHI:
            origin = value.origin
            local = self._local(origin[1]) if origin is not None and origin[0] == "local" else "phi"
            return f"{local}{where}"
        code = value.op if value.anchor is None else value.anchor.op
        return f"{OPCODES[code].name if code in OPCODES else 'value'}{where}"

    def _local(self, index: int) -> str:
        name = self.locals.get(index)
        return f"${index}" if name is None else _PLAIN.sub("_", name)


def _integer(node: Sequence[Tree]) -> int:
    text = node[1] if len(node) == 2 else ""
    if not isinstance(text, str) or not text.lstrip("-").isdigit():
        raise FormError("a constant needs a number")
    return int(text)


def _decimal(text: str) -> str:
    """Write floats, which forms keep as bits, as the numbers that they are."""
    writers = {"f32": text_f32, "f64": text_f64, "v128": text_v128}
    return re.sub(
        r"\((f32|f64|v128)\.const (\d+)\)",
        lambda found: f"({found[1]}.const {writers[found[1]](int(found[2])).replace(' ', '_')})",
        text,
    )
