"""The words of the rule language: plain immediates, constants and value terms, each its own text.

Arithmetic on ``K`` is Wasm's: it wraps, and every result is in constant form again (i32
sign-extended in 64 bits), because the engine's own primitives are checked and a failing one in an
action aborts the run. Arithmetic on ``N`` is the engine's: rows must keep it in range, and the
prover refuses one that could leave it. Operators on ``V`` build terms and compute nothing.
"""

# The operators mean what they say: ruff's docstrings for magic methods would only repeat them.

from __future__ import annotations

from typing import Final, TypeAlias

from .signature import signed

LOW32: Final = 0xFFFF_FFFF
HIGH32: Final = 0x8000_0000
MIN64: Final = -(1 << 63)


class N:
    """A plain immediate or any expression over immediates: egglog i64 text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: N | int) -> N:
        return N(f"(+ {self.text} {_plain(other)})")

    def __sub__(self, other: N | int) -> N:
        return N(f"(- {self.text} {_plain(other)})")

    def __mul__(self, other: N | int) -> N:
        return N(f"(* {self.text} {_plain(other)})")

    def __lt__(self, other: N | int) -> str:
        return f"(< {self.text} {_plain(other)})"

    def __le__(self, other: N | int) -> str:
        return f"(<= {self.text} {_plain(other)})"

    def __gt__(self, other: N | int) -> str:
        return f"(> {self.text} {_plain(other)})"

    def __ge__(self, other: N | int) -> str:
        return f"(>= {self.text} {_plain(other)})"

    def is_(self, other: N | int) -> str:
        """The condition that both are equal."""
        return f"(= {self.text} {_plain(other)})"

    def is_not(self, other: N | int) -> str:
        """The condition that they differ."""
        return f"(!= {self.text} {_plain(other)})"


def _plain(value: N | int) -> str:
    return str(value) if isinstance(value, int) else value.text


class K:
    """A compile-time constant of ``bits`` bits, in constant form: egglog i64 text."""

    __slots__ = ("bits", "text")

    def __init__(self, text: str, bits: int) -> None:
        self.text = text
        self.bits = bits

    def _of(self, value: K | int) -> str:
        return str(signed(value, self.bits)) if isinstance(value, int) else value.text

    def _wrapped(self, text: str) -> K:
        return K(_wrap32(text) if self.bits == 32 else text, self.bits)

    def __add__(self, other: K | int) -> K:
        if self.bits == 32:
            return self._wrapped(f"(+ {self.text} {self._of(other)})")
        return K(_add64(self.text, self._of(other)), 64)

    def __sub__(self, other: K | int) -> K:
        if self.bits == 32:
            return self._wrapped(f"(- {self.text} {self._of(other)})")
        return K(_sub64(self.text, self._of(other)), 64)

    def __mul__(self, other: K | int) -> K:
        if self.bits != 32:
            raise TypeError("64-bit products are folded by the host: write a term, not a K product")
        return self._wrapped(f"(* {self.text} {self._of(other)})")

    def __neg__(self) -> K:
        return K("0", self.bits) - self

    def __invert__(self) -> K:
        return K(f"(not-i64 {self.text})", self.bits)

    def __and__(self, other: K | int) -> K:
        return K(f"(& {self.text} {self._of(other)})", self.bits)

    def __or__(self, other: K | int) -> K:
        return K(f"(| {self.text} {self._of(other)})", self.bits)

    def __xor__(self, other: K | int) -> K:
        return K(f"(^ {self.text} {self._of(other)})", self.bits)

    def _count(self, count: K | int) -> str:
        if isinstance(count, int):
            return str(count & (self.bits - 1))
        return f"(& {count.text} {self.bits - 1})"

    def shl(self, count: K | int) -> K:
        """Shift left; the count is taken modulo the width."""
        return self._wrapped(f"(<< {self.text} {self._count(count)})")

    def shr_s(self, count: K | int) -> K:
        """Arithmetic shift right; the count is taken modulo the width."""
        return K(f"(>> {self.text} {self._count(count)})", self.bits)

    def shr_u(self, count: K | int) -> K:
        """Logical shift right; the count is taken modulo the width."""
        amount = self._count(count)
        if self.bits == 32:
            return self._wrapped(f"(>> (& {self.text} {LOW32}) {amount})")
        return K(f"(& (>> {self.text} {amount}) (not-i64 (<< (<< -1 1) (- 63 {amount}))))", 64)

    def __lt__(self, other: K | int) -> str:
        return f"(< {self.text} {self._of(other)})"

    def __le__(self, other: K | int) -> str:
        return f"(<= {self.text} {self._of(other)})"

    def __gt__(self, other: K | int) -> str:
        return f"(> {self.text} {self._of(other)})"

    def __ge__(self, other: K | int) -> str:
        return f"(>= {self.text} {self._of(other)})"

    def is_(self, other: K | int) -> str:
        """The condition that both are equal."""
        return f"(= {self.text} {self._of(other)})"

    def is_not(self, other: K | int) -> str:
        """The condition that they differ."""
        return f"(!= {self.text} {self._of(other)})"

    def below(self, other: K | int) -> str:
        """The condition that this is less than the other, unsigned."""
        return f"(< {_order(self.text)} {_order(self._of(other))})"

    def up_to(self, other: K | int) -> str:
        """The condition that this is at most the other, unsigned."""
        return f"(<= {_order(self.text)} {_order(self._of(other))})"

    def as32(self) -> K:
        """The low 32 bits as an i32 constant."""
        return K(_wrap32(self.text), 32)

    def as64(self) -> K:
        """This constant sign-extended to 64 bits."""
        return K(self.text, 64)

    def unsigned(self) -> N:
        """The value of an i32 constant as a plain number from 0 to 2^32 - 1."""
        return N(f"(& {self.text} {LOW32})")


def _wrap32(text: str) -> str:
    return f"(- (^ (& {text} {LOW32}) {HIGH32}) {HIGH32})"


def _add64(a: str, b: str) -> str:
    """Wrapping 64-bit sum out of two 32-bit halves, since the engine's + is checked."""
    low = f"(+ (& {a} {LOW32}) (& {b} {LOW32}))"
    high = f"(+ (+ (>> {a} 32) (>> {b} 32)) (>> {low} 32))"
    return f"(| (<< {high} 32) (& {low} {LOW32}))"


def _sub64(a: str, b: str) -> str:
    low = f"(- (& {a} {LOW32}) (& {b} {LOW32}))"
    high = f"(+ (- (>> {a} 32) (>> {b} 32)) (>> {low} 32))"
    return f"(| (<< {high} 32) (& {low} {LOW32}))"


def _order(text: str) -> str:
    """A key that orders as unsigned: flipping the top bit serves sign-extended i32 as well."""
    return f"(^ {text} {MIN64})"


def log2(k: K) -> K:
    """The position of the highest set bit of a positive constant."""
    return K(f"(log2 {k.text})", k.bits)


def smaller(a: K, b: K | int) -> K:
    """The smaller of two constants, signed."""
    return K(f"(min {a.text} {a._of(b)})", a.bits)


def is_pow2(k: K) -> tuple[str, ...]:
    """The conditions that k is a power of two from 2 up to the largest positive constant."""
    return (k > 1, f"(= 0 (& {k.text} (- {k.text} 1)))")


def in_width(*counts: K) -> tuple[str, ...]:
    """The conditions that each is a shift count from 0 to width - 1."""
    return tuple(c for k in counts for c in (k >= 0, k < k.bits))


class Tok:
    """The text of a history term."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Val:
    """The text of a value on its way into a space."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class V:
    """A value term: its text and sort. Operators and methods build terms; none computes."""

    __slots__ = ("sort", "text")

    def __init__(self, text: str, sort: str) -> None:
        self.text = text
        self.sort = sort

    @property
    def bits(self) -> int:
        """The width of an integer term."""
        return 32 if self.sort == "I32" else 64

    def of(self, value: V | K | int) -> V:
        """The value as a term of this term's sort."""
        if isinstance(value, V):
            return value
        text = str(signed(value, self.bits)) if isinstance(value, int) else value.text
        return V(f"({self.sort.lower()}.const {text})", self.sort)

    def op(self, name: str, *others: V | K | int, sort: str = "") -> V:
        """``name`` of this type applied to this term and the others; ``sort`` of the result."""
        operands = " ".join([self.text, *(self.of(other).text for other in others)])
        return V(f"({self.sort.lower()}.{name} {operands})", sort or self.sort)

    def __add__(self, other: V | K | int) -> V:
        return self.op("add", other)

    def __sub__(self, other: V | K | int) -> V:
        return self.op("sub", other)

    def __mul__(self, other: V | K | int) -> V:
        return self.op("mul", other)

    def __and__(self, other: V | K | int) -> V:
        return self.op("and", other)

    def __or__(self, other: V | K | int) -> V:
        return self.op("or", other)

    def __xor__(self, other: V | K | int) -> V:
        return self.op("xor", other)

    def __neg__(self) -> V:
        return self.of(0).op("sub", self)

    def __invert__(self) -> V:
        return self.op("xor", -1)

    def shl(self, count: V | K | int) -> V:
        """Shift left."""
        return self.op("shl", count)

    def shr_s(self, count: V | K | int) -> V:
        """Arithmetic shift right."""
        return self.op("shr_s", count)

    def shr_u(self, count: V | K | int) -> V:
        """Logical shift right."""
        return self.op("shr_u", count)

    def rotl(self, count: V | K | int) -> V:
        """Rotate left."""
        return self.op("rotl", count)

    def cmp(self, name: str, other: V | K | int) -> V:
        """A comparison (``eq``, ``lt_u``, ...): an i32 that is 0 or 1."""
        return self.op(name, other, sort="I32")


I32: TypeAlias = V
I64: TypeAlias = V
F32: TypeAlias = V
F64: TypeAlias = V
V128: TypeAlias = V
K32: TypeAlias = K
K64: TypeAlias = K


def eqz(x: V) -> V:
    """1 where x is 0, else 0."""
    return V(f"({x.sort.lower()}.eqz {x.text})", "I32")


def select(a: V, b: V | K | int, c: V) -> V:
    """A where c is not 0, else b."""
    return V(f"(select.{a.sort} {a.text} {a.of(b).text} {c.text})", a.sort)


def const(k: K) -> V:
    """The constant as a term."""
    sort = "I32" if k.bits == 32 else "I64"
    return V(f"({sort.lower()}.const {k.text})", sort)


def number(value: int, sort: str) -> V:
    """A literal constant term of an integer sort."""
    return V("", sort).of(value)


def convert(name: str, x: V) -> V:
    """A unary operation by full spec name, for instance ``i64.extend_i32_u``."""
    return V(f"({name} {x.text})", name[:3].upper())
