"""Django under both middlewares: routes as labels, limits, answers of our own."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest
from test_asgi import series
from tidegate import Engine

django = pytest.importorskip("django")
werkzeug = pytest.importorskip("werkzeug.test")


@pytest.fixture(scope="module", autouse=True)
def project() -> None:
    """A project in one module; Django has one configuration for each process."""
    from django.conf import settings
    from django.http import HttpResponse, JsonResponse
    from django.urls import include, path

    def item(request: Any, number: int) -> Any:
        if number == 0:
            raise RuntimeError("mine")
        return JsonResponse({"number": number})

    async def slow(request: Any) -> Any:
        await asyncio.sleep(0)
        return HttpResponse(b"slow")

    urls: Any = ModuleType("shop_urls")
    urls.urlpatterns = [
        path("items/<int:number>", item),
        path("api/", include([path("items/<int:number>", item)])),
        path("slow", slow),
    ]
    sys.modules["shop_urls"] = urls
    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF="shop_urls", SECRET_KEY="x", LOGGING_CONFIG=None
    )
    django.setup()


def test_under_wsgi(engine: Engine) -> None:
    from django.core.wsgi import get_wsgi_application
    from tidegate.wsgi import TidegateMiddleware

    limiter = engine.limiter("api", algorithm="token_bucket", rate_per_second=1, burst=4)
    application: Any = get_wsgi_application()
    client = werkzeug.Client(TidegateMiddleware(application, engine, limiter=limiter))
    paths = ("/items/1", "/api/items/2", "/items/0", "/none", "/items/3")
    answers = [client.get(path, buffered=True) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 200, 500, 404, 429]
    assert answers[0].headers["ratelimit"].startswith('"api"')
    assert answers[4].headers["retry-after"] == "1"
    assert answers[4].content_type == "application/problem+json"
    found = series(engine)
    assert found["GET", "/items/<int:number>", "200"] == 1
    assert found["GET", "/api/items/<int:number>", "200"] == 1
    assert found["GET", "/items/<int:number>", "500"] == 1
    assert found["GET", "", "404"] == 1
    assert b"http_server_request_duration_seconds_count" in client.get("/metrics").data
    assert client.get("/health").status_code == 200


def test_clients_have_limits_of_their_own(engine: Engine) -> None:
    from django.core.wsgi import get_wsgi_application
    from tidegate.wsgi import TidegateMiddleware

    limiter = engine.limiter("one", limit=1, window_seconds=60, algorithm="sliding_window",
                             keyed=True)
    application: Any = get_wsgi_application()
    client = werkzeug.Client(TidegateMiddleware(application, engine, limiter=limiter))
    statuses = [
        client.get("/items/1", environ_base={"REMOTE_ADDR": address}).status_code
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")
    ]
    assert statuses == [200, 429, 200]


def test_under_asgi(engine: Engine) -> None:
    httpx = pytest.importorskip("httpx")
    from django.core.asgi import get_asgi_application
    from tidegate.asgi import TidegateMiddleware

    application = TidegateMiddleware(get_asgi_application(), engine)

    async def main() -> list[int]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            paths = ("/slow", "/items/7", "/none")
            return [(await client.get(path)).status_code for path in paths]

    assert asyncio.run(main()) == [200, 200, 404]
    assert series(engine) == {
        ("GET", "/slow", "200"): 1,
        ("GET", "/items/<int:number>", "200"): 1,
        ("GET", "", "404"): 1,
    }
