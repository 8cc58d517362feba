"""Permits, decorators and blocks under a guard: sync, async, generators, forks."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import os
import pickle
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from tidegate import (
    Bulkhead,
    BulkheadFull,
    CircuitOpen,
    ClosedError,
    ConfigError,
    Denied,
    Engine,
    LimitExceeded,
    Operation,
    Outcome,
    Retry,
    StateError,
)
from tidegate._native import Guarded


@pytest.fixture
def one(engine: Engine) -> Bulkhead:
    """Room for one call."""
    return engine.bulkhead("one", max_concurrent=1)


@pytest.fixture
def query(engine: Engine) -> Operation:
    return engine.operation("query")


def counts(operation: Operation) -> tuple[int, int, int]:
    reading = operation.read()
    return reading["successes"], reading["failures"], reading["ignored"]


def errors(operation: Operation) -> dict[str, int]:
    """How often each code occurred."""
    found = operation.engine.snapshot().to_dict()["operations"]
    entry = next(entry for entry in found if entry["name"] == operation.name)
    return {error["code"]: error["count"] for error in entry["errors"]}


def is_free(bulkhead: Bulkhead) -> bool:
    permit = bulkhead.enter()
    if permit:
        permit.report(Outcome.SUCCESS)
    return bool(permit)


def test_a_permit_is_given_back_once(one: Bulkhead) -> None:
    permit = one.enter()
    assert permit and permit.admitted and permit.open and permit.refused_by is None
    refused = one.enter()
    assert not refused and refused.refused_by == "bulkhead" and not refused.open
    assert permit.guard is one
    permit.report(Outcome.SUCCESS)
    assert not permit.open
    with pytest.raises(StateError, match="given back already"):
        permit.report(Outcome.SUCCESS)
    with pytest.raises(StateError, match="nothing to report"):
        refused.report(Outcome.SUCCESS)
    assert is_free(one)


def test_a_block_holds_its_permit(one: Bulkhead) -> None:
    with one.enter() as permit:
        assert permit.open
        with pytest.raises(BulkheadFull, match="the bulkhead one is full") as caught:
            with one.enter():
                raise AssertionError("not reached")
        assert (caught.value.guard, caught.value.code) == ("one", 1)
        assert isinstance(caught.value, Denied)
    assert not permit.open
    assert is_free(one)


def test_a_block_that_raises_gives_back_and_passes_on(one: Bulkhead) -> None:
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught, one.enter():
        raise error
    assert caught.value is error
    assert error.__context__ is None
    assert is_free(one)


def test_a_forgotten_permit_comes_back(one: Bulkhead) -> None:
    permit = one.enter()
    cycle: list[object] = [permit]
    cycle.append(cycle)
    del permit, cycle
    gc.collect()
    assert is_free(one)


def test_reporting_in_a_block_is_enough(one: Bulkhead) -> None:
    with one.enter() as permit:
        permit.report(Outcome.IGNORED)
        assert is_free(one)
    assert is_free(one)


def test_bad_outcomes_change_nothing(query: Operation) -> None:
    permit = query.time()
    with pytest.raises(ValueError):
        permit.report(7)
    with pytest.raises(TypeError):
        permit.report("success")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        permit.report(Outcome.SUCCESS, seconds=-1.0)
    permit.report(Outcome.FAILURE, seconds=0.5, error="timeout")
    assert counts(query) == (0, 1, 0)
    assert query.read()["max"] == 0.5
    assert errors(query) == {"timeout": 1}


def test_an_operation_records_what_happened(engine: Engine) -> None:
    query = engine.operation("q", slow_seconds=1.0, labels={"db": "main"}, help="Queries.")
    query.record(0.25)
    query.record(2.0, Outcome.FAILURE, "timeout")
    query.record(seconds=0.25, error=None, outcome=Outcome.IGNORED)
    reading = query.read(window=10)
    assert (reading["count"], reading["slow"], reading["max"]) == (3, 1, 2.0)
    assert reading["error_rate"] == 0.5
    with query.time():
        engine.advance(0.5)
    assert query.read()["p90"] == 2.0
    assert counts(query) == (2, 1, 1)
    wrongs: list[Any] = [(), ("1",), (1.0, "x"), (1.0, 0, 1), (1.0, 0, "a", "b")]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            query.record(*wrong)
    with pytest.raises(TypeError, match="not secs"):
        query.record(secs=1.0)  # type: ignore[call-arg]
    with pytest.raises(ValueError):
        query.record(-1.0)


def test_exceptions_are_failures_by_their_name(query: Operation) -> None:
    @query
    def find(key: str) -> int:
        """Finds."""
        return {"one": 1}[key]

    assert find("one") == 1
    assert find(key="one") == 1
    error: BaseException | None = None
    try:
        find("two")
    except KeyError as raised:
        error = raised
    assert error is not None and error.__context__ is None
    assert counts(query) == (2, 1, 0)
    assert errors(query) == {"KeyError": 1}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_says_nothing(query: Operation, kind: type[BaseException]) -> None:
    @query
    def stop() -> None:
        raise kind

    with pytest.raises(kind):
        stop()
    with pytest.raises(kind), query.time():
        raise kind
    assert counts(query) == (0, 0, 2)


def test_classes_to_ignore(query: Operation) -> None:
    @query(ignore=(KeyError, ZeroDivisionError))
    def fail(kind: type[Exception]) -> None:
        raise kind

    for raised in (KeyError, ZeroDivisionError, ValueError):
        with pytest.raises(raised):
            fail(raised)
    with pytest.raises(LookupError), query.time(ignore=LookupError):
        raise LookupError
    assert counts(query) == (0, 1, 3)
    for wrong in (1, "KeyError", (KeyError, 1), int):
        with pytest.raises(TypeError, match="ignore is a class of exceptions"):
            query.time(ignore=wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="ignore is a class of exceptions"):
            query(ignore=wrong)(len)  # type: ignore[arg-type]


def test_a_decorated_function_looks_like_itself(query: Operation) -> None:
    def plain(a: int, *, b: str = "x") -> str:
        """Doc."""
        return b * a

    plain.extra = 1  # type: ignore[attr-defined]
    decorated = query(plain)
    assert isinstance(decorated, Guarded)
    assert decorated.__name__ == "plain"
    assert decorated.__doc__ == "Doc."
    assert decorated.__module__ == __name__
    assert decorated.__wrapped__ is plain
    assert decorated.__globals__ is plain.__globals__
    assert decorated.extra == 1
    assert inspect.signature(decorated) == inspect.signature(plain)
    assert decorated.guard is query
    assert weakref.ref(decorated)() is decorated
    assert copy.copy(decorated) is decorated
    with pytest.raises(AttributeError):
        decorated.no_such_thing
    decorated.__name__ = "renamed"
    assert decorated.__name__ == "renamed"


def at_module_level(a: int) -> int:
    return a + 1


guarded_at_module_level = Engine().operation("m")(at_module_level)
at_module_level = guarded_at_module_level


def test_a_decorated_function_is_pickled_by_name() -> None:
    again = pickle.loads(pickle.dumps(at_module_level))
    assert again is at_module_level
    assert again(1) == 2


def test_methods_are_guarded(query: Operation) -> None:
    class Shop:
        def __init__(self) -> None:
            self.stock = 2

        @query
        def left(self, more: int = 0) -> int:
            return self.stock + more

        @query
        @staticmethod
        def static(a: int) -> int:
            return a

        @staticmethod
        @query
        def inner(a: int) -> int:
            return a

        @query
        @classmethod
        def of(cls) -> str:
            return cls.__name__

    shop = Shop()
    assert shop.left() == 2
    assert shop.left(more=1) == 3
    assert Shop.left(shop) == 2
    bound = shop.left
    assert bound(1) == 3
    assert Shop.static(4) == shop.static(4) == shop.inner(4) == 4
    assert shop.of() == Shop.of() == "Shop"
    assert functools.partial(shop.left, 5)() == 7
    assert counts(query)[0] == 10


def test_objects_that_can_be_called_are_what_their_call_is(query: Operation) -> None:
    class Later:
        async def __call__(self, a: int) -> int:
            return a

    class Now:
        def __call__(self, a: int) -> int:
            return a

    assert asyncio.run(query(Later())(3)) == 3
    assert counts(query)[0] == 1
    assert query(Now())(4) == 4
    assert isinstance(query(Later)(), Later)
    assert asyncio.run(query(functools.partial(Later().__call__, 5))()) == 5


def test_many_arguments_pass_through(query: Operation) -> None:
    @query
    def everything(*args: object, **kwargs: object) -> object:
        return args, kwargs

    many = tuple(range(300))
    assert everything(*many, a=1, **{"b": 2}) == (many, {"a": 1, "b": 2})
    assert everything() == ((), {})


def test_keys_of_a_decorator(engine: Engine) -> None:
    limiter = engine.limiter("l", preset="auth", keyed=True)

    @limiter.limit(key=lambda tenant, user, **_: (tenant, user))
    def work(tenant: str, user: int, note: str = "") -> str:
        return f"{tenant}{user}{note}"

    for _ in range(5):
        assert work("a", 1, note="!") == "a1!"
    with pytest.raises(LimitExceeded, match="the limit of l is reached") as caught:
        work("a", 1)
    assert caught.value.retry_after > 0
    assert work("a", 2) == "a2"

    @limiter.limit(key=lambda: "one part")
    def other() -> None: ...

    other()
    assert limiter.check("one part").remaining == 3

    @limiter.limit(key=lambda: {"not": "a key"})  # type: ignore[arg-type, return-value]
    def wrong() -> None: ...

    with pytest.raises(TypeError, match="a part of a key"):
        wrong()

    @limiter.limit(key=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    def raising() -> None: ...

    with pytest.raises(ZeroDivisionError):
        raising()
    with pytest.raises(TypeError, match="key is a function"):
        limiter.limit(key="ann")(work)  # type: ignore[arg-type]


def test_a_limit_for_a_block(engine: Engine) -> None:
    limiter = engine.limiter("l", algorithm="sliding_window", limit=2, window_seconds=10)
    with limiter.admit():
        pass
    with pytest.raises(KeyError), limiter.admit():
        raise KeyError
    with pytest.raises(LimitExceeded) as caught, limiter.admit():
        raise AssertionError("not reached")
    assert caught.value.retry_after == 10.0


def test_a_decorated_function_may_call_itself(engine: Engine) -> None:
    query = engine.operation("q")
    two = engine.bulkhead("two", max_concurrent=2)

    @query
    @two
    def down(n: int) -> int:
        return n if n == 0 else down(n - 1)

    assert down(1) == 0
    with pytest.raises(BulkheadFull):
        down(2)
    assert counts(query) == (2, 3, 0)
    assert two.enter() and is_free(two)


def test_only_functions_are_decorated(query: Operation) -> None:
    with pytest.raises(TypeError, match="a function is decorated, not int"):
        query(1)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        query(len, 2)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        Guarded(len, 1, None, None, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Guarded(len, query.engine.counter("c"), None, None, 1)
    assert query(len)([1, 2]) == 2


def test_a_closed_engine_stops_decorated_calls(engine: Engine, query: Operation) -> None:
    ran: list[int] = []
    closing: Callable[[], None] = query(lambda: engine.close())
    decorated: Callable[[], None] = query(lambda: ran.append(1))
    closing()
    with pytest.raises(ClosedError):
        decorated()
    with pytest.raises(ClosedError):
        query.time()
    assert ran == []


def test_coroutines(query: Operation, one: Bulkhead) -> None:
    @query
    @one
    async def work(fail: bool) -> str:
        """Doc."""
        await asyncio.sleep(0)
        assert not is_free(one)
        if fail:
            raise ValueError("mine")
        return "done"

    assert inspect.iscoroutinefunction(work)
    assert work.__doc__ == "Doc."

    async def main() -> None:
        assert await work(False) == "done"
        with pytest.raises(ValueError, match="mine"):
            await work(True)
        first, second = await asyncio.gather(work(False), work(False), return_exceptions=True)
        assert first == "done"
        assert isinstance(second, BulkheadFull)

    asyncio.run(main())
    assert is_free(one)
    assert counts(query) == (2, 2, 0)
    assert errors(query) == {"ValueError": 1, "BulkheadFull": 1}


def test_a_coroutine_that_is_never_awaited_takes_nothing(one: Bulkhead) -> None:
    @one
    async def work() -> None: ...

    coroutine = work()
    assert is_free(one)
    coroutine.close()
    assert is_free(one)


def test_a_cancelled_task_gives_its_permit_back(query: Operation, one: Bulkhead) -> None:
    @query
    @one
    async def forever() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        assert not is_free(one)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert is_free(one)
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(forever(), 0.001)
        assert is_free(one)

    asyncio.run(main())
    assert counts(query) == (0, 0, 2)


def test_generators(query: Operation, one: Bulkhead) -> None:
    @query
    @one
    def numbers(n: int) -> Iterator[int]:
        for i in range(n):
            got = yield i
            if got == "fail":
                raise ValueError

    assert list(numbers(3)) == [0, 1, 2]
    running = numbers(3)
    assert is_free(one)
    next(running)
    assert not is_free(one)
    running.close()  # type: ignore[attr-defined]
    assert is_free(one)
    running = numbers(3)
    next(running)
    with pytest.raises(ValueError):
        running.send("fail")  # type: ignore[attr-defined]
    del running
    gc.collect()
    assert is_free(one)
    assert counts(query) == (1, 1, 1)


def test_asynchronous_generators(query: Operation, one: Bulkhead) -> None:
    seen: list[object] = []

    @query
    @one
    async def numbers(n: int) -> AsyncIterator[int]:
        try:
            for i in range(n):
                try:
                    seen.append((yield i))
                except KeyError:
                    seen.append("thrown")
            if n == 99:
                raise ValueError
        finally:
            seen.append("closed")

    assert inspect.isasyncgenfunction(numbers)

    async def main() -> None:
        assert [i async for i in numbers(2)] == [0, 1]
        assert seen == [None, None, "closed"]
        seen.clear()
        running: Any = numbers(5)
        assert await running.asend(None) == 0
        assert await running.asend("sent") == 1
        assert await running.athrow(KeyError()) == 2
        assert not is_free(one)
        await running.aclose()
        assert seen == ["sent", "thrown", "closed"]
        assert is_free(one)
        with pytest.raises(ValueError):
            async for _ in numbers(99):
                pass
        assert is_free(one)

    asyncio.run(main())
    assert counts(query) == (1, 1, 1)


class Busy(Exception):
    """What a server says that wants to be left alone for a while."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the asynchronous retries slept."""
    sleeps: list[float] = []

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)

    monkeypatch.setattr("tidegate.decorate.asyncio.sleep", sleep)
    return sleeps


def failing(times: int, error: BaseException) -> Callable[..., int]:
    calls = iter(range(1000))

    def work(*args: object) -> int:
        call = next(calls)
        if call < times:
            raise error
        return call + 1

    return work


def retry_of(engine: Engine, **fields: Any) -> Retry:
    return engine.retry("r", jitter="none", base_seconds=0.001, **fields)


def test_a_call_is_tried_again(engine: Engine) -> None:
    retry = retry_of(engine, max_attempts=3)
    assert retry(failing(0, ValueError()))() == 1
    assert retry(failing(2, ValueError()))() == 3
    error = ValueError("mine")
    with pytest.raises(ValueError) as caught:
        retry(failing(3, error))()
    assert caught.value is error


def test_not_everything_is_tried_again(engine: Engine) -> None:
    retry = retry_of(engine, max_attempts=3)
    with pytest.raises(KeyboardInterrupt):
        retry(failing(1, KeyboardInterrupt()))()
    with pytest.raises(KeyError):
        retry(ignore=KeyError)(failing(1, KeyError()))()
    assert retry(ignore=KeyError)(failing(1, ValueError()))() == 2


def test_the_wait_that_was_asked_for_is_kept(engine: Engine, slept: list[float]) -> None:
    retry = retry_of(engine, max_attempts=4)
    work = failing(2, Busy(1.5))

    @retry
    async def call() -> int:
        return work()

    assert asyncio.run(call()) == 3
    assert slept == [1.5, 1.5]
    assert retry.next(2, server_retry_after=0.25) == 0.25
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="server_retry_after is a number of seconds"):
            retry.next(2, server_retry_after=wrong)


def test_coroutines_are_tried_again(engine: Engine, slept: list[float]) -> None:
    retry = retry_of(engine, max_attempts=3)
    work = failing(100, ValueError("mine"))

    @retry
    async def call() -> int:
        return work()

    with pytest.raises(ValueError, match="mine"):
        asyncio.run(call())
    assert slept == [0.001, 0.002]
    with pytest.raises(ValueError, match="mine"):
        asyncio.run(retry(ignore=ValueError)(call)())


def test_generators_cannot_be_tried_again(engine: Engine) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="cannot be tried again"):
        retry_of(engine)(numbers)


def test_a_budget_is_shared_and_ends_the_tries(engine: Engine) -> None:
    retry = retry_of(engine, max_attempts=10, budget_ratio=0.01, budget_minimum=3)
    work = failing(100, ValueError())
    with pytest.raises(ValueError):
        retry(work)()
    with pytest.raises(ValueError):
        retry(work)()
    # Two first attempts and three retries were all.
    assert work.__closure__ is not None
    assert next(work.__closure__[0].cell_contents) == 5


def test_impossible_guards_name_the_field(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="max_concurrent"):
        engine.bulkhead("b", max_concurrent=0)
    with pytest.raises(ConfigError, match="multiplier"):
        engine.retry("r", multiplier=-1)
    with pytest.raises(ValueError):
        engine.retry("r2", {}).next(0)


def test_a_fork_inside_a_call_leaves_the_call_to_the_parent(
    one: Bulkhead, query: Operation
) -> None:
    @query
    @one
    def work() -> int:
        with query.time():
            return os.fork()

    read, write = os.pipe()
    pid = work()
    if pid == 0:
        # The parent has left as soon as it says so.
        os.read(read, 1)
        os._exit(0 if is_free(one) else 1)
    os.write(write, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(read)
    os.close(write)
    assert counts(query) == (2, 0, 0)
    assert is_free(one)


def test_a_child_forked_inside_a_block_holds_nothing(one: Bulkhead) -> None:
    pid = -1
    with one.enter():
        pid = os.fork()
        if pid != 0:
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            assert not is_free(one), "the child gave the parent's permit back"
    if pid == 0:
        os._exit(0 if not is_free(one) else 1)
    assert is_free(one)


def test_permits_of_killed_workers_come_back(one: Bulkhead) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        permit = one.enter()
        os.write(write, b"x" if permit else b"-")
        while True:
            pass
    assert os.read(read, 1) == b"x"
    assert not is_free(one)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    assert is_free(one)


def test_a_bulkhead_for_each_key(engine: Engine) -> None:
    users = engine.bulkhead("users", max_concurrent=1, keyed=True)

    @users(key=lambda user: ("user", user))
    def work(user: str) -> bool:
        return bool(users.enter("user", user))

    with users.enter("user", "ann"):
        assert not users.enter("user", "ann")
        assert work("bob") is False
        with pytest.raises(BulkheadFull):
            work("ann")
    assert users.enter("user", "ann")
    reading = engine.bulkhead("one", max_concurrent=3).read()
    assert (reading["limit"], reading["in_use"], reading["returned_from_dead"]) == (3, 0, 0)


def test_snapshots_of_a_part(engine: Engine) -> None:
    engine.counter("http.hits").inc()
    engine.counter("other").inc()
    snapshot = engine.snapshot()
    assert "other" not in snapshot.prometheus(names=["http.*"])
    assert [c["name"] for c in snapshot.to_dict(names=["oth*"])["counters"]] == ["other"]
    assert snapshot.openmetrics().endswith("# EOF\n")
    with pytest.raises(ConfigError, match="nmes"):
        snapshot.json(nmes=[])


def test_a_chain_names_what_refused(engine: Engine) -> None:
    room = engine.bulkhead("db", max_concurrent=1)
    engine.limiter("api", preset="auth", keyed=True)
    breaker = engine.breaker("payments", consecutive_failures=2)
    chain = engine.guard("orders", limiter="api", breaker="payments", bulkhead="db")

    @chain(key=lambda user, fails=False: ("user", user), ignore=KeyError)
    def order(user: str, fails: bool = False) -> str:
        assert not room.enter()
        if fails:
            raise OSError
        return user

    assert order("ann") == "ann"
    with room.enter(), pytest.raises(BulkheadFull):
        order("ann")
    for _ in range(4):
        assert order("ann")
    with pytest.raises(LimitExceeded):
        order("ann")
    permit = chain.acquire("user", "ann", cost=1)
    assert not permit and permit.refused_by == "limiter" and permit.retry_after > 0
    for _ in range(2):
        with pytest.raises(OSError):
            order("bob", fails=True)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen):
        order("bob")
    assert is_free(room)


def test_a_coroutine_under_a_chain(engine: Engine) -> None:
    engine.limiter("api", preset="auth", keyed=True)
    chain = engine.guard("orders", limiter="api")

    @chain(key=lambda user: user, cost=5)
    async def order(user: str) -> str:
        return user

    assert asyncio.run(order("ann")) == "ann"
    with pytest.raises(LimitExceeded):
        asyncio.run(order("ann"))
