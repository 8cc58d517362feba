"""A snapshot: everything that a region held at one time."""

from __future__ import annotations

import json
from typing import Any, cast

from . import _native

__all__ = ["Snapshot"]


def _text(options: dict[str, Any]) -> str | None:
    return json.dumps(options) if options else None


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

    @classmethod
    def parse(cls, document: str | bytes) -> Snapshot:
        """A snapshot of another process or host, from its ``json(buckets=True)``."""
        return cls(_native.snapshot_parse(document))

    def since(self, earlier: Snapshot) -> Snapshot:
        """What was counted since an earlier snapshot of the same region.

        >>> from tidegate import Engine
        >>> with Engine() as engine:
        ...     hits = engine.counter("hits")
        ...     hits.inc(2)
        ...     earlier = engine.snapshot()
        ...     hits.inc(3)
        ...     delta = engine.snapshot().since(earlier)
        >>> [counter["value"] for counter in delta.to_dict(names=["hits"])["counters"]]
        [3]
        """
        return Snapshot(self._native.since(earlier._native))

    def merge(self, other: Snapshot) -> Snapshot:
        """This one and another of a different region as one, such as of two hosts: counts add up,
        and quantiles are those of all values."""
        return Snapshot(self._native.merge(other._native))

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

    def statsd(self, **options: Any) -> str:
        """Lines of StatsD; counters only of what :meth:`since` gives."""
        return self._render(_native.FORMAT_STATSD, options)

    def hdr_log(self, **options: Any) -> str:
        """The log of HdrHistogram, which its tools read."""
        return self._render(_native.FORMAT_HDR_LOG, options)

    def otlp(self, **options: Any) -> bytes:
        """OTLP protobuf, from a library that was built with it."""
        return cast(bytes, self._native.render(_native.FORMAT_OTLP, _text(options)))

    def _render(self, format: int, options: dict[str, Any]) -> str:
        return cast(str, self._native.render(format, _text(options)))

    def health_json(self) -> str:
        """The health of readiness as application/health+json."""
        return self._render(_native.FORMAT_HEALTH_JSON, {})

    def health_simple(self) -> str:
        """The same as ``{status, timestamp, uptime, checks}``."""
        return self._render(_native.FORMAT_HEALTH_SIMPLE, {})
