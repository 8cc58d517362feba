"""Transports for httpx clients, under guards.

    client = httpx.Client(transport=GuardedTransport(
        guards=(engine.breaker("search"),), operation=engine.operation("search"),
        retry=engine.retry("search")))

A guard that says no raises its subclass of Denied out of the client's call.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx

from .outgoing import Calls

__all__ = ["AsyncGuardedTransport", "GuardedTransport"]


class GuardedTransport(httpx.BaseTransport):
    """A transport for httpx.Client; see :class:`tidegate.outgoing.Calls` for what it takes."""

    def __init__(self, transport: httpx.BaseTransport | None = None, **settings: Any) -> None:
        self.transport = transport or httpx.HTTPTransport()
        self.calls = Calls(**settings)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request under the guards."""
        call = self.calls.begin(request.method, isinstance(request.stream, httpx.ByteStream))
        while True:
            call.enter()
            try:
                response = self.transport.handle_request(request)
            except BaseException as error:
                delay = call.raised(error, isinstance(error, httpx.TransportError))
                if delay is None:
                    raise
            else:
                asked = response.headers.get("retry-after")
                delay = call.answered(response.status_code, asked)
                if delay is None:
                    return response
                response.close()
            time.sleep(delay)

    def close(self) -> None:
        """Closes the transport beneath."""
        self.transport.close()


class AsyncGuardedTransport(httpx.AsyncBaseTransport):
    """A transport for httpx.AsyncClient; see :class:`tidegate.outgoing.Calls`."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None, **settings: Any) -> None:
        self.transport = transport or httpx.AsyncHTTPTransport()
        self.calls = Calls(**settings)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request under the guards."""
        call = self.calls.begin(request.method, isinstance(request.stream, httpx.ByteStream))
        while True:
            call.enter()
            try:
                response = await self.transport.handle_async_request(request)
            except BaseException as error:
                delay = call.raised(error, isinstance(error, httpx.TransportError))
                if delay is None:
                    raise
            else:
                asked = response.headers.get("retry-after")
                delay = call.answered(response.status_code, asked)
                if delay is None:
                    return response
                await response.aclose()
            await asyncio.sleep(delay)

    async def aclose(self) -> None:
        """Closes the transport beneath."""
        await self.transport.aclose()
