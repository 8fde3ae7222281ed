"""Proving cached results again: the only way to find entries that a liar sealed properly."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .cache import CacheError, Entry, Store
from .fingerprint import fields_digest, tool
from .payload import Kept, PayloadError, read
from .recall import context_of

if TYPE_CHECKING:
    from ..verify.relation import Hints

__all__ = ["Recheck", "chosen", "recheck"]

RLIMIT = 20_000_000
"""Solver units a function: ten times what a search gives by default, so that a budget that was
spent elsewhere then does not look like a wrong proof now."""

SCALE = 1 << 32


@dataclass(frozen=True, slots=True)
class Recheck:
    """What became of one entry: `fault` says what is wrong with it, `proofs` counts its proofs.

    An entry of another version of the tool, or one whose module was not kept, is `passed` over.
    """

    key: bytes
    proofs: int = 0
    fault: str = ""
    passed: bool = False


def chosen(key: bytes, share: float, salt: bytes) -> bool:
    """Whether an entry belongs to a sample; another salt gives another sample."""
    return int.from_bytes(fields_digest(salt, key)[:4], "little") < share * SCALE


def recheck(
    store: Store,
    share: float,
    salt: bytes = b"",
    stop: Callable[[], bool] = lambda: False,
    keys: frozenset[bytes] | None = None,
) -> Iterator[Recheck]:
    """Check all seals, and prove the entries of a sample again (`share` from 0 to 1).

    With `keys`, only entries with these. Raises CacheError.
    """
    for entry in store.entries():
        if stop():
            return
        if isinstance(entry, bytes):
            yield Recheck(entry, fault="the seal is broken")
            continue
        if keys is not None and entry.key not in keys:
            continue
        if entry.tool != tool() or entry.kind not in ("function", "batch"):
            yield Recheck(entry.key, passed=True)
        elif chosen(entry.key, share, salt):
            yield _entry(store, entry)


def _entry(store: Store, entry: Entry) -> Recheck:
    from ..verify.reader import Malformed
    from ..wasm.errors import WasmError

    try:
        kept = read(entry.payload)[0]
        packed = store.context(entry.context)
        if packed is None:
            return Recheck(entry.key, passed=True)
        module = zlib.decompress(packed)
        _same_context(module, entry.context)
        proofs = 0
        for one in kept:
            if one.outcome.body is not None:
                way = (*one.outcome.via, (one.outcome.body, one.outcome.hints))
                fault = _prove(module, one, way)
                if fault:
                    return Recheck(entry.key, proofs, fault)
                proofs += len(way)
    except (PayloadError, CacheError, WasmError, Malformed, zlib.error, ValueError) as error:
        return Recheck(entry.key, fault=str(error) or type(error).__name__)
    return Recheck(entry.key, proofs)


def _same_context(module: bytes, digest: bytes) -> None:
    from ..wasm.module import Module

    if context_of(Module.parse(module)) != digest:
        raise PayloadError("the module kept with it is another one")


def _prove(module: bytes, one: Kept, way: Sequence[tuple[bytes, object]]) -> str:
    """Put the original body back and prove the way to the new one again; gives what is wrong."""
    from ..verify.validator import Validator
    from ..wasm.module import Module
    from ..wasm.rewrite import replace

    bare = Module.parse(module)
    if not bare.imported_functions <= one.index < len(bare.functions):
        raise PayloadError("no such function")
    validator = Validator(replace(bare, {one.index: one.original}).data)
    before = one.base
    for body, hints in way:
        verdict = validator.check(
            one.index,
            body,
            one.outcome.new_types,
            hints=_hints(hints),
            rlimit=RLIMIT,
            original=before,
        )
        if verdict.status != "proven":
            return f"not proven again ({verdict.status}: {verdict.reason})"
        before = body
    return ""


def _hints(rows: object) -> Hints | None:
    """Advice as it was kept; the validator trusts none of it."""
    from ..verify.relation import Hints, LoopHint

    if not isinstance(rows, list):
        return None
    try:
        return Hints(
            tuple(
                LoopHint(loop, original, {local: _tuples(place) for local, place in places})
                for loop, original, places in rows
            )
        )
    except (TypeError, ValueError):
        return None


def _tuples(value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise TypeError("a place is a list")
    return tuple(_tuples(one) if isinstance(one, list) else one for one in value)
