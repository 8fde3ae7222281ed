"""Take the pictures of the documents again: `python docs/screenshots.py [CHROMIUM]`.

Needs playwright and a Chromium. The module is `examples/handles.wat`.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Serve, look, save."""
    chromium = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium")
    if chromium is None:
        print("no Chromium: name one", file=sys.stderr)
        return 2
    module = ROOT / "examples" / "handles.wat"
    served = subprocess.Popen(
        [sys.executable, "-m", "eqsat", "explore", str(module), "--no-browser", "--cost", "bytes"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert served.stderr is not None
        address = re.search(r"http://\S+", served.stderr.readline())
        assert address is not None
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                page.goto(address[0])
                _look(page)
                page.screenshot(path=ROOT / "docs" / f"explore-{scheme}.png")
                page.close()
            browser.close()
    finally:
        served.send_signal(signal.SIGINT)
        served.wait(20)
    return 0


def _look(page: Page) -> None:
    """Choose a form of the address in `handle_rep`."""
    page.locator("#status", has_text="optimized in").wait_for(timeout=120_000)
    page.locator(".fn", has_text="handle_rep").click()
    page.locator("h1", has_text="handle_rep").wait_for()
    page.locator(".row.site", has_text="i32.mul").first.click()
    page.locator(".form", has_text="<< 3").first.click()
    page.locator("#verdict", has_text="proven").wait_for(timeout=60_000)
    page.locator("#why", has_text="mul-pow2").wait_for(timeout=60_000)
    page.keyboard.press("g")
    page.locator("#panel svg").wait_for(timeout=60_000)


if __name__ == "__main__":
    raise SystemExit(main())
