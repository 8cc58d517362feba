"""What the transports for HTTP clients have in common: what is a failure, and when to try again."""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from time import monotonic
from typing import Any

from . import _native
from .engine import Outcome
from .errors import Denied, StaleError, StateError

__all__ = ["Attempts", "Calls"]

#: What may be sent twice without harm.
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))
#: What says that another try may go better.
AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))

Guard = Any


class Calls:
    """Outgoing calls under guards.

    ``guards`` are entered from the first to the last for each attempt, and each is told how it
    ended: exceptions and statuses from 500 on are failures. ``operation`` records each attempt.
    ``retry`` sends methods again that may be sent twice, unless their body can be read only once,
    after exceptions and statuses that say so, and waits as long as the server asks for.
    """

    def __init__(
        self,
        guards: tuple[Guard, ...] = (),
        operation: _native.Operation | None = None,
        retry: _native.Retry | None = None,
        failed: Callable[[int], bool] = lambda status: status >= 500,
    ) -> None:
        self.guards = tuple(guards)
        self.operation = operation
        self.retry = retry
        self.failed = failed

    def begin(self, method: str, is_repeatable: bool = True) -> Attempts:
        """One call; `is_repeatable` unless its body can be read only once."""
        return Attempts(self, method, is_repeatable)


class Attempts:
    """One call, from its first attempt to its last."""

    def __init__(self, calls: Calls, method: str, is_repeatable: bool) -> None:
        self.calls = calls
        self.retry = calls.retry if is_repeatable and method.upper() in IDEMPOTENT else None
        self.begun = monotonic()
        self.permits: list[_native.Permit] = []
        self.attempt = 1
        if self.retry is not None:
            self.retry.next(1)

    def enter(self) -> None:
        """Asks all guards; none is held when one of them refuses, which raises."""
        calls = self.calls
        try:
            if calls.operation is not None:
                self.permits.append(calls.operation._begin())
            for guard in calls.guards:
                # That another guard refuses says nothing of the server.
                self.permits.append(guard._begin(ignore=Denied).__enter__())
        except BaseException as error:
            self._leave(error)
            raise

    def raised(self, error: BaseException, is_transient: bool) -> float | None:
        """Ends an attempt; seconds to wait before the next one, or None: give up."""
        self._leave(error)
        return self._wait(None) if is_transient else None

    def answered(self, status: int, retry_after: str | None) -> float | None:
        """The same of an attempt that has an answer."""
        if self.calls.failed(status):
            for permit in self._given_back():
                # A limiter's wants no report, nor does one that was held for too long.
                with suppress(StateError, StaleError):
                    permit.report(Outcome.FAILURE, error=str(status))
        else:
            self._leave(None)
        return self._wait(retry_after) if status in AGAIN else None

    def _leave(self, error: BaseException | None) -> None:
        for permit in self._given_back():
            permit.__exit__(None if error is None else type(error), error, None)

    def _given_back(self) -> Iterator[_native.Permit]:
        """The permits, the last one first."""
        while self.permits:
            yield self.permits.pop()

    def _wait(self, retry_after: str | None) -> float | None:
        self.attempt += 1
        if self.retry is None:
            return None
        elapsed = monotonic() - self.begun
        asked = seconds_asked(retry_after)
        return self.retry.next(self.attempt, elapsed=elapsed, server_retry_after=asked)


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
