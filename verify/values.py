"""Normalising constructors of pure values.

Every function takes and gives terms (see ``terms.py``) and is sound by itself: the result equals
the operator's total value for all inputs. Canonical forms, which everything else relies on:

- sums, differences, negations and products or left shifts by constants are one ``lin`` node
  (coefficients and a constant, terms in order), and so is an ``or`` or ``xor`` of disjoint bits;
- equality is ``nz`` of a difference; ``le``, ``gt``, ``ge`` and ``ne`` are swapped or negated
  ``lt`` and ``eq``; comparisons with a constant are ``lt(x, c)``;
- narrowing is ``ext`` (the low bits), widening ``zext`` and ``sext``;
- a comparison on the Wasm stack is a diagram with leaves 1 and 0.
"""

from typing import Any, Final

from . import conditions, widths
from .concrete import BITWISE_FLOAT, COMPARISONS, OPERATORS, is_nan, result_width, traps
from .terms import FALSE, TRUE, Terms

MAX_SUM: Final = 12
"""Terms of one sum: longer ones stay nested, which costs normal form and not soundness."""

_COMMUTATIVE: Final = frozenset(("and", "or", "xor", "mul"))


class Values:
    """Value constructors over one store of terms."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.raw: dict[tuple[Any, ...], int] = {}
        """Operator and operands to result: the new body mostly asks what the original asked."""
        self._masks: dict[int, int] = {}
        self._truths: dict[int, int] = {}
        self.zero = terms.constant(0, 32)
        self.one = terms.constant(1, 32)

    def apply(self, name: str, *operands: int) -> int:
        """The term of a pure operator by its spec name."""
        key = (name, *operands)
        found = self.raw.get(key)
        if found is None:
            found = self.raw[key] = self._apply(name, operands)
        return found

    def _apply(self, name: str, operands: tuple[int, ...]) -> int:
        terms = self.terms
        flat = terms.flat
        if name in OPERATORS and all(flat[x] for x in operands) and name != "select":
            if all(terms.nodes[x][0] == "c" for x in operands):
                return self._fold(name, operands)
            spread = terms.spread(lambda *xs: self.apply(name, *xs), operands)
            if spread is not None:
                return spread
        prefix, _, operation = name.partition(".")
        if prefix in ("i32", "i64"):
            return self._integer(name, operation, 32 if prefix == "i32" else 64, operands)
        if prefix in ("f32", "f64"):
            return self._float(name, prefix, operation, operands)
        if name == "select":
            a, b, condition = operands
            return terms.ite(self.truth(condition), a, b)
        return self.opaque(name, operands)

    def opaque(self, name: str, operands: tuple[int, ...]) -> int:
        """An operator application that nothing simplifies."""
        return self.terms.make(result_width(name), name, None, *operands)

    def _fold(self, name: str, operands: tuple[int, ...]) -> int:
        """Fold constants; a float operation that involves a NaN stays as it is."""
        terms = self.terms
        values = [terms.nodes[x][1][0] for x in operands]
        width = result_width(name)
        if "f32" in name or "f64" in name:
            result = OPERATORS[name](*values)
            moves_bits = name in BITWISE_FLOAT or "reinterpret" in name
            if not moves_bits and name[0] == "f" and name.partition(".")[2] not in COMPARISONS:
                operand_nan = name.startswith("f") and any(
                    is_nan(v, terms.widths[x])
                    for v, x in zip(values, operands, strict=True)
                    if "convert_i" not in name
                )
                if operand_nan or is_nan(result, width):
                    return self.opaque(name, operands)
            return terms.constant(result, width)
        return terms.constant(OPERATORS[name](*values), width)

    # --- integers -------------------------------------------------------------------------------

    def _integer(self, name: str, operation: str, width: int, operands: tuple[int, ...]) -> int:
        if len(operands) == 1:
            return self._unary(name, operation, width, operands[0])
        a, b = operands
        match operation:
            case "add":
                return self.add(a, b)
            case "sub":
                return self.linear(width, 0, ((a, 1), (b, -1)))
            case "and" | "or" | "xor":
                return self._bitwise(name, operation, width, a, b)
            case "mul":
                return self._multiply(name, width, a, b)
            case "shl" | "shr_u" | "shr_s" | "rotl" | "rotr":
                return self._shift(name, operation, width, a, b)
            case "div_u" | "rem_u" | "div_s" | "rem_s":
                return self._divide(name, operation, width, a, b)
        return self.from_truth(self.compare(operation, a, b))

    def _unary(self, name: str, operation: str, width: int, x: int) -> int:
        match operation:
            case "eqz":
                return self.from_truth(self.terms.negate(self.truth(x)))
            case "wrap_i64":
                return self.low(x, 32)
            case "extend_i32_u":
                return self.zero_extend(x, 64)
            case "extend_i32_s":
                return self.sign_extend(x, 64)
            case "extend8_s":
                return self.sign_extend(self.low(x, 8), width)
            case "extend16_s":
                return self.sign_extend(self.low(x, 16), width)
            case "extend32_s":
                return self.sign_extend(self.low(x, 32), width)
            case "reinterpret_f32" | "reinterpret_f64":
                return x
        if operation.startswith("trunc_sat_"):
            # The total value of the trapping conversion is the saturating one.
            return self.opaque(name.replace("trunc_sat_", "trunc_"), (x,))
        return self.opaque(name, (x,))

    def add(self, a: int, b: int) -> int:
        """``a + b`` of one width."""
        return self.linear(self.terms.widths[a], 0, ((a, 1), (b, 1)))

    def plus(self, a: int, k: int) -> int:
        """``a + k`` for a constant ``k``."""
        if k == 0:
            return a
        key = ("+", a, k)
        found = self.raw.get(key)
        if found is None:
            found = self.raw[key] = self.linear(self.terms.widths[a], k, ((a, 1),))
        return found

    def linear(self, width: int, constant: int, parts: tuple[tuple[int, int], ...]) -> int:
        """The sum of ``constant`` and coefficient times term for all parts, modulo 2^width."""
        terms, mask = self.terms, (1 << width) - 1
        nodes = terms.nodes
        total: dict[int, int] = {}
        for term, factor in parts:
            node = nodes[term]
            if node[0] == "c":
                constant += factor * node[1][0]
            elif node[0] == "lin":
                offset, factors = node[1]
                constant += factor * offset
                for inner, own in zip(node[2:], factors, strict=True):
                    total[inner] = total.get(inner, 0) + factor * own
            else:
                total[term] = total.get(term, 0) + factor
        constant &= mask
        items = sorted((t, f & mask) for t, f in total.items() if f & mask)
        if not items:
            return terms.constant(constant, width)
        if len(items) == 1 and constant == 0 and items[0][1] == 1:
            return items[0][0]
        if len(items) > MAX_SUM:
            items = [(t, f & mask) for t, f in parts if nodes[t][0] != "c"]
            constant = sum(f * nodes[t][1][0] for t, f in parts if nodes[t][0] == "c") & mask
        return terms.make(
            width, "lin", (constant, tuple(f for _, f in items)), *[t for t, _ in items]
        )

    def split(self, term: int) -> tuple[int, int]:
        """``(base, k)`` with ``term == base + k``; the base of a constant is zero."""
        terms = self.terms
        node = terms.nodes[term]
        if node[0] == "lin":
            constant, factors = node[1]
            if constant == 0:
                return term, 0
            width = terms.widths[term]
            return self.linear(width, 0, tuple(zip(node[2:], factors, strict=True))), constant
        if node[0] == "c":
            return terms.constant(0, node[1][1]), node[1][0]
        return term, 0

    def _multiply(self, name: str, width: int, a: int, b: int) -> int:
        value_of = self.terms.value_of
        for x, y in ((a, b), (b, a)):
            k = value_of(y)
            if k is not None:
                return self.linear(width, 0, ((x, k),))
        return self.opaque(name, (a, b) if a < b else (b, a))

    def _bitwise(self, name: str, operation: str, width: int, a: int, b: int) -> int:
        terms, full = self.terms, (1 << width) - 1
        if a == b:
            return terms.constant(0, width) if operation == "xor" else a
        if terms.nodes[a][0] == "c" or (a > b and terms.nodes[b][0] != "c"):
            a, b = b, a
        k = terms.value_of(b)
        if operation == "and":
            return self._and(name, width, a, b, k)
        if k == 0:
            return a
        if k == full:
            return b if operation == "or" else self.linear(width, -1, ((a, -1),))
        if self.ones(a) & self.ones(b) == 0:
            return self.add(a, b)
        node = terms.nodes[a]
        if k is not None and node[0] == name:
            inner = terms.value_of(node[3])
            if inner is not None:
                merged = inner | k if operation == "or" else inner ^ k
                return self.apply(name, node[2], terms.constant(merged, width))
        return self.opaque(name, (a, b))

    def _and(self, name: str, width: int, a: int, b: int, k: int | None) -> int:
        terms = self.terms
        if k is None:
            return self.opaque(name, (a, b))
        ones = self.ones(a)
        if ones & ~k == 0:
            return a
        if ones & k == 0:
            return terms.constant(0, width)
        node = terms.nodes[a]
        if node[0] == name:
            inner = terms.value_of(node[3])
            if inner is not None:
                return self.apply(name, node[2], terms.constant(inner & k, width))
        narrow = k.bit_length()
        if narrow in (8, 16, 32) and narrow < width and k == (1 << narrow) - 1:
            return self.zero_extend(self.low(a, narrow), width)
        return self.opaque(name, (a, b))

    def _shift(self, name: str, operation: str, width: int, a: int, b: int) -> int:
        terms = self.terms
        k = terms.value_of(b)
        if k is None:
            node = terms.nodes[b]
            if node[0] == f"i{width}.and":
                mask = terms.value_of(node[3])
                if mask is not None and mask & (width - 1) == width - 1:
                    return self.apply(name, a, node[2])
            return self.opaque(name, (a, b))
        k &= width - 1
        if k == 0:
            return a
        match operation:
            case "shl":
                return self.linear(width, 0, ((a, 1 << k),))
            case "rotr":
                return self.apply(f"i{width}.rotl", a, terms.constant(width - k, width))
            case "shr_u" | "shr_s":
                return self._shift_right(name, operation, width, a, k)
        return self.opaque(name, (a, terms.constant(k, width)))

    def _shift_right(self, name: str, operation: str, width: int, a: int, k: int) -> int:
        terms = self.terms
        ones = self.ones(a)
        if operation == "shr_s" and ones >> (width - 1) == 0:
            return self.apply(f"i{width}.shr_u", a, terms.constant(k, width))
        if ones >> k == 0 and operation == "shr_u":
            return terms.constant(0, width)
        node = terms.nodes[a]
        if node[0] == "lin" and node[1] == (0, (1 << k,)):
            # (x << k) >> k keeps the low bits.
            if operation == "shr_u":
                low = terms.constant((1 << (width - k)) - 1, width)
                return self.apply(f"i{width}.and", node[2], low)
            if width - k in (8, 16, 32):
                return self.sign_extend(self.low(node[2], width - k), width)
        if node[0] == name:
            inner = terms.value_of(node[3])
            if inner is not None:
                together = inner + k
                if together >= width:
                    if operation == "shr_u":
                        return terms.constant(0, width)
                    together = width - 1
                return self.apply(name, node[2], terms.constant(together, width))
        return self.opaque(name, (a, terms.constant(k, width)))

    def _divide(self, name: str, operation: str, width: int, a: int, b: int) -> int:
        terms = self.terms
        k = terms.value_of(b)
        if k is None or k == 0:
            return self.opaque(name, (a, b))
        if k == 1:
            return a if operation.startswith("div") else terms.constant(0, width)
        if operation.endswith("_u") and k & (k - 1) == 0:
            if operation == "div_u":
                shift = terms.constant(k.bit_length() - 1, width)
                return self.apply(f"i{width}.shr_u", a, shift)
            return self.apply(f"i{width}.and", a, terms.constant(k - 1, width))
        if operation == "rem_s" and k == (1 << width) - 1:
            return terms.constant(0, width)
        return self.opaque(name, (a, b))

    # --- widths and conditions ------------------------------------------------------------------

    def low(self, x: int, width: int) -> int:
        """The low ``width`` bits."""
        return widths.low(self, x, width)

    def bits(self, x: int, at: int, width: int) -> int:
        """``width`` bits from bit ``at`` on."""
        return widths.bits(self, x, at, width)

    def zero_extend(self, x: int, width: int) -> int:
        """Widen with zeros."""
        return widths.zero_extend(self, x, width)

    def sign_extend(self, x: int, width: int) -> int:
        """Widen with copies of the sign bit."""
        return widths.sign_extend(self, x, width)

    def ones(self, x: int) -> int:
        """A mask of the bits that may be set."""
        found = self._masks.get(x)
        if found is None:
            found = self._masks[x] = widths.possible_ones(self, x)
        return found

    def limit(self, x: int, mask: int) -> None:
        """Take for granted that a free symbol has no other bits than these."""
        self._masks[x] = mask

    def from_truth(self, condition: int) -> int:
        """A condition as the 32-bit 1 or 0 on the stack."""
        return self.terms.ite(condition, self.one, self.zero)

    def truth(self, x: int) -> int:
        """The condition that a value is not zero."""
        found = self._truths.get(x)
        if found is None:
            found = self._truths[x] = conditions.nonzero(self, x)
        return found

    def compare(self, operation: str, a: int, b: int) -> int:
        """A comparison of two values of one width, as a condition."""
        return conditions.compare(self, operation, a, b)

    # --- floats and the rest --------------------------------------------------------------------

    def _float(self, name: str, prefix: str, operation: str, operands: tuple[int, ...]) -> int:
        terms = self.terms
        if operation in COMPARISONS:
            a, b = operands
            if operation in ("gt", "ge"):
                a, b = b, a
            kind = {"gt": "lt", "ge": "le", "ne": "eq"}.get(operation, operation)
            if kind == "eq" and a > b:
                a, b = b, a
            condition = terms.literal(terms.make(0, f"{prefix}.{kind}", None, a, b))
            return self.from_truth(terms.negate(condition) if operation == "ne" else condition)
        width = int(prefix[1:])
        top = 1 << (width - 1)
        match operation:
            case "reinterpret_i32" | "reinterpret_i64":
                return operands[0]
            case "neg":
                return self.apply(f"i{width}.xor", operands[0], terms.constant(top, width))
            case "abs":
                return self.apply(f"i{width}.and", operands[0], terms.constant(top - 1, width))
            case "sub" | "div":
                return self._by_constant(name, prefix, operands)
        return self.opaque(name, operands)

    def _by_constant(self, name: str, prefix: str, operands: tuple[int, ...]) -> int:
        """``x - c`` is ``x + -c``, and ``x / c`` is ``x * (1 / c)`` for powers of two.

        Exactly, if ``c`` is no NaN and its reciprocal is a normal number: both are then the same
        real number rounded once, and a NaN can come from ``x`` alone.
        """
        terms = self.terms
        x, y = operands
        bits, width = terms.value_of(y), terms.widths[y]
        if bits is None or is_nan(bits, width):
            return self.opaque(name, operands)
        top = 1 << (width - 1)
        if name.endswith("sub"):
            return self.apply(f"{prefix}.add", x, terms.constant(bits ^ top, width))
        fraction, bias = (23, 127) if width == 32 else (52, 1023)
        exponent = (bits & (top - 1)) >> fraction
        if bits & ((1 << fraction) - 1) or not 0 < exponent < 2 * bias:
            return self.opaque(name, operands)
        reciprocal = (bits & top) | ((2 * bias - exponent) << fraction)
        return self.apply(f"{prefix}.mul", x, terms.constant(reciprocal, width))

    def trap(self, name: str, operands: tuple[int, ...]) -> int:
        """The condition under which a partial operator traps."""
        terms = self.terms
        operation = name.partition(".")[2]
        if operation.startswith("trunc_f"):
            (x,) = operands
            value = terms.value_of(x)
            if value is None:
                return terms.literal(terms.make(0, "trap", name, x))
            return TRUE if traps(name, (value,)) else FALSE
        a, b = operands
        zero = terms.negate(self.truth(b))
        if operation != "div_s":
            return zero
        width = terms.widths[a]
        least = terms.constant(1 << (width - 1), width)
        overflow = terms.both(
            conditions.equal(self, b, terms.constant(-1, width)), conditions.equal(self, a, least)
        )
        return terms.either(zero, overflow)
