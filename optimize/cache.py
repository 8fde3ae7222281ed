"""Results of earlier runs, in one SQLite file that several processes may use at once.

The file holds what it is given under keys that it does not understand (`recall.py` makes them). It
is written in short transactions in WAL mode, so a killed process loses at most what it had not yet
handed over, and each row carries a seal, so a row that something else changed is not believed.

Nothing in here is needed for a correct result: every failure is a CacheError, and whoever meets
one goes on without the cache.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

__all__ = ["CacheError", "Entry", "Stats", "Store", "default_path", "patience"]

WAIT_SHARE = 0.1
"""Part of a wall budget that opening the cache may wait for somebody who has locked all of it."""

FORMAT = 1
"""Version of tables and payloads; part of the file's name, so that versions never meet."""

WAIT_SECONDS = 10.0
"""How long a writer waits for other writers: each holds the lock for some milliseconds."""

LARGEST_FILE = 512 << 20
"""Bytes of the file above which a writer drops the rows that were longest unused."""

DROPPED_SHARE = 0.25
"""Part of the rows that goes then: rarely enough for the work to pay."""

FRESH_SECONDS = 86_400
"""Rows that were used within a day are not marked as used again: reading would be writing."""

LOOKUP_CHUNK = 500
"""Keys in one query, below SQLite's default limit of 999 parameters."""

READ_ONLY = "EQSAT_CACHE_READ_ONLY"

TABLES = """
CREATE TABLE entries (
  key BLOB PRIMARY KEY, kind TEXT NOT NULL, tool BLOB NOT NULL, context BLOB NOT NULL,
  payload BLOB NOT NULL, seal BLOB NOT NULL, used INTEGER NOT NULL);
CREATE TABLE contexts (
  digest BLOB PRIMARY KEY, module BLOB NOT NULL, seal BLOB NOT NULL);
CREATE INDEX entries_used ON entries (used);
"""


class CacheError(Exception):
    """The cache cannot be used; the message says why, on one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: what was found (`payload`), for which key, by which tool, in which context.

    `kind` tells what the payload is; `tool` and `context` are digests.
    """

    key: bytes
    kind: str
    tool: bytes
    context: bytes
    payload: bytes

    def seal(self) -> bytes:
        """A digest over everything in the row."""
        return _seal(self.key, self.kind.encode(), self.tool, self.context, self.payload)


@dataclass(frozen=True, slots=True)
class Stats:
    """What is in the file: rows by kind, rows of other versions, bytes, last use (unix seconds)."""

    entries: Mapping[str, int]
    foreign: int
    contexts: int
    file_bytes: int
    oldest: int
    newest: int


def default_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where the cache is: EQSAT_CACHE (a file, or `off`), else in the user's cache folder.

    None if it is switched off or there is no home folder. The folder follows the XDG base
    directory specification: `$XDG_CACHE_HOME`, if absolute, else `~/.cache`.
    """
    chosen = environment.get("EQSAT_CACHE", "")
    if chosen == "off":
        return None
    if chosen:
        return Path(chosen)
    base = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        home = environment.get("HOME") or os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".cache")
    return Path(base) / "eqsat" / f"results-{FORMAT}.db"


def patience(seconds: float | None) -> float:
    """How long to wait for others when a run has this wall budget (None: no limit)."""
    return WAIT_SECONDS if seconds is None else min(WAIT_SECONDS, WAIT_SHARE * seconds)


class Store:
    """The rows of one file. A connection lives for one call: nothing is open across a fork.

    `read_only`, as EQSAT_CACHE_READ_ONLY=1 does for all, leaves the file as it is (builds of
    strangers' changes read what trusted ones wrote); `wait` is how many seconds to wait for other
    writers. Every method raises CacheError.
    """

    def __init__(self, path: Path, *, read_only: bool = False, wait: float = WAIT_SECONDS) -> None:
        self.path = path
        self.read_only = read_only or os.environ.get(READ_ONLY, "") not in ("", "0")
        self.wait = wait

    def get(self, keys: Sequence[bytes]) -> tuple[dict[bytes, bytes], list[bytes]]:
        """Payloads of the keys that are there, and the keys of rows whose seal is broken."""
        found: dict[bytes, bytes] = {}
        broken: list[bytes] = []
        with self._reading() as base:
            if base is None:
                return found, broken
            for start in range(0, len(keys), LOOKUP_CHUNK):
                chunk = keys[start : start + LOOKUP_CHUNK]
                marks = ",".join("?" * len(chunk))
                rows = base.execute(
                    "SELECT key, kind, tool, context, payload, seal FROM entries "
                    f"WHERE key IN ({marks})",
                    chunk,
                )
                for *fields, seal in rows:
                    entry = _entry(fields)
                    if entry is not None and entry.seal() == seal:
                        found[entry.key] = entry.payload
                    else:
                        broken.append(_key(fields[0]))
        return found, broken

    def put(
        self,
        entries: Iterable[Entry],
        contexts: Mapping[bytes, bytes],
        used: Iterable[bytes] = (),
    ) -> None:
        """Add or replace rows in one transaction; `used` are keys that were answered from here."""
        if self.read_only:
            return
        now = int(time.time())
        with self._connected(write=True) as base:
            base.execute("BEGIN IMMEDIATE")
            base.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (one.key, one.kind, one.tool, one.context, one.payload, one.seal(), now)
                    for one in entries
                ],
            )
            base.executemany(
                "INSERT OR IGNORE INTO contexts VALUES (?, ?, ?)",
                [(digest, module, _seal(digest, module)) for digest, module in contexts.items()],
            )
            base.executemany(
                "UPDATE entries SET used = ? WHERE key = ? AND used < ?",
                [(now, key, now - FRESH_SECONDS) for key in used],
            )
            if _size(base) > LARGEST_FILE:
                _drop_oldest(base, DROPPED_SHARE)
            base.execute("COMMIT")

    def entries(self) -> Iterator[Entry | bytes]:
        """All rows in the order of their keys; of a row whose seal is broken, its key alone."""
        with self._reading() as base:
            if base is None:
                return
            for *fields, seal in base.execute(
                "SELECT key, kind, tool, context, payload, seal FROM entries ORDER BY key"
            ):
                entry = _entry(fields)
                intact = entry is not None and entry.seal() == seal
                yield entry if intact and entry is not None else _key(fields[0])

    def context(self, digest: bytes) -> bytes | None:
        """The module kept for a context, if it is there and its seal is whole."""
        with self._reading() as base:
            if base is None:
                return None
            row = base.execute(
                "SELECT module, seal FROM contexts WHERE digest = ?", (digest,)
            ).fetchone()
        if row is None or _seal(digest, row[0]) != row[1]:
            return None
        return bytes(row[0])

    def drop(self, keys: Sequence[bytes]) -> None:
        """Remove rows."""
        with self._connected(write=True) as base:
            base.execute("BEGIN IMMEDIATE")
            base.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in keys])
            base.execute("COMMIT")

    def stats(self, tool: bytes) -> Stats:
        """Counts; rows of another tool than `tool` are foreign."""
        with self._reading() as base:
            if base is None:
                return Stats({}, 0, 0, 0, 0, 0)
            kinds = dict(base.execute("SELECT kind, count(*) FROM entries GROUP BY kind"))
            (foreign,) = base.execute(
                "SELECT count(*) FROM entries WHERE tool != ?", (tool,)
            ).fetchone()
            (contexts,) = base.execute("SELECT count(*) FROM contexts").fetchone()
            oldest, newest = base.execute("SELECT min(used), max(used) FROM entries").fetchone()
            return Stats(kinds, foreign, contexts, _size(base), oldest or 0, newest or 0)

    def collect(self, tool: bytes, *, largest: int, unused_since: int) -> int:
        """Remove rows of other tools, rows unused since then, and more until the file is small.

        `largest` is in bytes, `unused_since` in unix seconds. Gives the number of rows removed.
        A file that is no database is moved out of the way.
        """
        if not self.path.exists():
            return 0
        try:
            return self._collect(tool, largest, unused_since)
        except CacheError:
            if self._readable():
                raise
            self._set_aside()
            return 0

    def _collect(self, tool: bytes, largest: int, unused_since: int) -> int:
        with self._connected(write=True) as base:
            (before,) = base.execute("SELECT count(*) FROM entries").fetchone()
            base.execute("BEGIN IMMEDIATE")
            base.execute("DELETE FROM entries WHERE tool != ? OR used < ?", (tool, unused_since))
            _drop_lonely(base)
            base.execute("COMMIT")
            base.execute("VACUUM")
            while _size(base) > largest:
                (left,) = base.execute("SELECT count(*) FROM entries").fetchone()
                if not left:
                    break
                base.execute("BEGIN IMMEDIATE")
                _drop_oldest(base, DROPPED_SHARE)
                base.execute("COMMIT")
                base.execute("VACUUM")
            (after,) = base.execute("SELECT count(*) FROM entries").fetchone()
        return int(before - after)

    def export(self, target: Path) -> int:
        """Write all whole rows into a new file; gives their number."""
        other = Store(target)
        if target.exists():
            raise CacheError(f"{target}: exists already")
        return other.merge(self)

    def merge(self, source: Store) -> int:
        """Take over the rows of another cache whose seals are whole; rows of our own stay.

        Gives the number of rows that came.
        """
        if not source.path.exists():
            raise CacheError(f"{source.path}: no such file")
        whole = [one for one in source.entries() if isinstance(one, Entry)]
        known, _ = self.get([one.key for one in whole])
        new = [one for one in whole if one.key not in known]
        contexts = {}
        for digest in sorted({one.context for one in new}):
            module = source.context(digest)
            if module is not None:
                contexts[digest] = module
        self.put(new, contexts)
        return len(new)

    def _readable(self) -> bool:
        """Whether SQLite finds the file in order, whoever's it is and whoever has locked it."""
        import sqlite3

        try:
            with closing(self._connect(write=False)) as base:
                return bool(base.execute("PRAGMA quick_check").fetchone()[0] == "ok")
        except (sqlite3.OperationalError, CacheError):
            return True
        except sqlite3.DatabaseError:
            return False

    def _set_aside(self) -> None:
        try:
            os.replace(self.path, self.path.with_name(self.path.name + ".broken"))
            for ending in ("-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        except OSError as error:
            raise CacheError(f"{self.path}: cannot be moved ({error.strerror})") from None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection to read with; None if there is nothing yet."""
        if not self.path.exists():
            yield None
            return
        with self._connected(write=False) as base:
            yield base if _version(base) else None

    @contextmanager
    def _connected(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        import sqlite3

        try:
            with closing(self._connect(write=write)) as base:
                yield base
        except sqlite3.Error as error:
            raise CacheError(f"{self.path}: {error}") from None
        except OSError as error:
            raise CacheError(f"{self.path}: {error.strerror or error}") from None

    def _connect(self, *, write: bool) -> sqlite3.Connection:
        import sqlite3

        if write:
            if self.read_only:
                raise CacheError(f"{self.path}: is not to be written ({READ_ONLY})")
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            base = sqlite3.connect(self.path, timeout=self.wait, isolation_level=None)
            prepare = self._prepare
        else:
            address = f"{self.path.absolute().as_uri()}?mode=ro"
            # A folder that we may not write to cannot hold the shared index of WAL mode; with no
            # index there is no writer either, and the file may be read as it lies.
            if not os.access(self.path.parent, os.W_OK):
                address += "&immutable=1"
            base = sqlite3.connect(address, uri=True, timeout=self.wait, isolation_level=None)
            prepare = self._inspect
        try:
            prepare(base)
        except BaseException:
            base.close()
            raise
        return base

    def _inspect(self, base: sqlite3.Connection) -> None:
        """Refuse files that are not ours; one that nobody has written to yet is nobody's."""
        if _version(base) not in (0, FORMAT):
            raise CacheError(f"{self.path}: not a cache of this version of eqsat")

    def _prepare(self, base: sqlite3.Connection) -> None:
        """Create the tables in a new file; several processes may be doing so at once."""
        if base.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            _patiently(base, "PRAGMA journal_mode = WAL", self.wait)
        base.execute("PRAGMA synchronous = NORMAL")
        self._inspect(base)
        if _version(base):
            return
        base.execute("BEGIN IMMEDIATE")
        if not _version(base):
            for statement in TABLES.split(";")[:-1]:
                base.execute(statement)
            base.execute(f"PRAGMA user_version = {FORMAT}")
        base.execute("COMMIT")


def _version(base: sqlite3.Connection) -> int:
    (found,) = base.execute("PRAGMA user_version").fetchone()
    return int(found)


def _patiently(base: sqlite3.Connection, statement: str, wait: float) -> None:
    """Run a statement for which SQLite itself does not wait (changing the journal's mode)."""
    import sqlite3

    end = time.monotonic() + wait
    while True:
        try:
            base.execute(statement)
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _seal(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16, person=b"eqsat-cache")
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def _entry(fields: Sequence[Any]) -> Entry | None:
    """The row, or None if its values are not even of the right types."""
    key, kind, tool, context, payload = fields
    if not isinstance(kind, str) or not all(
        isinstance(one, bytes) for one in (key, tool, context, payload)
    ):
        return None
    return Entry(key, kind, tool, context, payload)


def _key(value: object) -> bytes:
    """The key of a row that is not to be believed."""
    return value if isinstance(value, bytes) else b""


def _size(base: sqlite3.Connection) -> int:
    (pages,) = base.execute("PRAGMA page_count").fetchone()
    (free,) = base.execute("PRAGMA freelist_count").fetchone()
    (size,) = base.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def _drop_oldest(base: sqlite3.Connection, share: float) -> None:
    (count,) = base.execute("SELECT count(*) FROM entries").fetchone()
    base.execute(
        "DELETE FROM entries WHERE key IN (SELECT key FROM entries ORDER BY used, key LIMIT ?)",
        (1 + int(count * share),),
    )
    _drop_lonely(base)


def _drop_lonely(base: sqlite3.Connection) -> None:
    """Contexts go with the last row that needs them."""
    base.execute("DELETE FROM contexts WHERE digest NOT IN (SELECT context FROM entries)")
