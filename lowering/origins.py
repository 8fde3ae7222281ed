"""Which value each instruction of a body computes, in the simplified graph of its function.

Only those who show a function to a person need it, so lowering itself does not keep track.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.demand import simplify
from ..ir.graph import Function, ValType, Value
from ..ir.rebuild import Rebuild
from ..wasm.module import Module
from ..wasm.text_folded import instruction_arity
from ..wasm.types import FuncType
from .building import Building
from .lower import parts
from .types import Instr

__all__ = ["lower_with_origins"]

_END = 0x0B


def lower_with_origins(module: Module, index: int) -> tuple[Function, dict[int, Value]]:
    """Lower a defined function as `lower` does; also return position to value.

    Positions count the body's instructions from 0. Those that leave no value on the stack are
    missing, as are those whose value nothing needs. An instruction with several results stands for
    its last one. Raises `Unsupported`.
    """
    tracing = _Tracing(*parts(module, index))
    function = tracing.run()
    origins = tracing.origins

    def follow(rebuild: Rebuild) -> None:
        nonlocal origins
        copies = {position: rebuild.copy_of(value) for position, value in origins.items()}
        origins = {position: value for position, value in copies.items() if value is not None}

    return simplify(function, follow), origins


class _Tracing(Building):
    """Notes what is on top of the stack after each instruction that puts a value there."""

    def __init__(
        self,
        module: Module,
        index: int,
        signature: FuncType,
        local_types: list[ValType],
        instrs: Sequence[Instr],
    ) -> None:
        super().__init__(module, index, signature, local_types, instrs)
        self.origins: dict[int, Value] = {}

    def _step(self, instr: Instr, position: int) -> None:
        pushes = bool(self.frames[-1].outs) if instr[0] == _END else False
        last = len(self.frames) == 1
        super()._step(instr, position)
        if self.dead or not self.stack:
            return
        if instr[0] == _END:
            pushes = pushes and not last
        else:
            pushes = instruction_arity(self.module, instr)[1] > 0
        if pushes:
            self.origins[position] = self.stack[-1]
