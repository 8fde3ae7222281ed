"""Function names from the name section, as a hint for pairing."""

from collections.abc import Hashable

from .reader import Cursor, Malformed, Module


def function_names(module: Module) -> dict[int, Hashable]:
    """Function index to name; empty if there is no readable name section."""
    for kind, payload in module.sections:
        if kind != 0:
            continue
        try:
            cursor = Cursor(payload)
            if cursor.take(cursor.u()) == b"name":
                count = len(module.functions)
                return {i: name for i, name in _functions(cursor).items() if i < count}
        except Malformed:
            return {}
    return {}


def _functions(cursor: Cursor) -> dict[int, Hashable]:
    while cursor.at < cursor.end:
        kind = cursor.byte()
        content = Cursor(cursor.take(cursor.u()))
        if kind == 1:
            return {content.u(): content.take(content.u()) for _ in range(content.u())}
    return {}
