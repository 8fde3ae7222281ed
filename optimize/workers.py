"""Worker processes: batches out, results back one by one, and a kill as the last safety.

Workers are forked before any native library is loaded: a fork costs 0.3 ms, a fresh interpreter
14 ms plus all imports, and the threads that egglog and wasmtime start do not survive a fork. Each
worker loads the engine while the parent still validates the input. Where there is no fork, the
work is done in this process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeAlias, TypeVar

from .worklist import Batch

__all__ = ["Lost", "Pool", "Work", "can_fork"]

POLL_MILLISECONDS = 50
"""How long the parent sleeps before it looks at the clock and at Ctrl-C again."""

KILL_GRACE = 0.08
"""Seconds a worker may run past the deadline before it is killed: it checks between functions
and between solver queries."""

READ_BYTES = 1 << 16
"""One pipe's buffer on Linux."""

ENGINE = "egglog.bindings"
"""The module whose threads forbid a fork."""

HEAD = struct.Struct("<I")

T = TypeVar("T")

Work: TypeAlias = Callable[[Batch], Iterator[T]]
"""What a worker does with a batch: yields one result per function as it is known."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A function without a result, and why."""

    index: int
    reason: str


def can_fork() -> bool:
    """Whether this process forks safely.

    Not where the engine is loaded already (by an earlier run in this process): its threads do not
    live on in the child, which would wait for them for ever.
    """
    return hasattr(os, "fork") and sys.platform != "darwin" and ENGINE not in sys.modules


@dataclass(slots=True)
class _Worker:
    """The parent's end of one worker."""

    pid: int
    tasks: int
    results: int
    batch: Batch | None = None
    """Functions of the batch in work that have no result yet."""
    pending: bytearray = field(default_factory=bytearray)


class Pool(Generic[T]):
    """A fixed number of forked workers.

    `start` is called once in each worker and gives the function that does the work. `index_of`
    tells which function a result belongs to. `told` is called in each worker with what `tell`
    sends.
    """

    def __init__(
        self,
        count: int,
        start: Callable[[], Work[T]],
        index_of: Callable[[T], int],
        told: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._start = start
        self._told = told
        self._index_of = index_of
        self._workers = [self._fork(()) for _ in range(count)]

    def __enter__(self) -> Pool[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def run(
        self,
        batches: Sequence[Batch],
        *,
        deadline: Callable[[], float | None],
        stop: Callable[[], bool],
    ) -> Iterator[T | Lost]:
        """Hand out the batches in order and yield results as they come.

        Ends when all is done, when `stop` says so, or at the deadline; functions that were not
        reached are not mentioned, functions lost with a dying worker come as `Lost`.
        """
        waiting = list(reversed(batches))
        poll = select.poll()
        for worker in self._workers:
            poll.register(worker.results, select.POLLIN)
        while True:
            for worker in self._workers:
                if worker.batch is None and waiting:
                    self._send(worker, waiting.pop())
            busy = [worker for worker in self._workers if worker.batch is not None]
            if not busy or stop():
                return
            end = deadline()
            if end is not None and time.monotonic() > end + KILL_GRACE:
                return
            ready = {fd for fd, _ in poll.poll(POLL_MILLISECONDS)}
            for worker in [worker for worker in busy if worker.results in ready]:
                chunk = os.read(worker.results, READ_BYTES)
                if chunk:
                    yield from self._receive(worker, chunk)
                    continue
                poll.unregister(worker.results)
                # The first function without a result is the one in work: it is lost alone.
                assert worker.batch is not None
                (lost, _), *rest = worker.batch.functions
                yield Lost(lost, f"the worker ended ({self._bury(worker)})")
                if rest:
                    waiting.append(replace(worker.batch, functions=tuple(rest)))
                self._workers.remove(worker)
                fresh = self._fork(tuple(self._workers))
                self._workers.append(fresh)
                poll.register(fresh.results, select.POLLIN)

    def tell(self, data: bytes) -> None:
        """Send the same to every worker; all of them must be idle."""
        for worker in self._workers:
            with contextlib.suppress(BrokenPipeError):
                _write(worker.tasks, pickle.dumps(data))

    def kill(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
            self._bury(worker)
        self._workers = []

    def _fork(self, siblings: Sequence[_Worker]) -> _Worker:
        task_read, task_write = os.pipe()
        result_read, result_write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        siblings = siblings or tuple(getattr(self, "_workers", ()))
        pid = os.fork()
        if pid:
            os.close(task_read)
            os.close(result_write)
            return _Worker(pid, task_write, result_read)
        # The child: never returns, never runs the parent's clean-up.
        code = 1
        try:
            for sibling in siblings:
                os.close(sibling.tasks)
                os.close(sibling.results)
            os.close(task_write)
            os.close(result_read)
            # Ctrl-C reaches the whole group; the parent alone decides what it means.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _serve(task_read, result_write, self._start, self._told)
            code = 0
        except BrokenPipeError:
            code = 0
        except BaseException as failure:
            if os.environ.get("EQSAT_DEBUG"):
                sys.excepthook(type(failure), failure, failure.__traceback__)
        finally:
            os._exit(code)

    def _send(self, worker: _Worker, batch: Batch) -> None:
        worker.batch = batch
        with contextlib.suppress(BrokenPipeError):
            _write(worker.tasks, pickle.dumps(batch))

    def _receive(self, worker: _Worker, chunk: bytes) -> Iterator[T]:
        pending = worker.pending
        pending += chunk
        while len(pending) >= HEAD.size:
            (size,) = HEAD.unpack_from(pending)
            if len(pending) < HEAD.size + size:
                return
            result: T = pickle.loads(pending[HEAD.size : HEAD.size + size])
            del pending[: HEAD.size + size]
            done = self._index_of(result)
            if worker.batch is not None:
                rest = tuple(item for item in worker.batch.functions if item[0] != done)
                worker.batch = replace(worker.batch, functions=rest) if rest else None
            yield result

    def _bury(self, worker: _Worker) -> str:
        os.close(worker.tasks)
        os.close(worker.results)
        with contextlib.suppress(ChildProcessError):
            _, status = os.waitpid(worker.pid, 0)
            code = os.waitstatus_to_exitcode(status)
            return f"signal {-code}" if code < 0 else f"exit code {code}"
        return "gone"


def _serve(
    tasks: int, results: int, start: Callable[[], Work[T]], told: Callable[[bytes], None]
) -> None:
    """The worker's loop: one batch after the other until the parent closes the pipe."""
    work = start()
    with open(tasks, "rb") as source:
        while head := source.read(HEAD.size):
            task: Batch | bytes = pickle.loads(source.read(HEAD.unpack(head)[0]))
            if isinstance(task, bytes):
                told(task)
                continue
            for result in work(task):
                _write(results, pickle.dumps(result, pickle.HIGHEST_PROTOCOL))


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(HEAD.pack(len(data)) + data)
    while view:
        view = view[os.write(descriptor, view) :]
