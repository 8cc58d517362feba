"""What the transports for HTTP clients have in common: what is a failure, and when to try again."""

from __future__ import annotations

import email.utils
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from . import _native
from .engine import Outcome

__all__ = ["Calls"]

#: What may be sent twice without harm.
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))
#: What says that another try may go better.
AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))

Guard = Any


class Calls:
    """Outgoing calls under guards.

    ``guards`` are entered from the first to the last for each attempt, and each is told how it
    ended: exceptions and statuses from 500 on are failures. ``operation`` records each attempt.
    ``retry`` sends methods again that may be sent twice, after exceptions and statuses that say
    so, and waits as long as the server asks for.
    """

    def __init__(
        self,
        guards: tuple[Guard, ...] = (),
        operation: _native.Operation | None = None,
        retry: _native.Retry | None = None,
        failed: Callable[[int], bool] = lambda status: status >= 500,
    ) -> None:
        self.guards = ((operation,) if operation is not None else ()) + tuple(guards)
        self.retry = retry
        self.failed = failed

    def enter(self) -> list[_native.Permit]:
        """Permits of all guards; none is held when one of them refuses, which raises."""
        permits: list[_native.Permit] = []
        try:
            for guard in self.guards:
                permits.append(guard._begin().__enter__())
        except BaseException as error:
            self.leave(permits, error=error)
            raise
        return permits

    def leave(
        self,
        permits: list[_native.Permit],
        status: int = 0,
        error: BaseException | None = None,
    ) -> None:
        """Gives the permits back, the last one first."""
        for permit in reversed(permits):
            if error is not None:
                permit.__exit__(type(error), error, None)
            elif self.failed(status):
                permit.report(Outcome.FAILURE, error=str(status))
            else:
                permit.__exit__(None, None, None)

    def wait(
        self, method: str, attempt: int, elapsed: float, status: int, retry_after: str | None
    ) -> float | None:
        """Seconds to wait before `attempt`, or None: give up. Status 0 is an exception."""
        if self.retry is None or method.upper() not in IDEMPOTENT:
            return None
        if status != 0 and status not in AGAIN:
            return None
        return self.retry.next(
            attempt, elapsed=elapsed, server_retry_after=seconds_asked(retry_after)
        )


def seconds_asked(field: str | None) -> float:
    """What a Retry-After field asks for: seconds or a date; 0 for what is neither."""
    if not field:
        return 0.0
    try:
        return min(max(0.0, float(field)), 1e9)
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(field)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())
