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

    def json(self, **options: Any) -> str:
        """The JSON document of schema/snapshot.schema.json; ``names=["http.*"]`` for a part."""
        return self._render(_native.FORMAT_JSON, options)

    def to_dict(self, **options: Any) -> dict[str, Any]:
        """The same as plain values."""
        return cast(dict[str, Any], json.loads(self.json(**options)))

    def prometheus(self, **options: Any) -> str:
        """Prometheus text format 0.0.4; ``names=["http.*"]`` for a part of it."""
        return self._render(_native.FORMAT_PROMETHEUS, options)

    def openmetrics(self, **options: Any) -> str:
        """OpenMetrics text 1.0, with exemplars and units."""
        return self._render(_native.FORMAT_OPENMETRICS, options)

    def _render(self, format: int, options: dict[str, Any]) -> str:
        return self._native.render(format, json.dumps(options) if options else None)

    def health_json(self) -> str:
        """The health of readiness as application/health+json."""
        return self._native.render(_native.FORMAT_HEALTH_JSON)

    def health_simple(self) -> str:
        """The same as ``{status, timestamp, uptime, checks}``."""
        return self._native.render(_native.FORMAT_HEALTH_SIMPLE)
