"""What e-graph terms denote, for the rule prover: sorts, and their encoding as bit vectors.

Written apart from ``rules/``, from the meaning of the operations alone. Values are bit vectors of
their width. A history of a memory is a total map from 32-bit addresses to bytes, read through the
writes above it; addresses and the bytes of an access wrap around. For an access that happened
nothing wrapped (a memory ends at 2^32), so the map is the memory; where none happened, the term
only has to be the same in every rule. A history of a global is the 128 bits of its value. An
operation that may trap has, where it traps, an unspecified value (an uninterpreted function of its
operands), so nothing can be proven that depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import z3  # type: ignore[import-untyped]

from . import z3ops
from .rules_text import Sexp, UnreadableRule, is_number, is_variable, show

BITS: Final = {"I32": 32, "I64": 64, "F32": 32, "F64": 64, "V128": 128, "Ref": 64, "Val": 128}
SIZES: Final = {
    "I32": (1, 2, 4),
    "I64": (1, 2, 4, 8),
    "F32": (4,),
    "F64": (8,),
    "V128": (16,),
    "Ref": (),
}
"""Sizes in bytes of the loads and stores of each sort."""

_SORTS: Final = {"i32": "I32", "i64": "I64", "f32": "F32", "f64": "F64", "v128": "V128"}
_UNARY: Final = frozenset(
    (
        *("clz", "ctz", "popcnt", "extend8_s", "extend16_s", "extend32_s", "eqz"),
        *("abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"),
    )
)
_COMPARE: Final = frozenset(
    (
        *("eqz", "eq", "ne", "lt", "gt", "le", "ge"),
        *(f"{op}_{sign}" for op in ("lt", "gt", "le", "ge") for sign in "su"),
    )
)
_BINARY: Final = frozenset(
    (
        *("add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor"),
        *("shl", "shr_s", "shr_u", "rotl", "rotr", "div", "min", "max", "copysign"),
    )
)
_CONVERSIONS: Final = frozenset(
    ("wrap", "extend", "trunc", "convert", "demote", "promote", "reinterpret")
)
_FIXED: Final = {
    "tok.entry": (("i64", "i64"), "Tok"),
    "tok.opaque": (("i64",), "Tok"),
    "tok.store": (("Tok", "I32", "i64", "i64", "Val"), "Tok"),
    "tok.set": (("Tok", "Val"), "Tok"),
    "ref.is_null": (("Ref",), "I32"),
    "v128.const": (("i64", "i64"), "V128"),
}
_INNER: Final = ("i32", "i64", "f32", "f64")
_PRIMITIVES: Final = frozenset(
    ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "not-i64", "log2", "min", "max")
)


def signature(head: str) -> tuple[tuple[str, ...], str]:
    """Return argument sorts and result sort of a constructor; ``UnreadableRule`` if unknown."""
    fixed = _FIXED.get(head)
    if fixed is not None:
        return fixed
    first, _, rest = head.partition(".")
    if rest in BITS:
        match first:
            case "leaf":
                return ("i64",), rest
            case "select":
                return (rest, rest, "I32"), rest
            case "gamma":
                return ("I32", rest, rest), rest
            case "val":
                return (rest,), "Val"
            case "get":
                return ("Tok",), rest
            case "load":
                return ("Tok", "I32", "i64", "i64", "i64"), rest
    sort = _SORTS.get(first)
    if sort is None or first == "v128" or not rest:
        raise UnreadableRule(f"unknown constructor {head}")
    if rest == "const":
        return ("i64",), sort
    words = rest.split("_")
    inner = [word for word in words if word in _INNER]
    if inner and words[0] in _CONVERSIONS:
        return (_SORTS[inner[0]],), sort
    if rest not in _UNARY and rest not in _BINARY and rest not in _COMPARE:
        raise UnreadableRule(f"unknown constructor {head}")
    result = "I32" if rest in _COMPARE else sort
    return ((sort,) if rest in _UNARY else (sort, sort)), result


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory history: a named unknown map with writes above it, the newest last."""

    base: str
    writes: tuple[tuple[z3.BitVecRef, z3.BitVecRef], ...] = ()


Meaning: TypeAlias = "z3.BitVecRef | Memory"


@dataclass(slots=True)
class Encoder:
    """Encodes the terms and primitives of one rule in one context.

    ``assume`` collects what a match grants (facts, invariants of the tables, definedness of the
    primitives in the query), ``require`` what the actions owe beside their own goals, as
    ``(goal name, condition)``. ``in_query`` says which of the two is being read.
    """

    context: z3.Context
    sorts: dict[str, str]
    globals_only: bool
    in_query: bool = True
    assume: list[z3.BoolRef] = field(default_factory=list)
    require: list[tuple[str, z3.BoolRef]] = field(default_factory=list)
    left_traps: list[z3.BoolRef] = field(default_factory=list)
    right_traps: list[z3.BoolRef] = field(default_factory=list)
    inexact: set[str] = field(default_factory=set)
    bound: dict[str, Meaning] = field(default_factory=dict)
    _facts: int = 0

    def variable(self, name: str) -> Meaning:
        """The meaning of a variable of the rule."""
        known = self.bound.get(name)
        if known is not None:
            return known
        sort = self.sorts.get(name)
        if sort is None:
            raise UnreadableRule(f"nothing says what sort {name} has")
        meaning: Meaning
        if sort == "Tok" and not self.globals_only:
            meaning = Memory(name)
        else:
            width = {"i64": 64, "Tok": 128}.get(sort) or BITS[sort]
            meaning = z3.BitVec(name, width, self.context)
        self.bound[name] = meaning
        return meaning

    def number(self, value: int, width: int = 64) -> z3.BitVecRef:
        """A literal."""
        return z3.BitVecVal(value, width, self.context)

    def value(self, term: Sexp) -> z3.BitVecRef:
        """The meaning of a term that is not a memory history."""
        meaning = self.term(term)
        if isinstance(meaning, Memory):
            raise UnreadableRule(f"{show(term)} is a history, not a value")
        return meaning

    def memory(self, term: Sexp) -> Memory:
        """The meaning of a term that is a memory history."""
        meaning = self.term(term)
        if not isinstance(meaning, Memory):
            raise UnreadableRule(f"{show(term)} is no memory history")
        return meaning

    def term(self, term: Sexp) -> Meaning:
        """The meaning of any term of a value sort, ``Val`` or ``Tok``."""
        if isinstance(term, str):
            if not is_variable(term):
                raise UnreadableRule(f"{term} where a term is expected")
            return self.variable(term)
        head, operands = term[0], term[1:]
        if not isinstance(head, str):
            raise UnreadableRule(f"{show(term)} has no constructor")
        arguments, result = signature(head)
        if len(arguments) != len(operands):
            raise UnreadableRule(f"{head} takes {len(arguments)} arguments, not {len(operands)}")
        first, _, rest = head.partition(".")
        if rest == "const":
            return self._constant(result, operands)
        match first:
            case "leaf":
                return self.opaque(head, BITS[result], [self.primitive(operands[0])])
            case "select":
                a, b, c = (self.value(operand) for operand in operands)
                return z3.If(c != 0, a, b)
            case "gamma":
                c, a, b = (self.value(operand) for operand in operands)
                return z3.If(c != 0, a, b)
            case "val":
                inner = self.value(operands[0])
                return z3.ZeroExt(128 - inner.size(), inner) if inner.size() < 128 else inner
            case "get":
                return z3.Extract(BITS[result] - 1, 0, self.value(operands[0]))
            case "tok":
                return self._token(head, operands)
            case "load":
                return self._load(result, operands)
            case _:
                return self._operation(head, [self.value(operand) for operand in operands], result)

    def _constant(self, sort: str, operands: list[Sexp]) -> z3.BitVecRef:
        values = [self.primitive(operand) for operand in operands]
        if sort == "V128":
            return z3.Concat(values[1], values[0])
        if BITS[sort] == 64:
            return values[0]
        low = z3.Extract(31, 0, values[0])
        self.invariant("canonical constant", z3.SignExt(32, low) == values[0])
        return low

    def invariant(self, name: str, condition: z3.BoolRef) -> None:
        """What the tables guarantee when read, and what a rule owes when it writes."""
        if self.in_query:
            self.assume.append(condition)
        else:
            self.require.append((name, condition))

    def _operation(self, head: str, values: list[z3.BitVecRef], result: str) -> z3.BitVecRef:
        meaning = z3ops.apply(head, values)
        if (head[0] == "f" and not z3ops.is_exact(head)) or "trunc" in head or "convert" in head:
            self.inexact.add(head)
        trap = z3ops.trap_condition(head, values)
        if trap is None:
            return meaning
        (self.left_traps if self.in_query else self.right_traps).append(trap)
        return z3.If(trap, self.opaque(f"undefined:{head}", BITS[result], values), meaning)

    def opaque(self, name: str, width: int, values: list[z3.BitVecRef]) -> z3.BitVecRef:
        """An uninterpreted function of the values."""
        sorts = [value.sort() for value in values]
        return z3.Function(name, *sorts, z3.BitVecSort(width, self.context))(*values)

    # --- histories --------------------------------------------------------------------------------

    def _token(self, head: str, operands: list[Sexp]) -> Meaning:
        match head:
            case "tok.store":
                return self._store(operands)
            case "tok.set":
                return self.value(operands[1])
            case _:
                raise UnreadableRule(f"{head} in a rule: a rule must not look at its identity")

    def _address(self, address: Sexp, offset: Sexp) -> z3.BitVecRef:
        base = self.value(address)
        amount = self.primitive(offset)
        in_range = z3.And(amount >= 0, amount < self.number(1 << 32))
        self.invariant("offset of 32 bits", in_range)
        return base + z3.Extract(31, 0, amount)

    def _store(self, operands: list[Sexp]) -> Memory:
        token, address, offset, size, held = operands
        memory = self.memory(token)
        start = self._address(address, offset)
        value = self.value(held)
        writes = tuple(
            (start + index, z3.Extract(8 * index + 7, 8 * index, value))
            for index in range(self._size(size))
        )
        return Memory(memory.base, memory.writes + writes)

    def _load(self, sort: str, operands: list[Sexp]) -> z3.BitVecRef:
        token, address, offset, size, sign = operands
        memory = self.memory(token)
        start = self._address(address, offset)
        count = self._size(size)
        if count not in SIZES[sort] or sign not in ("0", "1") or (sign == "1" and sort[0] != "I"):
            raise UnreadableRule(f"no load of {count} bytes with sign {sign} gives {sort}")
        parts = [self.byte(memory, start + index) for index in reversed(range(count))]
        raw = z3.Concat(*parts) if count > 1 else parts[0]
        missing = BITS[sort] - 8 * count
        if missing == 0:
            return raw
        return z3.SignExt(missing, raw) if sign == "1" else z3.ZeroExt(missing, raw)

    def byte(self, memory: Memory, address: z3.BitVecRef) -> z3.BitVecRef:
        """The byte at an address: the newest write there, else the unknown content."""
        found = self.opaque(f"memory:{memory.base}", 8, [address])
        for where, what in memory.writes:
            found = z3.If(where == address, what, found)
        return found

    def _size(self, size: Sexp) -> int:
        if not isinstance(size, str) or not is_number(size):
            raise UnreadableRule(f"the size {show(size)} is no number")
        return int(size)

    # --- integers of the engine -------------------------------------------------------------------

    def primitive(self, expression: Sexp) -> z3.BitVecRef:
        """The value of an i64 expression of the engine, with its definedness as an invariant."""
        if isinstance(expression, str):
            if is_number(expression):
                return self.number(int(expression))
            if not is_variable(expression):
                raise UnreadableRule(f"{expression} where an integer is expected")
            meaning = self.variable(expression)
            assert not isinstance(meaning, Memory)
            return meaning
        head = expression[0]
        if not isinstance(head, str):
            raise UnreadableRule(f"{show(expression)} is no integer")
        if head in FACT_TABLES:
            return self._fact(head, expression[1:])
        if head not in _PRIMITIVES:
            raise UnreadableRule(f"unknown primitive {head}")
        if head == "log2" and self.in_query:
            raise UnreadableRule("log2 in a query: the engine panics on 0 whatever stands before")
        values = [self.primitive(operand) for operand in expression[1:]]
        return self._apply(head, values)

    def _fact(self, table: str, operands: list[Sexp]) -> z3.BitVecRef:
        """A row of a fact table read in the query: some mask that is sound for the term."""
        if not self.in_query or len(operands) != 1:
            raise UnreadableRule(f"{table} outside a query")
        self._facts += 1
        mask = z3.BitVec(f"fact{self._facts}", 64, self.context)
        self.assume.append(sound_mask(table, mask, self.value(operands[0])))
        return mask

    def _apply(self, head: str, values: list[z3.BitVecRef]) -> z3.BitVecRef:
        if len(values) != (1 if head in ("not-i64", "log2") else 2):
            raise UnreadableRule(f"{head} takes another number of arguments")
        a, b = values[0], values[-1]
        least = self.number(-1 << 63)
        match head:
            case "+":
                self._defined(z3.BVAddNoOverflow(a, b, True), z3.BVAddNoUnderflow(a, b))
                return a + b
            case "-":
                self._defined(z3.BVSubNoOverflow(a, b), z3.BVSubNoUnderflow(a, b, True))
                return a - b
            case "*":
                self._defined(z3.BVMulNoOverflow(a, b, True), z3.BVMulNoUnderflow(a, b))
                return a * b
            case "/" | "%":
                self._defined(b != 0, z3.Or(a != least, b != -1))
                return a / b if head == "/" else z3.SRem(a, b)
            case "&":
                return a & b
            case "|":
                return a | b
            case "^":
                return a ^ b
            case "<<" | ">>":
                self._defined(z3.ULT(b, 64))
                return a << b if head == "<<" else a >> b
            case "not-i64":
                return ~a
            case "log2":
                self._defined(a > 0)
                return self.number(63) - z3ops.apply("i64.clz", [a])
            case "min":
                return z3.If(a < b, a, b)
            case _:
                return z3.If(a > b, a, b)

    def _defined(self, *conditions: z3.BoolRef) -> None:
        for condition in conditions:
            self.invariant("primitive defined", condition)


FACT_TABLES: Final = {"kz.I32": 32, "kz.I64": 64, "ko.I32": 32, "ko.I64": 64}
"""Fact tables with the width of their keys."""


def sound_mask(table: str, mask: z3.BitVecRef, value: z3.BitVecRef) -> z3.BoolRef:
    """What a row says: the mask's bits of the value are all 0 (``kz``) or all 1 (``ko``)."""
    wide = value if value.size() == 64 else z3.SignExt(64 - value.size(), value)
    held = (mask & wide) == 0 if table.startswith("kz") else (mask & ~wide) == 0
    if value.size() == 64:
        return held
    return z3.And(held, z3.SignExt(32, z3.Extract(31, 0, mask)) == mask)
