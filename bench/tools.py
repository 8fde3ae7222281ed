"""Running optimizers as processes: seconds, CPU, peak memory, and which version it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .modules import BenchError

__all__ = ["OLDEST_WASM_OPT", "Ran", "WasmOpt", "find_wasm_opt", "run_eqsat", "run_wasm_opt"]

OLDEST_WASM_OPT = 120
"""Debian's old ones are two years behind: beating those would mean nothing."""

TIMEOUT = 900
"""Seconds after which a tool counts as failed."""

UNREADABLE = ("--disable-compact-imports", "--disable-custom-descriptors")
"""Features of newer versions that change the encoding of modules that do not use them, so that
wasmtime refuses them."""


@dataclass(frozen=True, slots=True)
class WasmOpt:
    """A wasm-opt that is new enough, and the features to switch on."""

    path: str
    version: int
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a tool did: the module it wrote (None: it failed, and why), and what it took.

    `seconds` is wall time, `cpu` seconds of all its processes, `memory` the largest one's peak in
    bytes; `report` is eqsat's.
    """

    output: bytes | None
    error: str
    seconds: float
    cpu: float
    memory: int
    report: dict[str, Any] = field(default_factory=dict)


def find_wasm_opt(given: str | None) -> WasmOpt:
    """The wasm-opt to compare with. Raises BenchError if there is none or it is too old."""
    path = given or shutil.which("wasm-opt")
    if path is None:
        raise BenchError(
            "no wasm-opt in PATH (--wasm-opt names one; npm's binaryen has the newest)"
        )
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        known = subprocess.run(
            [path, "--help"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchError(f"{path}: cannot be run ({error})") from None
    found = re.search(r"version (\d+)", said)
    if found is None:
        raise BenchError(f"{path}: no version in {said.strip()!r}")
    version = int(found[1])
    if version < OLDEST_WASM_OPT:
        raise BenchError(f"{path}: version {version} is too old (at least {OLDEST_WASM_OPT})")
    features = ("-all", *(flag for flag in UNREADABLE if flag in known))
    return WasmOpt(path, version, features)


def run_wasm_opt(tool: WasmOpt, source: bytes, options: Sequence[str]) -> Ran:
    """Run wasm-opt on a module."""
    return _run([tool.path, "{in}", *tool.features, *options, "-o", "{out}"], source)


def run_eqsat(source: bytes, cost: str, budget: str, more: Sequence[str] = ()) -> Ran:
    """Run eqsat on a module, without its cache."""
    command = [sys.executable, "-m", "eqsat", "opt", "{in}", "-o", "{out}", "--no-cache", "-q"]
    command += ["--cost", cost, "--budget", budget, "--report", "{report}", *more]
    return _run(command, source)


def _run(command: Sequence[str], source: bytes) -> Ran:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {"{in}": "in.wasm", "{out}": "out.wasm", "{report}": "report.json"}
        (folder / "in.wasm").write_bytes(source)
        words = [str(folder / places[word]) if word in places else word for word in command]
        with (folder / "said").open("w+b") as said:
            began = time.perf_counter()
            process = subprocess.Popen(words, stdout=said, stderr=said, process_group=0)
            code, usage = _wait(process)
            seconds = time.perf_counter() - began
            said.seek(0)
            text = said.read().decode("utf-8", "replace").strip()
        output = folder / "out.wasm"
        whole = code == 0 and output.is_file()
        report = folder / "report.json"
        return Ran(
            output.read_bytes() if whole else None,
            "" if whole else f"exit code {code}: {text[-200:]}",
            seconds,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * 1024,
            json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {},
        )


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, Any]:
    """Wait for our own child with its resources; kill it (and its group) when it takes too long."""
    end = time.monotonic() + TIMEOUT
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage
        if time.monotonic() > end:
            os.killpg(process.pid, 9)
            end = float("inf")
        time.sleep(0.002)
