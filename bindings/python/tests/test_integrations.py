"""Clients, databases, prometheus_client and logging."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from tidegate import CircuitOpen, Engine, LimitExceeded, Outcome, RangeError
from tidegate.databases import watch, wrap
from tidegate.logging import EventLog
from tidegate.outgoing import seconds_asked


class Server:
    """What a transport of httpx answers, in order; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, request: Any) -> Any:
        httpx = pytest.importorskip("httpx")
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        return httpx.Response(status, headers=headers, request=request)


@pytest.fixture
def guards(engine: Engine) -> dict[str, Any]:
    return {
        "guards": (
            engine.bulkhead("room", max_concurrent=1),
            engine.breaker("search", consecutive_failures=3, open_seconds=10),
        ),
        "operation": engine.operation("search.call"),
        "retry": engine.retry("search", max_attempts=3, base_seconds=0.001, jitter="none"),
    }


def client(server: Callable[[Any], Any], guards: dict[str, Any]) -> Any:
    httpx = pytest.importorskip("httpx")
    from tidegate.httpx import GuardedTransport

    return httpx.Client(transport=GuardedTransport(httpx.MockTransport(server), **guards))


def test_a_client_tries_again_and_records_each(engine: Engine, guards: dict[str, Any]) -> None:
    server = Server(503, (429, {"retry-after": "0"}), 200)
    with client(server, guards) as http:
        assert http.get("http://test/").status_code == 200
    assert server.asked == 3
    reading = guards["operation"].read()
    assert (reading["count"], reading["failures"]) == (3, 1)


def test_a_client_gives_up_and_opens_the_circuit(engine: Engine, guards: dict[str, Any]) -> None:
    httpx = pytest.importorskip("httpx")
    server = Server(httpx.ConnectError("refused"))
    with client(server, guards) as http:
        with pytest.raises(httpx.ConnectError):
            http.get("http://test/")
        assert server.asked == 3
        with pytest.raises(CircuitOpen):
            http.get("http://test/")
    assert server.asked == 3
    assert guards["guards"][0].read()["in_use"] == 0


def test_a_post_is_sent_once(guards: dict[str, Any]) -> None:
    server = Server(503)
    with client(server, guards) as http:
        assert http.post("http://test/").status_code == 503
    assert server.asked == 1


def test_an_asynchronous_client_does_the_same(guards: dict[str, Any]) -> None:
    httpx = pytest.importorskip("httpx")
    from tidegate.httpx import AsyncGuardedTransport

    server = Server(503, httpx.ReadTimeout("slow"), 200)

    async def main() -> int:
        transport = AsyncGuardedTransport(httpx.MockTransport(server), **guards)
        async with httpx.AsyncClient(transport=transport) as http:
            return int((await http.get("http://test/")).status_code)

    assert asyncio.run(main()) == 200
    assert server.asked == 3
    assert guards["guards"][0].read()["in_use"] == 0


def test_a_session_of_requests_does_the_same(
    monkeypatch: pytest.MonkeyPatch, guards: dict[str, Any]
) -> None:
    requests = pytest.importorskip("requests")
    from tidegate.requests import GuardedAdapter

    answers: list[Any] = [requests.ConnectionError("refused"), 503, 200]

    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        response = requests.Response()
        response.status_code = answer
        response.request, response.url = request, request.url
        response._content, response.raw = b"", io.BytesIO()
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with requests.Session() as session:
        session.mount("http://", GuardedAdapter(**guards))
        assert session.get("http://test/").status_code == 200
    assert answers == []
    reading = guards["operation"].read()
    assert (reading["count"], reading["failures"]) == (3, 2)


def test_a_limiter_and_a_late_permit_take_no_report(engine: Engine) -> None:
    calls_limit = engine.limiter("calls", algorithm="token_bucket", rate_per_second=1, burst=9)
    breaker = engine.breaker("search", consecutive_failures=1, open_seconds=10)
    with client(Server(500), {"guards": (calls_limit, breaker)}) as http:
        assert http.get("http://test/").status_code == 500
    assert breaker.state == "open"

    def slow(request: Any) -> Any:
        engine.close()
        return pytest.importorskip("httpx").Response(500)

    with client(slow, {"guards": (engine.bulkhead("room", max_concurrent=1),)}) as http:
        assert http.get("http://test/").status_code == 500


def test_a_guard_that_refuses_is_no_failure_of_the_server(engine: Engine) -> None:
    from tidegate.outgoing import Calls

    breaker = engine.breaker("search", consecutive_failures=1, open_seconds=10)
    limiter = engine.limiter("calls", algorithm="token_bucket", rate_per_second=1, burst=1)
    operation = engine.operation("search")
    calls = Calls((breaker, limiter), operation)
    limiter.check()
    with pytest.raises(LimitExceeded):
        calls.begin("GET").enter()
    assert breaker.state == "closed"
    assert operation.read()["failures"] == 1


def test_a_body_that_can_be_read_once_is_sent_once(guards: dict[str, Any]) -> None:
    httpx = pytest.importorskip("httpx")
    guards["guards"] = ()
    once = Server(503, 503, 200)
    with client(once, guards) as http:
        assert http.put("http://test/", content=iter([b"a", b"b"])).status_code == 503
    assert once.asked == 1
    again = Server(httpx.ReadTimeout("slow"), 503, 200)
    with client(again, guards) as http:
        assert http.put("http://test/", content=b"ab").status_code == 200
    assert again.asked == 3


def test_a_session_sends_a_body_again_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch, guards: dict[str, Any]
) -> None:
    requests = pytest.importorskip("requests")
    from tidegate.requests import GuardedAdapter

    seen: list[bytes] = []

    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        body = request.body
        seen.append(b"".join(body) if not hasattr(body, "read") else body.read())
        response = requests.Response()
        response.status_code = 503 if len(seen) % 3 else 200
        response.request, response.url = request, request.url
        response._content, response.raw = b"", io.BytesIO()
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with requests.Session() as session:
        adapter = GuardedAdapter(**{**guards, "guards": ()}, failed=lambda status: False)
        session.mount("http://", adapter)
        assert session.put("http://test/", data=io.BytesIO(b"whole")).status_code == 200
        assert seen == [b"whole"] * 3
        assert session.put("http://test/", data=iter([b"o", b"nce"])).status_code == 503
        assert seen[3:] == [b"once"]
        assert guards["operation"].read()["failures"] == 0
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(session)


@pytest.mark.parametrize(
    ("field", "seconds"),
    [(None, 0.0), ("", 0.0), ("2", 2.0), ("-1", 0.0), ("soon", 0.0), ("1e99", 1e9),
     ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0)],
)
def test_what_retry_after_says(field: str | None, seconds: float) -> None:
    assert seconds_asked(field) == seconds


def test_queries_of_sqlalchemy_are_recorded(engine: Engine) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    operation = engine.operation("db.query")
    database = sqlalchemy.create_engine("sqlite://")
    watch(database, operation)
    with database.connect() as connection:
        assert connection.execute(sqlalchemy.text("select 1 + 1")).scalar() == 2
        with pytest.raises(sqlalchemy.exc.OperationalError):
            connection.execute(sqlalchemy.text("select * from nowhere"))
        assert connection.execute(sqlalchemy.text("select 3")).scalar() == 3
    database.dispose()
    reading = operation.read()
    assert (reading["count"], reading["failures"]) == (3, 1)


def test_queries_of_a_driver_are_recorded(engine: Engine) -> None:
    operation = engine.operation("db.query")
    connection = wrap(sqlite3.connect, operation)(":memory:")
    with connection:
        connection.execute("create table t (a)")
        with connection.cursor() as cursor:
            cursor.executemany("insert into t values (?)", [(1,), (2,)])
            assert list(cursor.execute("select a from t")) == [(1,), (2,)]
            assert cursor.execute("select count(*) from t").fetchone() == (2,)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("select * from nowhere")
    connection.close()
    reading = operation.read()
    assert (reading["count"], reading["failures"]) == (5, 1)


def test_a_wrapped_driver_is_otherwise_itself(engine: Engine) -> None:
    operation = engine.operation("db.query")
    connection = wrap(sqlite3.connect, operation)(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript("create table t (a, b); create table u (a);")
    connection.executemany("insert into t values (?, ?)", [(1, 2), (3, 4)])
    cursor = connection.execute("select a, b from t order by a")
    assert next(cursor)["b"] == 2
    cursor.arraysize = 7
    assert cursor.arraysize == 7
    assert [row["a"] for row in cursor] == [3]
    cursor.executescript("drop table u;")
    assert operation.read()["count"] == 4
    connection.isolation_level = None
    assert connection._inner.isolation_level is None
    connection.rollback()
    assert not hasattr(connection, "callproc")
    assert not hasattr(cursor, "callproc")
    connection.close()


def test_procedures_of_a_driver_are_recorded(engine: Engine) -> None:
    class Driver:
        def cursor(self) -> Driver:
            return self

        def callproc(self, name: str, arguments: tuple[int, ...]) -> tuple[int, ...]:
            if name != "double":
                raise LookupError(name)
            return tuple(2 * number for number in arguments)

    operation = engine.operation("db.call")
    connection = wrap(Driver, operation)()
    assert connection.cursor().callproc("double", (2,)) == (4,)
    with pytest.raises(LookupError):
        connection.cursor().callproc("half", (2,))
    # Nor does it invent what the driver does not have.
    assert not hasattr(connection, "execute")
    assert operation.read()["failures"] == 1


def test_a_registry_of_prometheus_client_shows_ours(engine: Engine) -> None:
    prometheus = pytest.importorskip("prometheus_client")
    from tidegate.prometheus import TidegateCollector

    registry = prometheus.CollectorRegistry()
    registry.register(TidegateCollector(engine, names=["hits", "waits"]))
    engine.counter("hits", labels={"a": 'x"\n'}, help="Hits.").inc(2)
    engine.histogram("waits", unit="seconds").record(0.5)
    assert registry.get_sample_value("hits_total", {"a": 'x"\n'}) == 2.0
    assert registry.get_sample_value("waits_seconds_count") == 1.0
    text = prometheus.generate_latest(registry).decode()
    assert 'hits_total{a="x\\"\\n"} 2.0' in text


def test_events_are_logged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    breaker = engine.breaker("search", {})
    breaker.set_mode("forced_open")
    log = EventLog(engine)
    assert log.poll() == 0
    breaker.set_mode("closed")
    breaker.set_mode("open")
    with caplog.at_level(logging.INFO, "tidegate"):
        assert log.poll() == 2
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert "breaker search" in caplog.records[0].getMessage()
    assert caplog.records[1].tidegate["to"] == "open"  # type: ignore[attr-defined]
    assert log.poll() == 0


def test_a_guard_that_fails_leaves_no_permit_behind(engine: Engine) -> None:
    from tidegate.outgoing import Calls

    room = engine.bulkhead("room", max_concurrent=1)
    two = engine.limiter("two", algorithm="token_bucket", rate_per_second=1, burst=1)
    calls = Calls((room, two))
    call = calls.begin("GET")
    call.enter()
    assert call.answered(200, None) is None
    with pytest.raises(LimitExceeded, match="the limit of two"):
        calls.begin("GET").enter()
    permit = room.enter()
    assert permit
    permit.report(Outcome.SUCCESS)
    with pytest.raises(RangeError):
        two.admit(cost=2)
