"""Bodies that are equal instruction by instruction, once callees stand in place of their calls.

An inliner that works like ``unfold.py`` gives such bodies; nothing needs to be executed then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .reader import FunctionType, Instruction

if TYPE_CHECKING:
    from .context import Context
    from .validator import Body


def same_code(context: Context, old: Body, new: Body) -> bool:
    """Whether two bodies are the same code.

    Both name things by the old module's indices; calls in the new one carry the type under which
    they are made (``lift.py``), which must be the one that the old module declares.
    """
    if old.declared != new.declared or len(old.code) != len(new.code):
        return False
    return all(a == b or _same(context, a, b) for a, b in zip(old.code, new.code, strict=True))


def _same(context: Context, old: Instruction, new: Instruction) -> bool:
    op = old[0]
    if op != new[0]:
        return False
    if op in (0x02, 0x03, 0x04):
        return _block(context, old[1]) == _block(context, new[1])
    if op in (0x10, 0x12):
        return _callee(context, old) == _callee(context, new)
    return False


def _callee(context: Context, call: Instruction) -> tuple[int, FunctionType]:
    alike = context.alike
    same = call[1] if alike is None else alike[call[1]]
    kind = call[2] if len(call) > 2 else context.module.function_type(call[1])
    return same, kind


def _block(context: Context, block: object) -> tuple[Sequence[Any], Sequence[Any]]:
    """Parameters and results of a block type."""
    match block:
        case None:
            return (), ()
        case ("type", int(index)):
            found = context.type_at(index)
            return found.params, found.results
        case ("results", tuple() as results):
            return (), results
        case _:
            return (), (block,)
