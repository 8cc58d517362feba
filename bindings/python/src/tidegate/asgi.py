"""Middleware for ASGI applications: FastAPI, Starlette, Django, Quart and others.

    from tidegate import Engine
    from tidegate.asgi import TidegateMiddleware

    engine = Engine({"region": {"path": "/dev/shm/shop"}, "limiters": {"api": {...}}})
    app.add_middleware(TidegateMiddleware, engine=engine, limiter=engine.limiter("api"))

See :class:`tidegate.web.Web` for what it takes. Requests are measured and limited, ``/metrics`` and
``/health`` answered; a handler that a guard refuses becomes 429 or 503. When the application's
lifespan has started, so has the process: ``/health/startup`` says 200 from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from .engine import Engine
from .errors import Denied
from .web import Answer, Web, refused, route_of_django

__all__ = ["TidegateMiddleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class TidegateMiddleware:
    """Measures, limits and answers for an ASGI application."""

    def __init__(self, app: App, engine: Engine, **settings: Any) -> None:
        self.app = app
        self.web = Web(engine, **settings)
        self.routes: dict[Any, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            is_lifespan = scope["type"] == "lifespan"
            await self.app(scope, receive, self.started(send) if is_lifespan else send)
            return
        web = self.web
        method, path = scope["method"], scope["path"]
        if path == web.metrics_path or path in web.probes:
            # Rendering releases the interpreter's lock: the loop goes on meanwhile.
            accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(None, web.own, method, path, accept)
            assert answer is not None
            await give(answer, method, send)
            return
        begun = perf_counter()
        web.active.inc()
        status = 500
        started = False
        fields: list[tuple[bytes, bytes]] = []

        async def watch(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                if fields:
                    message["headers"] = [*message.get("headers", ()), *fields]
            await send(message)

        try:
            client = (scope.get("client") or ("",))[0]
            decision = web.check(path, scope, client)
            if decision is not None:
                if not decision:
                    await give(web.too_many(decision), method, watch)
                    return
                fields = encoded(web.headers(decision))
            try:
                await self.app(scope, receive, watch)
            except Denied as denied:
                if started:
                    raise
                await give(refused(denied), method, watch)
        except asyncio.CancelledError:
            # The client went away; no status was sent that says so.
            if not started:
                status = 499
            raise
        finally:
            web.active.dec()
            web.duration(method, self.route(scope), status).record(perf_counter() - begun)

    def started(self, send: Send) -> Send:
        """`send` of an application's lifespan: once it has started, so has this process."""

        async def watch(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self.web.engine.startup_done()
            await send(message)

        return watch

    def route(self, scope: Scope) -> str:
        """The template that the path matched, or nothing."""
        path = getattr(scope.get("route"), "path", None)
        if path is None and (endpoint := scope.get("endpoint")) is not None:
            path = self.routes.get(endpoint)
            if path is None:
                router = scope.get("router") or scope.get("app")
                path = template(getattr(router, "routes", ()), endpoint) or ""
                self.routes[endpoint] = path
        if path is None and "app" not in scope:
            # Django says nothing in the scope, and Starlette's kind says who the app is.
            inside: str = scope["path"].removeprefix(scope.get("root_path", ""))
            return route_of_django(inside)
        return path or ""


def template(routes: Any, endpoint: Any) -> str | None:
    """The path of the route that leads to an endpoint, through mounts."""
    for route in routes:
        path: str = getattr(route, "path", "")
        if getattr(route, "endpoint", None) is endpoint:
            return path
        below = template(getattr(route, "routes", None) or (), endpoint)
        if below is not None:
            return path + below
    return None


def encoded(fields: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Header fields as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


async def give(answer: Answer, method: str, send: Send) -> None:
    """Sends an answer of our own."""
    fields = [*answer.headers, ("content-length", str(len(answer.body)))]
    start = {"type": "http.response.start", "status": answer.status, "headers": encoded(fields)}
    await send(start)
    body = b"" if method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
