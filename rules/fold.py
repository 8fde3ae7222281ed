"""Constant folding: by the engine's primitives where they can, else by asking the host.

Relies on constants in constant form (``signature``). Division by zero and the one overflowing
division have no answer, so they stay. Floats are folded where terms are built, not here.
"""

from __future__ import annotations

from collections.abc import Iterator

from .language import Rows, Rule, rules
from .signature import ASK_SORTS, ASKED, CONSTRUCTORS
from .terms import K32, K64, K, V, const, convert, eqz, number

FOLDABLE = frozenset(
    name
    for name, row in CONSTRUCTORS.items()
    if name[0] in "if"
    and name[1].isdigit()
    and not name.endswith(".const")
    and all(sort in ("I32", "I64", "F32", "F64") for sort in row.arguments)
)
"""Operations whose value on constants the host may compute when it builds a graph (never to a NaN,
never where the operation traps)."""


@rules("i32", "i64", ruleset="fold", kind="fold")
def by_primitives(x: V, a: K, b: K) -> Rows:
    """Operations that the engine computes itself."""
    left, right = const(a), const(b)
    for op, result in (
        ("add", a + b),
        ("sub", a - b),
        ("and", a & b),
        ("or", a | b),
        ("xor", a ^ b),
        ("shl", a.shl(b)),
        ("shr_s", a.shr_s(b)),
        ("shr_u", a.shr_u(b)),
    ):
        yield f"fold-{op}", left.op(op, right), result
    for op, true, false in (
        ("eq", a.is_(b), a.is_not(b)),
        ("ne", a.is_not(b), a.is_(b)),
        ("lt_s", a < b, b <= a),
        ("lt_u", a.below(b), b.up_to(a)),
        ("gt_s", b < a, a <= b),
        ("gt_u", b.below(a), a.up_to(b)),
        ("le_s", a <= b, b < a),
        ("le_u", a.up_to(b), b.below(a)),
        ("ge_s", b <= a, a < b),
        ("ge_u", b.up_to(a), a.below(b)),
    ):
        yield f"fold-{op}-true", left.cmp(op, right), 1, true
        yield f"fold-{op}-false", left.cmp(op, right), 0, false
    yield "fold-eqz-true", eqz(x.of(0)), 1
    yield "fold-eqz-false", eqz(left), 0, a.is_not(0)


@rules(ruleset="fold", kind="fold")
def across_widths(a: K32, b: K32, c: K64) -> Rows:
    """Products that fit the engine's own, and conversions of width and of reading."""
    yield "i32/fold-mul", const(a) * const(b), a * b
    yield "fold-wrap", convert("i32.wrap_i64", const(c)), c.as32()
    yield "fold-extend_s", convert("i64.extend_i32_s", const(a)), a.as64()
    yield "fold-extend_u", convert("i64.extend_i32_u", const(a)), a.as64() & 0xFFFF_FFFF
    for to, of in (("i32", "f32"), ("f32", "i32"), ("i64", "f64"), ("f64", "i64")):
        source = V(f"({of}.const {a.text})", of.upper())
        target = V(f"({to}.const {a.text})", to.upper())
        yield f"fold-{to}-reinterpret", convert(f"{to}.reinterpret_{of}", source), target


def asking() -> Iterator[Rule]:
    """Yield the rules that ask the host for the value of an operation, and those that take it."""
    path, line = __file__, asking.__code__.co_firstlineno
    for index, name in enumerate(ASKED):
        row = CONSTRUCTORS[name]
        kind = row.result.lower()
        unary = len(row.arguments) == 1
        term = (
            f"({name} ({kind}.const a))" if unary else f"({name} ({kind}.const a) ({kind}.const b))"
        )
        facts: tuple[str, ...] = (f"(= e__ {term})",)
        actions = (f"(ask.{row.result} e__ {index} a {0 if unary else 'b'})",)
        yield _fold_rule(f"ask-{name}", facts, actions, path, line)
    for sort in ASK_SORTS:
        facts = (f"(ask.{sort} e__ n a b)", f"(ans.{sort} n a b r)")
        actions = (f"(union e__ {number(0, sort).text.replace(' 0)', ' r)')})",)
        yield _fold_rule(f"answer-{sort}", facts, actions, path, line)


def _fold_rule(
    name: str, facts: tuple[str, ...], actions: tuple[str, ...], path: str, line: int
) -> Rule:
    text = f'(rule ({" ".join(facts)}) ({" ".join(actions)}) :ruleset fold :name "{name}")'
    return Rule(name, "fold", "fold", "fold", "", "", facts, actions, text, path, line)
