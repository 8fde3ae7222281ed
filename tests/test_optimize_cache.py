"""The cache file: several processes at once, kills in between, files that are broken or foreign."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from eqsat.optimize.cache import CacheError, Entry, Store, default_path
from hypothesis import given
from hypothesis import strategies as st

TOOL = b"t" * 16


def entry(number: int, payload: bytes = b"found", tool: bytes = TOOL) -> Entry:
    return Entry(number.to_bytes(16, "big"), "function", tool, b"c" * 16, payload)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "results.db")


def test_what_was_put_is_there(store: Store) -> None:
    assert store.get([entry(1).key]) == ({}, [])
    store.put([entry(1), entry(2, b"\0" * 70_000)], {b"c" * 16: b"module"})
    assert store.get([entry(n).key for n in range(2000)]) == (
        {entry(1).key: b"found", entry(2).key: b"\0" * 70_000},
        [],
    )
    assert store.context(b"c" * 16) == b"module"
    assert store.context(b"d" * 16) is None
    store.put([entry(1, b"better")], {})
    assert store.get([entry(1).key])[0] == {entry(1).key: b"better"}
    store.drop([entry(1).key])
    assert [one.key for one in store.entries() if isinstance(one, Entry)] == [entry(2).key]


@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(0, 7))
def test_seal_notices_every_changed_bit(payload: bytes, place: int, bit: int) -> None:
    data = bytearray(payload + b"!")
    data[place % len(data)] ^= 1 << bit
    assert entry(1, bytes(data)).seal() != entry(1, payload + b"!").seal()


def test_seal_covers_every_field() -> None:
    seals = {
        one.seal()
        for one in (
            Entry(b"k", "function", b"t", b"c", b"p"),
            Entry(b"l", "function", b"t", b"c", b"p"),
            Entry(b"k", "batch", b"t", b"c", b"p"),
            Entry(b"k", "function", b"u", b"c", b"p"),
            Entry(b"k", "function", b"t", b"d", b"p"),
            Entry(b"k", "function", b"tc", b"", b"p"),
        )
    }
    assert len(seals) == 6


def test_poisoned_rows_are_named_and_not_answered(store: Store) -> None:
    store.put([entry(1), entry(2)], {b"c" * 16: b"module"})
    with sqlite3.connect(store.path) as base:
        base.execute("UPDATE entries SET payload = ? WHERE key = ?", (b"bad", entry(1).key))
        base.execute("UPDATE contexts SET module = ?", (b"other",))
        base.execute("INSERT INTO entries VALUES (7, 8, 9, 10, 11, 12, 13)")
    base.close()
    found, broken = store.get([entry(1).key, entry(2).key])
    assert found == {entry(2).key: b"found"}
    assert broken == [entry(1).key]
    assert store.context(b"c" * 16) is None
    assert [one for one in store.entries() if isinstance(one, bytes)] == [b"", entry(1).key]


@pytest.mark.parametrize("garbage", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_broken_file_is_an_error_and_gc_moves_it_away(store: Store, garbage: bytes) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(garbage)
    for action in (
        lambda: store.get([b"k"]),
        lambda: store.put([entry(1)], {}),
        lambda: list(store.entries()),
        lambda: store.stats(TOOL),
    ):
        with pytest.raises(CacheError):
            action()
    assert store.collect(TOOL, largest=1, unused_since=0) == 0
    assert store.path.with_name("results.db.broken").read_bytes()[:7] == garbage[:7]
    store.put([entry(1)], {})
    assert store.get([entry(1).key])[0]


def test_file_of_another_version_is_left_alone(store: Store) -> None:
    store.path.parent.mkdir()
    with sqlite3.connect(store.path) as base:
        base.execute("CREATE TABLE mine (x)")
        base.execute("PRAGMA user_version = 77")
    base.close()
    with pytest.raises(CacheError, match="not a cache"):
        store.get([b"k"])
    with pytest.raises(CacheError, match="not a cache"):
        store.put([entry(1)], {})
    with pytest.raises(CacheError, match="not a cache"):
        store.collect(TOOL, largest=1, unused_since=0)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError):
        Store(tmp_path / "file" / "results.db").put([entry(1)], {})


def test_read_only_writes_nothing(store: Store) -> None:
    Store(store.path, read_only=True).put([entry(1)], {})
    assert not store.path.exists()


def test_collect_drops_foreign_old_and_too_much(store: Store) -> None:
    store.put([entry(1), entry(2, tool=b"other" * 3)], {b"c" * 16: b"module", b"x" * 16: b"lonely"})
    assert store.stats(TOOL).foreign == 1
    assert store.collect(TOOL, largest=1 << 30, unused_since=0) == 1
    found = store.stats(TOOL)
    assert (found.entries, found.foreign, found.contexts) == ({"function": 1}, 0, 1)
    store.put([entry(n, os.urandom(5000)) for n in range(400)], {})
    assert store.collect(TOOL, largest=1_000_000, unused_since=0) > 0
    assert 0 < store.stats(TOOL).file_bytes <= 1_000_000
    assert store.collect(TOOL, largest=1 << 30, unused_since=int(time.time()) + 60) > 0
    assert store.stats(TOOL).entries == {}


def test_export_and_merge(store: Store, tmp_path: Path) -> None:
    store.put([entry(1), entry(2)], {b"c" * 16: b"module"})
    assert store.export(tmp_path / "out.db") == 2
    with pytest.raises(CacheError, match="exists"):
        store.export(tmp_path / "out.db")
    other = Store(tmp_path / "other.db")
    other.put([entry(2, b"mine")], {})
    assert other.merge(Store(tmp_path / "out.db", read_only=True)) == 1
    assert other.get([entry(1).key, entry(2).key])[0] == {
        entry(1).key: b"found",
        entry(2).key: b"mine",
    }
    assert other.context(b"c" * 16) == b"module"
    with pytest.raises(CacheError, match="no such file"):
        other.merge(Store(tmp_path / "missing.db"))


def test_place_of_the_file(tmp_path: Path) -> None:
    assert default_path({"EQSAT_CACHE": "off"}) is None
    assert default_path({"EQSAT_CACHE": "x.db"}) == Path("x.db")
    there = default_path({"XDG_CACHE_HOME": str(tmp_path)})
    assert there is not None
    assert there.parent == tmp_path / "eqsat"
    at_home = default_path({"XDG_CACHE_HOME": "relative", "HOME": str(tmp_path)})
    assert at_home is not None
    assert at_home.parent == tmp_path / ".cache" / "eqsat"


WRITER = """
import sys
from pathlib import Path
from eqsat.optimize.cache import Entry, Store
store, first = Store(Path(sys.argv[1]), wait=60), int(sys.argv[2])
for number in range(first, first + int(sys.argv[3])):
    key = number.to_bytes(16, "big")
    store.put([Entry(key, "function", b"t" * 16, b"c" * 16, key * 50)], {b"c" * 16: b"module"})
    print(number, flush=True)
"""


def writers(store: Store, count: int, rows: int, kills: int) -> set[int]:
    """Run writers at once, kill some at random moments; gives what they said they had written."""
    chance = random.Random(7)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.path), str(100_000 * n), str(count)],
            stdout=subprocess.PIPE,
            text=True,
        )
        # Those to be killed would write for ever: the kill always comes in the middle.
        for n, count in enumerate([50_000] * kills + [rows] * (count - kills))
    ]
    said: list[str] = []
    for number, process in enumerate(running):
        assert process.stdout is not None
        with process.stdout as output:
            if number < kills:
                said += [output.readline() for _ in range(chance.randrange(1, rows))]
                process.send_signal(signal.SIGKILL)
            # A kill may leave half a line.
            said += [line for line in output if line.endswith("\n")]
        assert process.wait(120) == (-signal.SIGKILL if number < kills else 0)
    return {int(line) for line in said}


def check_writers(store: Store, told: set[int]) -> None:
    rows = list(store.entries())
    assert all(isinstance(one, Entry) for one in rows)
    kept = {int.from_bytes(one.key, "big") for one in rows if isinstance(one, Entry)}
    assert told <= kept
    assert all(one.payload == one.key * 50 for one in rows if isinstance(one, Entry))
    with sqlite3.connect(store.path) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()


def test_concurrent_writers_lose_nothing(store: Store) -> None:
    told = writers(store, 4, 12, 2)
    assert len(told) >= 2 * 12 + 2
    check_writers(store, told)


@pytest.mark.slow
def test_two_hundred_writers_with_kills(store: Store) -> None:
    for _ in range(10):
        check_writers(store, writers(store, 20, 10, 8))
