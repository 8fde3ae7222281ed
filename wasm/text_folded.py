"""Text for people: a function in the folded format, with the names of its locals and functions.

An operand that stands directly before its instruction is written inside it. The text means the
same body again: names that two things share are not used, and what cannot be folded (operands
that lie below a statement) stays in the order of the stack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from .body import END, OPENERS, Instr
from .module import Module
from .names import read_names
from .opcodes import OPCODES
from .text_instrs import (
    CALLS_INDIRECT,
    INDENT,
    MAX_INDENT,
    FunctionIds,
    function_ids,
    print_instr,
    print_instrs,
)
from .text_values import text_id, text_signature, text_value_type
from .types import FuncType

__all__ = ["instruction_arity", "local_ids", "print_folded", "print_named"]

WIDTH: Final = 88
"""Columns that an expression may take on one line."""

_LOCALS: Final = frozenset((0x20, 0x21, 0x22))
_IF: Final = 0x04
_ELSE: Final = 0x05
_LEGACY: Final = frozenset((0x06, 0x07, 0x09, 0x18, 0x19))
"""try, catch, rethrow, delegate, catch_all: they have no folded form here."""


def local_ids(module: Module, index: int) -> dict[int, str]:
    """Identifiers of the locals of a function (parameters first) whose name no other has."""
    names = read_names(module).locals.get(index, {})
    used = Counter(names.values())
    return {local: text_id(name) for local, name in names.items() if name and used[name] == 1}


def print_named(instr: Instr, ids: FunctionIds, locals: FunctionIds) -> str:
    """One instruction as text, locals and functions by their names."""
    if instr[0] in _LOCALS:
        return f"{OPCODES[instr[0]].name} {locals.get(instr[1], str(instr[1]))}"
    return print_instr(instr, ids)


def print_folded(module: Module, index: int, ids: FunctionIds | None = None) -> list[str]:
    """Return the lines of function `index`, from `(func` to its closing parenthesis.

    `ids` are the identifiers of functions, `function_ids(module)` if not given. Raises `WasmError`
    for a body that cannot be decoded.
    """
    if ids is None:
        ids = function_ids(module)
    names = local_ids(module, index)
    lines = _head(module, index, ids, names)
    instrs = module.body(index).instrs[:-1]
    if any(instr[0] in _LEGACY for instr in instrs):
        lines += [INDENT + line for line in print_instrs(instrs, ids)]
    else:
        for tree in _Folder(module, ids, names).fold(instrs):
            lines += _lines(tree, 1)
    return [*lines, ")"]


def _head(module: Module, index: int, ids: FunctionIds, names: dict[int, str]) -> list[str]:
    kind = module.function_type(index)
    name = ids.get(index, f"(;{index};)")
    parameters = _declared("param", kind.params, 0, names)
    results = text_signature(FuncType((), kind.results))
    lines = [f"(func {name} (type {module.functions[index]}){parameters}{results}"]
    declared = module.body(index).locals
    if declared:
        lines.append(INDENT + _declared("local", declared, len(kind.params), names).strip())
    return lines


def _declared(word: str, types: Sequence[object], first: int, names: dict[int, str]) -> str:
    """Write declarations: named ones alone, runs of others together."""
    parts: list[str] = []
    run: list[str] = []
    for number, type in enumerate(types, first):
        text = text_value_type(type)  # type: ignore[arg-type]
        if number in names:
            if run:
                parts.append(f" ({word} {' '.join(run)})")
                run = []
            parts.append(f" ({word} {names[number]} {text})")
        else:
            run.append(text)
    if run:
        parts.append(f" ({word} {' '.join(run)})")
    return "".join(parts)


@dataclass(slots=True)
class _Tree:
    """An expression: its own text, what is written inside it, and how many results it leaves.

    `width` is that of the whole on one line. `clauses` have no meaning on the stack (`then`).
    """

    head: str
    children: list[_Tree] = field(default_factory=list)
    results: int = 0
    multiline: bool = False
    width: int = 0

    def close(self) -> None:
        """Compute the width once the children are known."""
        self.width = 2 + len(self.head) + sum(1 + child.width for child in self.children)
        self.multiline = self.multiline or any(child.multiline for child in self.children)


@dataclass(slots=True)
class _Open:
    """A construct that is not closed yet, and the expressions before it."""

    instr: Instr
    tree: _Tree
    before: list[_Tree]
    then: list[_Tree] | None = None


class _Folder:
    """Folds one body."""

    def __init__(self, module: Module, ids: FunctionIds, names: dict[int, str]) -> None:
        self.module = module
        self.ids = ids
        self.names = names
        self.done: list[_Tree] = []
        self.open: list[_Open] = []

    def fold(self, instrs: Sequence[Instr]) -> list[_Tree]:
        """Return the statements of a body without its last `end`."""
        for instr in instrs:
            code = instr[0]
            if code in OPENERS:
                self._opened(instr)
            elif code == _ELSE:
                self.open[-1].then, self.done = self.done, []
            elif code == END:
                self._closed()
            else:
                count, results = instruction_arity(self.module, instr)
                tree = _Tree(print_named(instr, self.ids, self.names), self._take(count), results)
                tree.close()
                self.done.append(tree)
        return self.done

    def _take(self, count: int) -> list[_Tree]:
        """Take the expressions that give the topmost `count` values, as far as they are whole."""
        done = self.done
        first = len(done)
        while count and first and 0 < done[first - 1].results <= count:
            first -= 1
            count -= done[first].results
        taken = done[first:]
        del done[first:]
        return taken

    def _opened(self, instr: Instr) -> None:
        _, results = _block_arity(self.module, instr)
        tree = _Tree(print_instr(instr), [], results, multiline=True)
        if instr[0] == _IF:
            tree.children = self._take(1)
        self.open.append(_Open(instr, tree, self.done))
        self.done = []

    def _closed(self) -> None:
        frame = self.open.pop()
        tree = frame.tree
        if frame.instr[0] == _IF:
            then = self.done if frame.then is None else frame.then
            clauses = [_Tree("then", then, multiline=bool(then))]
            if frame.then is not None:
                clauses.append(_Tree("else", self.done, multiline=bool(self.done)))
            for clause in clauses:
                clause.close()
            tree.children = [*tree.children, *clauses]
        else:
            tree.children = self.done
        tree.close()
        self.done = frame.before
        self.done.append(tree)


def _lines(tree: _Tree, depth: int) -> Iterator[str]:
    """Write a tree: on one line if it fits, else its children one level deeper.

    Without recursion: bodies nest deeper than Python likes.
    """
    work: list[tuple[_Tree, int, int]] = [(tree, depth, 0)]
    while work:
        current, level, closing = work.pop()
        indent = INDENT * min(level, MAX_INDENT)
        whole = not current.multiline and len(indent) + current.width <= WIDTH
        if whole or not current.children:
            yield f"{indent}{_text(current)}{')' * closing}"
            continue
        yield f"{indent}({current.head}"
        last = len(current.children) - 1
        for position in range(last, -1, -1):
            after = closing + 1 if position == last else 0
            work.append((current.children[position], level + 1, after))


def _text(tree: _Tree) -> str:
    """Write a tree that fits one line; such trees are shallow."""
    if not tree.children:
        return f"({tree.head})"
    return f"({tree.head} {' '.join(map(_text, tree.children))})"


def instruction_arity(module: Module, instr: Instr) -> tuple[int, int]:
    """Operands and results of an instruction that is no construct, as far as they are fixed.

    Branches and `return` take what their target wants, which is not known here: they give 0 for
    those. `call_indirect` counts its table index.
    """
    code = instr[0]
    row = OPCODES[code]
    if row.operands is not None and row.results is not None:
        return len(row.operands), len(row.results)
    if code in (0x10, 0x12):
        kind = module.function_type(instr[1])
        return len(kind.params), len(kind.results) if code == 0x10 else 0
    if code in CALLS_INDIRECT or code in (0x14, 0x15):
        found = module.types[instr[1]]
        if isinstance(found, FuncType):
            return len(found.params) + 1, len(found.results) if code in (0x11, 0x14) else 0
    return _ARITY.get(row.name, (0, 0))


def _block_arity(module: Module, instr: Instr) -> tuple[int, int]:
    kind = instr[1]
    if kind is None:
        return 0, 0
    if isinstance(kind, tuple) and kind[0] == "type":
        found = module.types[kind[1]]
        if isinstance(found, FuncType):
            return len(found.params), len(found.results)
    return 0, 1


_ARITY: Final = {
    "drop": (1, 0),
    "select": (3, 1),
    "select_t": (3, 1),
    "local.get": (0, 1),
    "local.set": (1, 0),
    "local.tee": (1, 1),
    "global.get": (0, 1),
    "global.set": (1, 0),
    "br_if": (1, 0),
    "br_table": (1, 0),
    "table.get": (1, 1),
    "table.set": (2, 0),
    "table.size": (0, 1),
    "table.grow": (2, 1),
    "table.fill": (3, 0),
    "table.copy": (3, 0),
    "table.init": (3, 0),
    "memory.size": (0, 1),
    "memory.grow": (1, 1),
    "memory.fill": (3, 0),
    "memory.copy": (3, 0),
    "memory.init": (3, 0),
    "ref.null": (0, 1),
    "ref.func": (0, 1),
    "ref.is_null": (1, 1),
}
"""Operands and results of instructions without a fixed signature in the opcode table."""
