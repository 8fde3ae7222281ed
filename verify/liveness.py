"""Which locals are live at each loop head of a body: the others need no relation there."""

from .reader import Instruction
from .scan import Scan


def live_at_heads(code: list[Instruction], found: Scan) -> dict[int, int]:
    """Loop ordinal to the bit mask of locals that may be read before they are written."""
    heads = {start: 0 for start in found.loops}
    while _pass(code, found, heads):
        pass
    return {found.loops[start][0]: mask for start, mask in heads.items()}


def _pass(code: list[Instruction], found: Scan, heads: dict[int, int]) -> bool:
    """One backward walk; whether a head's mask has grown."""
    starts = {end: start for start, end in found.ends.items()}
    changed = False
    live = 0
    labels: list[int] = []
    outs: list[int] = []
    elses: list[int | None] = []
    for at in range(len(code) - 1, -1, -1):
        instruction = code[at]
        op = instruction[0]
        if op == 0x20:
            live |= 1 << instruction[1]
        elif op == 0x21 or op == 0x22:
            live &= ~(1 << instruction[1])
        elif op == 0x0B:
            labels.append(heads.get(starts[at], live))
            outs.append(live)
            elses.append(None)
        elif op == 0x05:
            elses[-1] = live
            live = outs[-1]
        elif op == 0x02 or op == 0x03 or op == 0x04:
            labels.pop()
            out, other = outs.pop(), elses.pop()
            if op == 0x04:
                live |= out if other is None else other
            elif op == 0x03 and at in heads and live & ~heads[at]:
                heads[at] |= live
                changed = True
        elif op == 0x0C:
            live = labels[-1 - instruction[1]]
        elif op == 0x0D:
            live |= labels[-1 - instruction[1]]
        elif op == 0x0E:
            live = labels[-1 - instruction[2]]
            for label in instruction[1]:
                live |= labels[-1 - label]
        elif op in (0x00, 0x0F, 0x12, 0x13):
            live = 0
    return changed
