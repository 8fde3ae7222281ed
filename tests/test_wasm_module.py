"""Modules: everything declared is read, faults are refused with a place, bodies stay lazy."""

import random
import tracemalloc

import pytest
from eqsat.wasm.errors import WasmError
from eqsat.wasm.features import features
from eqsat.wasm.leb import write_unsigned
from eqsat.wasm.module import Module, is_component
from eqsat.wasm.names import function_names, read_names
from eqsat.wasm.rewrite import replace
from eqsat.wasm.text import print_module
from eqsat.wasm.text_in import assemble, looks_like_text, to_binary
from eqsat.wasm.types import FuncType, OtherType
from eqsat.wasm.validate import validate
from hypothesis import given
from hypothesis import strategies as st

EVERYTHING = b"""
(module $everything
  (type $pair (func (param i32 i64) (result i64 i32)))
  (rec (type $list (sub (struct (field (ref null $list)) (field (mut i8)))))
       (type $more (sub final $list
         (struct (field (ref null $list)) (field (mut i8)) (field f32)))))
  (type $numbers (array (mut f64)))
  (import "host" "f" (func $f (param f32)))
  (import "host" "g" (global (mut v128)))
  (import "host" "t" (table 1 2 funcref))
  (import "host" "m" (memory 1 2 shared))
  (import "host" "e" (tag $e (param i32)))
  (table i64 3 externref)
  (table 2 (ref func) (ref.func $swap))
  (memory i64 2)
  (memory 3 4 (pagesize 1))
  (tag (param f64))
  (global i32 (i32.add (i32.const 1) (i32.const 2)))
  (global (mut (ref null $list)) (ref.null $list))
  (export "swap" (func $swap))
  (export "memory" (memory 1))
  (start $start)
  (elem (table 0) (offset i32.const 0) func $f)
  (elem func $swap $f)
  (elem declare func $start)
  (elem funcref (item ref.func $f) (item ref.null func))
  (data (memory 1) (offset i64.const 8) "active")
  (data "passive\\00\\ff")
  (func $swap (type $pair) (local $tmp i32) (local f64 f64)
    local.get 0 local.set $tmp local.get 1 local.get $tmp)
  (func $start
    (block $out (result i32)
      (try_table (catch $e $out) (call $f (f32.const nan:0x200000)))
      (i32.const 0))
    drop
    (memory.copy 1 2 (i64.const 0) (i32.const 0) (i32.const 1))
    (drop (struct.new_default $more))
    (drop (i64.load32_u 1 offset=16 align=2 (i64.const 0)))
    (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (global.get 0) (global.get 0))))
  (@custom "mine" (after code) "content"))
"""


@pytest.fixture(scope="module")
def binary() -> bytes:
    return assemble(EVERYTHING)


def test_everything_declared_is_read(binary: bytes) -> None:
    validate(binary)
    module = Module.parse(binary)
    assert module.types[0] == FuncType((0x7F, 0x7E), (0x7E, 0x7F))
    assert [one.kind for one in module.types if isinstance(one, OtherType)] == [
        "struct",
        "struct",
        "array",
    ]
    assert [(group.first, group.count) for group in module.recursions] == [(1, 2)]
    assert (module.subtypes[2].final, module.subtypes[2].supertypes) == (True, (1,))
    assert [one.kind for one in module.imports] == ["func", "global", "table", "memory", "tag"]
    assert (module.imported_functions, len(module.functions)) == (1, 3)
    assert module.function_type(1) == module.types[0]
    assert [table.is64 for table in module.tables] == [False, True, False]
    assert module.tables[2].init == ((0xD2, 1),)
    assert [(m.is64, m.shared, m.page_size_log2, m.imported) for m in module.memories] == [
        (False, True, 16, True),
        (True, False, 16, False),
        (False, False, 0, False),
    ]
    assert module.globals[1].init == ((0x41, 1), (0x41, 2), (0x6A,))
    assert len(module.tags) == 2
    assert [(e.name, e.kind, e.index) for e in module.exports] == [
        ("swap", "func", 1),
        ("memory", "memory", 1),
    ]
    assert module.start == 2
    assert [(e.mode, e.functions) for e in module.elements] == [
        ("active", [0]),
        ("passive", [1, 0]),
        ("declared", [2]),
        ("passive", [0, None]),
    ]
    assert [module.data[d.start : d.end] for d in module.datas] == [b"active", b"passive\0\xff"]
    assert module.datas[0].offset == ((0x42, 8),)
    assert module.body(1).locals == [0x7F, 0x7C, 0x7C]
    assert module.local_types(1) == [0x7F, 0x7E, 0x7F, 0x7C, 0x7C]
    assert module.body(1).instrs[-1] == (0x0B,)
    assert [s.name for s in module.sections if s.name is not None] == ["mine", "name"]


def test_names_are_read(binary: bytes) -> None:
    module = Module.parse(binary)
    names = read_names(module)
    assert names.module == "everything"
    assert names.functions == {0: "f", 1: "swap", 2: "start"}
    assert names.locals[1] == {2: "tmp"}
    assert names.others["type"][0] == "pair"
    assert function_names(module) == names.functions


def test_function_names_fall_back_to_exports_and_imports() -> None:
    source = b'(module (import "a" "b" (func)) (func (export "c")) (func))'
    assert function_names(Module.parse(assemble(source))) == {0: "a.b", 1: "c"}


def test_features_are_read_off(binary: bytes) -> None:
    assert features(Module.parse(binary)) == (
        "bulk-memory",
        "custom-page-sizes",
        "exceptions",
        "extended-const",
        "function-references",
        "gc",
        "memory64",
        "multi-memory",
        "multi-value",
        "mutable-globals",
        "reference-types",
        "simd",
        "threads",
    )


def test_a_plain_module_has_no_features() -> None:
    source = b"(module (memory 1) (table 1 funcref) (elem (i32.const 0) 0) (func i32.const 1 drop))"
    assert features(Module.parse(assemble(source))) == ()


def test_print_and_assemble_gives_the_same_module(binary: bytes) -> None:
    module = Module.parse(binary)
    text = print_module(module)
    again = assemble(text.encode())
    validate(again)
    other = Module.parse(again)
    assert other.recursions == module.recursions
    assert other.subtypes == module.subtypes
    for index in (1, 2):
        assert other.body(index) == module.body(index)
    for part in ("functions", "imports", "tables", "memories", "globals", "tags", "exports"):
        assert getattr(other, part) == getattr(module, part)
    assert print_module(other) == text


HEADER = b"\0asm\1\0\0\0"


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        (b"", 0, "empty"),
        (b"hello", 0, 'found "hell"'),
        (b"\0\1\2\3\4\5", 0, "found 00 01 02 03"),
        (b"\0asm", 4, "version"),
        (b"\0asm\2\0\0\0", 4, "version"),
        (b"\0asm\x0d\0\1\0", 4, "component"),
        (HEADER + b"\1", 9, "end of the integer"),
        (HEADER + b"\x0e\0", 8, "section id 14"),
        (HEADER + b"\1\x05\0", 8, "section type ends past"),
        (HEADER + b"\1\5\xff\xff\xff\xff\x0f", 10, "do not fit"),
        (HEADER + b"\3\1\0\1\1\0", 11, "order"),
        (HEADER + b"\1\1\0\1\1\0", 11, "order"),
        (HEADER + b"\1\2\0\0", 11, "left over"),
        (HEADER + b"\3\2\1\0", 12, "1 functions are declared but 0"),
        (HEADER + b"\0\2\5a", 10, "does not fit"),
        (HEADER + b"\0\2\1\xff", 11, "UTF-8"),
        (HEADER + b"\1\2\1\x61", 11, "type form"),
        (HEADER + b"\2\5\1\0\0\7\0", 13, "import kind"),
        (HEADER + b"\5\2\1\x30", 11, "limits flags"),
        (HEADER + b"\6\3\1\x7f\2", 12, "mutability"),
        (HEADER + b"\6\5\1\x7f\0\x41\0", 13, "without end"),
        (HEADER + b"\x0a\3\1\5\0", 11, "ends past the end of the code"),
        (HEADER + b"\x09\2\1\x08", 11, "element segment flags"),
        (HEADER + b"\x0b\2\1\3", 11, "data segment flags"),
        (HEADER + b"\x0c\1\1", 11, "data count"),
    ],
)
def test_faults_have_place_and_reason(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(WasmError, match=message) as caught:
        _ = Module.parse(data).datas  # the segments are read when asked for
    assert caught.value.offset == offset
    assert "\n" not in str(caught.value)


def test_limits_are_64_bit_integers_for_every_index_type() -> None:
    data = HEADER + b"\5\x08\1\0" + b"\x80" * 5 + b"\0"
    validate(data)
    assert Module.parse(data).memories[0].minimum == 0


def test_components_are_told_apart() -> None:
    assert is_component(b"\0asm\x0d\0\1\0")
    assert not is_component(HEADER)


def read_all(data: bytes) -> None:
    """Do everything that reads a module; nothing but `WasmError` may come out."""
    try:
        module = Module.parse(data)
        names = read_names(module)
        print_module(module)
        features(module)
        bodies = {i: b"\0\x0b" for i in range(module.imported_functions, len(module.functions))}
        replace(module, bodies, [FuncType((), ())])
    except WasmError as error:
        assert 0 <= error.offset <= len(data)  # noqa: PT017
        return
    assert names is not None


def test_cut_anywhere(binary: bytes) -> None:
    for cut in range(len(binary)):
        read_all(binary[:cut])


def test_every_byte_changed(binary: bytes) -> None:
    """A bounded fuzz: each byte in turn becomes some others, chosen by a fixed seed."""
    chance = random.Random(1)
    for at in range(len(binary)):
        for value in (0, 0x7F, 0x80, 0xFF, binary[at] ^ 1 << chance.randrange(8)):
            read_all(binary[:at] + bytes((value,)) + binary[at + 1 :])


@given(st.binary(max_size=80))
def test_random_bytes_after_the_header(data: bytes) -> None:
    read_all(HEADER + data)


@given(st.integers(1, 13), st.binary(max_size=60))
def test_random_bytes_in_a_section(identity: int, content: bytes) -> None:
    read_all(HEADER + bytes((identity,)) + write_unsigned(len(content)) + content)


def test_huge_counts_claim_no_memory() -> None:
    tracemalloc.start()
    for identity in range(1, 14):
        payload = b"\xff\xff\xff\xff\x0f" + bytes(100)
        data = HEADER + bytes((identity, len(payload))) + payload
        with pytest.raises(WasmError):
            Module.parse(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def function(body: bytes) -> bytes:
    code = b"\1" + write_unsigned(len(body)) + body
    return HEADER + b"\1\4\1\x60\0\0\3\2\1\0" + b"\x0a" + write_unsigned(len(code)) + code


def test_deep_nesting_does_not_recurse() -> None:
    data = function(b"\0" + b"\x02\x40" * 50_000 + b"\x0b" * 50_001)
    module = Module.parse(data)
    assert len(module.body(0).instrs) == 100_001
    assert len(print_module(module)) < 20_000_000


def test_sixty_thousand_locals_are_refused_lazily() -> None:
    module = Module.parse(function(b"\1\xe0\xd4\x03\x7f\x0b"))
    with pytest.raises(WasmError, match="too many locals: 60000"):
        module.body(0)


def test_bodies_are_not_looked_at_until_asked() -> None:
    module = Module.parse(function(b"\0\xff\xff\x0b"))
    with pytest.raises(WasmError, match="illegal opcode"):
        module.body(0)


@pytest.mark.parametrize("text", [b"(module)", b" \n(module)", b";; c\n(; a (; b ;) ;)(module)"])
def test_text_is_recognised(text: bytes) -> None:
    assert looks_like_text(text)
    assert to_binary(text) == HEADER


@pytest.mark.parametrize("data", [b"", b"\0asm", b"hello (", HEADER, b"\x7fELF", b";; only this"])
def test_what_is_not_text(data: bytes) -> None:
    assert not looks_like_text(data)
    assert to_binary(data) == data


def test_faults_in_text_have_a_place() -> None:
    text = b"(module\n  (func nonsense))"
    with pytest.raises(WasmError, match="line 2, column 9") as caught:
        to_binary(text)
    assert text[caught.value.offset :].startswith(b"nonsense")


@pytest.mark.parametrize(
    "text", [b"(\xff", b"(", b"((((((", b"(module (func (block", b"\xef\xbb\xbf("]
)
def test_broken_text_raises_nothing_else(text: bytes) -> None:
    with pytest.raises(WasmError):
        to_binary(text)


def test_validation_gives_the_place() -> None:
    with pytest.raises(WasmError, match="type mismatch") as caught:
        validate(function(b"\0\x41\0\x0b"))
    assert caught.value.offset == 25
    with pytest.raises(WasmError):
        validate(b"hello")
