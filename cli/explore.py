"""`eqsat explore`: look inside a module in the browser, or as one page in a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..optimize.errors import InputError
from ..optimize.options import (
    DEFAULT_MAX_ITERS,
    DEFAULT_MAX_NODES,
    DEFAULT_RLIMIT,
    NAMED_COSTS,
    Options,
)
from .errors import CliError, Exit, say
from .inspect import read_valid
from .reading import reason, shown_path
from .writing import write

__all__ = ["explore"]


def explore(arguments: argparse.Namespace) -> int:
    """Run the command."""
    data = read_valid(arguments.input)
    options = _options(arguments)
    _check_rules(options)
    name = Path(shown_path(arguments.input)).name
    try:
        if arguments.html is not None:
            return _page(data, options, name, arguments)
        return _serve(data, options, name, arguments)
    except InputError as error:
        raise CliError("E0303", f"{shown_path(arguments.input)}: {error}") from None


def _options(arguments: argparse.Namespace) -> Options:
    """Counted limits: what the page shows, the command that it names gives again."""
    cost = arguments.cost or "balanced"
    if cost not in NAMED_COSTS:
        raise CliError("E0201", f"--cost must be one of {', '.join(NAMED_COSTS)} here")
    return Options(
        cost=cost,
        max_iters=arguments.max_iters or DEFAULT_MAX_ITERS,
        max_nodes=arguments.max_nodes or DEFAULT_MAX_NODES,
        rlimit=arguments.rlimit or DEFAULT_RLIMIT,
        rules=tuple(Path(rules) for rules in arguments.rules or ()),
        without=tuple(arguments.without_rule or ()),
    )


def _check_rules(options: Options) -> None:
    """Prove the user's rules before anything is shown, and find those left out. Raises CliError."""
    if not options.rules and not options.without:
        return
    from ..optimize.rulebook import book
    from ..rules.language import RuleError

    try:
        book(options.rules, options.without)
    except RuleError as error:
        raise CliError("E0305", str(error)) from None
    except OSError as error:
        raise CliError("E0302", f"{error.filename}: cannot be read ({reason(error)})") from None


def _serve(data: bytes, options: Options, name: str, arguments: argparse.Namespace) -> int:
    from ..explore.serve import ADDRESS, serve

    def ready(address: str) -> None:
        if not arguments.quiet:
            say(f"{name}: {address} (Ctrl-C ends it)")
        if not arguments.no_browser:
            _open(address)

    others = _others(arguments)
    try:
        serve(data, options, name=name, port=arguments.port, ready=ready, others=others)
    except OSError as error:
        where = f"{ADDRESS}:{arguments.port}"
        raise CliError("E0201", f"cannot listen on {where} ({reason(error)})") from None
    return Exit.OK


def _others(arguments: argparse.Namespace) -> dict[str, bytes]:
    """The modules to compare with, by names of their own."""
    from ..explore.sides import AUTOMATIC, ORIGINAL

    others: dict[str, bytes] = {}
    for path in arguments.beside or ():
        other = Path(shown_path(path)).name
        # Two files may have one name, and two names are taken.
        others[other if other not in (*others, ORIGINAL, AUTOMATIC) else path] = read_valid(path)
    return others


def _open(address: str) -> None:
    """Open a browser beside us: some browsers talk on our terminal or do not come back."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _page(data: bytes, options: Options, name: str, arguments: argparse.Namespace) -> int:
    from ..explore.page import static_page

    text, cut = static_page(data, options, name, others=_others(arguments))
    write(arguments.html, text.encode())
    if not arguments.quiet:
        say(f"{name}: written to {arguments.html}" + (f" ({cut})" if cut else ""))
    return Exit.OK
