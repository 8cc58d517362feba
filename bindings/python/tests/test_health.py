"""Probes and what the application reports."""

from __future__ import annotations

import json

import pytest
from tidegate import Engine


def test_probes_start_healthy(engine: Engine) -> None:
    assert engine.health() == ("healthy", 200)
    assert engine.health("liveness") == ("healthy", 200)
    engine.startup_done()
    assert engine.health("startup").status == "healthy"


def test_reports_count_for_readiness_until_they_are_old(engine: Engine) -> None:
    engine.report_health("database", "healthy", observed=0.012, ttl=30)
    assert engine.health().status == "healthy"
    engine.report_health("redis", "unhealthy", message="connection refused", ttl=5.0)
    assert engine.health() == ("unhealthy", 503)
    assert engine.health("liveness").status == "healthy"
    text = engine.snapshot().health_json()
    assert "connection refused" in text
    assert json.loads(text)["status"] == "fail"
    assert json.loads(engine.snapshot().health_simple())["status"]
    engine.advance(6)
    assert engine.health().status != "unhealthy"


def test_checks_judge_what_is_recorded() -> None:
    check = {"histogram": "db", "p95_seconds": {"warn": 0.1, "fail": 0.5}}
    with Engine({"clock": "manual", "health": {"checks": [check]}}) as engine:
        waits = engine.histogram("db", unit="seconds")
        for _ in range(100):
            waits.record(0.2)
        assert engine.health() == ("degraded", 200)


def test_wrong_words_are_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="probe is one of liveness, readiness, startup, not"):
        engine.health("ready")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="status is one of healthy, degraded, unhealthy, unknown"):
        engine.report_health("x", "fine")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        engine.report_health("x", 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        engine.report_health("", "healthy")
    with pytest.raises(ValueError):
        engine.report_health("x", "healthy", ttl=-1.0)
    engine.heartbeat()
