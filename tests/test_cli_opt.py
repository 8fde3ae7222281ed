"""`eqsat opt` end to end: where the output goes, what is said, pipes, text, gates, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from eqsat.cli.main import main
from eqsat.wasm.validate import validate

PATH = Path(__file__).resolve().parent.parent / "examples" / "json.wasm"

SMALL = """(module
  (func $double (export "f") (param $x i32) (result i32)
    i32.const 3 i32.const 4 i32.add drop
    local.get $x i32.const 0 i32.add i32.const 8 i32.mul))"""


def wat(text: str) -> bytes:
    import wasmtime

    return bytes(wasmtime.wat2wasm(text))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.wasm"
    path.write_bytes(wat(SMALL))
    return path


def eqsat(*words: object, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "eqsat", *map(str, words)],
        input=stdin,
        capture_output=True,
        cwd=folder,
        timeout=120,
        # A busy machine must not decide what is found.
        env={**os.environ, "EQSAT_BUDGET": "60s"},
    )


def test_writes_a_smaller_valid_module(small: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.wasm"
    ran = eqsat("opt", small, "-o", target, "--cost", "bytes", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == b""
    assert 1 <= ran.stderr.count(b"\n") <= 4
    assert all(line.startswith(b"eqsat: ") for line in ran.stderr.splitlines())
    validate(target.read_bytes())
    assert target.stat().st_size < small.stat().st_size
    proven = eqsat("prove", small, target, folder=tmp_path)
    assert (proven.returncode, proven.stdout.split(b":")[0].strip()) == (0, b"proven")


def test_pipe_in_and_out(small: Path, tmp_path: Path) -> None:
    ran = eqsat("opt", "-", "-q", folder=tmp_path, stdin=small.read_bytes())
    assert ran.returncode == 0
    assert ran.stderr == b""
    validate(ran.stdout)
    assert os.listdir(tmp_path) == ["small.wasm"]


def test_text_in_and_out(tmp_path: Path) -> None:
    ran = eqsat("opt", "-", "-S", "-q", folder=tmp_path, stdin=SMALL.encode())
    assert ran.returncode == 0
    assert ran.stdout.startswith(b"(module")
    validate(wat(ran.stdout.decode()))


def test_in_place(small: Path, tmp_path: Path) -> None:
    before = small.stat().st_size
    assert eqsat("opt", small, "-o", small, folder=tmp_path).returncode == 0
    assert small.stat().st_size < before


def test_diff_writes_nothing(small: Path, tmp_path: Path) -> None:
    ran = eqsat("opt", small, "--diff", "--cost", "bytes", folder=tmp_path)
    assert ran.returncode == 0
    lines = ran.stdout.decode().splitlines()
    assert lines[0].startswith("--- double (")
    assert lines[1].startswith("+++ double (")
    assert any(line.startswith("-") and "i32.const 4" in line for line in lines)
    assert os.listdir(tmp_path) == ["small.wasm"]


def test_report_json_and_stats(small: Path, tmp_path: Path) -> None:
    ran = eqsat(
        *("opt", small, "-o", "o.wasm", "--report", "r.json", "--json", "--stats"),
        *("--assume", "component", "--entry", "f*"),
        folder=tmp_path,
    )
    assert ran.returncode == 0
    printed, written = json.loads(ran.stdout), json.loads((tmp_path / "r.json").read_text())
    assert printed == written
    assert written["output"]["bytes"] == (tmp_path / "o.wasm").stat().st_size
    assert [one["name"] for one in written["contracts"]] == [
        "trap-kills",
        "no-reentry",
        "p3-async",
        "resource-handles",
    ]
    assert b"double" in ran.stderr


def test_json_needs_another_place_for_the_module(small: Path, tmp_path: Path) -> None:
    ran = eqsat("opt", small, "--json", folder=tmp_path)
    assert ran.returncode == 2
    assert b"--json needs -o FILE" in ran.stderr


def test_require_proof(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eqsat.optimize.search import Search
    from eqsat.verify.validator import Verdict

    assert main(["opt", str(small), "-o", str(tmp_path / "o.wasm"), "--require-proof"]) == 0
    monkeypatch.setattr(Search, "_check", lambda *_: Verdict("unknown", reason="tired"))
    code = main(["opt", str(small), "-o", str(tmp_path / "o.wasm"), "--require-proof"])
    assert code == 1
    assert (tmp_path / "o.wasm").read_bytes() == small.read_bytes()


def test_names_are_kept_and_sections_stripped(small: Path, tmp_path: Path) -> None:
    note = b"\0\x09\x04noteabcd"
    small.write_bytes(small.read_bytes() + note)
    assert eqsat("opt", small, "-o", "kept.wasm", folder=tmp_path).returncode == 0
    kept = (tmp_path / "kept.wasm").read_bytes()
    assert note in kept
    assert b"double" in kept
    eqsat("opt", small, "-o", "bare.wasm", "--strip", "no*", "--strip", "name", folder=tmp_path)
    bare = (tmp_path / "bare.wasm").read_bytes()
    assert note not in bare
    assert b"double" not in bare


def test_faulty_user_files(small: Path, tmp_path: Path) -> None:
    (tmp_path / "costs.toml").write_text("[opcodes]\n'i32.fly' = 3\n")
    ran = eqsat("opt", small, "-o", "o.wasm", "--cost", "costs.toml", folder=tmp_path)
    assert ran.returncode == 3
    assert ran.stderr.startswith(b"eqsat: error[E0306]: costs.toml")
    (tmp_path / "mine.egg").write_text(
        '(rewrite (i32.add x (i32.const 1)) x :ruleset opt :name "mine/wrong")\n'
    )
    ran = eqsat("opt", small, "-o", "o.wasm", "--rules", "mine.egg", folder=tmp_path)
    assert ran.returncode == 3
    assert ran.stderr.startswith(b"eqsat: error[E0305]: ")
    assert b"mine.egg:1" in ran.stderr
    ran = eqsat("opt", small, "-o", "o.wasm", "--rules", "none.egg", folder=tmp_path)
    assert ran.returncode == 3
    assert not (tmp_path / "o.wasm").exists()


def many_functions(count: int) -> bytes:
    """Functions with a loop each, no two equal: work for some seconds."""
    body = """(func (export "f{0}") (param i32 i32) (result i32) (local i32)
      (loop (local.set 2 (i32.add (local.get 2) (i32.mul (local.get 0) (i32.const {0}))))
        (local.set 0 (i32.xor (local.get 0) (i32.add (local.get 1) (i32.const 0))))
        (br_if 0 (i32.lt_u (local.get 2) (i32.const {1}))))
      (i32.add (local.get 2) (i32.const 0)))"""
    return wat(f"(module {' '.join(body.format(i, 3 * i + 1) for i in range(1, count))})")


def test_first_interrupt_writes_the_best_so_far(tmp_path: Path) -> None:
    source, target = tmp_path / "many.wasm", tmp_path / "out.wasm"
    source.write_bytes(many_functions(1500))
    words = ["opt", str(source), "-o", str(target), "--budget", "100s", "--cost", "bytes"]
    with subprocess.Popen(
        [sys.executable, "-m", "eqsat", *words], stderr=subprocess.PIPE, cwd=tmp_path
    ) as running:
        time.sleep(2.5)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 130, said
    assert "of 1499 functions visited" in said
    validate(target.read_bytes())
    assert target.stat().st_size <= source.stat().st_size


def test_second_interrupt_writes_nothing() -> None:
    from eqsat.cli.interrupt import Interrupt

    with Interrupt() as interrupt:
        assert not interrupt.requested()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_nothing_heavy_for_an_early_error(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom eqsat.cli.main import main\n"
        "code = main(['opt', 'missing.wasm', '-o', 'x'])\n"
        "print(code, 'egglog.bindings' in sys.modules, 'z3' in sys.modules, 'rich' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert ran.stdout == "3 False False False\n"
