"""Bits that are said to be known are what an engine computes."""

import wasmtime
from eqsat.ir.bits import KnownBits, arrivals
from eqsat.ir.graph import Exit, Value
from eqsat.lowering import lower
from eqsat.wasm.module import Module
from hypothesis import given, settings
from hypothesis import strategies as st

OPERATIONS = (
    *("add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "shr_s", "rotl"),
    *("eq", "ne", "lt_u", "ge_s"),
)
ARGUMENTS = (0, 1, 2, 15, 16, 255, 4096, -1, -16, 2**31 - 1, -(2**31))


def binary(name: str, a: str, b: str) -> str:
    return f"(i32.{name} {a} {b})"


texts = st.recursive(
    st.sampled_from(("(local.get 0)", "(local.get 1)"))
    | st.sampled_from((0, 1, 3, 4, 15, 16, 4096, -16)).map(lambda k: f"(i32.const {k})"),
    lambda inner: (
        st.builds(binary, st.sampled_from(OPERATIONS), inner, inner)
        | st.builds("(select {} {} {})".format, inner, inner, inner)
        | st.builds("(if (result i32) {} (then {}) (else {}))".format, inner, inner, inner)
        | st.builds("(i32.wrap_i64 (i64.shl (i64.extend_i32_u {}) (i64.const 4)))".format, inner)
        | st.builds("(i32.rem_u {} (i32.const 16))".format, inner)
    ),
    max_leaves=14,
)


def returned(wat: str) -> tuple[bytes, KnownBits, Value]:
    data = bytes(wasmtime.wat2wasm(wat))
    graph = lower(Module.parse(data), 0)
    last = graph.body[-1]
    assert isinstance(last, Exit)
    return data, KnownBits(arrivals(graph)), last.args[0]


@settings(max_examples=150)
@given(texts)
def test_known_bits_hold(text: str) -> None:
    wat = f'(module (func (export "f") (param i32 i32) (result i32) {text}))'
    data, known, value = returned(wat)
    zeros, ones = known.masks(value)
    assert not zeros & ones
    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
    call = instance.exports(store)["f"]
    assert isinstance(call, wasmtime.Func)
    for a in ARGUMENTS:
        for b in ARGUMENTS[::2]:
            result = call(store, a, b) & 0xFFFFFFFF
            assert result & zeros == 0
            assert result & ones == ones


def test_a_code_that_every_way_brings_is_known() -> None:
    wat = """(module (func (export "f") (param i32 i32) (result i32)
      (i32.and (i32.const 15)
        (if (result i32) (local.get 0)
          (then (i32.const 19))
          (else (i32.or (i32.shl (local.get 1) (i32.const 4)) (i32.const 3)))))))"""
    _, known, value = returned(wat)
    assert known.number(value) == 3


def test_what_a_loop_brings_back_counts() -> None:
    wat = """(module (func (export "f") (param i32 i32) (result i32) (local i32)
      (local.set 2 (i32.const 32))
      (loop
        (br_if 0 (local.tee 0 (i32.and (local.get 2) (local.get 0))))
        (local.set 2 (i32.add (local.get 2) (i32.const {})))
        (br_if 0 (local.tee 1 (i32.shr_u (local.get 1) (i32.const 1)))))
      (i32.and (local.get 2) (i32.const 15))))"""
    _, known, value = returned(wat.format(17))
    assert known.number(value) is None
    assert known.truth(value) is None
