"""The certificate of a whole module: does ``after`` do what ``before`` does, for every caller?

First every section is compared through the step's maps (``structure.py``). Then each function of
``before`` that has a counterpart is shown to be equal to it, under the hypothesis that calls of
functions with equal counterparts do the same: an induction over the calls that are still made,
which both sides make together. Most bodies are equal up to renumbering and compared as bytes
(``skeleton.py``); the others are executed symbolically, with callees in place where the step
says so (``unfold.py``) and the new body in the indices of the old module (``lift.py``).

A function without counterpart needs no proof of its own: whatever still called it would have no
counterpart for the call.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .axioms import find_axioms
from .context import Context
from .escapes import escapes, running
from .footprints import Footprints
from .induction import Induction
from .lift import Lift
from .literal import same_code
from .plan import Step
from .promises import P3, ends_task, find_promises
from .reader import (
    FunctionType,
    Instruction,
    Malformed,
    Unsupported,
    ValueType,
    read_body,
    read_module,
)
from .relation import Hints
from .segments import read_segments
from .skeleton import skeleton
from .structure import FUNCTION, GLOBAL, MEMORY, TABLE, Mismatch, Side, Structure, compare
from .unfold import Callee, direct, unfold
from .usage import usage
from .validator import (
    FUNCTION_RLIMIT,
    QUERY_RLIMIT,
    Body,
    Pair,
    SetEscapes,
    Status,
    Verdict,
    guarded,
    make_body,
    narrowed,
)

IDENTICAL = Verdict("proven", "identical")
"""Equal up to the maps."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known about a step.

    ``functions`` holds a verdict per old function that is in ``after`` and has a body; ``used``
    names the contracts and facts that the proof needs; ``rlimit`` is what the solver spent.
    """

    status: Status
    reason: str = ""
    functions: Mapping[int, Verdict] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    rlimit: int = 0


def certify(
    before: bytes,
    after: bytes,
    step: Step,
    *,
    rlimit: int = FUNCTION_RLIMIT,
    query_rlimit: int = QUERY_RLIMIT,
    deadline: float | None = None,
    record: Callable[[str], None] | None = None,
) -> Certificate:
    """Check a step. Never raises on bad input: what cannot be checked is unknown.

    ``rlimit`` and ``query_rlimit`` bound the solver per function and per query; ``deadline`` is a
    ``time.perf_counter()`` value after which functions stay unknown. Both modules must be valid.
    ``record`` is given every query about a function as SMT-LIB text.
    """
    if before == after:
        return Certificate("proven", "equal bytes")
    try:
        entries = None if step.entries is None else frozenset(e.encode() for e in step.entries)
        structure = compare(read_side(before), read_side(after), step.maps, entries)
        run = _Run(structure, step, rlimit, query_rlimit, deadline)
        run.context.record = record
        return run.certify()
    except (Mismatch, Malformed, Unsupported, IndexError, UnicodeError) as problem:
        return Certificate("unknown", str(problem) or "indices out of range")


def read_side(data: bytes) -> Side:
    """Read a module for comparison. Raises Malformed or Unsupported."""
    module = read_module(data)
    return Side(module, read_segments(module))


class _Run:
    """One certificate in the making."""

    def __init__(
        self,
        structure: Structure,
        step: Step,
        rlimit: int,
        query_rlimit: int,
        deadline: float | None,
    ) -> None:
        self.structure, self.step = structure, step
        self.old, self.new = structure.before.module, structure.after.module
        self.rlimit, self.query_rlimit, self.deadline = rlimit, query_rlimit, deadline
        self._check_types()
        dead, lost = _without_counterpart(structure)
        dead |= _unread(structure, step)
        removed, classes = _classes(structure)
        self.context = Context(
            self.old,
            list(self.old.types),
            structure.alike,
            dead,
            lost,
            step.maps.parameters,
            step.maps.results,
            removed=removed,
            classes=classes,
        )
        self.lift = Lift(structure, self.context)
        memories = structure.forward[MEMORY]
        self.implicit = not memories or memories[0] == 0
        self.identity = _is_identity(structure)
        self.relying = False
        self.entered: set[int] = set()
        self.limited: set[int] = set()
        self.running: set[int] | None = None
        self.facts_dropped: tuple[str, ...] = ()
        self.spent = 0

    def _check_types(self) -> None:
        """A function whose type has changed must not be reached but by direct calls."""
        changed = {*self.step.maps.parameters, *self.step.maps.results}
        if changed:
            escaping = escapes(self.structure.after)
            for i in changed:
                if self.step.maps.functions[i] in escaping:
                    raise Mismatch(f"the type of function {i} changed, and the function escapes")

    def _rely(self) -> None:
        """Find out what is true of every run, once a body has to be executed."""
        if self.relying:
            return
        self.relying = True
        s, context = self.structure, self.context
        context.axioms = find_axioms(s.before, s.outside, usage(self.old))
        context.footprints = Footprints(self.old, context.axioms)
        context.promises = find_promises(s.before, s.outside, self.step.contracts)
        if P3 in self.step.contracts:
            self.entered = _entered(s.before)
        claimed = self.step.facts
        if claimed.globals or claimed.arguments or claimed.results:
            proof = Induction(s.before, s.outside, s.entries, context.axioms, self.deadline)
            context.facts = proof.establish(claimed)
            self.facts_dropped = tuple(proof.dropped)
            self.spent += proof.spent

    def certify(self) -> Certificate:
        """Look at every function that has a counterpart."""
        pairs = [(i, to) for i, to in enumerate(self.step.maps.functions) if to is not None]
        pairs += [(i, to) for to, i in sorted(self.step.maps.copies.items())]
        # The shortest first: where time is short, most are looked at before it ends.
        imported = self.new.imported_functions
        pairs = [(i, to) for i, to in pairs if i >= self.old.imported_functions]
        pairs.sort(key=lambda pair: len(self.new.bodies[pair[1] - imported]))
        verdicts: dict[int, Verdict] = {}
        for i, to in pairs:
            verdict = self._function(i, to)
            if i not in verdicts or verdict.status != "proven":
                verdicts[i] = verdict
        verdicts = dict(sorted(verdicts.items()))
        for i, verdict in verdicts.items():
            if verdict.status != "proven":
                reason = f"function {i}: {verdict.reason or verdict.status}"
                if self.facts_dropped:
                    reason += f" (not established: {', '.join(self.facts_dropped)})"
                return Certificate("unknown", reason, verdicts, rlimit=self.spent)
        changed = sum(v is not IDENTICAL for v in verdicts.values())
        return Certificate(
            "proven", f"{changed} changed functions", verdicts,
            tuple(sorted(self.context.used | self._entry())), self.spent,
        )  # fmt: skip

    def _entry(self) -> set[str]:
        """Whether it matters that some exports are never used."""
        names = (name for name, _, _ in self.old.exports)
        return (
            set() if all(map(self.structure.used, names)) else {"entry: other exports are unused"}
        )

    def _function(self, i: int, to: int) -> Verdict:
        if self._same_body(i, to):
            return IDENTICAL
        began = time.perf_counter()
        if self.deadline is not None and began > self.deadline:
            return Verdict("unknown", reason="deadline")
        verdict = guarded(lambda: self._compare(i, to))
        self.spent += verdict.rlimit
        if verdict.status != "proven" and not self._can_run(i):
            verdict = Verdict("proven", "never runs", rlimit=verdict.rlimit)
        return replace(verdict, seconds=time.perf_counter() - began)

    def _can_run(self, i: int) -> bool:
        """Whether anything can ever enter an old function; if not, its new body does not matter."""
        if self.running is None:
            s = self.structure
            self.running = running(s.before, s.outside, s.entries)
        return i in self.running

    # --- equal up to the maps -------------------------------------------------------------------

    def _same_body(self, i: int, to: int) -> bool:
        """Whether two bodies are equal up to the maps, as bytes."""
        maps = self.step.maps
        if i in maps.parameters or i in maps.results:
            return False
        if self.old.function_type(i) != self.new.function_type(to):
            return False
        x = self.old.bodies[i - self.old.imported_functions]
        y = self.new.bodies[to - self.new.imported_functions]
        if x == y and self.identity:
            return True
        a, b = skeleton(x, self.implicit), skeleton(y, self.implicit)
        if a is None or b is None or a[0] != b[0] or len(a[1]) != len(b[1]):
            return False
        return all(
            x[0] == y[0] and x[1] == y[1] and self._same_index(x[1], x[2], y[2])
            for x, y in zip(a[1], b[1], strict=True)
        )

    def _same_index(self, kind: str, old: int, new: int) -> bool:
        s = self.structure
        match kind:
            case "function" | "reference":
                return s.alike[s.origin[FUNCTION][new]] == s.alike[old]
            case "type":
                if not self.old.plain_types:
                    return old == new
                return self.old.type_at(old) == self.new.type_at(new)
            case "table":
                return s.origin[TABLE][new] == old
            case "global":
                return s.origin[GLOBAL][new] == old
            case "memory":
                return s.origin[MEMORY][new] == old
            case "data":
                return s.data_origin[new] == old
            case "element":
                return s.element_origin[new] == old
        return old == new

    # --- symbolic -------------------------------------------------------------------------------

    def _compare(self, i: int, to: int) -> Verdict:
        """Both bodies, unfolded, in the words of the old module."""
        self._rely()
        maps, origin = self.step.maps, self.structure.origin[FUNCTION]
        kind = self.old.function_type(i)
        parameters, results = maps.parameters.get(i), maps.results.get(i)
        new_kind = self.new.function_type(to)
        if narrowed(kind, parameters, results) != new_kind:
            return Verdict("unknown", reason="the type differs")
        chosen = self.step.unfold.get(i, frozenset())
        old = self._body(i, kind, False, lambda f: f in chosen)
        alike = self.structure.alike
        stand = {alike[f] for f in chosen}
        new = self._body(to, new_kind, True, lambda f: alike[origin[f]] in stand)
        if parameters is None and results is None and same_code(self.context, old, new):
            return Verdict("proven", "unfolded")
        hints = self.step.hints.get(to, Hints())
        ends = None
        if P3 in self.step.contracts:
            ends = ends_task(self.structure.before, i, self.entered)

        def decide(context: Context) -> Verdict:
            pair = Pair(
                context, i, old, new, hints, parameters=parameters, results=results, ends=ends
            )
            return pair.decide(self.rlimit, self.query_rlimit, self.deadline)

        def search() -> Verdict:
            verdict = decide(self.context)
            if verdict.status == "proven" or not self._learn_bits(old):
                return verdict
            return decide(self.context)

        try:
            return search()
        except SetEscapes:
            # Then making and dropping sets are calls like any other.
            strict = replace(self.context.promises, set_new=frozenset(), set_drop=frozenset())
            return decide(replace(self.context, promises=strict))

    def _learn_bits(self, body: Body) -> bool:
        """Find out which bits the globals of a body can have; whether there is anything new."""
        module, context, s = self.old, self.context, self.structure
        mentioned = body.scan.read_globals | body.scan.effects.globals
        new = sorted(
            g for g in mentioned - self.limited
            if module.globals[g].mutable and context.constant(g) is None
        )  # fmt: skip
        self.limited |= set(new)
        if not new:
            return False
        proof = Induction(s.before, s.outside, s.entries, context.axioms, self.deadline)
        found = proof.bits(new, context.facts)
        context.bits = {**context.bits, **found}
        return bool(found)

    def _body(
        self, index: int, kind: FunctionType, new: bool, inside: Callable[[int], bool]
    ) -> Body:
        module = self.new if new else self.old

        def chosen(function: int) -> Callee | None:
            if function < module.imported_functions or not inside(function):
                return None
            return Callee(module.function_type(function), *decode(function))

        def decode(function: int) -> tuple[list[ValueType], list[Instruction]]:
            declared, code = read_body(module.bodies[function - module.imported_functions])
            return declared, code if new else direct(code, module, self.context.axioms.tables)

        declared, code = decode(index)
        declared, code = unfold(kind, declared, code, chosen)
        return make_body(declared, self.lift.code(code) if new else code)


def _entered(side: Side) -> set[int]:
    """Functions that the module itself may call."""
    found = {
        item[0][1] for one in side.segments.elements for item in one.items if item[0][0] == 0xD2
    }
    for body in side.module.bodies:
        split = skeleton(body, True)
        if split is None:
            return set(range(len(side.module.functions)))
        found |= {i for _, kind, i in split[1] if kind in ("function", "reference")}
    return found


def _unread(s: Structure, step: Step) -> frozenset[tuple[str, int]]:
    """Claimed dead spaces that are kept: private, and nothing of the new module looks at them."""
    facts = step.facts
    claimed = (
        (GLOBAL, "global", facts.dead_globals), (MEMORY, "memory", facts.dead_memories),
        (TABLE, "table", facts.dead_tables),
    )  # fmt: skip
    if not any(one for _, _, one in claimed):
        return frozenset()
    used = usage(s.after.module)
    looked_at = {
        GLOBAL: used.read_globals, MEMORY: used.read_memories | used.grown_memories,
        TABLE: used.read_tables | used.changed_tables,
    }  # fmt: skip
    # Where the new module still stores, it must trap as the old one does: sizes must be equal.
    before = usage(s.before.module)
    resized = {GLOBAL: set[int](), MEMORY: before.grown_memories, TABLE: set[int]()}
    return frozenset(
        (name, i)
        for kind, name, indices in claimed
        for i in indices
        if not (used.unknown or before.unknown)
        and 0 <= i < len(s.forward[kind])
        and (kind, i) not in s.outside
        and s.forward[kind][i] not in looked_at[kind]
        and i not in resized[kind]
    )


def _classes(s: Structure) -> tuple[frozenset[int], dict[int, list[int]]]:
    """Functions without counterpart, and those that stand for several."""
    copied = {s.alike[i] for i in s.maps.copies.values()}
    gone = {i for i, to in enumerate(s.maps.functions) if to is None and i not in copied}
    classes: dict[int, list[int]] = {}
    for i, stand in enumerate(s.alike):
        classes.setdefault(stand, []).append(i)
    return frozenset(gone), {i: one for i, one in classes.items() if len(one) > 1}


def _is_identity(s: Structure) -> bool:
    """Whether equal bytes of bodies mean the same: every index that is kept stays what it is."""
    types = [
        next((payload for kind, payload in side.module.sections if kind == 1), b"")
        for side in (s.before, s.after)
    ]
    origins = [*s.origin.values(), s.data_origin, s.element_origin]
    given = [*s.forward.values(), s.maps.datas, s.maps.elements]
    return (
        types[0] == types[1]
        and all(one == list(range(len(one))) for one in origins)
        and all(to is None or to == i for one in given for i, to in enumerate(one))
    )


def _without_counterpart(
    s: Structure,
) -> tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]]:
    """Spaces that are gone: private ones, and ones that the host sees."""
    dead: set[tuple[str, int]] = set()
    lost: set[tuple[str, int]] = set()
    for kind, name in ((TABLE, "table"), (MEMORY, "memory"), (GLOBAL, "global")):
        for i, to in enumerate(s.forward[kind]):
            if to is None:
                (lost if (kind, i) in s.outside else dead).add((name, i))
    return frozenset(dead), frozenset(lost)
