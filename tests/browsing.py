"""A browser for tests of the explorer's page, and the explorer that it looks at."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 60_000
"""Milliseconds: the machine may be busy, the tests are not about that."""


def launched() -> Iterator["Browser"]:
    """A Chromium; what needs one is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install it")
    path = os.environ.get("EQSAT_CHROMIUM") or shutil.which("chromium")
    path = path or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium, or name one by EQSAT_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


def explorer(path: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    """An explorer of a module, and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "eqsat", "explore", str(path), "--no-browser", *words],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    return process, found[0]


def end(process: subprocess.Popen[str]) -> None:
    """End an explorer."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    finally:
        process.kill()
        assert process.stderr is not None
        process.stderr.close()


def opened(browser: "Browser", address: str, faults: list[str]) -> "Page":
    """A page of 1280 by 800; what goes wrong in it is added to `faults`."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("response", lambda one: None if one.ok else faults.append(f"{one.status} {one.url}"))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


def serious(faults: list[str]) -> list[str]:
    """Without what the end of a page does to its stream of events, and refused questions."""
    return [one for one in faults if "/events" not in one and not one.startswith("422 ")]
