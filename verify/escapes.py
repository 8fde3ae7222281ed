"""Which functions can be entered by other ways than a direct call."""

from collections.abc import Iterable

from .reader import Unsupported, read_body
from .segments import Expression
from .skeleton import skeleton
from .structure import FUNCTION, Side


def escapes(side: Side, entries: frozenset[bytes] | None = None) -> set[int]:
    """Functions that are exported (under a used name), started, in a segment or referred to."""
    module, segments = side.module, side.segments
    found = {
        i
        for name, kind, i in module.exports
        if kind == FUNCTION and (entries is None or name in entries)
    }
    if segments.start is not None:
        found.add(segments.start)
    found |= _referred(segments.globals)
    found |= _referred(one for one in segments.tables if one is not None)
    for segment in segments.elements:
        found |= _referred(segment.items)
    for body in module.bodies:
        found |= references(body)
    return found


def references(body: bytes) -> set[int]:
    """Functions that a body takes references to (``ref.func``)."""
    if b"\xd2" not in body:
        return set()
    found = skeleton(body, True)
    if found is not None:
        return {index for _, kind, index in found[1] if kind == "reference"}
    try:
        _, code = read_body(body)
    except Unsupported as problem:
        raise Unsupported(f"{problem}, which may refer to functions") from None
    return {instruction[1] for instruction in code if instruction[0] == 0xD2}


def _referred(expressions: Iterable[Expression]) -> set[int]:
    return {i[1] for expression in expressions for i in expression if i[0] == 0xD2}
