"""The server's end of a worker process: questions out, answers in, killed and started at will."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ..optimize.options import Options
from .session import SessionError
from .worker import options_json

__all__ = ["Client"]

LONGEST_LINE: Final = 1 << 28
"""Bytes of one answer: a module of the largest size that is accepted, in base64."""

PATIENCE: Final = 60.0
"""Seconds after which a question is given up and its worker killed."""


class Client:
    """A worker for one module. It is started by the first question, and again after its end.

    `tell` hears of progress as plain values.
    """

    def __init__(
        self, data: bytes, options: Options, tell: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        self.data = data
        self.options = options
        self.tell = tell
        self.adopted: dict[str, dict[str, Any]] = {}
        """What the session compares with after every start, by name."""
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._starting = asyncio.Lock()

    @property
    def busy(self) -> int:
        """Questions without an answer."""
        return len(self._waiting)

    async def ask(
        self, method: str, params: Mapping[str, Any], patience: float | None = PATIENCE
    ) -> Any:  # noqa: ANN401 (JSON)
        """The answer to a question; `patience` in seconds, None for any time.

        Raises SessionError, also if the worker ends before it has answered.
        """
        async with self._starting:
            process = await self._running()
        self._number += 1
        number = self._number
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        line = json.dumps({"id": number, "method": method, "params": params})
        try:
            assert process.stdin is not None
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()
            return await asyncio.wait_for(future, patience)
        except (ConnectionError, BrokenPipeError):
            raise SessionError("the worker ended; it starts again with the next question") from None
        except TimeoutError:
            await self.kill()
            raise SessionError(f"no answer in {patience:g} s: the worker was stopped") from None
        finally:
            self._waiting.pop(number, None)

    async def start(self) -> None:
        """Start the process before there is a question."""
        async with self._starting:
            await self._running()

    async def _running(self) -> asyncio.subprocess.Process:
        """The process, started if there is none."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        package = Path(__file__).resolve().parent.parent
        import eqsat

        folder = str(Path(eqsat.__file__).parent.parent) if eqsat.__file__ else str(package.parent)
        known = os.environ.get("PYTHONPATH")
        path = folder if known is None else f"{folder}{os.pathsep}{known}"
        process = await asyncio.create_subprocess_exec(
            # -P: a folder that the user happens to be in must not shadow modules.
            *(sys.executable, "-P", "-m", "eqsat.explore.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._process = process
        first = {
            "module": base64.b64encode(self.data).decode(),
            "options": options_json(self.options),
            "adopted": list(self.adopted.values()),
        }
        assert process.stdin is not None
        process.stdin.write(json.dumps(first).encode() + b"\n")
        self._reader = asyncio.create_task(self._read(process))
        return process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand answers to those who wait, until the process ends."""
        assert process.stdout is not None
        with contextlib.suppress(ValueError, asyncio.LimitOverrunError):
            while line := await process.stdout.readline():
                plain = json.loads(line)
                if "event" in plain:
                    if self.tell is not None:
                        self.tell(plain)
                    continue
                future = self._waiting.get(plain["id"])
                if future is None or future.done():
                    continue
                if "error" in plain:
                    future.set_exception(SessionError(plain["error"]))
                else:
                    future.set_result(plain["result"])
        if self._process is not process:
            return  # what waits now waits for a later one
        # Before anything else: a question that comes from here on must start another process.
        self._process = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(
                    SessionError("the worker ended; it starts again with the next question")
                )
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # it may have closed its output without ending
        await process.wait()

    async def kill(self) -> None:
        """End the process at once; the next question starts another."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if self._reader is not None:
            await self._reader
