"""Errors of the command line: a code, one complete line, help only with `-v`; and exit codes.

`docs/errors.md` lists every code; a test holds the two together.
"""

from __future__ import annotations

import sys
from enum import IntEnum

__all__ = ["CODES", "CliError", "Exit", "complain", "say"]


class Exit(IntEnum):
    """What the process says when it ends (`docs/exit-codes.md`)."""

    OK = 0
    GATE = 1
    """A requested gate failed, or `prove` refuted."""
    USAGE = 2
    INPUT = 3
    """An input is unreadable or invalid, or the output cannot be written."""
    UNSUPPORTED = 4
    """Not supported (`--strict`); of `check`: the lock is missing, broken or stale."""
    INTERNAL = 5
    """The output failed its checks: nothing was written."""
    UNKNOWN = 6
    """`prove` found neither a proof nor a difference."""
    INTERRUPTED = 130


CODES: dict[str, tuple[Exit, str]] = {
    "E0101": (Exit.GATE, "a change that would have paid is not proven (--require-proof)"),
    "E0102": (Exit.GATE, "time ran out under counted budgets"),
    "E0110": (Exit.GATE, "a choice made by hand (--pin) was not kept"),
    "E0111": (Exit.GATE, "a replayed report gives another output than it says"),
    "E0201": (Exit.USAGE, "the command line makes no sense"),
    "E0202": (Exit.USAGE, "a setting in a configuration file or the environment makes no sense"),
    "E0203": (Exit.USAGE, "a contract that is not known"),
    "E0204": (Exit.USAGE, "binary output would go to a terminal"),
    "E0205": (Exit.USAGE, "the output exists already"),
    "E0206": (Exit.USAGE, "the check is not configured, or not well"),
    "E0301": (Exit.INPUT, "not a WebAssembly module"),
    "E0302": (Exit.INPUT, "a file cannot be read"),
    "E0303": (Exit.INPUT, "a WebAssembly module that is not valid"),
    "E0304": (Exit.INPUT, "the output cannot be written"),
    "E0305": (
        Exit.INPUT,
        "a rule file is wrong, or a rule in it is, or a rule left out is not there",
    ),
    "E0306": (Exit.INPUT, "a cost file is wrong"),
    "E0307": (Exit.INPUT, "a component instead of a module"),
    "E0308": (Exit.INPUT, "text that is not WebAssembly text"),
    "E0309": (Exit.INPUT, "a configuration file is not TOML"),
    "E0310": (Exit.INPUT, "the cache cannot be used"),
    "E0311": (Exit.INPUT, "a module of the check cannot be used"),
    "E0320": (Exit.INPUT, "a pin file or a report to replay is not for this module"),
    "E0401": (Exit.UNSUPPORTED, "the lock file of the check cannot be used"),
    "E0501": (Exit.INTERNAL, "the output is not valid"),
    "E0502": (Exit.INTERNAL, "the output behaves differently"),
    "E0503": (Exit.INTERNAL, "the output differs where nothing may differ"),
    "E0504": (Exit.INTERNAL, "a fault in eqsat itself"),
}
"""Every error code with the exit code it leads to and what it means."""


class CliError(Exception):
    """An error that ends the command with one line on stderr.

    `code` is a key of CODES, `message` the rest of the line, `help` what `-v` adds.
    """

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help

    @property
    def exit(self) -> Exit:
        """The exit code it leads to."""
        return CODES[self.code][0]


def say(text: str) -> None:
    """One line of talk on stderr, whatever became of stderr."""
    try:
        print(f"eqsat: {printable(text)}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def printable(text: str) -> str:
    """The text on one line and without control characters: names come from foreign files."""
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def complain(error: CliError, *, verbose: bool) -> Exit:
    """Print an error and give its exit code."""
    say(f"error[{error.code}]: {error.message}")
    if verbose:
        say(f"  {error.code}: {CODES[error.code][1]}")
        if error.help:
            say(f"  help: {error.help}")
    return error.exit
