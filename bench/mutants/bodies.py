"""One small change in a function body: what an optimizer, or its author, may get wrong.

A change keeps the number of operands but not always the types: whoever makes a mutant lets the
engine validate it and tries again. Some mutants do what the original does; running both tells.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from eqsat.wasm.body import Body, Instr
from eqsat.wasm.opcodes import OPCODES

Change = Callable[["Site"], "list[Instr] | None"]

I32_CONST, I64_CONST, F32_CONST, F64_CONST = 0x41, 0x42, 0x43, 0x44
LOOP, IF, ELSE, END, BR, BR_IF, BR_TABLE = 0x03, 0x04, 0x05, 0x0B, 0x0C, 0x0D, 0x0E
CALL, CALL_INDIRECT, DROP, SELECT, NOP = 0x10, 0x11, 0x1A, 0x1B, 0x01
LOCAL_GET, LOCAL_SET, LOCAL_TEE, GLOBAL_GET, GLOBAL_SET = 0x20, 0x21, 0x22, 0x23, 0x24
I32_EQZ, I32_ADD, I64_ADD = 0x45, 0x6A, 0x7C
STRUCTURED: Final = frozenset((0x02, LOOP, IF, ELSE, END, BR, BR_IF, BR_TABLE, 0x0F, 0x00))
LEAVES: Final = frozenset((LOCAL_GET, GLOBAL_GET, I32_CONST, I64_CONST, F32_CONST, F64_CONST))

LONGEST: Final = 7
"""Instructions of a statement that is moved or doubled: most are shorter."""


def _alike() -> dict[int, list[int]]:
    """Opcode to the others with the same immediates, operands, results and kind of effect."""
    groups = defaultdict(list)
    for row in OPCODES.values():
        if row.effect in ("pure", "trap", "load", "store") and row.operands is not None:
            effect = "value" if row.effect in ("pure", "trap") else row.effect
            groups[row.immediates, row.operands, row.results, effect].append(row.code)
    return {code: [c for c in group if c != code] for group in groups.values() for code in group}


ALIKE: Final = _alike()


class Site:
    """A place in a body, and what there is to choose from."""

    def __init__(self, code: Sequence[Instr], at: int, source: random.Random) -> None:
        self.code, self.at, self.source = code, at, source

    @property
    def op(self) -> int:
        """The opcode at the place."""
        found: int = self.code[self.at][0]
        return found

    def put(self, *instrs: Instr, before: int = 0) -> list[Instr]:
        """The code with others in place of this instruction and of so many before it."""
        return [*self.code[: self.at - before], *instrs, *self.code[self.at + 1 :]]

    def other(self, position: int, *steps: int) -> list[Instr]:
        """The code with one immediate moved by one of these steps."""
        instr = list(self.code[self.at])
        instr[position] += self.source.choice(steps)
        return self.put(tuple(instr))


def _operator(site: Site) -> list[Instr] | None:
    others = ALIKE.get(site.op)
    if not others:
        return None
    return site.put((site.source.choice(others), *site.code[site.at][1:]))


def _constant(site: Site) -> list[Instr] | None:
    bits = {I32_CONST: 32, I64_CONST: 64}.get(site.op)
    if bits is not None:
        value = site.code[site.at][1]
        step = site.source.choice((1, -1, 2, 4, 1 << site.source.randrange(bits), -2 * value))
        half = 1 << (bits - 1)
        return site.put((site.op, (value + step + half) % (2 * half) - half))
    bits = {F32_CONST: 32, F64_CONST: 64}.get(site.op)
    if bits is None:
        return None
    flip: int = 1 << site.source.choice((0, bits - 1, bits - 2, bits - 10))
    return site.put((site.op, site.code[site.at][1] ^ flip))


def _step(site: Site) -> list[Instr] | None:
    """What a loop counts by."""
    if site.op not in (I32_CONST, I64_CONST) or site.at + 2 >= len(site.code):
        return None
    following = [one[0] for one in site.code[site.at + 1 : site.at + 3]]
    if following[0] not in (I32_ADD, I64_ADD) or following[1] not in (LOCAL_SET, LOCAL_TEE):
        return None
    return site.other(1, -2, -1, 1, 2)


def _access(site: Site) -> list[Instr] | None:
    """Offset (mostly), alignment or memory of an access."""
    row = OPCODES[site.op]
    if row.immediates[:1] != ("memarg",):
        return None
    _, align, offset, memory, *rest = site.code[site.at]
    match site.source.randrange(6):
        case 0:
            memory = 1 - memory
        case 1 if align > 0:
            align -= 1
        case _:
            offset = max(0, offset + site.source.choice((-8, -4, -1, 1, 2, 4, 8, 65536)))
    return site.put((site.op, align, offset, memory, *rest))


def _operands(site: Site) -> list[Instr] | None:
    """Two operands in the other order."""
    row = OPCODES[site.op]
    if site.at < 2 or row.operands is None or len(row.operands) < 2 or row.commutative:
        return None
    first, second = site.code[site.at - 2], site.code[site.at - 1]
    if first == second or not {first[0], second[0]} <= LEAVES:
        return None
    return site.put(second, first, site.code[site.at], before=2)


def _branch(site: Site) -> list[Instr] | None:
    """Another target, or the other condition."""
    match site.op:
        case 0x0C:
            return site.other(1, -1, 1)
        case 0x0D:
            if site.source.random() < 0.5:
                return site.other(1, -1, 1)
            return site.put((I32_EQZ,), site.code[site.at])
        case 0x0E:
            _, labels, default = site.code[site.at]
            every = [*labels, default]
            i, j = (site.source.randrange(len(every)) for _ in range(2))
            every[i], every[j] = every[j], every[i]
            return site.put((BR_TABLE, tuple(every[:-1]), every[-1]))
        case 0x04 | 0x1B:
            return site.put((I32_EQZ,), site.code[site.at])
    return None


def _dropped(site: Site) -> list[Instr] | None:
    """An instruction left out, its operands still computed."""
    row = OPCODES[site.op]
    if site.op in (LOCAL_SET, GLOBAL_SET):
        return site.put((DROP,))
    if site.op == LOCAL_TEE:
        return site.put((NOP,))
    if site.op == CALL:
        return site.put(*[(DROP,)] * site.source.randrange(4))
    if site.op in STRUCTURED or row.operands is None or row.results is None:
        return None
    if row.results and row.operands[:1] != row.results:
        return None
    return site.put(*[(DROP,)] * (len(row.operands) - len(row.results)))


def _statement(site: Site) -> int | None:
    """The length of a guessed statement that ends here."""
    ends = (LOCAL_SET, GLOBAL_SET, CALL, DROP)
    if site.op not in ends and OPCODES[site.op].effect not in ("store", "bulk"):
        return None
    length = site.source.randint(1, min(LONGEST, site.at + 1))
    if any(one[0] in STRUCTURED for one in site.code[site.at + 1 - length : site.at + 1]):
        return None
    return length


def _doubled(site: Site) -> list[Instr] | None:
    length = _statement(site)
    if length is None:
        return None
    return site.put(site.code[site.at], *site.code[site.at + 1 - length : site.at + 1])


def _moved(site: Site) -> list[Instr] | None:
    """Two statements in the other order: a store across a call, for one."""
    length = _statement(site)
    if length is None or site.at < length:
        return None
    middle = site.at + 1 - length
    before = Site(site.code, middle - 1, site.source)
    shorter = _statement(before)
    if shorter is None:
        return None
    code, start = site.code, middle - shorter
    return [*code[:start], *code[middle : site.at + 1], *code[start:middle], *code[site.at + 1 :]]


def _index(site: Site) -> list[Instr] | None:
    """Another local, global, function, type or table; another lane."""
    match site.op:
        case 0x20 | 0x21 | 0x22 | 0x23 | 0x24 | 0x10:
            same = {one[1] for one in site.code if one[0] == site.op}
            same |= {site.code[site.at][1] + step for step in (-1, 1, 2)}
            others = sorted(i for i in same if i >= 0 and i != site.code[site.at][1])
            return site.put((site.op, site.source.choice(others)))
        case 0x11:
            return site.other(site.source.choice((1, 2)), -1, 1)
    row = OPCODES[site.op]
    if row.immediates == ("lane",):
        return site.other(1, -1, 1)
    if row.immediates == ("lanes",):
        lanes = list(site.code[site.at][1])
        lanes[site.source.randrange(16)] = site.source.randrange(32)
        return site.put((site.op, tuple(lanes)))
    if row.immediates[:1] in (("memory",), ("table",), ("data",), ("elem",)):
        return site.other(1, -1, 1)
    return None


CHANGES: Final[dict[str, Change]] = {
    "operator": _operator,
    "constant": _constant,
    "step": _step,
    "access": _access,
    "operands": _operands,
    "branch": _branch,
    "dropped": _dropped,
    "doubled": _doubled,
    "moved": _moved,
    "index": _index,
}
"""What is changed, by name."""

ATTEMPTS: Final = 60
"""Places tried for one change before another kind is taken."""


def mutate(body: Body, source: random.Random) -> tuple[str, list[Instr]] | None:
    """A change's name and the changed instructions; ``None`` if nothing was found to change."""
    code = body.instrs[:-1]
    if not code:
        return None
    names = list(CHANGES)
    source.shuffle(names)
    for name in names:
        for _ in range(ATTEMPTS):
            at = source.randrange(len(code))
            made = CHANGES[name](Site(code, at, source))
            if made is not None and made != code and all(_written(one) for one in made):
                return name, [*made, body.instrs[-1]]
    return None


def _written(instr: Instr) -> bool:
    """Whether no index went below zero."""
    if instr[0] in (I32_CONST, I64_CONST):
        return True
    return all(not isinstance(part, int) or part >= 0 for part in instr[1:2])
