"""The last shaping of control: fewer blocks, cheaper branches, and depths for labels."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping

from ..ir.graph import ValType
from .control import (
    BLOCK,
    BR,
    BR_IF,
    BR_TABLE,
    DROP,
    ELSE,
    END,
    EQZ,
    IF,
    LOOP,
    OUTER,
    RETURN,
    fits,
    match,
    ways_on,
)
from .tails import Arity, keep_below, merge_tails
from .types import Instr

_INVERSE = {
    0x46: 0x47,
    0x48: 0x4E,
    0x49: 0x4F,
    0x4A: 0x4C,
    0x4B: 0x4D,
    0x51: 0x52,
    0x53: 0x59,
    0x54: 0x5A,
    0x55: 0x57,
    0x56: 0x58,
}
"""Integer comparisons and their negation (floats have none: NaN compares false both ways)."""
INVERSE = _INVERSE | {b: a for a, b in _INVERSE.items()}

MAX_ROUNDS = 20
"""Every round takes constructs away; real code settles within five."""


def shapes(
    code: list[Instr],
    results: tuple[ValType, ...],
    known: Mapping[Instr, Arity],
    crossed: Collection[int],
    fast: bool,
    merging: bool,
) -> Iterator[tuple[list[Instr], bool]]:
    """Return the final instructions, with `end`, block types and numeric branch depths.

    First the shape in which equal tails are one, if there are any, then the one without (where
    ways meet earlier, a proof may be harder to find); beside each stands which it is. `known` is
    what `tails.arities` returns. `crossed` are ids of labels with a `br_if` below which a value
    lies for what follows. With `fast`, no condition is negated that cannot take the negation in;
    with `merging`, tails become one even where a way gets longer by a branch.
    """
    marked = set(crossed)
    code = _settled(_negations(code), results, marked, fast)
    merged = merge_tails(code, results, known, marked, fast=not merging)
    if merged is not code:
        merged = _settled(merged, results, marked, fast)
        yield _number(keep_below(merged, results, known)), True
    yield _number(keep_below(code, results, known)), False


def _settled(
    code: list[Instr], results: tuple[ValType, ...], crossed: set[int], fast: bool
) -> list[Instr]:
    """Simplify control until nothing changes."""
    for _ in range(MAX_ROUNDS):
        before = code
        code = _structure(_trimmed(_threaded(code, results, crossed)), results)
        code = _negations(_conditions(_past_branches(code, crossed, fast), crossed, fast))
        if code == before:
            break
    return code


def _threaded(code: list[Instr], results: tuple[ValType, ...], crossed: set[int]) -> list[Instr]:
    """Let branches that only lead to another branch go where that goes."""
    on = ways_on(code, results)
    if not on:
        return code
    out = list(code)
    for position, instr in enumerate(code):
        if instr[0] in (BR, BR_IF):
            target = on.get(id(instr[1]))
            if target is not None:
                out[position] = (instr[0], target)
                if instr[1].id in crossed:
                    crossed.add(target.id)
        elif instr[0] == BR_TABLE:
            targets = tuple(on.get(id(t), t) for t in instr[1])
            out[position] = (BR_TABLE, targets, on.get(id(instr[2]), instr[2]))
    return out


def _trimmed(code: list[Instr]) -> list[Instr]:
    """Leave out the last entries of tables that go where the default goes."""
    out = list(code)
    for position, instr in enumerate(code):
        if instr[0] != BR_TABLE:
            continue
        targets, default = instr[1], instr[2]
        count = len(targets)
        while count and targets[count - 1] is default:
            count -= 1
        if count < len(targets):
            out[position] = (BR_TABLE, targets[:count], default)
    return out


def _past_branches(code: list[Instr], crossed: Container[int], fast: bool) -> list[Instr]:
    """`br_if A, br B` right before the end of A becomes `eqz, br_if B`."""
    pairs = [
        k
        for k, instr in enumerate(code[:-1])
        if instr[0] == BR_IF and code[k + 1][0] == BR and instr[1].id not in crossed
    ]
    if not pairs:
        return code
    ends, elses = match(code)
    types = {id(code[start][1]): code[start] for start in ends.values()}
    out = list(code)
    for position in reversed(pairs):
        near, far = code[position][1], code[position + 1][1]
        if any(label is OUTER or _valued(types[id(label)]) for label in (near, far)):
            continue
        if _reaches(code, position + 1, near, ends, elses) and not (fast and _dear(code, position)):
            out[position : position + 2] = [(EQZ,), (BR_IF, far)]
    return out


def _valued(opener: Instr) -> bool:
    return opener[0] != LOOP and opener[2] is not None


def _uses(code: list[Instr]) -> dict[int, int]:
    """Count the branches to each label, by identity."""
    found: dict[int, int] = {}
    for instr in code:
        op = instr[0]
        if op in (BR, BR_IF):
            found[id(instr[1])] = found.get(id(instr[1]), 0) + 1
        elif op == BR_TABLE:
            targets = instr[1]
            assert isinstance(targets, tuple)
            for label in (*targets, instr[2]):
                # Several entries of one table count as several: such a block never becomes an `if`.
                found[id(label)] = found.get(id(label), 0) + 1
    return found


def _structure(code: list[Instr], results: tuple[ValType, ...]) -> list[Instr]:
    """Remove branches to where control goes anyway, and constructs that nothing needs."""
    ends, elses = match(code)
    used = _uses(code)
    gone: set[int] = set()
    replaced: dict[int, Instr] = {}
    last = len(code) - 1
    for position, instr in enumerate(code):
        op = instr[0]
        if (op == BR and _reaches(code, position, instr[1], ends, elses)) or (
            op == RETURN and not results and _falls_out(code, position, ends, elses)
        ):
            gone.add(position)
        elif op == END:
            start = ends[position]
            opener = code[start]
            if opener[0] != IF and id(opener[1]) not in used:
                gone |= {start, position}
            elif position == last and opener[0] == BLOCK and fits(opener[2], results):
                gone |= {start, position}
                _retarget(code, opener[1], replaced)
        elif op == ELSE and position < last and code[position + 1][0] == END:
            gone.add(position)
    if not gone and not replaced:
        return code
    return [replaced.get(k, i) for k, i in enumerate(code) if k not in gone]


def _retarget(code: list[Instr], label: object, replaced: dict[int, Instr]) -> None:
    """Let branches to `label` leave the function instead."""
    for position, instr in enumerate(code):
        instr = replaced.get(position, instr)
        if instr[0] in (BR, BR_IF) and instr[1] is label:
            replaced[position] = (instr[0], OUTER)
        elif instr[0] == BR_TABLE:
            targets = instr[1]
            assert isinstance(targets, tuple)
            if label in targets or instr[2] is label:
                new = tuple(OUTER if t is label else t for t in targets)
                replaced[position] = (BR_TABLE, new, OUTER if instr[2] is label else instr[2])


def _reaches(
    code: list[Instr],
    position: int,
    label: object,
    ends: dict[int, int],
    elses: dict[int, int],
) -> bool:
    """Tell whether falling through from `position` arrives behind the end of `label`."""
    k = position + 1
    while k < len(code) and code[k][0] in (END, ELSE):
        if code[k][0] == ELSE:
            # The end of a `then` arm falls behind the whole `if`.
            k = _end_of_else(code, k)
        opener = code[ends[k]]
        if opener[0] != LOOP and opener[1] is label:
            return True
        if opener[2] is not None:
            return False
        k += 1
    return k == len(code) and label is OUTER


def _falls_out(
    code: list[Instr], position: int, ends: dict[int, int], elses: dict[int, int]
) -> bool:
    return _reaches(code, position, OUTER, ends, elses)


def _end_of_else(code: list[Instr], position: int) -> int:
    depth = 0
    k = position + 1
    while True:
        op = code[k][0]
        if op in (BLOCK, LOOP, IF):
            depth += 1
        elif op == END:
            if depth == 0:
                return k
            depth -= 1
        k += 1


def _conditions(code: list[Instr], crossed: Container[int], fast: bool) -> list[Instr]:
    """Choose the cheaper of `if`, `br_if` and `block`."""
    out: list[Instr] = []
    for instr in code:
        op = instr[0]
        if op == END and out and out[-1][0] == IF and out[-1][2] is None:
            # An empty `if` only evaluates its condition.
            out[-1] = (DROP,)
            continue
        if (
            op == ELSE
            and out
            and out[-1][0] == IF
            and out[-1][2] is None
            and not (fast and _dear(out, len(out) - 1))
        ):
            # Nothing to do when true: ask the opposite.
            opener = out.pop()
            out += [(EQZ,), opener]
            continue
        out.append(instr)
    return _reshape(out, crossed, fast)


def _reshape(code: list[Instr], crossed: Container[int], fast: bool) -> list[Instr]:
    """Rewrite constructs of which another form is shorter.

    `if br X else A end` becomes `br_if X A`, the other way round with `eqz`; `block c br_if A end`
    becomes `c eqz if A end`, where that branch is the only one.
    """
    ends, elses = match(code)
    used = _uses(code)
    branches = _branches(code)
    gone: set[int] = set()
    replaced: dict[int, tuple[Instr, ...]] = {}
    for end, start in ends.items():
        opener = code[start]
        if opener[2] is not None:
            continue
        if opener[0] == IF and id(opener[1]) not in used:
            _if_to_branch(code, start, elses.get(start), end, fast, gone, replaced)
        elif opener[0] == BLOCK and used.get(id(opener[1])) == 1 and opener[1].id not in crossed:
            position = branches.get(start)
            if position is not None and not (fast and _dear(code, position)):
                gone.add(start)
                replaced[position] = ((EQZ,), (IF, opener[1], None))
    if not replaced:
        return code
    out: list[Instr] = []
    for position, instr in enumerate(code):
        if position in replaced:
            out += replaced[position]
        elif position not in gone:
            out.append(instr)
    return out


def _if_to_branch(
    code: list[Instr],
    start: int,
    orelse: int | None,
    end: int,
    fast: bool,
    gone: set[int],
    replaced: dict[int, tuple[Instr, ...]],
) -> None:
    then_end = end if orelse is None else orelse
    branch = code[start + 1]
    if then_end == start + 2 and branch[0] == BR:
        replaced[start] = ((BR_IF, branch[1]),)
        gone |= {start + 1, then_end, end}
        return
    if orelse is None or end != orelse + 2 or (fast and _dear(code, start)):
        return
    branch = code[orelse + 1]
    if branch[0] == BR:
        replaced[start] = ((EQZ,), (BR_IF, branch[1]))
        gone |= {orelse, orelse + 1, end}


def _branches(code: list[Instr]) -> dict[int, int]:
    """Return for each `block` the position of a `br_if` to it that stands right in its list."""
    found: dict[int, int] = {}
    open_: list[int] = []
    for position, instr in enumerate(code):
        op = instr[0]
        if op in (BLOCK, LOOP, IF):
            open_.append(position)
        elif op == END:
            open_.pop()
        elif op == BR_IF and open_ and code[open_[-1]][1] is instr[1]:
            found[open_[-1]] = position
    return found


def _dear(code: list[Instr], position: int) -> bool:
    """Tell whether negating the condition of the `if` or `br_if` here takes an instruction more."""
    before = code[position - 1][0] if position else None
    return before != EQZ and before not in INVERSE


def _negations(code: list[Instr]) -> list[Instr]:
    """Fold `eqz` into the comparison or condition beside it."""
    if (EQZ,) not in code:
        return code
    out: list[Instr] = []
    for instr in code:
        op = instr[0]
        if op == EQZ and out:
            inverse = INVERSE.get(out[-1][0])
            if inverse is not None:
                out[-1] = (inverse,)
                continue
        if op in (IF, BR_IF):
            while len(out) > 1 and out[-1][0] == EQZ and out[-2][0] == EQZ:
                del out[-2:]
        out.append(instr)
    return _swap_arms(out)


def _swap_arms(code: list[Instr]) -> list[Instr]:
    """`eqz if A else B end` becomes `if B else A end`."""
    starts = {
        k + 1 for k, instr in enumerate(code[:-1]) if instr[0] == EQZ and code[k + 1][0] == IF
    }
    if not starts:
        return code
    ends, elses = match(code)
    arms = {start: (elses[start], end) for end, start in ends.items() if start in elses}
    out: list[Instr] = []

    def copy(position: int, end: int) -> None:
        while position < end:
            if position + 1 in starts and position + 1 in arms:
                orelse, last = arms[position + 1]
                out.append(code[position + 1])
                copy(orelse + 1, last)
                out.append((ELSE,))
                copy(position + 2, orelse)
                position = last
            out.append(code[position])
            position += 1

    copy(0, len(code))
    return out


def _number(code: list[Instr]) -> list[Instr]:
    """Replace labels by depths and close the body."""
    out: list[Instr] = []
    open_: list[object] = []

    def depth(label: object) -> int:
        if label is OUTER:
            return len(open_)
        for k in range(len(open_) - 1, -1, -1):
            if open_[k] is label:
                return len(open_) - 1 - k
        raise AssertionError(f"branch out of scope: {label}")

    for instr in code:
        op = instr[0]
        if op in (BLOCK, LOOP, IF):
            open_.append(instr[1])
            out.append((op, instr[2]))
        elif op == END:
            open_.pop()
            out.append(instr)
        elif op == BR and instr[1] is OUTER:
            out.append((RETURN,))
        elif op in (BR, BR_IF):
            out.append((op, depth(instr[1])))
        elif op == BR_TABLE:
            targets = instr[1]
            assert isinstance(targets, tuple)
            out.append((op, tuple(depth(t) for t in targets), depth(instr[2])))
        else:
            out.append(instr)
    out.append((END,))
    return out
