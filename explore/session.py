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
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..optimize.forms import FormError
from ..optimize.function import Candidate
from ..optimize.options import Options
from ..optimize.pins import Pin, body_key, pins_json
from ..optimize.run import Progress, Result
from ..optimize.workbench import Bench, Choice, Workbench
from ..wasm.module import Module
from ..wasm.names import function_names
from ..wasm.text_folded import local_ids, print_folded
from ..wasm.text_instrs import function_ids
from .growth import gain, growth, neighbourhood
from .listing import overview
from .pairs import pairs
from .sides import (
    AUTOMATIC,
    NOTHING,
    ORIGINAL,
    Other,
    Shown,
    Side,
    compared,
    figure,
    parameter_ids,
)
from .why import Why

if TYPE_CHECKING:
    from ..verify.validator import Verdict
    from .judge import Judge

__all__ = ["LARGEST", "Session", "SessionError"]

LARGEST: Final = 5_000
"""Instructions of a function beyond which its e-graph is not opened: a pick would take seconds."""

BENCHES: Final = 6
"""Functions kept open: each holds its e-graph's tables in memory."""

PRICED_SECONDS: Final = 0.5
"""Time spent on exact costs of all forms of one class; the rest are priced when asked for."""

WITNESS_SECONDS: Final = 0.5
"""Time to look for a call that shows a difference when a pick is not proven."""

SHOWN_FORMS: Final = 100
"""Forms of one class that are listed: nobody reads more, and the answer says how many there are."""

SETTLED: Final = 40
"""Choices whose proofs are kept: more than anybody compares."""


class SessionError(Exception):
    """A question that has no answer; the message says why."""


class Session:
    """A module under the looking glass. Methods give plain values and raise SessionError."""

    def __init__(self, data: bytes, options: Options) -> None:
        self.data = data
        self.options = options
        self.module = Module.parse(data)
        self.names = function_names(self.module)
        self.ids = function_ids(self.module)
        self._benches: OrderedDict[int, Bench] = OrderedDict()
        self._known: OrderedDict[tuple[Any, ...], tuple[Candidate, Verdict]] = OrderedDict()
        self._whys: dict[int, Why] = {}
        self._automatic: dict[str, Any] | None = None
        self._results: dict[str, Other] = {}
        self._judges: dict[str, Judge] = {}
        self._verdicts: dict[tuple[str, int], Verdict] = {}

    @cached_property
    def workbench(self) -> Workbench:
        """Rules, engine and validator, made when the first function is opened."""
        return Workbench(self.module, self.options)

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
        self._results[name] = Other(other, places, function_ids(other))
        return {"names": sorted(self._results)}

    def _result(self, name: str) -> Other:
        found = self._results.get(name)
        if found is not None:
            return found
        if name == AUTOMATIC:
            return Other(self.module, None, self.ids)
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

    def export(
        self, kind: str, pins: Mapping[str, Mapping[str, str]], name: str = "module.wasm"
    ) -> dict[str, Any]:
        """The module with these choices (`wasm`, base64; `wat`) or the choices (`pins`).

        `html` is the page that stands alone, about the automatic result of the module `name`.
        """
        if kind == "html":
            from .page import static_page

            others = {n: one.module.data for n, one in self._results.items() if n != AUTOMATIC}
            text, _ = static_page(self.data, self.options, name, others=others)
            return {"name": "report.html", "text": text}
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

    def function(self, index: int) -> dict[str, Any]:
        """A function, its text and its e-graph in figures; original and automatic result as rows.

        `closed` says why its e-graph cannot be opened, empty if it can.
        """
        number = self._index(index)
        plain: dict[str, Any] = {
            "index": number,
            "name": self.names.get(number, ""),
            "key": body_key(self.module.body_bytes(number)),
            "wat": print_folded(self.module, number, self.ids),
            "closed": "",
            "egraph": None,
        }
        try:
            bench = self._bench(number)
        except SessionError as error:
            plain["closed"] = str(error)
        else:
            classes, nodes = bench.saturation.size
            plain["egraph"] = {
                "classes": classes,
                "nodes": nodes,
                "rounds": bench.saturation.rounds,
                "stopped": bench.saturation.stopped,
            }
        return plain | self.compare(number, ORIGINAL, AUTOMATIC)

    def compare(self, index: int, left: Side, right: Side) -> dict[str, Any]:
        """Two sides of a function as rows, and the pairs of them that correspond (`compared`)."""
        number = self._index(index)
        try:
            bench = self._bench(number)
        except SessionError:
            bench = None
        try:
            sides = [self._shown(number, side) for side in (left, right)]
        except FormError as error:
            raise SessionError(str(error)) from None
        return compared(self.module, number, bench, *sides)

    def _shown(self, index: int, side: Side) -> Shown:
        """What is on a side of a comparison. Raises SessionError if there is no such side."""
        if isinstance(side, Mapping):
            candidate, _ = self._settled(index, side)
            return Shown(candidate.body, self.ids, parameter_ids(self.module, index))
        if side == ORIGINAL:
            return Shown(self.module.body_bytes(index), self.ids, local_ids(self.module, index))
        result = self._result(side)
        place = result.place(index)
        if place is None:
            return Shown(NOTHING, {}, {}, there=False)
        if side == AUTOMATIC:
            names = parameter_ids(self.module, index)
        else:
            names = local_ids(result.module, place)
        return Shown(result.module.body_bytes(place), result.ids, names)

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
        return len(body), figure(body)

    def _candidates(self, bench: Bench, pins: Mapping[str, str]) -> list[Candidate]:
        """All ways to write the function with these choices, cheapest first."""
        choices = [Choice(int(at), form) for at, form in sorted(pins.items(), key=_place)]
        found = bench.candidates(bench.chosen(choices))
        if not found:
            raise SessionError("the function cannot be written")
        return found

    def pick(self, index: int, pins: Mapping[str, str], left: Side = ORIGINAL) -> dict[str, Any]:
        """The function with these choices, proven, and compared with what is on the left."""
        from .proof import verdict_json

        number = self._index(index)
        began = time.perf_counter()
        try:
            _, verdict = self._settled(number, pins)
        except FormError as error:
            return {"refused": str(error), "seconds": round(time.perf_counter() - began, 4)}
        return self.compare(number, left, pins) | {
            "refused": "",
            "proof": verdict_json(verdict, self._called(number)),
            "seconds": round(time.perf_counter() - began, 4),
        }

    def _settled(self, index: int, pins: Mapping[str, str]) -> tuple[Candidate, Verdict]:
        """The function with these choices and what is known about it, found once.

        Raises FormError for a choice that does not fit.
        """
        from .proof import PROOF_SECONDS

        key = index, tuple(sorted(pins.items()))
        found = self._known.get(key)
        if found is None:
            bench = self._bench(index)
            candidates = self._candidates(bench, pins)
            found = bench.settled(candidates, seconds=PROOF_SECONDS, witness=WITNESS_SECONDS)
            if found[1].status == "unknown":
                return found  # it may be the clock that ended it
            self._known[key] = found
            if len(self._known) > SETTLED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return found

    def judge(self, index: int, name: str) -> dict[str, Any]:
        """Whether what an adopted module has for a function is equal to the original's."""
        from .proof import verdict_json

        number = self._index(index)
        return verdict_json(self._judged(number, name)[1], self._called(number))

    def _judged(self, index: int, name: str) -> tuple[Judge, Verdict, int]:
        """The judge of an adopted module, its verdict about a function, and its place there."""
        from .judge import Judge

        other = self._result(name)
        place = other.place(index)
        if place is None:
            raise SessionError(f"{name} has nothing for that function")
        judge = self._judges.setdefault(name, Judge(self.module, other))
        key = name, index
        if key not in self._verdicts:
            self._verdicts[key] = judge.verdict(index, place)
        return judge, self._verdicts[key], place

    def runs(self, index: int, side: Side) -> dict[str, Any]:
        """Two runs that show how a refuted side differs from the original (`side_by_side`)."""
        from .judge import of_choice
        from .proof import calls_json
        from .runs import NotRun, side_by_side

        number = self._index(index)
        try:
            if isinstance(side, str):
                judge, verdict, place = self._judged(number, side)
                subjects = judge.subjects(number, place)
            else:
                candidate, verdict = self._settled(number, side)
                names = parameter_ids(self.module, number)
                subjects = of_choice(self.module, number, candidate, self.ids, names)
            if verdict.counterexample is None or not verdict.counterexample.calls:
                raise SessionError("there is no call that shows the difference")
            calls = verdict.counterexample.calls
            shown = {"calls": calls_json(calls, self._called(number))}
            return shown | side_by_side(*subjects, calls)
        except (FormError, NotRun) as error:
            raise SessionError(str(error)) from None

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
        try:
            return neighbourhood(self._bench(self._index(index)), at)
        except FormError as error:
            raise SessionError(str(error)) from None

    def saturation(self, index: int) -> dict[str, Any]:
        """How the e-graph grew: size, best cost and matches by rule after each round."""
        bench = self._bench(self._index(index))
        return growth(bench) | {"disabled": sorted(self.options.without)}

    def gain(self, index: int, rule: str) -> dict[str, Any]:
        """What the function would cost more without a rule."""
        try:
            return gain(self._bench(self._index(index)), rule)
        except KeyError:
            raise SessionError(f"no rule is called '{rule}'") from None

    def rule_names(self) -> list[str]:
        """The names of all rules in use."""
        return [rule.name for rule in self.workbench.book.rules]

    def prove_rules(self, text: str) -> dict[str, Any]:
        """What becomes of rules in egglog text (`ownrules.proven`); the session is as before."""
        from .ownrules import proven

        return proven(text)

    # Inside.

    def _index(self, index: object) -> int:
        own = range(self.module.imported_functions, len(self.module.functions))
        if isinstance(index, str) and index.isdigit():
            index = int(index)
        if type(index) is not int or index not in own:
            raise SessionError(f"no function of the module's own has the index {index}")
        return index

    def _called(self, index: int) -> str:
        return self.names.get(index) or f"function {index}"

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


def _place(item: tuple[str, str]) -> int:
    return int(item[0])
