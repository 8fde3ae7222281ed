"""The host of a differential run: what it cannot name it leaves alone; nothing grows for ever."""

import pytest
import wasmtime
from eqsat.verify.border import LARGEST_TABLE, Border, border
from eqsat.verify.differential import explore
from eqsat.verify.machine import Machine, make_engine


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def machine(text: str) -> Machine:
    engine, data = make_engine(), wat(text)
    found = border(data)
    assert isinstance(found, Border)
    return Machine(wasmtime.Module(engine, data), engine, found)


VECTORS = """(module (global (export "g") v128 (v128.const i64x2 1 2))
  (func (export "v") (param v128) (result v128) local.get 0)
  (func (export "n") (param i32) (result i32) local.get 0 i32.const {} i32.add))"""


def test_vectors_at_the_border_are_left_alone() -> None:
    data = wat(VECTORS.format(1))
    found = border(data)
    assert isinstance(found, Border)
    assert found.closed == {"g", "v"}
    same = explore(data, data, seconds=5, seed=1, calls=20)
    assert same.difference is None
    assert same.calls == 20
    differs = explore(data, wat(VECTORS.format(2)), seconds=5, seed=1, calls=20)
    assert differs.difference is not None
    assert differs.difference.calls[-1][0] == "n"


@pytest.mark.parametrize(
    "text",
    [
        '(module (import "m" "f" (func (param v128))))',
        '(module (type $t (func)) (import "m" "f" (func (result (ref null $t)))))',
        '(module (import "m" "g" (global v128)))',
        '(module (import "m" "t" (table 1 anyref)))',
    ],
)
def test_imports_that_no_host_can_name_end_the_run(text: str) -> None:
    found = border(wat(text))
    assert isinstance(found, str)
    assert "cannot name" in found
    assert explore(wat(text), wat(text), seconds=5, seed=1, calls=5).reason == found


def test_nothing_grows_for_ever() -> None:
    one = machine("""(module (memory 1) (table 1 funcref)
      (func (export "table") (param i32) (result i32) ref.null func local.get 0 table.grow)
      (func (export "memory") (param i32) (result i32) local.get 0 memory.grow))""")
    assert one.call("table", (LARGEST_TABLE,)).startswith("-1;")
    assert one.call("table", (10,)).startswith("1;")
    assert one.call("memory", (1025,)).startswith("-1;")
    assert one.call("memory", (2,)).startswith("1;")


def test_what_starts_large_keeps_its_size() -> None:
    one = machine("""(module (memory 2000) (table 200000 funcref)
      (func (export "size") (result i32 i32) memory.size table.size))""")
    assert one.call("size", ()).startswith("2000 200000;")


def test_the_largest_modules_are_not_run() -> None:
    data = wat("(module (memory 65536))")
    assert border(data) == "memories or tables are too large to run"
