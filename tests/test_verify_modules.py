"""Whole modules: the frame, the differential run, verdicts with witnesses."""

import tomllib
from pathlib import Path

import pytest
import wasmtime
from eqsat.verify.differential import compare, explore
from eqsat.verify.frame import check_frame
from eqsat.verify.modules import prove_modules


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


BASE = """(module (type (func (param i32) (result i32))) (memory (export "m") 1)
 (global $g (export "g") (mut i32) (i32.const 1)) (table 2 funcref) (elem (i32.const 0) $a)
 (func $a (export "a") (param i32) (result i32) local.get 0 i32.const 2 i32.mul)
 (data (i32.const 8) "xyz") %s)"""


def custom(name: str, payload: bytes) -> bytes:
    body = bytes([len(name)]) + name.encode() + payload
    return b"\0" + bytes([len(body)]) + body


def test_frame_of_equal_modules() -> None:
    assert check_frame(wat(BASE % ""), wat(BASE % "")) == []


def test_bodies_and_custom_sections_may_differ() -> None:
    a = wat(BASE % "")
    b = wat((BASE % "").replace("i32.const 2 i32.mul", "i32.const 1 i32.shl"))
    assert check_frame(a, b + custom("note", b"hello")) == []


def test_appended_types_are_allowed_and_changed_ones_are_not() -> None:
    a = wat(BASE % "")
    more = wat((BASE % "").replace("(memory", "(type (func (param i64 i64))) (memory", 1))
    assert check_frame(a, more) == []
    assert check_frame(more, a) == ["the type section differs in more than appended types"]
    other = wat((BASE % "").replace("(type", "(type (func)) (type", 1))
    assert check_frame(a, other)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"xyz"', '"xyy"', "data"),
        ("(i32.const 0) $a", "(i32.const 1) $a", "element"),
        ("(mut i32) (i32.const 1)", "(mut i32) (i32.const 2)", "global"),
        ('(export "m") 1', '(export "m") 2', "memory"),
        ('(export "a")', '(export "b")', "export"),
        ("(table 2", "(table 3", "table"),
    ],
)
def test_every_other_section_is_compared(old: str, new: str, what: str) -> None:
    a, b = BASE % "", (BASE % "").replace(old, new)
    assert check_frame(wat(a), wat(b)) == [f"the {what} section differs"]
    verdict = prove_modules(wat(a), wat(b))
    assert verdict.status in ("unknown", "refuted")
    assert verdict.violations


def test_unreadable_modules_are_violations() -> None:
    good = wat(BASE % "")
    assert check_frame(good, good[:-3])
    assert check_frame(b"", good)


def test_added_functions_are_violations() -> None:
    assert check_frame(wat(BASE % ""), wat(BASE % "(func)"))


def test_equal_modules_show_no_difference_and_different_ones_do() -> None:
    a = wat(BASE % "")
    b = wat((BASE % "").replace("i32.const 2 i32.mul", "local.get 0 i32.add"))
    c = wat((BASE % "").replace("i32.const 2 i32.mul", "i32.const 3 i32.mul"))
    assert compare(a, b, seconds=1, seed=1, calls=100) is None
    found = compare(a, c, seconds=1, seed=1, calls=100)
    assert found is not None
    assert found.calls[-1][0] == "a"
    assert "against" in str(found)


def test_the_host_sees_memory_and_answers_alike() -> None:
    text = """(module (import "e" "f" (func $f (param i32) (result i64))) (memory (export "m") 1)
      (func (export "t") (param i32) (result i64) {}))"""
    store = "i32.const 4 i32.const 9 i32.store"
    a = wat(text.format(f"{store} local.get 0 call $f"))
    b = wat(text.format(f"local.get 0 call $f {store}"))
    assert compare(a, a, seconds=1, seed=1, calls=100) is None
    assert compare(a, b, seconds=1, seed=1, calls=100) is not None


def test_imports_of_all_kinds() -> None:
    a = wat("""(module (import "a" "m" (memory 1)) (import "a" "t" (table 1 funcref))
      (import "a" "g" (global (mut i64))) (import "a" "c" (global f32)) (import "a" "f" (func))
      (func (export "t") (param f32 f64) (result f64) call 0
        i32.const 0 i32.const 1 i32.store global.get 0 i64.const 1 i64.add global.set 0
        local.get 0 f64.promote_f32 local.get 1 f64.add))""")
    explored = explore(a, a, seconds=1, seed=1, calls=50)
    assert explored.difference is None
    assert explored.calls == 50


def test_nan_payloads_do_not_count() -> None:
    text = '(module (func (export "t") (param f64) (result f64) {}))'
    a = wat(text.format("local.get 0 f64.const nan:0x4 f64.add"))
    b = wat(text.format("local.get 0 f64.const nan f64.add"))
    assert compare(a, b, seconds=1, seed=1, calls=40) is None


def test_running_on_is_a_difference() -> None:
    text = '(module (func (export "t") (param i32) {}))'
    a, b = wat(text.format("")), wat(text.format("loop br 0 end"))
    found = compare(a, b, seconds=1, seed=1, calls=4)
    assert found is not None
    assert found.output == "runs on"


def test_instantiation_is_compared() -> None:
    a, b = wat("(module (func) (start 0))"), wat("(module (func unreachable) (start 0))")
    assert compare(a, b, seconds=1, seed=1, calls=4) is not None


def test_big_modules_are_left_out_with_a_reason() -> None:
    a = wat(BASE % "")
    explored = explore(a, a, seconds=1e-6, seed=1, calls=4)
    assert explored.reason
    assert explored.calls == 0


def test_a_module_proves_itself() -> None:
    assert prove_modules(wat(BASE % ""), wat(BASE % "")).status == "proven"


def test_changed_and_proven() -> None:
    a = wat(BASE % "")
    b = wat((BASE % "").replace("i32.const 2 i32.mul", "i32.const 1 i32.shl"))
    verdict = prove_modules(a, b)
    assert verdict.status == "proven"
    assert [(i, v.status) for i, v in verdict.functions] == [(0, "proven")]


def test_a_single_point_is_found_by_the_model() -> None:
    text = '(module (func (export "f") (param i32 i64) (result i32) local.get 0 {}))'
    rare = "local.get 0 i32.const -305419896 i32.eq i32.add"
    verdict = prove_modules(wat(text.format("")), wat(text.format(rare)))
    assert verdict.status == "refuted"
    assert verdict.witness is not None
    assert verdict.witness.calls[-1][1][0] == -305419896


def test_late_is_unknown() -> None:
    a = wat(BASE % "")
    b = wat((BASE % "").replace("i32.const 2 i32.mul", "i32.const 1 i32.shl"))
    assert prove_modules(a, b, deadline=0.0).status == "unknown"


def test_regressions_of_others_are_refuted(shared: Path) -> None:
    folder = shared / "regressions"
    pairs = tomllib.loads((folder / "pairs.toml").read_text())["pair"]
    assert len(pairs) == 7
    for pair in pairs:
        a = wat((folder / f"{pair['name']}.wat").read_text())
        b = wat((folder / f"{pair['name']}.wrong.wat").read_text())
        assert prove_modules(a, b).status == "refuted", pair["name"]
        assert prove_modules(a, a).status == "proven"


def test_case_pairs(shared: Path) -> None:
    files = sorted((shared / "cases/public/004-14-verify").glob("*.wat"))
    assert files
    for file in files:
        head, _, text = file.read_text().partition("@;)")
        a, b = (wat(part) for part in text.replace(";;; candidate", "\0").split("\0"))
        verdict = prove_modules(a, b)
        if tomllib.loads(head.removeprefix("(;@"))["equal"]:
            assert verdict.status == "proven", file.name
        else:
            assert verdict.status == "refuted", file.name
