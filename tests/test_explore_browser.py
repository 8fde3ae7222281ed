"""The explorer's page in a real browser: everything a person does, by mouse and by keys."""

import json
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
from eqsat.wasm.text_in import assemble

from .explored import HANDLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


PATIENCE = 60_000
"""Milliseconds: the machine may be busy, the tests are not about that."""


def browser_path() -> str | None:
    named = os.environ.get("EQSAT_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install it")
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium, or name one by EQSAT_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


def explorer(path: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
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
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    finally:
        process.kill()
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    path = folder / "in.wasm"
    path.write_bytes(assemble(HANDLE))
    other = folder / "other.wasm"
    other.write_bytes(assemble(HANDLE.replace(b"(i32.const -1)", b"(i32.const -99)")))
    process, found = explorer(path, "--cost", "bytes", "--max-iters", "6", "--beside", str(other))
    yield found
    end(process)


@pytest.fixture
def page(browser: "Browser", address: str) -> Iterator["Page"]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.locator("#status", has_text="optimized in").wait_for()
    page.locator(".row.site").first.wait_for()
    yield page
    page.close()
    assert not [fault for fault in faults if "/events" not in fault]


def open_rep(page: "Page") -> None:
    page.locator(".fn", has_text="rep").click()
    page.locator("h1", has_text="rep").wait_for()
    page.locator('[data-at="2"]').click()
    page.locator(".form").nth(2).wait_for()


def test_functions_show_gain_and_proof_and_can_be_filtered(page: "Page") -> None:
    other = page.locator(".fn", has_text="other")
    assert other.locator(".mark").get_attribute("aria-label") == "changed and proven"
    assert "\N{MINUS SIGN}" in other.inner_text()
    for text, count in (("rep", 1), ("proof:proven", 2), ("proof:unknown", 0), ("gain>5", 1),
                        ("gain>99", 0), ("rule:sub-add-right", 1), ("", 2)):  # fmt: skip
        page.locator("#filter").fill(text)
        found = page.locator(".fn[role=option]")
        page.wait_for_timeout(50)
        assert found.count() == count, text


def test_choose_prove_and_take_back(page: "Page") -> None:
    open_rep(page)
    page.locator(".form", has_text="$h << 3").click()
    page.locator("#verdict", has_text="proven").wait_for()
    page.locator("#why", has_text="i32/mul-pow2").wait_for()
    page.locator(".form", has_text="8 * $h").click()
    right = page.locator(".pair > :nth-child(2)")
    right.filter(has_text="i32.mul").first.wait_for()
    assert page.locator("#side").input_value() == "choice"
    page.locator("#verdict", has_text="proven").wait_for()
    page.locator("#tab-command").click()
    assert "--pin pins.json" in page.locator("#command").inner_text()
    page.locator("#save").click()
    page.locator("#pins button", has_text="Undo").click()
    page.locator("#pins", has_text="i32.shl").wait_for()
    page.locator("#pins button", has_text="Undo").click()
    page.locator("#pins", has_text="none").wait_for()
    assert page.locator("#side").input_value() == "automatic"
    assert not right.filter(has_text="i32.mul").count()
    page.locator("#side").select_option("variant A")
    right.filter(has_text="i32.mul").first.wait_for()
    assert "none" in page.locator("#pins").inner_text()


def test_the_parts_of_a_proof_are_shown(page: "Page") -> None:
    open_rep(page)
    page.keyboard.press("3")
    page.locator("#verdict", has_text="proven").wait_for()
    page.keyboard.press("p")
    page.locator("#parts", has_text="your choice: proven").wait_for()
    page.locator(".parts td", has_text="return: result 0").wait_for()
    page.keyboard.press("u")
    page.locator("#parts", has_text="the choice by cost: proven").wait_for()


def test_everything_works_from_the_keyboard(page: "Page") -> None:
    page.locator(".fn", has_text="other").click()
    page.locator("h1", has_text="other").wait_for()
    page.keyboard.press("j")
    page.locator("h1", has_text="rep").wait_for()
    page.keyboard.press("k")
    page.locator("h1", has_text="other").wait_for()
    open_rep(page)
    page.keyboard.press("3")
    page.locator("#verdict", has_text="proven").wait_for()
    page.keyboard.press("u")
    page.locator("#pins", has_text="none").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator('.row.selected[data-at="3"]').wait_for()
    page.keyboard.press("g")
    page.locator("#panel svg .node, #panel svg .class").first.wait_for()
    assert "nodes shown" in page.locator("#panel").inner_text()
    page.keyboard.press("x")
    page.locator("#panel pre", has_text="(func $rep").wait_for()
    page.keyboard.press("t")
    page.locator("#panel input[type=checkbox]").first.wait_for()
    page.keyboard.press("?")
    page.locator("dialog[open]", has_text="choose a form").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("other")
    page.wait_for_timeout(50)
    assert page.locator(".fn[role=option]").count() == 1


def test_an_address_brings_back_the_view(page: "Page", browser: "Browser", address: str) -> None:
    open_rep(page)
    page.keyboard.press("3")
    page.locator("#verdict", has_text="proven").wait_for()
    assert "#m=" in page.url
    second = browser.new_page()
    second.set_default_timeout(PATIENCE)
    second.goto(page.url)
    second.locator("#verdict", has_text="proven").wait_for()
    second.locator('.row.selected[data-at="2"]').wait_for()
    assert "i32.shl" in second.locator("#pins").inner_text()
    second.close()


def test_another_module_stands_beside(page: "Page") -> None:
    open_rep(page)
    page.locator("#side").select_option("beside other.wasm")
    page.locator("#compare", has_text="i32.const -99").wait_for()
    page.keyboard.press("]")
    page.locator("#side").select_option("automatic")
    page.locator("#compare", has_not_text="i32.const -99").wait_for()


def test_export_gives_files(page: "Page", folder: Path) -> None:
    open_rep(page)
    page.keyboard.press("2")
    page.locator("#verdict", has_text="proven").wait_for()
    for kind in ("pins", "wasm", "wat"):
        page.keyboard.press("e")
        with page.expect_download() as download:
            page.locator(f"#export-{kind}").click()
        download.value.save_as(folder / kind)
    assert json.loads((folder / "pins").read_text())["pins"][0]["at"] == 2
    assert (folder / "wasm").read_bytes()[:4] == b"\0asm"
    assert "(module" in (folder / "wat").read_text()


def test_stopping_leaves_the_page_usable(page: "Page") -> None:
    page.locator("#stop").click()
    open_rep(page)
    page.keyboard.press("3")
    page.locator("#verdict", has_text="proven").wait_for()


def test_everything_has_a_name_and_fits(page: "Page") -> None:
    for button in page.locator("button, input, select").all():
        name = button.get_attribute("aria-label") or button.inner_text() or ""
        assert name.strip() or button.locator("xpath=ancestor::label").count()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        box = page.locator("#app").bounding_box()
        assert box is not None
        assert box["width"] <= 1280
        assert page.locator(".right").bounding_box()
    assert page.locator("[role=listbox]").count() >= 2
    assert page.locator("#status").get_attribute("aria-live") == "polite"


def test_a_page_in_a_file_needs_nothing_else(browser: "Browser", folder: Path) -> None:
    path, target = folder / "alone.wasm", folder / "alone.html"
    path.write_bytes(assemble(HANDLE))
    subprocess.run(
        [sys.executable, "-m", "eqsat", "explore", str(path), "--html", str(target), "-q",
         "--cost", "bytes", "--max-iters", "6"],
        check=True, timeout=120,
    )  # fmt: skip
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(target.as_uri())
    open_rep(page)
    page.locator(".form", has_text="$h << 3").click()
    page.locator("#why", has_text="i32/mul-pow2").wait_for()
    page.keyboard.press("g")
    page.locator("#panel svg").wait_for()
    assert not faults
    assert all(url.startswith(("file:", "data:")) for url in asked)
    page.close()


def test_ten_thousand_functions_stay_smooth(browser: "Browser", folder: Path) -> None:
    bodies = "".join(
        f"(func $f{k} (param i32) (result i32) local.get 0 i32.const {k} i32.add)"
        for k in range(10_000)
    )
    path = folder / "many.wasm"
    path.write_bytes(assemble(f"(module {bodies})".encode()))
    process, address = explorer(path, "--max-iters", "1")
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.locator(".fn[role=option]").first.wait_for()
        # What takes long is making elements: there are never more than what is in sight.
        count = "document.querySelectorAll('#functions *').length"
        assert page.evaluate(count) < 400
        list_ = page.locator("#functions")
        page.locator("[data-sort=name]").click()
        list_.evaluate("box => { box.scrollTop = box.scrollHeight; }")
        page.locator(".fn .name", has_text=re.compile(r"^f9999$")).wait_for()
        assert page.evaluate(count) < 400
        page.locator("#filter").fill("f1")
        list_.evaluate("box => { box.scrollTop = 0; }")
        page.locator(".fn .name", has_text=re.compile(r"^f1$")).wait_for()
        assert page.evaluate(count) < 400
        page.locator("#filter").fill("f9998")
        page.locator(".fn", has_text="f9998").wait_for()
        assert page.locator(".fn[role=option]").count() == 1
        page.close()
    finally:
        end(process)


@pytest.mark.parametrize("name", ["fused/res_chain_reexport", "corpus/wasm/crc32.O0"])
def test_real_modules_can_be_walked(
    browser: "Browser", shared: Path, folder: Path, name: str
) -> None:
    process, address = explorer(shared / f"{name}.wasm", "--max-iters", "4")
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        page.locator("#status", has_text="optimized in").wait_for(timeout=4 * PATIENCE)
        picked = 0
        for _ in range(25):
            page.locator('#compare[aria-busy="false"]').wait_for()
            if picked < 3 and page.locator(".row.site").count():
                page.locator(".row.site").first.click()
                page.locator(".form").nth(1).wait_for()
                page.keyboard.press("2")
                page.locator("#verdict").wait_for()
                verdict = page.locator("#verdict").inner_text()
                assert "proven" in verdict or "refused" in verdict or "unknown" in verdict
                picked += 1
                page.keyboard.press("u")
                page.locator("#pins", has_text="none").wait_for()
                for key in "gxct":
                    page.keyboard.press(key)
            page.keyboard.press("j")
        assert picked
        assert not faults
        page.close()
    finally:
        end(process)
