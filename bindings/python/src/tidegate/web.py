"""What the ASGI and the WSGI middleware have in common: what they count, and what they answer.

Metrics are named as OpenTelemetry's semantic conventions have them:
``http.server.request.duration`` by method, route template and status, and
``http.server.active_requests``. A path is never a label, only the template that it matched, so that
nobody can make series by asking for paths.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ._native import Decision, Gauge, Histogram, Limiter
from .engine import Engine, KeyPart, Probe
from .errors import ArgumentError, Denied, LimitExceeded

__all__ = ["Answer", "Web"]

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
)
PROBES: dict[str, Probe] = {
    "": "readiness",
    "/live": "liveness",
    "/ready": "readiness",
    "/startup": "startup",
}
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

#: A registry of prometheus_client, or anything else that gives Prometheus text.
Registry = Any
#: Where no limit applies: a path, a path that ends in ``*``, or a function of the request.
Exemption = str | Callable[[Any], bool]


class Answer(NamedTuple):
    """A response that the middleware gives itself."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def _has_no_keys(limiter: Limiter | None) -> bool:
    if limiter is None:
        return True
    try:
        limiter.peek()
    except ArgumentError:
        return False
    return True


class Web:
    """One application's HTTP: what is measured, limited and answered.

    ``limiter`` and ``key`` limit requests: ``key`` is called with the scope or environ and gives a
    part of a key, a tuple of parts, or None for a request that is not limited. Without ``key`` a
    keyed limiter limits by the address of the client, and one without keys all requests together. ``exempt`` names what is never limited.
    ``metrics_path`` and ``health_path`` are answered here; None leaves them to the application.
    ``registries`` are registries of prometheus_client whose metrics are shown beside ours.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        limiter: Limiter | None = None,
        key: Callable[[Any], KeyPart | tuple[KeyPart, ...] | None] | None = None,
        exempt: Iterable[Exemption] = (),
        metrics_path: str | None = "/metrics",
        health_path: str | None = "/health",
        registries: Sequence[Registry] = (),
    ) -> None:
        self.engine = engine
        self.limiter = limiter
        self.key = (lambda request: ()) if key is None and _has_no_keys(limiter) else key
        exemptions = list(exempt)
        self.exempt_paths = {path for path in exemptions if isinstance(path, str)}
        self.exempt_prefixes = tuple(
            path[:-1] for path in self.exempt_paths if path.endswith("*")
        )
        self.exempt_when = [test for test in exemptions if not isinstance(test, str)]
        self.metrics_path = metrics_path
        self.probes: dict[str, Probe] = (
            {} if health_path is None else {health_path + end: of for end, of in PROBES.items()}
        )
        self.registries = registries
        self.active: Gauge = engine.gauge(
            "http.server.active_requests",
            help="Requests that are being answered.",
            # What a killed worker was answering goes away with it.
            workers="sum",
        )
        self.durations: dict[tuple[str, str, int], Histogram] = {}

    def duration(self, method: str, route: str, status: int) -> Histogram:
        """Where requests of this kind are recorded."""
        which = (method, route, status)
        found = self.durations.get(which)
        if found is None:
            labels = {
                "http_request_method": method if method in METHODS else "_OTHER",
                "http_response_status_code": str(status),
            }
            if route:
                labels["http_route"] = route
            found = self.engine.histogram(
                "http.server.request.duration",
                labels=labels,
                unit="seconds",
                help="How long requests took.",
            )
            # Methods and routes that nobody declared must not fill this process either.
            if len(self.durations) < 10_000:
                self.durations[which] = found
        return found

    def own(self, method: str, path: str, accept: str = "") -> Answer | None:
        """The answer to what is asked of us and not of the application."""
        if path != self.metrics_path and path not in self.probes:
            return None
        if method not in ("GET", "HEAD"):
            body = b"GET it\n"
            return Answer(405, [("allow", "GET, HEAD"), ("content-type", "text/plain")], body)
        if path == self.metrics_path:
            return self.metrics("application/openmetrics-text" in accept)
        return self.health(self.probes[path])

    def metrics(self, openmetrics: bool = False) -> Answer:
        """Prometheus text of the region, and of the registries. OpenMetrics for who asks for it,
        unless there are registries, whose text would not fit behind its end mark."""
        if openmetrics and not self.registries:
            text = self.engine.snapshot().openmetrics().encode()
            return Answer(200, [("content-type", OPENMETRICS)], text)
        text = self.engine.snapshot().prometheus().encode()
        for registry in self.registries:
            from prometheus_client import generate_latest

            text += generate_latest(registry)
        return Answer(200, [("content-type", PROMETHEUS)], text)

    def health(self, probe: Probe) -> Answer:
        """What a probe says; for readiness with the checks."""
        found = self.engine.health(probe)
        if probe == "readiness":
            text, kind = self.engine.snapshot().health_json(), "application/health+json"
        else:
            words = {"healthy": "pass", "degraded": "warn"}
            text = json.dumps({"status": words.get(found.status, "fail")})
            kind = "application/health+json"
        headers = [("content-type", kind), ("cache-control", "no-store")]
        return Answer(found.http_status, headers, text.encode())

    def is_exempt(self, path: str, request: Any) -> bool:
        """Whether no limit applies."""
        return (
            path in self.exempt_paths
            or (bool(self.exempt_prefixes) and path.startswith(self.exempt_prefixes))
            or any(test(request) for test in self.exempt_when)
        )

    def check(self, path: str, request: Any, client: str) -> Decision | None:
        """What the limiter says, or None where it is not asked."""
        if self.limiter is None or self.is_exempt(path, request):
            return None
        if self.key is None:
            return self.limiter.check(client)
        parts = self.key(request)
        if parts is None:
            return None
        return self.limiter.check(*parts) if isinstance(parts, tuple) else self.limiter.check(parts)

    def headers(self, decision: Decision) -> list[tuple[str, str]]:
        """The RateLimit fields of a decision, and Retry-After."""
        return [(name.lower(), value) for name, value in decision.headers()]

    def too_many(self, decision: Decision) -> Answer:
        """The answer to a request beyond the limit."""
        fields = [("content-type", "application/problem+json"), *self.headers(decision)]
        return Answer(429, fields, decision.problem().encode())


def problem(
    status: int, title: str, detail: str, headers: Iterable[tuple[str, str]] = ()
) -> Answer:
    """A body of application/problem+json."""
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return Answer(
        status, [("content-type", "application/problem+json"), *headers], body.encode()
    )


def refused(denied: Denied) -> Answer:
    """The answer to a request whose handler a guard refused."""
    headers = []
    if denied.retry_after > 0.0:
        headers.append(("retry-after", str(max(1, math.ceil(denied.retry_after)))))
    if isinstance(denied, LimitExceeded):
        return problem(429, "Too Many Requests", str(denied), headers)
    return problem(503, "Service Unavailable", str(denied), headers)


def route_of_django(path: str) -> str:
    """The template that Django matches the path with; nothing if there is none, or no Django."""
    urls = sys.modules.get("django.urls")
    if urls is None:
        return ""
    try:
        return "/" + str(urls.resolve(path).route)
    except Exception:
        return ""
