"""Choices: ``select`` and the merge of an if (``gamma``), which mean the same.

Canonical form: the condition is not ``eqz`` of something, and not ``ne`` with 0. A merge is never
extracted, so a rule that turns one into a plain value is what removes an if.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .compare import BOOLEAN
from .language import Rows, rules, zeros
from .terms import I32, K32, K, V, const, convert, eqz

Choice = Callable[[V, V, V], V]


def _choices(sort: str) -> Iterator[tuple[str, Choice]]:
    """Yield both constructors of a choice, with a and b in the order of select."""
    yield "select", lambda a, b, c: V(f"(select.{sort} {a.text} {b.text} {c.text})", sort)
    yield "gamma", lambda a, b, c: V(f"(gamma.{sort} {c.text} {a.text} {b.text})", sort)


@rules()
def every_sort(c: I32, k: K32) -> Rows:
    """Choices of any scalar type."""
    for sort in ("I32", "I64", "F32", "F64"):
        a, b, d = (V(name, sort) for name in "abd")
        for name, pick in _choices(sort):
            prefix = f"{name}-{sort}"
            yield f"{prefix}-same", pick(a, a, c), a
            yield f"{prefix}-true", pick(a, b, const(k)), a, k.is_not(0)
            yield f"{prefix}-false", pick(a, b, c.of(0)), b
            yield f"{prefix}-eqz", pick(a, b, eqz(c)), pick(b, a, c)
            yield f"{prefix}-ne", pick(a, b, c.cmp("ne", 0)), pick(a, b, c)
            yield f"{prefix}-then", pick(pick(a, b, c), d, c), pick(a, d, c)
            yield f"{prefix}-else", pick(a, pick(b, d, c), c), pick(a, d, c)


@rules("i32", "i64")
def integers(a: V, b: V, d: V, c: I32, j: K, k: K) -> Rows:
    """Choices between related integers."""
    for name, pick in _choices(a.sort):
        yield f"{name}-eq", pick(a, b, a.cmp("eq", b)), b
        yield f"{name}-ne", pick(a, b, a.cmp("ne", b)), a
        yield f"{name}-1-0", pick(a.of(1), a.of(0), c), _wide(a, c.cmp("ne", 0))
        yield f"{name}-0-1", pick(a.of(0), a.of(1), c), _wide(a, eqz(c))
        yield (
            *(f"{name}-next", pick(const(j), const(k), c), _wide(a, c.cmp("ne", 0)) + k),
            (j - k).is_(1),
        )
        yield (
            *(f"{name}-previous", pick(const(j), const(k), c), _wide(a, eqz(c)) + j),
            (k - j).is_(1),
        )
        for op in ("add", "and", "or", "xor"):
            yield f"{name}-of-{op}", pick(a.op(op, b), a.op(op, d), c), a.op(op, pick(b, d, c))
            neutral = a.of(-1 if op == "and" else 0)
            yield (
                f"{name}-{op}-or-not",
                pick(a.op(op, j), a, c),
                a.op(op, pick(const(j), neutral, c)),
            )
            yield (
                f"{name}-not-or-{op}",
                pick(a, a.op(op, j), c),
                a.op(op, pick(neutral, const(j), c)),
            )


@rules("i32")
def conditions(c: I32, x: I32, z: K32) -> Rows:
    """The condition is one of the two."""
    boolean = (zeros(c, z), (z & BOOLEAN).is_(BOOLEAN))
    for name, pick in _choices("I32"):
        yield f"{name}-self-0", pick(c, c.of(0), c), c
        yield f"{name}-0-self", pick(c.of(0), c, c), 0
        yield f"{name}-and", pick(x, c.of(0), c), c & x, boolean, _boolean(x, "y")
        yield f"{name}-or", pick(c.of(1), x, c), c | x, boolean, _boolean(x, "y")


def _boolean(x: V, name: str) -> tuple[str, ...]:
    mask = K32(name, 32)
    return (zeros(x, mask), (mask & BOOLEAN).is_(BOOLEAN))


def _wide(like: V, truth: V) -> V:
    """A comparison as a value of the other's type."""
    return truth if like.sort == "I32" else convert("i64.extend_i32_u", truth)
