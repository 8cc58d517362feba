"""An adapter for requests sessions, under guards.

    session = requests.Session()
    session.mount("https://search.example", GuardedAdapter(
        guards=(engine.breaker("search"),), retry=engine.retry("search")))

A guard that says no raises its subclass of Denied out of the session's call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import rewind_body

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
        failed: Callable[[int], bool] | None = None,
        **kwargs: Any,
    ) -> None:
        settings = {} if failed is None else {"failed": failed}
        self.calls = Calls(guards, operation, retry, **settings)
        super().__init__(*args, **kwargs)

    def __getstate__(self) -> Any:
        raise TypeError(
            "a GuardedAdapter cannot be pickled: mount one in each process, with guards of an Engine"
            " on the same region path"
        )

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Sends it, under the guards, and again as the retry says."""
        body = request.body
        is_whole = body is None or isinstance(body, str | bytes)
        # Where a file began, as requests noted for redirects.
        is_file = isinstance(getattr(request, "_body_position", None), int)
        call = self.calls.begin(request.method, is_whole or is_file)
        while True:
            call.enter()
            try:
                response = super().send(request, *args, **kwargs)
            except BaseException as error:
                transient = isinstance(error, requests.ConnectionError | requests.Timeout)
                delay = call.raised(error, transient)
                if delay is None:
                    raise
            else:
                asked = response.headers.get("retry-after")
                delay = call.answered(response.status_code, asked)
                if delay is None:
                    return response
                response.close()
            time.sleep(delay)
            if not is_whole:
                rewind_body(request)
