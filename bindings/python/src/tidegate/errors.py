"""What goes wrong, as exceptions.

Each has the engine's own sentence, and the C status as ``code``. A guard that says no is no error:
its answer is falsy. Only where a block or a function cannot run without the guard's yes (``with``,
decorators) a subclass of :class:`Denied` is raised.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "BugError",
    "BulkheadFull",
    "CapacityError",
    "CircuitOpen",
    "ClosedError",
    "ConfigError",
    "ConflictError",
    "Denied",
    "FormatError",
    "LimitExceeded",
    "NotFoundError",
    "OperatingSystemError",
    "RangeError",
    "RetriesExhausted",
    "StaleError",
    "StateError",
    "Throttled",
    "TidegateError",
]


class TidegateError(Exception):
    """Anything that tidegate raises; ``code`` is the ``TIDEGATE_E_`` number of the C header."""

    code: int = 0


class ArgumentError(TidegateError, ValueError):
    """A name, label or value that is not legal: NaN, negative, too long."""

    code = -1


class ConfigError(TidegateError, ValueError):
    """A document with a field that is unknown, mistyped or impossible; the message names it."""

    code = -2


class NotFoundError(TidegateError, LookupError):
    """There is nothing of this name."""

    code = -3


class ConflictError(TidegateError):
    """The name exists with another kind or another configuration."""

    code = -4


class CapacityError(TidegateError):
    """The region has no room left."""

    code = -5


class FormatError(TidegateError):
    """Not a region, damaged, or of a layout that this library cannot read."""

    code = -7


class OperatingSystemError(TidegateError):
    """The operating system refused; the message says why."""

    code = -8


class StaleError(TidegateError):
    """A handle that is not one of this engine."""

    code = -9


class RangeError(TidegateError, ValueError):
    """A cost that can never pass: above the burst or limit."""

    code = -10


class StateError(TidegateError):
    """Not allowed now, such as writing through an observer."""

    code = -11


class ClosedError(StateError):
    """The engine is closed."""


class BugError(TidegateError):
    """A bug of tidegate was caught; the engine stays usable."""

    code = -99


class Denied(TidegateError):
    """A guard said no, so the block or function was not run.

    ``guard`` is its name, ``retry_after`` the wait in seconds after which it may say yes.
    """

    code = 1

    def __init__(self, message: str, guard: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, guard, retry_after)
        self.guard = guard
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.args[0])


class LimitExceeded(Denied):
    """A limiter said no."""


class BulkheadFull(Denied):
    """There is no room in a bulkhead."""


class CircuitOpen(Denied):
    """A breaker is open, or half-open with all its probes out."""


class Throttled(Denied):
    """A throttle keeps the call from a server that fails."""


class RetriesExhausted(Denied):
    """A chain will not try again: enough attempts, the budget spent, or beyond its deadline."""


_BY_GUARD: dict[str | None, tuple[type[Denied], str]] = {
    "limiter": (LimitExceeded, "the limit of {} is reached"),
    "breaker": (CircuitOpen, "the breaker {} is open"),
    "bulkhead": (BulkheadFull, "the bulkhead {} is full"),
    "throttle": (Throttled, "{} is throttled"),
    "retry": (RetriesExhausted, "{} will not be tried again"),
}


def denied(guard: str | None, name: str, retry_after: float) -> Denied:
    """The exception for what refused, in the word of a permit's ``refused_by``."""
    kind, sentence = _BY_GUARD.get(guard, (Denied, "{} is denied"))
    text = sentence.format(name)
    if retry_after > 0.0:
        text += f"; it may pass in {retry_after:.3g} s"
    return kind(text, name, retry_after)


_BY_CODE: dict[int, type[TidegateError]] = {
    kind.code: kind
    for kind in (
        ArgumentError,
        ConfigError,
        NotFoundError,
        ConflictError,
        CapacityError,
        FormatError,
        OperatingSystemError,
        StaleError,
        RangeError,
        StateError,
        BugError,
    )
}


def from_status(code: int, sentence: str) -> TidegateError:
    """The exception for a status of C."""
    error = _BY_CODE.get(code, TidegateError)(sentence)
    error.code = code
    return error
