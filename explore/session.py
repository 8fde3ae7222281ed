"""What the explorer answers: all of it plain data, for the browser and for the command line.

One session holds one module. Everything native is loaded when first needed, so that the list of
functions is there at once.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ..optimize.forms import FormError
from ..optimize.function import Candidate
from ..optimize.options import Options
from ..optimize.pins import Pin, body_key, pins_json
from ..optimize.run import Progress, Result
from ..optimize.workbench import Bench, Choice, Workbench
from ..wasm.module import Module
from ..wasm.names import function_names
from ..wasm.text_folded import local_ids, print_folded
from ..wasm.text_instrs import FunctionIds, function_ids
from .listing import listing
from .pairs import aligned, pairs
from .rows import Row, body_rows, classes_of
from .why import Why

__all__ = ["LARGEST", "Session", "SessionError", "overview"]

AUTOMATIC: Final = "automatic"
"""The name of the optimizer's result among what can be compared with."""

LARGEST: Final = 5_000
"""Instructions of a function beyond which its e-graph is not opened: a pick would take seconds."""

BENCHES: Final = 6
"""Functions kept open: each holds its e-graph's tables in memory."""

PRICED_SECONDS: Final = 0.5
"""Time spent on exact costs of all forms of one class; the rest are priced when asked for."""

QUICK: Final = 300_000
"""Bytes of a module up to which all bodies are decoded for the list: about half a second. Beyond,
the list must not wait for it; the optimizer's report brings costs later."""

WITNESS_SECONDS: Final = 0.5
"""Time to look for a call that shows a difference when a pick is not proven."""

SHOWN_FORMS: Final = 100
"""Forms of one class that are listed: nobody reads more, and the answer says how many there are."""

GRAPH_NODES: Final = 150
"""E-nodes drawn at once: more cannot be read, and the answer says how many there are."""


class SessionError(Exception):
    """A question that has no answer; the message says why."""


@dataclass(frozen=True, slots=True)
class _Result:
    """A module to compare with: where each function lies in it, and its names."""

    module: Module
    places: Sequence[int | None] | None
    ids: FunctionIds

    def body(self, index: int) -> bytes | None:
        """What it has for a function of the original, None if nothing."""
        place = index if self.places is None else self.places[index]
        if place is None or place < self.module.imported_functions:
            return None
        return self.module.body_bytes(place)


class Session:
    """A module under the looking glass. Methods give plain values and raise SessionError."""

    def __init__(self, data: bytes, options: Options) -> None:
        self.data = data
        self.options = options
        self.module = Module.parse(data)
        self.names = function_names(self.module)
        self.ids = function_ids(self.module)
        self.disabled: frozenset[str] = frozenset()
        self._benches: OrderedDict[int, Bench] = OrderedDict()
        self._whys: dict[int, Why] = {}
        self._automatic: dict[str, Any] | None = None
        self._results: dict[str, _Result] = {}

    @cached_property
    def workbench(self) -> Workbench:
        """Rules, engine and validator, made when the first function is opened."""
        found = Workbench(self.module, self.options)
        if self.disabled:
            kept = tuple(rule for rule in found.book.rules if rule.name not in self.disabled)
            found.book = replace(found.book, rules=kept)
        return found

    # The module.

    def overview(self) -> dict[str, Any]:
        """The module and its functions in figures."""
        return overview(self.data, self.options)

    def optimize(self, progress: Callable[[Progress], None] | None = None) -> dict[str, Any]:
        """The report of the automatic result, with its `module` (base64) and `places`.

        Counted limits give the same every time, so it is found once.
        """
        if self._automatic is None:
            result = self._optimized({}, progress)
            plain = result.report.as_json()
            del plain["replay"]
            places = result.report.places
            plain["places"] = None if not places else list(places)
            plain["module"] = base64.b64encode(result.output).decode()
            self.adopt(plain["module"], plain["places"])
            self._automatic = plain
        return self._automatic

    def adopt(
        self, module: str, places: Sequence[int | None] | None = None, name: str = AUTOMATIC
    ) -> dict[str, Any]:
        """Compare with this module (base64) from now on, under a name.

        `places` maps functions where they moved, None for one that is gone; without it functions
        are matched by index, or for another file as `pairs` does.
        """
        other = Module.parse(base64.b64decode(module, validate=True))
        if name != AUTOMATIC:
            found: list[int | None] = [None] * len(self.module.functions)
            for pair in pairs(self.module, other):
                if pair.before is not None:
                    found[pair.before] = pair.after
            places = found
        self._results[name] = _Result(other, places, function_ids(other))
        return {"names": sorted(self._results)}

    def _result(self, name: str) -> _Result:
        found = self._results.get(name)
        if found is not None:
            return found
        if name == AUTOMATIC:
            return _Result(self.module, None, self.ids)
        raise SessionError(f"there is nothing called '{name}' to compare with")

    def _optimized(
        self,
        pins: Mapping[str, Mapping[str, str]],
        progress: Callable[[Progress], None] | None = None,
    ) -> Result:
        from ..optimize.driver import optimize

        options = replace(self.options, jobs=0, started=None)
        if not pins:
            return optimize(self.data, options=options, progress=progress)
        with tempfile.TemporaryDirectory(prefix="eqsat-") as folder:
            path = Path(folder) / "pins.json"
            path.write_text(json.dumps(self.pin_file(pins)), encoding="utf-8")
            return optimize(self.data, options=replace(options, pin=path), progress=progress)

    def pin_file(self, pins: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """The pin file for choices: function index to instruction to form."""
        found = []
        for index, forms in pins.items():
            number = self._index(index)
            name: str | int = self.names.get(number) or number
            key = body_key(self.module.body_bytes(number))
            found += [Pin(name, key, int(at), form) for at, form in forms.items()]
        return pins_json(found, cost=str(self.options.cost))

    def export(self, kind: str, pins: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """The module with these choices (`wasm`, base64; `wat`) or the choices (`pins`)."""
        if kind == "pins":
            return {"name": "pins.json", "text": json.dumps(self.pin_file(pins), indent=1)}
        result = self._optimized(pins)
        refused = [pin for pin in result.report.pins if not pin["kept"]]
        if refused:
            raise SessionError(f"a choice cannot be kept: {refused[0]['reason']}")
        if kind == "wasm":
            return {"name": "out.wasm", "base64": base64.b64encode(result.output).decode()}
        if kind == "wat":
            from ..wasm.text import print_module

            return {"name": "out.wat", "text": print_module(Module.parse(result.output))}
        raise SessionError(f"no export is called '{kind}'")

    # One function.

    def function(self, index: int, beside: str = AUTOMATIC) -> dict[str, Any]:
        """A function with its rows, beside what an adopted module has for it."""
        number = self._index(index)
        body = self.module.body_bytes(number)
        result = self._result(beside)
        found = result.body(number)
        other = b"\0\x0b" if found is None else found
        plain: dict[str, Any] = {
            "index": number,
            "name": self.names.get(number, ""),
            "key": body_key(body),
            "wat": print_folded(self.module, number, self.ids),
            "removed": found is None,
        }
        try:
            bench = self._bench(number)
        except SessionError as error:
            left = body_rows(body, self.ids, local_ids(self.module, number), {})
            plain |= {"closed": str(error), "egraph": None}
            plain["original"] = self._side(body, left)
            right = body_rows(other, result.ids, {}, {})
            plain["other"] = self._side(other, right)
            plain["pairs"] = _pairs(left, right)
            return plain
        saturation = bench.saturation
        classes, nodes = saturation.size
        plain["closed"] = ""
        plain["egraph"] = {
            "classes": classes,
            "nodes": nodes,
            "rounds": saturation.rounds,
            "stopped": saturation.stopped,
        }
        return plain | self._compared(bench, other, result.ids)

    def _compared(self, bench: Bench, other: bytes, ids: FunctionIds) -> dict[str, Any]:
        """Both sides of the comparison of a function with another body, whose calls `ids` name."""
        locals = local_ids(self.module, bench.index)
        own = {at: bench.forms.classes[v.id] for at, v in bench.forms.origins.items()}
        left = body_rows(bench.body, self.ids, locals, own)
        mapped = classes_of(self.module, bench.index, other, bench.saturation, bench.graph)
        parameters = len(self.module.function_type(bench.index).params)
        kept = {local: name for local, name in locals.items() if local < parameters}
        right = body_rows(other, ids, kept, mapped)
        original = self._side(bench.body, left)
        for row in original["rows"]:
            row["forms"] = self._count(bench, row["at"])
        return {
            "original": original,
            "other": self._side(other, right),
            "pairs": _pairs(left, right),
        }

    def _count(self, bench: Bench, at: int) -> int:
        """How many forms stand for what an instruction computes; 0 if it computes nothing."""
        value = bench.forms.origins.get(at)
        if value is None:
            return 0
        number = bench.forms.classes[value.id]
        if number in bench.saturation.constants:
            return 2 if value.args else 1
        own = 0 if value.args else 1
        return own + len(bench.saturation.nodes[number])

    def _side(self, body: bytes, rows: Sequence[Row]) -> dict[str, Any]:
        return {
            "rows": [row.as_json() for row in rows],
            "bytes": len(body),
            "fuel": round(self._figure(body), 3),
        }

    def _figure(self, body: bytes) -> float:
        from ..optimize.measure import body_time

        return body_time(body)[0]

    # Forms and picks.

    def forms(self, index: int, at: int, pins: Mapping[str, str]) -> dict[str, Any]:
        """The forms of what instruction `at` computes, as many as time allows with exact costs.

        Costs are of the function with the form in place beside the other `pins`, and differences
        against the function with those alone.
        """
        bench = self._bench(self._index(index))
        ended = time.perf_counter() + PRICED_SECONDS
        others = {place: form for place, form in pins.items() if int(place) != at}
        try:
            found = bench.forms_at(at)
            base = self._price(bench, others)
        except FormError as error:
            raise SessionError(str(error)) from None
        rows = []
        for form in found[:SHOWN_FORMS]:
            row: dict[str, Any] = {"text": form.text, "shown": form.shown, "kind": form.kind}
            if time.perf_counter() < ended:
                row |= self._priced(bench, {**others, str(at): form.text}, base)
            rows.append(row)
        value = bench.forms.value_at(at)
        return {
            "at": at,
            "class": bench.forms.classes[value.id],
            "chosen": pins.get(str(at), ""),
            "base": {"bytes": base[0], "fuel": base[1]},
            "forms": rows,
            "total": len(found),
        }

    def price(self, index: int, at: int, form: str, pins: Mapping[str, str]) -> dict[str, Any]:
        """What one form costs exactly, as `forms` says it."""
        bench = self._bench(self._index(index))
        others = {place: text for place, text in pins.items() if int(place) != at}
        try:
            base = self._price(bench, others)
        except FormError as error:
            raise SessionError(str(error)) from None
        return self._priced(bench, {**others, str(at): form}, base)

    def _priced(
        self, bench: Bench, pins: Mapping[str, str], base: tuple[int, float]
    ) -> dict[str, Any]:
        try:
            size, fuel = self._price(bench, pins)
        except FormError as error:
            return {"refused": str(error)}
        return {
            "bytes": size,
            "fuel": fuel,
            "delta": [size - base[0], round(fuel - base[1], 3)],
        }

    def _price(self, bench: Bench, pins: Mapping[str, str]) -> tuple[int, float]:
        body = self._candidates(bench, pins)[0].body
        return len(body), round(self._figure(body), 3)

    def _candidates(self, bench: Bench, pins: Mapping[str, str]) -> list[Candidate]:
        """All ways to write the function with these choices, cheapest first."""
        choices = [Choice(int(at), form) for at, form in sorted(pins.items(), key=_place)]
        found = bench.candidates(bench.chosen(choices))
        if not found:
            raise SessionError("the function cannot be written")
        return found

    def pick(self, index: int, pins: Mapping[str, str]) -> dict[str, Any]:
        """The function with these choices, compared with the original and proven."""
        from .proof import PROOF_SECONDS, verdict_json

        bench = self._bench(self._index(index))
        began = time.perf_counter()
        try:
            found = self._candidates(bench, pins)
        except FormError as error:
            return {"refused": str(error), "seconds": round(time.perf_counter() - began, 4)}
        candidate, verdict = bench.settled(found, seconds=PROOF_SECONDS, witness=WITNESS_SECONDS)
        return self._compared(bench, candidate.body, self.ids) | {
            "refused": "",
            "proof": verdict_json(verdict),
            "seconds": round(time.perf_counter() - began, 4),
        }

    def proof(self, index: int, pins: Mapping[str, str]) -> dict[str, Any]:
        """The parts of the proof of the function with these choices (none: all by cost)."""
        from .proof import parts

        bench = self._bench(self._index(index))
        try:
            return parts(bench, self._candidates(bench, pins))
        except FormError as error:
            raise SessionError(str(error)) from None

    def why(self, index: int, at: int, form: str) -> dict[str, Any]:
        """The chain of rule steps from what stands at `at` to a form, and who made the forms."""
        number = self._index(index)
        bench = self._bench(number)
        if number not in self._whys:
            self._whys[number] = Why.of(bench)
        chains = self._whys[number]
        try:
            steps = chains.chain(at, form)
            makers = chains.makers(at)
        except FormError as error:
            raise SessionError(str(error)) from None
        return {
            "steps": None if steps is None else [step.as_json() for step in steps],
            "makers": makers,
        }

    # The e-graph.

    def graph(self, index: int, at: int | None = None) -> dict[str, Any]:
        """Classes and e-nodes around what an instruction computes (None: from the last one on)."""
        bench = self._bench(self._index(index))
        forms, saturation = bench.forms, bench.saturation
        if at is None:
            places = [p for p, v in forms.origins.items() if v.args]
            at = max(places, default=max(forms.origins, default=None))
        value = forms.origins.get(-1 if at is None else at)
        if value is None:
            raise SessionError("that instruction computes no value")
        first = forms.classes[value.id]
        shown: dict[int, int] = {first: 0}
        work = [first]
        drawn = 0
        edges = []
        nodes = []
        for number in work:
            members = [] if number in saturation.constants else saturation.nodes[number]
            for item in members:
                if drawn >= GRAPH_NODES:
                    break
                drawn += 1
                nodes.append({"id": drawn, "class": number, "text": forms.operation_name(item)})
                for position, arg in enumerate(item[1]):
                    edges.append([drawn, arg, position])
                    if arg not in shown:
                        shown[arg] = shown[number] + 1
                        work.append(arg)
        classes, total = saturation.size
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
            "shown": [len(shown), drawn],
            "total": [classes, total],
        }

    def saturation(self, index: int) -> dict[str, Any]:
        """How the e-graph grew: size, best cost and matches by rule after each round."""
        from ..egraph import Limits

        bench = self._bench(self._index(index))
        shared = self.workbench
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
                    "fuel": round(self._figure(best), 3),
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
                    "equation": rules[name].equation if name in rules else "",
                    "family": rules[name].family if name in rules else "engine",
                }
                for name, hits in sorted(bench.saturation.hits.items())
                if hits and (name in rules)
            ],
            "disabled": sorted(self.disabled),
        }

    def disable(self, names: Sequence[str]) -> dict[str, Any]:
        """Switch rules off (all others on); every function is opened anew."""
        self.disabled = frozenset(names)
        self._benches.clear()
        self._whys.clear()
        self.__dict__.pop("workbench", None)
        known = {rule.name for rule in self.workbench.book.rules} | self.disabled
        return {"rules": len(known) - len(self.disabled), "disabled": sorted(self.disabled)}

    # Inside.

    def _index(self, index: object) -> int:
        own = range(self.module.imported_functions, len(self.module.functions))
        if isinstance(index, str) and index.isdigit():
            index = int(index)
        if type(index) is not int or index not in own:
            raise SessionError(f"no function of the module's own has the index {index}")
        return index

    def _bench(self, index: int) -> Bench:
        from ..egraph import Contradiction, EngineError
        from ..extract import CostError
        from ..lowering import Unsupported
        from ..rules.language import RuleError

        found = self._benches.get(index)
        if found is None:
            count = len(self.module.body(index).instrs)
            if count > LARGEST:
                raise SessionError(f"{count} instructions: more than {LARGEST} are not opened")
            try:
                found = self._benches[index] = self.workbench.bench(index)
            except Unsupported as error:
                raise SessionError(f"not understood: {error}") from None
            except (RuleError, CostError, EngineError, Contradiction, OSError) as error:
                raise SessionError(str(error)) from None
            if len(self._benches) > BENCHES:
                gone, _ = self._benches.popitem(last=False)
                self._whys.pop(gone, None)
        self._benches.move_to_end(index)
        return found


def overview(data: bytes, options: Options) -> dict[str, Any]:
    """A module and its functions in figures, and the limits in force."""
    plain = listing(data, quick=len(data) > QUICK).as_json()
    plain["cost"] = str(options.cost)
    plain["limits"] = {
        "max_iters": options.max_iters,
        "max_nodes": options.max_nodes,
        "rlimit": options.rlimit,
    }
    return plain


def _place(item: tuple[str, str]) -> int:
    return int(item[0])


def _pairs(left: Sequence[Row], right: Sequence[Row]) -> list[list[int | None]]:
    return [[a, b] for a, b in aligned([r.key for r in left], [r.key for r in right])]
