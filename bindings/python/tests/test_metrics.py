"""Counters, gauges and histograms as Python sees them."""

from __future__ import annotations

import array
import copy
import math
import os
from fractions import Fraction

import pytest
from tidegate import (
    ArgumentError,
    ConfigError,
    ConflictError,
    Engine,
    TidegateError,
)


def test_a_counter_adds_up(engine: Engine) -> None:
    counter = engine.counter("hits", labels={"path": "/"}, help="Hits.", unit="requests")
    counter.inc()
    counter.inc(41)
    counter.inc(0)
    assert counter.value() == 42
    assert counter.name == "hits"
    assert counter.engine is engine


def test_the_same_name_and_labels_are_the_same_counter(engine: Engine) -> None:
    engine.counter("hits", labels={"a": "1", "b": "2"}).inc(2)
    engine.counter("hits", labels={"b": "2", "a": "1"}).inc(3)
    assert engine.counter("hits", labels={"a": "1", "b": "2"}).value() == 5


def test_a_counter_holds_64_bits(engine: Engine) -> None:
    counter = engine.counter("wide")
    counter.inc(2**64 - 1)
    assert counter.value() == 2**64 - 1


@pytest.mark.parametrize("amount", [-1, 2**64, 2**200, -(2**200)])
def test_an_impossible_amount_is_refused(engine: Engine, amount: int) -> None:
    counter = engine.counter("hits")
    with pytest.raises(ValueError, match="amount is from 0 to"):
        counter.inc(amount)
    assert counter.value() == 0


@pytest.mark.parametrize("amount", [1.0, "1", None, True, object()])
def test_an_amount_of_another_type_is_refused(engine: Engine, amount: object) -> None:
    with pytest.raises(TypeError, match="amount is a whole number"):
        engine.counter("hits").inc(amount)  # type: ignore[arg-type]


def test_a_gauge_moves(engine: Engine) -> None:
    gauge = engine.gauge("depth")
    gauge.set(5)
    gauge.inc()
    gauge.inc(0.5)
    gauge.dec(2)
    gauge.dec()
    assert gauge.value() == 3.5
    gauge.set(math.inf)
    assert gauge.value() == math.inf


def test_nan_is_refused_everywhere(engine: Engine) -> None:
    with pytest.raises(ArgumentError):
        engine.gauge("g").set(math.nan)
    with pytest.raises(ArgumentError):
        engine.gauge("g").inc(math.nan)
    with pytest.raises(ArgumentError):
        engine.histogram("h").record(math.nan)


@pytest.mark.parametrize("value", [-1.0, math.inf, -math.inf])
def test_a_histogram_refuses_what_is_no_duration(engine: Engine, value: float) -> None:
    histogram = engine.histogram("h")
    with pytest.raises(ArgumentError, match="at least 0") as caught:
        histogram.record(value)
    assert caught.value.code == -1
    assert isinstance(caught.value, ValueError)


def test_quantiles_are_within_the_promised_error(engine: Engine) -> None:
    histogram = engine.histogram("h", unit="seconds")
    histogram.record_many(i / 1000 for i in range(1, 1001))
    low, middle, high = histogram.quantiles([0.0, 0.5, 1.0])
    assert (low, high) == (0.001, 1.0)
    assert middle == pytest.approx(0.5, rel=0.008)
    assert histogram.quantiles([0.5], window=10)[0] == pytest.approx(0.5, rel=0.008)
    assert histogram.quantiles([]) == []


def test_anything_that_is_a_number_is_recorded(engine: Engine) -> None:
    histogram = engine.histogram("h")
    histogram.record(1)
    histogram.record(Fraction(1, 2))  # type: ignore[arg-type]
    histogram.record_many(array.array("d", [0.25, 0.125]))
    histogram.record_many((2, 4))
    assert histogram.quantiles([0, 1]) == [0.125, 4.0]


def test_record_many_takes_all_or_nothing(engine: Engine) -> None:
    histogram = engine.histogram("h")
    with pytest.raises(ArgumentError):
        histogram.record_many([1.0, -1.0])
    with pytest.raises(TypeError, match="number 1"):
        histogram.record_many([1.0, "x"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        histogram.record_many(1.0)  # type: ignore[arg-type]
    assert math.isnan(histogram.quantiles([0.5])[0])


def test_bad_quantiles_are_refused(engine: Engine) -> None:
    histogram = engine.histogram("h")
    for bad in ([1.1], [-0.1], [math.nan]):
        with pytest.raises(ArgumentError):
            histogram.quantiles(bad)
    with pytest.raises(ArgumentError):
        histogram.quantiles([0.5], window=1e6)
    with pytest.raises(ArgumentError):
        histogram.quantiles([0.5], window=-1.0)


def test_a_block_is_timed_also_when_it_raises(engine: Engine) -> None:
    histogram = engine.histogram("h")
    with histogram.time():
        pass
    with pytest.raises(KeyError), histogram.time():
        raise KeyError("x")
    with histogram.time() as outer, histogram.time() as inner:
        assert outer is not inner
    assert engine.snapshot().to_dict()["histograms"][0]["lifetime"]["count"] == 4


def test_a_timer_that_was_not_started_says_so(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="not started"):
        engine.histogram("h").time().__exit__(None, None, None)


def test_a_value_can_be_recorded_by_name(engine: Engine) -> None:
    engine.record("by.name", 0.5)
    assert engine.histogram("by.name").quantiles([0.5]) == [0.5]
    engine.counter("c")
    with pytest.raises(ConflictError):
        engine.record("c", 0.5)


@pytest.mark.parametrize("name", ["", "1st", "a b", "x" * 256, "ünicode", "a\0b"])
def test_illegal_names_are_refused(engine: Engine, name: str) -> None:
    with pytest.raises(ValueError):
        engine.counter(name)


@pytest.mark.parametrize("name", [None, 1, b"bytes", ["list"]])
def test_names_of_another_type_are_refused(engine: Engine, name: object) -> None:
    with pytest.raises(TypeError, match="a name is a str"):
        engine.counter(name)  # type: ignore[arg-type]


def test_a_lone_surrogate_is_no_name(engine: Engine) -> None:
    with pytest.raises(UnicodeEncodeError):
        engine.counter("\ud800")


def test_a_name_keeps_its_kind(engine: Engine) -> None:
    engine.counter("taken")
    with pytest.raises(ConflictError) as caught:
        engine.gauge("taken")
    assert isinstance(caught.value, TidegateError)
    assert caught.value.code == -4
    assert "taken" in str(caught.value)


def test_options_are_checked(engine: Engine) -> None:
    with pytest.raises(ConfigError):
        engine.histogram("h", relative_error=0.5)
    with pytest.raises(ConfigError):
        engine.counter("c", labels={"k": 1})  # type: ignore[dict-item]
    with pytest.raises(ValueError):
        engine.histogram("h", relative_error=math.nan)


def test_a_copy_is_the_same_counter(engine: Engine) -> None:
    counter = engine.counter("hits")
    assert copy.copy(counter) is counter
    assert copy.deepcopy({"c": counter})["c"] is counter


def test_snapshots_render(engine: Engine) -> None:
    engine.counter("hits").inc(3)
    snapshot = engine.snapshot()
    engine.counter("hits").inc(4)
    assert "hits_total 3" in snapshot.prometheus()
    counters = {entry["name"]: entry for entry in snapshot.to_dict()["counters"]}
    assert counters["hits"]["value"] == 3
    engine.close()
    assert "hits_total 3" in snapshot.prometheus()


def test_ratios(engine: Engine) -> None:
    cache = engine.ratio("cache", labels={"shard": "a"}, help="Cache.")
    assert math.isnan(cache.read()["ratio"])
    for _ in range(3):
        cache.hit()
    cache.miss()
    cache.record(hits=6)
    assert cache.read(window=10) == {"hits": 9, "misses": 1, "ratio": 0.9}
    for wrong in (-1, 2**64):
        with pytest.raises(ValueError, match="hits is from 0"):
            cache.record(wrong)
    with pytest.raises(TypeError):
        cache.record(misses=1.0)  # type: ignore[arg-type]


def test_states_and_information(engine: Engine) -> None:
    mode = engine.enum("mode", ["normal", "maintenance"])
    mode.set("maintenance")
    with pytest.raises(ValueError):
        mode.set("other")
    with pytest.raises(TypeError):
        mode.set(1)  # type: ignore[arg-type]
    engine.set_info("build", {"version": "1.2.3"})
    text = engine.snapshot().prometheus()
    assert 'mode{mode="maintenance"} 1' in text
    assert 'build_info{version="1.2.3"} 1' in text


def test_examples_and_details(engine: Engine) -> None:
    waits = engine.histogram("waits", unit="seconds")
    waits.record_exemplar(0.5, "4bf92f3577b34da6a3ce929d0e0e4736")
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in engine.snapshot().json()
    query = engine.operation("query")
    query.record_detail(
        2.5, 1, error="timeout", message="gave up", detail="select 1", trace_id="4bf9"
    )
    engine.report_error("E1", "disk is full")
    text = engine.snapshot().json()
    for word in ("timeout", "gave up", "select 1", "disk is full"):
        assert word in text


def test_gauges_of_workers_add_up(engine: Engine) -> None:
    gauge = engine.gauge("busy", workers="sum")
    gauge.set(2)
    pid = os.fork()
    if pid == 0:
        gauge.set(3)
        os._exit(0 if gauge.value() == 5 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert gauge.value() == 2
