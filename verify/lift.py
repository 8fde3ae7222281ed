"""Code of the new module in the indices of the old one, so that both speak of the same things."""

from collections.abc import Callable
from typing import Final

from .context import Context
from .reader import Instruction, Unsupported
from .structure import FUNCTION, GLOBAL, MEMORY, TABLE, Structure


class Lift:
    """Maps instructions back. Appends function types that the old module does not have."""

    def __init__(self, structure: Structure, context: Context) -> None:
        self.structure, self.context = structure, context
        self.origin = structure.origin
        self.types: dict[int, int] = {}
        self.module = structure.after.module
        table: dict[int, Callable[[Instruction], Instruction]] = {}
        table |= dict.fromkeys((0x02, 0x03, 0x04), self._block)
        table |= dict.fromkeys((0x10, 0x12), self._call)
        table |= dict.fromkeys((0x11, 0x13), self._indirect)
        table |= dict.fromkeys((0x23, 0x24), self._first(GLOBAL))
        table |= dict.fromkeys((0x25, 0x26), self._first(TABLE))
        table |= dict.fromkeys((0x3F, 0x40), self._first(MEMORY))
        table |= dict.fromkeys(range(0x28, 0x3F), self._access)
        table |= dict.fromkeys(_VECTOR_ACCESSES, self._access)
        table[0xD2] = self._first(FUNCTION)
        table |= dict.fromkeys(range(0xFC0008, 0xFC0012), self._bulk)
        self.table = table

    def code(self, code: list[Instruction]) -> list[Instruction]:
        """A decoded body (``read_body``) of the new module in old indices."""
        table = self.table
        return [table[i[0]](i) if i[0] in table else i for i in code]

    def type(self, index: int) -> int:
        """The number of a type of the new module among the old one's and appended ones."""
        found = self.types.get(index)
        if found is None:
            if not self.module.plain_types:
                # Then the type section is the same in both (structure.py).
                return index
            found = self.types[index] = self.context.number(self.module.type_at(index))
        return found

    def _block(self, instruction: Instruction) -> Instruction:
        block = instruction[1]
        if isinstance(block, tuple) and block[0] == "type":
            return (instruction[0], ("type", self.type(block[1])))
        return instruction

    def _call(self, instruction: Instruction) -> Instruction:
        # The type is that of the new function, which may have fewer parameters and results.
        kind = self.module.function_type(instruction[1])
        return (instruction[0], self.origin[FUNCTION][instruction[1]], kind)

    def _indirect(self, instruction: Instruction) -> Instruction:
        op, type_, table = instruction
        return (op, self.type(type_), self.origin[TABLE][table])

    def _first(self, kind: int) -> Callable[[Instruction], Instruction]:
        origin = self.origin[kind]
        return lambda i: (i[0], origin[i[1]], *i[2:])

    def _access(self, instruction: Instruction) -> Instruction:
        op, align, offset, memory, *lane = instruction
        return (op, align, offset, self.origin[MEMORY][memory], *lane)

    def _bulk(self, instruction: Instruction) -> Instruction:
        op, *indices = instruction
        kinds = _BULK.get(op)
        if kinds is None:
            raise Unsupported(f"opcode {op:#x}")
        spaces = {
            "d": self.structure.data_origin, "e": self.structure.element_origin,
            "m": self.origin[MEMORY], "t": self.origin[TABLE],
        }  # fmt: skip
        found = [spaces[k][i] for k, i in zip(kinds, indices, strict=True)]
        if -1 in found:
            raise Unsupported("a data segment without counterpart is used")
        return (op, *found)


_VECTOR_ACCESSES: Final = (
    *range(0xFD0000, 0xFD000C), 0xFD005C, 0xFD005D, *range(0xFD0054, 0xFD005C)
)  # fmt: skip
_BULK: Final = {
    0xFC0008: "dm", 0xFC0009: "d", 0xFC000A: "mm", 0xFC000B: "m", 0xFC000C: "et", 0xFC000D: "e",
    0xFC000E: "tt", 0xFC000F: "t", 0xFC0010: "t", 0xFC0011: "t",
}  # fmt: skip
