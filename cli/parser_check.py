"""The words of the regression gate: `check`, `merge`."""

from __future__ import annotations

import argparse

from .parser_explore import Commands, Talk
from .values import jobs, shard

__all__ = ["add_checking"]

CHECK_HELP = """\
Compare what eqsat makes of a project's modules with what eqsat.lock says it made. Says whether the
optimizer or the source changed, and fails where something got worse. Configured by [check] in
eqsat.toml or [tool.eqsat.check] in pyproject.toml.
"""

CHECK_END = """\
examples:
  eqsat check                            compare, findings on stdout
  eqsat check --update                   write eqsat.lock anew
  eqsat check --review                   go through the changes, take them over one by one
  eqsat check --output sarif=e.sarif --output junit=e.xml --output human
  eqsat check --shard 1/4 --output json=part1.json    one part of four; then: eqsat merge *.json

Exit codes: 0 nothing got worse, 1 a regression, 2 usage or configuration, 3 a module is missing or
invalid, 4 the lock is missing, broken or made by other tools (the latter with --locked, the default
where CI is set), 5 a wrong output or two outputs for one input. The largest of 5, 3, 4, 1 counts.
"""

MERGE_HELP = """\
Put the JSON reports of the shards of one check together and compare with the lock as if one process
had measured all.
"""

MERGE_END = """\
examples:
  eqsat merge part1.json part2.json                   findings and exit code of the whole check
  eqsat merge part*.json --output sarif=e.sarif       any report of the whole
  eqsat merge part*.json --update                     write eqsat.lock from the parts
"""

FORMATS = ("human", "markdown", "json", "junit", "sarif", "github", "gitlab")


def add_checking(commands: Commands, talk: Talk) -> None:
    """Add the commands to the parser."""
    check = commands.add_parser(
        "check",
        help="has what eqsat makes of a project got worse?",
        description=CHECK_HELP,
        epilog=CHECK_END,
    )
    _add_common(check)
    check.add_argument("--review", action="store_true", help="ask about every changed module")
    check.add_argument("--shard", metavar="K/N", type=shard, help="the K-th of N parts alone")
    check.add_argument("--no-cache", action="store_true", help="measure everything anew")
    check.add_argument("--jobs", metavar="N", type=jobs, help="worker processes (default: cores)")
    talk(check)
    merge = commands.add_parser(
        "merge", help="put parts of a check together", description=MERGE_HELP, epilog=MERGE_END
    )
    merge.add_argument("parts", metavar="PART.json", nargs="+", help="JSON reports of shards")
    _add_common(merge)
    talk(merge)


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", metavar="FILE", help="instead of the nearest eqsat.toml")
    command.add_argument("--update", action="store_true", help="write the lock anew")
    command.add_argument("--force", action="store_true", help="--update even where CI is set")
    command.add_argument(
        "--locked",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="a lock of other tools or terms fails (default where CI is set)",
    )
    command.add_argument(
        "--output",
        metavar="FORMAT[=FILE]",
        action="append",
        help=f"a report: {', '.join(FORMATS)} (default human; without FILE on stdout)",
    )
    command.add_argument("--exit-zero", action="store_true", help="0 instead of 1")
