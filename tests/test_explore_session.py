"""The explorer's answers: they agree with the optimizer, the validator and each other."""

import base64
import json
import re
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import eqsat
import pytest
from eqsat.cli.main import main
from eqsat.explore.notebook import view
from eqsat.explore.page import static_page
from eqsat.explore.rows import body_rows, classes_of
from eqsat.explore.server import WEB, asset
from eqsat.explore.session import LARGEST, Session, SessionError
from eqsat.explore.worker import METHODS, answer, options_from, options_json
from eqsat.optimize.options import Options
from eqsat.wasm.module import Module
from eqsat.wasm.text_in import assemble
from eqsat.wasm.validate import validate

from .explored import HANDLE, MUL

OPTIONS = Options(cost="bytes", max_iters=6)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(assemble(HANDLE), OPTIONS)


def test_both_sides_are_shown_whole(session: Session) -> None:
    report = session.optimize()
    plain = session.function(1)
    after = Module.parse(base64.b64decode(report["module"]))
    place = 1 if report["places"] is None else report["places"][1]
    for name, side, body in (
        ("original", plain["left"], session.module.body_bytes(1)),
        ("other", plain["right"], after.body_bytes(place)),
    ):
        assert [row["at"] for row in side["rows"]] == list(range(len(side["rows"]))), name
        # Everything but the locals' declaration and the last `end`.
        assert sum(row["bytes"] for row in side["rows"]) <= len(body) - 2
        assert side["bytes"] == len(body)
    left, right = zip(*plain["pairs"], strict=True)
    assert [a for a in left if a is not None] == list(range(len(plain["left"]["rows"])))
    assert [b for b in right if b is not None] == list(range(len(plain["right"]["rows"])))


def test_any_two_sides_can_be_compared(session: Session) -> None:
    report = session.optimize()
    after = Module.parse(base64.b64decode(report["module"]))
    wanted = {
        "original": session.module.body_bytes(0),
        "automatic": after.body_bytes(0 if report["places"] is None else report["places"][0]),
    }
    pins = [{str(MUL): "(i32.shl $0 (i32.const 3))"}, {str(MUL): "(i32.mul (i32.const 8) $0)"}]
    for left, right in ((*wanted,), (*reversed(wanted),), ("automatic", pins[0]), tuple(pins)):
        found = session.compare(0, left, right)
        for side, name in ((found["left"], left), (found["right"], right)):
            if isinstance(name, str):
                assert side["bytes"] == len(wanted[name])
            else:
                assert side["bytes"] == session.pick(0, name)["right"]["bytes"]
            # What the original computes can be chosen from wherever it is seen.
            for row in side["rows"]:
                assert (row["site"] is None) == (row["forms"] == 0)
        assert any(row["site"] == MUL for row in found["left"]["rows"])
    same = session.compare(0, "original", "original")
    assert all(a == b for a, b in same["pairs"])
    assert session.pick(0, pins[0], pins[1])["left"] == session.compare(0, pins[1], pins[0])["left"]
    for side in ("nobody", {str(MUL): "(i32.shl $1 (i32.const 3))"}):
        with pytest.raises(SessionError):
            session.compare(0, "original", side)


def test_classes_are_found_again_in_another_body(session: Session) -> None:
    session.function(0)
    bench = session.workbench.bench(0)
    own = {at: bench.forms.classes[v.id] for at, v in bench.forms.origins.items()}
    found = classes_of(session.module, 0, bench.body, bench.saturation, bench.graph)
    assert found
    assert all(own[at] == number for at, number in found.items())
    picked = session.pick(0, {str(MUL): "(i32.shl $0 (i32.const 3))"})
    rows = picked["right"]["rows"]
    shl = next(row for row in rows if row["text"] == "i32.shl")
    assert shl["class"] == own[MUL]
    assert next(r.text for r in body_rows(bench.body, {}, {}, {})) == "local.get 0"


def test_a_pick_costs_what_was_said_and_is_proven(session: Session) -> None:
    found = session.forms(0, MUL, {})
    assert [form["shown"] for form in found["forms"]] == ["$h * 8", "8 * $h", "$h << 3"]
    for form in found["forms"]:
        picked = session.pick(0, {str(MUL): form["text"]})
        assert picked["proof"]["status"] == "proven"
        assert picked["right"]["bytes"] == form["bytes"]
        assert picked["right"]["fuel"] == form["fuel"]
        assert form["delta"][0] == form["bytes"] - found["base"]["bytes"]
        priced = session.price(0, MUL, form["text"], {})
        assert priced["bytes"] == form["bytes"]
    refused = session.pick(0, {str(MUL): "(i32.shl $1 (i32.const 3))"})
    assert "does not hold that term" in refused["refused"]


def test_the_parts_of_a_proof_are_shown(session: Session) -> None:
    found = session.proof(0, {str(MUL): "(i32.shl $0 (i32.const 3))"})
    assert found["status"] == "proven"
    about = {claim["about"] for claim in found["claims"]}
    assert {"return: condition", "return: result 0", "trap: same check in the same state"} <= about
    assert {claim["how"] for claim in found["claims"]} <= {"same term", "sweep", "solver"}
    assert found["total"] == len(found["claims"])
    with pytest.raises(SessionError, match="does not hold that term"):
        session.proof(0, {str(MUL): "(i32.shl $1 (i32.const 3))"})


def test_what_is_exported_is_what_the_command_line_gives(session: Session, tmp_path: Path) -> None:
    pins = {"0": {str(MUL): "(i32.mul (i32.const 8) $0)"}}
    data = base64.b64decode(session.export("wasm", pins)["base64"])
    validate(data)
    source, target = tmp_path / "in.wasm", tmp_path / "out.wasm"
    source.write_bytes(session.data)
    (tmp_path / "pins.json").write_text(session.export("pins", pins)["text"])
    words = ["--cost", "bytes", "--max-iters", "6", "--pin", str(tmp_path / "pins.json")]
    words += ["--no-cache", "-q", "--jobs", "1"]
    assert main(["opt", str(source), "-o", str(target), *words]) == 0
    assert target.read_bytes() == data
    assert "(func $rep" in session.export("wat", pins)["text"]
    body = base64.b64encode(Module.parse(data).body_bytes(0)).decode()
    picked = session.pick(0, pins["0"])
    assert len(base64.b64decode(body)) == picked["right"]["bytes"]
    with pytest.raises(SessionError, match="cannot be kept"):
        session.export("wasm", {"0": {str(MUL): "(i32.shl $1 (i32.const 3))"}})
    page = session.export("html", {}, "mine.wasm")
    assert page["name"] == "report.html"
    assert '"name": "mine.wasm"' in page["text"]
    with pytest.raises(SessionError, match="no export"):
        session.export("exe", {})


def test_a_pick_that_changes_behaviour_would_be_shown_as_refuted(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing unequal can be picked; what the proof says if it could, another body shows.
    from eqsat.optimize.workbench import Bench

    def wrong(self: Bench, graph: object) -> list[Any]:
        from eqsat.optimize.function import Candidate

        return [Candidate(bytes([0, 0x41, 7, 0x0B]))]

    monkeypatch.setattr(Bench, "candidates", wrong)
    pins = {"0": "own"}  # a choice of this test alone: what is known of one is kept
    proof = session.pick(1, pins)["proof"]
    assert proof["status"] == "refuted"
    assert proof["counterexample"]["calls"]
    assert proof["counterexample"]["original"] != proof["counterexample"]["new"]
    assert proof["counterexample"]["calls"][-1][0] == "other"
    runs = session.runs(1, pins)
    last = runs["pairs"][runs["first"]]
    assert runs["left"][last[0]]["value"] != runs["right"][last[1]]["value"]


def test_the_graph_says_what_it_leaves_out(session: Session) -> None:
    found = session.graph(0, MUL)
    ids = {one["id"] for one in found["classes"]}
    assert found["root"] in ids
    assert all(edge[1] in ids for edge in found["edges"])
    assert found["shown"] == [len(found["classes"]), len(found["nodes"])]
    assert found["shown"][0] <= found["total"][0]
    assert session.graph(0)["shown"][0] >= 3


def test_saturation_is_told_round_by_round(session: Session) -> None:
    found = session.saturation(1)
    assert found["rounds"]
    assert found["rounds"][-1]["bytes"] <= found["rounds"][0]["bytes"]
    assert {rule["name"] for rule in found["rules"]} >= {"i32/add-sub-right"} or found["rules"]
    assert all(rule["equation"] for rule in found["rules"] if rule["family"] != "fold")


def test_the_gain_of_a_rule_is_what_its_absence_costs(session: Session) -> None:
    rule = "i32/add-sub-right"  # x + 5 - 5 is x
    names = [one["name"] for one in session.saturation(1)["rules"]]
    # Other rules come to the same by another way.
    assert session.gain(1, rule)["bytes"] == 0
    alone = tuple(name for name in names if name != rule)
    found = Session(session.data, replace(OPTIONS, without=alone))
    nothing = Session(session.data, replace(OPTIONS, without=tuple(names)))
    costs = [one.pick(1, {})["right"] for one in (found, nothing)]
    assert found.gain(1, rule) == {
        "rule": rule,
        "bytes": costs[1]["bytes"] - costs[0]["bytes"],
        "fuel": costs[1]["fuel"] - costs[0]["fuel"],
    }
    assert costs[1]["bytes"] > costs[0]["bytes"]
    with pytest.raises(SessionError, match="no rule"):
        session.gain(1, "nothing")


def test_rules_can_be_switched_off() -> None:
    def shown(*without: str) -> list[str]:
        session = Session(assemble(HANDLE), replace(OPTIONS, without=without))
        assert session.saturation(0)["disabled"] == sorted(without)
        return [form["shown"] for form in session.forms(0, MUL, {})["forms"]]

    assert shown() == ["$h * 8", "8 * $h", "$h << 3"]
    assert shown("i32/mul-pow2") == shown("*/mul-pow?") == ["$h * 8", "8 * $h"]


def test_questions_that_make_no_sense_are_refused(session: Session) -> None:
    for method, params in (
        ("nothing", {}),
        ("__init__", {}),
        ("function", {}),
        ("function", {"index": 99}),
        ("function", {"index": True}),
        ("function", {"index": 0, "more": 1}),
        ("forms", {"index": 0, "at": 12_345, "pins": {}}),
        ("forms", {"index": 0, "at": MUL, "pins": {"x": "own"}}),
        ("pick", {"index": 0, "pins": {"x": "own"}}),
        ("pick", {"index": 0, "pins": 7}),
        ("why", {"index": 0, "at": MUL, "form": "(("}),
        ("graph", {"index": 0, "at": 8}),
        ("adopt", {"module": "!", "places": None}),
        ("adopt", {"module": "AEEA", "places": None}),
    ):
        with pytest.raises(SessionError):
            pytest.fail(f"{method} {params}: {answer(session, method, params)}")
    assert {"pick", "why", "forms"} <= METHODS


def test_large_functions_are_listed_but_not_opened() -> None:
    text = "(module (func (result i32) i32.const 1 " + "i32.const 1 i32.add " * LARGEST + "))"
    session = Session(assemble(text.encode()), OPTIONS)
    plain = session.function(0)
    assert "not opened" in plain["closed"]
    assert len(plain["left"]["rows"]) == 2 * LARGEST + 1
    with pytest.raises(SessionError, match="not opened"):
        session.forms(0, 1, {})


def test_options_go_to_the_worker_and_back() -> None:
    options = Options(cost="fuel", max_iters=3, rlimit=9, rules=(Path("a.py"),), without=("x",))
    assert options_from(json.loads(json.dumps(options_json(options)))) == options


def test_a_page_stands_alone(session: Session, tmp_path: Path) -> None:
    text, cut = static_page(session.data, OPTIONS, "</script>.wasm")
    assert not cut
    assert text.count("</script>") == 2
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "import {" not in text
    assert "/static/" not in text
    source, target = tmp_path / "in.wasm", tmp_path / "out.html"
    source.write_bytes(session.data)
    words = ["explore", str(source), "--html", str(target), "--max-iters", "4"]
    assert main([*words, "-q"]) == 0
    assert "globalThis.EQSAT" in target.read_text()


def test_a_page_says_what_was_left_out(monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    whole, _ = static_page(session.data, OPTIONS, "m.wasm")
    room = len(whole) // 2
    monkeypatch.setattr("eqsat.explore.page.LARGEST_PAGE", room)
    text, cut = static_page(session.data, OPTIONS, "m.wasm")
    assert re.fullmatch(r"\d of 2 functions, \d with their forms", cut)
    assert cut in text
    assert len(text) < len(whole)
    answers = len(text) - sum(len(asset(file)) for file in (*WEB, "index.html"))
    assert answers <= room


def test_a_notebook_shows_one_function(session: Session) -> None:
    cell = eqsat.explore(session.data, "rep", OPTIONS)._repr_html_()
    assert cell.startswith("<iframe srcdoc=")
    assert cell.count("<") == 2  # nothing of the page gets out of its frame
    assert "$h * 8" in cell
    with pytest.raises(SessionError, match="no function"):
        view(session.data, "nobody", OPTIONS)


def test_picks_are_answered_within_a_second(shared: Path) -> None:
    data = (shared / "corpus" / "wasm" / "crc32.O0.wasm").read_bytes()
    session = Session(data, Options(cost="bytes", max_iters=8))
    times = []
    for one in session.overview()["functions"]:
        if one["instructions"] > 300:
            continue
        rows = session.function(one["index"])["left"]["rows"]
        for row in [row for row in rows if row["forms"] > 1][:6]:
            form = session.forms(one["index"], row["at"], {})["forms"][-1]["text"]
            at = time.process_time()
            session.pick(one["index"], {str(row["at"]): form})
            times.append(time.process_time() - at)
    assert times
    assert statistics.median(times) < 1.0
