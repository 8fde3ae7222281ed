"""Upper bounds of values hold for every input."""

import random

import pytest
import wasmtime
from eqsat.ir.graph import Exit
from eqsat.lowering import lower
from eqsat.skeleton.ranges import most
from eqsat.wasm.module import Module

OPS = ("add", "and", "or", "xor", "shl", "mul", "shr_u", "rem_u", "div_u", "lt_u", "sub", "shr_s")


def expression(source: random.Random, depth: int) -> str:
    pick = source.random()
    if depth == 0 or pick < 0.2:
        return source.choice(
            (
                f"(i32.const {source.choice((0, 1, 3, 5, 31, 33, 255, 4096, -1, -8))})",
                "(local.get 0)",
                "(local.get 1)",
                f"(i32.load{source.choice(('8_u', '16_u', '8_s'))} (i32.const 8))",
            )
        )
    if pick < 0.3:
        inside = (expression(source, depth - 1) for _ in range(3))
        return f"(select {' '.join(inside)})"
    op = source.choice(OPS)
    second = expression(source, depth - 1)
    if op in ("rem_u", "div_u"):
        second = f"(i32.const {source.choice((1, 3, 16, 1000))})"
    return f"(i32.{op} {expression(source, depth - 1)} {second})"


@pytest.mark.parametrize("start", range(0, 200, 100))
def test_bounds_hold(start: int) -> None:
    tight = 0
    for seed in range(start, start + 100):
        text = f"""(module (memory 1) (data (i32.const 8) "\\ff\\fe")
          (func (export "f") (param i32 i32) (result i32)
          {expression(random.Random(seed), 4)}))"""
        data = bytes(wasmtime.wat2wasm(text))
        last = lower(Module.parse(data), 0).body[-1]
        assert isinstance(last, Exit)
        bound = most(last.args[0])
        tight += bound < 0xFFFF_FFFF
        store = wasmtime.Store()
        instance = wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
        call = instance.exports(store)["f"]
        assert isinstance(call, wasmtime.Func)
        for first in (0, 1, -1, 255, 4096, 1 << 30):
            for second in (0, 3, -2, 33):
                assert call(store, first, second) & 0xFFFF_FFFF <= bound, seed
    assert tight > 20
