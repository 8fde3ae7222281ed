"""Workers: all results arrive, a dead worker costs one function, deadlines and stops are kept."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from eqsat.optimize.workers import Lost, Pool, Work, can_fork
from eqsat.optimize.worklist import Batch

pytestmark = pytest.mark.skipif(not can_fork(), reason="no fork on this platform")


def of(indices: Iterable[int]) -> Batch:
    return Batch(tuple((index, None) for index in indices))


def never() -> bool:
    return False


def no_deadline() -> float | None:
    return None


def squares(batch: Batch) -> Iterator[tuple[int, int]]:
    for index, _ in batch.functions:
        yield index, index * index


def first(result: tuple[int, int]) -> int:
    return result[0]


def collect(
    work: Work[Any], batches: list[tuple[int, ...]], count: int = 2, seconds: float | None = None
) -> tuple[dict[int, Any], dict[int, str]]:
    found: dict[int, Any] = {}
    lost: dict[int, str] = {}
    end = None if seconds is None else time.monotonic() + seconds
    with Pool(count, lambda: work, first) as pool:
        for result in pool.run([of(batch) for batch in batches], deadline=lambda: end, stop=never):
            if isinstance(result, Lost):
                lost[result.index] = result.reason
            else:
                assert result[0] not in found
                found[result[0]] = result[1]
    return found, lost


@pytest.mark.parametrize("count", [1, 2, 3])
def test_all_results_arrive(count: int) -> None:
    batches = [tuple(range(start, start + 7)) for start in range(0, 70, 7)]
    found, lost = collect(squares, batches, count)
    assert found == {index: index * index for index in range(70)}
    assert not lost


def test_large_results_arrive_whole() -> None:
    def work(batch: Batch) -> Iterator[tuple[int, bytes]]:
        for index, _ in batch.functions:
            yield index, bytes([index]) * 300_000

    found, _ = collect(work, [(1, 2), (3,)])
    assert {index: len(data) for index, data in found.items()} == dict.fromkeys((1, 2, 3), 300_000)


def test_dead_worker_costs_one_function() -> None:
    def work(batch: Batch) -> Iterator[tuple[int, int]]:
        for index, _ in batch.functions:
            if index == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            if index == 6:
                raise ValueError("no such number")
            yield index, index * index

    found, lost = collect(work, [(1, 2, 3), (4, 5, 6, 7), (8, 9)])
    assert set(found) == {1, 2, 3, 5, 7, 8, 9}
    assert lost == {4: "the worker ended (signal 9)", 6: "the worker ended (exit code 1)"}


def test_deadline_kills() -> None:
    def work(batch: Batch) -> Iterator[tuple[int, int]]:
        for index, _ in batch.functions:
            if index == 2:
                time.sleep(60)
            yield index, index

    began = time.monotonic()
    found, _ = collect(work, [(1, 2), (3, 4)], seconds=0.3)
    assert set(found) == {1, 3, 4}
    assert time.monotonic() - began < 5


def test_stop_ends_the_run() -> None:
    def work(batch: Batch) -> Iterator[tuple[int, int]]:
        for index, _ in batch.functions:
            time.sleep(0.01)
            yield index, index

    seen: list[int] = []
    with Pool(1, lambda: work, first) as pool:
        for result in pool.run([of(range(1000))], deadline=no_deadline, stop=lambda: bool(seen)):
            assert not isinstance(result, Lost)
            seen.append(result[0])
    assert 0 < len(seen) < 1000


def test_no_child_is_left() -> None:
    with Pool(2, lambda: squares, first) as pool:
        assert len(list(pool.run([of([1]), of([2])], deadline=no_deadline, stop=never))) == 2
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
