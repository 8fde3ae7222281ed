"""`eqsat check` and `eqsat merge`: the gate, its reports, and the lock file."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..check.calls import CallError
from ..check.compare import Verdict
from ..check.config import CheckConfig, ConfigError, find_config, read_config
from ..check.gate import check as run_check
from ..check.gate import context_of, read_lock, write_locks
from ..check.lock import Lock, LockError, for_config
from ..check.measure import ModuleError
from ..check.reports import FORMATS, Context, render
from ..optimize.cache import default_path
from .cores import cores
from .errors import CliError, Exit, say
from .reading import STDIO, reason
from .writing import write as write_file

if TYPE_CHECKING:
    from ..optimize.options import Options

__all__ = ["check", "merge"]

T = TypeVar("T")


def check(arguments: argparse.Namespace) -> int:
    """Run the command."""
    config, lock = _prepare(arguments)
    whole = arguments.shard in (None, (1, 1))
    if not whole and (arguments.update or arguments.review):
        raise CliError("E0201", "a shard alone writes no lock: eqsat merge PART... --update does")
    if arguments.review and not (sys.stdin and sys.stdin.isatty()):
        raise CliError("E0201", "--review asks on a terminal, and there is none")
    cache = None if arguments.no_cache else default_path()
    options = config.options(cache, arguments.jobs or cores())
    paths = config.files()
    if not paths:
        raise CliError("E0206", f"{config.source}: modules: no file matches")
    context = _guarded(
        lambda: run_check(
            config,
            options,
            None if arguments.update else lock,
            locked=_locked(arguments),
            paths=paths,
            shard=arguments.shard or (1, 1),
        )
    )
    if arguments.review and lock is not None:
        lock = _review(config, options, context, lock)
        context = context_of(
            config,
            options,
            lock,
            context.measurement,
            locked=_locked(arguments),
            began=time.monotonic() - context.seconds,
        )
    return _finish(arguments, config, lock, context)


def merge(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ..check.merge import MergeError, read_parts

    began = time.monotonic()
    config, lock = _prepare(arguments)
    try:
        measurement = read_parts([Path(name) for name in arguments.parts], config)
    except MergeError as error:
        raise CliError("E0311", str(error)) from None
    context = context_of(
        config,
        None,
        None if arguments.update else lock,
        measurement,
        locked=_locked(arguments),
        began=began,
    )
    return _finish(arguments, config, lock, context)


def _prepare(arguments: argparse.Namespace) -> tuple[CheckConfig, Lock | None]:
    """Configuration and lock; usage errors first."""
    for text in arguments.output or ():
        name = text.partition("=")[0]
        if name not in FORMATS:
            known = ", ".join(FORMATS)
            raise CliError("E0201", f"--output {text}: unknown format (known: {known})")
    if arguments.update and _in_ci() and not arguments.force:
        raise CliError("E0201", "--update is for people: CI is set (--force does it anyway)")
    path = Path(arguments.config) if arguments.config else find_config(Path.cwd())
    if path is None:
        raise CliError(
            "E0206",
            "no [check] in an eqsat.toml or pyproject.toml from here up",
            "docs/check.md shows one of three lines",
        )
    try:
        config = read_config(path)
    except ConfigError as error:
        raise CliError("E0206", str(error)) from None
    if arguments.update:
        return config, None
    try:
        return config, read_lock(config)
    except LockError as error:
        raise CliError("E0401", f"{error}; eqsat check --update writes a new one") from None


def _guarded(work: Callable[[], T]) -> T:
    """Do the work, with errors turned into ours."""
    try:
        return work()
    except ConfigError as error:
        raise CliError("E0206", str(error)) from None
    except CallError as error:
        raise CliError("E0206", f"call: {error}") from None
    except ModuleError as error:
        raise CliError("E0311", str(error)) from None
    except OSError as error:
        raise CliError("E0302", f"{error.filename}: cannot be read ({reason(error)})") from None
    except Exception as fault:
        raise _of_user(fault) from None


def _of_user(fault: Exception) -> Exception:
    """A faulty rule or cost file as one of our errors; anything else as it is."""
    from ..extract.cost import CostError
    from ..rules.language import RuleError

    match fault:
        case RuleError():
            return CliError("E0305", str(fault))
        case CostError():
            return CliError("E0306", str(fault))
        case _:
            return fault


def _locked(arguments: argparse.Namespace) -> bool:
    return _in_ci() if arguments.locked is None else bool(arguments.locked)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _finish(
    arguments: argparse.Namespace, config: CheckConfig, lock: Lock | None, context: Context
) -> int:
    """Write the lock if asked to, then all reports; the exit code comes last."""
    verdict = context.comparison.verdict()
    if arguments.update:
        unsound = [one for one in context.comparison.failing if one.verdict is Verdict.UNSOUND]
        if not unsound:
            _write_lock(config, for_config(config, context.measurement.modules))
            found = context.measurement.modules
            if not arguments.quiet:
                say(f"{config.lock}: {len(found)} modules, {_lines(context)} functions listed")
            return Exit.OK
    _reports(arguments, context)
    if not arguments.quiet:
        shown = f", {context.measurement.cached} known" if context.measurement.cached else ""
        say(f"{context.comparison.modules} modules in {context.seconds:.2f} s{shown}")
    if verdict is Verdict.REGRESSION and arguments.exit_zero:
        return Exit.OK
    return int(verdict)


def _lines(context: Context) -> int:
    return sum(len(one.lines) for one in context.measurement.modules.values())


def _write_lock(config: CheckConfig, lock: Lock) -> None:
    write_locks(config, lock, write_file)


def _reports(arguments: argparse.Namespace, context: Context) -> None:
    outputs = list(arguments.output or ["human"])
    in_github = os.environ.get("GITHUB_ACTIONS") == "true"
    if in_github and not any(text.partition("=")[0] == "github" for text in outputs):
        outputs.append("github")
    for text in outputs:
        name, _, target = text.partition("=")
        if arguments.quiet and not target and name == "human":
            continue
        write_file(target or STDIO, render(name, context).encode())
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if in_github and summary:
        try:
            with open(summary, "a", encoding="utf-8") as page:
                page.write(render("markdown", context))
        except OSError as error:
            raise CliError("E0304", f"{summary}: cannot be written ({reason(error)})") from None


def _review(config: CheckConfig, options: Options, context: Context, lock: Lock) -> Lock:
    """Show the changes module by module and ask; what is accepted goes into the lock at once."""
    modules = dict(lock.modules)
    terms_changed = False
    for path, new in sorted(context.measurement.modules.items()):
        if modules.get(path) == replace(new, plain={}):
            continue
        for line in _shown(context, path):
            print(line)
        answer = _ask(f"{path}: accept, reject, stop? [a/r/s] ")
        if answer == "s":
            break
        if answer == "a":
            modules[path] = new
            terms_changed = True
    if not terms_changed:
        return lock
    # Entries that were not accepted were made by other tools, if the tools have changed: the lock
    # says so only when it is whole.
    whole = all(
        modules.get(path) == new or modules.get(path) == replace(new, plain={})
        for path, new in context.measurement.modules.items()
    )
    found = for_config(config, modules) if whole else replace(lock, modules=modules)
    _write_lock(config, found)
    return found


def _shown(context: Context, path: str) -> Sequence[str]:
    findings = [
        one
        for one in (*context.comparison.findings, *context.comparison.improvements)
        if one.path == path
    ]
    lines = [f"{one.rule} {one.function or path}: {one.message} [{one.cause}]" for one in findings]
    for one in findings:
        lines += [f"    {line}" for line in context.diffs.get(one, ())]
    return lines or [f"{path}: changed without a finding"]


def _ask(question: str) -> str:
    while True:
        try:
            answer = input(question).strip().lower()[:1]
        except EOFError:
            return "s"
        if answer in ("a", "r", "s"):
            return answer
