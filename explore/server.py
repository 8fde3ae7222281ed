"""The explorer's server: one module, on 127.0.0.1, for whoever has the token.

Everything the page needs is in the package. Nothing of the file system can be named by a request:
the few files served are read at the start, and all else is questions about the one module.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..optimize.options import Options
from .desk import Desk
from .session import SessionError

__all__ = ["SCRIPTS", "application", "asset", "page"]

LARGEST_BODY: Final = 1 << 20
"""Bytes of a request: questions are small, pins of a whole module fit many times."""

SCRIPTS: Final = (
    *("view.js", "state.js", "graph.js", "list.js", "compare.js", "choice.js", "ownrules.js"),
    *("tabs.js", "app.js"),
)
"""The modules of the page; the last one starts it."""

WEB: Final = dict.fromkeys(SCRIPTS, "text/javascript") | {"style.css": "text/css"}
"""The files of the page, and what they are."""

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
