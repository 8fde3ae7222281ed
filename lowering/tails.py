"""Equal ends of different ways become one (cross-jumping; Binaryen calls it code folding).

A *site* is where control leaves a straight piece of code for a label, for the caller or into a
trap: at a `br`, `return` or `unreachable`, or by falling out of a construct. Sites with the same
goal whose last instructions are the same need those only once. Where all ways to a label end alike,
the common *tail* moves behind the label's end; otherwise the last of the sites keeps it, or it
stands behind everything else, and the others branch to a block that ends right before it.

A tail takes nothing from the stack but what it pushed itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..ir.graph import Anchor, Function, Label, ValType, walk
from ..wasm.body import instrs_size
from ..wasm.opcodes import BY_NAME, OPCODES
from .control import (
    BLOCK,
    BR,
    BR_IF,
    BR_TABLE,
    DROP,
    ELSE,
    END,
    IF,
    LEAVING,
    LOOP,
    OUTER,
    RETURN,
    UNREACHABLE,
    match,
    ways_on,
)
from .liveness import CONTROL, GET, SET, TEE
from .types import Instr

Arity: TypeAlias = "tuple[int, int]"
"""How many values an instruction pops and pushes."""

LONGEST = 24
"""Instructions of a tail that are looked at: what is longer is found in the next rounds."""

ROUNDS = 8
"""Tails that became one may end in another common tail, and one a round goes behind everything."""

CONSTRUCT_SIZE = 3
"""Bytes of `block` or `if`, its type and its `end`."""
BRANCH_SIZE = 2
"""Bytes of a branch to one of the 128 innermost labels."""

KEEPERS = 4
"""Sites, from the last one on, that are tried as the one that keeps a tail."""

TRAP = Label(-2, "trap")
"""The goal of `unreachable`."""

_FIXED: dict[int, Arity] = {
    GET: (0, 1),
    SET: (1, 0),
    TEE: (1, 1),
    DROP: (1, 0),
    BY_NAME["select"]: (3, 1),
    BY_NAME["select_t"]: (3, 1),
    BY_NAME["global.set"]: (1, 0),
    BY_NAME["global.get"]: (0, 1),
}


def arities(function: Function) -> dict[Instr, Arity]:
    """Return what the anchors of a function pop and push, by instruction (of calls it differs)."""
    found: dict[Instr, Arity] = {}
    for node in walk(function.body):
        if isinstance(node, Anchor):
            found[(node.op, *node.imm)] = len(node.args), len(node.results)
    return found


@dataclass(slots=True)
class _Site:
    """Where control leaves a straight piece of code.

    Attributes:
        position: of the instruction that leaves, or of the `end` or `else` that is fallen into.
        falls: whether no instruction leaves.
        start: position of the list of instructions that the site ends.
        tail: the instructions before it, the last one first.
        cuts: how many of them may form a tail, ascending; 0 where nothing is taken along.
    """

    position: int
    falls: bool
    start: int
    tail: tuple[Instr, ...]
    cuts: list[int]


@dataclass(slots=True)
class _Merge:
    """A tail that becomes one.

    Attributes:
        gain: bytes saved.
        length: instructions of the tail.
        others: the sites that lose it.
        keeper: the site that keeps it; None where it moves behind the end of `label`, which for
            `OUTER` is all the code.
        label: where the others branch to, None for a new block.
    """

    gain: int
    length: int
    others: list[_Site]
    keeper: _Site | None
    label: Label | None


def merge_tails(
    code: list[Instr],
    results: tuple[ValType, ...],
    known: Mapping[Instr, Arity],
    crossed: set[int],
    fast: bool,
) -> list[Instr]:
    """Return code in which equal tails are one; with `fast`, only where no way gets longer.

    `results` are the function's, `known` is what `arities` returns. Labels of new blocks are added
    to `crossed` (see `labels.shapes`).
    """
    for _ in range(ROUNDS):
        tails = _Tails(code, results, known, fast)
        merges = tails.merges()
        if not merges:
            break
        code = tails.apply(merges, crossed)
    return code


def keep_below(
    code: list[Instr], results: tuple[ValType, ...], known: Mapping[Instr, Arity]
) -> list[Instr]:
    """Remove each `drop` of what may as well lie below a tail: a branch drops it."""
    gone = {
        site.position - length - 1
        for _, site in _Tails(code, results, known, fast=True).sites()
        for length in site.cuts
        if not site.falls and length < len(site.tail) and site.tail[length][0] == DROP
    }
    return [i for k, i in enumerate(code) if k not in gone] if gone else code


class _Tails:
    """One round."""

    def __init__(
        self,
        code: list[Instr],
        results: tuple[ValType, ...],
        known: Mapping[Instr, Arity],
        fast: bool,
    ) -> None:
        self.code = code
        self.results = results
        self.known = known
        self.fast = fast
        self.ends, self.elses = match(code)
        self.opener = {id(code[start][1]): start for start in self.ends.values()}
        self.end = {start: end for end, start in self.ends.items()}
        self.divided = {position: start for start, position in self.elses.items()}

    def merges(self) -> list[_Merge]:
        """Return merges that do not touch each other, those that save most first."""
        direct: dict[int, list[_Site]] = {}
        final: dict[int, list[_Site]] = {}
        on = ways_on(self.code, self.results)
        for label, site in self.sites():
            direct.setdefault(id(label), []).append(site)
            final.setdefault(id(on.get(id(label), label)), []).append(site)
        found = [
            merge
            for goal, sites in final.items()
            if len(sites) > 1
            for merge in self._kept(sites, goal == id(TRAP))
        ]
        for end in (OUTER, TRAP):
            found += self._behind(final.get(id(end), []), end is TRAP)
        asked = _asked(self.code)
        for goal, sites in direct.items():
            opener = self.opener.get(goal)
            if opener is not None and len(sites) > 1 and goal not in asked:
                found += self._moved(sites, opener)
        found.sort(key=lambda merge: -merge.gain)
        taken: set[int] = set()
        chosen = []
        for merge in found:
            sites = merge.others if merge.keeper is None else [*merge.others, merge.keeper]
            touched = {k for s in sites for k in range(s.position - merge.length, s.position + 1)}
            # Where others would branch to is no place to put a tail.
            if merge.label is OUTER:
                touched.add(len(self.code))
            elif merge.label is not None:
                touched.add(self.end[self.opener[id(merge.label)]])
            if not touched & taken:
                taken |= touched
                chosen.append(merge)
        return chosen

    def apply(self, merges: list[_Merge], crossed: set[int]) -> list[Instr]:
        """Return the code with these merges."""
        instead: dict[int, list[Instr]] = {}
        opened: dict[int, list[tuple[int, Label]]] = {}
        closed: dict[int, int] = {}
        for merge in merges:
            way: list[Instr] = []
            label = merge.label
            if label is OUTER:
                label = _fresh(crossed)
                way = [(BR, label)]
                opened.setdefault(0, []).append((len(self.code) + 1, label))
                tail = merge.others[0].tail[merge.length - 1 :: -1]
                last: list[Instr] = [(RETURN,)] if self._falls() else []
                left = self.code[merge.others[0].position]
                last += [(END,), *tail, *([left] if left[0] == UNREACHABLE else [])]
                instead[len(self.code)] = last
            elif merge.keeper is None:
                assert label is not None
                opener = self.opener[id(label)]
                tail = merge.others[0].tail[merge.length - 1 :: -1]
                instead[self.end[opener]] = [(END,), *tail]
                instead[opener] = [(self.code[opener][0], label, None)]
            else:
                if label is None:
                    label = _fresh(crossed)
                    end = merge.keeper.position - merge.length
                    opened.setdefault(merge.keeper.start, []).append((end, label))
                    closed[end] = closed.get(end, 0) + 1
                way = [(BR, label)]
            for site in merge.others:
                first = site.position - merge.length
                instead.update({k: [] for k in range(first, site.position)})
                if way:
                    instead[site.position - 1 if site.falls else site.position] = way
        out: list[Instr] = []
        for position in range(len(self.code) + 1):
            out += [(END,)] * closed.get(position, 0)
            # The block that ends last stands outside.
            for _, label in sorted(opened.get(position, ()), key=lambda o: -o[0]):
                out.append((BLOCK, label, None))
            out += instead.get(position, self.code[position : position + 1])
        return out

    def sites(self) -> Iterator[tuple[Label, _Site]]:
        """Find all sites, with the label that each names or falls to."""
        starts = [0]
        for position, instr in enumerate(self.code):
            op = instr[0]
            if op in (BR, RETURN, UNREACHABLE):
                label = instr[1] if op == BR else OUTER if op == RETURN else TRAP
                assert isinstance(label, Label)
                yield label, self._site(position, False, starts[-1], label)
            elif op in (ELSE, END):
                opener = self.code[(self.ends if op == END else self.divided)[position]]
                label = opener[1]
                assert isinstance(label, Label)
                if opener[0] != LOOP and self.code[position - 1][0] not in LEAVING:
                    yield label, self._site(position, True, starts[-1], label)
                if op == ELSE:
                    starts[-1] = position + 1
                else:
                    starts.pop()
            elif op in (BLOCK, LOOP, IF):
                starts.append(position + 1)
        if self._falls():
            yield OUTER, self._site(len(self.code), True, 0, OUTER)

    def _falls(self) -> bool:
        """Tell whether the code may end without leaving."""
        return not self.code or self.code[-1][0] not in LEAVING

    def _site(self, position: int, falls: bool, start: int, label: Label) -> _Site:
        if label is OUTER:
            wanted = len(self.results)
        elif label is TRAP:
            wanted = 0
        else:
            opener = self.code[self.opener[id(label)]]
            wanted = opener[0] != LOOP and opener[2] is not None
        tail: list[Instr] = []
        cuts = [] if wanted else [0]
        for instr in self.code[max(start, position - LONGEST) : position][::-1]:
            arity = None if instr[0] in CONTROL else self._arity(instr)
            if arity is None:
                break
            wanted = max(0, wanted - arity[1]) + arity[0]
            tail.append(instr)
            if wanted == 0:
                cuts.append(len(tail))
        return _Site(position, falls, start, tuple(tail), cuts)

    def _arity(self, instr: Instr) -> Arity | None:
        fixed = _FIXED.get(instr[0])
        if fixed is not None:
            return fixed
        row = OPCODES[instr[0]]
        if row.operands is not None and row.results is not None:
            return len(row.operands), len(row.results)
        return self.known.get(instr)

    def _kept(self, sites: list[_Site], trap: bool) -> Iterator[_Merge]:
        """Find tails of sites with one goal that one of the sites may keep."""
        for length, group in _groups(sites):
            size = instrs_size(group[0].tail[:length])
            for keeper in group[: -KEEPERS - 1 : -1]:
                if self.fast and not (keeper.falls or trap):
                    continue
                others = [
                    s
                    for s in group
                    if keeper.start <= s.position < keeper.position - length
                    and not (self.fast and s.falls)
                ]
                label = self._ending(keeper.position - length, others)
                gain = sum(self._gain(s, length, size) for s in others)
                gain -= CONSTRUCT_SIZE if label is None else 0
                if gain > 0:
                    yield _Merge(gain, length, others, keeper, label)

    def _behind(self, sites: list[_Site], trap: bool) -> Iterator[_Merge]:
        """Find tails that may stand behind everything else."""
        falls = self._falls()
        if self.fast and falls:
            return
        leaving = [s for s in sites if not s.falls]
        for length, group in _groups(leaving):
            size = instrs_size(group[0].tail[:length])
            gain = sum(self._gain(s, length, size) for s in group)
            gain -= size + trap + falls + CONSTRUCT_SIZE
            if gain > 0:
                yield _Merge(gain, length, group, None, OUTER)

    def _gain(self, site: _Site, length: int, size: int) -> int:
        """Return the bytes saved where a branch takes the place of a tail."""
        gain = size - BRANCH_SIZE
        code = self.code
        if not site.falls:
            gain += BRANCH_SIZE if code[site.position][0] == BR else 1
        first = site.position - length
        before = code[first - 1] if first else (None,)
        behind = code[site.position if site.falls else site.position + 1 :][:1]
        if before[0] == END:
            # What only leads to a branch leads where the branch does.
            opener = code[self.ends[first - 1]]
            gain += CONSTRUCT_SIZE if opener[0] == BLOCK and opener[2] is None else 0
        elif before[0] == IF and before[2] is None and behind == [(END,)]:
            gain += CONSTRUCT_SIZE
        return gain

    def _ending(self, position: int, others: list[_Site]) -> Label | None:
        """Return the label of a construct that ends right before a position and has all sites."""
        if position == 0 or not others or self.code[position - 1][0] != END:
            return None
        start = self.ends[position - 1]
        opener = self.code[start]
        if opener[0] == LOOP or opener[2] is not None or start > others[0].position:
            return None
        label = opener[1]
        assert isinstance(label, Label)
        return label

    def _moved(self, sites: list[_Site], opener: int) -> Iterator[_Merge]:
        """Find the tail of all sites of a label: it may stand behind the label's end."""
        kind, label, _ = self.code[opener]
        if kind == LOOP or (kind == IF and opener not in self.elses):
            return
        assert isinstance(label, Label)
        for length, group in _groups(sites):
            if len(group) == len(sites):
                gain = (len(sites) - 1) * instrs_size(group[0].tail[:length])
                yield _Merge(gain, length, group, None, label)


def _fresh(crossed: set[int]) -> Label:
    """Make the label of a new block."""
    label = Label(TRAP.id - 1 - len(crossed), "block")
    crossed.add(label.id)
    return label


def _groups(sites: list[_Site]) -> Iterator[tuple[int, list[_Site]]]:
    """Find tails that several sites share: their length, and the sites in program order."""
    found: dict[tuple[Instr, ...], list[_Site]] = {}
    for site in sites:
        for length in filter(None, site.cuts):
            found.setdefault(site.tail[:length], []).append(site)
    for tail, group in found.items():
        if len(group) > 1:
            yield len(tail), group


def _asked(code: list[Instr]) -> set[int]:
    """Return the identities of the labels that a `br_if` or `br_table` names."""
    found: set[int] = set()
    for instr in code:
        if instr[0] == BR_IF:
            found.add(id(instr[1]))
        elif instr[0] == BR_TABLE:
            found.update(id(label) for label in (*instr[1], instr[2]))
    return found
