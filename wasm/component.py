"""Components, as far as needed: where their core modules lie, and putting others in their place.

A component is a sequence of sections like a module; section 1 holds a whole core module, section 4
a whole component, and so on down. Everything else is copied as it is. Core modules have no size but
that of their section, so the sizes around a changed one are written anew and nothing else moves.
See "Component Model: Binary Format" (WebAssembly/component-model, design/mvp/Binary.md).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from .errors import WasmError
from .leb import read_u32, write_unsigned
from .module import COMPONENT_LAYER, MAGIC, is_component

__all__ = ["core_modules", "is_component", "rewrap"]

CORE_MODULE: Final = 1
COMPONENT: Final = 4
PREAMBLE: Final = 8

DEEPEST: Final = 100
"""Components within components: validators stop there too, and Python's stack is deep enough."""


def core_modules(data: bytes) -> list[tuple[int, int]]:
    """Where the core modules of a component start and end, in the order in which they lie.

    Raises WasmError for bytes that are no component, or that end too early.
    """
    return list(_modules(data, 0, len(data), DEEPEST))


def rewrap(data: bytes, modules: Sequence[bytes]) -> bytes:
    """The component with these core modules, one for each in `core_modules(data)`.

    Where a module is the old one its section is copied byte for byte, its size field included.
    Raises WasmError as `core_modules` does, ValueError for another number of modules.
    """
    waiting = list(reversed(modules))
    written = b"".join(_written(data, 0, len(data), waiting, DEEPEST))
    if waiting:
        raise ValueError("more modules than the component has")
    return written


def _modules(data: bytes, start: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
    for identity, _, inside, after in _sections(data, start, end, depth):
        if identity == CORE_MODULE:
            yield inside, after
        elif identity == COMPONENT:
            yield from _modules(data, inside, after, depth - 1)


def _written(
    data: bytes, start: int, end: int, waiting: list[bytes], depth: int
) -> Iterator[bytes]:
    yield data[start : start + PREAMBLE]
    for identity, head, inside, after in _sections(data, start, end, depth):
        if identity == CORE_MODULE:
            if not waiting:
                raise ValueError("fewer modules than the component has")
            content = waiting.pop()
        elif identity == COMPONENT:
            content = b"".join(_written(data, inside, after, waiting, depth - 1))
        else:
            content = data[inside:after]
        if content == data[inside:after]:
            yield data[head:after]
        else:
            yield bytes((identity,)) + write_unsigned(len(content)) + content


def _sections(data: bytes, start: int, end: int, depth: int) -> Iterator[tuple[int, int, int, int]]:
    """Each section's id, start, start of its content, and end."""
    if data[start : start + 4] != MAGIC or data[start + 6 : start + 8] != COMPONENT_LAYER:
        raise WasmError(start, "not a component")
    if depth == 0:
        raise WasmError(start, f"components nested more than {DEEPEST} deep")
    position = start + PREAMBLE
    while position < end:
        head, identity = position, data[position]
        size, inside = read_u32(data, position + 1, end)
        position = inside + size
        if position > end:
            raise WasmError(head, "a section ends past the end of its component")
        yield identity, head, inside, position
