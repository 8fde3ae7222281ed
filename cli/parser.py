"""The command line's words. Nothing heavy is imported here: this is all that `--help` needs."""

from __future__ import annotations

import argparse
from typing import NoReturn

from .errors import CliError
from .parser_check import add_checking
from .parser_explore import add_looking
from .values import count, duration, jobs, percent

__all__ = ["build_parser"]

MAIN_HELP = """\
Make WebAssembly modules smaller and faster by equality saturation, and prove every change.

  eqsat opt app.wasm -o app.opt.wasm        optimize within two seconds
  eqsat prove app.wasm app.opt.wasm         are these two the same?
  eqsat rules list                          what it knows
  eqsat check                               has what it makes of a project got worse?
  eqsat inspect app.wasm                    what a module consists of
  eqsat diff app.wasm app.opt.wasm          what changed, function by function
"""

MAIN_END = """\
Exit codes: 0 done, 1 a requested gate failed (prove: refuted), 2 usage, 3 input or output,
4 unsupported, 5 internal (nothing written), 6 prove: unknown, 130 interrupted.
Settings come from options, then EQSAT_* variables, then eqsat.toml or [tool.eqsat].
"""

OPT_HELP = """\
Optimize one module. Every changed function is proven equal to the original by a validator of its
own; what cannot be proven stays as it was. The result is never larger than the input (except with
--cost fuel), is validated, and is run beside the input before it is written.
"""

OPT_END = """\
examples:
  eqsat opt app.wasm -o app.opt.wasm --cost bytes        as small as possible
  eqsat opt app.wasm -o app.wasm --budget 30s            more time; in place is safe
  cat app.wasm | eqsat opt - > small.wasm                in a pipe
  eqsat opt app.wasm --diff --only 'parse_*'             show what would change, write nothing
  eqsat opt app.wasm -o o.wasm --max-iters 12            counted: the same bytes on every machine
  eqsat opt app.wasm -o o.wasm --report r.json --stats   what happened to each function

Without -o the module goes to stdout if that is no terminal, else to NAME.opt.wasm beside the
input. Ctrl-C once writes the best so far (exit code 130), twice writes nothing.
"""

PROVE_HELP = """\
Are two modules equal for everybody who uses them? Says proven, refuted (with a call that both
modules were seen to answer differently) or unknown (with the reason).
"""

PROVE_END = """\
examples:
  eqsat prove a.wasm b.wasm            exit code 0 equal, 1 different, 6 unknown, 3 bad input
  eqsat prove a.wasm b.wasm --json     the same with every function's method and cost
  eqsat prove a.wasm b.wasm -v         what was proven of every function, and how
  eqsat prove a.wasm b.wasm --witness w.json && eqsat prove a.wasm b.wasm --replay w.json
"""

RULES_HELP = "Look at the rewrite rules, and prove them."

RULES_END = """\
examples:
  eqsat rules list                     every rule with its equation
  eqsat rules show mul-pow2            one rule: equation, guard, proof, where it stands
  eqsat rules verify                   prove all of them again
  eqsat rules verify --rules my.py     prove yours
  eqsat rules verify --recorded        is every rule covered by a recorded proof?
  eqsat rules catalogue pages          a folder with a page for each rule
"""


CACHE_HELP = """\
What eqsat found out in earlier runs: proven bodies, and how far the search for each function came.
The file is EQSAT_CACHE (off: none), else in the user's cache folder. An entry counts only for the
same function in the same surroundings, the same options and the same eqsat.
"""

CACHE_END = """\
examples:
  eqsat cache stats                     what is in it
  eqsat cache verify --sample 100       prove everything again, remove what fails (exit code 1)
  eqsat cache gc --max-size 100         drop what is old, of other versions, or too much
  eqsat cache export ci.db              all entries in a new file
  eqsat cache import ci.db              take them over; a sample is proven again
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are ours: one line, exit code 2."""

    def __init__(
        self,
        *,
        prog: str | None = None,
        description: str | None = None,
        epilog: str | None = None,
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise CliError("E0201", f"{message} (see {self.prog} --help)")


def build_parser() -> argparse.ArgumentParser:
    """The parser for everything."""
    from .. import __version__

    parser = Parser(prog="eqsat", description=MAIN_HELP, epilog=MAIN_END)
    parser.add_argument("--version", action="version", version=f"eqsat {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    _add_opt(commands)
    _add_prove(commands)
    _add_rules(commands)
    _add_cache(commands)
    add_looking(commands, _add_talk)
    add_checking(commands, _add_talk)
    return parser


_Commands = argparse._SubParsersAction


def _add_opt(commands: _Commands[Parser]) -> None:
    opt = commands.add_parser("opt", help="optimize a module", description=OPT_HELP, epilog=OPT_END)
    opt.add_argument(
        "input", metavar="IN", help="module, binary or text, or component; - for stdin"
    )
    opt.add_argument("-o", "--output", metavar="OUT", help="where to write; - for stdout")
    opt.add_argument("-f", "--force", action="store_true", help="replace NAME.opt.wasm")
    goal = opt.add_argument_group("goal")
    goal.add_argument(
        "--cost",
        metavar="bytes|fuel|balanced|FILE",
        help="what counts: size, estimated instructions run, or (the default, balanced) the "
        "latter but never more bytes; or a cost file",
    )
    goal.add_argument(
        "--budget",
        metavar="TIME",
        type=duration,
        help="wall time from start to end (default 2s; none: no limit)",
    )
    goal.add_argument(
        "--max-iters", metavar="N", type=count, help="counted: iterations of saturation a batch"
    )
    goal.add_argument("--max-nodes", metavar="N", type=count, help="counted: e-nodes a batch")
    goal.add_argument("--rlimit", metavar="N", type=count, help="counted: solver units a function")
    goal.add_argument(
        "--extract",
        metavar="tree|local|exact",
        help="choice of terms: by cheapest trees; where time is ample also one by one by their "
        "bytes (default); also by a solver for small functions (extra 'exact')",
    )
    goal.add_argument("--jobs", metavar="N", type=jobs, help="worker processes (default: cores)")
    goal.add_argument(
        "--no-cache", action="store_true", help="take nothing from earlier runs, leave nothing"
    )
    scope = opt.add_argument_group("scope")
    scope.add_argument(
        "--only", metavar="GLOB", action="append", help="only functions of this name or index"
    )
    scope.add_argument(
        "--skip", metavar="GLOB", action="append", help="all but functions of this name or index"
    )
    _add_contracts(scope)
    scope.add_argument(
        "--rules", metavar="FILE", action="append", help="rules of your own, proven before use"
    )
    scope.add_argument(
        "--without-rule", metavar="GLOB", action="append", help="rules of this name are not used"
    )
    scope.add_argument(
        "--pin", metavar="FILE", help="write these functions as chosen in eqsat explore"
    )
    scope.add_argument(
        "--replay", metavar="REPORT", help="what an earlier run found: proven again, not searched"
    )
    sections = opt.add_argument_group("sections")
    sections.add_argument(
        "--strip", metavar="GLOB", action="append", help="drop custom sections of this name"
    )
    sections.add_argument(
        "--keep", metavar="GLOB", action="append", help="keep these although --strip names them"
    )
    shown = opt.add_argument_group("output")
    shown.add_argument("-S", "--wat", action="store_true", help="write text instead of binary")
    shown.add_argument("--diff", action="store_true", help="print what would change, as text")
    shown.add_argument("--report", metavar="FILE.json", help="write the report of the run")
    shown.add_argument("--json", action="store_true", help="print the report on stdout")
    shown.add_argument("--stats", action="store_true", help="print a table of the functions")
    shown.add_argument(
        "--require-proof",
        action="store_true",
        help="exit code 1 if a cheaper form was found but not proven",
    )
    _add_talk(shown)


def _add_prove(commands: _Commands[Parser]) -> None:
    prove = commands.add_parser(
        "prove", help="prove two modules equal", description=PROVE_HELP, epilog=PROVE_END
    )
    prove.add_argument("original", metavar="A", help="module, binary or text; - for stdin")
    prove.add_argument("candidate", metavar="B", help="module, binary or text; - for stdin")
    _add_contracts(prove)
    prove.add_argument("--budget", metavar="TIME", type=duration, help="wall time (default: none)")
    prove.add_argument("--json", action="store_true", help="print the verdict as JSON")
    prove.add_argument("--smt2", metavar="DIR", help="write the solver's queries into this folder")
    prove.add_argument("--witness", metavar="FILE", help="where to keep the calls of a refutation")
    prove.add_argument("--replay", metavar="FILE", help="make the calls of a kept refutation again")
    _add_talk(prove)


def _add_rules(commands: _Commands[Parser]) -> None:
    rules = commands.add_parser(
        "rules", help="list, show and prove rules", description=RULES_HELP, epilog=RULES_END
    )
    rules.add_argument("action", choices=("list", "show", "verify", "catalogue"), help="what to do")
    rules.add_argument(
        "name", metavar="NAME", nargs="?", help="the rules meant (a glob); catalogue: the folder"
    )
    rules.add_argument(
        "--rules",
        metavar="FILE",
        action="append",
        help="rules of your own as well; verify: those alone",
    )
    rules.add_argument(
        "--recorded", action="store_true", help="verify: compare with proofs.lock, prove nothing"
    )
    rules.add_argument("--json", action="store_true", help="print as JSON")
    _add_talk(rules)


def _add_cache(commands: _Commands[Parser]) -> None:
    cache = commands.add_parser(
        "cache",
        help="look at the results of earlier runs",
        description=CACHE_HELP,
        epilog=CACHE_END,
    )
    cache.add_argument(
        "action", choices=("stats", "gc", "verify", "export", "import"), help="what to do"
    )
    cache.add_argument("other", metavar="FILE", nargs="?", help="export: to; import: from")
    cache.add_argument("--file", metavar="FILE", help="the cache itself (default: EQSAT_CACHE)")
    cache.add_argument(
        "--max-size", metavar="MB", type=count, default=256, help="gc: at most this (default 256)"
    )
    cache.add_argument(
        "--unused", metavar="DAYS", type=count, default=90, help="gc: unused so long (default 90)"
    )
    cache.add_argument(
        "--sample",
        metavar="PERCENT",
        type=percent,
        default=5.0,
        help="verify, import: how much to prove again (default 5)",
    )
    cache.add_argument("--seed", metavar="N", type=count, default=1, help="verify: which sample")
    cache.add_argument("--json", action="store_true", help="stats: print as JSON")
    _add_talk(cache)


def _add_contracts(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--assume",
        metavar="NAME[=VALUE]",
        action="append",
        help="a promise about how the module is used: p3-async and no-exhaustion let more go, "
        "the others are only reported so far",
    )
    group.add_argument(
        "--entry",
        metavar="GLOB",
        action="append",
        help="only these exports are ever used: the others go, and all that only they need",
    )


def _add_talk(group: argparse._ActionsContainer) -> None:
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    group.add_argument("-v", "--verbose", action="store_true", help="say more")
