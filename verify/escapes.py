"""Which functions can be entered by other ways than a direct call."""

from collections.abc import Iterable

from .reader import Unsupported, read_body
from .segments import Expression
from .skeleton import skeleton
from .structure import FUNCTION, TABLE, Side


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


def running(
    side: Side, outside: frozenset[tuple[int, int]], entries: frozenset[bytes] | None
) -> set[int]:
    """Functions that can ever run: from exports and start, along calls.

    An indirect call can reach every function of its type that some reference is taken to. Where
    references can leave the module (a table that the host sees, ``ref.func`` in code or in a
    global, ``table.get``) whatever is referred to can run.
    """
    module, segments = side.module, side.segments
    everything = set(range(len(module.functions)))
    referred = {f for one in segments.elements for f in _referred(one.items)}
    referred |= _referred(one for one in segments.tables if one is not None)
    loose = bool(_referred(segments.globals)) or any(kind == TABLE for kind, _ in outside)
    found = {
        i
        for name, kind, i in module.exports
        if kind == FUNCTION and (entries is None or name in entries)
    }
    if segments.start is not None:
        found.add(segments.start)
    loose = loose or any(references(b) or _reads_table(b) for b in module.bodies)
    if loose or not module.plain_types:
        found |= escapes(side, entries)
    pending, types = list(found), set[int]()
    while pending:
        at = pending.pop() - module.imported_functions
        if at < 0:
            continue
        split = skeleton(module.bodies[at], True)
        if split is None:
            return everything
        reached: set[int] = set()
        for i, (position, kind, index) in enumerate(split[1]):
            if kind == "function":
                reached.add(index)
            elif kind == "table" and i and split[1][i - 1][:2] == (position, "type"):
                type_ = split[1][i - 1][2]
                if type_ not in types:
                    types.add(type_)
                    wanted = module.type_at(type_)
                    reached |= {f for f in referred if module.function_type(f) == wanted}
        pending += reached - found
        found |= reached
    return found


def _reads_table(body: bytes) -> bool:
    """Whether a body takes references out of a table, other than to call them."""
    split = skeleton(body, True)
    if split is None:
        return True
    found = split[1]
    return any(
        kind == "table" and not (i and found[i - 1][:2] == (position, "type"))
        for i, (position, kind, _) in enumerate(found)
    )


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
