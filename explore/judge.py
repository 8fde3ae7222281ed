"""A function in another module: is it equal to the original's, and where do two runs part?"""

from __future__ import annotations

import time
from functools import cached_property
from typing import Final

from ..optimize.function import Candidate
from ..optimize.options import DEFAULT_RLIMIT
from ..verify.modules import ModuleVerdict, prove_modules
from ..verify.reader import read_module
from ..verify.validator import Counterexample, Validator, Verdict
from ..verify.witness import harness
from ..wasm.module import Module
from ..wasm.text_folded import local_ids
from ..wasm.text_instrs import FunctionIds, function_ids
from .runs import Subject
from .sides import Other

__all__ = ["Judge", "of_choice"]

SECONDS: Final = 10.0
"""Fuse of the proof of a function, or of all functions of a module together."""

WITNESS_SECONDS: Final = 1.0
"""Time to look for a call that shows a difference."""

CODE: Final = 10


class Judge:
    """Compares functions of a module with those of another.

    Where the two differ in bodies alone, a body is compared with its original's by itself;
    otherwise all functions are, with the module around them.
    """

    def __init__(self, module: Module, other: Other) -> None:
        self.module = module
        self.other = other

    @cached_property
    def alike(self) -> bool:
        """Whether the modules differ in bodies alone; custom sections do not count."""
        return _frame(self.module) == _frame(self.other.module)

    @cached_property
    def whole(self) -> ModuleVerdict:
        """What is known of the modules as wholes."""
        until = time.monotonic() + SECONDS
        return prove_modules(self.module.data, self.other.module.data, deadline=until)

    def verdict(self, index: int, place: int) -> Verdict:
        """What is known of function `index`, which is `place` in the other module."""
        if self.alike and index == place:
            return Validator(self.module.data).check(
                index,
                self.other.module.body_bytes(place),
                rlimit=DEFAULT_RLIMIT,
                deadline=time.perf_counter() + SECONDS,
                witness_seconds=WITNESS_SECONDS,
            )
        whole = self.whole
        own = dict(whole.functions).get(index)
        if own is not None and own.status == "proven":
            return own
        if whole.status == "proven" or (whole.functions and own is None):
            return Verdict("proven", "with its module")
        if whole.witness is None:
            return own or Verdict("unknown", reason=whole.reason)
        found = whole.witness
        example = Counterexample(index, found.calls, found.original, found.output)
        return Verdict("refuted", reason=f"the modules differ: {found}", counterexample=example)

    def subjects(self, index: int, place: int) -> tuple[Subject, Subject]:
        """Both functions, in modules that take the calls of the verdict's counterexample."""
        other = self.other
        names = local_ids(other.module, place)
        if self.alike and index == place:
            body = other.module.body_bytes(place)
            return of_choice(self.module, index, Candidate(body), function_ids(self.module), names)
        ids = function_ids(self.module)
        first = Subject(self.module.data, index, ids, local_ids(self.module, index))
        return first, Subject(other.module.data, place, other.ids, names)


def of_choice(
    module: Module, index: int, candidate: Candidate, ids: FunctionIds, names: FunctionIds
) -> tuple[Subject, Subject]:
    """The original's function and another body for it, in the harness of a counterexample.

    `names` are those of the other body's locals.
    """
    read = read_module(module.data)
    before = harness(read, index, None, ())
    after = harness(read, index, candidate.body, candidate.new_types)
    first = Subject(before, index, ids, local_ids(module, index))
    return first, Subject(after, index, ids, names)


def _frame(module: Module) -> list[tuple[int, bytes]]:
    """The sections that are not code and not custom."""
    return [
        (one.id, module.data[one.payload_start : one.end])
        for one in module.sections
        if one.id not in (0, CODE)
    ]
