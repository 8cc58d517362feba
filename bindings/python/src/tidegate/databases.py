"""Queries as operations: for SQLAlchemy by its events, for any DB-API driver by a wrapper.

    watch(sqlalchemy_engine, engine.operation("db.query", slow_seconds=0.1))

    connect = wrap(sqlite3.connect, engine.operation("db.query"))
    connection = connect("shop.db")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._native import Operation

__all__ = ["watch", "wrap"]


def watch(engine: Any, operation: Operation) -> None:
    """Records every statement that a SQLAlchemy engine executes."""
    from sqlalchemy import event

    def before(connection: Any, cursor: Any, statement: Any, *rest: Any) -> None:
        connection.info.setdefault("tidegate", []).append(operation.time().__enter__())

    def end(connection: Any, error: BaseException | None) -> None:
        permits = connection.info.get("tidegate") if connection is not None else None
        if permits:
            permits.pop().__exit__(type(error) if error is not None else None, error, None)

    def after(connection: Any, cursor: Any, statement: Any, *rest: Any) -> None:
        end(connection, None)

    def failed(context: Any) -> None:
        end(context.connection, context.original_exception)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)


def wrap(connect: Callable[..., Any], operation: Operation) -> Callable[..., Connection]:
    """`connect` of a DB-API module, with connections whose statements are recorded."""

    def connecting(*args: Any, **kwargs: Any) -> Connection:
        return Connection(connect(*args, **kwargs), operation)

    return connecting


class Wrapped:
    """Something of a driver, with all that it has: attributes are read, set and deleted there."""

    __slots__ = ("_inner", "_operation")
    _inner: Any
    _operation: Operation

    def __init__(self, inner: Any, operation: Operation) -> None:
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_operation", operation)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._inner, name)

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._operation.time():
                return function(*args, **kwargs)

        return call


class Connection(Wrapped):
    """A DB-API connection whose statements are recorded; everything else is the driver's."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        # What some drivers have as a short way to a cursor that has executed.
        if name in ("execute", "executemany", "executescript"):
            return lambda *args, **kwargs: getattr(self.cursor(), name)(*args, **kwargs)
        return found

    def cursor(self, *args: Any, **kwargs: Any) -> Cursor:
        """A cursor whose queries are recorded."""
        return Cursor(self._inner.cursor(*args, **kwargs), self._operation)

    def __enter__(self) -> Connection:
        self._inner.__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        return self._inner.__exit__(*raised)


class Cursor(Wrapped):
    """A DB-API cursor whose statements are recorded."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "callproc":
            return self._timed(found)
        if name == "executescript":
            return lambda *args: self._executed(found, *args)
        return found

    def __iter__(self) -> Any:
        return iter(self._inner)

    def __next__(self) -> Any:
        return next(self._inner)

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._inner.close()

    def execute(self, *args: Any, **kwargs: Any) -> Cursor:
        """Runs a query, and records it."""
        return self._executed(self._inner.execute, *args, **kwargs)

    def executemany(self, *args: Any, **kwargs: Any) -> Cursor:
        """Runs a query for each row, and records it as one."""
        return self._executed(self._inner.executemany, *args, **kwargs)

    def _executed(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Cursor:
        self._timed(function)(*args, **kwargs)
        return self
