"""Series by labels: found again, the same as opened, and never without a bound."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

import pytest
from tidegate import ClosedError, Engine


def metrics(engine: Engine) -> list[Any]:
    return [
        engine.counter("c"),
        engine.gauge("g"),
        engine.histogram("h"),
        engine.operation("o"),
        engine.ratio("r"),
        engine.enum("e", ["on", "off"]),
    ]


def test_a_series_is_found_again(engine: Engine) -> None:
    for metric in metrics(engine):
        found = metric.labels(method="GET", status=200)
        assert type(found) is type(metric)
        assert metric.labels(method="GET", status=200) is found
        assert metric.labels(method="GET", status="200") is found
        assert metric.labels(**{"method": "GE" + "T", "status": 200}) is found
        assert metric.labels(method="GET", status=404) is not found
        assert metric.labels(method="GET") is not found
        assert metric.labels(status=200, method="GET")._id == found._id


def test_it_is_the_one_that_is_opened_with_these_labels(engine: Engine) -> None:
    requests = engine.counter("requests", labels={"shard": "a"}, help="Requests.")
    requests.labels(method="GET").labels(status=200).inc(3)
    labels = {"shard": "a", "method": "GET", "status": "200"}
    assert engine.counter("requests", labels=labels, help="Requests.").value() == 3
    assert 'requests_total{method="GET",shard="a",status="200"} 3' in engine.snapshot().prometheus()


def test_options_are_those_of_the_metric(engine: Engine) -> None:
    wait = engine.histogram("wait", unit="seconds", relative_error=0.03)
    wait.labels(queue="mail").record(0.25)
    assert 'wait_seconds_count{queue="mail"} 1' in engine.snapshot().prometheus()


def test_more_series_than_are_kept_at_hand_are_right() -> None:
    with Engine({"metrics": {"max_series": 16384, "max_series_per_name": 8192}}) as engine:
        counter = engine.counter("c")
        for _ in range(2):
            for number in range(6000):
                counter.labels(n=number).inc()
        assert all(counter.labels(n=number).value() == 2 for number in range(0, 6000, 7))
    size = sys.getallocatedblocks()
    del counter
    gc.collect()
    assert sys.getallocatedblocks() < size


@pytest.mark.parametrize("value", [None, 1.5, True, b"x", ["x"]])
def test_a_label_of_another_type_is_refused(engine: Engine, value: Any) -> None:
    with pytest.raises(TypeError, match="the label method is a str or int, not"):
        engine.counter("c").labels(method=value)


def test_labels_are_given_by_name(engine: Engine) -> None:
    counter = engine.counter("c", labels={"shard": "a"})
    for args, labels in (((), {}), (("GET",), {}), ((), {f"l{i}": "x" for i in range(17)})):
        with pytest.raises(TypeError, match="labels takes from 1 to 16 keywords"):
            counter.labels(*args, **labels)
    with pytest.raises(ValueError, match="the label shard is 'a' here already"):
        counter.labels(shard="b")


def test_a_closed_engine_has_no_series(engine: Engine) -> None:
    counter = engine.counter("c")
    counter.labels(method="GET")
    engine.close()
    for method in ("GET", "PUT"):
        with pytest.raises(ClosedError):
            counter.labels(method=method)


def test_threads_find_the_same_series(engine: Engine) -> None:
    counter = engine.counter("c")

    def work() -> None:
        for number in range(2_000):
            counter.labels(n=number % 50).inc()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [counter.labels(n=number).value() for number in range(50)] == [160] * 50
