"""Middleware for WSGI applications: Flask, Django, Pyramid, Bottle and others.

    from tidegate import Engine
    from tidegate.wsgi import TidegateMiddleware

    engine = Engine.from_file("guards.json")        # before gunicorn forks, or with a region path
    app.wsgi_app = TidegateMiddleware(app.wsgi_app, engine, limiter=engine.limiter("api"))

See :class:`tidegate.web.Web` for what it takes. Requests are measured and limited, ``/metrics`` and
``/health`` answered; a handler that a guard refuses becomes 429 or 503. WSGI has no word for an
application that has started: call ``engine.startup_done()``, and ``/health/startup`` says 200.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from time import perf_counter
from typing import Any

from .engine import Engine
from .errors import Denied
from .web import Answer, Web, refused, route_of_django

__all__ = ["TidegateMiddleware"]

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]


class TidegateMiddleware:
    """Measures, limits and answers for a WSGI application."""

    def __init__(self, app: App, engine: Engine, **settings: Any) -> None:
        self.app = app
        self.web = Web(engine, **settings)

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        web = self.web
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "") or "/"
        answer = web.own(method, path, environ.get("HTTP_ACCEPT", ""))
        if answer is not None:
            return give(answer, method, start_response)
        request = Request(web, environ, method)
        try:
            decision = web.check(path, environ, environ.get("REMOTE_ADDR", ""))
            if decision is not None:
                if not decision:
                    request.status = 429
                    return request.body(give(web.too_many(decision), method, start_response))
                request.fields = web.headers(decision)
            return request.body(self.app(environ, request.starting(start_response)))
        except Denied as denied:
            if request.started:
                request.end()
                raise
            own = refused(denied)
            request.status = own.status
            return request.body(give(own, method, start_response))
        except BaseException:
            request.end()
            raise


class Request:
    """One request, until its body was sent or given up."""

    def __init__(self, web: Web, environ: Environ, method: str) -> None:
        self.web = web
        self.environ = environ
        self.method = method
        self.status = 500
        self.started = False
        self.ended = False
        self.route = ""
        self.fields: list[tuple[str, str]] = []
        self.begun = perf_counter()
        web.active.inc()

    def starting(self, start_response: Start) -> Start:
        """`start_response` that sees the status."""

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            self.status = int(status[:3])
            self.started = True
            # Now, while the framework still knows its request.
            self.route = route_of(self.environ)
            return start_response(status, [*headers, *self.fields], *more)

        return start

    def end(self) -> None:
        """Records it, once."""
        if not self.ended:
            self.ended = True
            self.web.active.dec()
            seconds = perf_counter() - self.begun
            self.web.duration(self.method, self.route, self.status).record(seconds)

    def body(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """The body, which ends the request when it is closed."""
        return Body(self, chunks)


class Body:
    """An iterable of chunks with the close() that servers call."""

    def __init__(self, request: Request, chunks: Iterable[bytes]) -> None:
        self.request = request
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        """Closes the application's body, and ends the request."""
        try:
            close = getattr(self.chunks, "close", None)
            if close is not None:
                close()
        finally:
            self.request.end()


def route_of(environ: Environ) -> str:
    """The template that the path matched, as Flask or Django tell, or nothing."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    if rule is not None:
        return str(rule.rule)
    return route_of_django(environ.get("PATH_INFO", ""))


def give(answer: Answer, method: str, start_response: Start) -> list[bytes]:
    """Sends an answer of our own."""
    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    fields = [*answer.headers, ("content-length", str(len(answer.body)))]
    start_response(status, fields)
    return [] if method == "HEAD" else [answer.body]
