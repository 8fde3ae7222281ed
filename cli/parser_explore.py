"""The words of the commands that look into modules: `inspect`, `diff`, `explore`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

from .values import count, place, port

__all__ = ["add_looking"]

Commands: TypeAlias = "argparse._SubParsersAction[Any]"
Talk: TypeAlias = "Callable[[argparse._ActionsContainer], None]"
"""Adds the options that every command has."""

INSPECT_HELP = "Show what a module consists of: sections, functions, their size and estimated fuel."

INSPECT_END = """\
examples:
  eqsat inspect app.wasm                       the largest functions
  eqsat inspect app.wasm --function 'parse_*'  the text of these, folded and with names
  eqsat inspect app.wasm --function f --at 16  equal forms of its instruction 16, and why
  eqsat inspect app.wasm --function f --graph  its graph of effects and values
  eqsat inspect app.wasm --json                all of it for a program
"""

DIFF_HELP = """\
Show what changed from one module to another: sections and functions in figures, then each changed
function as a unified diff of its folded text. Functions are matched by name, body, index.
"""

DIFF_END = """\
examples:
  eqsat diff app.wasm app.opt.wasm             figures and text
  eqsat diff app.wasm app.opt.wasm --stat      figures alone
  eqsat diff a.wasm b.wasm --function main     one function
"""


EXPLORE_HELP = """\
Look inside in the browser: functions with gain and proof, original beside result, all equal forms
of an instruction with their exact cost and why they are equal. Another form can be chosen; it is
proven on the spot and kept in a pin file for eqsat opt --pin.
"""

EXPLORE_END = """\
examples:
  eqsat explore app.wasm                       opens the browser; Ctrl-C ends it
  eqsat explore app.wasm --no-browser          prints the address only
  eqsat explore app.wasm --beside other.wasm   compares with another tool's result as well
  eqsat explore app.wasm --html report.html    one page for others, nothing served

Only 127.0.0.1 is served, only to those who have the token in the address. No network is needed.
"""


def add_looking(commands: Commands, talk: Talk) -> None:
    """Add the commands to the parser."""
    _add_inspect(commands, talk)
    _add_diff(commands, talk)
    _add_explore(commands, talk)


def _add_inspect(commands: Commands, talk: Talk) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="show what a module consists of",
        description=INSPECT_HELP,
        epilog=INSPECT_END,
    )
    inspect.add_argument("input", metavar="IN", help="module, binary or text; - for stdin")
    inspect.add_argument(
        "--function", metavar="GLOB", action="append", help="the text of these functions"
    )
    inspect.add_argument(
        "--at", metavar="N", type=place, help="all forms of what instruction N computes, and why"
    )
    inspect.add_argument(
        "--cost", choices=("bytes", "fuel", "balanced"), help="what counts, for --at"
    )
    inspect.add_argument("--graph", action="store_true", help="the function graph, for --function")
    inspect.add_argument("--all", action="store_true", help="all functions in the table")
    inspect.add_argument("--json", action="store_true", help="print as JSON")
    talk(inspect)


def _add_diff(commands: Commands, talk: Talk) -> None:
    diff = commands.add_parser(
        "diff", help="show what changed between two", description=DIFF_HELP, epilog=DIFF_END
    )
    diff.add_argument("before", metavar="A", help="module, binary or text; - for stdin")
    diff.add_argument("after", metavar="B", help="module, binary or text; - for stdin")
    diff.add_argument("--function", metavar="GLOB", action="append", help="only these functions")
    diff.add_argument("--stat", action="store_true", help="figures without the text")
    diff.add_argument("--json", action="store_true", help="print as JSON")
    diff.add_argument("--exit-code", action="store_true", help="exit code 1 if the two differ")
    talk(diff)


def _add_explore(commands: Commands, talk: Talk) -> None:
    explore = commands.add_parser(
        "explore",
        help="look inside in the browser",
        description=EXPLORE_HELP,
        epilog=EXPLORE_END,
    )
    explore.add_argument("input", metavar="IN", help="module, binary or text; - for stdin")
    explore.add_argument("--port", metavar="N", type=port, default=0, help="default: a free one")
    explore.add_argument("--no-browser", action="store_true", help="only print the address")
    explore.add_argument(
        "--beside", metavar="OTHER", action="append", help="another module to compare with"
    )
    explore.add_argument("--html", metavar="OUT", help="write one page instead of serving")
    explore.add_argument("--cost", metavar="bytes|fuel|balanced", help="what counts")
    explore.add_argument("--max-iters", metavar="N", type=count, help="iterations of saturation")
    explore.add_argument("--max-nodes", metavar="N", type=count, help="e-nodes")
    explore.add_argument("--rlimit", metavar="N", type=count, help="solver units a function")
    explore.add_argument("--rules", metavar="FILE", action="append", help="rules of your own")
    explore.add_argument(
        "--without-rule", metavar="GLOB", action="append", help="rules of this name are not used"
    )
    talk(explore)
