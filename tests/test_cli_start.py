"""Starting up: what is imported, what is said, which code comes out."""

import os
import resource
import subprocess
import sys

import pytest
from eqsat import __version__
from eqsat.cli.main import main

HEAVY = (
    "egglog",
    "z3",
    "wasmtime",
    "rich",
    "asyncio",
    "multiprocessing",
    "concurrent.futures",
    "subprocess",
    "tempfile",
    "json",
    "tomllib",
    "eqsat.rules",
    "eqsat.verify",
    "eqsat.egraph",
    "eqsat.wasm",
)

PROBE = """
import sys
from eqsat.cli.main import main
code = main(sys.argv[1:])
print(code, *sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["opt", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, *words], capture_output=True, text=True, timeout=60
    )
    code, *modules = ran.stderr.split()
    assert code == "0"
    assert not [name for name in HEAVY if name in modules]


def test_help_is_quick() -> None:
    """150 ms of CPU is the promise; the best of three runs forgives a busy machine."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "eqsat", "--help"], stdout=-3, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.150


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"eqsat {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fly"],
        ["opt"],
        ["opt", "a.wasm", "--budget", "soon"],
        ["opt", "a.wasm", "--budget", "0s"],
        ["opt", "a.wasm", "--budget", "-1"],
        ["opt", "a.wasm", "--budget", "nan"],
        ["opt", "a.wasm", "--max-iters", "0"],
        ["opt", "a.wasm", "--jobs", "many"],
        ["opt", "a.wasm", "--bud", "2s"],
        ["opt", "a.wasm", "--strict"],
        ["prove", "a.wasm"],
        ["rules", "dance"],
        ["rules", "show"],
    ],
)
def test_usage_errors_are_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("eqsat: error[E0201]: ")
    assert said.err.count("\n") == 1


def test_contracts_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["opt", "a.wasm", "-o", "b.wasm", "--assume", "luck"]) == 2
    assert "error[E0203]: unknown contract 'luck'" in capsys.readouterr().err
    assert main(["opt", "a.wasm", "-o", "b.wasm", "--assume", "host-pure"]) == 2
    assert "needs a value" in capsys.readouterr().err
    assert main(["opt", "a.wasm", "-o", "b.wasm", "--assume", "trap-kills=1"]) == 2
    assert "takes no value" in capsys.readouterr().err


def test_unknown_cost_is_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["opt", "a.wasm", "-o", "b.wasm", "--cost", "beauty"]) == 3
    assert "error[E0306]: beauty:" in capsys.readouterr().err


def test_a_fault_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import eqsat.cli.main

    def fail(*_: object) -> int:
        raise RuntimeError("the\nsky")

    monkeypatch.setattr(eqsat.cli.main, "_command", fail)
    monkeypatch.delenv("EQSAT_DEBUG", raising=False)
    assert main(["opt", "a.wasm"]) == 5
    said = capsys.readouterr().err
    assert said == "eqsat: error[E0504]: a fault in eqsat itself (RuntimeError: the)\n"


def test_interrupt_before_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import eqsat.cli.main

    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(eqsat.cli.main, "_command", stop)
    assert main(["opt", "a.wasm"]) == 130
    assert capsys.readouterr().err == "eqsat: interrupted, nothing written\n"


def test_closed_pipe_is_quiet() -> None:
    """A reader that goes away early ends the command without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [sys.executable, "-m", "eqsat", "rules", "list"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert ran.returncode == 3
    assert "Traceback" not in ran.stderr
