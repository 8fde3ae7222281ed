"""The explorer's page in a real browser: everything a person does, by mouse and by keys."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from eqsat.wasm.text_in import assemble

from .browsing import PATIENCE, end, explorer, opened, serious
from .explored import HANDLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


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
    faults: list[str] = []
    page = opened(browser, address, faults)
    page.locator("#status", has_text="optimized in").wait_for()
    page.locator(".row.site").first.wait_for()
    yield page
    page.close()
    assert not serious(faults)


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
    assert page.locator("#right").input_value() == "choice"
    page.locator("#verdict", has_text="proven").wait_for()
    page.locator("#tab-command").click()
    assert "--pin pins.json" in page.locator("#command").inner_text()
    # What pins mean for the module as a whole is said beside them.
    assert "nothing is inlined" in page.locator("#pins").inner_text()
    page.locator("#save").click()
    page.locator("#pins button", has_text="Undo").click()
    page.locator("#pins", has_text="i32.shl").wait_for()
    page.locator("#pins button", has_text="Undo").click()
    page.locator("#pins", has_text="none").wait_for()
    assert page.locator("#right").input_value() == "automatic"
    assert not right.filter(has_text="i32.mul").count()
    page.locator("#right").select_option("variant A")
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


def test_any_two_sides_stand_side_by_side(page: "Page", browser: "Browser") -> None:
    open_rep(page)
    page.locator("#right").select_option("beside other.wasm")
    page.locator("#compare", has_text="i32.const -99").wait_for()
    page.keyboard.press("]")
    page.locator("#left").select_option("automatic")
    left, right = (page.locator(f".pair > :nth-child({k})") for k in (1, 2))
    left.filter(has_text="i32.shl").first.wait_for()
    assert not left.filter(has_text="i32.mul").count()
    right.filter(has_text="i32.const -99").wait_for()
    # What the original computes can be chosen where it is seen.
    left.filter(has_text="i32.shl").first.click()
    page.locator(".form", has_text="$h * 8").wait_for()
    page.locator("#title").click()
    page.keyboard.press("v")
    left.filter(has_text="i32.const -99").wait_for()
    right.filter(has_text="i32.shl").first.wait_for()
    assert page.locator("#left").input_value() == "beside other.wasm"
    assert page.locator("#right").input_value() == "automatic"
    second = browser.new_page()
    second.set_default_timeout(PATIENCE)
    second.goto(page.url)
    second.locator(".pair > :nth-child(1)", has_text="i32.const -99").wait_for()
    second.locator(".pair > :nth-child(2)", has_text="i32.shl").first.wait_for()
    assert second.locator("#left").input_value() == "beside other.wasm"
    second.close()
    page.locator("#left").select_option("original")
    page.locator("#compare", has_not_text="i32.const -99").wait_for()


def test_an_address_holds_a_variant(page: "Page", browser: "Browser") -> None:
    open_rep(page)
    page.keyboard.press("2")
    page.locator("#verdict", has_text="proven").wait_for()
    page.keyboard.press("s")
    page.keyboard.press("3")
    page.locator("#verdict", has_text="proven").wait_for()
    page.locator(".pair > :nth-child(2)", has_text="i32.shl").first.wait_for()
    page.wait_for_timeout(300)
    before = page.url
    page.locator("#left").select_option("variant A")
    page.locator(".pair > :nth-child(1)", has_text="i32.mul").first.wait_for()
    while page.url == before:
        page.wait_for_timeout(50)
    second = browser.new_page()
    second.set_default_timeout(PATIENCE)
    second.goto(page.url)
    second.locator("#left option:checked", has_text="Variant").wait_for(state="attached")
    second.locator(".pair > :nth-child(1)", has_text="i32.mul").first.wait_for()
    second.locator(".pair > :nth-child(2)", has_text="i32.shl").first.wait_for()
    assert second.locator("#right").input_value() == "choice"
    second.locator("#right").select_option("automatic")
    second.locator("#left").select_option("original")
    second.locator("#right").select_option("variant A")
    second.locator("#verdict", has_text="proven").wait_for()
    second.close()


def test_a_counterexample_is_two_runs(page: "Page") -> None:
    open_rep(page)
    page.keyboard.press("d")
    page.locator("#panel", has_text="no counterexample").wait_for()
    page.locator("#right").select_option("beside other.wasm")
    page.locator("#verdict", has_text="refuted").wait_for()
    page.locator("#show-runs").click()
    first = page.locator("#first-difference")
    first.wait_for()
    left, right = first.locator("td").nth(0), first.locator("td").nth(1)
    assert "-1;" in left.inner_text()
    assert "-99;" in right.inner_text()
    assert "first difference" in first.inner_text()
    # The values that both computed before stand above.
    assert page.locator("#runs td.value").filter(has_text="i32.and = 0").count() == 2
    assert "rep(" in page.locator("#panel").inner_text()
    page.locator("#right").select_option("automatic")
    page.locator("#panel", has_text="no counterexample").wait_for()


def test_rules_of_ones_own(page: "Page", folder: Path) -> None:
    def rule(name: str, shift: int) -> str:
        left = "(i32.mul x (i32.const 8))"
        half = f"(i32.shl x (i32.const {shift}))"
        return f'(rewrite {left} (i32.add {half} {half}) :name "mine/{name}")'

    open_rep(page)
    assert page.locator(".form").count() == 3
    text, prove = page.locator("#own-text"), page.locator("#own-prove")
    text.fill(f"; nothing\n{rule('bad', 3)}")
    prove.click()
    wrong = page.locator("#own-answer", has_text="refuted")
    wrong.wait_for()
    assert "line 2" in wrong.inner_text()
    assert re.search(r"wrong for .*x=\d+", wrong.inner_text())
    assert page.locator(".form").count() == 3
    text.fill("import os")
    prove.click()
    page.locator("#own-answer", has_text="rules.egg:1").wait_for()
    (folder / "mine.egg").write_text(rule("good", 2))
    page.locator("#own-file").set_input_files(folder / "mine.egg")
    while "good" not in text.input_value():
        page.wait_for_timeout(50)
    prove.click()
    page.locator("#status", has_text="1 rules of your own").wait_for()
    page.locator(".form", has_text="($h << 2) + ($h << 2)").wait_for()
    page.locator("#own-answer", has_text="proven").wait_for()
    # One of the house is switched off, and the command line says both.
    page.locator("input[aria-label='use i32/mul-pow2']").click()
    page.locator("#status", has_text="1 rules are off").wait_for()
    page.locator(".form", has_text="($h << 2) + ($h << 2)").click()
    page.locator("#verdict", has_text="proven").wait_for()
    page.keyboard.press("r")
    page.locator("#status", has_text="optimized in").wait_for()
    for kind in ("pins", "rules", "wasm"):
        page.keyboard.press("e")
        with page.expect_download() as download:
            page.locator(f"#export-{kind}").click()
        download.value.save_as(folder / download.value.suggested_filename)
    page.keyboard.press("c")
    command = page.locator("#command").inner_text()
    assert "--rules rules.egg" in command
    assert "--without-rule i32/mul-pow2" in command
    wanted = (folder / "out.wasm").read_bytes()
    (folder / "out.wasm").unlink()
    words = shlex.split(command.replace("\\\n", " "))
    ran = [sys.executable, "-m", "eqsat", *words[1:], "-q", "--no-cache"]
    subprocess.run(ran, check=True, cwd=folder, timeout=120)
    assert (folder / "out.wasm").read_bytes() == wanted
    page.keyboard.press("t")
    page.locator("#own-none").click()
    page.locator("#status", has_text="no rules of your own").wait_for()
    page.locator("input[aria-label='use i32/mul-pow2']").click()
    page.locator("#status", has_text="all rules are on").wait_for()


def test_rules_are_shown_by_round_and_their_gain_is_measured(page: "Page") -> None:
    page.locator(".fn", has_text="other").click()
    page.locator("h1", has_text="other").wait_for()
    page.keyboard.press("t")
    rule = page.locator(".rules tr", has_text="i32/sub-add-right")
    rule.get_by_role("button", name="measure the gain").click()
    rule.locator("td", has_text=re.compile(r"\d+ B, ")).wait_for()
    everything = page.locator(".rules tr").count()
    page.locator("#round").select_option(label="round 1")
    assert 1 < page.locator(".rules tr").count() <= everything
    page.locator("#round").select_option(label="all rounds")
    assert page.locator(".rules tr").count() == everything


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(one) for one in found]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the workers")
def test_a_worker_killed_amid_its_work_leaves_the_page_usable(
    browser: "Browser", folder: Path
) -> None:
    path = folder / "killed.wasm"
    path.write_bytes(assemble(HANDLE))
    process, address = explorer(path, "--max-iters", "6")
    try:
        faults: list[str] = []
        page = opened(browser, address, faults)
        page.locator("#status", has_text="optimized in").wait_for()
        # The questions are on their way to the workers when these end.
        for _ in range(2):
            open_rep(page)
            page.keyboard.press("r")
            page.locator("#status", has_text="optimized in").wait_for()
            assert len(children(process.pid)) == 2
            for child in children(process.pid):
                os.kill(child, signal.SIGSTOP)
            page.keyboard.press("r")
            page.locator(".fn", has_text="other").click()
            page.locator("#rerun:disabled").wait_for()
            page.locator('#compare[aria-busy="true"]').wait_for()
            for child in children(process.pid):
                os.kill(child, signal.SIGKILL)
            page.locator('#compare[aria-busy="false"]').wait_for()
            page.locator("#rerun:enabled").wait_for()
        open_rep(page)
        page.keyboard.press("3")
        page.locator("#verdict", has_text="proven").wait_for()
        page.keyboard.press("r")
        page.locator("#status", has_text="optimized in").wait_for()
        assert not serious(faults)
        page.close()
    finally:
        end(process)


def test_export_gives_files(page: "Page", folder: Path) -> None:
    open_rep(page)
    page.keyboard.press("2")
    page.locator("#verdict", has_text="proven").wait_for()
    for kind in ("pins", "wasm", "wat", "html"):
        page.keyboard.press("e")
        with page.expect_download() as download:
            page.locator(f"#export-{kind}").click()
        download.value.save_as(folder / kind)
    assert json.loads((folder / "pins").read_text())["pins"][0]["at"] == 2
    assert (folder / "wasm").read_bytes()[:4] == b"\0asm"
    assert "(module" in (folder / "wat").read_text()
    assert "globalThis.EQSAT" in (folder / "html").read_text()


def test_stopping_leaves_the_page_usable(page: "Page") -> None:
    page.locator("#stop").click()
    open_rep(page)
    page.keyboard.press("3")
    page.locator("#verdict", has_text="proven").wait_for()


NAME = "(one) => one.id || one.getAttribute('aria-label') || one.title || one.innerText.trim()"
REACHABLE = f"""() => [...document.querySelectorAll('button, select, input, textarea, [tabindex]')]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility())
  .filter((one) => !one.closest('dialog')).map({NAME})"""


def test_the_tabulator_reaches_everything(page: "Page") -> None:
    open_rep(page)
    page.keyboard.press("t")
    page.locator("#own-prove").wait_for()
    page.locator("#forms", has_text="mul-pow2").wait_for()
    wanted = set(page.evaluate(REACHABLE))
    assert len(wanted) > 25
    reached: set[str] = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(3 * len(wanted)):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(f"({NAME})(document.activeElement)"))
    assert not wanted - reached
    page.locator(".form").nth(2).focus()
    page.keyboard.press("Enter")
    page.locator("#verdict", has_text="proven").wait_for()
    page.locator("#tab-command").focus()
    page.keyboard.press("Enter")
    page.locator("#command").wait_for()


def test_nothing_shifts_while_results_come(browser: "Browser", address: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.add_init_script("""globalThis.shifts = [];
      const name = ({ node }) => node?.id || node?.className;
      new PerformanceObserver((list) => { for (const one of list.getEntries())
        globalThis.shifts.push([one.value, one.sources.map(name)]); })
        .observe({ type: "layout-shift", buffered: true });""")
    page.goto(address)
    page.locator("#status", has_text="optimized in").wait_for()
    open_rep(page)
    page.locator("#forms", has_text="mul-pow2").wait_for()
    page.keyboard.press("3")
    page.locator("#verdict", has_text="proven").wait_for()
    for key in "gpct":
        page.keyboard.press(key)
        page.wait_for_timeout(300)
    shifts = page.evaluate("globalThis.shifts")
    assert sum(value for value, _ in shifts) < 0.01, shifts
    page.close()


def test_everything_has_a_name_and_fits(page: "Page") -> None:
    open_rep(page)
    for button in page.locator("button, input, select, textarea").all():
        name = button.get_attribute("aria-label") or button.inner_text() or ""
        assert name.strip() or button.locator("xpath=ancestor::label").count()
    for found in (
        page.get_by_role("listbox", name="functions"),
        page.get_by_role("listbox", name="equal forms"),
        page.get_by_role("grid", name="both sides"),
        page.get_by_role("region", name="why equal"),
        page.get_by_role("region", name="proof"),
        page.get_by_role("region", name="your choices"),
        page.get_by_role("combobox", name="what stands on the left"),
        page.get_by_role("combobox", name="what stands on the right"),
        page.get_by_role("navigation", name="functions"),
        page.get_by_role("tabpanel", name="Saturation and rules"),
        page.get_by_role("textbox", name="rules of your own"),
        page.get_by_role("checkbox", name="use i32/mul-pow2"),
        page.get_by_role("tablist"),
        page.get_by_role("status"),
        page.get_by_role("main"),
    ):
        found.wait_for()
        assert found.count() == 1
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    colours = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for key in "tgpdxc":
            page.keyboard.press(key)
            page.wait_for_timeout(100)
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280
            assert page.evaluate("document.documentElement.scrollHeight") <= 800
        for part in ("#functions", "#compare", "#forms", "#proof", "#pins", "#export", "#help"):
            box = page.locator(part).bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 1280, part
            assert box["height"] > 10, part
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] != colours[1]
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colours[0]


def test_axe_finds_nothing(page: "Page") -> None:
    script = os.environ.get("EQSAT_AXE")
    if not script:
        pytest.skip("no axe-core: npm install axe-core, and name its axe.min.js by EQSAT_AXE")
    open_rep(page)
    page.locator("#forms", has_text="mul-pow2").wait_for()
    # The page lets no foreign script in: this one comes from outside of it.
    source = Path(script).read_text(encoding="utf-8")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for key in "tgpc":
            page.keyboard.press(key)
            page.wait_for_timeout(300)
            found = page.evaluate(f"async () => {{ {source}; return await axe.run(); }}")
            wrong = [(one["id"], [node["html"] for node in one["nodes"]][:3])
                     for one in found["violations"]]  # fmt: skip
            assert not wrong, (scheme, key, wrong)


def test_a_page_in_a_file_needs_nothing_else(browser: "Browser", folder: Path) -> None:
    path, other, target = (folder / name for name in ("alone.wasm", "wrong.wasm", "alone.html"))
    path.write_bytes(assemble(HANDLE))
    other.write_bytes(assemble(HANDLE.replace(b"(i32.const -1)", b"(i32.const -99)")))
    subprocess.run(
        [sys.executable, "-m", "eqsat", "explore", str(path), "--html", str(target), "-q",
         "--cost", "bytes", "--max-iters", "6", "--beside", str(other)],
        check=True, timeout=120,
    )  # fmt: skip
    context = browser.new_context(offline=True)
    page = context.new_page()
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
    page.keyboard.press("p")
    page.locator(".parts td", has_text="return: result 0").wait_for()
    page.locator("#right").select_option("beside wrong.wasm")
    page.locator("#verdict", has_text="refuted").wait_for()
    page.locator("#show-runs").click()
    page.locator("#first-difference", has_text="-99;").wait_for()
    page.locator("#left").select_option("automatic")
    page.locator(".pair > :nth-child(1)", has_text="i32.shl").first.wait_for()
    page.locator("#title").click()
    page.keyboard.press("v")
    page.locator(".pair > :nth-child(1)", has_text="i32.const -99").wait_for()
    page.locator("#left").select_option("original")
    page.locator(".pair > :nth-child(1)", has_text="i32.mul").first.wait_for()
    page.keyboard.press("x")
    assert not faults
    assert all(url.startswith(("file:", "data:")) for url in asked)
    context.close()
