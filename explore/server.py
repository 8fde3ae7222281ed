"""The explorer's server: one module, on 127.0.0.1, for whoever has the token.

Everything the page needs is in the package. Nothing of the file system can be named by a request:
the few files served are read at the start, and all else is questions about the one module.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..optimize.options import NAMED_COSTS, Options, OptionsError
from .client import Client
from .session import AUTOMATIC, SessionError, overview
from .worker import METHODS, options_json

__all__ = ["application", "page"]

LARGEST_BODY: Final = 1 << 20
"""Bytes of a request: questions are small, pins of a whole module fit many times."""

WEB: Final = {
    "app.js": "text/javascript",
    "view.js": "text/javascript",
    "graph.js": "text/javascript",
    "style.css": "text/css",
}
"""The files of the page, and what they are."""

SLOW: Final = frozenset(("optimize", "export"))
"""Questions that have a worker of their own, so that others are answered meanwhile."""

SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers of every answer."""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def asset(name: str) -> str:
    """The text of a file of the page."""
    return files(__package__).joinpath("web", name).read_text(encoding="utf-8")


def page(token: str) -> str:
    """The page, whose files are asked for with the token."""
    return asset("index.html").replace("TOKEN", token)


class Guard:
    """Lets nothing through that is not from our own page.

    Refused are: another Host (a name that resolves to 127.0.0.1 from outside), another Origin,
    requests without the token, and bodies that are too large.
    """

    def __init__(self, app: App, hosts: tuple[str, ...], token: str) -> None:
        self.app = app
        self.hosts = hosts
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await self._answer(refusal)(scope, receive, send)
            return

        async def secured(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = [(k.lower().encode(), v.encode()) for k, v in SECURITY.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self.app(scope, receive, secured)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if headers.get(b"host", b"").decode("latin-1") not in self.hosts:
            return 421, "this is not the host you are looking for"
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1") not in self._origins():
            return 403, "a request from another page"
        given = headers.get(b"x-eqsat-token", b"").decode("latin-1")
        if not given:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("t", [""])[0]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return 403, "the token is missing or wrong: use the address that eqsat printed"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return 413, "too large"
        return None

    def _origins(self) -> tuple[str, ...]:
        return tuple(f"http://{host}" for host in self.hosts)

    def _answer(self, refusal: tuple[int, str]) -> Response:
        status, text = refusal
        return JSONResponse({"error": text}, status, SECURITY)


class Desk:
    """What the requests of one server share: workers, options, listeners."""

    def __init__(
        self, data: bytes, options: Options, name: str, others: Mapping[str, bytes]
    ) -> None:
        self.data = data
        self.options = options
        self.name = name
        self.listeners: set[asyncio.Queue[dict[str, Any]]] = set()
        self.quick = Client(data, options)
        self.slow = Client(data, options, self.publish)
        for other, module in others.items():
            text = base64.b64encode(module).decode()
            self.quick.adopted[other] = {"module": text, "name": other}

    def publish(self, event: dict[str, Any]) -> None:
        """Tell all open pages."""
        for queue in self.listeners:
            queue.put_nowait(event)

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 (JSON)
        """Answer a question. Raises SessionError."""
        match method:
            case "state":
                return {
                    "name": self.name,
                    "options": options_json(self.options),
                    "busy": [self.quick.busy, self.slow.busy],
                    "others": [one for one in self.quick.adopted if one != AUTOMATIC],
                }
            case "overview":
                # Answered here: the list is there before any worker is.
                return await asyncio.to_thread(overview, self.data, self.options)
            case "cancel":
                await asyncio.gather(self.quick.kill(), self.slow.kill())
                return {}
            case "configure":
                return await self._configure(params)
            case "optimize":
                return await self._optimize()
            case "adopt":
                raise SessionError("only the server says what is adopted")
            case _ if method in SLOW:
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
        allowed = {"cost", "max_iters", "max_nodes", "rlimit"}
        if set(params) - allowed or params.get("cost", "balanced") not in NAMED_COSTS:
            raise SessionError("options that cannot be set here")
        counts = [params[name] for name in params if name != "cost"]
        if any(type(count) is not int or count > 1 << 40 for count in counts):
            raise SessionError("limits are whole numbers")
        try:
            self.options = replace(self.options, **params)
        except OptionsError as error:
            raise SessionError(str(error)) from None
        await self.close()
        self.quick.adopted.pop(AUTOMATIC, None)
        self.quick.options = self.slow.options = self.options
        return options_json(self.options)

    async def close(self) -> None:
        """End the workers."""
        await asyncio.gather(self.quick.kill(), self.slow.kill())


def application(
    data: bytes,
    options: Options,
    *,
    name: str,
    token: str,
    hosts: tuple[str, ...],
    others: Mapping[str, bytes],
) -> App:
    """The ASGI application for one module called `name`, to compare with `others` by name.

    `hosts` are the values of the Host header that are answered.
    """
    desk = Desk(data, options, name, others)
    texts = {file: asset(file) for file in WEB}
    front = page(token)

    async def index(request: Request) -> Response:
        return Response(front, media_type="text/html")

    async def static(request: Request) -> Response:
        file = request.path_params["file"]
        if file not in texts:
            return JSONResponse({"error": "not found"}, 404)
        # Modules name each other without the token.
        text = texts[file].replace('.js"', f'.js?t={token}"')
        return Response(text, media_type=WEB[file])

    async def ask(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                return JSONResponse({"error": "too large"}, 413)
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            return JSONResponse({"error": "questions are JSON"}, 415)
        try:
            question = json.loads(body)
            method, params = question["method"], question.get("params", {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return JSONResponse({"error": "not a question"}, 400)
        if not isinstance(method, str) or not isinstance(params, dict):
            return JSONResponse({"error": "not a question"}, 400)
        try:
            return JSONResponse({"result": await desk.ask(method, params)})
        except SessionError as error:
            return JSONResponse({"error": str(error)}, 422)

    async def events(request: Request) -> Response:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        desk.listeners.add(queue)

        async def stream() -> AsyncIterator[str]:
            try:
                yield ": hello\n\n"
                while True:
                    try:
                        event = await asyncio.wait_for(queue.get(), 15)
                    except TimeoutError:
                        yield ": still here\n\n"
                        continue
                    yield f"data: {json.dumps(event)}\n\n"
            finally:
                desk.listeners.discard(queue)

        return StreamingResponse(stream(), media_type="text/event-stream")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # The workers load their libraries while the browser opens.
        early = [asyncio.create_task(one.start()) for one in (desk.quick, desk.slow)]
        yield
        for task in early:
            task.cancel()
        await desk.close()

    app = Starlette(
        routes=[
            Route("/", index),
            Route("/static/{file}", static),
            Route("/api", ask, methods=["POST"]),
            Route("/events", events),
        ],
        lifespan=lifespan,
    )
    return Guard(app, hosts, token)
