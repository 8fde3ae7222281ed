"""Dead stores, branches that are known, and small copies: what goes and what stays."""

import pytest
import wasmtime
from eqsat.ir.check import check
from eqsat.ir.graph import Anchor, BranchIf, BranchTable, If, walk
from eqsat.lowering import lower
from eqsat.skeleton import tidy
from eqsat.skeleton.bulk import pieces
from eqsat.wasm.module import Module
from eqsat.wasm.opcodes import OPCODES

HEAD = """(module (memory $m 1) (memory $n 1)
  (global $g (mut i32) (i32.const 0))
  (func $x)
  (func (param $p i32) (param $q i32) (param $c i32) (param $l i64) """


def tidied(body: str, *, fast: bool = False) -> list[str]:
    """Names of the anchors and branches that a tidied body has."""
    data = bytes(wasmtime.wat2wasm(f"{HEAD}{body}))"))
    new = tidy(lower(Module.parse(data), 1), [65536, 65536], fast=fast)
    check(new)
    found = []
    for node in walk(new.body):
        if isinstance(node, Anchor):
            found.append(OPCODES[node.op].name)
        elif isinstance(node, (If, BranchIf, BranchTable)):
            found.append(type(node).__name__)
    return found


def store(at: int, value: int, base: str = "(local.get $p)", op: str = "i32.store") -> str:
    return f"({op} offset={at} {base} ({op[:3]}.const {value}))"


IN_BOUNDS = "(i32.and (local.get $p) (i32.const 255))"

DEAD = {
    "the next write covers it": (store(4, 1) + store(4, 2), 1),
    "cannot trap": (
        store(4, 1, IN_BOUNDS) + store(20, 3, IN_BOUNDS) + store(4, 2, IN_BOUNDS),
        2,
    ),
    "a wider store": (store(4, 1, IN_BOUNDS) + store(4, 2, IN_BOUNDS, "i64.store"), 1),
    "both arms": (
        store(4, 1, IN_BOUNDS)
        + f"(if (local.get $c) (then {store(4, 2, IN_BOUNDS)}) (else {store(4, 3, IN_BOUNDS)}))",
        2,
    ),
    "a chain": (store(4, 1) + store(4, 2) + store(4, 3), 1),
    "globals": ("(global.set $g (i32.const 1)) (global.set $g (i32.const 2))", 1),
    "checked before": (
        "(drop (i32.load offset=4 (local.get $p)))" + store(4, 1) + store(4, 2),
        1,
    ),
}

ALIVE = {
    "a call between": (store(4, 1) + "(call $x)" + store(4, 2), 2),
    "a trap between": (
        store(4, 1) + "(drop (i32.load (local.get $q)))" + store(4, 2),
        2,
    ),
    "read between": (
        store(4, 1, IN_BOUNDS)
        + f"(drop (i32.load8_u offset=5 {IN_BOUNDS}))"
        + "(drop (i32.load (i32.and (local.get $q) (i32.const 255))))"
        + store(4, 2, IN_BOUNDS),
        2,
    ),
    "another write, and it may trap": (store(4, 1) + store(16, 3) + store(4, 2), 3),
    "a write to a global between": (
        store(4, 1) + "(global.set $g (i32.const 1))" + store(4, 2),
        3,
    ),
    "covered in one arm": (
        store(4, 1, IN_BOUNDS) + f"(if (local.get $c) (then {store(4, 2, IN_BOUNDS)}))",
        2,
    ),
    "covered in part": (store(4, 1, IN_BOUNDS) + store(4, 2, IN_BOUNDS, "i32.store16"), 2),
    "before a loop": (
        store(4, 1, IN_BOUNDS) + f"(loop {store(4, 2, IN_BOUNDS)} (br_if 0 (local.get $c)))",
        2,
    ),
    "the wider one may trap": (store(4, 1) + store(4, 2, op="i64.store"), 2),
    "a division between": (
        "(global.set $g (i32.const 1))"
        "(drop (i32.div_u (local.get $p) (local.get $q))) (global.set $g (i32.const 2))",
        2,
    ),
}


@pytest.mark.parametrize("name", DEAD | ALIVE)
def test_stores_that_nobody_can_see(name: str) -> None:
    body, count = (DEAD | ALIVE)[name]
    found = tidied(body)
    assert sum(".store" in op or op == "global.set" for op in found) == count


def check_of(op: str, bound: int) -> str:
    return f"(if (i32.{op} (local.get $p) (i32.const {bound})) (then (call $x)))"


GUARD = "(if (i32.ge_u (local.get $p) (i32.const 32)) (then (unreachable)))"

BRANCHES = {
    "the same check": (GUARD + GUARD, 1),
    "a weaker check": (GUARD + check_of("ge_u", 33), 1),
    "the opposite": (GUARD + check_of("lt_u", 32), 1),
    "signed after unsigned": (GUARD + check_of("lt_s", 0), 1),
    "equality outside": (GUARD + check_of("eq", 40), 1),
    "equality inside": (GUARD + check_of("eq", 31), 2),
    "a stronger check": (GUARD + check_of("ge_u", 31), 2),
    "another value": (GUARD + "(if (i32.ge_u (local.get $q) (i32.const 32)) (then (call $x)))", 2),
    "behind the arm": (check_of("eq", 1) + check_of("eq", 1), 2),
    "in the arm": (
        f"(if (i32.eq (local.get $p) (i32.const 7)) (then {check_of('lt_u', 8)}))",
        1,
    ),
    "nothing of a loop's own value": (
        "(loop $l (br_if 1 (i32.eq (local.get $p) (i32.const 9)))"
        "(local.set $p (i32.add (local.get $p) (i32.const 1)))"
        "(call $x) (br $l))",
        1,
    ),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_known_branches(name: str) -> None:
    body, count = BRANCHES[name]
    assert sum(op in ("If", "BranchIf", "BranchTable") for op in tidied(body)) == count


def test_small_copies_become_loads_and_stores() -> None:
    copy = "(memory.copy $n $m (local.get $p) (local.get $q) (i32.const {}))"
    assert tidied(copy.format(8)) == ["i64.load", "i64.store"]
    assert tidied(copy.format(12)) == ["memory.copy"]
    expected = ["i64.load", "i32.load", "i32.store", "i64.store"]
    assert tidied(copy.format(12), fast=True) == expected
    assert tidied(copy.format(17), fast=True) == ["memory.copy"]
    assert tidied(copy.format(0), fast=True) == ["memory.copy"]
    fill = "(memory.fill (local.get $p) {} (i32.const {}))"
    assert tidied(fill.format("(i32.const 7)", 4)) == ["i32.store"]
    assert tidied(fill.format("(local.get $q)", 1)) == ["i32.store8"]
    assert tidied(fill.format("(local.get $q)", 4)) == ["memory.fill"]


def test_pieces_make_up_the_size() -> None:
    for size in range(17):
        assert sum(width for _, width in pieces(size)) == size
