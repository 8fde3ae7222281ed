"""What earlier runs found out about the functions of a module.

Under a wall budget each function has an entry of its own: the best proven body so far and how far
the search had come with it, so that the next run goes on from there. Under counted budgets, where
functions that share an e-graph share its limits, a whole batch is one entry, and it answers only
for the same batch under the same limits: cold and warm give the same bytes.

A key covers everything that the search or the proof may have looked at: the tool itself
(`fingerprint.py`), the options, all of the module but other functions' bodies and custom sections,
the type of the function, its original body and the one it has by now. A proof counts under the
same key alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from .cache import CacheError, Entry, Store, patience
from .fingerprint import choices, fields_digest, tool
from .function import Outcome
from .options import Options
from .payload import Payload, PayloadError, decode, encode
from .worklist import Batch

if TYPE_CHECKING:
    from ..wasm.module import Module

__all__ = ["Known", "Recall", "State", "context_of", "skeleton"]

CODE, CUSTOM = 10, 0
"""Ids of the sections that a context leaves out."""

TRIES = 3
"""Times that a function is taken up again although time ended its search each time."""

LARGEST_CONTEXT = 8 << 20
"""Bytes of a compressed context from which it is not kept: its entries cannot be proven again by
`cache verify`, but serve as well as others."""


class State(IntEnum):
    """How far the search for one function has come."""

    PLAIN = 0
    """Only written anew, without the e-graph."""
    OPEN = 1
    """Changed by the last visit, or time ended it: another one may find more."""
    SETTLED = 2
    """The last visit had all the time it wanted and changed nothing."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about one function, and how often time alone ended its search."""

    outcome: Outcome
    state: State
    tries: int = 0

    def next(self, outcome: Outcome, *, changed: bool, plain: bool, cut: bool) -> Known:
        """After another visit, which `cut` says time has ended early."""
        tries = self.tries + cut
        if plain:
            state = State.PLAIN
        elif changed or (cut and tries < TRIES):
            state = State.OPEN
        else:
            state = State.SETTLED
        return Known(outcome, state, 0 if changed else tries)


@dataclass(slots=True)
class Recall:
    """The memory of one run over one module. No method raises: without a cache it knows nothing.

    `warning` says what was wrong with the cache, if anything was.
    """

    store: Store
    module: Module
    names: Mapping[int, str]
    counted: bool
    base: bytes
    context: bytes
    warning: str = ""
    _pending: dict[bytes, Entry] = field(default_factory=dict)
    _used: set[bytes] = field(default_factory=set)
    _context_kept: bool = False
    _dead: bool = False

    @classmethod
    def prepare(cls, module: Module, names: Mapping[int, str], options: Options) -> Recall | None:
        """The memory for a run, or None if the options do without."""
        if options.cache is None:
            return None
        context = context_of(module)
        try:
            base = fields_digest(tool(), choices(options), context)
        except OSError:
            return None  # a file of the user's: whoever reads it next says so
        store = Store(options.cache, wait=patience(options.seconds))
        return cls(store, module, names, options.counted, base, context)

    # ---- one function, under a wall budget

    def functions(self, wanted: Sequence[int]) -> dict[int, Known]:
        """What is known about each of these functions."""
        keys = {self._function_key(index): index for index in wanted}
        found: dict[int, Known] = {}
        for key, payload in self._payloads(list(keys)):
            index = keys[key]
            try:
                kept = decode(payload, self.module, ((index, None),), self.names)
            except PayloadError:
                self._poisoned()
                continue
            found[index] = Known(kept.outcomes[0], State(kept.state), kept.tries)
        return found

    def note(self, index: int, known: Known) -> None:
        """Remember what is known about a function by now."""
        payload = Payload((known.outcome,), int(known.state), known.tries)
        self._keep(self._function_key(index), "function", payload, ((index, None),))

    # ---- a batch, under counted budgets

    def batches(self, work: Sequence[Batch]) -> dict[Batch, tuple[Outcome, ...]]:
        """The outcomes of those batches that are known."""
        keys = {self._batch_key(batch): batch for batch in work}
        found: dict[Batch, tuple[Outcome, ...]] = {}
        for key, payload in self._payloads(list(keys)):
            batch = keys[key]
            try:
                kept = decode(payload, self.module, batch.functions, self.names)
            except PayloadError:
                self._poisoned()
                continue
            found[batch] = kept.outcomes
        return found

    def note_batch(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Remember the outcomes of all functions of a batch, in its order."""
        payload = Payload(tuple(outcomes), int(State.SETTLED), 0)
        self._keep(self._batch_key(batch), "batch", payload, batch.functions)

    # ---- the store

    def flush(self, wait: float | None = None) -> None:
        """Hand over what was noted. `wait` is how many seconds other writers may take."""
        if self._dead or not (self._pending or self._used):
            return
        if wait is not None:
            self.store.wait = wait
        try:
            self.store.put(self._pending.values(), self._contexts(), self._used)
        except CacheError as error:
            self._fail(error)
        self._pending, self._used = {}, set()

    def _contexts(self) -> dict[bytes, bytes]:
        if not self._pending or self._context_kept:
            return {}
        self._context_kept = True
        kept = zlib.compress(skeleton(self.module), 6)
        return {self.context: kept} if len(kept) <= LARGEST_CONTEXT else {}

    def _payloads(self, keys: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
        if self._dead:
            return
        try:
            found, broken = self.store.get(keys)
        except CacheError as error:
            self._fail(error)
            return
        if broken:
            self._poisoned()
        self._used.update(found)
        yield from found.items()

    def _keep(
        self, key: bytes, kind: str, payload: Payload, visited: Sequence[tuple[int, bytes | None]]
    ) -> None:
        if self._dead:
            return
        data = encode(payload, self.module, visited)
        self._pending[key] = Entry(key, kind, tool(), self.context, data)

    def _poisoned(self) -> None:
        self.warning = (
            f"cache {self.store.path}: entries that something else has changed are not used "
            "(eqsat cache verify removes them)"
        )

    def _fail(self, error: CacheError) -> None:
        self._dead = True
        self.warning = f"going on without the cache: {error}"

    # ---- keys

    def _function_key(self, index: int) -> bytes:
        return fields_digest(self.base, b"function", *self._function(index))

    def _batch_key(self, batch: Batch) -> bytes:
        parts: list[bytes] = []
        for index, body in batch.functions:
            parts += (*self._function(index), b"" if body is None else body)
        return fields_digest(self.base, b"batch", *parts)

    def _function(self, index: int) -> tuple[bytes, bytes]:
        kind = self.module.functions[index]
        return kind.to_bytes(4, "little"), self.module.body_bytes(index)


def context_of(module: Module) -> bytes:
    """A digest of everything in a module but bodies and custom sections."""
    return fields_digest(*_context_parts(module))


def _context_parts(module: Module) -> Iterable[bytes]:
    for section in module.sections:
        if section.id not in (CODE, CUSTOM):
            yield bytes((section.id,)) + module.data[section.payload_start : section.end]


def skeleton(module: Module) -> bytes:
    """The module with bodies that trap at once and without custom sections.

    With one body put back it is enough to prove that function's changes again.
    """
    from ..wasm.leb import write_unsigned

    parts = [module.data[:8]]
    body = b"\0\0\x0b"
    for section in module.sections:
        if section.id == CODE:
            count = len(module.code)
            code = write_unsigned(count) + count * (bytes((len(body),)) + body)
            parts += (bytes((CODE,)), write_unsigned(len(code)), code)
        elif section.id != CUSTOM:
            parts.append(module.data[section.start : section.end])
    return b"".join(parts)
