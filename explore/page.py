"""The explorer as one page in a file: nothing is served, what it shows is inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from ..optimize.options import Options
from ..optimize.worklist import selected
from .server import SCRIPTS, asset
from .session import Session, SessionError
from .sides import AUTOMATIC, ORIGINAL, digest
from .worker import options_json

__all__ = ["static_page"]

LARGEST_PAGE: Final = 12_000_000
"""Characters of answers in one page: browsers open it at once, and it can be sent by mail."""

MOST_SITES: Final = 40
"""Instructions of one function whose forms are in the page."""

MOST_FORMS: Final = 6
"""Forms of one instruction whose reasons are in the page."""

PROOF_TEXT: Final = 50_000
"""Characters of the queries of one proof."""

MOST_OPENED: Final = 60
"""Functions whose e-graphs are in the page, those that changed first."""


def static_page(
    data: bytes,
    options: Options,
    name: str,
    function: str | None = None,
    others: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[str, str]:
    """The page about a module called `name`, and what was left out of it (empty: nothing).

    With `function`, a glob of names or indices, only those functions are in it. Each is compared
    with what `others` have for it, by their names.

    Raises InputError as `optimize` does, SessionError if no function is meant.
    """
    session = Session(data, options)
    for other, module in others.items():
        session.adopt(base64.b64encode(module).decode(), name=other)
    report = session.optimize()
    kept = {name: value for name, value in report.items() if name not in ("module", "places")}
    answers: dict[str, Any] = {
        _key("overview"): session.overview(),
        _key("optimize"): kept,
    }
    room = LARGEST_PAGE - len(json.dumps(answers))
    records = report["functions"]
    if function is not None:
        records = [one for one in records if selected(one["index"], one["name"], [function], ())]
        if not records:
            raise SessionError(f"no function is called '{function}'")
        wanted = {record["index"] for record in records}
        overview = answers[_key("overview")]
        overview["functions"] = [one for one in overview["functions"] if one["index"] in wanted]
    order = sorted(records, key=lambda one: (one["bytes"][1] - one["bytes"][0], one["index"]))
    shown = opened = 0
    for record in order:
        index = record["index"]
        found = _function(session, index, opened < MOST_OPENED)
        more = _beside(session, index, others)
        size = len(json.dumps(found))
        if size > room:
            continue
        room -= size
        shown += 1
        opened += len(found) > 1
        answers |= found
        if (size := len(json.dumps(more))) <= room:
            room -= size
            answers |= more
    cut = ""
    if shown < len(records) or opened < len(records):
        cut = f"{shown} of {len(records)} functions, {opened} with their forms"
    about = {
        "name": name,
        "options": options_json(options),
        "others": [{"name": other, "key": digest(module)} for other, module in others.items()],
        "answers": answers,
        "cut": cut,
    }
    return _assembled(about), cut


def _function(session: Session, index: int, forms: bool) -> dict[str, Any]:
    """The answers about one function, by question."""
    plain = session.function(index)
    found: dict[str, Any] = {_key("function", index): plain}
    if plain["closed"] or not forms:
        return found
    found[_key("saturation", index)] = session.saturation(index)
    try:
        found[_key("graph", index)] = session.graph(index)
        found[_key("proof", index)] = _shortened(session.proof(index, {}))
    except SessionError:
        return found
    sites = [row["at"] for row in plain["left"]["rows"] if row["forms"] > 1]
    for at in sites[:MOST_SITES]:
        answer = session.forms(index, at, {})
        found[_key("forms", index, at)] = answer
        found[_key("graph", index, at)] = session.graph(index, at)
        for form in answer["forms"][1:MOST_FORMS]:
            text = form["text"]
            found[_key("why", index, at, text)] = session.why(index, at, text)
    return found


def _shortened(proof: dict[str, Any]) -> dict[str, Any]:
    """The parts of a proof, texts of queries only as far as there is room."""
    room = PROOF_TEXT
    for query in proof["queries"]:
        room -= len(query["text"])
        if room < 0:
            query["text"] = ""
    return proof


def _beside(session: Session, index: int, others: Iterable[str]) -> dict[str, Any]:
    """The answers about a function beside what other modules have for it."""
    found: dict[str, Any] = {}
    for name in others:
        for left in (ORIGINAL, AUTOMATIC):
            found[_key("compare", index, left, name)] = session.compare(index, left, name)
        try:
            found[_key("judge", index, name)] = session.judge(index, name)
            found[_key("runs", index, name)] = session.runs(index, name)
        except SessionError:
            continue  # it is not there, or nothing shows a difference
    return found


def _key(*question: object) -> str:
    """How the page asks for an answer: method, then what it is about."""
    return json.dumps(question, ensure_ascii=False, separators=(",", ":"))


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
