"""What can go wrong while a module is optimized, as values the faces can turn into one line."""

from __future__ import annotations

__all__ = ["FuseBlown", "InputError", "OutputError"]


class InputError(Exception):
    """The input cannot be read as a module.

    `offset` is the byte the complaint is about, or None where none is known.
    """

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class FuseBlown(Exception):
    """The wall clock ran out under counted budgets.

    Counted budgets promise the same bytes in every run, so a clock may not silently decide.
    """


class OutputError(Exception):
    """The finished module failed its last checks; nothing may be written.

    `kind` says which check (`frame`, `validation`, `behaviour`), `output` is the module that
    failed it, to be kept as a reproducer.
    """

    def __init__(self, kind: str, message: str, output: bytes) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.output = output
