"""One mutant at a time: what the validator says about it, and what running it says.

The validator gets counted limits alone, and its own search for a witness. Running is the judge: a
second search, longer and from another seed. A mutant that it tells from the original must not be
proven; one that either search tells apart is *distinguishable* and ought to be refuted.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eqsat.verify.certificate import certify
from eqsat.verify.differential import explore
from eqsat.verify.modules import SEED, WITNESS_CALLS
from eqsat.verify.reader import Malformed, read_module
from eqsat.verify.rules import prove_rule
from eqsat.verify.validator import Validator
from eqsat.verify.witness import constants, find_witness
from eqsat.wasm.errors import WasmError
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

from . import rules
from .material import Certified, Extractions, Proof, is_valid, misread, miswritten, mutant, recorded

FUNCTION_UNITS: Final = 60_000
"""Solver units for one mutant: few of those that differ need more to be unknown."""

QUERY_UNITS: Final = 30_000
"""Solver units for one query."""

WITNESS_FUSE: Final = 60.0
"""Seconds after which a search that counts calls is given up all the same."""

JUDGE_CALLS: Final = 400
"""Calls of the judge."""

PROVEN_CALLS: Final = 1_000
"""Calls of the judge where the validator says proven: nothing may be missed there."""

MISSES: Final = 300
"""Mutants in a row that the engine finds invalid before a kind is over for a module."""

LARGEST: Final = 120_000
"""Bytes of modules whose functions are mutated: each mutant compiles the module twice."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant: its kind, the change, what the validator said and whether runs tell it apart.

    `differs` is `None` where it cannot be run. `place` says which function or rule it was.
    """

    kind: str
    change: str
    place: str
    status: str
    differs: bool | None
    text: str = ""

    @property
    def failed(self) -> bool:
        """Whether something wrong was proven."""
        return self.status == "proven" and self.differs is True


def judge_body(kind: str, change: str, proof: Proof) -> Trial | None:
    """Let the validator and the judge look at one body; `None` if it is no valid one."""
    module = Module.parse(proof.module)
    output = replace(module, {proof.index: proof.body}, proof.types).data
    if output == proof.module or not is_valid(output):
        return None
    # Like the validator's own, but limited by calls.
    verdict = Validator(proof.module).check(
        proof.index, proof.body, proof.types, hints=proof.hints,
        rlimit=FUNCTION_UNITS, query_rlimit=QUERY_UNITS, witness_seconds=WITNESS_FUSE,
    )  # fmt: skip
    differs = verdict.status == "refuted"
    if not differs:
        calls = PROVEN_CALLS if verdict.status == "proven" else JUDGE_CALLS
        found = find_witness(
            proof.module, proof.index, proof.body, proof.types,
            seconds=WITNESS_FUSE, seed=~proof.index, limit=calls,
        )  # fmt: skip
        differs = found is not None
    place = f"{proof.name}:{proof.index}"
    return Trial(kind, change, place, verdict.status, differs, proof.body.hex())


def judge_step(change: str, one: Certified, output: bytes, function: int) -> Trial | None:
    """Let certificate and judge look at a step whose outcome is another one."""
    if output == one.after or not is_valid(output):
        return None
    found = certify(
        one.before, output, one.step, rlimit=FUNCTION_UNITS, query_rlimit=QUERY_UNITS
    )  # fmt: skip
    status: str = found.status
    differs: bool | None = None
    promised = one.step.entries is not None or bool(one.step.contracts)
    if not promised:
        # What contracts allow to differ, a run shows as well.
        values = _constants(one.before, output)

        def search(seed: int, calls: int) -> bool:
            explored = explore(
                one.before, output, seconds=WITNESS_FUSE, seed=seed, calls=calls, values=values
            )
            return explored.difference is not None

        if status != "proven" and search(SEED, WITNESS_CALLS // 4):
            status = "refuted"
        calls = PROVEN_CALLS if status == "proven" else JUDGE_CALLS
        differs = status == "refuted" or search(~SEED, calls)
    return Trial("step", change, f"{one.name}:{function}", status, differs, output.hex())


def _constants(*modules: bytes) -> list[int]:
    return constants(body for data in modules for body in read_module(data).bodies)


def valid(attempt: Callable[[], Trial | None]) -> Iterator[Trial]:
    """The trials among attempts, until too many in a row came to nothing."""
    misses = 0
    while misses < MISSES:
        try:
            trial = attempt()
        except (WasmError, Malformed):
            trial = None
        misses += 1
        if trial is not None:
            misses = 0
            yield trial


def body_trials(proofs: Sequence[Proof], source: random.Random) -> Iterator[Trial]:
    """Mutants of bodies that were proven."""

    def change(proof: Proof, source: random.Random) -> tuple[str, Proof] | None:
        made = mutant(proof.body, source)
        return None if made is None else (made[0], dataclasses.replace(proof, body=made[1]))

    return fault_trials("body", proofs, source, change)


def fault_trials(
    kind: str,
    proofs: Sequence[Proof],
    source: random.Random,
    make: Callable[[Proof, random.Random], tuple[str, Proof] | None],
) -> Iterator[Trial]:
    """Functions with a fault that `make` puts in."""

    def attempt() -> Trial | None:
        made = make(source.choice(proofs), source)
        return None if made is None else judge_body(kind, *made)

    return valid(attempt)


def step_trials(steps: Sequence[Certified], source: random.Random) -> Iterator[Trial]:
    """Mutants of what certified steps made."""

    def attempt() -> Trial | None:
        one = source.choice(steps)
        module = Module.parse(one.after)
        if not module.code:
            return None
        index = module.imported_functions + source.randrange(len(module.code))
        made = mutant(module.body_bytes(index), source)
        if made is None:
            return None
        return judge_step(made[0], one, replace(module, {index: made[1]}).data, index)

    return valid(attempt)


def rule_trials(source: random.Random) -> Iterator[Trial]:
    """Mutants of the built-in rewrites, judged by the rule prover."""
    every = rules.rows()
    while True:
        row = source.choice(every)
        made = rules.mutate(row, source)
        if made is None:
            continue
        change, changed = made
        proof = prove_rule(changed.text)
        differs = rules.wrong(changed, source.getrandbits(32))
        if proof.status == "refuted":
            # The counterexample is one over exact semantics.
            differs = True
        yield Trial("rule", change, row.name, proof.status, differs, changed.text)


SHARES: Final = {
    "body": 0.52, "step": 0.16, "lowering": 0.1, "encoder": 0.06, "extractor": 0.04, "rule": 0.12,
}  # fmt: skip
"""How many of all mutants are of each kind."""

BATCH: Final = 40
"""Mutants of the material of one module before the next one is optimized."""


def run(
    modules: Sequence[Path],
    count: int,
    seed: int,
    kinds: Sequence[str],
    tell: Callable[[Trial], None],
) -> list[Trial]:
    """Make so many mutants of these kinds, out of modules drawn by the seed."""
    source = random.Random(seed)
    total = sum(SHARES[kind] for kind in kinds)
    wanted = {kind: round(count * SHARES[kind] / total) for kind in kinds}
    found: list[Trial] = []

    def take(stream: Iterator[Trial], kind: str, most: int) -> None:
        for _ in range(min(most, wanted[kind])):
            trial = next(stream, None)
            if trial is None:
                return
            wanted[kind] -= 1
            found.append(trial)
            tell(trial)

    if "rule" in wanted:
        take(rule_trials(random.Random(source.getrandbits(64))), "rule", count)
    order = [path for path in modules if path.stat().st_size <= LARGEST]
    while order and any(wanted.values()):
        source.shuffle(order)
        for path in order:
            if not any(wanted.values()):
                break
            left = sum(wanted.values())
            streams = material(path, random.Random(source.getrandbits(64)), kinds)
            for kind, stream in streams.items():
                if wanted.get(kind):
                    take(stream, kind, max(1, round(BATCH * wanted[kind] / left)))
    return found


def material(path: Path, source: random.Random, kinds: Sequence[str]) -> dict[str, Iterator[Trial]]:
    """Endless mutants of each kind out of one module; a kind is missing that it has nothing for."""
    proofs, steps = recorded(path.stem, path.read_bytes())
    streams: dict[str, Iterator[Trial]] = {}
    if proofs:
        extractions = Extractions()
        streams["body"] = body_trials(proofs, source)
        streams["lowering"] = fault_trials("lowering", proofs, source, misread)
        streams["encoder"] = fault_trials("encoder", proofs, source, miswritten)
        streams["extractor"] = fault_trials("extractor", proofs, source, extractions.wrong)
    if steps:
        streams["step"] = step_trials(steps, source)
    return {kind: stream for kind, stream in streams.items() if kind in kinds}
