"""`eqsat check` end to end, on a small project of its own."""

import json
import os
import pty
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eqsat.cli.main import main
from eqsat.wasm.module import Module

CONFIG = """[check]
modules = ["build/*.wasm", "build/*.wat"]
cost = "bytes"
max-iters = 4
rlimit = 200_000

[[check.call]]
module = "build/a.wasm"
export = "f"
args = [5]
"""

WASTE = "(i32.mul (i32.add (local.get 0) (i32.const 0)) (i32.const 8))"
SUM = "(i32.add (i32.add (local.get 0) (i32.const 3)) (i32.const 4))"


def wat(*bodies: str) -> bytes:
    import wasmtime

    names = "fghk"
    functions = "".join(
        f'(func (export "{names[n]}") (param i32) (result i32) {body})'
        for n, body in enumerate(bodies)
    )
    return bytes(wasmtime.wat2wasm(f"(module {functions})"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a lock and a filled cache; copied for every test."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "build").mkdir()
    (folder / "build" / "a.wasm").write_bytes(wat(WASTE, SUM))
    (folder / "build" / "b.wat").write_text(
        '(module (func $g (export "g") (result i32) (i32.add (i32.const 1) (i32.const 2))))'
    )
    (folder / "eqsat.toml").write_text(CONFIG)
    ran = command(folder, "check", "--update")
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import shutil

    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EQSAT_CACHE", str(folder / "cache.db"))
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "EQSAT_CACHE")}
    kept |= {"EQSAT_CACHE": str(folder / "cache.db"), **more}
    return {name: value for name, value in kept.items() if not name.startswith("GITHUB")}


def command(
    folder: Path, *words: str, setup: Callable[[], None] | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eqsat", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(folder, **more),
        timeout=120,
        preexec_fn=setup,
    )


def change_lock(folder: Path, old: str, new: str) -> None:
    path = folder / "eqsat.lock"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_no_change_passes_and_is_quick(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    said = capsys.readouterr()
    assert said.out == "2 modules, 3 functions: no regression, 0 improvements\n"
    assert "2 known" in said.err


def test_lock_is_the_same_everywhere(project: Path) -> None:
    lock = (project / "eqsat.lock").read_bytes()
    settings: tuple[dict[str, Any], ...] = (
        {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "8", "LC_ALL": "tr_TR.UTF-8", "COLUMNS": "20"},
    )
    for number, more in enumerate(settings):
        words = ["check", "--update", f"--jobs={1 + 2 * number}"]
        for cache in (["--no-cache"], []):
            ran = command(project, *words, *cache, **more)
            assert ran.returncode == 0, ran.stderr
            assert (project / "eqsat.lock").read_bytes() == lock


def test_warm_check_loads_no_engine(project: Path) -> None:
    script = (
        "import sys\n"
        "from eqsat.cli.main import main\n"
        "code = main(['check'])\n"
        "heavy = ('egglog', 'egglog.bindings', 'z3', 'wasmtime', 'eqsat.egraph', 'eqsat.verify')\n"
        "print(code, *[name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=project,
        env=environment(project),
        timeout=60,
    )
    assert ran.stderr.splitlines()[-1] == "0"


@pytest.mark.slow
def test_a_hundred_modules_warm(project: Path) -> None:
    (project / "eqsat.toml").write_text(CONFIG.split("[[check.call]]")[0])
    for path in (project / "build").iterdir():
        path.unlink()
    for number in range(100):
        body = f"(i32.add (local.get 0) (i32.const {number}))"
        (project / "build" / f"m{number:03}.wasm").write_bytes(wat(body, WASTE))
    assert command(project, "check", "--update").returncode == 0
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert command(project, "check").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 1.5


def plant_regression(folder: Path) -> None:
    """As if the lock had been written by an eqsat that did better."""
    text = (folder / "eqsat.lock").read_text()
    (line,) = [line for line in text.split("\n") if line.startswith('  ["f"')]
    better = line.replace(", 7], [10, 7]", ", 5], [10, 5]")
    assert better != line
    (folder / "eqsat.lock").write_text(text.replace(line, better))


def test_optimizer_regression(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant_regression(project)
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert "FAIL EQ001 build/a.wasm:f  bytes 5 -> 7 (+2, limit +0)  [optimizer]" in said
    assert "--- f (input)" in said
    assert "+i32.shl" in said
    assert "$ eqsat opt build/a.wasm --diff --cost bytes --max-iters 4" in said
    assert main(["check", "--exit-zero"]) == 0


def test_sarif_points_at_the_body(project: Path) -> None:
    plant_regression(project)
    assert main(["check", "--output", "sarif=out.sarif"]) == 1
    results = json.loads((project / "out.sarif").read_text())["runs"][0]["results"]
    places = [one["locations"][0] for one in results]
    region = next(
        place["physicalLocation"]["region"]
        for place in places
        if place.get("logicalLocations", [{}])[0].get("fullyQualifiedName") == "f"
    )
    data = (project / "build" / "a.wasm").read_bytes()
    start = region["byteOffset"]
    assert data[start : start + region["byteLength"]] == Module.parse(data).body_bytes(0)


def test_a_lock_beside_each_module(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (project / "eqsat.toml").read_text()
    (project / "eqsat.toml").write_text(text.replace("[check]", '[check]\nlock = "per-module"', 1))
    assert main(["check", "--locked"]) == 4
    assert main(["check", "--update"]) == 0
    locks = sorted(path.name for path in (project / "build").glob("*.lock"))
    assert locks == ["a.wasm.eqsat.lock", "b.wat.eqsat.lock"]
    capsys.readouterr()
    assert main(["check", "--locked"]) == 0
    first = project / "build" / locks[0]
    assert "b.wat" not in first.read_text()
    kept = first.read_text()
    first.write_text(kept.replace('wasmtime = "', 'wasmtime = "9', 1))
    assert main(["check", "--locked"]) == 4
    assert "wasmtime 9" in capsys.readouterr().out
    first.unlink()
    assert main(["check", "--locked"]) == 4
    assert "build/a.wasm" in capsys.readouterr().out


def test_change_of_the_source(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "build" / "a.wasm").write_bytes(wat(WASTE, SUM, WASTE, SUM))
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert "[source]" in said
    assert "[optimizer]" not in said
    assert main(["check", "--update"]) == 0
    assert main(["check"]) == 0


def test_renumbering_changes_no_line(project: Path) -> None:
    """A new function in front: keys, hashes and lines of the others stay."""
    before = (project / "eqsat.lock").read_text().split("\n")
    import wasmtime

    text = f"""(module (func $new (export "n") (result i32) (i32.const 1))
      (func (export "f") (param i32) (result i32) {WASTE})
      (func (export "g") (param i32) (result i32) {SUM}))"""
    (project / "build" / "a.wasm").write_bytes(bytes(wasmtime.wat2wasm(text)))
    assert main(["check", "--update", "-q"]) == 0
    after = (project / "eqsat.lock").read_text().split("\n")
    lines = [line for line in before if line.startswith('  ["')]
    assert [line for line in after if line.startswith('  ["')] == lines


def test_improvement_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (project / "eqsat.lock").read_text()
    (line,) = [line for line in text.split("\n") if line.startswith('  ["f"')]
    worse = line.replace(", 7], [10, 7]", ", 9], [10, 9]")
    (project / "eqsat.lock").write_text(text.replace(line, worse))
    assert main(["check"]) == 0
    assert "better build/a.wasm:f  bytes 9 -> 7" in capsys.readouterr().out


def test_call_fuel(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (project / "eqsat.lock").read_text()
    (line,) = [line for line in text.split("\n") if line.startswith('  ["f(5)"')]
    (project / "eqsat.lock").write_text(text.replace(line, '  ["f(5)", [9, 1]],'))
    assert main(["check"]) == 1
    assert "EQ002 build/a.wasm:f(5)  fuel 1 ->" in capsys.readouterr().out


def test_wrong_output_is_an_alarm(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from eqsat.optimize.errors import OutputError

    def broken(*_: object) -> str:
        raise OutputError("behaviour", "the output behaves differently (f(1))", b"")

    monkeypatch.setattr("eqsat.optimize.finish.check", broken)
    assert main(["check", "--no-cache"]) == 5
    assert "EQ008" in capsys.readouterr().out
    assert main(["check", "--no-cache", "--update"]) == 5  # and no lock is written
    monkeypatch.undo()


def test_nondeterminism_is_an_alarm(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import eqsat.optimize.driver as driver
    from eqsat.optimize.run import Result

    (project / "eqsat.toml").write_text(
        CONFIG.replace("[[check", 'determinism-sample = "100%"\n\n[[check', 1)
    )
    real, count = driver.optimize, iter(range(100))

    def wavering(module: bytes, **more: Any) -> Result:  # noqa: ANN401
        found = real(module, **more)
        tail = b"\0\2\1" + bytes((next(count),))
        return Result(found.output + tail, found.report)

    monkeypatch.setattr(driver, "optimize", wavering)
    assert main(["check", "--no-cache"]) == 5
    assert "two runs gave two outputs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("break_it", "code", "says"),
    [
        (lambda p: (p / "eqsat.lock").write_text("<<<<<<< ours\n"), 4, "error[E0401]"),
        (lambda p: (p / "eqsat.lock").write_bytes(b"\xff\xfe"), 4, "error[E0401]"),
        (lambda p: (p / "eqsat.toml").write_text("[check]\nmodulse = 1"), 2, "unknown key"),
        (lambda p: (p / "eqsat.toml").write_text(CONFIG + "[check"), 2, "not TOML"),
        (lambda p: (p / "build" / "a.wasm").unlink(), 3, "build/a.wasm: in the lock"),
        (lambda p: (p / "build" / "a.wasm").write_bytes(b"hello"), 3, "not a valid module"),
        (lambda p: (p / "build" / "b.wat").write_text("(module (fun"), 3, "not a valid module"),
        (lambda p: [one.unlink() for one in (p / "build").iterdir()], 2, "no file matches"),
        (
            lambda p: (p / "eqsat.toml").write_text(CONFIG.replace('"f"', '"nothing"')),
            2,
            "no function of that name",
        ),
        (
            lambda p: (p / "eqsat.toml").write_text(CONFIG + 'imports = "host.wat"'),
            3,
            "host.wat: cannot be read",
        ),
    ],
)  # fmt: skip
def test_what_is_broken_is_one_line(
    project: Path,
    break_it: Callable[[Path], object],
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock = (project / "eqsat.lock").read_bytes()
    break_it(project)
    kept = (project / "eqsat.lock").read_bytes()
    assert main(["check"]) == code
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert (project / "eqsat.lock").read_bytes() == kept
    del lock


def test_unreadable_cache_is_a_note(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "cache.db").write_bytes(b"no database" * 999)
    assert main(["check"]) == 0
    assert "note: going on without the cache" in capsys.readouterr().out


def test_full_disk_keeps_the_old_lock(project: Path) -> None:
    lock = (project / "eqsat.lock").read_bytes()
    (project / "build" / "a.wasm").write_bytes(wat(SUM, SUM))

    def small_files() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    ran = command(project, "check", "--update", "--no-cache", setup=small_files)
    assert ran.returncode == 3
    assert "error[E0304]" in ran.stderr
    assert (project / "eqsat.lock").read_bytes() == lock
    assert not [path for path in project.iterdir() if path.suffix == ".tmp"]


def test_other_tools(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_lock(project, 'wasmtime = "', 'wasmtime = "9')
    assert main(["check"]) == 0
    assert "note: the lock was written by other tools (wasmtime 9" in capsys.readouterr().out
    assert main(["check", "--locked"]) == 4
    assert "EQ007" in capsys.readouterr().out


def test_in_ci(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    assert main(["check"]) == 0
    assert main(["check", "--update"]) == 2
    assert "CI is set" in capsys.readouterr().err
    assert main(["check", "--update", "--force"]) == 0
    change_lock(project, "rlimit = 200000", "rlimit = 5")
    assert main(["check"]) == 4
    assert main(["check", "--no-locked"]) == 0


def test_github(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "summary.md").write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "summary.md"))
    change_lock(project, "rlimit = 200000", "rlimit = 5")
    assert main(["check", "--locked"]) == 4
    assert "::error file=eqsat.lock,title=EQ007 stale-lock::" in capsys.readouterr().out
    assert (project / "summary.md").read_text().startswith("before\n### eqsat check: ")


def test_all_reports_are_written_before_the_exit(project: Path) -> None:
    change_lock(project, "rlimit = 200000", "rlimit = 5")
    names = ("human", "markdown", "json", "junit", "sarif", "github", "gitlab")
    words = [f"--output={name}={project / name}" for name in names]
    assert main(["check", "--locked", *words]) == 4
    assert all((project / name).read_text() for name in names)
    assert json.loads((project / "json").read_text())["exit"] == 4
    assert main(["check", "--output", "pdf"]) == 2


def test_shards_and_merge(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = project / "whole.json"
    change_lock(project, '"proven"', '"unknown"')  # something to find
    (project / "build" / "a.wasm").write_bytes(wat(WASTE, SUM, WASTE))
    code = main(["check", f"--output=json={whole}"])
    lock = (project / "eqsat.lock").read_bytes()
    for count in (1, 2, 3):
        parts = []
        for number in range(1, count + 1):
            parts.append(str(project / f"part{number}of{count}.json"))
            words = [f"--shard={number}/{count}", f"--output=json={parts[-1]}"]
            assert main(["check", *words]) in (0, code)
        merged = project / f"merged{count}.json"
        assert main(["merge", *parts, f"--output=json={merged}"]) == code
        same = ("exit", "findings", "improvements", "modules", "tools", "budget", "alarms")
        first, second = (json.loads(path.read_text()) for path in (whole, merged))
        assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert main(["merge", *parts, "--update"]) == 0
    merged_lock = (project / "eqsat.lock").read_bytes()
    assert merged_lock != lock
    assert main(["check", "--update"]) == 0
    assert (project / "eqsat.lock").read_bytes() == merged_lock
    assert main(["check", "--shard", "1/2", "--update"]) == 2
    capsys.readouterr()
    for wrong in ([parts[0]], [parts[0], *parts], [str(project / "eqsat.toml")], ["nothing.json"]):
        assert main(["merge", *wrong]) == 3
        assert "error[E0311]" in capsys.readouterr().err
    assert main(["check", "--shard", "3/2"]) == 2


def test_read_only_cache_is_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQSAT_CACHE_READ_ONLY", "1")
    assert main(["check", "-q"]) == 0
    before = (project / "cache.db").read_bytes()
    (project / "build" / "a.wasm").write_bytes(wat(SUM))
    (project / "eqsat.toml").write_text(CONFIG)
    assert main(["check", "-q", "--exit-zero"]) in (0, 1)
    assert (project / "cache.db").read_bytes() == before
    assert main(["cache", "gc"]) == 3


def test_review_asks(project: Path) -> None:
    import re

    (project / "build" / "a.wasm").write_bytes(wat(SUM, SUM, SUM))
    text = (project / "eqsat.lock").read_text()
    lock = re.sub(r"bytes = \[(\d+), \d+\]", r"bytes = [\1, 1]", text, count=1)
    (project / "eqsat.lock").write_text(lock)
    for answer, accepted in ((b"r\n", False), (b"s\n", False), (b"x\na\n", True)):
        parent, child = pty.openpty()
        os.write(parent, answer)
        ran = subprocess.run(
            [sys.executable, "-m", "eqsat", "check", "--review"],
            stdin=child,
            capture_output=True,
            text=True,
            cwd=project,
            env=environment(project),
            timeout=60,
        )
        os.close(child)
        os.close(parent)
        assert "build/a.wasm: accept, reject, stop?" in ran.stdout
        assert ((project / "eqsat.lock").read_text() != lock) == accepted
        assert ran.returncode == (0 if accepted else 1)
    assert main(["check", "--review"]) == 2


def test_not_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 2


def test_quiet(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-q"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_many_checks_at_once_agree(project: Path) -> None:
    (project / "cache.db").unlink()
    began = time.monotonic()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "eqsat", "check"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=project,
            env=environment(project),
        )
        for _ in range(4)
    ]
    said = {process.communicate(timeout=120)[0] for process in running}
    assert {process.returncode for process in running} == {0}
    assert len(said) == 1
    assert time.monotonic() - began < 100
