"""Z3 semantics of the pure operators: one bit-vector expression per spec name.

:func:`apply` gives the total value (an operator that may trap has its SMT-LIB value where it
traps), :func:`trap_condition` says when it traps. Integer operators, reinterpretations and the
float operators that only move bits are exact. Other float operators are uninterpreted functions
over bit patterns, one per operator: equal arguments give equal results and nothing else is known.
Comparisons give 32 bits, 0 or 1, as on the Wasm stack. Everything is built in the context of the
arguments. Written from the core specification, independently of every other room;
``concrete.py`` is the same in plain integers, and the tests compare the two with wasmtime.
"""

from collections.abc import Callable, Sequence
from typing import Final

import z3  # type: ignore[import-untyped]

from .concrete import COMPARISONS, result_width

Encoder = Callable[..., z3.BitVecRef]


def apply(name: str, args: Sequence[z3.BitVecRef]) -> z3.BitVecRef:
    """The total value of operator ``name`` (a spec text name such as ``i32.add``) as a bit vector.

    ``select`` takes ``(if_true, if_false, condition)`` in operand order. An operator this table
    does not hold becomes an uninterpreted function of its arguments, named after it.
    """
    encode = _ENCODERS.get(name)
    if encode is not None:
        return encode(*args)
    prefix, _, operation = name.partition(".")
    if prefix in ("f32", "f64") and operation in COMPARISONS:
        return _float_comparison(prefix, operation, args)
    return uninterpreted(name, args, result_width(name))


def is_exact(name: str) -> bool:
    """Whether :func:`apply` encodes this operator exactly (not as an uninterpreted function)."""
    return name in _ENCODERS


def trap_condition(name: str, args: Sequence[z3.BitVecRef]) -> z3.BoolRef | None:
    """When operator ``name`` traps, or ``None`` if it never does."""
    prefix, _, operation = name.partition(".")
    if prefix in ("i32", "i64"):
        if operation in ("div_u", "rem_u", "rem_s"):
            return args[1] == 0
        if operation == "div_s":
            width = args[0].size()
            least = z3.BitVecVal(1 << (width - 1), width, args[0].ctx)
            return z3.Or(args[1] == 0, z3.And(args[0] == least, args[1] == -1))
        if operation.startswith("trunc_f"):
            return uninterpreted(f"trap:{name}", args, 1) == 1
    return None


def uninterpreted(name: str, args: Sequence[z3.BitVecRef], width: int) -> z3.BitVecRef:
    """An uninterpreted function of bit vectors: the same name and arguments, the same value."""
    context = args[0].ctx
    sorts = [a.sort() for a in args]
    return z3.Function(name, *sorts, z3.BitVecSort(width, context))(*args)


def truth(condition: z3.BoolRef) -> z3.BitVecRef:
    """A Boolean as the 32-bit 0 or 1 that a comparison pushes."""
    context = condition.ctx
    return z3.If(condition, z3.BitVecVal(1, 32, context), z3.BitVecVal(0, 32, context))


def _float_comparison(prefix: str, operation: str, args: Sequence[z3.BitVecRef]) -> z3.BitVecRef:
    """Float comparisons from three uninterpreted ones: ``ne`` is not ``eq``, ``gt`` is ``lt``
    with swapped arguments, ``ge`` is ``le``; true for NaNs too."""
    a, b = args
    match operation:
        case "gt" | "ge":
            a, b, operation = b, a, {"gt": "lt", "ge": "le"}[operation]
        case "ne":
            return truth(uninterpreted(f"{prefix}.eq", (a, b), 1) == 0)
    return truth(uninterpreted(f"{prefix}.{operation}", (a, b), 1) == 1)


def _amount(x: z3.BitVecRef, y: z3.BitVecRef) -> z3.BitVecRef:
    """A shift or rotation count: Wasm takes it modulo the width."""
    return y & (x.size() - 1)


def _clz(x: z3.BitVecRef) -> z3.BitVecRef:
    width = x.size()
    result = z3.BitVecVal(width, width, x.ctx)
    for i in range(width):
        result = z3.If(z3.Extract(i, i, x) == 1, z3.BitVecVal(width - 1 - i, width, x.ctx), result)
    return result


def _ctz(x: z3.BitVecRef) -> z3.BitVecRef:
    width = x.size()
    result = z3.BitVecVal(width, width, x.ctx)
    for i in reversed(range(width)):
        result = z3.If(z3.Extract(i, i, x) == 1, z3.BitVecVal(i, width, x.ctx), result)
    return result


def _popcnt(x: z3.BitVecRef) -> z3.BitVecRef:
    width = x.size()
    total = z3.ZeroExt(width - 1, z3.Extract(0, 0, x))
    for i in range(1, width):
        total = total + z3.ZeroExt(width - 1, z3.Extract(i, i, x))
    return total


def _extend(bits: int, width: int) -> Encoder:
    def encode(x: z3.BitVecRef) -> z3.BitVecRef:
        return z3.SignExt(width - bits, z3.Extract(bits - 1, 0, x))

    return encode


def _same(x: z3.BitVecRef) -> z3.BitVecRef:
    return x


def _select(a: z3.BitVecRef, b: z3.BitVecRef, condition: z3.BitVecRef) -> z3.BitVecRef:
    return z3.If(condition != 0, a, b)


def _abs(x: z3.BitVecRef) -> z3.BitVecRef:
    return x & ((1 << (x.size() - 1)) - 1)


def _neg(x: z3.BitVecRef) -> z3.BitVecRef:
    return x ^ (1 << (x.size() - 1))


def _copysign(x: z3.BitVecRef, y: z3.BitVecRef) -> z3.BitVecRef:
    top = 1 << (x.size() - 1)
    return (x & (top - 1)) | (y & top)


_INTEGER: Final[dict[str, Encoder]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div_s": lambda x, y: x / y,
    "div_u": z3.UDiv,
    "rem_s": z3.SRem,
    "rem_u": z3.URem,
    "and": lambda x, y: x & y,
    "or": lambda x, y: x | y,
    "xor": lambda x, y: x ^ y,
    "shl": lambda x, y: x << _amount(x, y),
    "shr_u": lambda x, y: z3.LShR(x, _amount(x, y)),
    "shr_s": lambda x, y: x >> _amount(x, y),
    "rotl": lambda x, y: z3.RotateLeft(x, _amount(x, y)),
    "rotr": lambda x, y: z3.RotateRight(x, _amount(x, y)),
    "clz": _clz,
    "ctz": _ctz,
    "popcnt": _popcnt,
    "eqz": lambda x: truth(x == 0),
    "eq": lambda x, y: truth(x == y),
    "ne": lambda x, y: truth(x != y),
    "lt_u": lambda x, y: truth(z3.ULT(x, y)),
    "gt_u": lambda x, y: truth(z3.UGT(x, y)),
    "le_u": lambda x, y: truth(z3.ULE(x, y)),
    "ge_u": lambda x, y: truth(z3.UGE(x, y)),
    "lt_s": lambda x, y: truth(x < y),
    "gt_s": lambda x, y: truth(x > y),
    "le_s": lambda x, y: truth(x <= y),
    "ge_s": lambda x, y: truth(x >= y),
}


def _encoders() -> dict[str, Encoder]:
    table: dict[str, Encoder] = {
        "select": _select,
        "i32.wrap_i64": lambda x: z3.Extract(31, 0, x),
        "i64.extend_i32_u": lambda x: z3.ZeroExt(32, x),
        "i64.extend_i32_s": lambda x: z3.SignExt(32, x),
        "i64.extend32_s": _extend(32, 64),
    }
    for width in (32, 64):
        for name, encode in _INTEGER.items():
            table[f"i{width}.{name}"] = encode
        table[f"i{width}.extend8_s"] = _extend(8, width)
        table[f"i{width}.extend16_s"] = _extend(16, width)
        table[f"i{width}.reinterpret_f{width}"] = _same
        table[f"f{width}.reinterpret_i{width}"] = _same
        table |= {f"f{width}.abs": _abs, f"f{width}.neg": _neg, f"f{width}.copysign": _copysign}
    return table


_ENCODERS: Final[dict[str, Encoder]] = _encoders()
