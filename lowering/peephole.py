"""Small repairs on code with coloured locals."""

from __future__ import annotations

from .liveness import GET, SET, TEE, Liveness
from .locals import ZEROS, first_use
from .types import Instr

DROP, LOOP = 0x1A, 0x03
_FREE = frozenset({GET, 0x41, 0x42, 0x43, 0x44, 0xFD000C, 0xD0, 0xD2})
"""Instructions that push one value, need nothing and do nothing else."""
_CONSTANTS = frozenset({0x41, 0x42, 0x43, 0x44})

MAX_ROUNDS = 12
"""Repairs nearly always settle in three rounds; this bounds the odd chain."""


def repair(code: list[Instr], parameters: int) -> list[Instr]:
    """Return shorter code: no copy to itself, no dead write, no second write of a constant."""
    for _ in range(MAX_ROUNDS):
        code = _sink_copies(_pairs(code))
        before = code
        code = _known_constants(_dead_writes(code))
        if code is before:
            break
    return _copied(_zero_starts(code, parameters))


def _copied(code: list[Instr]) -> list[Instr]:
    """`get a, set b, get a` becomes `get a, tee b`: what was copied is still on the stack.

    The last step, since sinking a copy to its first use may save as much elsewhere.
    """
    out: list[Instr] = []
    for instr in code:
        if instr[0] == GET and len(out) > 1 and out[-1][0] == SET and out[-2] == instr:
            out[-1] = (TEE, out[-1][1])
        else:
            out.append(instr)
    return out


def _pairs(code: list[Instr]) -> list[Instr]:
    """Look at neighbours only."""
    out: list[Instr] = []
    for instr in code:
        op = instr[0]
        if out and (op in (SET, TEE, GET, DROP)):
            last = out[-1]
            before = last[0]
            same = op != DROP and len(last) > 1 and last[1] == instr[1]
            if op == SET and same and before == GET:
                out.pop()
                continue
            if op == SET and same and before == TEE:
                out[-1] = instr
                continue
            if op == GET and same and before == SET:
                out[-1] = (TEE, instr[1])
                continue
            if op == TEE and same and (before in (TEE, GET)):
                continue
            if op == DROP and before == TEE:
                out[-1] = (SET, last[1])
                continue
            if op == DROP and before in _FREE:
                out.pop()
                continue
        out.append(instr)
    return out


def _sink_copies(code: list[Instr]) -> list[Instr]:
    """`get a, set b, ..., get b` becomes `..., get a, tee b` where nothing between minds."""
    out = list(code)
    position = 0
    while position + 1 < len(out):
        first, second = out[position], out[position + 1]
        if first[0] == GET and second[0] == SET and first[1] != second[1]:
            use = first_use(out, position + 2, first[1], second[1])
            if use is not None:
                out[use : use + 1] = [first, (TEE, second[1])]
                del out[position : position + 2]
                continue
        position += 1
    return out


def _dead_writes(code: list[Instr]) -> list[Instr]:
    """Remove writes that nothing reads."""
    dead = [
        position for position, live in Liveness(code).writes() if not live >> code[position][1] & 1
    ]
    if not dead:
        return code
    gone = set(dead)
    out: list[Instr] = []
    for position, instr in enumerate(code):
        if position not in gone:
            out.append(instr)
        elif instr[0] == SET:
            out.append((DROP,))
    return out


def _known_constants(code: list[Instr]) -> list[Instr]:
    """Remove writes of a constant that the local holds already (also behind a `br_if`)."""
    known: dict[object, Instr] = {}
    out: list[Instr] = []
    for instr in code:
        op = instr[0]
        if op == SET and out and out[-1][0] in _CONSTANTS:
            if known.get(instr[1]) == out[-1]:
                out.pop()
                continue
            known[instr[1]] = out[-1]
        elif op in (SET, TEE):
            known.pop(instr[1], None)
        elif op in (0x03, 0x05, 0x0B):
            known = {}
        out.append(instr)
    return code if len(out) == len(code) else out


def _zero_starts(code: list[Instr], parameters: int) -> list[Instr]:
    """Remove the write of zero to a local that nothing can have written before."""
    if not _starts_with_zero(code, parameters):
        return code
    pieces = list(Liveness(code, _count(code)).loops())
    repeated: dict[int, int] = {}
    for start, end, inside, _ in pieces:
        if inside:
            for instr in code[start:end]:
                if instr[0] in (SET, TEE):
                    repeated[instr[1]] = repeated.get(instr[1], 0) | inside
    written = set(range(parameters))
    gone: set[int] = set()
    for start, end, inside, around in pieces:
        for position in range(start, end):
            instr = code[position]
            op = instr[0]
            if op not in (SET, TEE):
                continue
            local = instr[1]
            # What no loop repeats runs once, after what stands before it and after rounds of the
            # loops that it stands in.
            zero = op == SET and position > start and code[position - 1] in ZEROS
            fresh = local not in written and not repeated.get(local, 0) & around
            if zero and fresh and not inside:
                gone |= {position - 1, position}
            else:
                written.add(local)
    if not gone:
        return code
    return [i for k, i in enumerate(code) if k not in gone]


def _starts_with_zero(code: list[Instr], parameters: int) -> bool:
    """Tell whether some local's first write in program order is a zero."""
    written = set(range(parameters))
    previous: Instr = (None,)
    for instr in code:
        op = instr[0]
        if op in (SET, TEE) and instr[1] not in written:
            if op == SET and previous in ZEROS:
                return True
            written.add(instr[1])
        previous = instr
    return False


def _count(code: list[Instr]) -> int:
    """Return a number above every local's."""
    return 1 + max((i[1] for i in code if i[0] in (GET, SET, TEE)), default=0)
