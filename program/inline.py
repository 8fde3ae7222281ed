"""Put bodies of called functions in place of their calls.

The arguments go to fresh locals, the callee's own locals are zeroed each time, a return becomes a
branch to the end of a block around the body. Lowering turns all of that into plain values; but a
body that nobody writes anew should not get slower either, so all of it is left out where it can be:
what only pushes a local or a constant stands where the parameter was read, arguments stay on the
stack where the body begins with them, locals are zeroed only in loops and where they may be read
before they are set, and only a body that is left early has a block around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..lowering.emit import LoopHint
from ..lowering.types import default, has_default
from ..wasm.body import Body, Instr, encode_body, encode_instrs
from ..wasm.module import Module
from ..wasm.opcodes import BY_NAME, OPCODES
from ..wasm.types import BlockType, FuncType, ValType
from .references import CALL, RETURN_CALL

BLOCK, LOOP, IF, ELSE, END, BR, RETURN = 0x02, 0x03, 0x04, 0x05, 0x0B, 0x0C, 0x0F
TRY, CATCH, CATCH_ALL, DELEGATE, TRY_TABLE = 0x06, 0x07, 0x19, 0x18, 0x1F
OPENERS = (BLOCK, LOOP, IF, TRY, TRY_TABLE)
DROP = 0x1A
LOCAL_GET, LOCAL_SET, LOCAL_TEE = 0x20, 0x21, 0x22
PUSHES = (LOCAL_GET, 0x41, 0x42, 0x43, 0x44)
"""A local or a constant: may be pushed later as well, as long as nobody sets the local."""
CALL_COST: Final = 2
"""Fuel of a call beside what the callee does: the instruction and the entry."""
SHORT: Final = 3
"""Bytes of a constant that may be written several times."""
TAIL_CALLS = {
    BY_NAME[tail]: BY_NAME[call]
    for tail, call in (
        ("return_call", "call"),
        ("return_call_indirect", "call_indirect"),
        ("return_call_ref", "call_ref"),
    )
    if tail in BY_NAME
}
"""What a tail call is where more is to be done after it."""


class NotInlined(Exception):
    """The callee cannot stand in place of a call; the message says why."""


@dataclass(slots=True)
class Types:
    """Function types of a module and those added for blocks with several results."""

    module: Module
    added: list[FuncType] = field(default_factory=list)

    def index(self, kind: FuncType) -> int:
        """Index of a type, added if it is not there."""
        for index, known in enumerate(self.module.types):
            if known == kind and index not in self.module.subtypes:
                return index
        if kind not in self.added:
            self.added.append(kind)
        return len(self.module.types) + self.added.index(kind)

    def block(self, results: tuple[ValType, ...]) -> BlockType:
        """The type of a block without parameters."""
        if not results:
            return None
        if len(results) == 1:
            return results[0]
        return ("type", self.index(FuncType((), results)))


@dataclass(frozen=True, slots=True)
class Callee:
    """A function to stand in place of its calls; its body may itself have been inlined into.

    Attributes:
        type: its type.
        body: its body.
        reads: how often each local is read.
        written: the locals that are set.
        unset: declared locals that may be read before they are set.
        left: whether it is left otherwise than at its end.
        early: whether a `return` leaves it, which is free, while a branch is an instruction.
        origins: for each local its number where every call in the function as it was gets locals
            of its own, one for each parameter and local, in the order of the calls.
        frame: how many there are in that numbering.
    """

    type: FuncType
    body: Body
    reads: Mapping[int, int]
    written: frozenset[int]
    unset: frozenset[int]
    left: bool
    early: bool
    origins: tuple[int, ...]
    frame: int

    @staticmethod
    def of(kind: FuncType, body: Body, made: Inlined | None = None) -> Callee:
        """What a call site needs to know about a function, `made` if it was inlined into."""
        if made is not None:
            body = made.body
        instrs = body.instrs
        reads = Counter(instr[1] for instr in instrs if instr[0] == LOCAL_GET)
        written = frozenset(i[1] for i in instrs if i[0] in (LOCAL_SET, LOCAL_TEE))
        early = any(instr[0] == RETURN or instr[0] in TAIL_CALLS for instr in instrs)
        unset = _read_first(instrs, len(kind.params))
        left = early or _branches_out(instrs)
        own = len(kind.params) + len(body.locals)
        origins = tuple(range(own)) if made is None else made.origins
        frame = own if made is None else made.frame
        return Callee(kind, body, reads, written, unset, left, early, origins, frame)


def _read_first(instrs: Iterable[Instr], parameters: int) -> frozenset[int]:
    """Declared locals that may be read before they are set.

    What is set within a block counts up to the end of that block, as in the validation of locals
    without default.
    """
    found = set()
    known: set[int] = set()
    blocks: list[list[int]] = []
    for instr in instrs:
        op = instr[0]
        if op in OPENERS:
            blocks.append([])
        elif op in (ELSE, CATCH, CATCH_ALL):
            known.difference_update(blocks[-1])
            blocks[-1].clear()
        elif op in (END, DELEGATE) and blocks:
            known.difference_update(blocks.pop())
        elif op in (LOCAL_SET, LOCAL_TEE) and instr[1] not in known:
            known.add(instr[1])
            if blocks:
                blocks[-1].append(instr[1])
        elif op == LOCAL_GET and instr[1] >= parameters and instr[1] not in known:
            found.add(instr[1])
    return frozenset(found)


def _branches_out(instrs: Iterable[Instr]) -> bool:
    """Whether a branch goes to the end of the body."""
    depth = 0
    for instr in instrs:
        op = instr[0]
        kinds = OPCODES[op].immediates
        if op in OPENERS:
            depth += 1
        elif op in (END, DELEGATE):
            depth -= 1
        if "catches" in kinds or op == DELEGATE:
            return True
        if kinds == ("labels",):
            labels = (*instr[1], instr[2])
        elif "label" in kinds:
            labels = (instr[1 + kinds.index("label")],)
        else:
            continue
        if max(labels) >= depth:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Inlined:
    """A body with bodies in place of calls, decoded and as bytes."""

    body: Body
    encoded: bytes
    callees: frozenset[int]
    """Those that stand in it now."""
    origins: tuple[int, ...]
    frame: int
    """See `Callee`."""
    loops: tuple[LoopHint, ...]
    """What a proof may try for its loops."""


def inlined(
    body: Body,
    parameters: int,
    callees: Mapping[int, Callee],
    types: Types,
    *,
    free: Collection[int] = (),
) -> Inlined | None:
    """The body with calls of `callees` replaced; None if there is none to replace.

    Those in `free` are replaced only where that executes no more instructions than the call.

    Raises NotInlined where a callee has a local without a default value.
    """
    return _Writer(body, parameters, callees, types, free).run()


@dataclass(slots=True)
class _Site:
    """How a body stands at one call.

    Attributes:
        pushes: arguments that are pushed just before the call, by parameter.
        stacked: parameters before those, whose arguments stay where they are: on the stack.
        zeroed: locals that are set to zero first.
    """

    pushes: dict[int, Instr]
    stacked: bool
    zeroed: list[int]
    cost: int = 0


class _Writer:
    def __init__(
        self,
        body: Body,
        parameters: int,
        callees: Mapping[int, Callee],
        types: Types,
        free: Collection[int],
    ) -> None:
        self.body = body
        self.callees = callees
        self.types = types
        self.free = free
        self.base = parameters + sum(count for count, _ in body.runs)
        self.runs = list(body.runs)
        self.out: list[Instr] = []
        self.origins = list(range(self.base))
        self.frame = self.base

    def run(self) -> Inlined | None:
        found = set()
        whole = True
        blocks: list[int] = []
        for instr in self.body.instrs:
            op = instr[0]
            if op in OPENERS:
                blocks.append(op)
            elif op in (END, DELEGATE) and blocks:
                blocks.pop()
            callee = self.callees.get(instr[1]) if op in (CALL, RETURN_CALL) else None
            site = None if callee is None else self.site(callee, LOOP in blocks)
            if callee is None or site is None or (instr[1] in self.free and site.cost > 0):
                whole = whole and callee is None
                self.out.append(instr)
                continue
            found.add(instr[1])
            self.put(callee, site)
            self.frame += callee.frame
            if op == RETURN_CALL:
                self.out.append((RETURN,))
        if not found:
            return None
        made = Body(tuple(self.runs), self.out)
        origins = tuple(self.origins)
        loops: tuple[LoopHint, ...] = ()
        if whole:
            # Loops are those of the original with its calls unfolded, in the same order.
            places = {new: ("local", old) for new, old in enumerate(origins)}
            count = sum(instr[0] == LOOP for instr in self.out)
            loops = tuple((ordinal, places) for ordinal in range(count))
        encoded = encode_body(made.runs, made.instrs)
        return Inlined(made, encoded, frozenset(found), origins, self.frame, loops)

    def site(self, callee: Callee, looping: bool) -> _Site:
        """How the body can stand at the end of what is written, and its fuel beside the call's."""
        if not all(map(has_default, (*callee.type.params, *callee.body.locals))):
            raise NotInlined("a parameter or local of a type without default")
        rest = len(callee.type.params)
        pushes: dict[int, Instr] = {}
        while rest and len(self.out) > len(pushes) and self.out[-1 - len(pushes)][0] in PUSHES:
            rest -= 1
            pushes[rest] = self.out[-1 - len(pushes)]
        # Only a body that begins with these arguments, and knows them no more, finds them there.
        heads = [(LOCAL_GET, k) for k in range(rest)]
        stacked = (
            not callee.left
            and callee.body.instrs[:rest] == heads
            and all(callee.reads[k] == 1 and k not in callee.written for k in range(rest))
        )
        zeroed = sorted(callee.unset) if looping else []
        site = _Site(pushes, stacked, zeroed)
        moved = sum(_replaceable(callee, k, push) for k, push in pushes.items())
        kept = -rest if stacked else sum(1 for k in range(rest) if _used(callee, k))
        site.cost = len(pushes) - 2 * moved + kept + 2 * len(zeroed) + callee.early - CALL_COST
        return site

    def put(self, callee: Callee, site: _Site) -> None:
        """One call: fresh locals, so that no two sites share any."""
        out = self.out
        del out[len(out) - len(site.pushes) :]
        rest = len(callee.type.params) - len(site.pushes)
        kinds = (*callee.type.params, *callee.body.locals)
        places: dict[int, Instr] = {}
        """What reads a local of the callee."""
        for local, kind in enumerate(kinds):
            push = site.pushes.get(local)
            if push is not None and _replaceable(callee, local, push):
                places[local] = push
            elif _used(callee, local) and not (site.stacked and local < rest):
                places[local] = LOCAL_GET, self.fresh(kind, callee.origins[local])
        for local in site.zeroed:
            zero = default(kinds[local])
            assert zero is not None
            out += [(zero[0], *zero[1]), (LOCAL_SET, places[local][1])]
        for local, push in sorted(site.pushes.items()):
            if places.get(local, push) != push:
                out += [push, (LOCAL_SET, places[local][1])]
        instrs: Sequence[Instr] = callee.body.instrs
        if site.stacked:
            instrs = instrs[rest:]
        else:
            for local in reversed(range(rest)):
                kept = places.get(local)
                out.append((DROP,) if kept is None else (LOCAL_SET, kept[1]))
        if callee.left:
            made = list(as_block(instrs, self.types.block(callee.type.results)))
        else:
            made = list(instrs[:-1])
        for instr in made:
            op = instr[0]
            if op == LOCAL_GET:
                out.append(places[instr[1]])
            elif op in (LOCAL_SET, LOCAL_TEE):
                out.append((op, places[instr[1]][1]))
            else:
                out.append(instr)

    def fresh(self, kind: ValType, origin: int) -> int:
        """A new local, for one of the callee's."""
        self.origins.append(self.frame + origin)
        if self.runs and self.runs[-1][1] == kind:
            self.runs[-1] = self.runs[-1][0] + 1, kind
        else:
            self.runs.append((1, kind))
        self.base += 1
        return self.base - 1


def _used(callee: Callee, local: int) -> bool:
    return local in callee.reads or local in callee.written


def _replaceable(callee: Callee, parameter: int, push: Instr) -> bool:
    """Whether a push may stand wherever the parameter is read."""
    if parameter in callee.written:
        return False
    return (
        push[0] == LOCAL_GET
        or callee.reads.get(parameter, 0) <= 1
        or len(encode_instrs([push])) <= SHORT
    )


def as_block(instrs: Iterable[Instr], kind: BlockType) -> Iterator[Instr]:
    """The instructions of a body, its `end` included, as a block: returns leave it."""
    yield BLOCK, kind
    depth = 0
    for instr in instrs:
        op = instr[0]
        if op == RETURN:
            yield BR, depth
        elif op in TAIL_CALLS:
            yield TAIL_CALLS[op], *instr[1:]
            yield BR, depth
        else:
            if op in OPENERS:
                depth += 1
            elif op in (END, DELEGATE):
                depth -= 1
            yield instr


def order(functions: Collection[int], calls: Mapping[int, Collection[int]]) -> list[int]:
    """Functions with callees first, as far as there is no recursion; deterministic."""
    found: list[int] = []
    state: dict[int, int] = {}
    members = set(functions)
    for root in sorted(members):
        if root in state:
            continue
        stack = [(root, iter(sorted(c for c in calls.get(root, ()) if c in members)))]
        state[root] = 1
        while stack:
            function, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                state[function] = 2
                found.append(function)
            elif following not in state:
                state[following] = 1
                inner = iter(sorted(c for c in calls.get(following, ()) if c in members))
                stack.append((following, inner))
    return found


def recursive(functions: Collection[int], calls: Mapping[int, Collection[int]]) -> set[int]:
    """Functions that can call themselves, directly or through others (Tarjan's components)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    found: set[int] = set()
    members = set(functions)
    for root in sorted(members):
        if root in index:
            continue
        work = [(root, iter(sorted(c for c in calls.get(root, ()) if c in members)))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            function, rest = work[-1]
            following = next(rest, None)
            if following is not None:
                if following == function:
                    found.add(function)
                if following not in index:
                    index[following] = low[following] = len(index)
                    stack.append(following)
                    on_stack.add(following)
                    inner = iter(sorted(c for c in calls.get(following, ()) if c in members))
                    work.append((following, inner))
                elif following in on_stack:
                    low[function] = min(low[function], index[following])
                continue
            work.pop()
            if work:
                caller = work[-1][0]
                low[caller] = min(low[caller], low[function])
            if low[function] == index[function]:
                component = []
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    component.append(member)
                    if member == function:
                        break
                if len(component) > 1:
                    found.update(component)
    return found
