"""The lock file: readable, the same for the same content, and refused in one line if broken."""

import tomllib
from dataclasses import replace

import pytest
from eqsat.check.lock import CallFuel, Line, Lock, LockError, Measured, parse, tools, write
from hypothesis import given
from hypothesis import strategies as st

sizes = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))
costs = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)) | st.tuples(
    st.floats(0, 1e6).map(lambda x: round(x, 6)), st.floats(0, 1e6).map(lambda x: round(x, 6))
)
texts = st.text(max_size=20)
lines = st.builds(
    Line,
    key=texts,
    input=texts,
    output=texts,
    bytes=sizes,
    cost=costs,
    proof=st.sampled_from(("proven", "unknown", "refuted")),
    rlimit=st.integers(0, 10**9),
    note=texts,
)
modules = st.builds(
    Measured,
    path=texts,
    input=st.text("0123456789abcdef", min_size=64, max_size=64),
    output=st.text("0123456789abcdef", min_size=64, max_size=64),
    bytes=sizes,
    functions=st.fixed_dictionaries({"total": st.integers(0, 99), "proven": st.integers(0, 99)}),
    calls=st.lists(st.builds(CallFuel, texts, st.none() | sizes), max_size=2).map(tuple),
    lines=st.lists(lines, max_size=4, unique_by=lambda one: one.key).map(
        lambda found: {one.key: one for one in found}
    ),
)
locks = st.builds(
    Lock,
    tools=st.fixed_dictionaries({"eqsat": texts}),
    budget=st.fixed_dictionaries({"cost": texts, "rlimit": st.integers(1, 99)}),
    modules=st.lists(modules, max_size=3, unique_by=lambda one: one.path).map(
        lambda found: {one.path: one for one in found}
    ),
)


@given(locks)
def test_what_is_written_is_read(lock: Lock) -> None:
    text = write(lock)
    assert parse(text, "x") == lock
    assert write(parse(text, "x")) == text
    assert tomllib.loads(text)["version"] == 1


@given(locks)
def test_one_line_for_each_function(lock: Lock) -> None:
    text = write(lock)
    for one in lock.modules.values():
        for line in one.lines.values():
            changed = {**one.lines, line.key: replace(line, rlimit=line.rlimit + 1)}
            other = Lock(
                lock.tools, lock.budget, {**lock.modules, one.path: replace(one, lines=changed)}
            )
            pairs = zip(text.split("\n"), write(other).split("\n"), strict=True)
            assert sum(a != b for a, b in pairs) == 1


GOOD = write(
    Lock(
        {"eqsat": "1"},
        {"cost": "bytes"},
        {
            "a.wasm": Measured(
                "a.wasm", "0" * 64, "1" * 64, (9, 8), {"total": 1},
                lines={"f": Line("f", "a", "b", (5, 4), (5, 4), "proven")},
            )
        },
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 2", "version 2 instead of 1"),
        ("version = 1", "", "version None"),
        ("[[module]]", "<<<<<<< ours\n[[module]]", "not TOML"),
        ("path =", "pth =", "not a lock"),
        ('"proven"', '"fine"', "no such proof"),
        ("[9, 8]", '["9", 8]', "not a lock"),
        ("[9, 8]", "[9]", "not a lock"),
        ("sha256:", "md5:", "no hash"),
        ('["f", "a"', '["f"', "not a lock"),
        ("tools = {", "tols = {", "not a lock"),
        ("[5, 4], [5, 4]", "[5, 4], [true, 4]", "no number"),
    ],
)
def test_broken_locks(old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(LockError, match=r"^x\.lock: ") as caught:
        parse(GOOD.replace(old, new, 1), "x.lock")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_bad_merge_leaves_twice() -> None:
    (line,) = [line for line in GOOD.split("\n") if line.startswith('  ["f"')]
    with pytest.raises(LockError, match="function is listed twice"):
        parse(GOOD.replace(line, f"{line}\n{line}"), "x")
    module = GOOD[GOOD.index("[[module]]") :]
    with pytest.raises(LockError, match="module is listed twice"):
        parse(GOOD + module, "x")


@given(st.text(max_size=200) | st.integers(0, len(GOOD)).map(lambda end: GOOD[:end]))
def test_anything_is_a_lock_or_an_error(text: str) -> None:
    try:
        parse(text, "x")
    except LockError as error:
        found = str(error)
    else:
        found = "x: a lock"
    assert found.startswith("x: ")


def test_tools_are_named() -> None:
    found = tools()
    assert {"eqsat", "sources", "egglog", "z3-solver", "wasmtime"} <= set(found)
    assert all(isinstance(value, str) for value in found.values())
