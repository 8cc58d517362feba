"""An adapter for requests sessions, under guards.

    session = requests.Session()
    session.mount("https://search.example", GuardedAdapter(
        guards=(engine.breaker("search"),), retry=engine.retry("search")))

A guard that says no raises its subclass of Denied out of the session's call.
"""

from __future__ import annotations

import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from .outgoing import Calls

__all__ = ["GuardedAdapter"]


class GuardedAdapter(HTTPAdapter):
    """An adapter; see :class:`tidegate.outgoing.Calls` for `guards`, `operation`, `retry` and
    `failed`. Everything else goes to requests' own adapter."""

    def __init__(
        self,
        guards: tuple[Any, ...] = (),
        operation: Any = None,
        retry: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self.calls = Calls(guards, operation, retry)
        super().__init__(*args, **kwargs)

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Sends it, under the guards, and again as the retry says."""
        begun = time.monotonic()
        self.calls.wait(request.method, 1, 0.0, 0, None)
        attempt = 1
        while True:
            attempt += 1
            permits = self.calls.enter()
            try:
                response = super().send(request, *args, **kwargs)
            except BaseException as error:
                self.calls.leave(permits, error=error)
                again = isinstance(error, requests.ConnectionError | requests.Timeout)
                elapsed = time.monotonic() - begun
                delay = (
                    self.calls.wait(request.method, attempt, elapsed, 0, None) if again else None
                )
                if delay is None:
                    raise
            else:
                self.calls.leave(permits, response.status_code)
                elapsed = time.monotonic() - begun
                asked = response.headers.get("retry-after")
                delay = self.calls.wait(
                    request.method, attempt, elapsed, response.status_code, asked
                )
                if delay is None:
                    return response
                response.close()
            time.sleep(delay)
