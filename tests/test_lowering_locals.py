"""Locals of emitted code: zeros they start with, wide constants, values in circles."""

import pytest
from eqsat.lowering import STYLES, Style, emit, lower
from eqsat.wasm.body import Instr
from eqsat.wasm.module import Module
from eqsat.wasm.rewrite import replace

from .small_functions import module, results

GET, SET, TEE, CONST = 0x20, 0x21, 0x22, 0x41


def written(source: Module, style: Style) -> list[Instr]:
    """Emit the function, check that it does the same, and return its instructions."""
    body = emit(lower(source, 0), style).body
    out = replace(source, {0: body}).data
    assert results(out) == results(source.data)
    return Module.parse(out).body(0).instrs


styles = pytest.mark.parametrize("style", STYLES, ids=lambda s: s.name)

SWAPPED = """
 (loop $o
   (local.set $k (i32.const 3))
   (loop $i
     (local.set $t (i32.add (local.get $a) (i32.const 7)))
     (local.set $u (i32.mul (local.get $b) (i32.const 3)))
     (local.set $a (local.get $t))
     (local.set $b (local.get $u))
     (br_if $i (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
   (local.set $t (local.get $a)) (local.set $a (local.get $b)) (local.set $b (local.get $t))
   (br_if $o (local.tee $n (i32.shr_u (local.get $n) (i32.const 1)))))
 (i32.sub (local.get $a) (local.get $b))"""
"""What the inner loop passes last is read behind it, and passed to it again, swapped."""

ROTATED = """
 (loop $l
   (local.set $t (i32.add (local.get $a) (i32.load (local.get $k))))
   (local.set $a (i32.rotl (local.get $b) (i32.const 5)))
   (local.set $b (i32.xor (local.get $t) (local.get $a)))
   (local.set $k (i32.add (local.get $k) (i32.const 4)))
   (br_if $l (i32.lt_u (local.get $k) (i32.const 64))))
 (i32.sub (local.get $a) (local.get $b))"""

ZERO_BEHIND_A_ROUND = """
 (block $out
   (loop $l
     (if (i32.eqz (local.get $n))
       (then
         (local.set $t (i32.const 0))
         (loop $m
           (local.set $t (i32.add (local.get $t) (local.get $k)))
           (br_if $m (i32.gt_u (local.tee $a (i32.shr_u (local.get $a) (i32.const 1)))
                               (i32.const 9))))
         (br $out)))
     (local.set $t (i32.add (local.get $t) (local.get $b)))
     (local.set $k (i32.xor (local.get $k) (local.get $t)))
     (local.set $n (i32.shr_u (local.get $n) (i32.const 1)))
     (br $l)))
 (i32.add (local.get $t) (local.get $k))"""
"""A zero that no loop repeats, and that comes after rounds which write the local."""


@styles
@pytest.mark.parametrize("text", [SWAPPED, ROTATED, ZERO_BEHIND_A_ROUND])
def test_same_results(style: Style, text: str) -> None:
    written(module(text), style)


def test_only_the_circle_goes_over_the_stack() -> None:
    """The condition computes what is passed on for the next address: it must not come first."""
    for style in STYLES[:2]:
        instrs = written(module(ROTATED), style)
        assert len(instrs) <= len(module(ROTATED).body(0).instrs)


ZERO_START = """
 (block $out
   (loop $l
     (br_if $l (local.tee $n (i32.shr_u (local.get $n) (i32.const 1))))
     (local.set $t (i32.const 0))
     (local.set $k (i32.const 0))
     (loop $m
       (local.set $t (i32.add (local.get $t) (local.get $k)))
       (local.set $k (i32.add (local.get $k) (i32.const 1)))
       (br_if $m (i32.lt_u (local.get $k) (i32.and (local.get $a) (i32.const 31)))))))
 (local.get $t)"""


@styles
def test_no_write_of_a_zero_that_is_there(style: Style) -> None:
    instrs = written(module(ZERO_START), style)
    assert (CONST, 0) not in instrs


WIDE = """
 (i32.store (i32.const 0) (i32.const 123456789))
 (if (local.get $n) (then (i32.store (i32.const 4) (i32.const 123456789))))
 (i32.store (i32.const 8) (i32.xor (local.get $a) (i32.const 123456789)))
 (i32.load (i32.const 8))"""


@styles
def test_wide_constants_are_kept_for_size(style: Style) -> None:
    instrs = written(module(WIDE), style)
    count = instrs.count((CONST, 123456789))
    assert count == (1 if style.hoist else 3)


NARROW = WIDE.replace("123456789", "-60")


@styles
def test_short_constants_are_written_again(style: Style) -> None:
    instrs = written(module(NARROW), style)
    assert instrs.count((CONST, -60)) == 3
