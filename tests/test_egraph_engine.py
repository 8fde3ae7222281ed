"""The engine on small functions: what is one class, what is not, and where it stops."""

import pytest
import wasmtime
from eqsat.egraph import Contradiction, Engine, EngineError, Limits, Saturation
from eqsat.ir.graph import Anchor, Exit, Function, Value, walk
from eqsat.lowering import lower
from eqsat.rules.signature import header
from eqsat.wasm.module import Module


def graph(body: str, params: str = "i32 i32 i32", result: str = "i32") -> Function:
    """The graph of one function around `body`, with two memories and two globals beside it."""
    text = f"""(module (memory $m 1) (memory $n 1)
      (global $g (mut i32) (i32.const 0)) (global $h (mut i32) (i32.const 0))
      (func $f (param {params}) (result {result}) {body})
      (func $out (param i32) (result i32) (local.get 0)))"""
    return lower(Module.parse(bytes(wasmtime.wat2wasm(text))), 0)


def engine(*rules: str) -> Engine:
    return Engine([*header(), *rules])


@pytest.fixture(scope="module")
def bare() -> Engine:
    return engine()


def loads(function: Function) -> list[Value]:
    """Results of the loads and global reads, in program order."""
    return [
        node.results[0]
        for node in walk(function.body)
        if isinstance(node, Anchor)
        and node.results
        and (0x28 <= node.op <= 0x35 or node.op == 0x23)
    ]


def equal(saturation: Saturation, first: Value, second: Value) -> bool:
    classes = saturation.classes[0]
    return classes[first.id] == classes[second.id]


def returned(function: Function) -> Value:
    node = function.body[-1]
    assert isinstance(node, Exit)
    return node.args[0]


ADD_ZERO = '(rewrite (i32.add x (i32.const 0)) x :ruleset opt :name "add-0")'
COMM = '(rewrite (i32.add x y) (i32.add y x) :ruleset comm :name "comm")'
ASSOC = (
    '(rewrite (i32.add (i32.add x y) z) (i32.add x (i32.add y z)) :ruleset assoc :name "right")',
    '(rewrite (i32.add x (i32.add y z)) (i32.add (i32.add x y) z) :ruleset assoc :name "left")',
)


def test_rules_unite_and_are_counted() -> None:
    function = graph("(i32.add (local.get 0) (i32.const 0))")
    found = engine(ADD_ZERO).saturate([function])
    assert equal(found, returned(function), function.arguments[0])
    assert found.hits["add-0"] == 1
    assert found.stopped == "saturated"


def test_a_batch_leaves_nothing_behind() -> None:
    both = engine(ADD_ZERO)
    function = graph("(i32.mul (local.get 0) (local.get 1))")
    before = both.saturate([function])
    both.saturate([graph("(i32.add (local.get 0) (i32.const 0))") for _ in range(3)])
    after = both.saturate([function])
    assert (before.nodes, before.leaves, before.constants) == (
        after.nodes,
        after.leaves,
        after.constants,
    )


def test_functions_of_a_batch_do_not_mix() -> None:
    function = graph("(i32.load (local.get 0))")
    found = engine(ADD_ZERO).saturate([function, function])
    result = loads(function)[0].id
    assert found.classes[0][result] != found.classes[1][result]


def test_the_host_folds_what_rules_ask_for() -> None:
    rules = (
        '(rule ((= e (i32.clz (i32.const a)))) ((ask.I32 e 17 a 0)) :ruleset fold :name "ask")',
        "(rule ((ask.I32 e n a b) (ans.I32 n a b r)) ((union e (i32.const r)))"
        ' :ruleset fold :name "answer")',
    )
    from eqsat.rules.signature import ASKED

    number = ASKED.index("i32.clz")
    function = graph("(i32.clz (i32.const 255))")
    found = engine(*[r.replace("17", str(number)) for r in rules]).saturate([function])
    assert found.constants[found.classes[0][returned(function).id]] == (0x41, 24)
    assert found.hits["answer"] == 1


def test_floats_are_folded_after_freezing(bare: Engine) -> None:
    function = graph("(f64.sqrt (f64.mul (f64.const 4.5) (f64.const 2)))", result="f64")
    found = bare.saturate([function])
    assert found.constants[found.classes[0][returned(function).id]] == (0x44, 0x4008 << 48)
    function = graph("(f64.div (f64.const 0) (f64.const 0))", result="f64")
    found = bare.saturate([function])
    assert found.classes[0][returned(function).id] not in found.constants


def test_two_constants_in_one_class_are_an_error() -> None:
    wrong = engine('(rewrite (i32.const 1) (i32.const 2) :ruleset opt :name "wrong")')
    with pytest.raises(Contradiction):
        wrong.saturate([graph("(i32.add (local.get 0) (i32.const 1))")])
    assert wrong.saturate([graph("(local.get 0)")]).stopped == "saturated"


def test_a_bad_rule_is_named_by_its_line() -> None:
    with pytest.raises(EngineError, match=r"mine\.egg:\d+: .*nonsense"):
        Engine([*header(), "(rewrite (nonsense x) x)"], "mine.egg")
    with pytest.raises(EngineError, match="rules"):
        engine("(rewrite (i32.add x")


def test_explosive_rules_stop_at_the_limits() -> None:
    terms = "(local.get 0)" + "".join(
        f"(i32.mul (local.get {k % 3}) (i32.const {k + 3})) (i32.add)" for k in range(24)
    )
    function = graph(terms)
    hungry = engine(COMM, *ASSOC)
    found = hungry.saturate([function])
    assert found.size[1] < 20_000
    few = hungry.saturate([function], Limits(max_iters=1))
    assert (few.stopped, few.rounds) == ("iterations", 1)
    small = hungry.saturate([function], Limits(max_nodes=150))
    assert small.stopped == "nodes"
    assert small.size[1] < 1_000
    late = hungry.saturate([function], Limits(deadline=0.0))
    assert late.stopped == "deadline"


def test_constants_do_not_multiply() -> None:
    """`k1 + (k2 + x)` over many constants: sums of constants must not be split in all ways."""
    rules = (
        COMM,
        "(rewrite (i32.add (i32.add x (i32.const a)) (i32.const b))"
        ' (i32.add x (i32.const (+ a b))) :ruleset opt :name "together")',
        "(rewrite (i32.add (i32.const a) (i32.const b)) (i32.const (+ a b))"
        ' :ruleset fold :name "fold")',
    )
    body = "(i32.const 1)" + "".join(f"(i32.const {k}) (i32.add)" for k in range(2, 30))
    found = engine(*rules).saturate([graph(body + "(local.get 0) (i32.add)")])
    assert found.stopped == "saturated"
    assert found.size[1] < 400


# Histories.


def test_equal_loads_of_one_history_are_one_class(bare: Engine) -> None:
    function = graph("(i32.add (i32.load (local.get 0)) (i32.load (local.get 0)))")
    assert equal(bare.saturate([function]), *loads(function))


@pytest.mark.parametrize(
    ("between", "same"),
    [
        ("(i32.store offset=4 (local.get 0) (local.get 1))", True),
        ("(i32.store offset=3 (local.get 0) (local.get 1))", False),
        ("(i32.store8 offset=3 (local.get 0) (local.get 1))", False),
        ("(i32.store (i32.add (local.get 0) (i32.const 4)) (local.get 1))", True),
        ("(i32.store (i32.add (local.get 0) (i32.const -4)) (local.get 1))", True),
        ("(i32.store (i32.add (local.get 0) (i32.const -3)) (local.get 1))", False),
        # The sum wraps, the offset does not: together they can meet.
        ("(i32.store offset=8 (i32.add (local.get 0) (i32.const -8)) (local.get 1))", False),
        ("(i32.store (local.get 1) (local.get 1))", False),
        ("(i32.store $n (local.get 1) (local.get 1))", True),
        ("(global.set $g (local.get 1))", True),
        ("(drop (call $out (local.get 1)))", False),
        ("(memory.fill (local.get 0) (local.get 1) (local.get 2))", False),
        ("(if (local.get 2) (then (i32.store (local.get 1) (local.get 1))))", False),
        ("(if (local.get 2) (then (global.set $g (local.get 1))))", True),
        ("(if (local.get 2) (then (i32.store (local.get 1) (local.get 1)) (unreachable)))", True),
        ("(loop (i32.store (local.get 1) (local.get 1)) (br_if 0 (local.get 2)))", False),
        ("(loop (global.set $h (local.get 1)) (br_if 0 (global.get $g)))", True),
        ("(block (br_if 0 (local.get 1)) (i32.store (local.get 1) (local.get 1)))", False),
    ],
)
def test_what_stands_between_two_loads(bare: Engine, between: str, same: bool) -> None:
    body = f"(local $t i32) (local.set $t (i32.load (local.get 0))) {between}"
    function = graph(body + "(i32.add (local.get $t) (i32.load (local.get 0)))")
    first, *_, last = (v for v in loads(function) if v.anchor is not None and v.anchor.op == 0x28)
    assert equal(bare.saturate([function]), first, last) == same


def test_a_loop_that_writes_hides_what_came_before(bare: Engine) -> None:
    function = graph(
        """(local $t i32) (local.set $t (i32.load (local.get 0)))
        (loop (local.set $t (i32.add (local.get $t) (i32.load (local.get 0))))
          (i32.store (local.get 1) (local.get $t)) (br_if 0 (local.get $t)))
        (local.get $t)"""
    )
    assert not equal(bare.saturate([function]), *loads(function))


def test_globals_have_histories_of_their_own(bare: Engine) -> None:
    function = graph(
        "(global.get $g) (global.set $h (local.get 0)) (i32.add (global.get $g))"
        "(global.set $g (local.get 0)) (i32.add (global.get $g))"
    )
    first, second, third = loads(function)
    found = bare.saturate([function])
    assert equal(found, first, second)
    assert not equal(found, second, third)


def test_the_merge_of_an_if_is_seen_as_a_select(bare: Engine) -> None:
    function = graph(
        "(if (result i32) (local.get 2) (then (local.get 0)) (else (local.get 1)))",
    )
    found = bare.saturate([function])
    classes = found.classes[0]
    a, b, c = (classes[v.id] for v in function.arguments)
    assert (0x1B, (a, b, c)) in found.nodes[classes[returned(function).id]]


def test_the_merge_of_a_conditional_branch_is_seen_as_a_select(bare: Engine) -> None:
    function = graph(
        "(block (result i32) (br_if 0 (local.get 0) (local.get 2)) (drop) (local.get 1))",
    )
    found = bare.saturate([function])
    classes = found.classes[0]
    a, b, c = (classes[v.id] for v in function.arguments)
    assert (0x1B, (a, b, c)) in found.nodes[classes[returned(function).id]]


def test_division_is_a_term_beside_its_anchor(bare: Engine) -> None:
    function = graph("(i32.div_u (local.get 0) (local.get 1))")
    found = bare.saturate([function])
    classes = found.classes[0]
    a, b, _ = (classes[v.id] for v in function.arguments)
    assert (0x6E, (a, b)) in found.nodes[classes[returned(function).id]]
