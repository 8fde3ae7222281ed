"""The reports: each in its format, with all that is in the comparison, whatever names may hold."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from eqsat.check.compare import RULES, Finding, compare
from eqsat.check.config import CheckConfig
from eqsat.check.lock import Line, Lock, Measured
from eqsat.check.measure import Alarm, Measurement
from eqsat.check.reports import FORMATS, Context, render

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text())
NASTY = 'we|rd <f> "&" `x`\x1b[31m\n::error::%,'


def context(key: str = "f", path: str = "build/a b.wasm", *, alarm: bool = False) -> Context:
    """A regression of one function and an improvement of another, with a diff."""
    old = Measured(
        path, "i" * 64, "o" * 64, (1000, 900), {"total": 3}, (),
        {
            key: Line(key, "in", "out", (100, 80), (50, 40), "proven"),
            "better": Line("better", "in2", "out", (100, 80), (50, 40), "proven"),
            "hard": Line("hard", "in3", "in3", (9, 9), (9, 9), "unknown", 5, "rlimit"),
        },
    )  # fmt: skip
    lines = {
        **old.lines,
        key: Line(key, "in", "out", (100, 88), (50, 40), "proven"),
        "better": Line("better", "in2", "out", (100, 70), (50, 40), "proven"),
    }
    new = Measured(path, "i" * 64, "o" * 64, (1000, 900), {"total": 3}, (), lines, {})
    config = CheckConfig(Path(), "eqsat.toml", ("*",), cost="bytes", assume=("trap-kills",))
    alarms = [Alarm("z.wasm", "the output is not valid")] if alarm else []
    measurement = Measurement({path: new}, alarms, "the cache is odd")
    lock = Lock({"eqsat": "1"}, config.budget(), {path: old})
    comparison = compare(config, lock, measurement, tools={"eqsat": "1"}, locked=True)
    worst = next(one for one in comparison.failing if one.function)
    diffs: dict[Finding, tuple[str, ...]] = {
        worst: ("--- f (input)", "+++ f (output)", "-nop", "+i32.add ``` <x>")
    }
    return Context(config, comparison, measurement, {"eqsat": "1"}, diffs, 1.25)


def test_human() -> None:
    text = render("human", context())
    assert "note: the cache is odd" in text
    assert "FAIL EQ001 build/a b.wasm:f  bytes 80 -> 88 (+8, limit +0)  [optimizer]" in text
    assert "    -nop\n" in text
    assert "    $ eqsat opt 'build/a b.wasm' --diff --cost bytes --max-iters 12" in text
    assert "--assume trap-kills" in text
    assert "better build/a b.wasm:better  bytes 80 -> 70" in text
    assert text.endswith("1 modules, 3 functions: 1 findings, 1 improvements\n")
    nasty = render("human", context(NASTY))
    assert "\x1b" not in nasty
    assert "\\x1b[31m" in nasty


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("key", ["f", NASTY])
@pytest.mark.parametrize("alarm", [False, True])
def test_every_format_names_every_finding(name: str, key: str, alarm: bool) -> None:
    found = context(key, alarm=alarm)
    text = render(name, found)
    assert text.endswith("\n")
    for one in found.comparison.findings:
        assert one.rule in text or one.name in text
    assert render(name, found) == text


@pytest.mark.parametrize("key", ["f", NASTY])
@pytest.mark.parametrize("alarm", [False, True])
def test_sarif_fits_its_schema(key: str, alarm: bool) -> None:
    plain = json.loads(render("sarif", context(key, alarm=alarm)))
    jsonschema.validate(plain, SCHEMA, cls=jsonschema.Draft4Validator)
    (run,) = plain["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    last = run["results"][-1]
    assert last["level"] == "error"
    location = last["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "build/a%20b.wasm"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == key
    plain["runs"][0]["results"][0]["level"] = "awful"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain, SCHEMA, cls=jsonschema.Draft4Validator)


@pytest.mark.parametrize("key", ["f", NASTY])
def test_junit(key: str) -> None:
    root = ElementTree.fromstring(render("junit", context(key, alarm=True)))
    assert root.tag == "testsuites"
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"build/a b.wasm", "z.wasm"}
    suite = suites["build/a b.wasm"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")
    (failure,) = suite.iter("failure")
    assert failure.get("type") == "size-regression"
    assert "-nop" in (failure.text or "")
    (skipped,) = suite.iter("skipped")
    assert skipped.get("message") == "unknown: rlimit"
    assert (root.get("tests"), root.get("failures")) == ("5", "2")


def test_json_has_everything() -> None:
    plain = json.loads(render("json", context(alarm=True)))
    assert (plain["schema"], plain["exit"], plain["shard"]) == (1, 5, [1, 1])
    assert [one["rule"] for one in plain["findings"]] == ["EQ008", "EQ001"]
    assert plain["findings"][1] | {"message": ""} == {
        **{"rule": "EQ001", "name": "size-regression", "path": "build/a b.wasm", "function": "f"},
        **{"cause": "optimizer", "fails": True, "exit": 1, "message": "", "unit": "bytes"},
        **{"before": 80, "after": 88, "limit": 80.0},
    }
    assert plain["modules"][0]["lines"]["f"]["bytes"] == [100, 88]
    assert plain["alarms"] == [
        {"path": "z.wasm", "message": "the output is not valid", "nondeterminism": False}
    ]


def test_markdown_cannot_be_broken_out_of() -> None:
    text = render("markdown", context(NASTY))
    rows = [line for line in text.split("\n") if line.startswith("| fails")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 6
    assert text.count("```") == 2
    assert "<f>" not in text.split("```")[0].replace("`we", "").split("<details>")[1]


def test_github_commands_are_escaped() -> None:
    text = render("github", context(NASTY, path="a:b,c%.wasm"))
    (line,) = text.strip().split("\n")
    head, _, message = line.removeprefix("::error ").partition("::")
    assert head == "file=a%3Ab%2Cc%25.wasm,title=EQ001 size-regression"
    assert "%0A" in message


def test_gitlab_and_fingerprints() -> None:
    first: list[dict[str, Any]] = json.loads(render("gitlab", context(alarm=True)))
    again = json.loads(render("gitlab", context(alarm=True)))
    assert [one["severity"] for one in first] == ["blocker", "major"]
    assert first == again
    assert len({one["fingerprint"] for one in first}) == 2
    other = json.loads(render("gitlab", context("g")))
    assert other[0]["fingerprint"] not in {one["fingerprint"] for one in first}
