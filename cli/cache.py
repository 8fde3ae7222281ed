"""`eqsat cache`: look at the results of earlier runs, prove them again, move them, drop them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from ..optimize.cache import CacheError, Store, default_path
from ..optimize.fingerprint import tool
from .errors import CliError, Exit, say
from .interrupt import Interrupt

__all__ = ["cache"]

MEGABYTE = 1 << 20
DAY = 86_400
SHOWN = 10
"""Faulty entries that are named one by one."""


def cache(arguments: argparse.Namespace) -> int:
    """Run the command."""
    path = Path(arguments.file) if arguments.file else default_path()
    if path is None:
        raise CliError("E0201", "the cache is switched off (EQSAT_CACHE=off)")
    takes_file = arguments.action in ("export", "import")
    if takes_file != (arguments.other is not None):
        needs = "needs a file" if takes_file else "takes no file"
        raise CliError("E0201", f"cache {arguments.action} {needs} (see eqsat cache --help)")
    store = Store(path)
    try:
        match arguments.action:
            case "stats":
                return _stats(store, as_json=arguments.json)
            case "gc":
                return _collect(store, arguments)
            case "verify":
                return _verify(store, arguments, None)
            case "export":
                count = store.export(Path(arguments.other))
                say(f"{count} entries written to {arguments.other}")
                return Exit.OK
            case _:
                return _import(store, arguments)
    except CacheError as error:
        raise CliError("E0310", str(error)) from None


def _stats(store: Store, *, as_json: bool) -> int:
    found = store.stats(tool())
    plain = {
        "path": str(store.path),
        "entries": dict(sorted(found.entries.items())),
        "foreign": found.foreign,
        "contexts": found.contexts,
        "bytes": found.file_bytes,
        "oldest": found.oldest,
        "newest": found.newest,
    }
    if as_json:
        sys.stdout.write(json.dumps(plain) + "\n")
    else:
        total = sum(found.entries.values())
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.entries.items()))
        sys.stdout.write(
            f"{store.path}\n"
            f"  {total} entries{f' ({kinds})' if kinds else ''}, "
            f"{found.foreign} of other versions of eqsat\n"
            f"  {found.file_bytes / MEGABYTE:.1f} MB, {found.contexts} modules to prove them in\n"
        )
        if total:
            sys.stdout.write(f"  last use {_ago(found.newest)} to {_ago(found.oldest)}\n")
    sys.stdout.flush()
    return Exit.OK


def _ago(then: int) -> str:
    days = max(0.0, time.time() - then) / DAY
    return "today" if days < 1 else f"{days:.0f} days ago"


def _collect(store: Store, arguments: argparse.Namespace) -> int:
    gone = store.collect(
        tool(),
        largest=arguments.max_size * MEGABYTE,
        unused_since=int(time.time()) - arguments.unused * DAY,
    )
    if not arguments.quiet:
        left = store.stats(tool())
        say(
            f"{gone} entries removed, {sum(left.entries.values())} left, "
            f"{left.file_bytes / MEGABYTE:.1f} MB"
        )
    return Exit.OK


def _verify(store: Store, arguments: argparse.Namespace, keys: frozenset[bytes] | None) -> int:
    """Check the seals of all entries and prove a sample again; what is faulty goes."""
    from ..optimize.recheck import recheck

    looked = proofs = passed = 0
    faulty: list[tuple[bytes, str]] = []
    with Interrupt() as interrupt:
        salt = str(arguments.seed).encode()
        for found in recheck(store, arguments.sample / 100, salt, interrupt.requested, keys):
            passed += found.passed
            looked += not found.passed
            proofs += found.proofs
            if found.fault:
                faulty.append((found.key, found.fault))
        interrupted = interrupt.requested()
    if faulty:
        store.drop([key for key, _ in faulty])
    for key, fault in faulty[:SHOWN]:
        sys.stdout.write(f"{key.hex()}: {fault}\n")
    sys.stdout.flush()
    if not arguments.quiet:
        say(
            f"{looked} entries looked at, {proofs} results proven again, {len(faulty)} faulty "
            f"entries removed" + (f", {passed} passed over" if passed else "")
        )
    if interrupted:
        return Exit.INTERRUPTED
    return Exit.GATE if faulty else Exit.OK


def _import(store: Store, arguments: argparse.Namespace) -> int:
    """Take over another file's entries, and prove a sample of them again."""
    other = Store(Path(arguments.other), read_only=True)
    before = frozenset(_keys(store))
    count = store.merge(other)
    if not arguments.quiet:
        say(f"{count} entries taken over from {arguments.other}")
    return _verify(store, arguments, frozenset(_keys(store)) - before)


def _keys(store: Store) -> list[bytes]:
    return [one if isinstance(one, bytes) else one.key for one in store.entries()]
