"""What surrounds the check: its page, the action, the pre-commit hook, the pytest fixture."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "check.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "build").mkdir()
    shutil.copy(ROOT / "tests" / "components" / "nested.wasm", tmp_path / "build" / "app.wasm")
    (tmp_path / "eqsat.toml").write_text(blocks("toml")[0])
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "CI" and not name.startswith("GITHUB")
    }
    binaries = str(Path(sys.executable).parent)
    return kept | {
        "EQSAT_CACHE": str(folder / "cache.db"),
        "PATH": f"{binaries}{os.pathsep}{kept['PATH']}",
    }


def test_every_command_of_the_page_runs(project: Path) -> None:
    """In the order in which they stand, on a project as the page describes it."""
    commands = [
        line.removeprefix("$ ")
        for block in blocks("console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    assert len(commands) >= 7
    for line in commands:
        ran = subprocess.run(
            ["bash", "-c", line],
            cwd=project,
            env=environment(project),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)


def test_page_lists_rules_settings_and_exit_codes() -> None:
    from eqsat.check.compare import RULES
    from eqsat.check.config import _READERS

    for rule in RULES:
        assert f"| {rule} |" in PAGE
    settings = PAGE.split("## All settings")[1].split("## ")[0]
    for key in _READERS:
        assert f"`{key}`" in settings or f"`[[check.{key}]]`" in settings
    for code in (0, 1, 2, 3, 4, 5):
        assert f"| {code} |" in PAGE


def step_script(name: str) -> str:
    """The shell text of a step of the action."""
    text = (ROOT / "action.yml").read_text()
    step = text.split(f"- name: {name}\n")[1]
    block = re.search(r"^      run: \|\n((?:        .*\n)+)", step, re.M)
    if block is not None:
        return re.sub("^        ", "", block[1], flags=re.M)
    line = re.search(r"^      run: (.*)$", step, re.M)
    assert line is not None
    return line[1]


@pytest.mark.parametrize("fails", [False, True])
def test_action_ends_with_the_code_of_the_check(project: Path, fails: bool) -> None:
    temp = project / "temp"
    (temp / "eqsat" / "bin").mkdir(parents=True)
    script = f'#!/bin/sh\nexec "{sys.executable}" -m eqsat "$@"\n'
    (temp / "eqsat" / "bin" / "eqsat").write_text(script)
    (temp / "eqsat" / "bin" / "eqsat").chmod(0o755)
    output = temp / "output"
    settings = environment(project) | {
        **{"RUNNER_TEMP": str(temp), "GITHUB_OUTPUT": str(output), "CONFIG": "", "SHARD": ""},
        **{"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(temp / "summary")},
    }
    if not fails:
        subprocess.run(
            [sys.executable, "-m", "eqsat", "check", "--update"],
            cwd=project,
            env=environment(project),
            check=True,
            timeout=120,
        )
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step_script("Check")],
        cwd=project,
        env=settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    code = "4" if fails else "0"
    assert output.read_text() == f"code={code}\nsarif=written\n"
    assert ("::error" in ran.stdout) == fails
    assert (temp / "summary").read_text().startswith("### eqsat check")
    last = subprocess.run(
        ["bash", "-c", step_script("Verdict")], env={**settings, "CODE": code}, timeout=60
    )
    assert last.returncode == int(code)


def test_hook_runs_the_check(project: Path) -> None:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    found = dict(re.findall(r"^[- ] (\w+): (.*)$", text, re.M))
    assert found["id"] == "eqsat-check"
    pattern = re.compile(found["files"])
    for name in ("build/app.wasm", "eqsat.lock", "sub/eqsat.toml"):
        assert pattern.search(name)
    assert not pattern.search("app.wasm.txt")
    ran = subprocess.run(
        ["bash", "-c", found["entry"]],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 4  # there is no lock yet
    assert "eqsat check --update" in ran.stdout


TEST = """
def test_wasm(eqsat_check):
    eqsat_check.assert_no_regression("build/app.wasm")

def test_other(eqsat_check):
    eqsat_check.assert_no_regression("build/other.wasm")
"""


def run_pytest(project: Path) -> subprocess.CompletedProcess[str]:
    (project / "test_it.py").write_text(TEST)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "eqsat.check.pytest_plugin", "test_it.py"],
        cwd=project,
        env=environment(project) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_fixture(project: Path) -> None:
    without_lock = run_pytest(project)
    assert "there is no lock yet" in without_lock.stdout
    subprocess.run(
        [sys.executable, "-m", "eqsat", "check", "--update", "-q"],
        cwd=project,
        env=environment(project),
        check=True,
        timeout=120,
    )
    ran = run_pytest(project)
    assert "1 failed, 1 passed" in ran.stdout
    assert "build/other.wasm is no module of" in ran.stdout
    lock = project / "eqsat.lock"
    lock.write_text(lock.read_text().replace("[16, 7], [16, 7]", "[16, 5], [16, 5]"))
    ran = run_pytest(project)
    assert "2 failed" in ran.stdout
    assert "bytes 5 -> 7" in ran.stdout
    (project / "eqsat.toml").unlink()
    assert "2 skipped" in run_pytest(project).stdout
