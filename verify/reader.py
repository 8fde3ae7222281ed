"""The validator's own reader of binary modules and function bodies.

Deliberately separate from the ``wasm/`` room and sharing nothing with it: a mistake in the
optimizer's opcode table, decoder or encoder must show here as a difference. It reads what the
validator needs (types, index spaces, limits, initial values, exports, bodies) and keeps every
section's bytes for the frame check. Source: core specification 3.0, chapter "Binary format".

An instruction is a flat tuple ``(opcode, *immediates)``: one-byte opcodes are the byte, prefixed
ones ``(prefix << 16) | sub``; a memarg is ``align, offset, memory``; float constants are bit
patterns, integer constants unsigned bit patterns.
"""

from dataclasses import dataclass, field
from typing import Any, Final

Instruction = tuple[Any, ...]
ValueType = int | tuple[int, int]

PAGE_SHIFT: Final = 16
"""log2 of the default page size in bytes."""

MAX_LOCALS: Final = 50_000
"""The limit wasmtime sets on locals; a bigger count is a malformed or hostile body."""


class Unsupported(Exception):
    """Something well-formed that the validator does not model; the text is the reason."""


class Malformed(Exception):
    """Bytes that are not a module or body; wasmtime would refuse them as well."""


@dataclass(frozen=True, slots=True)
class FunctionType:
    """Parameter and result types of a function, in the order of the specification."""

    params: tuple[ValueType, ...]
    results: tuple[ValueType, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Size limits of a memory (pages) or table (elements)."""

    minimum: int
    maximum: int | None
    wide: bool
    shared: bool
    page_shift: int = PAGE_SHIFT


@dataclass(frozen=True, slots=True)
class Global:
    """A global: type, mutability, and its value if it is a plain numeric constant."""

    type: ValueType
    mutable: bool
    constant: int | None
    imported: bool


@dataclass(frozen=True, slots=True)
class Import:
    """One import: two names, kind 0 to 4 (function, table, memory, global, tag), type index."""

    module: bytes
    name: bytes
    kind: int
    type: int


@dataclass(slots=True)
class Module:
    """A read module. ``sections`` holds ``(id, payload)`` in file order, custom ones included."""

    sections: list[tuple[int, bytes]] = field(default_factory=list)
    types: list[FunctionType | None] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    imported_functions: int = 0
    memories: list[Limits] = field(default_factory=list)
    tables: list[tuple[ValueType, Limits]] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: list[tuple[bytes, int, int]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    imported_memories: int = 0
    imported_tables: int = 0
    imported_globals: int = 0
    plain_types: bool = True
    """Whether two types are equal exactly if they look equal: no subtypes, no recursion groups."""

    def function_type(self, index: int) -> FunctionType:
        """The type of function ``index``. Raises Unsupported if it is not a plain one."""
        return self.type_at(self.functions[index])

    def type_at(self, index: int) -> FunctionType:
        """The function type number ``index``. Raises Unsupported for other kinds of type."""
        found = self.types[index]
        if found is None:
            raise Unsupported(f"type {index} is not a plain function type")
        return found


class Cursor:
    """A position in bytes. Running past the end raises Malformed."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    def byte(self) -> int:
        """The next byte."""
        if self.at >= self.end:
            raise Malformed("unexpected end")
        self.at += 1
        return self.data[self.at - 1]

    def u(self) -> int:
        """An unsigned LEB128."""
        byte = self.byte()
        if byte < 0x80:
            return byte
        value, shift = byte & 0x7F, 7
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Malformed("LEB128 too long")

    def s(self) -> int:
        """A signed LEB128."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if byte & 0x40 else value
            if shift > 63:
                raise Malformed("LEB128 too long")

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if self.at + count > self.end:
            raise Malformed("unexpected end")
        self.at += count
        return self.data[self.at - count : self.at]

    def value_type(self) -> ValueType:
        """A value type: one byte, or ``(0x63 | 0x64, heap type)``."""
        byte = self.byte()
        return (byte, self.s()) if byte in (0x63, 0x64) else byte

    def limits(self) -> Limits:
        """Memory or table limits, with memory64, threads and custom page sizes."""
        flags = self.byte()
        minimum = self.u()
        maximum = self.u() if flags & 1 else None
        shift = self.u() if flags & 8 else PAGE_SHIFT
        return Limits(minimum, maximum, bool(flags & 4), bool(flags & 2), shift)


def read_module(data: bytes) -> Module:
    """Read a binary module. Raises Malformed; Unsupported for what cannot even be skipped."""
    if data[:8] != b"\0asm\1\0\0\0":
        raise Malformed("not a core WebAssembly module")
    module, cursor = Module(), Cursor(data, 8)
    while cursor.at < cursor.end:
        kind = cursor.byte()
        payload = cursor.take(cursor.u())
        module.sections.append((kind, payload))
        read = _SECTIONS.get(kind)
        if read is not None:
            read(module, Cursor(payload))
    return module


def _types(module: Module, cursor: Cursor) -> None:
    for _ in range(cursor.u()):
        if cursor.data[cursor.at : cursor.at + 1] == b"\x4e":
            cursor.byte()
            module.plain_types = False
            for _ in range(cursor.u()):
                _type(module, cursor)
        else:
            _type(module, cursor)


def _type(module: Module, cursor: Cursor) -> None:
    form = cursor.byte()
    if form in (0x50, 0x4F):
        module.plain_types = False
        for _ in range(cursor.u()):
            cursor.u()
        form = cursor.byte()
    match form:
        case 0x60:
            params = tuple(cursor.value_type() for _ in range(cursor.u()))
            results = tuple(cursor.value_type() for _ in range(cursor.u()))
            module.types.append(FunctionType(params, results))
            if any(isinstance(t, tuple) and t[1] >= 0 for t in params + results):
                module.plain_types = False
        case 0x5F:
            for _ in range(cursor.u()):
                cursor.value_type()
                cursor.byte()
            module.types.append(None)
        case 0x5E:
            cursor.value_type()
            cursor.byte()
            module.types.append(None)
        case _:
            raise Unsupported(f"type form {form:#x}")


def _imports(module: Module, cursor: Cursor) -> None:
    for _ in range(cursor.u()):
        source, name = cursor.take(cursor.u()), cursor.take(cursor.u())
        form = cursor.data[cursor.at] if not name and cursor.at < len(cursor.data) else 0
        if form not in (0x7E, 0x7F):
            module.imports.append(Import(source, name, *_import(module, cursor)))
            continue
        # Several of one module: behind each name its type, or one type before all names.
        cursor.byte()
        at = cursor.at
        if form == 0x7E:
            _import(Module(), cursor)
        for _ in range(cursor.u()):
            name = cursor.take(cursor.u())
            after = cursor.at
            if form == 0x7E:
                cursor.at = at
            module.imports.append(Import(source, name, *_import(module, cursor)))
            if form == 0x7E:
                cursor.at = after


def _import(module: Module, cursor: Cursor) -> tuple[int, int]:
    """Take in what is imported; its kind and, of a function or tag, its type."""
    kind, index = cursor.byte(), -1
    match kind:
        case 0:
            index = cursor.u()
            module.functions.append(index)
            module.imported_functions += 1
        case 1:
            module.tables.append((cursor.value_type(), cursor.limits()))
            module.imported_tables += 1
        case 2:
            module.memories.append(cursor.limits())
            module.imported_memories += 1
        case 3:
            type_, mutable = cursor.value_type(), cursor.byte() & 1
            module.globals.append(Global(type_, bool(mutable), None, True))
            module.imported_globals += 1
        case 4:
            cursor.byte()
            index = cursor.u()
        case _:
            raise Unsupported(f"import kind {kind}")
    return kind, index


def _functions(module: Module, cursor: Cursor) -> None:
    module.functions.extend(cursor.u() for _ in range(cursor.u()))


def _tables(module: Module, cursor: Cursor) -> None:
    for _ in range(cursor.u()):
        explicit = cursor.data[cursor.at : cursor.at + 2] == b"\x40\x00"
        if explicit:
            cursor.take(2)
        module.tables.append((cursor.value_type(), cursor.limits()))
        if explicit:
            _initialiser(cursor)


def _memories(module: Module, cursor: Cursor) -> None:
    module.memories.extend(cursor.limits() for _ in range(cursor.u()))


def _globals(module: Module, cursor: Cursor) -> None:
    for _ in range(cursor.u()):
        type_, mutable = cursor.value_type(), bool(cursor.byte() & 1)
        module.globals.append(Global(type_, mutable, _initialiser(cursor), False))


def _initialiser(cursor: Cursor) -> int | None:
    """Skip a constant expression; its value if it is one numeric constant, as a bit pattern."""
    start = cursor.at
    body = decode_expression(cursor)
    assert cursor.at > start
    if len(body) == 2 and body[0][0] in (0x41, 0x42, 0x43, 0x44, 0xFD000C):
        value: int = body[0][1]
        return value
    return None


def _exports(module: Module, cursor: Cursor) -> None:
    for _ in range(cursor.u()):
        name = cursor.take(cursor.u())
        module.exports.append((name, cursor.byte(), cursor.u()))


def _code(module: Module, cursor: Cursor) -> None:
    for _ in range(cursor.u()):
        module.bodies.append(cursor.take(cursor.u()))


_SECTIONS: Final = {
    1: _types,
    2: _imports,
    3: _functions,
    4: _tables,
    5: _memories,
    6: _globals,
    7: _exports,
    10: _code,
}


# --- bodies -------------------------------------------------------------------------------------


def read_body(body: bytes) -> tuple[list[ValueType], list[Instruction]]:
    """Declared locals (without parameters) and instructions of a code entry (without its size).

    The last instruction is the ``end`` of the function. Raises Malformed or Unsupported.
    """
    cursor = Cursor(body)
    declared: list[ValueType] = []
    for _ in range(cursor.u()):
        count, type_ = cursor.u(), cursor.value_type()
        if len(declared) + count > MAX_LOCALS:
            raise Malformed("too many locals")
        declared += [type_] * count
    code = decode_expression(cursor)
    if cursor.at != cursor.end:
        raise Malformed("bytes after the end of the body")
    return declared, code


def decode_expression(cursor: Cursor) -> list[Instruction]:
    """The instructions up to and with the matching ``end``."""
    code: list[Instruction] = []
    append, data = code.append, cursor.data
    depth = 0
    plain = _PLAIN_INSTRUCTIONS
    while True:
        if cursor.at >= cursor.end:
            raise Malformed("unexpected end")
        op = data[cursor.at]
        cursor.at += 1
        instruction = plain.get(op)
        if instruction is not None:
            append(instruction)
        elif 0x20 <= op <= 0x24 or op in (0x0C, 0x0D, 0x10, 0x12, 0x25, 0x26, 0xD2):
            append((op, cursor.u()))
        elif op == 0x41:
            append((op, cursor.s() & 0xFFFF_FFFF))
        elif 0x28 <= op <= 0x3E:
            append((op, *_memarg(cursor)))
        elif op == 0x0B:
            append((op,))
            if depth == 0:
                return code
            depth -= 1
        elif 0x02 <= op <= 0x04:
            append((op, _block_type(cursor)))
            depth += 1
        else:
            append(_rare(op, cursor))


def _block_type(cursor: Cursor) -> ValueType | tuple[str, int] | None:
    """``None``, a value type, or ``("type", index)``."""
    byte = cursor.data[cursor.at] if cursor.at < cursor.end else 0
    if byte == 0x40:
        cursor.at += 1
        return None
    if 0x41 <= byte <= 0x7F:
        return cursor.value_type()
    return ("type", cursor.s())


def _memarg(cursor: Cursor) -> tuple[int, int, int]:
    align = cursor.u()
    memory = cursor.u() if align & 0x40 else 0
    return align & 0x3F, cursor.u(), memory


def _rare(op: int, cursor: Cursor) -> Instruction:
    match op:
        case 0x42:
            return (op, cursor.s() & 0xFFFF_FFFF_FFFF_FFFF)
        case 0x43:
            return (op, int.from_bytes(cursor.take(4), "little"))
        case 0x44:
            return (op, int.from_bytes(cursor.take(8), "little"))
        case 0x3F | 0x40:
            return (op, cursor.u())
        case 0x0E:
            labels = tuple(cursor.u() for _ in range(cursor.u()))
            return (op, labels, cursor.u())
        case 0x11 | 0x13:
            return (op, cursor.u(), cursor.u())
        case 0x1C:
            return (op, tuple(cursor.value_type() for _ in range(cursor.u())))
        case 0xD0:
            return (op, cursor.s())
        case 0xFC:
            return _miscellaneous(cursor)
        case 0xFD:
            return _vector(cursor)
    raise Unsupported(f"opcode {op:#04x}")


def _miscellaneous(cursor: Cursor) -> Instruction:
    sub = cursor.u()
    op = 0xFC0000 | sub
    if sub <= 7 or 19 <= sub <= 22:
        return (op,)
    if sub in (8, 10, 12, 14):
        return (op, cursor.u(), cursor.u())
    if sub in (9, 11, 13, 15, 16, 17):
        return (op, cursor.u())
    raise Unsupported(f"opcode 0xfc {sub}")


def _vector(cursor: Cursor) -> Instruction:
    sub = cursor.u()
    op = 0xFD0000 | sub
    if sub <= 11 or sub in (92, 93):
        return (op, *_memarg(cursor))
    if sub == 12:
        return (op, int.from_bytes(cursor.take(16), "little"))
    if sub == 13:
        return (op, tuple(cursor.take(16)))
    if 21 <= sub <= 34:
        return (op, cursor.byte())
    if 84 <= sub <= 91:
        return (op, *_memarg(cursor), cursor.byte())
    if sub <= 0x113:
        return (op,)
    raise Unsupported(f"opcode 0xfd {sub}")


_PLAIN: Final = [0x00, 0x01, 0x05, 0x0F, 0x1A, 0x1B, 0xD1, *range(0x45, 0xC5)]
_PLAIN_INSTRUCTIONS: Final[dict[int, Instruction]] = {op: (op,) for op in _PLAIN}
"""One shared tuple for each instruction without immediates."""
