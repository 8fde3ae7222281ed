"""What earlier runs found out about steps: which were not proven, and how long proofs took.

A failure need not be found out again; believing one that is not true costs a gain, never
correctness. Of a proof only its time is remembered, so that the next run allows for it and comes to
the same module: what was proven is proven again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .cache import CacheError, Entry, Store, patience
from .fingerprint import choices, fields_digest, tool
from .options import Options

__all__ = ["Refusal", "Refusals"]

KIND = "step"
CONTEXT = b""

PATIENCE = 1.5
"""How many times as long a certificate must be allowed to take as when time ended it."""

ALLOWANCE = 3.0
"""How many times as long as last time a certificate may take that was proven then: the machine may
be busier by now."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A step that was not proven: the functions that failed, and what the certificate said."""

    failed: frozenset[int]
    status: str
    reason: str
    used: tuple[str, ...] = ()


@dataclass(slots=True)
class Refusals:
    """The memory of one run for its steps. No method raises: without a cache it knows nothing."""

    store: Store
    base: bytes
    taken: dict[bytes, float] = field(default_factory=dict)
    """Seconds that certificates took that were proven, by digest, as far as asked for."""
    _pending: dict[bytes, Entry] = field(default_factory=dict)
    _dead: bool = False

    @classmethod
    def prepare(cls, options: Options) -> Refusals | None:
        """The memory for a run, or None if the options do without."""
        if options.cache is None:
            return None
        try:
            store = Store(options.cache, wait=patience(options.seconds))
            return cls(store, fields_digest(tool(), choices(options)))
        except OSError:
            return None

    def known(self, digest: bytes, seconds: float | None) -> Refusal | None:
        """How this step failed; None if it is worth a try.

        `seconds` is how long its certificate may take this time (None: no limit).
        """
        key = self._key(digest)
        if self._dead:
            return None
        try:
            payload = self.store.get([key])[0].get(key)
        except CacheError:
            self._dead = True
            return None
        if payload is None:
            return None
        try:
            plain = json.loads(payload)
            limit = plain["seconds"]
            if plain["status"] == "proven":
                self.taken[digest] = float(limit)
                return None
            found = Refusal(
                frozenset(int(index) for index in plain["failed"]),
                str(plain["status"]),
                str(plain["reason"]),
                tuple(str(name) for name in plain["used"]),
            )
            if limit is not None and (seconds is None or seconds > PATIENCE * float(limit)):
                return None
        except (ValueError, KeyError, TypeError):
            return None
        return found

    def note(self, digest: bytes, refusal: Refusal, seconds: float | None) -> None:
        """Remember a failure; `seconds` is the time that ended it (None: it would always fail)."""
        plain = {
            "failed": sorted(refusal.failed),
            "status": refusal.status,
            "reason": refusal.reason,
            "used": refusal.used,
            "seconds": seconds,
        }
        self._put(digest, plain)

    def _put(self, digest: bytes, plain: dict[str, Any]) -> None:
        key = self._key(digest)
        self._pending[key] = Entry(key, KIND, tool(), CONTEXT, json.dumps(plain).encode())

    def allowance(self, digest: bytes, seconds: float | None) -> float | None:
        """How long a certificate may take, after `known` was asked: longer if it is proven then."""
        if seconds is None or digest not in self.taken:
            return seconds
        return max(seconds, ALLOWANCE * self.taken[digest])

    def note_proof(self, digest: bytes, seconds: float) -> None:
        """Remember how long a proof took."""
        self._put(digest, {"status": "proven", "seconds": seconds})

    def flush(self, wait: float | None) -> None:
        """Write what was noted. `wait` is how many seconds other writers may take."""
        if self._dead or not self._pending:
            return
        if wait is not None:
            self.store.wait = wait
        try:
            self.store.put(self._pending.values(), {})
        except CacheError:
            self._dead = True
        self._pending = {}

    def _key(self, digest: bytes) -> bytes:
        return fields_digest(self.base, b"step", digest)
