"""Write the README's fused adapter, before and after, anew: `python docs/adapter.py`.

The module is `examples/fused.wat`; counted limits, so every machine writes the same.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from eqsat.cli.main import main as eqsat

ROOT = Path(__file__).resolve().parent.parent
MODULE = "examples/fused.wat"
OPTIONS = ("--cost", "fuel", "--entry", "run")
LIMITS = ("--no-cache", "--max-iters", "8", "--max-nodes", "20000", "--rlimit", "2000000")
BLOCK = re.compile(r"(?<=<!-- adapter -->\n\n).*?(?=\n<!-- end -->)", re.DOTALL)


def _said(*arguments: str) -> str:
    """What a command prints. Raises RuntimeError if it fails."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = eqsat([*arguments])
    if code:
        raise RuntimeError(err.getvalue())
    return out.getvalue()


def _functions(path: Path, names: Sequence[str]) -> str:
    chosen = [part for name in names for part in ("--function", name)]
    return _said("inspect", str(path), *chosen).strip()


def block() -> str:
    """The text between the marks in the README."""
    source = ROOT / MODULE
    with TemporaryDirectory() as folder:
        out = Path(folder, "out.wasm")
        _said("opt", str(source), "-o", str(out), *OPTIONS, *LIMITS, "-q")
        after = _functions(out, ["*"])
    before = _functions(source, ["swap", "adapter", "run"])
    return "\n\n".join(
        (
            f"What a fuser writes ([{MODULE}]({MODULE})):",
            f"```wat\n{before}\n```",
            f"and all that is left of the module after `eqsat opt {MODULE} {' '.join(OPTIONS)}`:",
            f"```wat\n{after}\n```\n",
        )
    )


def main() -> int:
    """Put the block into the README."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(BLOCK.sub(lambda _: block(), text, count=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
