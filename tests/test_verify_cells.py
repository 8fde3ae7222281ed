"""Variables in memory that became locals: which loops keep them, and which must not be believed.

And small copies that became loads and stores.

Each row is a body of type ``(i32 i32) -> i32`` beside its replacement and the hint for its loops:
what the new locals stand for. Rows that must not be proven are checked to differ by running both.
"""

import pytest
import wasmtime
from eqsat.verify.relation import Hints, LoopHint
from eqsat.verify.validator import Validator, Verdict

from .observed import observe

HEAD = """(module
 (memory (export "m") 1 1) (memory $n (export "n") 1 1)
 (global $g (export "g") (mut i32) (i32.const 0))
 (func $x (export "x")
   (i32.store offset=16 (i32.const 0) (i32.const 9)) (global.set $g (i32.const 9)))
 (func (export "f") (param i32 i32) (result i32) """
INDEX = 1

CALLS = ((0, 3), (16, 3), (16, 4), (16, 5), (8, 7), (13, 6), (20, 4), (65_526, 8), (65_537, 0))
FILLED = bytes(range(1, 65))

Row = tuple[str, str, tuple[dict[int, tuple[object, ...]], ...]]


def counting(inside: str, value: str = "local.get 2") -> tuple[str, str]:
    """A loop whose counter lies at 16, and the same with the counter in local 2."""
    read = "i32.const 0 i32.load offset=16"
    again = "i32.const 1 i32.add {} local.get 1 i32.const 7 i32.and i32.lt_u br_if 0 end"
    old = f"""i32.const 0 i32.const 0 i32.store offset=16
      loop {inside.replace("VALUE", read)}
      i32.const 0 {read} {again.format("i32.store offset=16 " + read)} {read}"""
    new = f"""(local i32) i32.const 0 i32.const 0 i32.store offset=16
      loop {inside.replace("VALUE", value)}
      i32.const 0 local.get 2 {again.format("local.tee 2 i32.store offset=16 local.get 2")}
      local.get 2"""
    return old, new


CELL: tuple[dict[int, tuple[object, ...]], ...] = ({2: ("cell", 0, 16, 4)},)

EQUAL: dict[str, Row] = {
    "counter": (*counting(""), CELL),
    "stored elsewhere": (*counting("i32.const 0 VALUE i32.store offset=20"), CELL),
    "stored to another memory": (*counting("local.get 0 VALUE i32.store $n"), CELL),
    "global": (
        """i32.const 5 global.set $g loop global.get $g local.get 0 i32.add global.set $g
           global.get $g local.get 1 i32.lt_u br_if 0 end global.get $g""",
        """(local i32) i32.const 5 local.tee 2 global.set $g
           loop local.get 2 local.get 0 i32.add local.tee 2 global.set $g
           local.get 2 local.get 1 i32.lt_u br_if 0 end local.get 2""",
        ({2: ("global", 0)},),
    ),
    "kept by an inner loop": (
        *counting(
            """i32.const 0 i32.const 0 i32.store offset=24
               loop i32.const 0 i32.const 0 i32.load offset=24 i32.const 1 i32.add
               i32.store offset=24 i32.const 0 i32.load offset=24 VALUE i32.lt_u br_if 0 end"""
        ),
        ({2: ("cell", 0, 16, 4)}, {}),
    ),
}

COPY = "local.get 0 local.get 1 i32.const {} memory.copy{} local.get 0"
LOADS = "local.get 1 i64.load local.set 2 local.get 1 i32.load offset=8 local.set 3 "
LOW = "local.get 0 local.get 2 i64.store "
HIGH = "local.get 0 local.get 3 i32.store offset=8 "

EQUAL |= {
    "copy of eight": (
        COPY.format(8, ""),
        "local.get 0 local.get 1 i64.load i64.store local.get 0",
        (),
    ),
    "copy of twelve": (
        COPY.format(12, ""),
        f"(local i64 i32) {LOADS} {HIGH} {LOW} local.get 0",
        (),
    ),
    "copy between memories": (
        COPY.format(4, " $n 0"),
        "local.get 0 local.get 1 i32.load i32.store $n local.get 0",
        (),
    ),
    "fill": (
        "local.get 0 i32.const 255 i32.const 8 memory.fill local.get 0",
        "local.get 0 i64.const -1 i64.store local.get 0",
        (),
    ),
    "fill of one": (
        "local.get 0 local.get 1 i32.const 1 memory.fill local.get 0",
        "local.get 0 local.get 1 i32.store8 local.get 0",
        (),
    ),
}

UNEQUAL: dict[str, Row] = {
    "a pointer may meet it": (*counting("local.get 0 local.get 1 i32.store"), CELL),
    "one byte of it is stored": (*counting("i32.const 0 i32.const 3 i32.store8 offset=17"), CELL),
    "a wider store meets it": (*counting("i32.const 0 i64.const 3 i64.store offset=12"), CELL),
    "a call may store": (*counting("call $x"), CELL),
    "another memory": (
        *counting("i32.const 0 i32.const 5 i32.store offset=16"),
        ({2: ("cell", 1, 16, 4)},),
    ),
    "not stored at the end": (
        counting("")[0],
        counting("")[1].replace("local.tee 2 i32.store offset=16", "local.set 2 drop"),
        CELL,
    ),
    "an inner loop stores": (
        *counting(
            """(block) loop local.get 0 local.get 1 i32.store8 offset=2
               local.get 0 i32.const 1 i32.add local.tee 0 i32.const 7 i32.and br_if 0 end"""
        ),
        ({2: ("cell", 0, 16, 4)}, {}),
    ),
    "the address moves": (
        """(local i32) loop local.get 2 local.get 0 i32.load i32.add local.set 2
           local.get 0 i32.const 4 i32.add local.set 0
           local.get 1 i32.const 1 i32.sub local.tee 1 i32.const 7 i32.and br_if 0 end
           local.get 2""",
        """(local i32 i32) local.get 0 i32.load local.set 3
           loop local.get 2 local.get 3 i32.add local.set 2
           local.get 0 i32.load local.set 3 local.get 0 i32.const 4 i32.add local.set 0
           local.get 1 i32.const 1 i32.sub local.tee 1 i32.const 7 i32.and br_if 0 end
           local.get 2""",
        ({0: ("local", 0), 1: ("local", 1), 2: ("local", 2), 3: ("cell", 0, 0, 4)},),
    ),
}

UNEQUAL |= {
    "lower half first": (
        COPY.format(12, ""),
        f"(local i64 i32) {LOADS} {LOW} {HIGH} local.get 0",
        (),
    ),
    "a load after a store": (
        COPY.format(12, ""),
        "local.get 0 local.get 1 i32.load offset=8 i32.store offset=8 "
        "local.get 0 local.get 1 i64.load i64.store local.get 0",
        (),
    ),
    "four of eight": (
        COPY.format(8, ""),
        "local.get 0 local.get 1 i32.load i32.store local.get 0",
        (),
    ),
    "nothing of nothing": (COPY.format(0, ""), "local.get 0", ()),
    "fill with more than a byte": (
        "local.get 0 i32.const 300 i32.const 2 memory.fill local.get 0",
        "local.get 0 i32.const 300 i32.store16 local.get 0",
        (),
    ),
}


def module(body: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f"{HEAD}{body}))"))


def body_of(data: bytes) -> bytes:
    found = Validator(data).module
    return found.bodies[INDEX - found.imported_functions]


def check(old: str, new: str, places: tuple[dict[int, tuple[object, ...]], ...]) -> Verdict:
    hints = Hints(tuple(LoopHint(k, k, locals_) for k, locals_ in enumerate(places)))
    return Validator(module(old)).check(INDEX, body_of(module(new)), hints=hints)


def assert_told_apart(
    old: str,
    new: str,
    places: tuple[dict[int, tuple[object, ...]], ...] = (),
    calls: tuple[tuple[int, int], ...] = CALLS,
    memory: bytes = FILLED,
) -> None:
    """The bodies do different things when run, and nothing is proven of them."""
    before, after = (observe(module(one), calls, memory=memory) for one in (old, new))
    assert before != after, "the pair must differ"
    assert check(old, new, places).status != "proven"


@pytest.mark.parametrize("name", EQUAL)
def test_equal_pairs_are_proven(name: str) -> None:
    verdict = check(*EQUAL[name])
    assert verdict.status == "proven", verdict.reason


@pytest.mark.parametrize("name", UNEQUAL)
def test_unequal_pairs_are_not_proven(name: str) -> None:
    assert_told_apart(*UNEQUAL[name])
