"""Instructions with old indices to instructions with new ones."""

from collections.abc import Callable, Sequence
from typing import Any

from .body import Instr, decode_instrs, encode_instrs, read_locals
from .immediates import WRITERS
from .indices import Dangling, Indices
from .leb import write_unsigned
from .opcodes import OPCODES
from .tokens import INSTRUCTION
from .types import ValType, write_value_type


class Renamer:
    """Renames the indices in instructions, expressions and bodies by the maps of one module."""

    def __init__(self, indices: Indices) -> None:
        self._maps = indices.by_kind()
        self._special: dict[str, Callable[..., tuple[Any, ...]]] = {
            "memarg": self._memarg,
            "blocktype": self._block_type,
            "heaptype": lambda heap: (self.heap(heap),),
            "types": lambda kinds: (tuple(map(self.value_type, kinds)),),
            "cast": self._cast,
            "catches": self._catches,
        }
        self._identical = {
            kind
            for kind, mapping in self._maps.items()
            if all(new == old for old, new in enumerate(mapping))
        }
        self._cache: dict[bytes, bytes] = {}

    def index(self, kind: str, old: int) -> int:
        """The new index of an entity; raises Dangling if it is gone."""
        found = self._maps[kind]
        new = found[old] if old < len(found) else old
        if new is None:
            raise Dangling(f"{kind} {old} is still used")
        return new

    def type(self, old: int) -> int:
        """The new index of a type; the ones past the old types were numbered by the writer."""
        return self.index("type", old)

    def instr(self, instr: Instr) -> Instr:
        """The instruction with new indices; the same object where nothing changes."""
        row = OPCODES[instr[0]]
        values: list[Any] = [instr[0]]
        at = 1
        for kind in row.immediates:
            width = WRITERS[kind][0]
            old = instr[at : at + width]
            at += width
            if kind in self._maps:
                values.append(self.index(kind, old[0]))
            elif (special := self._special.get(kind)) is not None:
                values += special(*old)
            else:
                values += old
        made = tuple(values)
        return instr if made == instr else made

    def expression(self, instrs: Sequence[Instr]) -> bytes:
        """A constant expression with new indices, with its `end`."""
        return encode_instrs([*map(self.instr, instrs), (0x0B,)])

    def body(self, data: bytes, start: int, end: int) -> bytes:
        """A body (without its size) with new indices."""
        runs, position = read_locals(data, start, end)
        head = data[start:position]
        if any(isinstance(kind, tuple) and kind[1] >= 0 for _, kind in runs):
            head = write_unsigned(len(runs)) + b"".join(
                write_unsigned(count) + write_value_type(self.value_type(kind))
                for count, kind in runs
            )
        tokens = INSTRUCTION.findall(data, position, end)
        if sum(map(len, tokens)) != end - position:
            return head + encode_instrs(map(self.instr, decode_instrs(data, position, end)))
        return head + b"".join(map(self._token, tokens))

    def _token(self, token: bytes) -> bytes:
        found = self._cache.get(token)
        if found is None:
            instr = decode_instrs(token + b"\x0b", 0, len(token) + 1)[0]
            made = self.instr(instr)
            found = self._cache[token] = token if made is instr else encode_instrs([made])
        return found

    def value_type(self, kind: ValType) -> ValType:
        """A value type with new indices."""
        if isinstance(kind, tuple):
            return kind[0], self.heap(kind[1])
        return kind

    def heap(self, heap: int) -> int:
        """A heap type with new indices."""
        return heap if heap < 0 else self.type(heap)

    def _memarg(self, align: int, offset: int, memory: int) -> tuple[int, int, int]:
        return align, offset, self.index("memory", memory)

    def _block_type(self, kind: Any) -> tuple[Any]:  # noqa: ANN401 (an immediate)
        if isinstance(kind, tuple) and kind[0] == "type":
            return (("type", self.type(kind[1])),)
        return (self.value_type(kind) if isinstance(kind, tuple) else kind,)

    def _cast(self, flags: int, label: int, source: int, target: int) -> tuple[int, int, int, int]:
        return flags, label, self.heap(source), self.heap(target)

    def _catches(self, clauses: tuple[tuple[int, ...], ...]) -> tuple[Any]:
        made = [
            (c[0], self.index("tag", c[1]), *c[2:]) if c[0] < 2 else c  # kinds 0, 1 name a tag
            for c in clauses
        ]
        return (tuple(made),)
