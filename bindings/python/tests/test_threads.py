"""Threads that use the same engine, handles, permits and decisions at once.

With the interpreter's lock they take turns between calls; without it they are inside the same call
at the same time, so most of this is of interest there, and true in both.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable

import pytest
import tidegate
from tidegate import Engine

THREADS = 4
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def together(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Runs `work` in several threads that begin at once; what one raises is raised here."""
    ready = threading.Barrier(threads)
    raised: list[BaseException] = []

    def run(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except BaseException as error:
            raised.append(error)

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if raised:
        raise raised[0]


@pytest.mark.skipif(not FREE_THREADED, reason="this interpreter has its lock")
def test_loading_leaves_the_interpreter_without_its_lock() -> None:
    program = "import sys, tidegate; print(sys._is_gil_enabled())"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_no_count_is_lost() -> None:
    with Engine() as engine:
        counter, gauge = engine.counter("calls"), engine.gauge("inside")
        histogram, operation = engine.histogram("values"), engine.operation("work")
        ratio = engine.ratio("cache")

        @operation
        def measured(number: int) -> int:
            return number

        def work(number: int) -> None:
            for at in range(5000):
                counter.inc()
                gauge.inc()
                histogram.record(at)
                with histogram.time():
                    measured(at)
                ratio.hit()
                gauge.dec()

        together(work)
        total = THREADS * 5000
        assert counter.value() == total
        assert gauge.value() == 0.0
        assert operation.read()["successes"] == total
        assert ratio.read()["hits"] == total
        found = engine.snapshot().to_dict(names=["values"])
        assert found["histograms"][0]["lifetime"]["count"] == 2 * total


def test_a_limit_holds_and_each_thread_reads_its_own_decisions() -> None:
    with Engine({"clock": "manual"}) as engine:
        limiter = engine.limiter(
            "api", algorithm="token_bucket", rate_per_second=1, burst=1000, keyed=True
        )
        admitted = [0] * THREADS
        left: list[set[int]] = [set() for _ in range(THREADS)]

        def work(number: int) -> None:
            for _ in range(1000):
                decision = limiter.check("everybody")
                if decision:
                    admitted[number] += 1
                    left[number].add(decision.remaining)
                else:
                    assert decision.retry_after > 0.0
                own = limiter.check("own", number)
                assert own.limit == 1000
                assert own.admitted

        together(work)
        assert sum(admitted) == 1000
        # Each unit was given out once, and nobody read another one's answer.
        assert sorted(number for some in left for number in some) == list(range(1000))


def test_a_permit_is_given_back_once_whoever_reports_it() -> None:
    with Engine() as engine:
        bulkhead = engine.bulkhead("room", max_concurrent=2)
        for _ in range(300):
            permit = bulkhead.enter()
            given: list[int] = []

            def report(
                number: int, permit: tidegate.Permit = permit, given: list[int] = given
            ) -> None:
                try:
                    permit.report(tidegate.Outcome.SUCCESS)
                except tidegate.StateError:
                    return
                given.append(number)

            together(report, 2)
            assert len(given) == 1
            assert bulkhead.read()["in_use"] == 0


def test_a_bulkhead_lets_no_more_in() -> None:
    with Engine() as engine:
        bulkhead = engine.bulkhead("room", max_concurrent=2)
        inside = engine.gauge("inside")
        seen: list[float] = []

        @bulkhead
        def guarded() -> None:
            inside.inc()
            seen.append(inside.value())
            inside.dec()

        def work(number: int) -> None:
            for _ in range(2000):
                try:
                    guarded()
                except tidegate.BulkheadFull:
                    pass

        together(work)
        assert seen
        assert max(seen) <= 2
        assert bulkhead.read()["in_use"] == 0


def test_series_by_label_are_the_same_for_all() -> None:
    with Engine({"metrics": {"max_series_per_name": 1000}}) as engine:
        counter = engine.counter("calls")

        def work(number: int) -> None:
            for at in range(2000):
                counter.labels(route=f"/{at % 300}", status=200).inc()

        together(work)
        found = engine.snapshot().to_dict(names=["calls"])["counters"]
        values = [series["value"] for series in found if "route" in series.get("labels", {})]
        assert len(values) == 300
        assert sum(values) == THREADS * 2000


def test_closing_while_others_are_inside() -> None:
    for _ in range(30):
        engine = Engine()
        counter, histogram = engine.counter("calls"), engine.histogram("values")
        limiter = engine.limiter("api", preset="api", keyed=True)
        operation = engine.operation("work")

        def work(
            number: int,
            engine: Engine = engine,
            steps: tuple[Callable[[], object], ...] = (
                counter.inc,
                lambda: histogram.record(1.0),
                lambda: limiter.check("ann").headers(),
                lambda: operation(len)(()),
                engine.tick,
                lambda: engine.snapshot().prometheus(),
                lambda: engine.counter("another"),
                lambda: engine.events(),
            ),
        ) -> None:
            if number == 0:
                for _ in range(3):
                    steps[5]()
                engine.close()
                return
            try:
                while True:
                    for step in steps:
                        step()
            except tidegate.ClosedError:
                pass

        together(work)
        assert engine.closed


def test_everything_is_made_and_collected_at_once() -> None:
    def work(number: int) -> None:
        for _ in range(15):
            engine = Engine()
            limiter = engine.limiter("api", preset="api")
            decisions = [limiter.check() for _ in range(10)]
            permit = engine.breaker("breaker", {}).acquire()
            snapshot = engine.snapshot()
            del engine, limiter, permit
            assert [decision.limit for decision in decisions] == [1000] * 10
            assert len(decisions[0].headers()) >= 2
            del decisions
            gc.collect()
            assert snapshot.json()

    together(work)
