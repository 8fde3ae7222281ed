"""The process that holds a session: a line of JSON in, some out. It may be killed any time.

The first line is `{"module": base64, "options": {...}, "adopted": [...]}`, the last of them what
`Session.adopt` is to be told; every later one
`{"id": n, "method": name, "params": {...}}`. Answers are `{"id": n, "result": ...}` or
`{"id": n, "error": text}`; in between `{"event": name, ...}` may tell of progress.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

from ..optimize.options import Options
from ..optimize.run import Progress
from ..wasm.errors import WasmError
from .session import Session, SessionError

__all__ = ["METHODS", "answer", "main", "options_from", "options_json"]

METHODS: Final = frozenset(
    {
        *("overview", "function", "compare", "forms", "price", "pick", "proof", "why", "graph"),
        *("saturation", "rule_names", "prove_rules", "optimize", "export", "adopt"),
        *("judge", "runs", "gain"),
    }
)
"""What may be asked, by the name of the session's method."""

COUNTS: Final = ("max_iters", "max_nodes", "rlimit")


def options_json(options: Options) -> dict[str, Any]:
    """Options as plain values."""
    plain: dict[str, Any] = {name: getattr(options, name) for name in COUNTS}
    plain["cost"] = str(options.cost)
    plain["rules"] = [str(path) for path in options.rules]
    plain["without"] = list(options.without)
    plain["budget"] = options.budget
    return plain


def options_from(plain: Mapping[str, Any]) -> Options:
    """The options again."""
    from ..optimize.options import NAMED_COSTS

    cost = plain["cost"]
    return Options(
        cost=cost if cost in NAMED_COSTS else Path(cost),
        rules=tuple(Path(name) for name in plain["rules"]),
        without=tuple(plain["without"]),
        budget=plain["budget"],
        max_iters=plain["max_iters"],
        max_nodes=plain["max_nodes"],
        rlimit=plain["rlimit"],
    )


def answer(
    session: Session,
    method: str,
    params: Mapping[str, Any],
    progress: Callable[[Progress], None] | None = None,
) -> Any:  # noqa: ANN401 (JSON)
    """Ask a session; SessionError for a question that it does not understand."""
    if method not in METHODS:
        raise SessionError(f"no method is called '{method}'")
    words = dict(params)
    if method == "optimize" and progress is not None:
        words["progress"] = progress
    try:
        return getattr(session, method)(**words)
    except (TypeError, AttributeError, ValueError, WasmError) as error:
        if os.environ.get("EQSAT_DEBUG"):
            raise
        raise SessionError(f"{method}: {error}") from None


def main() -> int:
    """Serve until the input ends."""
    # Whatever a library prints must not get between the lines.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    first = json.loads(sys.stdin.readline())
    session = Session(base64.b64decode(first["module"]), options_from(first["options"]))
    for one in first["adopted"]:
        session.adopt(**one)
    for line in sys.stdin:
        question = json.loads(line)
        number = question["id"]

        def tell(progress: Progress, number: int = number) -> None:
            plain = {"done": progress.done, "total": progress.total}
            plain |= {"saved": progress.saved, "proven": progress.proven}
            _write(out, {"event": "progress", "id": number, **plain})

        try:
            result = answer(session, question["method"], question["params"], tell)
            _write(out, {"id": number, "result": result})
        except SessionError as error:
            _write(out, {"id": number, "error": str(error)})
        except Exception as fault:  # the page stays usable whatever one question does
            if os.environ.get("EQSAT_DEBUG"):
                raise
            text = f"{type(fault).__name__}: {fault}".splitlines()[0][:300]
            _write(out, {"id": number, "error": f"a fault in eqsat itself ({text})"})
    return 0


def _write(out: IO[str], plain: Mapping[str, Any]) -> None:
    out.write(json.dumps(plain, ensure_ascii=True) + "\n")
    out.flush()


if __name__ == "__main__":
    raise SystemExit(main())
