"""A snapshot: everything that a region held at one time."""

from __future__ import annotations

import json
from typing import Any, cast

from . import _native

__all__ = ["Snapshot"]


class Snapshot:
    """Everything that a region held at one time; it outlives its engine.

    >>> from tidegate import Engine
    >>> with Engine() as engine:
    ...     engine.counter("hits").inc(2)
    ...     snapshot = engine.snapshot()
    >>> "hits_total 2" in snapshot.prometheus()
    True
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Snapshot) -> None:
        self._native = native

    def json(self) -> str:
        """The JSON document of schema/snapshot.schema.json."""
        return self._native.render(_native.FORMAT_JSON)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return cast(dict[str, Any], json.loads(self.json()))

    def prometheus(self) -> str:
        """Prometheus text format 0.0.4."""
        return self._native.render(_native.FORMAT_PROMETHEUS)

    def health_json(self) -> str:
        """The health of readiness as application/health+json."""
        return self._native.render(_native.FORMAT_HEALTH_JSON)

    def health_simple(self) -> str:
        """The same as ``{status, timestamp, uptime, checks}``."""
        return self._native.render(_native.FORMAT_HEALTH_SIMPLE)
