"""The rule language: what rows emit, what constants compute, and what bad rows and files say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from eqsat.rules import book, signature
from eqsat.rules.language import Rows, RuleError, family_rules, rules
from eqsat.rules.pretty import readable
from eqsat.rules.signature import signed
from eqsat.rules.terms import I32, I64, K, N, V, eqz, is_pow2, log2
from hypothesis import given
from hypothesis import strategies as st

from .rules_evaluate import primitive


@rules("i32", "i64")
def sample(x: V, y: V, c: K) -> Rows:
    yield "times", x * c, x.shl(log2(c)), is_pow2(c)
    yield "minus", x - x, 0
    yield "self", eqz(x - y), x.cmp("eq", y)


def test_one_row_gives_a_rule_for_each_width() -> None:
    found = {rule.name: rule for rule in family_rules("here.sample", {"sample": sample})}
    assert list(found) == [
        *("i32/times", "i32/minus", "i32/self"),
        *("i64/times", "i64/minus", "i64/self"),
    ]
    times = found["i32/times"]
    assert times.text == (
        "(rewrite (i32.mul x (i32.const c)) (i32.shl x (i32.const (log2 c)))"
        ' :when ((> c 1) (= 0 (& c (- c 1)))) :ruleset opt :name "i32/times")'
    )
    assert times.variables == (("x", "I32"), ("c", "i64"))
    assert times.family == "sample"
    assert times.equation == "x * c → x << log2(c)"
    assert times.guard == "c > 1, 0 == (c & (c - 1))"
    assert found["i64/self"].right == "(i64.eq x y)"


def test_a_rule_knows_its_line() -> None:
    found = family_rules("here", {"sample": sample})
    source = Path(__file__).read_text().splitlines()
    for rule in found:
        assert f'"{rule.name.split("/")[1]}"' in source[rule.line - 1]
        assert rule.path == __file__


def test_a_traced_rule_records_class_and_substitution() -> None:
    rule = family_rules("here", {"sample": sample})[0]
    declaration, text = rule.traced(3)
    assert declaration == "(relation app.3 (I32 I32 i64))"
    assert "(union e__ (i32.shl x (i32.const (log2 c)))) (app.3 e__ x c)" in text


def test_readable_unwraps_the_wrapping_of_constants() -> None:
    a, b = K("a", 32), K("b", 32)
    assert readable((a + b).text) == "a + b"
    assert readable((a - b).text) == "a - b"
    assert readable("(load.I32 t p o 4 0)") == "load.I32(t, p, o, 4, 0)"
    assert readable("(i32.mul (i32.add x y) (i32.add x y))") == "(x + y) * (x + y)"


VALUES32 = st.one_of(
    st.integers(-(1 << 31), (1 << 31) - 1), st.sampled_from([0, 1, -1, -(1 << 31), (1 << 31) - 1])
)
VALUES64 = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([0, 1, -1, -(1 << 63), (1 << 63) - 1, 1 << 32, -(1 << 32), (1 << 32) - 1]),
)


def _compute(a: int, b: int, bits: int) -> None:
    values = {"a": a, "b": b}
    left, right = K("a", bits), K("b", bits)
    mask = (1 << bits) - 1
    count = b & (bits - 1)
    expected = {
        (left + right).text: a + b,
        (left - right).text: a - b,
        (-left).text: -a,
        (~left).text: ~a,
        (left & right).text: a & b,
        (left | right).text: a | b,
        (left ^ right).text: a ^ b,
        left.shl(right).text: a << count,
        left.shr_s(right).text: a >> count,
        left.shr_u(right).text: (a & mask) >> count,
        left.as32().text: signed(a, 32),
    }
    for text, result in expected.items():
        width = 32 if text == left.as32().text and bits == 64 else bits
        assert primitive(text, values) == signed(result, width), text
    assert primitive(left.below(right), values) == ((a & mask) < (b & mask))
    assert primitive(left.up_to(right), values) == ((a & mask) <= (b & mask))


@given(VALUES32, VALUES32)
def test_arithmetic_on_32_bit_constants_is_wasm_arithmetic(a: int, b: int) -> None:
    _compute(a, b, 32)
    product = K("a", 32) * K("b", 32)
    assert primitive(product.text, {"a": a, "b": b}) == signed(a * b, 32)


@given(VALUES64, VALUES64)
def test_arithmetic_on_64_bit_constants_is_wasm_arithmetic(a: int, b: int) -> None:
    _compute(a, b, 64)


def test_a_64_bit_product_is_refused() -> None:
    with pytest.raises(TypeError, match="folded by the host"):
        K("a", 64) * K("b", 64)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("i32.load", ("I32", 4, 0)),
        ("i64.load32_s", ("I64", 4, 1)),
        ("f64.load", ("F64", 8, 0)),
        ("v128.load", ("V128", 16, 0)),
        ("v128.load8_splat", None),
        ("v128.load8x8_s", None),
        ("i32.atomic.load8_u", None),
        ("i32.add", None),
    ],
)
def test_shapes_of_loads(name: str, shape: object) -> None:
    assert signature.load_shape(name) == shape


@pytest.mark.parametrize(
    ("name", "shape"),
    [("i64.store8", ("I64", 1)), ("f32.store", ("F32", 4)), ("v128.store8_lane", None)],
)
def test_shapes_of_stores(name: str, shape: object) -> None:
    assert signature.store_shape(name) == shape


@given(st.integers(0, (1 << 128) - 1))
def test_constants_go_both_ways(bits: int) -> None:
    for sort, width in (("I32", 32), ("I64", 64), ("F32", 32), ("F64", 64), ("V128", 128)):
        low = bits & ((1 << width) - 1)
        immediate = signed(low, width) if sort[0] == "I" else low
        row = signature.constant_row(sort, immediate)
        assert all(-(1 << 63) <= part < (1 << 63) for part in row)
        assert signature.constant_immediate(sort, row) == immediate


# --- files of a user ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Verdict:
    status: str
    goal: str = ""
    reason: str = ""
    counterexample: tuple[str, ...] = ()


USER = """from __future__ import annotations
from eqsat.rules.language import Rows, rules
from eqsat.rules.terms import V

@rules("i32")
def mine(x: V, y: V) -> Rows:
    yield "mine", (x + y) + x, y + x.shl(1)
"""


def _accept(rule: object) -> _Verdict:
    return _Verdict("proven")


def test_a_python_file_of_a_user_is_loaded_behind_the_built_in_rules(tmp_path: Path) -> None:
    path = tmp_path / "my_rules.py"
    path.write_text(USER)
    loaded = book.load([path], prove=_accept)
    assert loaded.rules[-1].name == "i32/mine"
    assert loaded.rules[-1].source == f"{path}:7"
    assert len(loaded.rules) == len(book.load().rules) + 1


def test_an_egg_file_of_a_user(tmp_path: Path) -> None:
    path = tmp_path / "mine.egg"
    path.write_text(
        "; a comment (\n(rewrite (i32.add x x)\n  (i32.shl x (i32.const 1)))\n\n"
        '(rule ((= e (i32.eqz x))) ((union e e)) :ruleset fold :name "n")\n'
    )
    first, second = book.user_rules(path)
    assert (first.name, first.line, first.ruleset) == ("mine:2", 2, "opt")
    assert first.equation == "x + x → x << 1"
    assert first.text == (
        '(rewrite (i32.add x x) (i32.shl x (i32.const 1)) :name "mine:2" :ruleset opt)'
    )
    assert (second.name, second.line, second.ruleset) == ("n", 5, "fold")


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("a.py", "x = (", 1, "was never closed"),
        ("a.py", "import nothing_like_this\n", 1, "ModuleNotFoundError"),
        ("a.py", "\n\nx = 1 / 0\n", 3, "ZeroDivisionError"),
        ("a.py", "x = 1\n", 1, "no rules"),
        ("a.py", USER.replace("yield", "yield (1,); yield"), 7, "a row is"),
        ("a.py", USER.replace("y + x.shl(1)", "None"), 7, "None is no term"),
        ("a.py", USER.replace("shl", "shll"), 7, "AttributeError"),
        ("a.py", USER.replace("x: V,", "x: int,"), 1, "'int' is no kind of rule variable"),
        ("a.egg", "(rewrite a b)\n(check x)", 2, "only rewrite and rule commands, not check"),
        ("a.egg", "\n(rewrite (i32.add x y)", 2, "not closed"),
        ("a.egg", "rewrite", 1, "outside a command"),
        ("a.egg", "(rewrite a b :ruleset mine)", 1, "unknown rule set mine"),
        ("a.egg", "", 1, "no rules"),
    ],
)
def test_a_faulty_file_names_line_and_reason(
    tmp_path: Path, name: str, text: str, line: int, message: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(RuleError) as error:
        book.user_rules(path)
    assert error.value.path == str(path)
    assert error.value.line == line
    assert message in error.value.message


def test_a_refuted_rule_is_reported_with_its_counterexample(tmp_path: Path) -> None:
    path = tmp_path / "my_rules.py"
    path.write_text(USER)

    def refute(rule: object) -> _Verdict:
        return _Verdict("refuted", "equal", "", ("x=1", "y=2"))

    with pytest.raises(RuleError, match=r"my_rules.py:7: i32/mine is refuted: .*x=1, y=2"):
        book.load([path], prove=refute)


def test_names_are_distinct_across_files(tmp_path: Path) -> None:
    path = tmp_path / "my_rules.py"
    path.write_text(USER.replace('"mine"', '"add-0"'))
    with pytest.raises(RuleError, match="a rule named i32/add-0 already stands at"):
        book.load([path], prove=_accept)


def test_annotations_of_fixed_sorts() -> None:
    @rules()
    def fixed(x: I32, w: I64, o: N) -> Rows:
        yield "fixed", x, V("y", "I32"), o.is_(1)

    (rule,) = family_rules("here", {"fixed": fixed})
    assert rule.text == '(rule ((= o 1)) ((union x y)) :ruleset opt :name "fixed")'
