"""Memories that never change: nobody writes them, nobody outside sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..ir.constants import signed
from ..wasm.body import Instr
from ..wasm.opcodes import BY_NAME, OPCODES
from .interpret import LOADS
from .liveness import constant_offset, safe_data

if TYPE_CHECKING:
    from .view import View

LARGEST: Final = 1 << 20
"""Bytes of a memory that are kept."""

READERS: Final = frozenset(
    code for code, row in OPCODES.items() if row.effect == "load" or row.name == "memory.size"
)
"""What leaves a memory as it is, besides being the source of a copy."""
COPY: Final = BY_NAME["memory.copy"]
CONSTANTS: Final = {32: 0x41, 64: 0x42}


def read_only(view: View) -> dict[int, bytes]:
    """Return the bytes of each private memory that no code writes, in its first size."""
    changed = set(view.visible_memories)
    for function in view.functions:
        for use in view.references.body(function).uses:
            for position, (kind, index) in enumerate(use.targets):
                source = use.opcode == COPY and position == 1
                if kind == "memory" and use.opcode not in READERS and not source:
                    changed.add(index)
    found = {}
    for index in sorted(view.live.memory - changed):
        content = _content(view, index)
        if content is not None:
            found[index] = content
    return found


def _content(view: View, index: int) -> bytes | None:
    module = view.module
    memory = module.memories[index]
    size = memory.minimum << memory.page_size_log2
    if memory.is64 or memory.shared or size > LARGEST:
        return None
    content = bytearray(size)
    for data in module.datas:
        if data.mode != "active" or data.memory != index:
            continue
        start = constant_offset(module, data.offset)
        if start is None or not safe_data(module, data):
            return None
        content[start : start + data.end - data.start] = module.data[data.start : data.end]
    return bytes(content)


def loaded(content: bytes, load: Instr, address: int) -> Instr | None:
    """Return the constant that a load gives at an address, None if it may trap or is none."""
    if load[0] not in LOADS:
        return None
    size, sign, width = LOADS[load[0]]
    start = (address & 0xFFFFFFFF) + load[2]
    if start + size > len(content):
        return None
    number = int.from_bytes(content[start : start + size], "little")
    return CONSTANTS[width], signed(signed(number, 8 * size) if sign else number, width)
