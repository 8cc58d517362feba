"""The WSGI middleware, under Flask and bare applications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_asgi import series
from tidegate import Engine
from tidegate.wsgi import TidegateMiddleware

flask = pytest.importorskip("flask")


@pytest.fixture
def app(engine: Engine) -> Any:
    app = flask.Flask("shop")
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    two = engine.bulkhead("one", max_concurrent=1)

    @app.get("/items/<int:number>")
    def item(number: int) -> Any:
        if number == 0:
            raise RuntimeError("mine")
        return {"number": number}

    @app.get("/busy")
    def busy() -> Any:
        with two.enter(), two.enter():
            raise AssertionError("not reached")

    @app.get("/stream")
    def stream() -> Any:
        def chunks() -> Iterator[str]:
            yield "a"
            assert engine.gauge("http.server.active_requests", workers="sum").value() == 1
            yield "b"

        return flask.Response(chunks())

    return app


def test_requests_are_counted_by_rule_and_status(engine: Engine, app: Any) -> None:
    app.wsgi_app = TidegateMiddleware(app.wsgi_app, engine)
    client = app.test_client()
    statuses = [client.get(f"/items/{n}", buffered=True).status_code for n in (1, 2, 0)]
    assert statuses == [200, 200, 500]
    assert client.get("/none", buffered=True).status_code == 404
    assert client.get("/stream", buffered=True).data == b"ab"
    assert series(engine) == {
        ("GET", "/items/<int:number>", "200"): 2,
        ("GET", "/items/<int:number>", "500"): 1,
        ("GET", "/stream", "200"): 1,
        ("GET", "", "404"): 1,
    }
    assert engine.gauge("http.server.active_requests", workers="sum").value() == 0


def test_requests_are_limited(engine: Engine, app: Any) -> None:
    limiter = engine.limiter("api", algorithm="sliding_window", limit=2, window_seconds=10, keyed=True)
    app.wsgi_app = TidegateMiddleware(
        app.wsgi_app,
        engine,
        limiter=limiter,
        key=lambda environ: environ.get("HTTP_X_USER") or "nobody",
        exempt=["/stream"],
    )
    client = app.test_client()
    answers = [client.get("/items/1", headers={"x-user": "ann"}, buffered=True) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit"] == '"api";r=1;t=10'
    assert answers[2].headers["retry-after"] == "10"
    assert answers[2].json["status"] == 429
    assert client.get("/items/1", buffered=True).status_code == 200
    assert client.get("/stream", buffered=True).status_code == 200


def test_metrics_and_probes_are_answered(engine: Engine, app: Any) -> None:
    app.wsgi_app = TidegateMiddleware(app.wsgi_app, engine)
    client = app.test_client()
    assert client.get("/items/1", buffered=True).status_code == 200
    text = client.get("/metrics", buffered=True).text
    assert 'http_server_request_duration_seconds_count{' in text
    assert 'http_route="/items/<int:number>"' in text
    assert client.get("/health", buffered=True).status_code == 200
    assert client.head("/health/live").data == b""


def test_a_guard_that_refuses_a_bare_application_is_an_answer(engine: Engine) -> None:
    full = engine.bulkhead("full", max_concurrent=1)
    permit = full.enter()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        with full.enter():
            return []

    seen: list[Any] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    body = TidegateMiddleware(app, engine)(environ, lambda *a: seen.append(a))
    assert b"full" in b"".join(body)
    body.close()  # type: ignore[attr-defined]
    assert seen[0][0] == "503 Service Unavailable"
    assert series(engine) == {("GET", "", "503"): 1}
    assert permit.open
    assert engine.gauge("http.server.active_requests", workers="sum").value() == 0
