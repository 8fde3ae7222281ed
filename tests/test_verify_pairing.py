"""Any two modules: what belongs together is found, whatever the order, the names, the types."""

from pathlib import Path

import pytest
import wasmtime
from eqsat.cli.main import main
from eqsat.verify.modules import ModuleVerdict, prove_modules
from eqsat.verify.witnessfile import BadWitness, read_calls


def prove(a: str, b: str) -> ModuleVerdict:
    return prove_modules(bytes(wasmtime.wat2wasm(a)), bytes(wasmtime.wat2wasm(b)))


HASH = (
    "(func {} (param i32) (result i32) local.get 0 i32.const 16777619 i32.mul i32.const 7 i32.xor)"
)
SUM = "(func {} (param i32) (result i32) local.get 0 i32.const 99 i32.add {})"
RUN = '(func (export "f") (param i32) (result i32) local.get 0 {} {})'


def test_another_order_without_names() -> None:
    a = f"(module {HASH.format('$h')} {SUM.format('$s', '')} {RUN.format('call $h', 'call $s')})"
    b = f"(module {RUN.format('call $h', 'call $s')} {SUM.format('$s', '')} {HASH.format('$h')})"
    assert prove(a, b).status == "proven"
    assert prove(a, b.replace("const 99", "const 98")).status == "refuted"


def test_inlined_removed_and_renumbered() -> None:
    a = f"""(module (func $unused) {HASH.format("$h")} {SUM.format("$s", "call $h")}
      {RUN.format("call $s", "call $h")})"""
    inlined = "i32.const 99 i32.add call $h"
    b = f"(module {RUN.format(inlined, 'call $h')} {HASH.format('$h')})"
    assert prove(a, b).status == "proven"
    assert prove(a, b.replace("const 99", "const 9")).status == "refuted"


def test_merged_functions() -> None:
    a = f"(module {HASH.format('$h')} {HASH.format('$i')} {RUN.format('call $h', 'call $i')})"
    b = f"(module {HASH.format('$h')} {RUN.format('call $h', 'call $h')})"
    assert prove(a, b).status == "proven"
    other = a.replace("$i (param i32) (result i32) local.get 0 i32.const 16777619",
                      "$i (param i32) (result i32) local.get 0 i32.const 16777621")  # fmt: skip
    assert prove(other, b).status == "refuted"


NARROW = """(module (memory (export "m") 1)
 (func $c (param i32 i32 i32) (result i32)
   local.get 0 local.get 2 i32.store local.get 1 i32.const 7 i32.mul)
 (func (export "f") (param i32) (result i32) local.get 0 i32.const {} i32.const 4 call $c)
 (func (export "g") (param i32) (result i32)
   i32.const 8 i32.const 12 local.get 0 select
   i32.const {} local.get 0 call $c drop i32.const 1))"""


def test_lost_parameters() -> None:
    b = """(module (memory (export "m") 1)
      (func $c (param i32 i32) (result i32) local.get 0 local.get 1 i32.store i32.const 21)
      (func (export "f") (param i32) (result i32) local.get 0 i32.const 4 call $c)
      (func (export "g") (param i32) (result i32)
        i32.const 8 i32.const 12 local.get 0 select local.get 0 call $c drop i32.const 1))"""
    assert prove(NARROW.format(3, 3), b).status == "proven"
    assert prove(NARROW.format(4, 4), b).status == "refuted"
    assert prove(NARROW.format(3, 4), b).status == "unknown"


@pytest.mark.parametrize("count", [1, 3])
def test_removed_globals_and_memories(count: int) -> None:
    state = "(global (mut i32) (i32.const 0)) " * count + "(memory 1) (memory 2 3) "
    a = f"""(module {state} (global $k (mut i64) (i64.const 5))
      (func (export "f") (result i64) i32.const 1 global.set {count - 1} global.get $k
        i64.const 3 global.set $k))"""
    b = """(module (global $k (mut i64) (i64.const 5))
      (func (export "f") (result i64) global.get $k i64.const 3 global.set $k))"""
    assert prove(a, b).status == "proven"
    assert prove(a, b.replace("const 3", "const 4")).status == "refuted"


def test_names_lead() -> None:
    a = "(module (func $x (result i32) i32.const 1) (func $y (result i32) i32.const 2) {})"
    run = '(func (export "f") (result i32) call $x call $y i32.sub)'
    b = "(module (func $y (result i32) i32.const 2) (func $x (result i32) i32.const 1) {})"
    assert prove(a.format(run), b.format(run)).status == "proven"


A = '(module (func (export "f") (param i32 f64) (result i32) local.get 0 {}))'


def test_a_refutation_is_kept_and_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for name, code in (("a", ""), ("b", "local.get 1 f64.const 0.5 f64.eq i32.add")):
        files.append(tmp_path / f"{name}.wat")
        files[-1].write_text(A.format(code))
    a, b, kept = str(files[0]), str(files[1]), str(tmp_path / "w.json")
    assert main(["prove", a, b, "--witness", kept]) == 1
    calls = read_calls(Path(kept).read_text())
    assert calls[-1][1][1] == 0.5
    assert main(["prove", a, b, "--replay", kept]) == 1
    assert main(["prove", a, a, "--replay", kept]) == 6
    Path(kept).write_text('{"witness": 1, "calls": [{"export": "f", "arguments": [{}]}]}')
    with pytest.raises(BadWitness):
        read_calls(Path(kept).read_text())
    assert main(["prove", a, b, "--replay", kept]) == 3
    capsys.readouterr()


def test_queries_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    shifts = "local.get 0 i32.const 31 i32.shr_s i32.const 30 i32.shr_u i32.add "
    shifts += "i32.const 2 i32.shr_s"
    for name, code in (("a", "i32.const 4 i32.div_s"), ("b", shifts)):
        files.append(tmp_path / f"{name}.wat")
        files[-1].write_text(A.format(code))
    assert main(["prove", str(files[0]), str(files[1]), "--smt2", str(tmp_path / "q"), "-v"]) == 0
    queries = sorted((tmp_path / "q").glob("*.smt2"))
    assert queries
    assert "(check-sat)" in queries[0].read_text()
    assert "function 0: proven" in capsys.readouterr().out
