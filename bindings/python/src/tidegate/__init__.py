"""Metrics, rate limits and guardrails that all worker processes share.

All state lives in one block of memory that forked workers inherit, and that other processes open
by its path. Start with :class:`Engine`.
"""

from ._native import (
    Breaker,
    Bulkhead,
    Counter,
    Decision,
    Gauge,
    Histogram,
    Limiter,
    Operation,
    Permit,
    Retry,
    Throttle,
    key_bytes,
)
from ._native import version as __version__
from .engine import Engine, Events, Health, Outcome
from .errors import (
    ArgumentError,
    BugError,
    BulkheadFull,
    CapacityError,
    CircuitOpen,
    ClosedError,
    ConfigError,
    ConflictError,
    Denied,
    FormatError,
    LimitExceeded,
    NotFoundError,
    OperatingSystemError,
    RangeError,
    RetriesExhausted,
    StaleError,
    StateError,
    Throttled,
    TidegateError,
)
from .snapshot import Snapshot

__all__ = [
    "ArgumentError",
    "Breaker",
    "BugError",
    "Bulkhead",
    "BulkheadFull",
    "CapacityError",
    "CircuitOpen",
    "ClosedError",
    "ConfigError",
    "ConflictError",
    "Counter",
    "Decision",
    "Denied",
    "Engine",
    "Events",
    "FormatError",
    "Gauge",
    "Health",
    "Histogram",
    "LimitExceeded",
    "Limiter",
    "NotFoundError",
    "OperatingSystemError",
    "Operation",
    "Outcome",
    "Permit",
    "RangeError",
    "RetriesExhausted",
    "Retry",
    "Snapshot",
    "StaleError",
    "StateError",
    "Throttle",
    "Throttled",
    "TidegateError",
    "__version__",
    "key_bytes",
]
