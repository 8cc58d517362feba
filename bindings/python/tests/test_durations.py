"""How long blocks took, against Python's own clock."""

from __future__ import annotations

import time

import pytest
from tidegate import Engine, _native


def spend(seconds: float) -> float:
    """Works for about so long; gives how long."""
    begun = time.perf_counter()
    while (took := time.perf_counter() - begun) < seconds:
        pass
    return took


@pytest.mark.parametrize("seconds", [0.0005, 0.02, 1.2])
def test_a_block_is_measured(seconds: float) -> None:
    with Engine() as engine:
        histogram = engine.histogram("h")
        operation = engine.operation("o")
        inside: list[float] = []
        outside: list[float] = []
        for _ in range(3):
            begun = time.perf_counter()
            with histogram.time(), operation.time():
                inside.append(spend(seconds))
            outside.append(time.perf_counter() - begun)
        for most in (histogram.quantiles([1.0])[0], operation.read()["max"]):
            assert max(inside) * 0.99 <= most <= max(outside) * 1.01


def test_many_short_blocks_add_up() -> None:
    with Engine() as engine:
        histogram = engine.histogram("h")
        begun = time.perf_counter()
        for _ in range(200_000):
            with histogram.time():
                pass
        took = time.perf_counter() - begun
        total = engine.snapshot().to_dict()["histograms"][0]["lifetime"]
        assert total["count"] == 200_000
        assert 0.0 <= total["sum"] < took


def test_the_rate_of_the_counter_is_that_of_a_processor() -> None:
    rate = _native._ticks_per_second()
    assert rate == 0.0 or 1e8 < rate < 1e11
