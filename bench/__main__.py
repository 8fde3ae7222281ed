"""`python -m eqsat.bench FOLDER`: measure, print Markdown, write JSON and plots. See README.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .figures import update_figures
from .modules import BenchError, load
from .plots import plot
from .render import markdown
from .rows import Settings, measure_all
from .runtime import ENGINES
from .scaling import measure_scaling, scaling_markdown
from .tools import find_wasm_opt

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; exit code 0, 1 if some output behaved differently, 2 for usage."""
    arguments = _parser().parse_args(argv)
    try:
        return _scaling(arguments) if arguments.scaling else _folder(arguments)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _folder(arguments: argparse.Namespace) -> int:
    if arguments.given is not None:
        result = json.loads(arguments.given.read_text(encoding="utf-8"))
    else:
        if arguments.folder is None:
            raise BenchError("which folder of modules? (see --help)")
        settings = Settings(
            wasm_opt=find_wasm_opt(arguments.wasm_opt),
            budget=arguments.budget,
            engines=tuple(arguments.engines.split(",")) if arguments.engines else (),
            seconds=arguments.seconds,
            largest_calls=arguments.calls,
        )
        modules = load(arguments.folder, arguments.filter)
        result = measure_all(modules, settings, lambda line: print(line, file=sys.stderr))
    text = markdown(result)
    print(text)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "results.md").write_text(text + "\n", encoding="utf-8")
        (arguments.out / "results.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
        plot(result, arguments.out)
    if arguments.readme is not None:
        update_figures(arguments.readme, result)
    return 1 if any(row["different"] for row in result["rows"]) else 0


def _scaling(arguments: argparse.Namespace) -> int:
    sizes = [int(float(part) * 1000) for part in arguments.sizes.split(",")]
    result = measure_scaling(sizes, arguments.budget, lambda line: print(line, file=sys.stderr))
    text = scaling_markdown(result)
    print(text)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "scaling.md").write_text(text + "\n", encoding="utf-8")
        (arguments.out / "scaling.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
        plot(result, arguments.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eqsat.bench", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="modules, or a manifest.json")
    parser.add_argument("--filter", default="", metavar="REGEX", help="only modules of these names")
    parser.add_argument("--wasm-opt", metavar="PATH", help="default: from PATH; at least 120")
    parser.add_argument("--budget", default="10s", help="of every eqsat run (default 10s)")
    parser.add_argument(
        "--engines",
        default=",".join(ENGINES),
        help=f"run time on these, empty for none (default {','.join(ENGINES)})",
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of run time for each pair and engine"
    )
    parser.add_argument("--calls", type=int, default=4, help="calls measured for each module")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write Markdown, JSON, SVG there")
    parser.add_argument("--from", dest="given", type=Path, metavar="JSON", help="render it again")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="put the figures in there")
    parser.add_argument("--scaling", action="store_true", help="time and memory by module size")
    parser.add_argument(
        "--sizes", default="10,30,100,300,1000,3000,10000", help="of --scaling, in kB of code"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
