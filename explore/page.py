"""The explorer as one page in a file: nothing is served, what it shows is inside."""

from __future__ import annotations

import json
from typing import Any, Final

from ..optimize.options import Options
from ..optimize.worklist import selected
from .server import SCRIPTS, asset
from .session import Session, SessionError
from .worker import options_json

__all__ = ["static_page"]

LARGEST_PAGE: Final = 12_000_000
"""Characters of answers in one page: browsers open it at once, and it can be sent by mail."""

MOST_SITES: Final = 40
"""Instructions of one function whose forms are in the page."""

MOST_FORMS: Final = 6
"""Forms of one instruction whose reasons are in the page."""

MOST_OPENED: Final = 60
"""Functions whose e-graphs are in the page, those that changed first."""


def static_page(
    data: bytes, options: Options, name: str, function: str | None = None
) -> tuple[str, str]:
    """The page about a module called `name`, and what was left out of it (empty: nothing).

    With `function`, a glob of names or indices, only those functions are in it.

    Raises InputError as `optimize` does.
    """
    session = Session(data, options)
    report = session.optimize()
    kept = {name: value for name, value in report.items() if name not in ("module", "places")}
    answers: dict[str, Any] = {"overview": session.overview(), "optimize": kept}
    room = LARGEST_PAGE - len(json.dumps(answers))
    records = report["functions"]
    if function is not None:
        records = [one for one in records if selected(one["index"], one["name"], [function], ())]
        if not records:
            raise SessionError(f"no function is called '{function}'")
        wanted = {record["index"] for record in records}
        answers["overview"]["functions"] = [
            one for one in answers["overview"]["functions"] if one["index"] in wanted
        ]
    order = sorted(records, key=lambda one: (one["bytes"][1] - one["bytes"][0], one["index"]))
    shown = opened = 0
    for record in order:
        index = record["index"]
        found = _function(session, index, opened < MOST_OPENED)
        size = len(json.dumps(found))
        if size > room:
            continue
        room -= size
        shown += 1
        opened += len(found) > 1
        answers |= found
    cut = ""
    if shown < len(records) or opened < len(records):
        cut = f"{shown} of {len(records)} functions, {opened} with their forms"
    about = {"name": name, "options": options_json(options), "answers": answers, "cut": cut}
    return _assembled(about), cut


def _function(session: Session, index: int, forms: bool) -> dict[str, Any]:
    """The answers about one function, by question."""
    plain = session.function(index)
    found: dict[str, Any] = {f"function {index}": plain}
    if plain["closed"] or not forms:
        return found
    found[f"saturation {index}"] = session.saturation(index)
    try:
        found[f"graph {index}"] = session.graph(index)
    except SessionError:
        return found
    sites = [row["at"] for row in plain["left"]["rows"] if row["forms"] > 1]
    for at in sites[:MOST_SITES]:
        answer = session.forms(index, at, {})
        found[f"forms {index} {at}"] = answer
        found[f"graph {index} {at}"] = session.graph(index, at)
        for form in answer["forms"][1:MOST_FORMS]:
            found[f"why {index} {at} {form['text']}"] = session.why(index, at, form["text"])
    return found


def _assembled(kept: dict[str, Any]) -> str:
    """The page with style, scripts and answers inside."""
    # In a script element only "</" could end it; JSON may write the slash as an escape.
    answers = json.dumps(kept, ensure_ascii=True).replace("</", "<\\/")
    script = "\n".join(_alone(asset(file)) for file in SCRIPTS)
    front = asset("index.html")
    style = front.index('<link rel="stylesheet"')
    end = front.index("</head>")
    return (
        f"{front[:style]}<style>\n{asset('style.css')}</style>\n"
        f"<script>globalThis.EQSAT = {answers};</script>\n"
        f'<script type="module">\n{script}\n</script>\n{front[end:]}'
    )


def _alone(script: str) -> str:
    """A module of the page as a part of one script: nothing is imported or exported."""
    lines = [line for line in script.splitlines() if not line.startswith("import ")]
    return "\n".join(line.removeprefix("export ") for line in lines)
