"""Rewriting: what did not change stays byte for byte, what would be stale goes with a reason."""

import pytest
from eqsat.wasm.body import encode_body
from eqsat.wasm.custom import is_relocatable
from eqsat.wasm.leb import write_unsigned
from eqsat.wasm.module import Module
from eqsat.wasm.names import read_names
from eqsat.wasm.rewrite import replace
from eqsat.wasm.text_in import assemble
from eqsat.wasm.types import FuncType
from eqsat.wasm.validate import validate

SOURCE = b"""
(module
  (@custom "first" (before first) "1")
  (type (func (param i32) (result i32)))
  (@custom "metadata.code.branch_hint" (before code) "hint")
  (func $a (param $p i32) (result i32) (local $x i32) (local $y i32)
    local.get $p)
  (func $b (param $p i32) (result i32) (local $q i32)
    (block $label) local.get $p)
  (@custom ".debug_info" "dwarf")
  (@custom "sourceMappingURL" "url")
  (@custom "mine" "\\00\\ff"))
"""
GET_0 = (0x20, 0)
END = (0x0B,)
CHANGED = encode_body([(1, 0x7F)], [GET_0, (0x41, 7), (0x6A,), END])


@pytest.fixture
def module() -> Module:
    return Module.parse(assemble(SOURCE))


def custom(module: Module) -> dict[str, bytes]:
    return {
        one.name: module.data[one.payload_start : one.end]
        for one in module.sections
        if one.name is not None
    }


def test_nothing_changed_is_the_same_object(module: Module) -> None:
    assert replace(module, {}).data is module.data
    assert replace(module, {0: module.body_bytes(0)}).data is module.data


def pad_sizes(data: bytes) -> bytes:
    """Write every section size and every body size in five bytes."""
    module = Module.parse(data)
    out = [data[:8]]
    for section in module.sections:
        payload = data[section.payload_start : section.end]
        if section.name is not None:
            raw = section.name.encode()
            payload = write_unsigned(len(raw)) + raw + payload
        elif section.id == 10:
            bodies = [pad(end - start) + data[start:end] for start, end in module.code]
            payload = pad(len(bodies)) + b"".join(bodies)
        out.append(bytes((section.id,)) + pad(len(payload)) + payload)
    return b"".join(out)


def pad(value: int) -> bytes:
    return bytes(value >> shift & 0x7F | 0x80 for shift in (0, 7, 14, 21)) + bytes((value >> 28,))


def test_padded_sizes_of_unchanged_functions_stay(module: Module) -> None:
    padded = pad_sizes(module.data)
    validate(padded)
    before = Module.parse(padded)
    assert replace(before, {}).data == padded
    after = Module.parse(replace(before, {1: CHANGED}).data)
    validate(after.data)
    assert after.body_bytes(1) == CHANGED
    entry = pad(len(before.body_bytes(0))) + before.body_bytes(0)
    assert entry in after.data
    assert after.data[after.code[1][0] - 1] == len(CHANGED)


@pytest.mark.parametrize("index", [0, 1])
def test_one_body_changes(module: Module, index: int) -> None:
    result = replace(module, {index: CHANGED})
    validate(result.data)
    after = Module.parse(result.data)
    assert after.body_bytes(index) == CHANGED
    assert after.body_bytes(1 - index) == module.body_bytes(1 - index)
    for section in module.sections:
        if section.name is None and section.id != 10:
            assert module.data[section.start : section.end] in after.data


def test_imported_functions_count_first() -> None:
    source = b'(module (import "a" "b" (func)) (func) (func nop))'
    before = Module.parse(assemble(source))
    after = Module.parse(replace(before, {2: encode_body([], [END])}).data)
    assert after.body_bytes(2) == b"\0\x0b"
    assert after.body_bytes(1) == before.body_bytes(1)
    with pytest.raises(IndexError):
        replace(before, {0: b"\0\x0b"})


def test_stale_sections_go_with_a_reason(module: Module) -> None:
    result = replace(module, {0: CHANGED})
    assert len(result.warnings) == 3
    for name in (".debug_info", "sourceMappingURL", "metadata.code.branch_hint"):
        assert any(warning.startswith(f"custom section {name} ") for warning in result.warnings)
    found = custom(Module.parse(result.data))
    assert set(found) == {"first", "mine", "name", "producers"}
    assert found["mine"] == b"\0\xff"


def test_unknown_sections_keep_their_place(module: Module) -> None:
    after = Module.parse(replace(module, {0: CHANGED}).data)
    order = [one.name or one.id for one in after.sections]
    assert order == ["first", 1, 3, 10, "mine", "name", "producers"]


def test_names_of_changed_functions(module: Module) -> None:
    names = read_names(Module.parse(replace(module, {0: CHANGED}).data))
    assert names.functions == {0: "a", 1: "b"}
    assert names.locals == {0: {0: "p"}, 1: {0: "p", 1: "q"}}


def test_names_of_locals_follow_the_map(module: Module) -> None:
    result = replace(module, {0: CHANGED}, local_maps={0: {0: 0, 2: 1}})
    assert read_names(Module.parse(result.data)).locals[0] == {0: "p", 1: "y"}


def test_label_names_of_changed_functions_go(module: Module) -> None:
    assert b"label" in module.data
    assert b"label" in replace(module, {0: CHANGED}).data
    assert b"label" not in replace(module, {1: CHANGED}).data


def test_unreadable_names_do_not_stop_anything() -> None:
    source = b'(module (func nop) (@custom "name" "\\02\\03\\ff\\ff\\ff\\01\\02\\01\\00\\09"))'
    before = Module.parse(assemble(source))
    after = Module.parse(replace(before, {0: b"\0\x0b"}).data)
    assert read_names(after).functions == {}
    assert custom(after)["name"] == b"\1\2\1\0\x09"


def test_producers_says_who_did_it(module: Module) -> None:
    once = Module.parse(replace(module, {0: CHANGED}, version="1.2").data)
    assert custom(once)["producers"] == b"\1\x0cprocessed-by\1\5eqsat\0031.2"
    original = module.body_bytes(0)
    twice = Module.parse(replace(once, {0: original}, version="1.3").data)
    assert custom(twice)["producers"] == b"\1\x0cprocessed-by\1\5eqsat\0031.3"


def test_producers_of_others_stay() -> None:
    text = b'(module (func nop) (@producers (language "Rust" "1") (processed-by "x" "2")))'
    before = Module.parse(assemble(text))
    after = Module.parse(replace(before, {0: b"\0\x0b"}, version="3").data)
    content = custom(after)["producers"]
    assert content.count(b"processed-by") == 1
    for part in (b"\4Rust\0011", b"\1x\0012", b"\5eqsat\0013"):
        assert part in content
    validate(after.data)


def test_types_are_appended(module: Module) -> None:
    new = [FuncType((0x7F, 0x7E), (0x7D,)), FuncType(((0x63, -17),), ())]
    after = Module.parse(replace(module, {}, new).data)
    validate(after.data)
    assert after.types == [*module.types, *new]


def test_types_are_appended_where_there_were_none() -> None:
    after = Module.parse(replace(Module.parse(b"\0asm\1\0\0\0"), {}, [FuncType((), ())]).data)
    validate(after.data)
    assert after.types == [FuncType((), ())]


def test_types_are_counted_by_recursion_group() -> None:
    text = b"(module (rec (type (struct)) (type (func))) (type (func (param i32))))"
    before = Module.parse(assemble(text))
    after = Module.parse(replace(before, {}, [FuncType((), (0x7F,))]).data)
    validate(after.data)
    assert after.types[3] == FuncType((), (0x7F,))


@pytest.mark.parametrize(
    ("strip", "keep", "left"),
    [
        (["*"], [], set()),
        (["*"], ["name"], {"name"}),
        (["m*"], ["mine"], {"first", ".debug_info", "sourceMappingURL", "mine", "name"}),
        (
            [".debug_*", "name"],
            [],
            {"first", "metadata.code.branch_hint", "sourceMappingURL", "mine"},
        ),
    ],
)
def test_globs_strip_and_keep(
    module: Module, strip: list[str], keep: list[str], left: set[str]
) -> None:
    after = Module.parse(replace(module, {}, strip=strip, keep=keep).data)
    assert custom(after).keys() - {"producers"} == left
    assert ("producers" in custom(after)) == ("*" not in strip)
    assert after.body_bytes(0) == module.body_bytes(0)


def test_stripping_what_is_not_there_changes_nothing(module: Module) -> None:
    assert replace(module, {}, strip=["absent*"]).data is module.data


@pytest.mark.parametrize(
    ("name", "expected"), [("linking", True), ("reloc.CODE", True), ("x", False)]
)
def test_relocatable_objects_are_told_apart(name: str, expected: bool) -> None:
    text = f'(module (@custom "{name}" ""))'
    assert is_relocatable(Module.parse(assemble(text.encode()))) == expected
