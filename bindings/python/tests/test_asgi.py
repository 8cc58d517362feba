"""The ASGI middleware, under Starlette, FastAPI and bare applications."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tidegate import Engine
from tidegate.asgi import App, TidegateMiddleware

httpx = pytest.importorskip("httpx")
applications = pytest.importorskip("starlette.applications")
responses = pytest.importorskip("starlette.responses")
routing = pytest.importorskip("starlette.routing")


def ask(app: Any, *wanted: Any) -> list[Any]:
    """Sends requests, each a path or (method, path, headers), one after the other."""

    async def main() -> list[Any]:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = []
            for one in wanted:
                method, path, headers = one if isinstance(one, tuple) else ("GET", one, {})
                answers.append(await client.request(method, path, headers=headers))
            return answers

    return asyncio.run(main())


def series(engine: Engine) -> dict[tuple[str, str, str], int]:
    """How many requests there were by method, route and status."""
    return {
        (
            entry["labels"]["http_request_method"],
            entry["labels"].get("http_route", ""),
            entry["labels"]["http_response_status_code"],
        ): entry["lifetime"]["count"]
        for entry in engine.snapshot().to_dict()["histograms"]
        if entry["name"] == "http.server.request.duration"
    }


def shop(engine: Engine, **settings: Any) -> Any:
    """A Starlette application under the middleware."""
    full = engine.bulkhead("full", max_concurrent=1)
    permit = full.enter()
    limited = engine.limiter("inner", algorithm="token_bucket", rate_per_second=0.5, burst=1)

    async def item(request: Any) -> Any:
        if request.path_params["id"] == "0":
            raise RuntimeError("mine")
        return responses.JSONResponse({"id": request.path_params["id"]})

    async def busy(request: Any) -> Any:
        with full.enter():
            raise AssertionError("not reached")

    def limit(request: Any) -> Any:
        with limited.admit():
            return responses.PlainTextResponse("one")

    app = applications.Starlette(
        routes=[
            routing.Route("/items/{id}", item),
            routing.Route("/busy", busy),
            routing.Route("/limited", limit),
            routing.Mount("/admin", routes=[routing.Route("/users/{id}", item)]),
        ]
    )
    app.state.permit = permit
    app.add_middleware(TidegateMiddleware, engine=engine, **settings)
    return app


def test_requests_are_counted_by_template_and_status(engine: Engine) -> None:
    app = shop(engine)
    answers = ask(app, "/items/1", "/items/2", "/items/0", "/nowhere/1", "/nowhere/2")
    assert [answer.status_code for answer in answers] == [200, 200, 500, 404, 404]
    ask(app, ("PURGE", "/items/1", {}), ("POST", "/items/1", {}))
    assert series(engine) == {
        ("GET", "/items/{id}", "200"): 2,
        ("GET", "/items/{id}", "500"): 1,
        ("GET", "", "404"): 2,
        ("_OTHER", "/items/{id}", "405"): 1,
        ("POST", "/items/{id}", "405"): 1,
    }
    assert engine.gauge("http.server.active_requests", workers="sum").value() == 0


def test_a_guard_that_refuses_a_handler_is_an_answer(engine: Engine) -> None:
    app = shop(engine)
    busy, one, limited = ask(app, "/busy", "/limited", "/limited")
    assert (busy.status_code, one.status_code, limited.status_code) == (503, 200, 429)
    for answer, title in ((busy, "Service Unavailable"), (limited, "Too Many Requests")):
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert (body["status"], body["title"]) == (answer.status_code, title)
    assert limited.headers["retry-after"] == "2"
    assert "the bulkhead full is full" in busy.json()["detail"]


def test_requests_are_limited_by_client_with_fields(engine: Engine) -> None:
    limiter = engine.limiter(
        "api", algorithm="sliding_window", limit=2, window_seconds=10, keyed=True
    )
    app = shop(engine, limiter=limiter, exempt=["/limited", "/admin/*"])
    first, second, third = ask(app, "/items/1", "/items/1", "/items/1")
    assert [a.status_code for a in (first, second, third)] == [200, 200, 429]
    assert first.headers["ratelimit"] == '"api";r=1;t=10'
    assert "retry-after" not in first.headers
    assert third.headers["retry-after"] == "10"
    assert third.headers["content-type"] == "application/problem+json"
    free = ask(app, "/limited", "/admin/users/ann", "/metrics", "/health")
    assert [a.status_code for a in free] == [200] * 4
    assert ("GET", "", "429") in series(engine)


def test_a_key_function_and_exemptions(engine: Engine) -> None:
    limiter = engine.limiter("api", preset="auth", keyed=True)

    def key(scope: Any) -> Any:
        headers = dict(scope["headers"])
        user = headers.get(b"x-user")
        return None if user is None else (scope["method"], user)

    app = shop(
        engine, limiter=limiter, key=key, exempt=[lambda scope: scope["path"] == "/items/9"]
    )
    ann, bob = {"x-user": "ann"}, {"x-user": "bob"}
    wanted = [("GET", "/items/1", ann)] * 6 + [("GET", "/items/1", bob)] + ["/items/1"] * 2
    answers = ask(app, *wanted, ("GET", "/items/9", ann))
    assert [a.status_code for a in answers] == [200] * 5 + [429] + [200] * 4
    assert not [limiter.check("GET", b"ann") for _ in range(1)][0]


def test_metrics_and_probes_are_answered(engine: Engine) -> None:
    app = shop(engine)
    engine.counter("orders").inc(3)
    metrics, health, live, ready, startup = ask(
        app, "/metrics", "/health", "/health/live", "/health/ready", "/health/startup"
    )
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "orders_total 3" in metrics.text
    assert health.status_code == live.status_code == ready.status_code == 200
    assert health.headers["content-type"] == "application/health+json"
    assert health.json()["status"] == "pass"
    assert startup.json()["status"] in ("pass", "fail")
    (openmetrics,) = ask(app, ("GET", "/metrics", {"accept": "application/openmetrics-text"}))
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    engine.report_health("redis", "unhealthy")
    health, live = ask(app, "/health", "/health/live")
    assert (health.status_code, live.status_code) == (503, 200)
    head, post = ask(app, ("HEAD", "/metrics", {}), ("POST", "/metrics", {}))
    assert (head.status_code, head.content) == (200, b"")
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD")


def test_paths_can_be_left_to_the_application(engine: Engine) -> None:
    app = shop(engine, metrics_path=None, health_path="/-/health")
    metrics, health, ours = ask(app, "/metrics", "/health", "/-/health/live")
    assert (metrics.status_code, health.status_code, ours.status_code) == (404, 404, 200)


def test_registries_of_prometheus_client_are_shown_too(engine: Engine) -> None:
    prometheus = pytest.importorskip("prometheus_client")
    registry = prometheus.CollectorRegistry()
    prometheus.Counter("theirs", "Help.", registry=registry).inc()
    engine.counter("ours").inc()
    (metrics,) = ask(shop(engine, registries=[registry]), "/metrics")
    assert "ours_total 1" in metrics.text
    assert "theirs_total 1.0" in metrics.text


def test_fastapi_templates_and_dependencies(engine: Engine) -> None:
    fastapi = pytest.importorskip("fastapi")
    app: Any = fastapi.FastAPI()
    app.add_middleware(TidegateMiddleware, engine=engine)
    query = engine.operation("query")
    limiter = engine.limiter("users", preset="auth", keyed=True)

    def limited(user: str) -> None:
        with limiter.admit(user):
            pass

    @app.get("/users/{user}", dependencies=[fastapi.Depends(limited)])
    @query
    async def user_of(user: str, more: int = 0) -> dict[str, object]:
        return {"user": user, "more": more}

    @app.get("/plain/{number}")
    @query
    def plain(number: int) -> int:
        return number

    answers = ask(app, *["/users/ann?more=2"] * 6, "/plain/7", "/plain/x")
    assert [a.status_code for a in answers] == [200] * 5 + [429, 200, 422]
    assert answers[0].json() == {"user": "ann", "more": 2}
    assert query.read()["count"] == 6
    assert ("GET", "/users/{user}", "429") in series(engine)


async def never(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    await asyncio.Event().wait()


def test_a_client_that_goes_away_is_recorded(engine: Engine) -> None:
    app: App = TidegateMiddleware(never, engine)

    async def main() -> None:
        async def nothing(*args: Any) -> Any:
            return {}

        scope = {"type": "http", "method": "GET", "path": "/", "client": ("::1", 1)}
        task = asyncio.ensure_future(app(scope, nothing, nothing))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert series(engine) == {("GET", "", "499"): 1}
    assert engine.gauge("http.server.active_requests", workers="sum").value() == 0


def test_other_scopes_pass(engine: Engine) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(TidegateMiddleware(app, engine)({"type": "lifespan"}, never, never))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
    assert series(engine) == {}


def test_bodies_of_problems_are_json(engine: Engine) -> None:
    limiter = engine.limiter("api", algorithm="token_bucket", rate_per_second=1e-3, burst=1)
    app = shop(engine, limiter=limiter, key=lambda scope: ())
    _, denied = ask(app, "/items/1", "/items/1")
    assert denied.status_code == 429
    assert json.loads(denied.text)["type"]


def test_an_application_that_has_started_says_so(engine: Engine) -> None:
    app = TidegateMiddleware(shop(engine), engine)

    async def lifespan() -> list[str]:
        told = iter(["lifespan.startup", "lifespan.shutdown"])
        said: list[str] = []

        async def receive() -> dict[str, Any]:
            return {"type": next(told)}

        async def send(message: Any) -> None:
            said.append(message["type"])

        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        return said

    assert ask(app, "/health/startup")[0].status_code == 503
    assert asyncio.run(lifespan()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert ask(app, "/health/startup")[0].status_code == 200
