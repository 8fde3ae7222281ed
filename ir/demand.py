"""What a function graph needs: block parameters that carry nothing new, anchors nobody reads."""

from __future__ import annotations

from collections.abc import Callable

from .effects import Effect
from .graph import (
    PHI,
    RESULT,
    Anchor,
    Branch,
    BranchIf,
    BranchTable,
    Exit,
    Function,
    If,
    Label,
    Loop,
    Node,
    Value,
    operands,
    walk,
)
from .graph import Block as BlockNode
from .once import Once, runs_once
from .rebuild import Rebuild, constant_i32


def redundant_parameters(function: Function) -> dict[int, Value]:
    """Return loop parameters that always equal one other value, with that value.

    A parameter whose arguments are itself and one other value stands for that value
    (Braun et al., "Simple and efficient construction of SSA form", 2013).
    """
    rows: list[tuple[Value, list[Value]]] = []
    for node in walk(function.body):
        if isinstance(node, Loop):
            label = node.label
            for k, parameter in enumerate(label.params):
                rows.append((parameter, [node.entry[k], *[e.args[k] for e in label.edges]]))
        elif isinstance(node, (BlockNode, If)):
            label = node.label
            for k, parameter in enumerate(label.params):
                rows.append((parameter, [e.args[k] for e in label.edges]))
    replaced: dict[int, Value] = {}
    changed = True
    while changed:
        changed = False
        left = []
        for parameter, args in rows:
            other: Value | None = None
            several = False
            for arg in args:
                arg = _resolve(replaced, arg)
                if arg is parameter or arg is other:
                    continue
                if other is not None:
                    several = True
                    break
                other = arg
            if several or other is None:
                left.append((parameter, args))
            else:
                replaced[parameter.id] = other
                changed = True
        rows = left
    return replaced


def _resolve(replaced: dict[int, Value], value: Value) -> Value:
    while (other := replaced.get(value.id)) is not None:
        value = other
    return value


def removable(effect: Effect) -> bool:
    """Tell whether an anchor with this effect may go when its results are unused."""
    return not effect.traps and not effect.writes and not effect.calls


def unneeded(function: Function) -> set[int]:
    """Return the ids of block parameters and effect-free anchors that nothing needs."""
    live: set[int] = set()
    work: list[Value] = []
    args_of: dict[int, list[Value]] = {}
    candidates: set[int] = set()
    anchors: list[Anchor] = []
    for node in walk(function.body):
        _collect(node, args_of, candidates, work, anchors)
    while work:
        value = work.pop()
        if value.id in live:
            continue
        live.add(value.id)
        if value.op == PHI:
            work += args_of[value.id]
        elif value.op == RESULT:
            assert value.anchor is not None
            if removable(value.anchor.effect):
                work += value.anchor.args
                live.add(value.anchor.id)
        else:
            work += value.args
    return {x for x in candidates if x not in live}


def _collect(
    node: Node,
    args_of: dict[int, list[Value]],
    candidates: set[int],
    work: list[Value],
    anchors: list[Anchor],
) -> None:
    """Sort a node's operands into roots and what is needed only if a parameter is."""
    match node:
        case Anchor():
            if removable(node.effect):
                candidates.add(node.id)
            else:
                work += node.args
        case Exit():
            work += node.args
        case If():
            work.append(node.cond)
            _parameters(node.label, None, args_of, candidates)
        case BranchIf():
            work.append(node.cond)
        case BranchTable():
            work.append(node.index)
        case BlockNode():
            _parameters(node.label, None, args_of, candidates)
        case Loop():
            _parameters(node.label, node.entry, args_of, candidates)
        case _:
            pass


def _parameters(
    label: Label, entry: list[Value] | None, args_of: dict[int, list[Value]], into: set[int]
) -> None:
    for k, parameter in enumerate(label.params):
        into.add(parameter.id)
        args_of[parameter.id] = [e.args[k] for e in label.edges]
        if entry is not None:
            args_of[parameter.id].append(entry[k])


MAX_ROUNDS = 8
"""Each round removes at least one node; what is left after so many is not worth the time."""


def simplify(function: Function, follow: Callable[[Rebuild], None] | None = None) -> Function:
    """Return an equal graph without redundant parameters, unneeded anchors and dead branches.

    `follow` is called after each copy, for those who keep track of what a value has become.
    """
    for _ in range(MAX_ROUNDS):
        replaced = redundant_parameters(function)
        unused = unneeded(function)
        if not replaced and not unused and not _foldable(function):
            once = runs_once(function)
            if once is None:
                return function
            rebuild = _unrolled(function, once)
        else:
            rebuild = Rebuild(function, replaced, unused)
        function = rebuild.run()
        if follow is not None:
            follow(rebuild)
    return function


def _unrolled(function: Function, once: Once) -> Rebuild:
    """The copy of a graph in which some loops run once."""

    def known(value: Value) -> int | None:
        number = once.conditions.get(value.id)
        return constant_i32(value) if number is None else number

    return Rebuild(function, once.replace, condition=known, once=once.labels)


def _foldable(function: Function) -> bool:
    """Tell whether copying would simplify control."""
    for node in walk(function.body):
        match node:
            case If():
                if constant_i32(node.cond) is not None or len(node.label.edges) == 0:
                    return constant_i32(node.cond) is not None
            case BranchIf():
                if constant_i32(node.cond) is not None:
                    return True
            case BranchTable():
                if constant_i32(node.index) is not None:
                    return True
            case BlockNode():
                last = node.body[-1]
                if isinstance(last, Branch) and node.label.edges == [last.edge]:
                    return True
            case Loop():
                if not node.label.edges:
                    return True
            case _:
                pass
    return False


__all__ = ["operands", "redundant_parameters", "removable", "simplify", "unneeded"]
