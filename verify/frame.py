"""The frame: everything of a module that a change of function bodies must leave as it was.

Works on bytes, section by section, with the validator's own reader: only bodies, types appended
at the end of the type section, and custom sections may differ.
"""

from typing import Final

from .reader import Cursor, Malformed

NAMES: Final = {
    1: "type", 2: "import", 3: "function", 4: "table", 5: "memory", 6: "global", 7: "export",
    8: "start", 9: "element", 10: "code", 11: "data", 12: "data count", 13: "tag",
}  # fmt: skip


def check_frame(original: bytes, output: bytes) -> list[str]:
    """What differs between two modules outside of bodies, appended types and custom sections.

    Empty if nothing does. Neither order nor content of the other sections may differ, nor the
    number of bodies. Never raises: an unreadable module is a violation.
    """
    try:
        left, right = _sections(original), _sections(output)
    except Malformed as problem:
        return [f"unreadable: {problem}"]
    violations = []
    order = [kind for kind, _ in left], [kind for kind, _ in right]
    # A module without types may get its first ones.
    first_types = 1 not in order[0] and [k for k in order[1] if k != 1] == order[0]
    if order[0] != order[1] and not first_types:
        return [f"sections {order[0]} became {order[1]}"]
    theirs = dict(right)
    for kind, payload in left:
        other = theirs[kind]
        if payload == other:
            continue
        if kind == 1:
            violations += _types(payload, other)
        elif kind == 10:
            count, new_count = Cursor(payload).u(), Cursor(other).u()
            if count != new_count:
                violations.append(f"{count} bodies became {new_count}")
        else:
            violations.append(f"the {NAMES.get(kind, str(kind))} section differs")
    return violations


def _sections(data: bytes) -> list[tuple[int, bytes]]:
    """Sections other than custom ones, in order, without interpreting them."""
    if data[:8] != b"\0asm\1\0\0\0":
        raise Malformed("not a core WebAssembly module")
    cursor = Cursor(data, 8)
    found = []
    while cursor.at < cursor.end:
        kind = cursor.byte()
        payload = cursor.take(cursor.u())
        if kind != 0:
            found.append((kind, payload))
    return found


def _types(payload: bytes, other: bytes) -> list[str]:
    """The old types must stand unchanged in front of the appended ones."""
    before, after = Cursor(payload), Cursor(other)
    count, new_count = before.u(), after.u()
    old, new = payload[before.at :], other[after.at :]
    if new_count >= count and new[: len(old)] == old:
        return []
    return ["the type section differs in more than appended types"]
