"""Take the pictures of the documents again: `python docs/screenshots.py [CHROMIUM]`.

Needs playwright and a Chromium. The module is `examples/handles.wat`; beside it stands a copy
with a mistake, for the picture of a refutation.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent

RIGHT, WRONG = "(i32.const 4))))))", "(i32.const 8))))))"
"""What `handle_rep` adds to the address of an entry, and what it adds in the copy."""

PATIENCE = 120_000
"""Milliseconds."""


def main() -> int:
    """Serve, look, save."""
    chromium = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium")
    if chromium is None:
        print("no Chromium: name one", file=sys.stderr)
        return 2
    module = ROOT / "examples" / "handles.wat"
    text = module.read_text(encoding="utf-8")
    assert text.count(RIGHT) == 1
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "mistaken.wat"
        other.write_text(text.replace(RIGHT, WRONG), encoding="utf-8")
        words = ["--no-browser", "--cost", "bytes", "--beside", str(other)]
        served = subprocess.Popen(
            [sys.executable, "-m", "eqsat", "explore", str(module), *words],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert served.stderr is not None
            address = re.search(r"http://\S+", served.stderr.readline())
            assert address is not None
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox"]
                )
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(PATIENCE)
                page.goto(address[0])
                page.locator("#status", has_text="optimized in").wait_for()
                page.locator(".fn", has_text="handle_rep").click()
                page.locator("h1", has_text="handle_rep").wait_for()
                _refuted(page)
                page.screenshot(path=ROOT / "docs" / "explore-refuted.png")
                _chosen(page)
                page.screenshot(path=ROOT / "docs" / "explore-light.png")
                page.emulate_media(color_scheme="dark")
                page.screenshot(path=ROOT / "docs" / "explore-dark.png")
                browser.close()
        finally:
            served.send_signal(signal.SIGINT)
            served.wait(20)
    return 0


def _refuted(page: Page) -> None:
    """The copy with the mistake beside `handle_rep`, and both runs."""
    page.locator("#right").select_option("beside mistaken.wat")
    page.locator("#verdict", has_text="refuted").wait_for()
    page.locator("#show-runs").click()
    page.locator("#first-difference").wait_for()
    page.keyboard.press("]")


def _chosen(page: Page) -> None:
    """A form of the address in `handle_rep` that was chosen."""
    page.locator("#right").select_option("automatic")
    page.locator(".row.site", has_text="i32.mul").first.click()
    page.locator(".form", has_text="<< 3").first.click()
    page.locator("#verdict", has_text="proven").wait_for()
    page.locator("#why", has_text="mul-pow2").wait_for()
    page.locator("#title").hover()
    page.keyboard.press("g")
    page.locator("#panel svg").wait_for()


if __name__ == "__main__":
    raise SystemExit(main())
