"""Queries as operations: for SQLAlchemy by its events, for any DB-API driver by a wrapper.

    watch(sqlalchemy_engine, engine.operation("db.query", slow_seconds=0.1))

    connect = wrap(sqlite3.connect, engine.operation("db.query"))
    connection = connect("shop.db")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._native import Operation, Permit

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


class Connection:
    """A DB-API connection whose statements are recorded; everything else is the driver's."""

    def __init__(self, connection: Any, operation: Operation) -> None:
        self._connection = connection
        self._operation = operation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self, *args: Any, **kwargs: Any) -> Cursor:
        """A cursor whose queries are recorded."""
        return Cursor(self._connection.cursor(*args, **kwargs), self._operation)

    def execute(self, *args: Any, **kwargs: Any) -> Cursor:
        """Runs a query, and records it."""
        """As drivers such as sqlite3 have it: a cursor that has executed."""
        return self.cursor().execute(*args, **kwargs)

    def __enter__(self) -> Connection:
        self._connection.__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        return self._connection.__exit__(*raised)


class Cursor:
    """A DB-API cursor whose statements are recorded."""

    def __init__(self, cursor: Any, operation: Operation) -> None:
        self._cursor = cursor
        self._operation = operation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Any:
        return iter(self._cursor)

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._cursor.close()

    def execute(self, *args: Any, **kwargs: Any) -> Cursor:
        """Runs a query, and records it."""
        with self._time():
            self._cursor.execute(*args, **kwargs)
        return self

    def executemany(self, *args: Any, **kwargs: Any) -> Cursor:
        """Runs a query for each row, and records it as one."""
        with self._time():
            self._cursor.executemany(*args, **kwargs)
        return self

    def _time(self) -> Permit:
        return self._operation.time()
