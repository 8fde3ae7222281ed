"""Readable form of rule text: ``(i32.add x (i32.const 0))`` becomes ``x + 0``.

For people only (documentation, listings, the explorer's label): nothing parses it again.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Tree: TypeAlias = "str | list[Tree]"

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_INFIX: Final = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "and": "&",
    "or": "|",
    "xor": "^",
    "shl": "<<",
    "eq": "==",
    "ne": "!=",
    **{f"{name}{sign}": f"{symbol}{sign[1:]}" for name, symbol in (
        ("shr", ">>"), ("div", "/"), ("rem", "%"), ("lt", "<"), ("gt", ">"), ("le", "<="),
        ("ge", ">="),
    ) for sign in ("_s", "_u", "")},
}  # fmt: skip
_PRIMITIVE: Final = frozenset(
    ("+", "-", "*", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "=", "!=")
)


def tree(text: str) -> Tree:
    """Read one s-expression; its strings must not contain spaces or parentheses."""
    stack: list[list[Tree]] = [[]]
    for token in _TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    return stack[0][0]


def flat(node: Tree) -> str:
    """Return the text of a tree again."""
    return node if isinstance(node, str) else f"({' '.join(map(flat, node))})"


def readable(text: str) -> str:
    """Return the readable form of a term, fact or action."""
    shown = _show(tree(text))
    return shown[1:-1] if shown[0] == "(" and _closes_last(shown) else shown


def _closes_last(text: str) -> bool:
    """Whether the parenthesis that opens the text closes at its end."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


def _show(node: Tree) -> str:
    if isinstance(node, str):
        return node
    wrapped = _wrapped32(node)
    if wrapped is not None:
        return _show(wrapped)
    head = node[0]
    assert isinstance(head, str)
    parts = [_show(part) for part in node[1:]]
    if head in _PRIMITIVE and len(parts) == 2:
        symbol = "==" if head == "=" else head
        return f"({parts[0]} {symbol} {parts[1]})"
    kind, _, operation = head.partition(".")
    if operation == "const" and len(parts) == 1:
        return parts[0]
    if operation in _INFIX and len(parts) == 2:
        return f"({parts[0]} {_INFIX[operation]} {parts[1]})"
    name = operation if kind in ("i32", "i64", "f32", "f64") else head
    return f"{name}({', '.join(parts)})"


def _wrapped32(node: list[Tree]) -> Tree | None:
    """Return x of ``(- (^ (& x 0xffffffff) 0x80000000) 0x80000000)``, the wrap to constant form."""
    match node:
        case ["-", ["^", ["&", inner, "4294967295"], "2147483648"], "2147483648"]:
            return inner
        case _:
            return None
