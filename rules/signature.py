"""The e-graph signature as data: sorts, constructors, fact tables and rule sets, from opcode names.

Everything that talks about e-graph terms (the rule language, the engine, the prover) reads this
table; nobody else writes a constructor's argument list down.

Sorts
    ``I32 I64 F32 F64 V128`` are the value types, ``Ref`` any reference. ``Tok`` is the history of
    one space (one memory, one global): terms of it are matched by rules and never extracted.
    ``Val`` is a value of any type on its way into a space (``val.I32 v``). ``i64`` is egglog's
    own integer, used for immediates.

Terms and what they denote
    ``(i32.const k)``           k sign-extended to 64 bits; ``f32.const`` likewise holds its bit
                                pattern sign-extended, ``i64`` and ``f64`` fill the 64 bits.
    ``(v128.const low high)``   the two halves as signed 64-bit integers.
    ``(leaf.S id)``             an opaque value; id is function ordinal * 2**32 + value id.
    ``(i32.add x y)`` ...       every pure operation under its spec name, operands in Wasm order.
                                Those that may trap (``TRAPPING``) denote a total value: where the
                                operation would trap it is unspecified; no rule relies on it.
    ``(select.S a b c)``        a where c is not 0, else b: Wasm's operand order.
    ``(gamma.S c a b)``         the merge of an if: a where c is not 0, else b. Never extracted.
    ``(tok.entry f space)``     the space as it is when function ordinal f is entered.
    ``(tok.opaque id)``         a history about which nothing is known (after a call, at a loop).
    ``(tok.store t addr offset size v)``   memory t after ``size`` bytes of v were stored.
    ``(load.S t addr offset size sign)``   the load of ``size`` bytes; sign is 1 for ``_s`` forms.
    ``(tok.set t v)``, ``(get.S t)``       the same for a global.

A memory history denotes a total array of bytes whose 2^32 addresses wrap around: ``addr + offset``
is taken modulo 2^32. For every access that happened nothing wrapped, since no memory is larger, so
the term equals what the access saw; the anchors that stay in the skeleton answer for bounds.
Memories with 64-bit addresses stay opaque.

``(kz.S x)`` and ``(ko.S x)`` hold the bits of x known to be 0 and 1, in the same sign-extended
form; a class without a row has no known bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VALUE_SORTS: Final = ("I32", "I64", "F32", "F64", "V128", "Ref")
SORTS: Final = (*VALUE_SORTS, "Val", "Tok")
INTEGER: Final = "i64"

RULESETS: Final = ("fold", "opt", "comm", "analysis", "walk", "assoc")
"""Rule sets in the order one round runs them. ``fold`` and ``analysis`` are cheap up to their
fixpoint; ``walk`` (loads past disjoint stores) and ``assoc`` can grow the graph: back-off only."""

SORT_OF_TYPE: Final = {
    "i32": "I32",
    "i64": "I64",
    "f32": "F32",
    "f64": "F64",
    "v128": "V128",
    "ref": "Ref",
}

_INTEGER_BINARY = (
    "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"  # two of the width
)
_INTEGER_COMPARE = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
_INTEGER_UNARY = "clz ctz popcnt extend8_s extend16_s"
_FLOAT_BINARY = "add sub mul div min max copysign"
_FLOAT_COMPARE = "eq ne lt gt le ge"
_FLOAT_UNARY = "abs neg ceil floor trunc nearest sqrt"
_CONVERSIONS = (
    "i32.wrap_i64 i64.extend_i32_s i64.extend_i32_u f32.demote_f64 f64.promote_f32 "
    "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64"
)

TRAPPING: Final = frozenset(
    f"{i}.{op}"
    for i in ("i32", "i64")
    for op in (
        *("div_s", "div_u", "rem_s", "rem_u"),
        *(f"trunc_{f}_{sign}" for f in ("f32", "f64") for sign in "su"),
    )
)
"""Constructors whose operation may trap. Extraction may place one only where it cannot."""


@dataclass(frozen=True, slots=True)
class Constructor:
    """One constructor: its name, argument sorts (or ``i64`` for an immediate) and result sort."""

    name: str
    arguments: tuple[str, ...]
    result: str
    extractable: bool = True

    @property
    def line(self) -> str:
        """The egglog declaration."""
        tail = "" if self.extractable else " :unextractable"
        return f"(constructor {self.name} ({' '.join(self.arguments)}) {self.result}{tail})"


def _operations() -> dict[str, tuple[tuple[str, ...], str]]:
    """Argument and result sorts of every pure scalar operation, by spec name."""
    table: dict[str, tuple[tuple[str, ...], str]] = {}
    for width, sort in (("i32", "I32"), ("i64", "I64")):
        for op in _INTEGER_BINARY.split():
            table[f"{width}.{op}"] = ((sort, sort), sort)
        for op in _INTEGER_COMPARE.split():
            table[f"{width}.{op}"] = ((sort, sort), "I32")
        for op in _INTEGER_UNARY.split():
            table[f"{width}.{op}"] = ((sort,), sort)
        table[f"{width}.eqz"] = ((sort,), "I32")
        for kind, source in (("f32", "F32"), ("f64", "F64")):
            for sign in "su":
                table[f"{width}.trunc_{kind}_{sign}"] = ((source,), sort)
                table[f"{width}.trunc_sat_{kind}_{sign}"] = ((source,), sort)
                table[f"{kind}.convert_{width}_{sign}"] = ((sort,), source)
    table["i64.extend32_s"] = (("I64",), "I64")
    for width, sort in (("f32", "F32"), ("f64", "F64")):
        for op in _FLOAT_BINARY.split():
            table[f"{width}.{op}"] = ((sort, sort), sort)
        for op in _FLOAT_COMPARE.split():
            table[f"{width}.{op}"] = ((sort, sort), "I32")
        for op in _FLOAT_UNARY.split():
            table[f"{width}.{op}"] = ((sort,), sort)
    for name in _CONVERSIONS.split():
        result, rest = name.split(".")
        source = rest.split("_")[1]
        table[name] = ((SORT_OF_TYPE[source],), SORT_OF_TYPE[result])
    table["ref.is_null"] = (("Ref",), "I32")
    return table


def _constructors() -> dict[str, Constructor]:
    rows = [
        Constructor(name, arguments, result)
        for name, (arguments, result) in sorted(_operations().items())
    ]
    for kind in ("i32", "i64", "f32", "f64"):
        rows.append(Constructor(f"{kind}.const", (INTEGER,), SORT_OF_TYPE[kind]))
    rows.append(Constructor("v128.const", (INTEGER, INTEGER), "V128"))
    for sort in VALUE_SORTS:
        rows.append(Constructor(f"leaf.{sort}", (INTEGER,), sort))
        rows.append(Constructor(f"select.{sort}", (sort, sort, "I32"), sort))
        rows.append(Constructor(f"gamma.{sort}", ("I32", sort, sort), sort, False))
        rows.append(Constructor(f"val.{sort}", (sort,), "Val", False))
        rows.append(Constructor(f"get.{sort}", ("Tok",), sort, False))
        if sort != "Ref":
            rows.append(
                Constructor(f"load.{sort}", ("Tok", "I32", INTEGER, INTEGER, INTEGER), sort, False)
            )
    rows.append(Constructor("tok.entry", (INTEGER, INTEGER), "Tok", False))
    rows.append(Constructor("tok.opaque", (INTEGER,), "Tok", False))
    rows.append(Constructor("tok.store", ("Tok", "I32", INTEGER, INTEGER, "Val"), "Tok", False))
    rows.append(Constructor("tok.set", ("Tok", "Val"), "Tok", False))
    return {row.name: row for row in rows}


CONSTRUCTORS: Final = _constructors()
"""Every constructor by name. An operation that is missing here is a leaf in the e-graph."""

FACTS: Final = {f"{fact}.{sort}": sort for fact in ("kz", "ko") for sort in ("I32", "I64")}
"""Fact tables (name to key sort): i64 masks that only ever gain bits."""

ASK_SORTS: Final = ("I32", "I64")
_ASKED_BOTH = "div_s div_u rem_s rem_u rotl rotr clz ctz popcnt extend8_s extend16_s"
ASKED: Final = (
    "i64.mul",
    "i64.extend32_s",
    *(f"{width}.{op}" for width in ("i32", "i64") for op in _ASKED_BOTH.split()),
)
"""Operations folded by the host. Row ``(ask.S class number a b)`` asks for ASKED[number] of the
constants a and b (b is 0 for a unary one); the host answers with a row ``(ans.S number a b r)``,
r in constant form, or not at all where the operation traps."""


def header() -> list[str]:
    """Return the egglog declarations of everything above, one command an entry."""
    lines = [f"(sort {sort})" for sort in SORTS]
    lines += [f"(ruleset {name})" for name in RULESETS]
    lines += [row.line for row in CONSTRUCTORS.values()]
    lines += [
        f"(function {name} ({sort}) {INTEGER} :merge (| old new))" for name, sort in FACTS.items()
    ]
    for sort in ASK_SORTS:
        lines.append(f"(relation ask.{sort} ({sort} {INTEGER} {INTEGER} {INTEGER}))")
        lines.append(f"(relation ans.{sort} ({INTEGER} {INTEGER} {INTEGER} {INTEGER}))")
    return lines


def signed(bits: int, width: int) -> int:
    """Return the low ``width`` bits of ``bits`` as a signed integer: the form of constants."""
    half = 1 << (width - 1)
    return ((bits & ((1 << width) - 1)) ^ half) - half


def constant_row(sort: str, immediate: int) -> tuple[int, ...]:
    """Return the integer arguments of ``S``'s const constructor for a Wasm immediate.

    The immediate is what an instruction carries: signed for integers, a bit pattern for floats
    and vectors. ``KeyError`` for a sort without constants.
    """
    match sort:
        case "I32" | "F32":
            return (signed(immediate, 32),)
        case "I64" | "F64":
            return (signed(immediate, 64),)
        case "V128":
            return (signed(immediate, 64), signed(immediate >> 64, 64))
        case _:
            raise KeyError(sort)


def constant_immediate(sort: str, row: tuple[int, ...]) -> int:
    """Return the Wasm immediate for a const constructor's arguments: inverse of constant_row."""
    match sort:
        case "I32" | "I64":
            return row[0]
        case "F32":
            return row[0] & 0xFFFF_FFFF
        case "F64":
            return row[0] & 0xFFFF_FFFF_FFFF_FFFF
        case "V128":
            mask = 0xFFFF_FFFF_FFFF_FFFF
            return (row[0] & mask) | ((row[1] & mask) << 64)
        case _:
            raise KeyError(sort)


_SIZES: Final = {"8": 1, "16": 2, "32": 4}
_FULL_SIZE: Final = {"I32": 4, "I64": 8, "F32": 4, "F64": 8, "V128": 16}


def load_shape(name: str) -> tuple[str, int, int] | None:
    """Return ``(sort, size, sign)`` of a load by spec name (``i64.load8_s``), None if opaque.

    Vector loads that widen, splat or fill a lane are opaque.
    """
    kind, _, operation = name.partition(".")
    sort = SORT_OF_TYPE.get(kind)
    if sort is None or not operation.startswith("load"):
        return None
    if operation == "load":
        return sort, _FULL_SIZE[sort], 0
    bits, _, sign = operation[4:].partition("_")
    if sort == "V128" or bits not in _SIZES or sign not in ("s", "u"):
        return None
    return sort, _SIZES[bits], int(sign == "s")


def store_shape(name: str) -> tuple[str, int] | None:
    """Return ``(sort, size)`` of a store by spec name (``i32.store16``), None if opaque."""
    kind, _, operation = name.partition(".")
    sort = SORT_OF_TYPE.get(kind)
    if sort is None or not operation.startswith("store"):
        return None
    if operation == "store":
        return sort, _FULL_SIZE[sort]
    if sort == "V128" or operation[5:] not in _SIZES:
        return None
    return sort, _SIZES[operation[5:]]
