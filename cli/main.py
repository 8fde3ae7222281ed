"""`eqsat`: one command line for everything, and the last net under every fault."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .errors import CliError, Exit, complain, say

if TYPE_CHECKING:
    import argparse

__all__ = ["main"]


COLLECTED = (50_000, 20, 20)
"""Objects made before the garbage collector looks at the youngest, and how often it looks at older
ones. Graphs and terms are cyclic and live as long as their function: by default the collector goes
over all of them again and again, which costs a quarter of the time."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give the exit code.

    With `argv` None the arguments are those of the process, and budgets count from its start.
    """
    started = None
    if argv is None:
        from ..optimize.budget import process_start

        started = process_start()
        argv = sys.argv[1:]
        gc.set_threshold(*COLLECTED)
    verbose = "-v" in argv or "--verbose" in argv
    try:
        return _run(argv, started)
    except CliError as error:
        return complain(error, verbose=verbose)
    except KeyboardInterrupt:
        say("interrupted, nothing written")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return Exit.INPUT
    except MemoryError:
        return complain(CliError("E0504", "out of memory"), verbose=verbose)
    except Exception as fault:
        if os.environ.get("EQSAT_DEBUG"):
            raise
        text = f"{type(fault).__name__}: {fault}".splitlines()[0][:300]
        return complain(
            CliError("E0504", f"a fault in eqsat itself ({text})", "EQSAT_DEBUG=1 shows where"),
            verbose=verbose,
        )


def _run(argv: Sequence[str], started: float | None) -> int:
    from .parser import build_parser

    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as leave:  # --help and --version
        return int(leave.code or 0)
    return _command(arguments, started)


def _command(arguments: argparse.Namespace, started: float | None) -> int:
    match arguments.command:
        case "opt":
            from .opt import opt

            return opt(arguments, started)
        case "prove":
            from .prove import prove

            return prove(arguments)
        case "cache":
            from .cache import cache

            return cache(arguments)
        case "inspect":
            from .inspect import inspect

            return inspect(arguments)
        case "explore":
            from .explore import explore

            return explore(arguments)
        case "diff":
            from .diff import diff

            return diff(arguments)
        case "check":
            from .check import check

            return check(arguments)
        case "merge":
            from .check import merge

            return merge(arguments)
        case _:
            from .rules import rules

            return rules(arguments)


def _silence_stdout() -> None:
    """Nobody reads any more: keep Python from complaining when it flushes at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
