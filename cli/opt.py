"""`eqsat opt`: read, optimize, write, report."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..optimize.cache import default_path
from ..optimize.contracts import ContractError, parse_contracts
from ..optimize.errors import FuseBlown, InputError, OutputError
from ..optimize.options import DEFAULT_EXTRACTION, NAMED_COSTS, Options, OptionsError
from .config import apply_settings
from .cores import cores
from .errors import CliError, Exit, say
from .interrupt import Interrupt
from .progress import show_progress
from .reading import STDIO, read_module, reason, shown_path
from .summary import stats_table, summary_lines
from .writing import save_reproducer, write

if TYPE_CHECKING:
    from ..optimize.report import Report
    from ..optimize.run import Progress, Result

__all__ = ["opt"]


def opt(arguments: argparse.Namespace, started: float | None) -> int:
    """Run the command; `started` is the time from which a wall budget counts."""
    options = _options(arguments, started)
    target = _target(arguments)
    with Interrupt() as interrupt:
        by_hand = arguments.pin is not None or arguments.replay is not None
        source = read_module(arguments.input, components=not by_hand)
        with show_progress(quiet=arguments.quiet) as progress:
            result = _optimize(source, options, arguments.input, progress, interrupt)
        _write(arguments, target, result, source)
    report = result.report
    if arguments.report is not None:
        text = json.dumps(report.as_json(), indent=1, ensure_ascii=False)
        write(arguments.report, text.encode() + b"\n")
    if arguments.json:
        _print(json.dumps(report.as_json(), ensure_ascii=False))
    if arguments.stats:
        for line in stats_table(report):
            print(line, file=sys.stderr)
    if not arguments.quiet:
        shown = "" if target is None else "<stdout>" if target == STDIO else target
        for line in summary_lines(
            report, shown_path(arguments.input), shown, verbose=arguments.verbose
        ):
            say(line)
    if report.interrupted:
        return Exit.INTERRUPTED
    _hands(arguments, report)
    if arguments.require_proof and report.unproven():
        first = report.unproven()[0]
        name = first.name or f"function {first.index}"
        raise CliError(
            "E0101",
            f"{shown_path(arguments.input)}: {len(report.unproven())} cheaper forms are not proven "
            f"(first: {name}: {first.status}, {first.reason})",
            "the output holds the original of these functions",
        )
    return Exit.OK


def _hands(arguments: argparse.Namespace, report: Report) -> None:
    """Fail where the output is not what pins or a report ask for. Raises CliError."""
    shown = shown_path(arguments.input)
    refused = [pin for pin in report.pins if not pin["kept"]]
    if refused:
        first = refused[0]
        name = first["name"] or f"function {first['function']}"
        raise CliError(
            "E0110",
            f"{shown}: {len(refused)} of {len(report.pins)} pins not kept "
            f"(first: {name}: {first['reason']})",
            "the output holds the original of these functions",
        )
    if arguments.replay is not None:
        from ..optimize.replay import read_replay

        if read_replay(Path(arguments.replay)).output_hash != report.output_hash:
            raise CliError(
                "E0111",
                f"{shown}: not the output that {arguments.replay} tells of",
                "another version, other --strip options, or a proof that did not succeed again",
            )


def _options(arguments: argparse.Namespace, started: float | None) -> Options:
    """The options of the run, from the command line, variables and files."""
    apply_settings(arguments)
    extract = arguments.extract or DEFAULT_EXTRACTION
    if extract == "exact":
        _need_solver()
    budget: float | Literal["auto"] | None = "auto"
    if arguments.budget is not None:
        budget = None if arguments.budget == math.inf else arguments.budget
    cost = arguments.cost or "balanced"
    try:
        return Options(
            cost=cost if cost in NAMED_COSTS else _cost_file(cost),
            budget=budget,
            max_iters=arguments.max_iters,
            max_nodes=arguments.max_nodes,
            rlimit=arguments.rlimit,
            extract=extract,
            assume=parse_contracts(tuple(arguments.assume or ())),
            entry=tuple(arguments.entry or ()),
            rules=tuple(Path(name) for name in arguments.rules or ()),
            without=tuple(arguments.without_rule or ()),
            only=tuple(arguments.only or ()),
            skip=tuple(arguments.skip or ()),
            jobs=arguments.jobs or cores(),
            strip=tuple(arguments.strip or ()),
            keep=tuple(arguments.keep or ()),
            pin=None if arguments.pin is None else Path(arguments.pin),
            replay=None if arguments.replay is None else Path(arguments.replay),
            started=started,
            cache=None if arguments.no_cache else default_path(),
        )
    except ContractError as error:
        raise CliError("E0203", str(error)) from None
    except OptionsError as error:
        raise CliError("E0201", str(error)) from None


def _need_solver() -> None:
    """Say at once if the solver of `--extract exact` is not there."""
    from ..extract import MissingSolver, solver_version

    try:
        solver_version()
    except MissingSolver as error:
        raise CliError("E0201", str(error)) from None


def _cost_file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        known = ", ".join(NAMED_COSTS)
        raise CliError("E0306", f"{name}: no such cost file, and no known cost (known: {known})")
    return path


def _target(arguments: argparse.Namespace) -> str | None:
    """Where the module goes: a path, `-`, or None if it is not written at all."""
    if arguments.diff:
        return None
    if arguments.output is not None and arguments.output != STDIO:
        return str(arguments.output)
    terminal = sys.stdout is not None and sys.stdout.isatty()
    if arguments.output == STDIO or not terminal or arguments.wat:
        if arguments.json:
            raise CliError("E0201", "--json needs -o FILE: stdout carries the module otherwise")
        if terminal and not arguments.wat:
            raise CliError(
                "E0204", "will not write a binary module to a terminal", "use -o FILE, -S or a pipe"
            )
        return STDIO
    if arguments.input == STDIO:
        raise CliError(
            "E0204", "will not write a binary module to a terminal", "use -o FILE, -S or a pipe"
        )
    path = Path(arguments.input)
    beside = path.with_name(f"{path.stem}.opt.wasm")
    if beside.exists() and not arguments.force:
        raise CliError("E0205", f"{beside}: exists already (-f replaces it, -o names another)")
    return str(beside)


def _optimize(
    source: bytes,
    options: Options,
    path: str,
    progress: Callable[[Progress], None] | None,
    interrupt: Interrupt,
) -> Result:
    """Call the optimizer and turn its errors into ours."""
    from ..extract import CostError
    from ..optimize.driver import optimize
    from ..optimize.pins import PinFileError
    from ..optimize.replay import ReplayError
    from ..rules.language import RuleError

    shown = shown_path(path)
    try:
        return optimize(source, options=options, progress=progress, stop=interrupt.requested)
    except InputError as error:
        where = "" if error.offset is None else f" (offset {error.offset}: {error.message})"
        raise CliError(
            "E0303", f"{shown}: not a valid module{where or ': ' + error.message}"
        ) from (None)
    except RuleError as error:
        raise CliError("E0305", str(error)) from None
    except (PinFileError, ReplayError) as error:
        raise CliError("E0320", str(error)) from None
    except CostError as error:
        raise CliError("E0306", str(error)) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise CliError("E0302", f"{error.filename}: cannot be read ({reason(error)})") from None
    except FuseBlown as error:
        raise CliError("E0102", f"{shown}: {error}") from None
    except OutputError as error:
        code = {"validation": "E0501", "behaviour": "E0502"}.get(error.kind, "E0503")
        kept = save_reproducer(source, error.output)
        raise CliError(
            code, f"{shown}: {error.message}; nothing written, reproducer in {kept}"
        ) from None


def _write(
    arguments: argparse.Namespace, target: str | None, result: Result, source: bytes
) -> None:
    if target is None:
        from .difference import difference

        for line in difference(source, result):
            _print(line)
        return
    if not arguments.wat:
        write(target, result.output)
        return
    from ..wasm.module import Module, is_component
    from ..wasm.text import print_module

    if is_component(result.output):
        raise CliError("E0307", f"{shown_path(arguments.input)}: a component has no text here (-S)")

    write(target, print_module(Module.parse(result.output)).encode())


def _print(line: str) -> None:
    """A line of data; a pipe that is closed ends the command."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
