"""Basic blocks of a function graph and their dominator tree.

Wasm control is structured, so the immediate dominator of a block is known the moment the
block is made: a join is dominated by the nearest common dominator of its forward
predecessors, a loop head by the block before it. Back edges never change dominators.
"""

from __future__ import annotations

from collections.abc import Iterable


class BasicBlock:
    """A straight piece of a function.

    Attributes:
        number: position in program order; a dominator always has the smaller number.
        idom: immediate dominator, `None` for the entry block.
        preds: predecessors, back edges included once the loop is closed.
        loop_depth: number of natural loops around the block (`measure_loops` sets it).
    """

    __slots__ = ("depth", "idom", "jump", "loop_depth", "number", "preds")

    def __init__(self, number: int, idom: BasicBlock | None, preds: list[BasicBlock]) -> None:
        """Make a block below `idom`; `number` must be larger than every dominator's."""
        self.number = number
        self.idom = idom
        self.preds = preds
        self.loop_depth = 0
        if idom is None:
            self.depth = 0
            self.jump = self
            return
        self.depth = idom.depth + 1
        # Jump pointers make ancestor queries logarithmic (Myers, "An applicative random-access
        # stack", 1983): chains of br_if make dominator trees thousands of blocks deep.
        far = idom.jump
        self.jump = far.jump if idom.depth - far.depth == far.depth - far.jump.depth else idom

    def __repr__(self) -> str:
        """Show the number alone: graphs are cyclic."""
        return f"b{self.number}"

    def ancestor(self, depth: int) -> BasicBlock:
        """Return the dominator of this block that lies at `depth` (at most its own depth)."""
        block = self
        while block.depth > depth:
            if block.jump.depth >= depth:
                block = block.jump
            else:
                assert block.idom is not None
                block = block.idom
        return block

    def dominates(self, other: BasicBlock) -> bool:
        """Tell whether every path to `other` passes this block (a block dominates itself)."""
        return self is other or (self.depth < other.depth and other.ancestor(self.depth) is self)


def common_dominator(first: BasicBlock, second: BasicBlock) -> BasicBlock:
    """Return the deepest block that dominates both."""
    if first is second:
        return first
    if first.depth > second.depth:
        first = first.ancestor(second.depth)
    else:
        second = second.ancestor(first.depth)
    while first is not second:
        if first.jump is not second.jump:
            first, second = first.jump, second.jump
        else:
            assert first.idom is not None
            assert second.idom is not None
            first, second = first.idom, second.idom
    return first


def measure_loops(blocks: list[BasicBlock]) -> None:
    """Set `loop_depth` of every block by natural loops.

    Nesting would be wrong: code after the last branch of a `loop` is inside the construct and
    runs once. Blocks come in program order.
    """
    for block in blocks:
        block.loop_depth = 0
    for head in blocks:
        tails = [p for p in head.preds if p.number >= head.number]
        if not tails:
            continue
        for member in natural_loop(head, tails):
            member.loop_depth += 1


def natural_loop(head: BasicBlock, tails: Iterable[BasicBlock]) -> list[BasicBlock]:
    """Return the blocks of the loop whose back edges come from `tails`, the head first."""
    body = [head]
    seen = {head.number}
    work = [t for t in tails if t is not head]
    while work:
        block = work.pop()
        if block.number in seen:
            continue
        seen.add(block.number)
        body.append(block)
        work.extend(block.preds)
    return body
