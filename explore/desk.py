"""What the requests of one server share: workers, options, listeners."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..optimize.options import NAMED_COSTS, Options, OptionsError
from ..optimize.rulebook import OWN_RULES
from .client import Client
from .listing import overview
from .ownrules import LONGEST
from .session import SessionError
from .sides import AUTOMATIC, digest
from .worker import METHODS, options_json

__all__ = ["Desk"]

SLOW: Final = frozenset(("optimize", "export", "judge"))
"""Questions that have a worker of their own, so that others are answered meanwhile."""

INSIDE: Final = frozenset(("adopt", "rule_names", "prove_rules"))
"""Questions that only the server asks."""

LIMITS: Final = frozenset(("max_iters", "max_nodes", "rlimit"))


class Desk:
    """Answers questions about one module called `name`, to compare with `others` by name."""

    def __init__(
        self, data: bytes, options: Options, name: str, others: Mapping[str, bytes]
    ) -> None:
        self.data = data
        self.options = options
        self.name = name
        self.own = ""
        """The text of the rules that came from the page; all of them are proven."""
        self._own_names: frozenset[str] = frozenset()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.listeners: set[asyncio.Queue[dict[str, Any]]] = set()
        self.quick = Client(data, options)
        self.slow = Client(data, options, self.publish)
        self.others = [{"name": other, "key": digest(module)} for other, module in others.items()]
        for other, module in others.items():
            adopted = {"module": base64.b64encode(module).decode(), "name": other}
            self.quick.adopted[other] = self.slow.adopted[other] = adopted

    def publish(self, event: dict[str, Any]) -> None:
        """Tell all open pages."""
        for queue in self.listeners:
            queue.put_nowait(event)

    def shown(self) -> dict[str, Any]:
        """The options as the page knows them: its own rules as text, not as a file of ours."""
        return options_json(self.options) | {"own": self.own}

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 (JSON)
        """Answer a question. Raises SessionError."""
        match method:
            case "state":
                busy = [self.quick.busy, self.slow.busy]
                shown = {"name": self.name, "options": self.shown(), "others": self.others}
                return shown | {"busy": busy}
            case "overview":
                # Answered here: the list is there before any worker is.
                return await asyncio.to_thread(overview, self.data, self.options)
            case "cancel":
                await self._stop()
                return {}
            case "configure":
                return await self._configure(params)
            case "disable":
                return await self._disable(params.get("names"))
            case "own_rules":
                return await self._own_rules(params.get("text"))
            case "optimize":
                return await self._optimize()
            case _ if method in INSIDE:
                raise SessionError("that is for the server to ask")
            case _ if method in SLOW or (method == "runs" and isinstance(params.get("side"), str)):
                return await self.slow.ask(method, params, None)
            case _ if method in METHODS:
                return await self.quick.ask(method, params)
            case _:
                raise SessionError(f"no method is called '{method}'")

    async def _optimize(self) -> dict[str, Any]:
        """The report of the automatic result, which the other worker compares with from now on."""
        plain: dict[str, Any] = await self.slow.ask("optimize", {}, None)
        adopted = {"module": plain.pop("module"), "places": plain.pop("places")}
        if self.quick.adopted.get(AUTOMATIC) != adopted:
            self.quick.adopted[AUTOMATIC] = adopted
            await self.quick.ask("adopt", adopted)
        return plain

    async def _configure(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Take other options; files cannot be named from the page."""
        if set(params) - LIMITS - {"cost"} or params.get("cost", "balanced") not in NAMED_COSTS:
            raise SessionError("options that cannot be set here")
        counts = [params[name] for name in params if name != "cost"]
        if any(type(count) is not int or count > 1 << 40 for count in counts):
            raise SessionError("limits are whole numbers")
        try:
            return await self._take(replace(self.options, **params))
        except OptionsError as error:
            raise SessionError(str(error)) from None

    async def _disable(self, names: object) -> dict[str, Any]:
        """Switch these rules off and all others on."""
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SessionError("the names of rules are a list of texts")
        known = {*await self.quick.ask("rule_names", {}), *self.options.without}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise SessionError(f"no rule is called '{unknown[0]}'")
        return await self._take(replace(self.options, without=tuple(sorted(set(names)))))

    async def _own_rules(self, text: object) -> dict[str, Any]:
        """Use the rules in a text instead of those before, if all are proven; none without text."""
        if not isinstance(text, str) or len(text) > LONGEST:
            raise SessionError(f"rules are a text of at most {LONGEST} characters")
        found: dict[str, Any] = {"rules": [], "error": "", "accepted": True}
        if text.strip():
            found = await self.slow.ask("prove_rules", {"text": text})
        if not found["accepted"]:
            return found
        names = frozenset(rule["name"] for rule in found["rules"])
        gone = self._own_names - names
        without = tuple(name for name in self.options.without if name not in gone)
        self.own, self._own_names = text if names else "", names
        return found | {"options": await self._take(replace(self.options, without=without))}

    async def _take(self, options: Options) -> dict[str, Any]:
        """Go on with other options: both workers start anew."""
        self.options = options
        if self.own:
            # The workers load it as a file of the command line, and prove it once more.
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="eqsat-")
            path = Path(self._folder.name) / OWN_RULES
            path.write_text(self.own, encoding="utf-8")
            options = replace(options, rules=(*options.rules, path))
        await self._stop()
        self.quick.adopted.pop(AUTOMATIC, None)
        self.quick.options = self.slow.options = options
        return self.shown()

    async def _stop(self) -> None:
        await asyncio.gather(self.quick.kill(), self.slow.kill())

    async def close(self) -> None:
        """End the workers and leave nothing behind."""
        await self._stop()
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.cleanup()
