"""Put bodies of called functions in place of their calls.

The arguments go to fresh locals, the callee's own locals are zeroed each time, a return becomes a
branch to the end of a block around the body. Lowering turns all of that into plain values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..lowering.types import default, has_default
from ..wasm.body import Body, Instr, encode_body
from ..wasm.module import Module
from ..wasm.opcodes import BY_NAME
from ..wasm.types import BlockType, FuncType, ValType
from .references import CALL, RETURN_CALL

BLOCK, LOOP, IF, END, BR, RETURN = 0x02, 0x03, 0x04, 0x0B, 0x0C, 0x0F
TRY, TRY_TABLE = 0x06, 0x1F
LOCAL_GET, LOCAL_SET, LOCAL_TEE = 0x20, 0x21, 0x22
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
    """A function to stand in place of its calls: its type and its body, itself inlined into.

    `declared` counts the locals that it had before: the others are set before every use.
    """

    type: FuncType
    body: Body
    declared: int


def inlined(
    body: Body, parameters: int, callees: Mapping[int, Callee], types: Types
) -> tuple[Body, bytes]:
    """The body with every call of `callees` replaced, decoded and as bytes.

    Raises NotInlined where a callee has a local without a default value.
    """
    writer = _Writer(body, parameters, callees, types)
    return writer.run()


class _Writer:
    def __init__(
        self, body: Body, parameters: int, callees: Mapping[int, Callee], types: Types
    ) -> None:
        self.body = body
        self.callees = callees
        self.types = types
        self.base = parameters + sum(count for count, _ in body.runs)
        self.runs = list(body.runs)
        self.out: list[Instr] = []

    def run(self) -> tuple[Body, bytes]:
        for instr in self.body.instrs:
            callee = self.callees.get(instr[1]) if instr[0] in (CALL, RETURN_CALL) else None
            if callee is None:
                self.out.append(instr)
                continue
            self.call(callee)
            if instr[0] == RETURN_CALL:
                self.out.append((RETURN,))
        made = Body(tuple(self.runs), self.out)
        return made, encode_body(made.runs, made.instrs)

    def call(self, callee: Callee) -> None:
        """One call: fresh locals, so that no two sites share any."""
        out = self.out
        first = self.base
        params = callee.type.params
        if not all(map(has_default, params)):
            raise NotInlined("a parameter of a type without default")
        for position in reversed(range(len(params))):
            out.append((LOCAL_SET, first + position))
        local = first + len(params)
        for kind in callee.body.locals:
            zero = default(kind)
            if zero is None:
                raise NotInlined("a local of a type without default")
            if local < first + len(params) + callee.declared:
                out.append((zero[0], *zero[1]))
                out.append((LOCAL_SET, local))
            local += 1
        self.runs += [(1, kind) for kind in params]
        self.runs += callee.body.runs
        self.base = local
        for instr in as_block(callee.body.instrs, self.types.block(callee.type.results)):
            op = instr[0]
            local_access = op in (LOCAL_GET, LOCAL_SET, LOCAL_TEE)
            out.append((op, instr[1] + first) if local_access else instr)


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
            if op in (BLOCK, LOOP, IF, TRY, TRY_TABLE):
                depth += 1
            elif op == END:
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
