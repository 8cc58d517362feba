"""Metrics, rate limits and guardrails that all worker processes share.

All state lives in one block of memory that forked workers inherit, and that other processes open
by its path. Start with :class:`Engine`.
"""

from ._native import Counter, Decision, Gauge, Histogram, Limiter, key_bytes
from ._native import version as __version__
from .engine import Engine
from .errors import (
    ArgumentError,
    BugError,
    CapacityError,
    ClosedError,
    ConfigError,
    ConflictError,
    Denied,
    FormatError,
    LimitExceeded,
    NotFoundError,
    OperatingSystemError,
    RangeError,
    StaleError,
    StateError,
    TidegateError,
)
from .snapshot import Snapshot

__all__ = [
    "ArgumentError",
    "BugError",
    "CapacityError",
    "ClosedError",
    "ConfigError",
    "ConflictError",
    "Counter",
    "Decision",
    "Denied",
    "Engine",
    "FormatError",
    "Gauge",
    "Histogram",
    "LimitExceeded",
    "Limiter",
    "NotFoundError",
    "OperatingSystemError",
    "RangeError",
    "Snapshot",
    "StaleError",
    "StateError",
    "TidegateError",
    "__version__",
    "key_bytes",
]
