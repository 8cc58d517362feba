"""One region, many processes: fork, spawn, forkserver, threads, kill -9."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tidegate import Counter, Engine

TOGETHER = 4


def fork(work: Callable[[], object]) -> int:
    """A child that works and ends; exit code 0 if nothing was raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def join(pids: list[int]) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_forked_children_count_in_the_parent() -> None:
    with Engine() as engine:
        counter, histogram = engine.counter("c"), engine.histogram("h")

        def work() -> None:
            for _ in range(10_000):
                counter.inc()
                histogram.record(0.5)

        assert join([fork(work) for _ in range(TOGETHER)]) == [0] * TOGETHER
        work()
        assert counter.value() == 10_000 * (TOGETHER + 1)
        total = engine.snapshot().to_dict()["histograms"][0]["lifetime"]
        assert total["count"] == 10_000 * (TOGETHER + 1)


def test_one_limit_holds_over_forked_workers() -> None:
    config = {"clock": "manual", "limiters": {"api": {"preset": "api", "keyed": True}}}
    with Engine(config) as engine:
        api, admitted = engine.limiter("api"), engine.counter("admitted")

        def work() -> None:
            for _ in range(1_000):
                if api.check("tenant", 7):
                    admitted.inc()

        assert join([fork(work) for _ in range(TOGETHER)]) == [0] * TOGETHER
        assert admitted.value() == 1_000


def test_a_child_may_close_its_view() -> None:
    with Engine() as engine:
        counter = engine.counter("c")

        def work() -> None:
            counter.inc()
            engine.close()

        assert join([fork(work)]) == [0]
        counter.inc()
        assert counter.value() == 2


def test_workers_killed_with_9_lose_no_count(region: Path) -> None:
    with Engine({"region": {"path": str(region)}}) as engine:
        counter = engine.counter("c")
        limiter = engine.limiter("l", algorithm="token_bucket", rate_per_second=1e-3, burst=500)
        admitted = engine.counter("admitted")
        read, write = os.pipe()

        def work() -> None:
            for i in range(1_000_000_000):
                counter.inc()
                if limiter.check():
                    admitted.inc()
                if i == 2_000:
                    os.write(write, b"x")

        pids = [fork(work) for _ in range(TOGETHER)]
        ready = b""
        while len(ready) < TOGETHER:
            ready += os.read(read, TOGETHER)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert join(pids) == [-signal.SIGKILL] * TOGETHER
        os.close(read)
        os.close(write)
        assert counter.value() >= 2_000 * TOGETHER
        # A worker may be killed between the decision and its count.
        assert 500 - TOGETHER <= admitted.value() <= 500
        assert not limiter.check()
        before = counter.value()
        counter.inc()
        assert counter.value() == before + 1


def by_path(path: str, times: int) -> None:
    """What a process does that inherits nothing."""
    with Engine({"region": {"path": path}}) as engine:
        counter, limiter = engine.counter("c"), engine.limiter("l", preset="auth")
        admitted = engine.counter("admitted")
        for _ in range(times):
            counter.inc()
            if limiter.check():
                admitted.inc()


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing_shares_by_path(region: Path, method: str) -> None:
    with Engine({"region": {"path": str(region)}}) as engine:
        context: Any = multiprocessing.get_context(method)
        workers = [context.Process(target=by_path, args=(str(region), 100)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
            assert worker.exitcode == 0
        assert engine.counter("c").value() == 300
        assert engine.counter("admitted").value() == 5


def test_threads_lose_no_count() -> None:
    with Engine() as engine:
        counter, histogram = engine.counter("c"), engine.histogram("h")
        limiter = engine.limiter("l", algorithm="token_bucket", rate_per_second=1e-3, burst=1_000)
        admitted: list[int] = []

        def work() -> None:
            mine = 0
            for _ in range(5_000):
                counter.inc()
                with histogram.time():
                    mine += bool(limiter.check())
            admitted.append(mine)

        threads = [threading.Thread(target=work) for _ in range(TOGETHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counter.value() == 5_000 * TOGETHER
        assert sum(admitted) == 1_000


def test_forking_while_threads_record_loses_nothing() -> None:
    with Engine() as engine:
        counter = engine.counter("c")
        stop = threading.Event()
        counted: list[int] = []

        def work() -> None:
            mine = 0
            while not stop.is_set():
                counter.inc()
                mine += 1
            counted.append(mine)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        pids: list[int] = []
        while len(pids) < 10 and time.monotonic() < deadline:
            pids.append(fork_quietly(lambda: count(counter)))
        codes = join(pids)
        stop.set()
        for thread in threads:
            thread.join()
        assert codes == [0] * 10
        assert counter.value() == sum(counted) + 100 * 10


def count(counter: Counter) -> None:
    for _ in range(100):
        counter.inc()


def fork_quietly(work: Callable[[], object]) -> int:
    """fork() in a process with threads; newer Pythons warn of that, and here it is the point."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return fork(work)
