"""An engine: this process's view of a region, and everything in it by name."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from . import _native
from .documents import Document, guard_of, json_of, options_of
from .snapshot import Snapshot

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Document", "Engine", "Events", "Health", "HealthStatus", "KeyPart", "Outcome", "Probe"]

#: One part of a key.
KeyPart = str | bytes | int
#: A probe, as Kubernetes means it.
Probe = Literal["liveness", "readiness", "startup"]
#: How something is.
HealthStatus = Literal["healthy", "degraded", "unhealthy", "unknown"]


class Outcome(IntEnum):
    """How a call ended."""

    SUCCESS = _native.OUTCOME_SUCCESS
    FAILURE = _native.OUTCOME_FAILURE
    #: Neither: it says nothing of what was called.
    IGNORED = _native.OUTCOME_IGNORED


class Health(NamedTuple):
    """What a probe says."""

    status: HealthStatus
    http_status: int


class Events(NamedTuple):
    """What happened, and where to go on."""

    events: list[dict[str, Any]]
    cursor: int
    #: How many events there were that the region no longer keeps.
    lost: int


class Engine(_native.Engine):
    """Everything that a region holds, by name.

    Without a path the region is shared with every process forked afterwards: open the engine
    before the workers are forked, and they are under one limit. With a path, every process that
    opens the same path shares it, whatever language it is written in.

    >>> with Engine({"limiters": {"api": {"algorithm": "sliding_window", "limit": 2,
    ...                                   "window_seconds": 60, "keyed": True}}}) as engine:
    ...     api = engine.limiter("api")
    ...     [bool(api.check("ann")) for _ in range(3)]
    [True, True, False]
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, config: Document | None = None) -> Self:
        return super().__new__(cls, json_of(config), None)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Opens an engine as the JSON document at `path` says; the same file serves every
        language, and ``tidegate check`` validates it."""
        return cls(Path(path).read_text(encoding="utf-8"))

    @classmethod
    def attach(cls, path: str | os.PathLike[str]) -> Self:
        """Opens the region at `path` to look at it, and changes nothing of it.

        An observer reads while others write, and after they were all killed. Whatever would write
        raises StateError.
        """
        return super().__new__(cls, None, os.fspath(path))

    def counter(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        help: str | None = None,
        unit: str | None = None,
    ) -> _native.Counter:
        """The counter with this name and these labels, made if need be.

        >>> with Engine() as engine:
        ...     hits = engine.counter("cache.hits", labels={"shard": "a"})
        ...     hits.inc()
        ...     hits.inc(2)
        ...     hits.value()
        3
        """
        options = options_of(labels=labels, help=help, unit=unit)
        return cast(_native.Counter, self._open(_native.KIND_COUNTER, name, options))

    def gauge(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        help: str | None = None,
        unit: str | None = None,
        workers: Literal["last", "sum", "min", "max", "each"] | None = None,
    ) -> _native.Gauge:
        """The gauge with this name and these labels, made if need be. `workers` says what the
        values of several processes make together; but for "last", the default, a process' share
        goes away with it.

        >>> with Engine() as engine:
        ...     depth = engine.gauge("queue.depth")
        ...     depth.set(5)
        ...     depth.dec()
        ...     depth.value()
        4.0
        """
        options = options_of(labels=labels, help=help, unit=unit, workers=workers)
        return cast(_native.Gauge, self._open(_native.KIND_GAUGE, name, options))

    def histogram(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        help: str | None = None,
        unit: str | None = None,
        relative_error: float | None = None,
    ) -> _native.Histogram:
        """The histogram with this name and these labels, made if need be. Quantiles are within
        0.8 % unless `relative_error` (0.002 to 0.03) asks for more or fewer buckets.

        >>> with Engine() as engine:
        ...     wait = engine.histogram("wait", unit="seconds")
        ...     with wait.time():
        ...         pass
        ...     wait.record_many([0.25, 0.25, 0.25])
        ...     wait.quantiles([1.0])
        [0.25]
        """
        options = options_of(labels=labels, help=help, unit=unit, relative_error=relative_error)
        return cast(_native.Histogram, self._open(_native.KIND_HISTOGRAM, name, options))

    def ratio(
        self, name: str, *, labels: Mapping[str, str] | None = None, help: str | None = None
    ) -> _native.Ratio:
        """The ratio with this name and these labels: hits and misses.

        >>> with Engine() as engine:
        ...     cache = engine.ratio("cache")
        ...     cache.hit()
        ...     cache.record(hits=2, misses=1)
        ...     cache.read()
        {'hits': 3, 'misses': 1, 'ratio': 0.75}
        """
        options = options_of(labels=labels, help=help)
        return cast(_native.Ratio, self._open(_native.KIND_RATIO, name, options))

    def enum(
        self,
        name: str,
        states: Sequence[str],
        *,
        labels: Mapping[str, str] | None = None,
        help: str | None = None,
    ) -> _native.Enum:
        """The enum with this name and these states: one of them at a time.

        >>> with Engine() as engine:
        ...     engine.enum("mode", ["normal", "maintenance"]).set("maintenance")
        """
        options = options_of(states=list(states), labels=labels, help=help)
        return cast(_native.Enum, self._open(_native.KIND_ENUM, name, options))

    def set_info(self, name: str, labels: Mapping[str, str]) -> None:
        """Says something that does not change, such as the version, as labels.

        >>> with Engine() as engine:
        ...     engine.set_info("build", {"version": "1.2.3"})
        """
        self._set_info(name, json.dumps(dict(labels)))

    def operation(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        help: str | None = None,
        relative_error: float | None = None,
        slow_seconds: float | None = None,
    ) -> _native.Operation:
        """The operation with this name and these labels: latency, outcome and error code of what
        a query, request or job is.

        >>> with Engine() as engine:
        ...     query = engine.operation("db.query", slow_seconds=0.1)
        ...     @query
        ...     def find(key: str) -> int:
        ...         return {"one": 1}[key]
        ...     find("one")
        ...     try:
        ...         find("two")
        ...     except KeyError:
        ...         pass
        ...     reading = query.read()
        ...     reading["count"], reading["failures"]
        1
        (2, 1)
        """
        options = options_of(
            labels=labels, help=help, relative_error=relative_error, slow_seconds=slow_seconds
        )
        return cast(_native.Operation, self._open(_native.KIND_OPERATION, name, options))

    def limiter(
        self, name: str, config: Document | None = None, **fields: Any
    ) -> _native.Limiter:
        """The limiter of this name; without a configuration it must exist, such as one that the
        engine's document names. A limiter that exists keeps its state.

        >>> with Engine() as engine:
        ...     login = engine.limiter("login", preset="auth", keyed=True)
        ...     decision = login.check("10.0.0.1", "ann")
        ...     bool(decision), decision.remaining, decision.retry_after
        (True, 4, 0.0)
        """
        config_json = guard_of(config, fields)
        return cast(_native.Limiter, self._open(_native.KIND_LIMITER, name, config_json))

    def breaker(
        self, name: str, config: Document | None = None, **fields: Any
    ) -> _native.Breaker:
        """The circuit breaker of this name, one for all processes: one that exists keeps its
        state.

        >>> with Engine() as engine:
        ...     payments = engine.breaker("payments", consecutive_failures=2, open_seconds=10)
        ...     @payments
        ...     def pay() -> None:
        ...         raise TimeoutError
        ...     for _ in range(3):
        ...         try:
        ...             pay()
        ...         except Exception as error:
        ...             print(type(error).__name__)
        ...     payments.state
        TimeoutError
        TimeoutError
        CircuitOpen
        'open'
        """
        config_json = guard_of(config, fields)
        return cast(_native.Breaker, self._open(_native.KIND_BREAKER, name, config_json))

    def bulkhead(
        self, name: str, config: Document | None = None, **fields: Any
    ) -> _native.Bulkhead:
        """The bulkhead of this name: so many calls inside at once, in all processes together.

        >>> with Engine() as engine:
        ...     database = engine.bulkhead("database", max_concurrent=1)
        ...     with database.enter():
        ...         bool(database.enter())
        False
        """
        config_json = guard_of(config, fields)
        return cast(_native.Bulkhead, self._open(_native.KIND_BULKHEAD, name, config_json))

    def retry(self, name: str, config: Document | None = None, **fields: Any) -> _native.Retry:
        """The retry of this name: when to try again, and when to give up.

        >>> with Engine() as engine:
        ...     retry = engine.retry("payments", max_attempts=2, base_seconds=0.1, jitter="none")
        ...     [retry.next(attempt) for attempt in (1, 2, 3)]
        [0.0, 0.1, None]
        """
        config_json = guard_of(config, fields)
        return cast(_native.Retry, self._open(_native.KIND_RETRY, name, config_json))

    def throttle(
        self, name: str, config: Document | None = None, **fields: Any
    ) -> _native.Throttle:
        """The throttle of this name: the more calls fail, the fewer are let through.

        >>> with Engine() as engine:
        ...     search = engine.throttle("search", window_seconds=30)
        ...     with search.acquire() as permit:
        ...         permit.admitted
        True
        """
        config_json = guard_of(config, fields)
        return cast(_native.Throttle, self._open(_native.KIND_THROTTLE, name, config_json))

    def guard(self, name: str, config: Document | None = None, **fields: Any) -> _native.Guard:
        """The chain of this name: guards that exist, by name, asked together in the order retry,
        bulkhead, breaker, throttle, limiter.

        >>> with Engine({"bulkheads": {"db": {"max_concurrent": 9}},
        ...              "limiters": {"api": {"preset": "auth", "keyed": True}}}) as engine:
        ...     chain = engine.guard("orders", bulkhead="db", limiter="api")
        ...     @chain(key=lambda user: user)
        ...     def order(user: str) -> str:
        ...         return f"for {user}"
        ...     order("ann")
        'for ann'
        """
        config_json = guard_of(config, fields)
        return cast(_native.Guard, self._open(_native.KIND_GUARD, name, config_json))

    def health(self, probe: Probe = "readiness") -> Health:
        """What a probe says: how the process is, and the HTTP status to answer with.

        >>> with Engine() as engine:
        ...     engine.report_health("redis", "unhealthy", message="connection refused")
        ...     engine.health(), engine.health("liveness").status
        (Health(status='unhealthy', http_status=503), 'healthy')
        """
        return Health(*self._health(probe))

    def events(self, cursor: int = 0) -> Events:
        """What happened since `cursor`, 0 being the oldest event that is kept: breakers that
        opened, samples of denials, keys that were blocked or evicted, permits that came back from
        dead workers.

        >>> with Engine() as engine:
        ...     engine.breaker("payments", {}).set_mode("forced_open")
        ...     found = engine.events()
        ...     [(event["name"], event["to"]) for event in found.events]
        ...     engine.events(found.cursor).events
        [('payments', 'forced_open')]
        []
        """
        events: list[dict[str, Any]] = []
        lost = 0
        while True:
            lines, after, missed = self._events(cursor)
            lost += missed
            if after == cursor or not lines:
                return Events(events, after, lost)
            events.extend(json.loads(line) for line in lines.splitlines())
            cursor = after

    def check_all(
        self, *requests: tuple[Any, ...], cost: int = 1
    ) -> _native.Decision:
        """Checks several limits as one: all admit, or none is touched. A request is a limiter and
        the parts of a key. The decision is that of the one that refuses, or of the tightest.

        >>> with Engine() as engine:
        ...     users = engine.limiter("users", preset="standard", keyed=True)
        ...     total = engine.limiter("total", preset="api")
        ...     bool(engine.check_all((users, "ann"), (total,)))
        True
        """
        return self._check_all([(limiter, cost, *parts) for limiter, *parts in requests])

    def snapshot(self) -> Snapshot:
        """A picture of everything, while writers go on."""
        return Snapshot(self._snapshot())

    def __copy__(self) -> Self:
        raise TypeError("an Engine cannot be copied; open another one on the same region path")

    def __deepcopy__(self, memo: object) -> Self:
        return self.__copy__()

    def __repr__(self) -> str:
        return f"<tidegate.Engine {'closed' if self.closed else 'open'}>"
