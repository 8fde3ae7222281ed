"""What a saturated batch says, in plain Python tables.

Class numbers here are ours: classes of the functions' own values first, in the order of
(function, value id), then what rules added, by the terms they consist of. egglog's own ids never
show, so nothing that is chosen downstream can depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..rules import signature
from ..wasm.opcodes import BY_NAME
from .encode import ORDINAL_SHIFT, Encoded
from .fold import FOLDS

if TYPE_CHECKING:
    from egglog.bindings import EGraph, FrozenFunction, FrozenRow
    from egglog.bindings import Value as Key

    from .provenance import Trace

ENode: TypeAlias = "tuple[int, tuple[int, ...]]"
"""An operation as opcode number and its operands' classes, in the order of the instruction."""

_SELECT: Final = 0x1B
_LOW: Final = (1 << ORDINAL_SHIFT) - 1
_CONSTANTS: Final = {
    "i32.const": ("I32", 0x41),
    "i64.const": ("I64", 0x42),
    "f32.const": ("F32", 0x43),
    "f64.const": ("F64", 0x44),
    "v128.const": ("V128", 0xFD000C),
}
_RESULT: Final = {0x41: "I32", 0x42: "I64", 0x43: "F32", 0x44: "F64"}
_CONST_OF_SORT: Final = {sort: code for sort, code in _CONSTANTS.values()}


class Contradiction(Exception):
    """One class holds two different constants: an unsound rule, nothing of the batch is usable."""


@dataclass(slots=True)
class Saturation:
    """Classes, members and facts of a batch.

    Attributes:
        functions: the encoded graphs, by ordinal.
        classes: for each function, value id to class number.
        nodes: for each class, its extractable operations; merges appear as `select`.
        leaves: for each class, the values `(ordinal, id)` that are leaves in it, in order.
        constants: class to `(opcode of the constant, immediate)`.
        known: class to the masks of bits known to be 0 and to be 1 (sign-extended).
        hits: matches of each rule, by its name.
        stopped: `"saturated"`, `"iterations"`, `"nodes"` or `"deadline"`.
        rounds: rounds over all rule sets.
    """

    functions: Sequence[Encoded]
    classes: list[dict[int, int]]
    nodes: list[list[ENode]]
    leaves: list[list[tuple[int, int]]]
    constants: dict[int, tuple[int, int]]
    known: dict[int, tuple[int, int]]
    hits: Mapping[str, int]
    stopped: str = ""
    rounds: int = 0

    def members(self, number: int) -> list[ENode]:
        """Return the extractable operations of a class."""
        return self.nodes[number]

    def constant(self, number: int) -> tuple[int, int] | None:
        """Return opcode and immediate if the class is a constant."""
        return self.constants.get(number)

    def truth(self, number: int) -> int | None:
        """Return a number that is zero iff the class (an i32) always is, None if not known."""
        constant = self.constants.get(number)
        if constant is not None:
            return constant[1]
        known = self.known.get(number)
        return 1 if known is not None and known[1] != 0 else None

    @property
    def size(self) -> tuple[int, int]:
        """Numbers of classes and of extractable operations."""
        return len(self.nodes), sum(len(n) for n in self.nodes)


def freeze(
    graph: EGraph,
    encoded: Sequence[Encoded],
    hits: Mapping[str, int],
    trace: Trace | None = None,
) -> Saturation:
    """Read a saturated e-graph (an `egglog.bindings.EGraph`) out, and its trace if there is one.

    Raises `Contradiction` if some class has two constants.
    """
    tables = graph.freeze().functions
    reader = _Reader(graph.value_to_i64, tables)
    classes = reader.values(encoded)
    reader.leaves_and_constants()
    reader.operations()
    saturation = Saturation(
        functions=encoded,
        classes=classes,
        nodes=reader.nodes,
        leaves=reader.leaves,
        constants=reader.constants,
        known=reader.facts(),
        hits=hits,
    )
    _fold_on(saturation)
    if trace is not None:
        trace.read(tables, reader.number, reader.by_sort)
    return saturation


@dataclass(frozen=True, slots=True)
class _Pending:
    """An operation whose class or operands have no number yet."""

    name: str
    code: int
    inputs: Sequence[Key]
    output: Key


class _Reader:
    """Numbers classes while it reads the tables."""

    def __init__(self, number: Callable[[Key], int], tables: Mapping[str, FrozenFunction]) -> None:
        self.number = number
        self.tables = tables
        self.by_sort: dict[str, dict[Key, int]] = {s: {} for s in signature.VALUE_SORTS}
        self.nodes: list[list[ENode]] = []
        self.leaves: list[list[tuple[int, int]]] = []
        self.constants: dict[int, tuple[int, int]] = {}

    def rows(self, name: str) -> Sequence[FrozenRow]:
        table = self.tables.get(name)
        return () if table is None else table.rows

    def new_class(self, sort: str, value: Key) -> int:
        known = self.by_sort[sort]
        number = known.get(value)
        if number is None:
            number = known[value] = len(self.nodes)
            self.nodes.append([])
            self.leaves.append([])
        return number

    def values(self, encoded: Sequence[Encoded]) -> list[dict[int, int]]:
        """Number the classes of all values of the functions."""
        number = self.number
        found: list[tuple[int, str, Key]] = []
        for sort in signature.VALUE_SORTS:
            found += [(number(r.inputs[0]), sort, r.output) for r in self.rows(f"n.{sort}")]
        found.sort(key=lambda row: row[0])
        classes: list[dict[int, int]] = [{} for _ in encoded]
        for value, sort, key in found:
            classes[value >> ORDINAL_SHIFT][value & _LOW] = self.new_class(sort, key)
        return classes

    def leaves_and_constants(self) -> None:
        """Read leaves and constants; constants that rules made get their classes here."""
        number = self.number
        for sort in signature.VALUE_SORTS:
            ids = [(number(r.inputs[0]), r.output) for r in self.rows(f"leaf.{sort}")]
            ids.sort(key=lambda row: row[0])
            for value, key in ids:
                leaf = (value >> ORDINAL_SHIFT, value & _LOW)
                self.leaves[self.new_class(sort, key)].append(leaf)
        for name, (sort, code) in _CONSTANTS.items():
            found = [(tuple(map(number, r.inputs)), r.output) for r in self.rows(name)]
            found.sort(key=lambda row: row[0])
            for inputs, key in found:
                immediate = signature.constant_immediate(sort, inputs)
                self.add_constant(self.new_class(sort, key), code, immediate)

    def add_constant(self, number: int, code: int, immediate: int) -> None:
        known = self.constants.setdefault(number, (code, immediate))
        if known != (code, immediate):
            raise Contradiction(f"constants {known[1]} and {immediate} in one class")

    def operations(self) -> None:
        """Read operations; a class that rules added is numbered once its operands are."""
        pending: list[_Pending] = []
        for name, code in _OPERATIONS.items():
            row = signature.CONSTRUCTORS[name]
            known = [self.by_sort[s] for s in row.arguments]
            outputs = self.by_sort[row.result]
            merge = name.startswith("gamma.")
            for entry in self.rows(name):
                inputs = entry.inputs
                output = outputs.get(entry.output)
                args = tuple([k.get(v) for k, v in zip(known, inputs, strict=True)])
                if output is not None and output in args:
                    continue  # no term of it can be finite
                if output is None or None in args:
                    pending.append(_Pending(name, code, inputs, entry.output))
                else:
                    self.nodes[output].append((code, _ordered(args, merge)))
        while pending:
            pending = self._settle(pending)
        for members in self.nodes:
            members.sort()

    def _settle(self, pending: list[_Pending]) -> list[_Pending]:
        """Number classes all of whose operands have numbers, in the order of their terms."""
        ready: list[tuple[int, tuple[int, ...], str, Key]] = []
        left: list[_Pending] = []
        for item in pending:
            sorts = signature.CONSTRUCTORS[item.name].arguments
            args = tuple([self.by_sort[s].get(v) for s, v in zip(sorts, item.inputs, strict=True)])
            if None in args:
                left.append(item)
            else:
                merge = item.name.startswith("gamma.")
                ready.append((item.code, _ordered(args, merge), item.name, item.output))
        ready.sort(key=lambda row: row[:3])
        for code, operands, name, output in ready:
            number = self.new_class(signature.CONSTRUCTORS[name].result, output)
            self.nodes[number].append((code, operands))
        # What never gets operands consists of terms that cannot be extracted: leave it out.
        return left if ready else []

    def facts(self) -> dict[int, tuple[int, int]]:
        """Read known bits."""
        masks: dict[int, list[int]] = {}
        for position, fact in enumerate(("kz", "ko")):
            for sort in ("I32", "I64"):
                known = self.by_sort[sort]
                for row in self.rows(f"{fact}.{sort}"):
                    number = known.get(row.inputs[0])
                    if number is not None:
                        masks.setdefault(number, [0, 0])[position] = self.number(row.output)
        return {number: (pair[0], pair[1]) for number, pair in masks.items() if any(pair)}


def _ordered(args: tuple[Any, ...], merge: bool) -> tuple[int, ...]:
    """Put a merge's operands into the order of `select`."""
    return (args[1], args[2], args[0]) if merge else args


def _operation_codes() -> dict[str, int]:
    """Return the opcode of every constructor that can stand for an instruction."""
    codes: dict[str, int] = {}
    for name, row in signature.CONSTRUCTORS.items():
        if name.startswith(("select.", "gamma.")):
            if row.result != "Ref":  # a select of references names its type: those stay as they are
                codes[name] = _SELECT
        elif name in BY_NAME and name not in _CONSTANTS:
            codes[name] = BY_NAME[name]
    return codes


_OPERATIONS: Final = _operation_codes()
_FOLD_BY_CODE: Final = {code: FOLDS[name] for name, code in BY_NAME.items() if name in FOLDS}
_RESULT_CONST: Final = {
    code: _CONST_OF_SORT[signature.CONSTRUCTORS[name].result]
    for name, code in BY_NAME.items()
    if name in FOLDS and name in signature.CONSTRUCTORS
}


def _fold_on(saturation: Saturation) -> None:
    """Fold operations whose operands are all constants: floats, and what rules left over."""
    constants = saturation.constants
    changed = True
    while changed:
        changed = False
        for number, members in enumerate(saturation.nodes):
            if number in constants:
                continue
            for code, args in members:
                if any(a not in constants for a in args) or code not in _RESULT_CONST:
                    continue
                result = _FOLD_BY_CODE[code](*[constants[a][1] for a in args])
                if result is not None:
                    constants[number] = (_RESULT_CONST[code], result)
                    changed = True
                    break
