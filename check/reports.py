"""The comparison as text for people, Markdown, JSON, JUnit XML, SARIF and the forms of two forges.

Every report is made of the same comparison, and all are written before the exit code is decided.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .compare import RULES, Comparison, Finding
from .config import CheckConfig
from .identity import byte_ranges
from .lock import Measured
from .measure import Measurement

__all__ = ["FORMATS", "Context", "render"]

SHOWN = 10
"""Findings that people see one by one, worst first; files have all."""

SCHEMA_VERSION = 1

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Context:
    """What the reports are made of; `diffs` has lines of text for some findings."""

    config: CheckConfig
    comparison: Comparison
    measurement: Measurement
    tools: dict[str, str]
    diffs: dict[Finding, tuple[str, ...]]
    seconds: float
    shard: tuple[int, int] = (1, 1)

    def reproduce(self, finding: Finding) -> str:
        """The command that shows a finding by itself."""
        config = self.config
        words = ["eqsat", "opt", _quoted(finding.path), "--diff", "--cost", _quoted(config.cost)]
        words += ["--max-iters", str(config.max_iters), "--max-nodes", str(config.max_nodes)]
        words += ["--rlimit", str(config.rlimit)]
        words += [f"--assume {_quoted(name)}" for name in config.assume]
        words += [f"--entry {_quoted(glob)}" for glob in config.entry]
        words += [f"--rules {_quoted(name)}" for name in config.rules]
        return " ".join(words)


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def render(name: str, context: Context) -> str:
    """The report of that format, with its last line end."""
    return FORMATS[name](context)


# ---- for people


def _summary(context: Context) -> str:
    found = context.comparison
    failing = len(found.failing)
    verdict = f"{failing} findings" if failing else "no regression"
    return (
        f"{found.modules} modules, {found.functions} functions: {verdict}, "
        f"{len(found.improvements)} improvements"
    )


def _human(context: Context) -> str:
    lines = [f"note: {note}" for note in context.comparison.notes]
    shown = context.comparison.findings[:SHOWN]
    for one in shown:
        mark = "FAIL" if one.fails else "note"
        lines.append(f"{mark} {one.rule} {_where(one)}  {one.message}  [{one.cause}]")
        if one.fails and one.function:
            lines += [f"    {line}" for line in context.diffs.get(one, ())]
            lines.append(f"    $ {context.reproduce(one)}")
    if len(context.comparison.findings) > len(shown):
        lines.append(f"and {len(context.comparison.findings) - len(shown)} more")
    for one in context.comparison.improvements[:SHOWN]:
        lines.append(f"better {_where(one)}  {one.message}  [{one.cause}]")
    lines.append(_summary(context))
    return "\n".join(_printable(line) for line in lines) + "\n"


def _printable(line: str) -> str:
    """Without control characters: names come from foreign files."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def _where(one: Finding) -> str:
    return f"{one.path}:{one.function}" if one.function else one.path


def _markdown(context: Context) -> str:
    found = context.comparison
    lines = [f"### eqsat check: {_summary(context)}", ""]
    lines += [f"> {_cell(note)}" for note in found.notes]
    if found.notes:
        lines.append("")
    if found.findings:
        lines += ["| | rule | where | what | cause |", "|---|---|---|---|---|"]
    for one in found.findings[:SHOWN]:
        mark = "fails" if one.fails else "note"
        title = f"{one.rule} {one.name}"
        lines.append(
            f"| {mark} | {title} | {_code(_where(one))} | {_cell(one.message)} | {one.cause} |"
        )
    if len(found.findings) > SHOWN:
        lines.append(f"\nand {len(found.findings) - SHOWN} more")
    for one in found.findings[:SHOWN]:
        if one.fails and one.function:
            lines += ["", f"<details><summary>{escape(_where(one))}</summary>", "", "```diff"]
            lines += [_printable(line).replace("```", "'''") for line in context.diffs.get(one, ())]
            lines += ["```", "", f"    {context.reproduce(one)}", "", "</details>"]
    if found.improvements:
        lines += ["", f"Better ({len(found.improvements)}):", ""]
        lines += [
            f"- {_code(_where(one))} {_cell(one.message)}" for one in found.improvements[:SHOWN]
        ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return escape(_printable(text)).replace("|", "\\|")


def _code(text: str) -> str:
    return "`" + _printable(text).replace("`", "'").replace("|", "\\|") + "`"


# ---- for programs


def plain_finding(one: Finding) -> dict[str, Any]:
    """A finding as JSON has it."""
    found: dict[str, Any] = {
        "rule": one.rule,
        "name": one.name,
        "path": one.path,
        "function": one.function,
        "cause": one.cause,
        "fails": one.fails,
        "exit": int(one.verdict),
        "message": one.message,
    }
    if one.unit:
        found |= {"unit": one.unit, "before": one.before, "after": one.after, "limit": one.limit}
    return found


def plain_measured(one: Measured) -> dict[str, Any]:
    """A module's measurement as JSON has it."""
    from dataclasses import asdict

    return asdict(one)


def _json(context: Context) -> str:
    found = context.comparison
    plain = {
        "schema": SCHEMA_VERSION,
        "exit": int(found.verdict()),
        "tools": context.tools,
        "budget": context.config.budget(),
        "shard": list(context.shard),
        "seconds": round(context.seconds, 3),
        "cached": context.measurement.cached,
        "notes": list(found.notes),
        "findings": [plain_finding(one) for one in found.findings],
        "improvements": [plain_finding(one) for one in found.improvements],
        "alarms": [
            {"path": one.path, "message": one.message, "nondeterminism": one.nondeterminism}
            for one in context.measurement.alarms
        ],
        "modules": [plain_measured(one) for _, one in sorted(context.measurement.modules.items())],
    }
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def _junit(context: Context) -> str:
    """A suite per module, a case per function with a line, failures with the diff."""
    by_path: dict[str, list[Finding]] = {}
    for one in context.comparison.findings:
        by_path.setdefault(one.path, []).append(one)
    suites = []
    for path in sorted(by_path.keys() | context.measurement.modules.keys()):
        measured = context.measurement.modules.get(path)
        suites.append(_suite(context, path, measured, by_path.get(path, [])))
    failures = sum(one.fails for one in context.comparison.findings)
    tests = sum(count for _, count in suites)
    head = f'<testsuites name="eqsat check" tests="{tests}" failures="{failures}">'
    body = "".join(text for text, _ in suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{body}</testsuites>\n'


def _suite(
    context: Context, path: str, measured: Measured | None, findings: Sequence[Finding]
) -> tuple[str, int]:
    keys = {one.function for one in findings} | {""}
    keys |= set(measured.lines) if measured is not None else set()
    cases = []
    failures = skipped = 0
    for key in sorted(keys):
        inside = []
        for one in (found for found in findings if found.function == key and found.fails):
            detail = [*context.diffs.get(one, ()), context.reproduce(one)]
            inside.append(
                f"   <failure type={_attribute(one.name)} message={_attribute(one.message)}>"
                f"{_xml(chr(10).join(detail))}</failure>\n"
            )
            failures += 1
        line = measured.lines.get(key) if measured is not None else None
        if not inside and line is not None and line.proof != "proven":
            inside.append(f"   <skipped message={_attribute(f'{line.proof}: {line.note}')}/>\n")
            skipped += 1
        name = _attribute(key or "(module)")
        cases.append(f"  <testcase classname={_attribute(path)} name={name}>\n")
        cases += [*inside, "  </testcase>\n"]
    head = (
        f' <testsuite name={_attribute(path)} tests="{len(keys)}" failures="{failures}" '
        f'skipped="{skipped}">\n'
    )
    return head + "".join(cases) + " </testsuite>\n", len(keys)


def _xml(text: str) -> str:
    """Text that any XML reader accepts."""
    return escape("\n".join(map(_printable, text.split("\n"))))


def _attribute(text: str) -> str:
    return quoteattr(_printable(text))


def _sarif(context: Context) -> str:
    from .. import __version__

    rules = [
        {
            "id": rule,
            "name": "".join(part.capitalize() for part in name.split("-")),
            "shortDescription": {"text": meaning},
            "defaultConfiguration": {"level": "error"},
        }
        for rule, (name, meaning) in RULES.items()
    ]
    order = list(RULES)
    findings = context.comparison.findings
    ranges = {path: _ranges(context, path) for path in {one.path for one in findings}}
    results = [_result(context, one, order.index(one.rule), ranges[one.path]) for one in findings]
    plain = {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "eqsat check",
                        "semanticVersion": __version__,
                        "rules": rules,
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def _ranges(context: Context, path: str) -> dict[str, tuple[int, int]]:
    """Where a module's functions are in its file, as far as it can be read here."""
    try:
        return byte_ranges((context.config.folder / path).read_bytes())
    except OSError:
        return {}


def _result(
    context: Context, one: Finding, index: int, ranges: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(one.path)}}
    if one.function in ranges:
        start, length = ranges[one.function]
        physical["region"] = {"byteOffset": start, "byteLength": length}
    location: dict[str, Any] = {"physicalLocation": physical}
    if one.function:
        location["logicalLocations"] = [{"fullyQualifiedName": one.function, "kind": "function"}]
    return {
        "ruleId": one.rule,
        "ruleIndex": index,
        "level": "error" if one.fails else "note",
        "message": {"text": f"{_where(one)}: {one.message} ({one.cause})"},
        "locations": [location],
        "partialFingerprints": {"eqsat/v1": _fingerprint(one)},
        "properties": {"cause": one.cause, "reproduce": context.reproduce(one)},
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path)


def _fingerprint(one: Finding) -> str:
    """The same for the same finding in the next run."""
    return sha256("\0".join((one.rule, one.path, one.function, one.input)).encode()).hexdigest()[
        :32
    ]


def _github(context: Context) -> str:
    """Workflow commands: annotations on the modules."""
    lines = []
    for one in context.comparison.findings[:SHOWN]:
        kind = "error" if one.fails else "notice"
        title = f"{one.rule} {one.name}"
        lines.append(
            f"::{kind} file={_command(one.path, True)},title={_command(title, True)}::"
            f"{_command(f'{_where(one)}: {one.message} ({one.cause})', False)}"
        )
    return "".join(line + "\n" for line in lines)


def _command(text: str, inside: bool) -> str:
    """A value in a workflow command, as GitHub's toolkit escapes it."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if inside else text


def _gitlab(context: Context) -> str:
    """GitLab's code quality report."""
    plain = [
        {
            "description": f"{_where(one)}: {one.message} ({one.cause})",
            "check_name": one.rule,
            "fingerprint": _fingerprint(one),
            "severity": "blocker" if one.verdict == 5 else "major" if one.fails else "info",
            "location": {"path": one.path, "lines": {"begin": 1}},
        }
        for one in context.comparison.findings
    ]
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Context], str]] = {
    "human": _human,
    "markdown": _markdown,
    "json": _json,
    "junit": _junit,
    "sarif": _sarif,
    "github": _github,
    "gitlab": _gitlab,
}


def differences(
    lines_before: Sequence[str], lines_after: Sequence[str], title: str
) -> Iterator[str]:
    """A unified diff of two bodies as text."""
    import difflib

    yield from difflib.unified_diff(
        lines_before, lines_after, f"{title} (input)", f"{title} (output)", lineterm=""
    )
