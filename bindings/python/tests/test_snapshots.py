"""Snapshots of several hosts and times."""

from __future__ import annotations

import pytest
from tidegate import ArgumentError, ConflictError, Engine, FormatError, Snapshot


def filled(hits: int) -> Engine:
    engine = Engine({"clock": "manual"})
    engine.counter("hits").inc(hits)
    engine.histogram("wait", unit="seconds").record_many([0.5] * hits)
    return engine


def total(snapshot: Snapshot) -> int:
    (counter,) = snapshot.to_dict(names=["hits"])["counters"]
    return int(counter["value"])


def test_two_hosts_are_merged() -> None:
    with filled(2) as one, filled(3) as other:
        sent = other.snapshot().json(buckets=True)
        for document in (sent, sent.encode()):
            both = one.snapshot().merge(Snapshot.parse(document))
            assert total(both) == 5
            assert "wait_seconds_count 5" in both.prometheus()
        with pytest.raises(ConflictError):
            one.snapshot().merge(one.snapshot())


def test_a_difference_is_what_was_counted_since() -> None:
    with filled(2) as engine:
        before = engine.snapshot()
        engine.counter("hits").inc(7)
        after = engine.snapshot()
        delta = after.since(before)
        assert total(delta) == 7
        assert total(after.since(Snapshot.parse(before.json(buckets=True)))) == 7
        assert "hits:7|c" in delta.statsd()
        with pytest.raises(ArgumentError):
            delta.prometheus()


def test_what_is_no_snapshot_is_refused(engine: Engine) -> None:
    with pytest.raises(FormatError):
        Snapshot.parse("{}")
    with pytest.raises(TypeError, match="a document is str or bytes"):
        Snapshot.parse(1)  # type: ignore[arg-type]
    snapshot = engine.snapshot()
    for other in (None, 1, engine):
        with pytest.raises((TypeError, AttributeError)):
            snapshot.merge(other)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a Snapshot is wanted"):
            snapshot._native.merge(other)  # type: ignore[arg-type]


def test_a_log_of_hdr_goes_out_and_in() -> None:
    with filled(9) as engine:
        log = engine.snapshot().hdr_log()
        again = engine.histogram("again", unit="seconds")
        assert again.import_hdr(log, scale=1e9) == 9
        assert again.quantiles([0.5])[0] == pytest.approx(0.5, rel=0.02)
        assert again.import_hdr(log.encode(), 1e9) == 9
        with pytest.raises(FormatError):
            again.import_hdr(b"nothing of the kind")
        with pytest.raises(ArgumentError):
            again.import_hdr(log, scale=0)


def test_otlp_is_bytes_or_refused(engine: Engine) -> None:
    try:
        assert isinstance(engine.snapshot().otlp(), bytes)
    except ArgumentError as refused:
        assert "format" in str(refused)
