"""The catalogue: a page for every rule, written from the rule itself and its recorded proof.

Pages are plain HTML without scripts, and the same for the same rules: nothing in them depends on
clock, machine or network.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .measure import body_time

if TYPE_CHECKING:
    from ..rules.language import Rule
    from ..rules.wat import Pair
    from ..verify.rules_lock import Recorded

__all__ = ["catalogue", "costs"]

METHODS: Final = {
    "direct": "One question to the solver, for all inputs and all constants of the guard.",
    "enumerated": "One question to the solver for each size, sign, or value of a constant.",
    "integers": "Over the integers, by the lemma that a store changes no bytes outside its own "
    "range on the circle of 2<sup>32</sup> addresses: the guard keeps the two ranges apart.",
    "definition": "The row asks the host to compute the operation, and so fixes what its number "
    "means; no other row may give that number another meaning.",
}
"""What each method in `proofs.lock` says, in HTML."""

KINDS: Final = {
    "algebraic": "Both sides are equal, values of the same type.",
    "effect": "About histories of memory or of a global: both sides see the same.",
    "analysis": "Learns which bits of a value are 0 or 1 on every run.",
    "fold": "Computes with constants.",
}

STYLE: Final = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2127; background: #fff; }
a { color: #0b57a4; } h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; } pre { background: #f4f5f7; padding: .8rem;
  overflow-x: auto; } table { border-collapse: collapse; } td, th { text-align: left;
  padding: .2rem 1rem .2rem 0; vertical-align: top; } td.number { text-align: right; }
.equation { font-size: 1.2rem; } .missing { color: #a3330b; }
@media (prefers-color-scheme: dark) { body { color: #dfe3e8; background: #16191d; }
  a { color: #7db8f0; } pre { background: #20252b; } .missing { color: #f0986f; } }
"""

_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def catalogue(rules: Sequence[Rule], proofs: dict[str, Recorded]) -> dict[str, str]:
    """Return the files of a catalogue of `rules` by name; `proofs` has those of the proven ones."""
    pages = _pages(rules)
    files = {"style.css": STYLE, "index.html": _index(rules, pages, proofs)}
    for rule in rules:
        files[pages[rule.name]] = _page(rule, proofs.get(rule.name))
    return files


def costs(pair: Pair) -> dict[str, tuple[int, int]]:
    """Return what both functions of a pair cost by each built-in cost model, before and after.

    `bytes` are those of the body, `fuel` the instructions that one run executes (half of each arm
    of an `if`), `balanced` the sum that the model of this name makes of the two.
    """
    from ..extract.cost import balance
    from ..wasm.module import Module
    from ..wasm.text_in import assemble

    bodies = [
        Module.parse(assemble(text.encode())).body_bytes(0) for text in (pair.before, pair.after)
    ]
    size = (len(bodies[0]), len(bodies[1]))
    fuel = (round(body_time(bodies[0])[0]), round(body_time(bodies[1])[0]))
    both = (balance(fuel[0], size[0]), balance(fuel[1], size[1]))
    return {"bytes": size, "fuel": fuel, "balanced": both}


def _pages(rules: Iterable[Rule]) -> dict[str, str]:
    """Return the file name of each rule's page: plain, and distinct without regard to case."""
    names: dict[str, str] = {}
    taken = {"index.html"}
    for rule in rules:
        plain = _PLAIN.sub("-", rule.name).strip(".-") or "rule"
        name, number = f"{plain}.html", 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}.html"
        taken.add(name.lower())
        names[rule.name] = name
    return names


def _index(rules: Sequence[Rule], pages: dict[str, str], proofs: dict[str, Recorded]) -> str:
    proven = sum(rule.name in proofs for rule in rules)
    lines = [f"<p>{len(rules)} rules, {proven} proven.</p>"]
    family = ""
    for rule in rules:
        if rule.family != family:
            lines += ["</table>"] if family else []
            family = rule.family
            lines.append(f"<h2>{_text(family)}</h2>\n<table>")
        link = f'<a href="{_text(pages[rule.name])}">{_text(rule.name)}</a>'
        missing = "" if rule.name in proofs else ' <span class="missing">not proven</span>'
        guard = f" if <code>{_text(rule.guard)}</code>" if rule.guard else ""
        equation = f"<code>{_text(rule.equation)}</code>{guard}{missing}"
        lines.append(f"<tr><td>{link}</td><td>{equation}</td></tr>")
    lines += ["</table>"] if family else []
    return _document("Rules of eqsat", lines)


def _page(rule: Rule, proof: Recorded | None) -> str:
    lines = ['<p><a href="index.html">all rules</a></p>']
    lines.append(f'<p class="equation"><code>{_text(rule.equation)}</code></p>')
    if rule.guard:
        lines.append(f"<p>if <code>{_text(rule.guard)}</code></p>")
    lines += [
        "<table>",
        _row("kind", f"{rule.kind}. {KINDS[rule.kind]}"),
        _row("rule set", _text(rule.ruleset)),
        _row("stands at", _text(_place(rule))),
        _row("proof", _proof(proof)),
        "</table>",
        "<h2>One match</h2>",
        *_match(rule),
        "<h2>What the engine loads and the prover reads</h2>",
        f"<pre>{_text(rule.text)}</pre>",
    ]
    return _document(rule.name, lines)


def _proof(proof: Recorded | None) -> str:
    if proof is None:
        return '<span class="missing">none: the rule is not loaded</span>'
    units = f" {proof.units:,} solver units." if proof.units else ""
    return f"{proof.method}. {METHODS[proof.method]}{units}"


def _match(rule: Rule) -> list[str]:
    """An example of the rule at work, and what it costs."""
    from ..egraph.fold import fold
    from ..rules.example import example
    from ..rules.wat import NoExample

    try:
        pair = example(rule, fold)
    except NoExample as reason:
        return [f"<p>Not shown as a program: {_text(str(reason))}.</p>"]
    lines = []
    if pair.constants:
        values = ", ".join(f"{name} = {value}" for name, value in pair.constants)
        lines.append(f"<p>For <code>{_text(values)}</code>:</p>")
    lines.append(f"<p>before</p>\n<pre>{_text(pair.before)}</pre>")
    lines.append(f"<p>after</p>\n<pre>{_text(pair.after)}</pre>")
    lines.append("<table>\n<tr><th>cost</th><th>before</th><th>after</th></tr>")
    for name, (before, after) in costs(pair).items():
        numbers = f'<td class="number">{before}</td><td class="number">{after}</td>'
        lines.append(f"<tr><td>{name}</td>{numbers}</tr>")
    return [*lines, "</table>"]


def _place(rule: Rule) -> str:
    """Where the row stands: of our own rules within the package, of a user's as given."""
    path = Path(rule.path)
    home = Path(__file__).parents[1]
    shown = path.relative_to(home).as_posix() if path.is_relative_to(home) else rule.path
    return f"{shown}:{rule.line}"


def _row(name: str, content: str) -> str:
    return f"<tr><th>{name}</th><td>{content}</td></tr>"


def _document(title: str, lines: Iterable[str]) -> str:
    body = "\n".join(lines)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="stylesheet" href="style.css">\n<title>{_text(title)}</title>\n'
        f"<h1>{_text(title)}</h1>\n{body}\n</html>\n"
    )


def _text(text: str) -> str:
    return html.escape(text)
