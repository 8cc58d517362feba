"""Circuit breakers and events as Python sees them."""

from __future__ import annotations

import asyncio
import math
import os
import time

import pytest
from tidegate import Breaker, CircuitOpen, ConfigError, Engine, Outcome, StateError, Throttled


@pytest.fixture
def breaker(engine: Engine) -> Breaker:
    return engine.breaker(
        "payments",
        failure_rate=0.5,
        minimum_calls=4,
        window={"seconds": 30},
        open_seconds=10,
        half_open_calls=2,
    )


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ValueError), breaker.acquire():
            raise ValueError


def test_it_opens_and_closes_again(engine: Engine, breaker: Breaker) -> None:
    assert breaker.read()["phase"] == "closed"
    with breaker.acquire():
        pass
    fail(breaker, 2)
    assert breaker.read()["phase"] == "closed"
    fail(breaker, 1)
    assert breaker.state == "open"
    permit = breaker.acquire()
    assert not permit
    assert (permit.refused_by, permit.retry_after) == ("breaker", 10.0)
    with pytest.raises(CircuitOpen, match="the breaker payments is open; it may pass in 10 s") as e:
        with breaker.acquire():
            raise AssertionError("not reached")
    assert (e.value.guard, e.value.retry_after) == ("payments", 10.0)
    reading = breaker.read()
    assert (reading["phase"], reading["reason"]) == ("open", "failure_rate")
    assert (reading["tripped_calls"], reading["tripped_failures"]) == (4, 3)
    assert reading["opened_count"] == 1
    engine.advance(10)
    one, two, three = (breaker.acquire() for _ in range(3))
    assert one and two and not three
    assert breaker.read()["phase"] == "half_open"
    one.report(Outcome.SUCCESS)
    two.report(Outcome.SUCCESS)
    assert breaker.read()["phase"] == "closed"
    assert math.isnan(breaker.read()["failure_rate"])


def test_what_says_nothing_does_not_count(breaker: Breaker) -> None:
    for _ in range(10):
        with pytest.raises(KeyError), breaker.acquire(ignore=KeyError):
            raise KeyError
        with pytest.raises(KeyboardInterrupt), breaker.acquire():
            raise KeyboardInterrupt
    assert breaker.read()["calls"] == 0
    assert breaker.state == "closed"


def test_slow_calls_are_told(engine: Engine) -> None:
    breaker = engine.breaker("slow", slow_call_seconds=1.0, slow_call_rate=0.5, minimum_calls=2)
    for _ in range(2):
        breaker.acquire().report(Outcome.SUCCESS, seconds=1.5)
    assert breaker.read()["reason"] == "slow_call_rate"


def test_a_permit_is_reported_once(breaker: Breaker) -> None:
    permit = breaker.acquire()
    permit.report(Outcome.FAILURE, 0.1)
    with pytest.raises(StateError):
        permit.report(Outcome.FAILURE, 0.1)
    assert breaker.read()["failures"] == 1


def test_modes(breaker: Breaker) -> None:
    for mode in ("forced_open", "disabled", "forced_closed", "metrics_only", "half_open", "open"):
        breaker.set_mode(mode)
        assert breaker.state == mode
    breaker.set_mode("closed")
    with pytest.raises(ValueError, match="mode is closed, open, half_open"):
        breaker.set_mode("shut")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        breaker.set_mode(1)  # type: ignore[arg-type]


def test_a_breaker_that_exists_keeps_its_state(engine: Engine, breaker: Breaker) -> None:
    fail(breaker, 4)
    again = engine.breaker("payments")
    assert again.state == "open"
    with pytest.raises(ConfigError, match="open_secs"):
        engine.breaker("other", open_secs=1)


def test_functions_and_coroutines_under_a_breaker(breaker: Breaker) -> None:
    @breaker(ignore=KeyError)
    def work(error: type[Exception] | None) -> str:
        if error is not None:
            raise error
        return "done"

    @breaker
    async def later(error: type[Exception] | None) -> str:
        await asyncio.sleep(0)
        return work.__wrapped__(error)  # type: ignore[no-any-return, attr-defined]

    assert work(None) == "done"
    assert asyncio.run(later(None)) == "done"
    with pytest.raises(KeyError):
        work(KeyError)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            asyncio.run(later(TimeoutError))
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen):
        work(None)
    with pytest.raises(CircuitOpen):
        asyncio.run(later(None))


def test_workers_share_a_breaker(breaker: Breaker) -> None:
    pid = os.fork()
    if pid == 0:
        fail(breaker, 4)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert breaker.state == "open"


def test_a_probe_of_a_killed_worker_comes_back(engine: Engine, breaker: Breaker) -> None:
    fail(breaker, 4)
    engine.advance(10)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        permits = [breaker.acquire(), breaker.acquire()]
        os.write(write, b"x" if all(permits) else b"-")
        time.sleep(60)
        os._exit(1)
    assert os.read(read, 1) == b"x"
    assert not breaker.acquire()
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    with breaker.acquire(), breaker.acquire():
        pass
    assert breaker.state == "closed"


def test_a_throttle_lets_less_through(engine: Engine) -> None:
    throttle = engine.throttle("search", seed=1)

    @throttle
    def search(fails: bool) -> None:
        if fails:
            raise OSError

    for _ in range(200):
        try:
            search(True)
        except (OSError, Throttled):
            pass
    refused = 0
    for _ in range(200):
        permit = throttle.acquire()
        if permit:
            permit.report(Outcome.FAILURE)
        else:
            assert permit.refused_by == "throttle"
            refused += 1
    assert 50 < refused < 200
    engine.advance(60)
    with throttle.acquire():
        pass


def test_events_tell_what_happened(engine: Engine, breaker: Breaker) -> None:
    assert engine.events().events == []
    fail(breaker, 4)
    found = engine.events()
    assert [(event["name"], event["from"], event["to"]) for event in found.events] == [
        ("payments", "closed", "open")
    ]
    assert found.lost == 0
    engine.advance(10)
    breaker.acquire().report(Outcome.IGNORED)
    later = engine.events(found.cursor)
    assert [event["to"] for event in later.events] == ["half_open"]
    assert engine.events(later.cursor) == ([], later.cursor, 0)
    with pytest.raises(TypeError):
        engine.events("x")  # type: ignore[arg-type]


def test_many_events_are_read_in_pieces_and_losses_are_told(breaker: Breaker) -> None:
    engine = breaker.engine
    assert isinstance(engine, Engine)
    for _ in range(300):
        breaker.set_mode("forced_open")
        breaker.set_mode("closed")
    found = engine.events()
    assert len(found.events) == 600 and found.lost == 0
    for _ in range(10_000):
        breaker.set_mode("forced_open")
        breaker.set_mode("closed")
    later = engine.events(found.cursor)
    assert later.lost > 0
    assert later.lost + len(later.events) == 20_000
