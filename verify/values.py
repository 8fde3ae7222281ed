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

from .concrete import BITWISE_FLOAT, COMPARISONS, OPERATORS, is_nan, result_width, signed, traps
from .terms import FALSE, LEAF, TRUE, Terms

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

    # --- widths ---------------------------------------------------------------------------------

    def low(self, x: int, width: int) -> int:
        """The low ``width`` bits."""
        terms = self.terms
        own = terms.widths[x]
        if own == width:
            return x
        node = terms.nodes[x]
        match node[0]:
            case "c":
                return terms.constant(node[1][0], width)
            case "ext":
                if node[1] == 0:
                    return self.low(node[2], width)
                return self.bits(node[2], node[1], width)
            case "zext" | "sext":
                inner = terms.widths[node[2]]
                if inner >= width:
                    return self.low(node[2], width)
                widen = self.zero_extend if node[0] == "zext" else self.sign_extend
                return widen(node[2], width)
            case "i32.and" | "i64.and":
                k = terms.value_of(node[3])
                if k is not None and k & ((1 << width) - 1) == (1 << width) - 1:
                    return self.low(node[2], width)
        if width == 32 and own == 64:
            return self._low_word(x, node)
        if terms.flat[x]:
            spread = terms.spread(lambda t: self.low(t, width), (x,))
            if spread is not None:
                return spread
        return terms.make(width, "ext", 0, x)

    def _low_word(self, x: int, node: tuple[Any, ...]) -> int:
        """Narrowing to i32 goes through what is computed modulo 2^32 anyway."""
        terms = self.terms
        match node[0]:
            case "lin":
                constant, factors = node[1]
                parts = zip(node[2:], factors, strict=True)
                return self.linear(32, constant, tuple((self.low(t, 32), f) for t, f in parts))
            case "i64.and" | "i64.or" | "i64.xor" | "i64.mul":
                name = "i32" + node[0][3:]
                return self.apply(name, self.low(node[2], 32), self.low(node[3], 32))
            case "ite":
                found = terms.spread(lambda t: self.low(t, 32), (x,))
                if found is not None:
                    return found
        return terms.make(32, "ext", 0, x)

    def bits(self, x: int, at: int, width: int) -> int:
        """``width`` bits from bit ``at`` on."""
        terms = self.terms
        if at == 0:
            return self.low(x, width)
        node = terms.nodes[x]
        match node[0]:
            case "c":
                return terms.constant(node[1][0] >> at, width)
            case "ext":
                return self.bits(node[2], node[1] + at, width)
            case "zext":
                inner = terms.widths[node[2]]
                if at >= inner:
                    return terms.constant(0, width)
                if at + width <= inner:
                    return self.bits(node[2], at, width)
        return terms.make(width, "ext", at, x)

    def zero_extend(self, x: int, width: int) -> int:
        """Widen with zeros."""
        terms = self.terms
        if terms.widths[x] == width:
            return x
        node = terms.nodes[x]
        if node[0] == "c":
            return terms.constant(node[1][0], width)
        if node[0] == "zext":
            return self.zero_extend(node[2], width)
        if node[0] == "ite":
            found = terms.spread(lambda t: self.zero_extend(t, width), (x,))
            if found is not None:
                return found
        return terms.make(width, "zext", None, x)

    def sign_extend(self, x: int, width: int) -> int:
        """Widen with copies of the sign bit."""
        terms = self.terms
        own = terms.widths[x]
        if own == width:
            return x
        node = terms.nodes[x]
        if node[0] == "c":
            return terms.constant(signed(node[1][0], own), width)
        if node[0] == "sext":
            return self.sign_extend(node[2], width)
        if self.ones(x) >> (own - 1) == 0:
            return self.zero_extend(x, width)
        if node[0] == "ite":
            found = terms.spread(lambda t: self.sign_extend(t, width), (x,))
            if found is not None:
                return found
        return terms.make(width, "sext", None, x)

    def ones(self, x: int) -> int:
        """A mask of the bits that may be set."""
        found = self._masks.get(x)
        if found is None:
            found = self._masks[x] = self._ones(x)
        return found

    def _ones(self, x: int) -> int:
        terms = self.terms
        node, full = terms.nodes[x], (1 << terms.widths[x]) - 1
        match node[0]:
            case "c":
                return int(node[1][0])
            case "zext":
                return self.ones(node[2])
            case "ext" if node[1] == 0:
                return self.ones(node[2]) & full
            case "ite":
                return self.ones(node[3]) | self.ones(node[4])
            case "i32.and" | "i64.and":
                return self.ones(node[2]) & self.ones(node[3])
            case "i32.or" | "i64.or" | "i32.xor" | "i64.xor":
                return self.ones(node[2]) | self.ones(node[3])
            case "i32.shr_u" | "i64.shr_u":
                k = terms.value_of(node[3])
                return full if k is None else self.ones(node[2]) >> k
            case "lin":
                return self._ones_of_sum(node, full)
            case "i32.clz" | "i32.ctz" | "i32.popcnt" | "i64.clz" | "i64.ctz" | "i64.popcnt":
                return 127
        return full

    def _ones_of_sum(self, node: tuple[Any, ...], full: int) -> int:
        """A sum that cannot wrap is below a bound; its trailing zeros are known as well."""
        constant, factors = node[1]
        most, lowest = constant, constant & -constant
        for term, factor in zip(node[2:], factors, strict=True):
            ones = self.ones(term)
            if ones == 0:
                continue
            most += factor * ones
            shifted = (factor & -factor) * (ones & -ones)
            lowest = min(lowest, shifted) if lowest else shifted
        bound = full if most > full else (1 << most.bit_length()) - 1
        return bound & ~(lowest - 1) if lowest else bound

    # --- truth ----------------------------------------------------------------------------------

    def from_truth(self, condition: int) -> int:
        """A condition as the 32-bit 1 or 0 on the stack."""
        return self.terms.ite(condition, self.one, self.zero)

    def truth(self, x: int) -> int:
        """The condition that a value is not zero."""
        found = self._truths.get(x)
        if found is None:
            found = self._truths[x] = self._truth(x)
        return found

    def _truth(self, x: int) -> int:
        terms = self.terms
        node = terms.nodes[x]
        match node[0]:
            case "c":
                return TRUE if node[1][0] else FALSE
            case "ite":
                return terms.ite(terms.literal(node[2]), self.truth(node[3]), self.truth(node[4]))
            case "zext" | "sext":
                return self.truth(node[2])
            case "i32.xor" | "i64.xor":
                return terms.negate(self.compare("eq", node[2], node[3]))
            case "i32.or" | "i64.or":
                return terms.either(self.truth(node[2]), self.truth(node[3]))
            case "lin":
                return self._difference(x)
        return terms.literal(terms.make(0, "nz", None, x))

    def _difference(self, x: int) -> int:
        """``nz`` of a sum, up to sign."""
        terms = self.terms
        width = terms.widths[x]
        opposite = self.linear(width, 0, ((x, -1),))
        x = min(x, opposite)
        node = terms.nodes[x]
        if node[0] == "lin" and len(node) == 3 and node[1][0]:
            # x + k == 0 for a widened x: compare the narrow one, or never.
            inner = terms.nodes[node[2]]
            factor, wanted = node[1][1][0], -node[1][0]
            if inner[0] == "zext" and factor in (1, (1 << width) - 1):
                wanted = (wanted if factor == 1 else -wanted) & ((1 << width) - 1)
                narrow = terms.widths[inner[2]]
                if wanted >> narrow:
                    return TRUE
                return terms.negate(self.compare("eq", inner[2], terms.constant(wanted, narrow)))
        return terms.literal(terms.make(0, "nz", None, x))

    def compare(self, operation: str, a: int, b: int) -> int:
        """A comparison of two values of one width, as a condition."""
        terms = self.terms
        base, _, sign = operation.partition("_")
        match base:
            case "eq" | "ne":
                return self._equal(a, b) if base == "eq" else terms.negate(self._equal(a, b))
            case "lt":
                return self._less(sign, a, b)
            case "gt":
                return self._less(sign, b, a)
            case "le":
                return terms.negate(self._less(sign, b, a))
            case "ge":
                return terms.negate(self._less(sign, a, b))
        raise AssertionError(operation)

    def _equal(self, a: int, b: int) -> int:
        terms = self.terms
        if a == b:
            return TRUE
        if (terms.flat[a] or terms.flat[b]) and (terms.tops[a] != LEAF or terms.tops[b] != LEAF):
            spread = terms.spread(self._equal, (a, b))
            if spread is not None:
                return spread
        return terms.negate(self.truth(self.linear(terms.widths[a], 0, ((a, 1), (b, -1)))))

    def _less(self, sign: str, a: int, b: int) -> int:
        terms = self.terms
        if a == b:
            return FALSE
        width = terms.widths[a]
        x, y = terms.value_of(a), terms.value_of(b)
        if x is not None and y is not None:
            both = (signed(x, width), signed(y, width)) if sign == "s" else (x, y)
            return TRUE if both[0] < both[1] else FALSE
        if (terms.flat[a] or terms.flat[b]) and (terms.tops[a] != LEAF or terms.tops[b] != LEAF):
            spread = terms.spread(lambda p, q: self._less(sign, p, q), (a, b))
            if spread is not None:
                return spread
        top = 1 << (width - 1)
        least, most = (top, top - 1) if sign == "s" else (0, 2 * top - 1)
        if x is not None:
            if x == most:
                return FALSE
            return terms.negate(self._less(sign, b, terms.constant(x + 1, width)))
        if y is not None:
            if y == least:
                return FALSE
            if sign == "u" and y == 1:
                return terms.negate(self.truth(a))
            if self.ones(a) < top and y < top:
                if self.ones(a) < y:
                    return TRUE
                sign = "u"
        elif sign == "s" and self.ones(a) < top and self.ones(b) < top:
            sign = "u"
        if sign == "u" and y == 1:
            return terms.negate(self.truth(a))
        return terms.literal(terms.make(0, f"lt_{sign}", None, a, b))

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
        return self.opaque(name, operands)

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
        overflow = terms.both(self._equal(b, terms.constant(-1, width)), self._equal(a, least))
        return terms.either(zero, overflow)
