"""What an operation costs where the choice among equal terms is made.

These are estimates for choosing; what decides in the end is the exact size or cost of the emitted
body. All costs are positive integers: a term costs more than each of its operands, so choices
are never circular.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..wasm.opcodes import BY_NAME, OPCODES

MAX_COST: Final = 1_000_000
"""Of one operation in a user's file: sums over a body stay far below 2**63."""

MAX_ROUNDS: Final = 1_000
"""Of a loop in a user's file: six loops deep that is 10**18, a number that still adds exactly."""

LARGEST_FILE: Final = 1 << 20
"""Bytes of a cost file: all instructions by name take some 20,000."""

_I32_CONST: Final = 0x41
_I64_CONST: Final = 0x42
_FLOAT_BYTES: Final = {0x43: 5, 0x44: 9, 0xFD000C: 18}
_LEAF_BYTES: Final = 2
_MEMARG_BYTES: Final = 2
_KEYS: Final = ("base", "default", "leaf", "loop", "opcodes")
_SHOWN: Final = 40
_BYTES_IN_BALANCE: Final = 1
_FUEL_IN_BALANCE: Final = 4
"""One instruction less is worth four bytes: about what an instruction is long, and some more."""


class CostError(Exception):
    """A cost file that cannot be used; the message names what is wrong and where."""

    def __init__(self, path: str, message: str) -> None:
        """Remember the file and say what is wrong."""
        super().__init__(f"{path}: {message}")
        self.path = path


@dataclass(frozen=True, slots=True)
class CostModel:
    """Costs of operations, constants and leaves.

    Attributes:
        name: `"bytes"`, `"fuel"`, `"balanced"`, or the path of a user's file.
        operations: opcode to cost, of everything that is not a leaf.
        leaf: cost of using what is in a local.
        constant_scale: cost of each byte that a constant or memarg has beyond the opcode.
        extension: what it costs to keep a value longer than the original program does.
        default: cost of an operation that is not listed.
        rounds: how often a loop is taken to run for each time it is entered, None for the usual.
    """

    name: str
    operations: Mapping[int, int]
    leaf: int
    constant_scale: int
    extension: int
    default: int = 1
    rounds: int | None = None

    def operation(self, code: int) -> int:
        """Return the cost of one operation without its operands."""
        return self.operations.get(code, self.default)

    def constant(self, code: int, immediate: int) -> int:
        """Return the cost of a constant instruction."""
        return self.operations.get(code, self.default) + self.constant_scale * (
            constant_bytes(code, immediate) - 1
        )

    def load(self, code: int) -> int:
        """Return the cost of a load without its address."""
        return self.operations.get(code, self.default) + self.constant_scale * _MEMARG_BYTES


def constant_bytes(code: int, immediate: int) -> int:
    """Return the number of bytes of a constant instruction."""
    if code in (_I32_CONST, _I64_CONST):
        bits = (immediate if immediate >= 0 else ~immediate).bit_length() + 1
        return 1 + (bits + 6) // 7
    return _FLOAT_BYTES[code]


def opcode_bytes(code: int) -> int:
    """Return the number of bytes of an opcode without immediates."""
    if code <= 0xFF:
        return 1
    return 2 if code & 0xFFFF < 0x80 else 3


def bytes_model() -> CostModel:
    """Return the model of the encoded size."""
    return CostModel("bytes", {code: opcode_bytes(code) for code in OPCODES}, _LEAF_BYTES, 1, 3)


def fuel_model() -> CostModel:
    """Return the model of instructions executed, as wasmtime's fuel counts them.

    Where a term is computed does not enter: all candidates of a class stand at the same place.
    """
    return CostModel("fuel", {code: 1 for code in OPCODES}, 1, 0, 1)


def balance(fuel: int, size: int) -> int:
    """Return what the balanced model makes of instructions executed and bytes."""
    return _FUEL_IN_BALANCE * fuel + _BYTES_IN_BALANCE * size


def balanced_model() -> CostModel:
    """Return instructions first, bytes second."""
    return CostModel(
        "balanced",
        {code: balance(1, opcode_bytes(code)) for code in OPCODES},
        balance(1, _LEAF_BYTES),
        _BYTES_IN_BALANCE,
        balance(1, _LEAF_BYTES),
    )


BUILT_IN: Final = {"bytes": bytes_model, "fuel": fuel_model, "balanced": balanced_model}
"""The models by the name that the command line gives them."""


def cost_model(name: str) -> CostModel:
    """Return a built-in model, or the one in the file of this path. Raises `CostError`."""
    built_in = BUILT_IN.get(name)
    return built_in() if built_in is not None else read_cost_file(Path(name))


def read_cost_file(path: Path) -> CostModel:
    """Read a user's cost file.

    The file is TOML with, all optional, `base` (a built-in model, default `"fuel"`), `leaf` (cost
    of reading a local), `default` (of operations not listed), `loop` (rounds of a loop), and a
    table `[opcodes]` from text names (`"i32.mul"`) to positive integers. Raises `CostError`.
    """
    shown = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8"
        raise CostError(shown, f"cannot read the cost file ({reason})") from None
    if len(raw) > LARGEST_FILE:
        raise CostError(shown, f"longer than {LARGEST_FILE} bytes")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CostError(shown, f"not TOML ({error})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or as many brackets
        raise CostError(shown, "not TOML that anybody would write") from None
    return parse_costs(shown, data)


def parse_costs(path: str, data: Mapping[str, object]) -> CostModel:
    """Make a model of a cost file's contents; `path` names it in errors (`CostError`)."""
    unknown = sorted(set(data).difference(_KEYS))
    if unknown:
        known = ", ".join(_KEYS)
        raise CostError(path, f'unknown key "{_short(unknown[0])}" (known: {known})')
    base_name = data.get("base", "fuel")
    if not isinstance(base_name, str) or base_name not in BUILT_IN:
        raise CostError(path, f"base must be one of {', '.join(BUILT_IN)}, not {_short(base_name)}")
    base = BUILT_IN[base_name]()
    leaf = _positive(path, "leaf", data.get("leaf", base.leaf))
    rounds = _positive(path, "loop", data["loop"], MAX_ROUNDS) if "loop" in data else None
    operations = dict(base.operations)
    if "default" in data:
        default = _positive(path, "default", data["default"])
        operations = dict.fromkeys(operations, default)
    table = data.get("opcodes", {})
    if not isinstance(table, Mapping):
        raise CostError(path, "opcodes must be a table from instruction names to numbers")
    for name, cost in table.items():
        code = BY_NAME.get(name)
        if code is None:
            raise CostError(path, f'unknown instruction "{_short(name)}"')
        operations[code] = _positive(path, name, cost)
    return CostModel(path, operations, leaf, base.constant_scale, base.extension, rounds=rounds)


def _positive(path: str, key: str, value: object, most: int = MAX_COST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise CostError(path, f"{key} must be a whole number from 1 to {most}, not {_short(value)}")
    return value


def _short(value: object) -> str:
    """What somebody wrote, as far as an error message needs it."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
