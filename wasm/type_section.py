"""The type section: function, struct, array and continuation types in recursion groups."""

from dataclasses import dataclass
from typing import Final

from .errors import WasmError
from .leb import read_s33, read_u32
from .types import Field, FuncType, OtherType, ValType, read_value_type

REC: Final = 0x4E
SUB_FINAL: Final = 0x4F
SUB: Final = 0x50
FUNC: Final = 0x60
PACKED: Final = (0x78, 0x77)


@dataclass(frozen=True, slots=True)
class Recursion:
    """Types `first` to `first + count - 1` were written as one explicit recursion group."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Subtype:
    """How a type was declared beyond its shape: whether final, and its supertypes' indices."""

    final: bool
    supertypes: tuple[int, ...]


class _Reader:
    """Reads one type section into three collections."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data = data
        self.position = position
        self.end = end
        self.types: list[FuncType | OtherType] = []
        self.recursions: list[Recursion] = []
        self.subtypes: dict[int, Subtype] = {}

    def count(self) -> int:
        at = self.position
        count = self.u32()
        if count > self.end - self.position:
            raise WasmError(at, f"{count} entries do not fit into the bytes left")
        return count

    def u32(self) -> int:
        value, self.position = read_u32(self.data, self.position, self.end)
        return value

    def byte(self) -> int:
        if self.position >= self.end:
            raise WasmError(self.position, "unexpected end of the type section")
        self.position += 1
        return self.data[self.position - 1]

    def section(self) -> None:
        for _ in range(self.count()):
            if self.position < self.end and self.data[self.position] == REC:
                self.position += 1
                first, count = len(self.types), self.count()
                for _ in range(count):
                    self.subtype()
                self.recursions.append(Recursion(first, count))
            else:
                self.subtype()
        if self.position != self.end:
            raise WasmError(self.position, "section size mismatch: bytes left over")

    def subtype(self) -> None:
        start, form = self.position, self.byte()
        if form in (SUB, SUB_FINAL):
            supers = tuple([self.u32() for _ in range(self.count())])
            self.subtypes[len(self.types)] = Subtype(form == SUB_FINAL, supers)
            form = self.byte()
        self.types.append(self.composite(form, start))

    def composite(self, form: int, start: int) -> FuncType | OtherType:
        match form:
            case 0x60:  # func
                params = self.value_types()
                return FuncType(params, self.value_types())
            case 0x5F:  # struct
                fields = tuple([self.field() for _ in range(self.count())])
                return OtherType("struct", fields, start, self.position)
            case 0x5E:  # array
                return OtherType("array", (self.field(),), start, self.position)
            case 0x5D:  # cont
                target, self.position = read_s33(self.data, self.position, self.end)
                return OtherType("cont", (), start, self.position, target)
        raise WasmError(self.position - 1, f"malformed type form 0x{form:02x}")

    def value_types(self) -> tuple[ValType, ...]:
        found = []
        for _ in range(self.count()):
            kind, self.position = read_value_type(self.data, self.position, self.end)
            found.append(kind)
        return tuple(found)

    def field(self) -> Field:
        kind: ValType
        if self.position < self.end and self.data[self.position] in PACKED:
            kind = self.byte()
        else:
            kind, self.position = read_value_type(self.data, self.position, self.end)
        mutable = self.byte()
        if mutable > 1:
            raise WasmError(self.position - 1, "malformed mutability")
        return Field(kind, mutable == 1)


def read_types(
    data: bytes, position: int, end: int
) -> tuple[list[FuncType | OtherType], list[Recursion], dict[int, Subtype]]:
    """Read the content of a type section at `data[position:end]`."""
    reader = _Reader(data, position, end)
    reader.section()
    return reader.types, reader.recursions, reader.subtypes
