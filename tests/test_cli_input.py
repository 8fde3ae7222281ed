"""Bad input: the documented code, one line, no traceback, no damaged output, little memory."""

import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from eqsat.cli.main import main
from eqsat.wasm.leb import write_unsigned

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"
HEADER = b"\0asm\1\0\0\0"


def section(identity: int, payload: bytes) -> bytes:
    return bytes((identity,)) + write_unsigned(len(payload)) + payload


def one_function(body: bytes) -> bytes:
    """A module with one function of type [] -> []."""
    entry = write_unsigned(len(body)) + body
    return HEADER + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(10, b"\1" + entry)


NESTED = one_function(b"\0" + b"\x02\x40" * 50_000 + b"\x0b" * 50_000 + b"\x0b")
LOCALS = one_function(b"\1" + write_unsigned(60_000) + b"\x7f" + b"\x0b")
HUGE = write_unsigned(0xFFFFFFFF)

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "E0301"),
    "text": (b"hello, world\n", "E0301"),
    "short": (b"\0as", "E0301"),
    "header": (b"\0asm\1\0", "E0301"),
    "version": (b"\0asm\2\0\0\0", "E0301"),
    "broken component": (b"\0asm\x0d\0\1\0\1\5ab", "E0303"),
    "wat": (b"(module (func (result i32)))", "E0303"),
    "broken wat": (b"(module (fun", "E0308"),
    "locals": (LOCALS, "E0303"),
    "zeroes": (bytes(1000), "E0301"),
    "section past the end": (HEADER + b"\1\xff\xff\xff\xff\x0f", "E0303"),
    "untyped": (one_function(b"\0\x6a\x0b"), "E0303"),
    **{
        f"huge count in section {identity}": (HEADER + section(identity, HUGE), "E0303")
        for identity in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13)
    },
}


def run(*words: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "eqsat", *words],
        input=stdin,
        capture_output=True,
        cwd=folder,
        timeout=120,
    )


@pytest.mark.parametrize("name", BAD)
def test_bad_module(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, code = BAD[name]
    source, target = tmp_path / "in.wasm", tmp_path / "out.wasm"
    source.write_bytes(data)
    target.write_bytes(b"precious")
    assert main(["opt", str(source), "-o", str(target)]) == 3
    said = capsys.readouterr()
    assert said.err.startswith(f"eqsat: error[{code}]: {source}: ")
    assert said.err.count("\n") == 1
    assert target.read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["in.wasm", "out.wasm"]


def test_message_is_the_documented_one(tmp_path: Path) -> None:
    (tmp_path / "hello.bin").write_bytes(b"hello")
    ran = run("opt", "hello.bin", "-o", "x.wasm", folder=tmp_path)
    assert ran.returncode == 3
    assert ran.stderr.decode() == (
        'eqsat: error[E0301]: hello.bin: not a WebAssembly module (offset 0: found "hell")\n'
    )


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, why in (
        (tmp_path, "it is a directory"),
        (tmp_path / "missing.wasm", "no such file or directory"),
        (tmp_path / "a\0b", "null"),
    ):
        assert main(["opt", str(path), "-o", "-"]) == 3
        said = capsys.readouterr().err
        assert "error[E0302]" in said
        assert why in said
        assert said.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "secret.wasm"
    path.write_bytes(EXAMPLE.read_bytes())
    path.chmod(0)
    assert main(["opt", str(path), "-o", "-"]) == 3
    assert "permission denied" in capsys.readouterr().err


def test_truncated_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every prefix of the example is refused with one line (sampled in the middle)."""
    whole = EXAMPLE.read_bytes()
    source = tmp_path / "in.wasm"
    lengths = {*range(30), *range(30, len(whole), 97), *range(len(whole) - 30, len(whole))}
    accepted = []
    for length in sorted(lengths):
        source.write_bytes(whole[:length])
        code = main(["opt", str(source), "-o", str(tmp_path / "out.wasm"), "-q", "--jobs", "1"])
        said = capsys.readouterr().err
        if code == 0:  # cut between two sections: what is left may be a module of its own
            accepted.append(length)
            continue
        assert code == 3, (length, said)
        assert said.count("\n") == 1
    assert len(accepted) <= 4


def test_random_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(7)
    source = tmp_path / "in.wasm"
    for trial in range(60):
        noise = dice.randbytes(dice.randrange(1, 400))
        source.write_bytes((HEADER if trial % 2 else b"") + noise)
        code = main(["opt", str(source), "-o", str(tmp_path / "out.wasm"), "--jobs", "1"])
        said = capsys.readouterr().err
        assert code == 3, (noise, said)
        assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["nested", "locals", "count", "functions"])
def test_memory_stays_small(name: str, tmp_path: Path) -> None:
    """Hostile modules end as documented, within a gigabyte."""
    functions = HEADER + section(3, HUGE + b"\0" * 1000)
    data = {"nested": NESTED, "locals": LOCALS, "count": BAD["huge count in section 1"][0]}
    (tmp_path / "in.wasm").write_bytes(data.get(name, functions))
    ran = run("opt", "in.wasm", "-o", "out.wasm", "--jobs", "1", folder=tmp_path)
    assert b"Traceback" not in ran.stderr
    assert ran.returncode == (0 if name == "nested" else 3)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_000_000  # kilobytes


def test_same_from_stdin(tmp_path: Path) -> None:
    ran = run("opt", "-", "-o", "-", folder=tmp_path, stdin=b"hello")
    assert ran.returncode == 3
    assert ran.stderr.startswith(b"eqsat: error[E0301]: <stdin>: ")
    assert ran.stdout == b""


def test_prove_reads_as_carefully(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.wasm"
    bad.write_bytes(one_function(b"\0\x6a\x0b"))
    assert main(["prove", str(EXAMPLE), str(bad)]) == 3
    assert "error[E0303]" in capsys.readouterr().err
    assert main(["prove", "-", "-"]) == 2
