"""Steps over the whole module: proposed by `program`, proven by `verify`, or not taken."""

from __future__ import annotations

import hashlib
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from .options import DEFAULT_RLIMIT, Options
from .refusals import Refusal, Refusals
from .report import StepRecord

if TYPE_CHECKING:
    from ..program.step import Step
    from ..program.view import View
    from ..verify.certificate import Certificate
    from ..verify.plan import Step as Plan
    from ..verify.relation import Hints
    from ..wasm.module import Module

__all__ = ["Program"]

SEEN = ("context slots", "waitable sets", "event codes", "unread memories")
"""Kinds of step that a contract may let change calls of the host, or traps."""

KILLS = "trap-kills"
"""The contract by which a step of any kind may leave another state at a trap."""

MAX_STEPS = 40
"""Steps in one round: far more than any chain of removals needs to come to rest."""

TIDY_SPEED = 5_000
"""Bytes of bodies that one worker of the search writes anew in a second."""

TIDY_SHARE = 0.5
"""Part of that time for the bodies as they are, where it does not suffice for all: what is inlined
comes on top."""

TRIES = 2
"""Certificates that one proposal may cost: what fails without its failing parts will fail again."""

RETRY_SHARE = 0.5
"""Part of the time for a certificate that the proofs of a second one, after a first that came too
late, may have taken in the first."""

PROOF_SPEED = 60_000
"""Bytes of bodies with others in place of calls that are proven in a second."""

LOOKING_SPEED = 400_000
"""Bytes of a module per second in which steps are proposed and proven that hardly look into bodies
(removal, merging and inlining of sql.js, 688 kB: 1.3 s)."""

REWRITING_SPEED = 75_000
"""The same for steps that go through the values of all bodies, which nothing interrupts: half the
speed at which they are proposed (constants of sql.js: 4.3 s); the proof takes as long again."""


@dataclass(slots=True)
class Program:
    """The module as a whole on its way through the steps.

    Attributes:
        module: the module as it is by now; every step to it was proven.
        origins: function -> the function of the input that it was (the first of merged ones).
        places: function of the input -> what it is now, None if it is gone.
        taken: number of steps that led here.
        changed: functions of the input whose bodies steps changed beyond the numbering.
        pending: functions whose bodies changed since the search last saw them.
        exports: names of the exports that are ever used, None: all.
    """

    module: Module
    options: Options
    deadline: Callable[[], float | None]
    """When the steps have to be over."""
    origins: tuple[int, ...] = ()
    places: tuple[int | None, ...] = ()
    taken: int = 0
    changed: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()
    exports: frozenset[str] | None = None
    records: list[StepRecord] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    refused: set[tuple[str, int]] = field(default_factory=set)
    """Kinds of step that a function (of the input) must be left out of."""
    refusals: Refusals | None = None
    """What earlier runs could not prove, unless there is no cache."""
    allowance: float | None = None
    """Seconds that the steps of one turn may take, None without limit. What is begun depends on
    them, not on the time left, so that runs with the same budget come to the same module."""
    patience: float | None = None
    """Seconds that one certificate may take, None without limit."""
    search_seconds: float | None = None
    """Seconds that the search after the steps may take."""
    _failed: set[bytes] = field(default_factory=set)
    """Digests of steps that were not proven."""
    _view: View | None = None

    def __post_init__(self) -> None:
        if not self.origins:
            self.origins = tuple(range(len(self.module.functions)))
            self.places = self.origins

    def promised(self) -> str:
        """The contracts by which steps changed what a host can see, as one text."""
        taken = [one for one in self.records if one.status == "proven"]
        used = {use.partition(":")[0] for one in taken if one.kind in SEEN for use in one.used}
        used |= {KILLS for one in taken for use in one.used if use.startswith(KILLS)}
        return ", ".join(sorted(used & {one.partition("=")[0] for one in self.options.assume}))

    def view(self) -> View:
        """What is to be known about the module as it is."""
        from ..program.view import View

        if self._view is None or self._view.module is not self.module:
            graphs = self.affordable(REWRITING_SPEED)
            keep = self.options.keep_imports
            self._view = View(self.module, self.exports, keep, graphs, self.late)
        return self._view

    def settle(self, inlining: bool) -> bool:
        """Take steps until none is left that is proven; whether any was taken."""
        from ..program.contracts import P3, context_slots, event_codes, waitable_sets
        from ..program.dead import circular_globals, unread_globals
        from ..program.evaluate import evaluate
        from ..program.merge import merge
        from ..program.promote import promote
        from ..program.signature import narrow
        from ..program.substitute import substitute
        from ..program.trim import trim
        from ..program.unread import unread_memories

        changed = False
        proposals: list[Callable[[View], Step | None]] = [
            trim,
            merge,
            substitute,
            unread_globals,
            partial(unread_memories, exhaustion="no-exhaustion" not in self.options.assume),
            promote,
            circular_globals,
            evaluate,
            narrow,
        ]
        quick = proposals[:2]
        if P3 in self.options.assume:
            proposals += (context_slots, waitable_sets, event_codes)
        if inlining:
            proposals.append(self._inline)
            quick.append(self._inline)
        for _ in range(MAX_STEPS):
            # With entry points only what they reach is looked at, and that may be little.
            looking = self.exports is not None or self.affordable(LOOKING_SPEED)
            fitting = proposals if self._thorough() else quick
            if self.late() or not looking or not any(self._take(one) for one in fitting):
                break
            changed = True
        return changed

    def affordable(self, speed: float) -> bool:
        """Whether there is time for a step that handles so many bytes of module per second."""
        allowed = self.allowance
        return allowed is None or len(self.module.data) / speed < allowed

    def _thorough(self) -> bool:
        """Whether there is time for all steps: not where the search alone has too little."""
        from .search import too_much

        size = self._code_size()
        return self.affordable(REWRITING_SPEED) and not too_much(
            size, self.options, self.search_seconds
        )

    def _code_size(self) -> int:
        return sum(stop - start for start, stop in self.module.code)

    def _tidied(self) -> int:
        """Bytes of a body up to which the search has time to write it anew: the smallest first."""
        from ..program.choice import TIDY_LIMIT

        if self.search_seconds is None:
            return TIDY_LIMIT
        left = TIDY_SPEED * max(1, self.options.jobs) * self.search_seconds
        if self._code_size() < left:
            return TIDY_LIMIT
        found = 0
        for size in sorted(stop - start for start, stop in self.module.code):
            left -= size / TIDY_SHARE
            if left < 0:
                break
            found = size
        return min(found, TIDY_LIMIT)

    def _inline(self, view: View) -> Step | None:
        from ..program.choice import Policy, inline

        refused = frozenset(
            index for index, origin in enumerate(self.origins) if ("inline", origin) in self.refused
        )
        kept = frozenset(
            index for index, origin in enumerate(self.origins) if ("into", origin) in self.refused
        )
        room = None if self.patience is None else int(PROOF_SPEED * self.patience)
        speed = self.options.cost == "fuel"
        return inline(view, Policy(speed, self._tidied(), refused, kept, room))

    def _take(self, propose: Callable[[View], Step | None]) -> bool:
        """Propose a step and take it if it is proven."""
        from ..program.view import TooLate

        if self.late():
            return False
        try:
            return self._tried(propose(self.view()))
        except TooLate:
            return False
        except Exception as fault:
            # A fault of ours costs the step and is named in its record.
            if os.environ.get("EQSAT_DEBUG"):
                traceback.print_exception(fault)
            reason = f"fault: {type(fault).__name__}: {fault}"[:200]
            self.records.append(StepRecord("fault", "unknown", reason, 0, 0.0))
            return False

    def _tried(self, step: Step | None) -> bool:
        """Take a step if it is proven, or what is left of it without the functions that fail."""
        for _ in range(TRIES):
            if step is None:
                return False
            digest = self._digest(step)
            if digest in self._failed:
                return False
            refusal, data = self._judge(step, digest)
            if refusal is None:
                self._accept(step, data)
                return True
            self._failed.add(digest)
            step = _without(step, refusal.failed)
        return False

    def _judge(self, step: Step, digest: bytes) -> tuple[Refusal | None, bytes]:
        """Why a step is not to be taken, or the module after it; from earlier runs if they know."""
        known = None if self.refusals is None else self.refusals.known(digest, self.patience)
        if known is not None:
            self._note(step, known.status, known.reason, 0.0, known.used)
            return known, b""
        patience = self.patience
        if self.refusals is not None:
            patience = self.refusals.allowance(digest, patience)
        began = time.perf_counter()
        certificate, data = self.certify(step, patience)
        if certificate.status == "proven":
            if self.refusals is not None and patience is not None:
                self.refusals.note_proof(digest, time.perf_counter() - began)
            return None, data
        verdicts = certificate.functions.items()
        failed = frozenset(index for index, verdict in verdicts if verdict.status != "proven")
        used = self._used(step, certificate)
        reasons = (certificate.reason, *(verdict.reason for _, verdict in verdicts))
        late = any("deadline" in reason for reason in reasons)
        if late and patience is not None:
            failed |= _slowest(certificate, RETRY_SHARE * patience)
        refusal = Refusal(failed, certificate.status, certificate.reason, used)
        if self.refusals is not None:
            self.refusals.note(digest, refusal, patience if late else None)
        return refusal, data

    def _digest(self, step: Step) -> bytes:
        """What tells a step from others, whatever module it was made for."""
        made = hashlib.sha256(self.module.data)
        made.update(step.kind.encode())
        for index, body in sorted(step.changes.bodies.items()):
            made.update(b"%d:%d:" % (index, len(body)) + body)
        return made.digest()

    def certify(self, step: Step, patience: float | None = None) -> tuple[Certificate, bytes]:
        """What the validator says of a step within so many seconds, and the module after it."""
        from ..verify.certificate import certify
        from ..wasm.validate import validate

        began = time.perf_counter()
        rewritten = step.build(self.module)
        validate(rewritten.data)
        certificate = certify(
            self.module.data,
            rewritten.data,
            self._plan(step),
            rlimit=self.options.rlimit or DEFAULT_RLIMIT,
            deadline=None if patience is None else began + patience,
        )
        if certificate.status == "proven":
            self.warnings.update(dict.fromkeys(rewritten.warnings))
        self._note(
            step,
            certificate.status,
            certificate.reason,
            time.perf_counter() - began,
            self._used(step, certificate),
        )
        return certificate, rewritten.data

    def _note(
        self, step: Step, status: str, reason: str, seconds: float, used: tuple[str, ...]
    ) -> None:
        """Keep the record of a step."""
        self.records.append(
            StepRecord(
                kind=step.kind,
                status=status,
                reason=reason,
                functions=len(step.touched()),
                seconds=seconds,
                used=used,
            )
        )

    def _used(self, step: Step, certificate: Certificate) -> tuple[str, ...]:
        """The contracts and facts that a step needed."""
        return (*certificate.used, *self._entries_used(step))

    def _entries_used(self, step: Step) -> tuple[str, ...]:
        """Whether the step is one that `--entry` allows."""
        return ("entries",) if step.changes.exports is not None else ()

    def _plan(self, step: Step) -> Plan:
        """The step in the validator's words."""
        from ..verify.plan import Facts, Maps
        from ..verify.plan import Step as Plan

        indices = step.indices
        claims = step.claims
        return Plan(
            maps=Maps(
                indices.functions,
                indices.tables,
                indices.memories,
                indices.globals,
                indices.types,
                indices.elements,
                indices.datas,
                indices.tags,
                parameters=step.parameters,
                results=step.results,
            ),
            facts=Facts(
                claims.globals,
                claims.arguments,
                claims.results,
                claims.dead_globals,
                claims.dead_memories,
                claims.dead_tables,
            ),
            unfold=step.unfold,
            hints=_hints(step),
            entries=None if self.exports is None else tuple(sorted(self.exports)),
            contracts=frozenset(self.options.assume),
        )

    def _accept(self, step: Step, data: bytes) -> None:
        from ..wasm.indices import Indices
        from ..wasm.module import Module

        functions = step.indices.functions
        self.changed |= {self.origins[index] for index in step.touched()}
        touched = step.touched() | self.pending
        origins: dict[int, int] = {}
        pending = set()
        for old, new in enumerate(functions):
            if new is None:
                continue
            origins.setdefault(new, self.origins[old])
            if old in touched:
                pending.add(new)
        before = self.module
        self.module = Module.parse(data)
        if self._view is not None and step.indices == Indices.same(before):
            self._view = self._view.after(self.module, step.touched())
        self.origins = tuple(origins[new] for new in range(len(origins)))
        self.places = tuple(None if one is None else functions[one] for one in self.places)
        self.pending = frozenset(pending)
        self.taken += 1

    def late(self) -> bool:
        """Whether the time for steps is over."""
        deadline = self.deadline()
        return deadline is not None and time.monotonic() > deadline


def _slowest(certificate: Certificate, seconds: float) -> frozenset[int]:
    """The proven functions that are left out so that proving the others takes so long at most."""
    proven = [(v.seconds, i) for i, v in certificate.functions.items() if v.status == "proven"]
    spent = 0.0
    found = set()
    for took, index in sorted(proven):
        spent += took
        if spent > seconds:
            found.add(index)
    return frozenset(found)


def _hints(step: Step) -> dict[int, Hints]:
    """What emissions say about loops, in the validator's words."""
    from ..verify.relation import Hints, LoopHint

    found = {}
    for old, loops in step.loops.items():
        new = step.indices.functions[old]
        if new is not None:
            found[new] = Hints(
                tuple(LoopHint(k, original, places) for k, (original, places) in enumerate(loops))
            )
    return found


def _without(step: Step, failed: frozenset[int]) -> Step | None:
    """The step without the functions that were not proven, if anything is left of it."""
    if not failed & step.touched() or step.parameters or step.results:
        return None
    bodies = {index: body for index, body in step.changes.bodies.items() if index not in failed}
    if not bodies:
        return None
    return replace(
        step,
        changes=replace(step.changes, bodies=bodies),
        unfold={index: inner for index, inner in step.unfold.items() if index in bodies},
    )
