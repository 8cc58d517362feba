"""Guards as decorators.

``@breaker``, ``@bulkhead``, ``@operation``, ``@limiter.limit(key=…)``, ``@retry`` and ``@guard``
take a plain function, a coroutine function, a generator or an asynchronous generator, with or
without arguments of their own. A plain function becomes a native object; the others stay what they
are, so that frameworks that look for coroutine functions still find them.

A call that raises an ``Exception`` is reported as a failure, unless ``ignore`` names its class;
what is cancelled, closed or exits is given back with nothing said. The exception comes out
unchanged.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from time import monotonic
from time import sleep as sleep
from typing import Any

from . import _native

__all__: list[str] = []

Function = Callable[..., Any]
Ignore = type[BaseException] | tuple[type[BaseException], ...]


def decorate(
    guard: Any,
    function: Function | None = None,
    /,
    *,
    key: Function | None = None,
    ignore: Ignore = (),
    cost: int = 1,
) -> Any:
    """`function` under `guard`, or a decorator that puts functions under it."""
    if function is None:
        return functools.partial(decorate, guard, key=key, ignore=ignore, cost=cost)
    if key is not None and not callable(key):
        raise TypeError("key is a function of the arguments that gives the parts of a key")
    if isinstance(function, staticmethod | classmethod):
        inner = decorate(guard, function.__func__, key=key, ignore=ignore, cost=cost)
        return type(function)(inner)
    if not callable(function):
        raise TypeError(f"a function is decorated, not {type(function).__name__}")
    # Of an object that can be called, what its class has.
    called = type(function).__call__
    for kind, wrap in _WRAPPERS:
        if kind(function) or kind(called):
            if isinstance(guard, _native.Retry):
                return _retrying(guard, function, ignore)
            return wrap(_beginning(guard, key, ignore, cost), function)
    native = _native.Guarded(function, guard, key, ignore or None, cost)
    return functools.update_wrapper(native, function)


def _beginning(
    guard: Any, key: Function | None, ignore: Ignore, cost: int
) -> Callable[..., _native.Permit]:
    """What gives the permit for one call."""
    begin: Callable[..., _native.Permit] = guard._begin

    def permit(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _native.Permit:
        if key is None:
            return begin(cost=cost, ignore=ignore)
        parts = key(*args, **kwargs)
        if not isinstance(parts, tuple):
            parts = (parts,)
        return begin(*parts, cost=cost, ignore=ignore)

    return permit


def _coroutine(permit: Callable[..., _native.Permit], function: Function) -> Function:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        with permit(args, kwargs):
            return await function(*args, **kwargs)

    return call


def _generator(permit: Callable[..., _native.Permit], function: Function) -> Function:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with permit(args, kwargs):
            return (yield from function(*args, **kwargs))

    return call


def _asynchronous_generator(
    permit: Callable[..., _native.Permit], function: Function
) -> Function:
    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with permit(args, kwargs):
            inner = function(*args, **kwargs)
            try:
                value = await anext(inner)
                while True:
                    try:
                        sent = yield value
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        value = await inner.athrow(error)
                    else:
                        value = await inner.asend(sent)
            except StopAsyncIteration:
                return
            finally:
                await inner.aclose()

    return call


def _retrying(retry: _native.Retry, function: Function, ignore: Ignore) -> Function:
    if not inspect.iscoroutinefunction(function):
        raise TypeError("a generator cannot be tried again: its values are out already")

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        begun = monotonic()
        retry.next(1)
        attempt = 1
        while True:
            try:
                return await function(*args, **kwargs)
            except Exception as error:
                attempt += 1
                asked = getattr(error, "retry_after", 0.0)
                delay = None
                if not isinstance(error, ignore) and not retry.engine.closed:
                    delay = retry.next(
                        attempt,
                        elapsed=monotonic() - begun,
                        server_retry_after=asked if isinstance(asked, int | float) else 0.0,
                    )
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    return call


_WRAPPERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Function], Function]], ...] = (
    (inspect.iscoroutinefunction, _coroutine),
    (inspect.isasyncgenfunction, _asynchronous_generator),
    (inspect.isgeneratorfunction, _generator),
)
