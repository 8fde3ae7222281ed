"""Every module of the evaluation data goes through the codec; what is malformed is refused."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from eqsat.wasm.body import decode_body, encode_body, encode_instrs, instr_offsets, read_locals
from eqsat.wasm.errors import WasmError
from eqsat.wasm.features import features
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace
from eqsat.wasm.text import print_module
from eqsat.wasm.text_in import assemble
from eqsat.wasm.validate import validate

REFUSED = 3417
ACCEPTED = 2502
COMPARED = ("functions", "imports", "tables", "memories", "globals", "tags", "exports", "start")


def corpus(shared: Path) -> Iterator[tuple[str, bytes]]:
    for folder in ("corpus/wasm", "corpus-rust", "fused", "fused-rust"):
        for path in sorted((shared / folder).rglob("*.wasm")):
            yield str(path.relative_to(shared)), path.read_bytes()


@pytest.fixture(scope="session")
def suite(shared: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The binaries of the specification's tests: those to accept, those to refuse."""
    with tarfile.open(shared / "testsuite" / "converted.tar.xz") as archive:
        files = {
            entry.name: found.read()
            for entry in archive
            if (found := archive.extractfile(entry)) is not None
        }
    accept: dict[str, bytes] = {}
    refuse: dict[str, bytes] = {}
    for name, content in files.items():
        if not name.endswith(".json"):
            continue
        folder = name.rsplit("/", 1)[0]
        for command in json.loads(content)["commands"]:
            path = f"{folder}/{command.get('filename')}"
            if path.endswith(".wasm"):
                bad = command["type"] in ("assert_malformed", "assert_invalid")
                (refuse if bad else accept)[path] = files[path]
    return accept, refuse


def check_round_trip(name: str, data: bytes) -> None:
    module = Module.parse(data)
    assert replace(module, {}).data == data, name
    bodies = {}
    for index in range(module.imported_functions, len(module.functions)):
        old = module.body_bytes(index)
        body = module.body(index)
        new = encode_body(body.runs, body.instrs)
        assert decode_body(new, 0, len(new)) == body, name
        if len(new) == len(old):
            assert new == old, name
        else:
            check_only_padding_went(old, new, name)
        bodies[index] = new
    again = Module.parse(replace(module, bodies).data)
    assert again.types == module.types, name
    assert [again.body_bytes(index) for index in bodies] == list(bodies.values()), name
    if bodies:
        validate(again.data)


def check_only_padding_went(old: bytes, new: bytes, name: str) -> None:
    """Each instruction that became shorter held a padded integer: it had continuation bytes."""
    _, start = read_locals(old, 0, len(old))
    offsets = [*instr_offsets(old, start, len(old)), len(old)]
    instrs = decode_body(old, 0, len(old)).instrs
    assert len(instrs) == len(offsets) - 1, name
    for instr, at, after in zip(instrs, offsets, offsets[1:], strict=False):
        short = encode_instrs([instr])
        if short != old[at:after]:
            assert len(short) < after - at, name
            assert any(byte in (0x80, 0xFF) for byte in old[at:after]), name


def check_text(name: str, data: bytes) -> None:
    module = Module.parse(data)
    binary = assemble(print_module(module).encode())
    validate(binary)
    again = Module.parse(binary)
    assert len(again.types) == len(module.types), name
    for part in COMPARED:
        assert getattr(again, part) == getattr(module, part), (name, part)
    for index in range(module.imported_functions, len(module.functions)):
        assert again.body(index).instrs == module.body(index).instrs, name
        assert again.local_types(index) == module.local_types(index), name
    for old, new in zip(module.datas, again.datas, strict=True):
        assert module.data[old.start : old.end] == binary[new.start : new.end], name


def test_corpus(shared: Path) -> None:
    found = 0
    for name, data in corpus(shared):
        check_round_trip(name, data)
        check_text(name, data)
        assert isinstance(features(Module.parse(data)), tuple)
        found += 1
    assert found >= 108


def test_suite_is_accepted(suite: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    accept, _ = suite
    assert len(accept) == ACCEPTED
    for name, data in accept.items():
        validate(data)
        check_round_trip(name, data)
        check_text(name, data)


def test_suite_is_refused(suite: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    _, refuse = suite
    assert len(refuse) == REFUSED
    for name, data in refuse.items():
        read_everything(name, data)
        with pytest.raises(WasmError) as caught:
            validate(data)
        assert 0 <= caught.value.offset <= len(data), name
        assert "\n" not in str(caught.value), name


def read_everything(name: str, data: bytes) -> None:
    """Our own reader need not notice every fault, but must not fall over any."""
    try:
        module = Module.parse(data)
        for index in range(module.imported_functions, len(module.functions)):
            module.body(index)
        print_module(module)
    except WasmError as error:
        message = str(error)
        if not message or "\n" in message:
            pytest.fail(f"{name}: {message!r}")
