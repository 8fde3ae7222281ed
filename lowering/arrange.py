"""What is found out about the events before stack code is written from them.

Which arms do nothing but pass values, which block parameters might stay on the operand stack, which
values live on behind a loop in another's local.
"""

from __future__ import annotations

from itertools import pairwise

from ..ir.blocks import BasicBlock
from ..ir.graph import PHI, Label, Value
from .events import BRANCH_IF, ELSE, END, ENTER, FALL, IF, OPEN, Event
from .locals import ZEROS
from .place import Placement


def crossed(events: list[Event], scopes: list[int], laid: list[tuple[int, int]]) -> set[int]:
    """Return the ids of labels that a `br_if` names where more lies on the stack than behind them.

    `laid` are the events between which some value lies on the stack.
    """
    found: set[int] = set()
    heights: dict[int, int] = {}
    changes: dict[int, list[tuple[int, int]]] = {}
    for start, end in laid:
        scope = scopes[start]
        changes.setdefault(start + 1, []).append((scope, 1))
        # A value that the condition itself takes is gone when the branch is taken.
        changes.setdefault(end, []).append((scope, -1))
    for position, event in enumerate(events):
        for scope, delta in changes.get(position, ()):
            heights[scope] = heights.get(scope, 0) + delta
        if event[0] == BRANCH_IF and heights.get(scopes[position]):
            assert isinstance(event[2], Label)
            found.add(event[2].id)
    return found


def candidates(
    events: list[Event], placed: Placement, early: dict[int, list[Value]]
) -> tuple[set[int], set[int], dict[int, Label]]:
    """Find block parameters that might stay on the stack: used once, passed by every edge.

    A `br_if` or `br_table` with a value would leave it on the stack where it is not taken. Returns
    the ids of labels that cannot have a result there, the identities of the arguments' edges of
    `br_if`s, and the parameters by id with their labels.
    """
    barred = set(early)
    conditional: set[int] = set()
    found: dict[int, Label] = {}
    for event in events:
        match event:
            case (8, _, Label() as label, list() as args, _) if label.kind != "loop":
                conditional.update(id(e) for e in label.edges if e.args is args)
            case (9, _, list() as listed, _):
                barred |= {e.label.id for e in listed}
            case (11, _, Label() as label) if label.kind != "loop":
                for parameter in label.params:
                    if placed.count.get(parameter.id) == 1:
                        found[parameter.id] = label
            case _:
                pass
    return barred, conditional, {k: x for k, x in found.items() if x.id not in barred}


def idle_arms(
    events: list[Event], placed: Placement, *, eager: bool
) -> tuple[dict[int, list[Value]], set[int]]:
    """Find arms that only pass values known before the `if`: it is cheaper to pass them there.

    The other arm overwrites what it passes itself, and nothing but the label reads a transfer
    local, so passing early is always right. With `eager` constants are passed early, too. Returns
    label id to arguments, and the positions of the `FALL` events of those arms.
    """
    early: dict[int, list[Value]] = {}
    skipped: set[int] = set()

    def consider(fall: int, label: Label) -> None:
        args = events[fall][3]
        assert isinstance(args, list)
        arm = events[fall][1]
        for arg in map(placed.resolve, args):
            if placed.block.get(arg.id) is arm:
                return
            if not eager and placed.repeats(arg) and not _fresh(arg, label):
                return
        early[label.id] = args
        skipped.add(fall)

    for opener, end in ((IF, ELSE), (ELSE, END)):
        for position, event in enumerate(events):
            if event[0] != opener:
                continue
            label = event[2]
            assert isinstance(label, Label)
            idle = events[position + 2][0] == FALL and events[position + 3][0] == end
            if label.params and idle and label.id not in early:
                consider(position + 2, label)
    return early, skipped


def _fresh(value: Value, label: Label) -> bool:
    """Tell whether a constant is likely to be in the label's transfer local from the start."""
    assert label.block is not None
    return label.block.loop_depth == 0 and (value.op, *value.imm) in ZEROS


def scopes(events: list[Event]) -> list[int]:
    """Number the lists of the skeleton; a construct's first and last event belong outside."""
    found: list[int] = []
    open_ = [0]
    for position, event in enumerate(events):
        if event[0] == END:
            open_.pop()
        elif event[0] == ELSE:
            open_[-1] = position
        found.append(open_[-1])
        if event[0] in (OPEN, IF):
            open_.append(position)
    return found


def exit_names(events: list[Event], placed: Placement) -> dict[int, list[tuple[BasicBlock, Value]]]:
    """Find values of a loop that live on behind it in the transfer local of a parameter.

    Behind a loop's last `br_if`, the transfer local of `p` still holds the argument that the
    branch would have passed. Reading it there lets rotating variables share one local, and spares
    the argument a local of its own.
    """
    found: dict[int, list[tuple[BasicBlock, Value]]] = {}
    for event, following in pairwise(events):
        match event:
            case (8, _, Label(kind="loop") as label, list() as args, _):
                behind = following[1]
                assert isinstance(behind, BasicBlock)
                assert label.block is not None
                if following[0] != ENTER or behind.loop_depth >= label.block.loop_depth:
                    continue
                for parameter, arg in zip(label.params, args, strict=True):
                    arg = placed.resolve(arg)
                    if arg is not parameter and _varies(arg, label.block, placed):
                        found.setdefault(arg.id, []).append((behind, parameter))
            case _:
                pass
    return found


def _varies(value: Value, head: BasicBlock, placed: Placement) -> bool:
    """Tell whether a value is computed anew in every round of the loop with this head."""
    if value.op == PHI:
        return value.block is head
    if value.anchor is not None:
        return len(value.anchor.results) == 1 and head.dominates(value.block)
    return bool(value.args) and head.dominates(placed.block[value.id])
