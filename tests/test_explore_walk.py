"""A walk through everything the explorer shows, on real modules."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from eqsat.wasm.body import read_locals
from eqsat.wasm.leb import write_signed, write_unsigned
from eqsat.wasm.module import Module
from eqsat.wasm.text_in import assemble
from eqsat.wasm.validate import validate

from .browsing import PATIENCE, end, explorer, opened, serious

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COPIES = 2_000
"""Functions of the module that is made large."""

FEW = 120
"""Instructions of a function that is copied: two thousand of them are optimized in seconds."""


def multiplied(data: bytes) -> bytes:
    """The module with copies of its small functions, each a little different."""
    module = Module.parse(data)
    own = range(module.imported_functions, len(module.functions))
    small = [index for index in own if len(module.body(index).instrs) <= FEW]
    kinds = [module.functions[index] for index in own]
    bodies = [module.body_bytes(index) for index in own]
    for k in range(COPIES - len(bodies)):
        index = small[k % len(small)]
        body = module.body_bytes(index)
        _, start = read_locals(body, 0, len(body))
        # A constant that is dropped: no two copies are equal.
        kinds.append(module.functions[index])
        bodies.append(body[:start] + b"\x41" + write_signed(k) + b"\x1a" + body[start:])
    parts = [data[:8]]
    for section in module.sections:
        payload = data[section.payload_start : section.end]
        if section.id == 3:
            payload = write_unsigned(len(kinds)) + b"".join(map(write_unsigned, kinds))
        elif section.id == 10:
            sized = [write_unsigned(len(body)) + body for body in bodies]
            payload = write_unsigned(len(bodies)) + b"".join(sized)
        elif section.id == 0:
            continue
        parts.append(bytes([section.id]) + write_unsigned(len(payload)) + payload)
    found = b"".join(parts)
    validate(found)
    return found


def settled(page: "Page") -> None:
    page.locator('#compare[aria-busy="false"]').wait_for()


def every_tab(page: "Page") -> None:
    """All tabs of the function that is open, each with what belongs there."""
    for key, found in (
        ("t", "#panel input[type=checkbox], #panel svg"),
        ("g", "#panel svg[role=img]"),
        ("p", "#parts"),
        ("d", "#panel p"),
        ("x", "#panel pre"),
        ("c", "#command"),
    ):
        page.keyboard.press(key)
        page.locator(found).first.wait_for()
    assert page.locator("#command").inner_text().startswith("eqsat opt ")


def both_ways(page: "Page") -> None:
    """Every pair of sides that there is, and one of them the other way around."""
    sides = page.locator("#left option").evaluate_all("all => all.map((one) => one.value)")
    assert {"original", "automatic"} <= set(sides)
    for left in sides:
        for right in sides[sides.index(left) :]:
            page.locator("#left").select_option(left)
            page.locator("#right").select_option(right)
            settled(page)
            assert page.locator("#left").input_value() == left
            assert page.locator("#right").input_value() == right
            assert left != right or not page.locator(".pair.hunk").count()
    page.locator("#left").select_option("original")
    page.locator("#right").select_option("automatic")
    settled(page)
    page.locator("#title").click()
    page.keyboard.press("v")
    assert page.locator("#left").input_value() == "automatic"
    page.keyboard.press("v")
    page.keyboard.press("]")
    page.keyboard.press("[")


def choose(page: "Page") -> bool:
    """Choose another form somewhere in the function; whether one could be chosen and was proven."""
    page.locator(".row.site").first.click()
    forms = page.locator(".form")
    forms.nth(1).wait_for()
    forms.nth(1).hover()
    page.locator("#hint", has_text="fuel").or_(page.locator(".form.refused").first).first.wait_for()
    verdict = ""
    for k in range(2, min(9, forms.count()) + 1):
        page.keyboard.press(str(k))
        page.locator("#status", has_text=re.compile("^(refused|proven|unknown)")).wait_for()
        verdict = page.locator("#verdict").inner_text()
        assert re.search("proven|refused|unknown", verdict), verdict
        if "✓ proven" in verdict:
            break
    page.locator("#why .step, #why p").first.wait_for()
    page.keyboard.press("s")
    every_tab(page)
    proven = "✓ proven" in verdict
    if proven:
        assert "--pin pins.json" in page.locator("#command").inner_text()
        page.locator("#right option:checked", has_text="Your choice").wait_for(state="attached")
        both_ways(page)
    while not page.locator("#pins", has_text="none").count():
        page.keyboard.press("u")
        settled(page)
    return proven


def walk(page: "Page", functions: int, wanted: int) -> None:
    """From the list to the export, with choices in as many functions as are wanted."""
    page.locator("#status", has_text="optimized in").wait_for(timeout=4 * PATIENCE)
    assert page.locator("#module", has_text=f"{functions} functions").count() == 1
    for order in ("name", "fuel", "bytes"):
        page.locator(f"[data-sort={order}]").click()
        page.locator(f"[data-sort={order}][aria-pressed=true]").wait_for()
    for text in ("proof:proven", "gain>0", "bytes<1000"):
        page.locator("#filter").fill(text)
        page.locator(".fn[role=option]").first.wait_for()
    page.locator("#filter").fill("proof:nothing")
    page.locator(".empty").wait_for()
    page.locator("#filter").fill("bytes<400")
    page.locator("#filter").press("Escape")
    page.locator(".fn[role=option]").first.click()
    settled(page)
    chosen = 0
    for _ in range(40):
        if page.locator(".row.site").count():
            chosen += choose(page)
        if chosen == wanted:
            break
        page.keyboard.press("j")
        settled(page)
    assert chosen == wanted
    # The rule that matched most is switched off, and on again.
    page.keyboard.press("t")
    box = page.locator(".rules input").first
    box.wait_for()
    name = box.get_attribute("aria-label")
    box.click()
    page.locator("#status", has_text="1 rules are off").wait_for()
    page.keyboard.press("c")
    page.locator("#command", has_text="--without-rule").wait_for()
    page.keyboard.press("t")
    page.locator(f"input[aria-label='{name}']:not(:checked)").click()
    page.locator("#status", has_text="all rules are on").wait_for()
    again = page.context.browser
    assert again is not None
    second = again.new_page()
    second.set_default_timeout(PATIENCE)
    second.goto(page.url)
    second.locator("h1", has_text=page.locator("h1").inner_text()).wait_for()
    second.close()
    page.keyboard.press("e")
    with page.expect_download() as download:
        page.locator("#export-wasm").click()
    validate(Path(download.value.path()).read_bytes())
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def look(browser: "Browser", path: Path, wanted: int, *words: str) -> None:
    process, address = explorer(path, *words)
    try:
        faults: list[str] = []
        page = opened(browser, address, faults)
        walk(page, len(Module.parse(path.read_bytes()).code), wanted)
        assert not serious(faults)
        page.close()
    finally:
        end(process)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("fused/res_chain_reexport", 1),
        pytest.param("corpus/wasm/crc32.O0", 3, marks=pytest.mark.slow),
    ],
)
def test_real_modules(
    browser: "Browser", shared: Path, tmp_path: Path, name: str, wanted: int
) -> None:
    path = shared / f"{name}.wasm"
    other = tmp_path / "other.wasm"
    words = [sys.executable, "-m", "eqsat", "opt", str(path), "-o", str(other)]
    subprocess.run([*words, "-q", "--max-iters", "2"], check=True, timeout=300)
    look(browser, path, wanted, "--max-iters", "4", "--beside", str(other))


@pytest.mark.slow
def test_two_thousand_functions(browser: "Browser", shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.wasm"
    path.write_bytes(multiplied((shared / "corpus/wasm/crc32.O0.wasm").read_bytes()))
    other = tmp_path / "other.wasm"
    shutil.copy(path, other)
    look(browser, path, 2, "--max-iters", "1", "--beside", str(other))


def test_ten_thousand_functions_stay_smooth(browser: "Browser", tmp_path: Path) -> None:
    bodies = "".join(
        f"(func $f{k} (param i32) (result i32) local.get 0 i32.const {k} i32.add)"
        for k in range(10_000)
    )
    path = tmp_path / "many.wasm"
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
