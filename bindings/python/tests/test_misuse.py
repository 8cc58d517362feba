"""Closed engines, pickling, copies, wrong types, collection in any order."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tidegate
from tidegate import ClosedError, ConfigError, Engine, NotFoundError, StateError, _native


def test_a_closed_engine_raises(engine: Engine) -> None:
    counter, gauge = engine.counter("c"), engine.gauge("g")
    histogram = engine.histogram("h")
    limiter = engine.limiter("l", preset="standard")
    timer = histogram.time()
    timer.__enter__()
    engine.close()
    engine.close()
    assert engine.closed
    for call in (
        counter.inc,
        counter.value,
        gauge.inc,
        gauge.dec,
        gauge.value,
        limiter.check,
        engine.tick,
        engine.snapshot,
        engine.__enter__,
        lambda: gauge.set(1),
        lambda: histogram.record(1),
        lambda: histogram.record_many([1]),
        lambda: histogram.quantiles([0.5]),
        lambda: engine.advance(1),
        lambda: engine.record("h", 1),
        lambda: engine.allow("l"),
        lambda: engine.counter("c"),
        lambda: timer.__exit__(None, None, None),
    ):
        with pytest.raises(ClosedError, match="the engine is closed"):
            call()
    with pytest.raises(KeyError):
        with histogram.time():
            raise KeyError


def test_a_closed_engine_hides_no_exception_of_a_block(engine: Engine) -> None:
    histogram = engine.histogram("h")
    with pytest.raises(KeyError), histogram.time():
        engine.close()
        raise KeyError("mine")


def test_handles_keep_their_engine() -> None:
    counter = Engine().counter("c")
    gc.collect()
    counter.inc()
    assert counter.value() == 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused_clearly(engine: Engine, protocol: int) -> None:
    limiter = engine.limiter("l", preset="standard")
    things = (
        engine,
        engine.counter("c"),
        engine.histogram("h").time(),
        limiter,
        limiter.check(),
        engine.snapshot()._native,
    )
    for thing in things:
        with pytest.raises(TypeError, match="cannot be pickled: a forked worker"):
            pickle.dumps(thing, protocol)


def test_errors_can_be_pickled() -> None:
    error = tidegate.errors.from_status(-9, "gone")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, again.code) == (tidegate.StaleError, ("gone",), -9)
    denied = pickle.loads(pickle.dumps(tidegate.LimitExceeded("no", "api", 1.5)))
    assert (str(denied), denied.guard, denied.retry_after) == ("no", "api", 1.5)


def test_an_engine_is_not_copied(engine: Engine) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(engine)
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.deepcopy([engine])


def test_handles_are_made_by_engines_only(engine: Engine) -> None:
    for kind in (
        _native.Counter,
        _native.Gauge,
        _native.Histogram,
        _native.Limiter,
        _native.Decision,
        _native.Timer,
        _native.Snapshot,
    ):
        with pytest.raises(TypeError):
            kind()
        with pytest.raises(TypeError):
            object.__new__(kind)
        with pytest.raises(TypeError):
            type("Sub", (kind,), {})
        with pytest.raises(TypeError):
            setattr(kind, "extra", 1)
    counter = engine.counter("c")
    with pytest.raises(TypeError):
        counter.__class__ = _native.Gauge  # type: ignore[assignment]
    with pytest.raises((AttributeError, TypeError)):
        counter.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        _native.Counter.inc(engine.gauge("g"))  # type: ignore[arg-type]


@pytest.mark.parametrize("config", [1, ["x"], b"{}", object()])
def test_a_configuration_of_another_type_is_refused(config: object) -> None:
    with pytest.raises(TypeError, match="a configuration is a dict or JSON as str"):
        Engine(config)  # type: ignore[arg-type]


def test_an_impossible_configuration_names_the_field() -> None:
    with pytest.raises(ConfigError, match="servce"):
        Engine({"servce": "x"})
    with pytest.raises(ConfigError):
        Engine("{")
    with pytest.raises(ValueError):
        Engine({"window_seconds": float("nan")})
    with pytest.raises(ValueError, match="NUL"):
        Engine("{}\0")


def test_a_file_configures(tmp_path: Path) -> None:
    path = tmp_path / "guards.json"
    path.write_text('{"limiters": {"api": {"preset": "api"}}}')
    with Engine.from_file(path) as engine:
        assert engine.limiter("api").check().limit == 1000
    with pytest.raises(FileNotFoundError):
        Engine.from_file(tmp_path / "none.json")


def test_an_observer_looks_and_changes_nothing(region: Path) -> None:
    with Engine({"region": {"path": str(region)}}) as engine:
        engine.counter("hits").inc(2)
        with Engine.attach(region) as observer:
            assert "hits_total 2" in observer.snapshot().prometheus()
            with pytest.raises(StateError):
                observer.counter("new")
    with pytest.raises(NotFoundError):
        Engine.attach("/nowhere/at/all")


def test_a_snapshot_may_be_taken_while_another_thread_closes() -> None:
    for _ in range(20):
        engine = Engine()
        engine.counter("c").inc()
        errors: list[BaseException] = []

        def scrape(engine: Engine = engine, errors: list[BaseException] = errors) -> None:
            try:
                while True:
                    assert "c_total 1" in engine.snapshot().prometheus()
            except ClosedError:
                pass
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=scrape) for _ in range(2)]
        for thread in threads:
            thread.start()
        engine.close()
        for thread in threads:
            thread.join(30)
        assert not errors


def run(program: str) -> str:
    """Runs a program in a fresh interpreter that forgives nothing; gives its output."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("order", ["ech", "hce", "cye", "yech"])
def test_the_interpreter_shuts_down_in_any_order(order: str) -> None:
    names = {"e": "engine", "c": "counter", "h": "histogram", "y": "cycle"}
    kept = "; ".join(f"{names[letter]}_{letter} = {names[letter]}" for letter in order)
    assert run(
        f"""
from tidegate import Engine
class Late:
    def __init__(self, thing): self.thing, self.me = thing, self
    def __del__(self):
        self.thing.inc()
        print("late", self.thing.value())
engine = Engine()
counter = engine.counter("c")
histogram = engine.histogram("h")
limiter = engine.limiter("l", preset="standard")
decisions = [limiter.check() for _ in range(80)]
cycle = Late(counter)
{kept}
timer = histogram.time().__enter__()
""",
    ) == "late 1\n"


def test_a_subinterpreter_has_its_own_module() -> None:
    # It has an underscore less for everybody from 3.14 on.
    called = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    interpreters = pytest.importorskip(called)
    program = "import tidegate; e = tidegate.Engine(); c = e.counter('c'); c.inc(); e.close()"
    for _ in range(3):
        one = interpreters.create()
        try:
            # Newer ones give what was raised; older ones raise it.
            assert interpreters.run_string(one, program) is None
        finally:
            interpreters.destroy(one)
