"""Function bodies: bytes to flat instructions and back.

An instruction is a tuple `(opcode, *immediates)`, see `opcodes.py`. Equal instructions are often
the same object: a body is cut into the bytes of its instructions by one regular expression made
from the opcode table, and those bytes are looked up in a cache. What the expression does not
cover (padded sub-opcodes, very long branch tables) is read one instruction at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, TypeAlias

from .errors import WasmError
from .immediates import READERS, WRITERS
from .leb import read_u32, write_unsigned
from .opcodes import OPCODES
from .tokens import INSTRUCTION
from .types import ValType, read_value_type, write_value_type

Instr: TypeAlias = tuple[Any, ...]

END: Final = 0x0B
PREFIXES: Final = (0xFB, 0xFC, 0xFD, 0xFE)
OPENERS: Final = frozenset((0x02, 0x03, 0x04, 0x06, 0x1F))

MAX_LOCALS: Final = 50_000
"""The limit of the JavaScript API and of wasmtime; more would let few bytes claim much memory."""

MAX_CACHED: Final = 100_000
"""Instructions remembered before the caches start anew: some 30 MB, several large modules."""


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded function body.

    `runs` are the declared locals (parameters not among them) as `(count, type)`, as written;
    `instrs` all instructions, the last one being the `end` of the function.
    """

    runs: tuple[tuple[int, ValType], ...]
    instrs: list[Instr]

    @property
    def locals(self) -> list[ValType]:
        """One value type for each declared local, at most `MAX_LOCALS`."""
        return [kind for count, kind in self.runs for _ in range(count)]


def decode_body(data: bytes, start: int, end: int) -> Body:
    """Decode the body that lies at `data[start:end]` (without the LEB of its size).

    Raises `WasmError` if it cannot be cut into instructions or does not end with `end`. Nesting
    and types are the business of validation.
    """
    runs, position = read_locals(data, start, end)
    return Body(runs, decode_instrs(data, position, end))


def read_locals(data: bytes, start: int, end: int) -> tuple[tuple[tuple[int, ValType], ...], int]:
    """Read the declarations of locals; returns the runs and where the instructions start."""
    count, position = read_u32(data, start, end)
    if count > end - position:
        raise WasmError(start, f"{count} declarations of locals do not fit into the body")
    runs: list[tuple[int, ValType]] = []
    total = 0
    for _ in range(count):
        at = position
        run, position = read_u32(data, position, end)
        kind, position = read_value_type(data, position, end)
        total += run
        if total > MAX_LOCALS:
            raise WasmError(at, f"too many locals: {total} (limit {MAX_LOCALS})")
        runs.append((run, kind))
    return tuple(runs), position


def decode_instrs(data: bytes, start: int, end: int) -> list[Instr]:
    """Decode the instructions at `data[start:end]`; the last must be `end`."""
    tokens = INSTRUCTION.findall(data, start, end)
    instrs: list[Instr]
    if sum(map(len, tokens)) == end - start:
        if len(_DECODED) > MAX_CACHED:
            _DECODED.clear()
        try:
            instrs = list(map(_DECODED.__getitem__, tokens))
        except WasmError:
            instrs = _decode_singly(data, start, end)
    else:
        instrs = _decode_singly(data, start, end)
    if not instrs or instrs[-1][0] != END:
        raise WasmError(max(start, end - 1), "function body must end with end")
    return instrs


def instr_offsets(data: bytes, start: int, end: int) -> list[int]:
    """Where in `data` each instruction of `data[start:end]` starts."""
    tokens = INSTRUCTION.findall(data, start, end)
    if sum(map(len, tokens)) == end - start:
        return list(accumulate(map(len, tokens[:-1]), initial=start)) if tokens else []
    offsets = []
    while start < end:
        offsets.append(start)
        _, start = decode_instr(data, start, end)
    return offsets


def _decode_singly(data: bytes, position: int, end: int) -> list[Instr]:
    """Decode one instruction after the other; the expression still serves where it matches."""
    match = INSTRUCTION.match
    instrs = []
    while position < end:
        found = match(data, position, end)
        try:
            if found is None:
                instr, position = decode_instr(data, position, end)
            else:
                instr, position = _DECODED[found[0]], found.end()
        except WasmError:
            # Raises again, now with the offset in `data`.
            instr, position = decode_instr(data, position, end)
        instrs.append(instr)
    return instrs


def decode_expression(data: bytes, start: int, end: int) -> tuple[tuple[Instr, ...], int]:
    """Decode a constant expression; returns it without its final `end`, and the next position."""
    instrs: list[Instr] = []
    position = start
    while True:
        if position >= end:
            raise WasmError(start, "constant expression without end")
        instr, position = decode_instr(data, position, end)
        if instr[0] == END:
            return tuple(instrs), position
        if instr[0] in OPENERS:
            raise WasmError(position - 1, "block in a constant expression")
        instrs.append(instr)


def decode_instr(data: bytes, position: int, end: int) -> tuple[Instr, int]:
    """Decode the one instruction at `position`; returns it and the next position."""
    if position >= end:
        raise WasmError(position, "unexpected end of the instructions")
    code, after = data[position], position + 1
    if code in PREFIXES:
        sub, after = read_u32(data, after, end)
        # The product of a huge sub-opcode would alias a real code of another prefix.
        code = code << 16 | sub if sub <= 0xFFFF else -1
    row = OPCODES.get(code)
    if row is None:
        raise WasmError(position, f"illegal opcode {data[position:after].hex(' ')}")
    values: list[Any] = [code]
    for kind in row.immediates:
        after = READERS[kind](data, after, end, values)
    return tuple(values), after


class _Decoded(dict[bytes, Instr]):
    """The bytes of an instruction to the instruction, filled on demand."""

    def __missing__(self, token: bytes) -> Instr:
        instr, after = decode_instr(token, 0, len(token))
        if after != len(token):
            raise WasmError(0, "ambiguous instruction")
        self[token] = instr
        return instr


class _Encoded(dict[Instr, bytes]):
    """An instruction to its shortest bytes, filled on demand."""

    def __missing__(self, instr: Instr) -> bytes:
        encoded = _encode_instr(instr)
        self[instr] = encoded
        return encoded


_DECODED: Final = _Decoded()
_ENCODED: Final = _Encoded()


def _encode_instr(instr: Instr) -> bytes:
    code = instr[0]
    row = OPCODES[code]
    parts = [
        bytes((code,)) if code < 0x100 else bytes((code >> 16,)) + write_unsigned(code & 0xFFFF)
    ]
    at = 1
    for kind in row.immediates:
        width, write = WRITERS[kind]
        parts.append(write(*instr[at : at + width]))
        at += width
    if at != len(instr):
        raise ValueError(f"{row.name} takes {at - 1} immediates: {instr!r}")
    return b"".join(parts)


def encode_instrs(instrs: Iterable[Instr]) -> bytes:
    """Encode instructions, every integer in its shortest form."""
    if len(_ENCODED) > MAX_CACHED:
        _ENCODED.clear()
    return b"".join(map(_ENCODED.__getitem__, instrs))


def instr_size(instr: Instr) -> int:
    """The bytes of one instruction as `encode_instrs` writes it."""
    return len(_ENCODED[instr])


def instrs_size(instrs: Iterable[Instr]) -> int:
    """The bytes of several instructions as `encode_instrs` writes them."""
    return sum(map(len, map(_ENCODED.__getitem__, instrs)))


def encode_body(runs: Sequence[tuple[int, ValType]], instrs: Iterable[Instr]) -> bytes:
    """Encode a body (without the LEB of its size) from runs of locals and instructions."""
    head = [write_unsigned(len(runs))]
    for count, kind in runs:
        head.append(write_unsigned(count) + write_value_type(kind))
    return b"".join(head) + encode_instrs(instrs)
