"""What is mutated: proofs that the validator gave, and functions written with faults put in.

Proofs are recorded by standing between the optimizer and its validator; faults are put into our
own rooms from here, by patching, so that the product has no switch for them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from typing import Any
from unittest import mock

import wasmtime
from eqsat.ir.demand import simplify
from eqsat.lowering import STYLES, Unsupported, emit, lower
from eqsat.optimize.driver import optimize
from eqsat.optimize.options import Options
from eqsat.optimize.search import hints_of
from eqsat.optimize.workbench import Workbench
from eqsat.verify import certificate
from eqsat.verify.certificate import Certificate
from eqsat.verify.hints import Hints
from eqsat.verify.machine import make_engine
from eqsat.verify.plan import Step
from eqsat.verify.validator import Validator, Verdict
from eqsat.wasm.body import Body, decode_body, encode_body
from eqsat.wasm.errors import WasmError
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

from .bodies import mutate

MAX_ITERS = 3
"""Rounds of saturation: enough for bodies that are far from their originals."""

MAX_NODES = 4_000
"""E-nodes of a batch."""

PROOF_UNITS = 500_000
"""Solver units of a proof that is recorded."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A body that was proven equal to that of function `index` of `module`."""

    name: str
    module: bytes
    index: int
    body: bytes
    types: tuple[Any, ...]
    hints: Hints | None


@dataclass(frozen=True, slots=True)
class Certified:
    """A step over a whole module that was certified."""

    name: str
    before: bytes
    after: bytes
    step: Step


def recorded(name: str, data: bytes) -> tuple[list[Proof], list[Certified]]:
    """What the validator proves while a module is optimized: bodies and steps, each once."""
    proofs: dict[tuple[bytes, int, bytes], Proof] = {}
    steps: list[Certified] = []
    check, certify = Validator.check, certificate.certify

    def listening(
        self: Validator,
        index: int,
        body: bytes,
        types: Any = (),  # noqa: ANN401 (passed on as it came)
        **given: Any,  # noqa: ANN401 (passed on as it came)
    ) -> Verdict:
        verdict = check(self, index, body, types, **given)
        original = given.get("original")
        if verdict.status == "proven" and verdict.method != "identical":
            base = self.bytes
            if original is not None:
                base = replace(Module.parse(base), {index: original}).data
            proof = Proof(name, base, index, body, tuple(types), given.get("hints"))
            proofs.setdefault((base, index, body), proof)
        return verdict

    def recording(before: bytes, after: bytes, step: Step, **given: Any) -> Certificate:  # noqa: ANN401 (passed on as it came)
        result = certify(before, after, step, **given)
        if result.status == "proven" and before != after:
            steps.append(Certified(name, before, after, step))
        return result

    options = Options(
        cost="fuel", max_iters=MAX_ITERS, max_nodes=MAX_NODES, rlimit=PROOF_UNITS,
        jobs=0, differential=False,
    )  # fmt: skip
    with (
        mock.patch.object(Validator, "check", listening),
        mock.patch.object(certificate, "certify", recording),
    ):
        optimize(data, options=options)
    return list(proofs.values()), steps


def is_valid(data: bytes) -> bool:
    """Whether the engine takes a module."""
    try:
        wasmtime.Module.validate(make_engine(), data)
    except wasmtime.WasmtimeError:
        return False
    return True


def decoded(body: bytes) -> Body:
    """A body's instructions."""
    return decode_body(body, 0, len(body))


def mutant(body: bytes, source: random.Random) -> tuple[str, bytes] | None:
    """The name of a change and the changed body; `None` where none was found."""
    read = decoded(body)
    made = mutate(read, source)
    if made is None:
        return None
    change, code = made
    try:
        return change, encode_body(read.runs, code)
    except (WasmError, OverflowError, ValueError):
        return None


def misread(proof: Proof, source: random.Random) -> tuple[str, Proof] | None:
    """The function as it is written when the lowering has misread one instruction of it.

    The hints about loops agree with what was misread, as they would.
    """
    module = Module.parse(proof.module)
    made = mutant(module.body_bytes(proof.index), source)
    if made is None:
        return None
    change, body = made
    style = source.choice(STYLES)
    misread_module = replace(module, {proof.index: body}).data
    if not is_valid(misread_module):
        return None
    try:
        emission = emit(simplify(lower(Module.parse(misread_module), proof.index)), style)
    except Unsupported:
        return None
    return change, replace_fields(proof, body=emission.body, types=(), hints=hints_of(emission))


def miswritten(proof: Proof, source: random.Random) -> tuple[str, Proof] | None:
    """The function as it is written by an encoder that writes one instruction as another, always.

    Instructions equal to the one that is changed are all changed.
    """
    module = Module.parse(proof.module)
    style = source.choice(STYLES)
    seed = source.getrandbits(32)
    change = ""

    def faulty(runs: Any, instrs: Any) -> bytes:  # noqa: ANN401 (as the encoder in its place)
        nonlocal change
        code = list(instrs)
        made = mutate(Body(tuple(runs), code), random.Random(seed))
        if made is None or len(made[1]) != len(code):
            return encode_body(runs, code)
        change, new = made
        replaced = {old: now for old, now in zip(code, new, strict=True) if old != now}
        return encode_body(runs, [replaced.get(one, one) for one in code])

    try:
        graph = simplify(lower(module, proof.index))
        with mock.patch("eqsat.lowering.emit.encode_body", faulty):
            emission = emit(graph, style)
    except (Unsupported, WasmError, OverflowError, ValueError):
        return None
    if not change:
        return None
    return change, replace_fields(proof, body=emission.body, types=(), hints=hints_of(emission))


class Extractions:
    """Functions as they are written when the extractor takes a member of another class."""

    def __init__(self) -> None:
        self._benches: dict[bytes, Workbench] = {}

    def wrong(self, proof: Proof, source: random.Random) -> tuple[str, Proof] | None:
        """The cheapest form of a function with one class replaced by another of its type."""
        shared = self._workbench(proof.module)
        try:
            bench = shared.bench(proof.index)
        except Unsupported:
            return None
        found = bench.saturation
        right = {one.body for one in bench.candidates(bench.extracted(found))}
        used = sorted(set(found.classes[0].values()))
        one, other = source.choice(used), source.randrange(len(found.nodes))
        with _replaced(found, one, other):
            try:
                candidates = bench.candidates(bench.extracted(found))
            except Exception:
                # Other types, or a cycle: the extractor itself cannot go on.
                return None
        if not candidates or candidates[0].body in right:
            return None
        best = candidates[0]
        return "member", replace_fields(proof, body=best.body, types=(), hints=best.hints)

    def _workbench(self, module: bytes) -> Workbench:
        found = self._benches.get(module)
        if found is None:
            self._benches.clear()  # Engines are large.
            options = Options(cost="fuel", max_iters=MAX_ITERS, max_nodes=MAX_NODES)
            found = self._benches[module] = Workbench(Module.parse(module), options)
        return found


@contextmanager
def _replaced(found: Any, one: int, other: int) -> Iterator[None]:  # noqa: ANN401 (engine is loaded late)
    """A saturation in which one class has the members, or the constant, of another."""
    nodes, constants = list(found.nodes), dict(found.constants)
    try:
        found.nodes[one] = [*found.nodes[other]]
        if other in constants:
            found.constants[one] = constants[other]
        yield
    finally:
        found.nodes[:] = nodes
        found.constants.clear()
        found.constants.update(constants)
