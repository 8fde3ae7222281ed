"""An e-graph to look at: how it grew, and what lies around one of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from .sides import figure

if TYPE_CHECKING:
    from ..optimize.workbench import Bench

__all__ = ["gain", "growth", "neighbourhood"]

GRAPH_NODES: Final = 150
"""E-nodes drawn at once: more cannot be read, and the answer says how many there are."""


def neighbourhood(bench: Bench, at: int | None) -> dict[str, Any]:
    """Classes and e-nodes around what an instruction computes, as many as can be drawn.

    None stands for the last instruction that computes something from operands. Raises FormError
    if the instruction computes nothing.
    """
    forms, saturation = bench.forms, bench.saturation
    if at is None:
        places = [p for p, v in forms.origins.items() if v.args]
        at = max(places, default=max(forms.origins, default=0))
    first = forms.classes[forms.value_at(at).id]
    shown: dict[int, int] = {first: 0}
    work = [first]
    edges = []
    nodes: list[dict[str, Any]] = []
    for number in work:
        members = [] if number in saturation.constants else saturation.nodes[number]
        for item in members[: GRAPH_NODES - len(nodes)]:
            name = len(nodes) + 1
            nodes.append({"id": name, "class": number, "text": forms.operation_name(item)})
            for position, arg in enumerate(item[1]):
                edges.append([name, arg, position])
                if arg not in shown:
                    shown[arg] = shown[number] + 1
                    work.append(arg)
    return {
        "at": at,
        "root": first,
        "classes": [
            {
                "id": number,
                "layer": layer,
                "label": forms.shown_class(number),
                "constant": number in saturation.constants,
            }
            for number, layer in shown.items()
        ],
        "nodes": nodes,
        "edges": edges,
        "shown": [len(shown), len(nodes)],
        "total": list(saturation.size),
    }


def growth(bench: Bench) -> dict[str, Any]:
    """Size, best cost and matches by rule after each round, and the rules that matched."""
    from ..egraph import Limits

    shared = bench.shared
    rounds = []
    before: Mapping[str, int] = {}
    for number in range(1, max(1, bench.saturation.rounds) + 1):
        limits = Limits(number, shared.limits().max_nodes)
        found = shared.engine.saturate([bench.graph], limits)
        best = bench.candidates(bench.extracted(found))[0].body
        new = {name: hits - before.get(name, 0) for name, hits in found.hits.items()}
        before = dict(found.hits)
        classes, nodes = found.size
        rounds.append(
            {
                "round": number,
                "classes": classes,
                "nodes": nodes,
                "bytes": len(best),
                "fuel": figure(best),
                "matches": {name: new[name] for name in sorted(new) if new[name]},
            }
        )
    rules = {rule.name: rule for rule in shared.book.rules}
    return {
        "rounds": rounds,
        "stopped": bench.saturation.stopped,
        "rules": [
            {
                "name": name,
                "matches": hits,
                "equation": rules[name].equation,
                "family": rules[name].family,
            }
            for name, hits in sorted(bench.saturation.hits.items())
            if hits and name in rules
        ],
    }


def gain(bench: Bench, rule: str) -> dict[str, Any]:
    """What the function would cost more without a rule: bytes, and estimated fuel of one call.

    Raises KeyError for a rule that is not in use.
    """
    from ..egraph import Engine

    shared = bench.shared
    kept = tuple(one for one in shared.book.rules if one.name != rule)
    if len(kept) == len(shared.book.rules):
        raise KeyError(rule)
    engine = Engine(replace(shared.book, rules=kept).lines())
    found = engine.saturate([bench.graph], shared.limits())
    best, rest = (
        bench.candidates(bench.extracted(saturation))[0].body
        for saturation in (bench.saturation, found)
    )
    fuel = round(figure(rest) - figure(best), 3)
    return {"rule": rule, "bytes": len(rest) - len(best), "fuel": fuel}
