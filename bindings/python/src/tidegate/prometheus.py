"""A bridge to prometheus_client, so that a migration can be gradual.

    REGISTRY.register(TidegateCollector(engine))

shows the region's metrics in their registry. The other way round, the middleware of
:mod:`tidegate.asgi` and :mod:`tidegate.wsgi` takes ``registries=[REGISTRY]``.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from .engine import Engine

__all__ = ["TidegateCollector"]


class TidegateCollector:
    """A collector of prometheus_client over one engine's region."""

    def __init__(self, engine: Engine, names: Iterable[str] | None = None) -> None:
        self.engine = engine
        self.options = {} if names is None else {"names": list(names)}

    def collect(self) -> Iterable[Metric]:
        """The metrics of all workers, as prometheus_client has them."""
        return text_string_to_metric_families(self.engine.snapshot().prometheus(**self.options))

    def describe(self) -> Iterable[Metric]:
        """Nothing: names may be added at any time."""
        return ()
