"""A WSGI application for gunicorn: counts, and limits everybody together.

Without COUNTING_REGION the region is anonymous: then only `--preload` makes workers share it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from tidegate import Engine
from tidegate.wsgi import TidegateMiddleware

region = os.environ.get("COUNTING_REGION")
engine = Engine({"region": {"path": region}} if region else None)
asked = engine.counter("asked")
limiter = engine.limiter("all", algorithm="token_bucket", rate_per_second=0.01, burst=50)


def work(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    asked.inc()
    status = "200 OK" if limiter.check() else "429 Too Many Requests"
    start_response(status, [("content-type", "text/plain"), ("x-worker", str(os.getpid()))])
    return [str(asked.value()).encode()]


app = TidegateMiddleware(work, engine)
