"""Serving the explorer until somebody stops it."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Callable, Mapping
from typing import Final

from ..optimize.options import Options

__all__ = ["ADDRESS", "serve"]

ADDRESS: Final = "127.0.0.1"
"""The only address that is served: what can be asked is not for others."""

TOKEN_BYTES: Final = 24
"""Of chance in the token: nobody guesses it."""


def serve(
    data: bytes,
    options: Options,
    *,
    name: str,
    port: int,
    ready: Callable[[str], None],
    others: Mapping[str, bytes],
) -> None:
    """Serve a module on 127.0.0.1 until interrupted, to compare with `others` by name.

    `port` 0 takes any free one; `ready` gets the address with its token once it answers. Raises
    OSError if the port cannot be had.
    """
    import uvicorn

    from .server import application

    token = secrets.token_urlsafe(TOKEN_BYTES)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(64)
        taken = listener.getsockname()[1]
        hosts = (f"{ADDRESS}:{taken}", f"localhost:{taken}")
        app = application(data, options, name=name, token=token, hosts=hosts, others=others)
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        ready(f"http://{ADDRESS}:{taken}/?t={token}")
        # Ctrl-C is how this ends: the server has closed everything before it comes here.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
