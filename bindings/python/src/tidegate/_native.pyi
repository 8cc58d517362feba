"""What the C extension gives; the public names are those of the package tidegate."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Literal, TypedDict, TypeVar, final, overload

from typing_extensions import Self

from . import engine as _engine
from .decorate import Ignore
from .documents import Document
from .engine import HealthStatus, KeyPart, Probe

_F = TypeVar("_F", bound=Callable[..., Any])

version: str

KIND_COUNTER: int
KIND_GAUGE: int
KIND_HISTOGRAM: int
KIND_LIMITER: int
KIND_OPERATION: int
KIND_BREAKER: int
KIND_BULKHEAD: int
KIND_RETRY: int
KIND_ENUM: int
KIND_RATIO: int
KIND_GUARD: int
KIND_THROTTLE: int
FORMAT_JSON: int
FORMAT_PROMETHEUS: int
FORMAT_OPENMETRICS: int
FORMAT_HEALTH_JSON: int
FORMAT_HEALTH_SIMPLE: int
FORMAT_STATSD: int
FORMAT_HDR_LOG: int
FORMAT_OTLP: int
OUTCOME_SUCCESS: int
OUTCOME_FAILURE: int
OUTCOME_IGNORED: int

def _ticks_per_second() -> float: ...
def config_check(text: str, /) -> None: ...
def snapshot_parse(document: str | bytes, /) -> Snapshot: ...
def key_bytes(*key_parts: KeyPart) -> bytes: ...

class Handle:
    """What counters, limiters and all the others have in common; not there at run time."""

    @property
    def name(self) -> str: ...
    @property
    def engine(self) -> _engine.Engine: ...
    @property
    def _id(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...

class Metric(Handle):
    """What metrics have in common; not there at run time."""

    def labels(self, **labels: str | int) -> Self: ...

class Engine:
    def __new__(cls, config: str | None = None, path: str | None = None) -> Self: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def advance(self, seconds: float, /) -> None: ...
    def tick(self) -> None: ...
    def record(self, name: str, value: float, /) -> None: ...
    def allow(self, limiter: str, /, *key_parts: KeyPart) -> bool: ...
    def _advance_ns(self, by_ns: int, /) -> None: ...
    def _open(self, kind: int, name: str, options: str | None, /) -> Handle: ...
    def report_health(
        self,
        check: str,
        status: HealthStatus,
        observed: float | None = None,
        message: str | None = None,
        ttl: float = 0.0,
    ) -> None: ...
    def heartbeat(self) -> None: ...
    def startup_done(self) -> None: ...
    def report_error(self, code: str, text: str, /) -> None: ...
    def _set_info(self, name: str, labels: str, /) -> None: ...
    def _check_all(self, requests: list[tuple[Any, ...]], /) -> Decision: ...
    def _events(self, cursor: int, /) -> tuple[str, int, int]: ...
    def _health(self, probe: Probe, /) -> tuple[HealthStatus, int]: ...
    def _snapshot(self) -> Snapshot: ...

@final
class Snapshot:
    def render(self, format: int, options: str | None = None, /) -> Any: ...
    def since(self, earlier: Snapshot, /) -> Snapshot: ...
    def merge(self, other: Snapshot, /) -> Snapshot: ...

@final
class Counter(Metric):
    """A count that only grows, over all processes of the region together."""

    def inc(self, amount: int = 1, /) -> None: ...
    def value(self) -> int: ...

@final
class Gauge(Metric):
    """A value that moves."""

    def set(self, value: float, /) -> None: ...
    def inc(self, amount: float = 1, /) -> None: ...
    def dec(self, amount: float = 1, /) -> None: ...
    def value(self) -> float: ...

@final
class Histogram(Metric):
    """A distribution of values, with quantiles."""

    def record(self, value: float, /) -> None: ...
    def record_many(self, values: Iterable[float], /) -> None: ...
    def record_exemplar(self, value: float, trace_id: str, /) -> None: ...
    def import_hdr(self, data: str | bytes, scale: float = 1.0) -> int: ...
    def quantiles(self, quantiles: Iterable[float], window: float = 0.0) -> list[float]: ...
    def time(self) -> Timer: ...

@final
class Timer:
    """Records how long a block took."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

class TopKey(TypedDict):
    key: str
    used: int
    denied: int
    error_bound: int

@final
class Limiter(Handle):
    """A rate limit, for all processes of the region together."""

    def check(self, *key_parts: KeyPart, cost: int = 1) -> Decision: ...
    def peek(self, *key_parts: KeyPart, cost: int = 1) -> Decision: ...
    def reserve(
        self, *key_parts: KeyPart, cost: int = 1, max_wait: float | None = None
    ) -> float | None: ...
    def refund(self, *key_parts: KeyPart, cost: int = 1) -> None: ...
    def penalize(self, *key_parts: KeyPart, cost: int = 1) -> None: ...
    def block(self, *key_parts: KeyPart, seconds: float) -> None: ...
    def set_list(self, *key_parts: KeyPart, to: Literal["none", "allow", "deny"]) -> None: ...
    def set_plan(self, *key_parts: KeyPart, plan: str | None) -> None: ...
    def top(self, count: int = 10, by: Literal["used", "denied"] = "used") -> list[TopKey]: ...
    def reconfigure(self, config: Document | None = None, /, **fields: Any) -> None: ...
    def admit(self, *key_parts: KeyPart, cost: int = 1) -> Permit: ...
    def limit(
        self, *, key: Callable[..., KeyPart | tuple[KeyPart, ...]] | None = None, cost: int = 1
    ) -> Callable[[_F], _F]: ...
    def _begin(
        self, *key_parts: KeyPart, cost: int = 1, ignore: Ignore = ()
    ) -> Permit: ...

@final
class Decision:
    """What a limiter said; truthy when admitted. Durations are float seconds."""

    def __bool__(self) -> bool: ...
    @property
    def admitted(self) -> bool: ...
    @property
    def limit(self) -> int: ...
    @property
    def remaining(self) -> int: ...
    @property
    def retry_after(self) -> float: ...
    @property
    def retry_after_ns(self) -> int: ...
    @property
    def reset_after(self) -> float: ...
    @property
    def reset_after_ns(self) -> int: ...
    def headers(
        self, style: Literal["current", "draft_06", "legacy"] = "current"
    ) -> list[tuple[str, str]]: ...
    def problem(self) -> str: ...

@final
class Permit:
    """One call that a guard lets through, or does not; truthy when it does."""

    def __bool__(self) -> bool: ...
    @property
    def admitted(self) -> bool: ...
    @property
    def open(self) -> bool: ...
    @property
    def retry_after(self) -> float: ...
    @property
    def refused_by(self) -> str | None: ...
    @property
    def guard(self) -> Any: ...
    def report(
        self, outcome: int, seconds: float | None = None, error: str | None = None
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Guarded:
    """A function under a guard; it has the function's attributes too."""

    __name__: str
    __wrapped__: Callable[..., Any]
    @property
    def guard(self) -> Handle: ...
    def __getattr__(self, name: str, /) -> Any: ...
    def __new__(
        cls, function: Callable[..., Any], guard: Handle, key: Any, ignore: Any, cost: int, /
    ) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class OperationReading(TypedDict):
    count: int
    successes: int
    failures: int
    ignored: int
    slow: int
    rate_per_second: float
    success_ratio: float
    error_rate: float
    average: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    min: float
    max: float

@final
class Operation(Metric):
    """Latency, outcome and error code of calls."""

    def _begin(
        self, *key_parts: KeyPart, cost: int = 1, ignore: Ignore = ()
    ) -> Permit: ...
    def record(self, seconds: float, outcome: int = 0, error: str | None = None) -> None: ...
    def record_detail(
        self,
        seconds: float,
        outcome: int = 0,
        error: str | None = None,
        message: str | None = None,
        detail: str | None = None,
        trace_id: str | None = None,
    ) -> None: ...
    def time(self, *, ignore: Ignore = ()) -> Permit: ...
    def read(self, window: float = 0.0) -> OperationReading: ...
    @overload
    def __call__(self, function: _F, /) -> _F: ...
    @overload
    def __call__(self, /, *, ignore: Ignore = ()) -> Callable[[_F], _F]: ...

#: Where a breaker is.
Phase = Literal[
    "closed", "open", "half_open", "forced_open", "disabled", "forced_closed", "metrics_only"
]

class BreakerReading(TypedDict):
    phase: Phase
    reason: str
    generation: int
    calls: int
    failures: int
    slow_calls: int
    failure_rate: float
    slow_call_rate: float
    retry_after: float
    opened_count: int
    permits_out: int
    tripped_calls: int
    tripped_failures: int
    tripped_slow_calls: int
    tripped_age: float

@final
class Breaker(Handle):
    """A circuit breaker, one for all processes of the region."""

    def _begin(
        self, *key_parts: KeyPart, cost: int = 1, ignore: Ignore = ()
    ) -> Permit: ...
    @property
    def state(self) -> Phase: ...
    def acquire(self, *, ignore: Ignore = ()) -> Permit: ...
    def set_mode(self, mode: Phase, /) -> None: ...
    def read(self) -> BreakerReading: ...
    @overload
    def __call__(self, function: _F, /) -> _F: ...
    @overload
    def __call__(self, /, *, ignore: Ignore = ()) -> Callable[[_F], _F]: ...

class BulkheadReading(TypedDict):
    limit: int
    in_use: int
    returned_from_dead: int

@final
class Bulkhead(Handle):
    """So many calls inside at once, those of all processes together."""

    def enter(self, *key_parts: KeyPart, ignore: Ignore = ()) -> Permit: ...
    def read(self) -> BulkheadReading: ...
    @overload
    def __call__(self, function: _F, /) -> _F: ...
    @overload
    def __call__(
        self,
        /,
        *,
        key: Callable[..., KeyPart | tuple[KeyPart, ...]] | None = None,
        ignore: Ignore = (),
    ) -> Callable[[_F], _F]: ...
    def _begin(
        self, *key_parts: KeyPart, cost: int = 1, ignore: Ignore = ()
    ) -> Permit: ...

@final
class Retry(Handle):
    """When to try again, with a budget that all processes share."""

    def next(
        self, attempt: int, *, elapsed: float = 0.0, server_retry_after: float = 0.0
    ) -> float | None: ...
    @overload
    def __call__(self, function: _F, /) -> _F: ...
    @overload
    def __call__(self, /, *, ignore: Ignore = ()) -> Callable[[_F], _F]: ...

@final
class Throttle(Handle):
    """Sends less to a server that fails more."""

    def acquire(self, *, ignore: Ignore = ()) -> Permit: ...
    @overload
    def __call__(self, function: _F, /) -> _F: ...
    @overload
    def __call__(self, /, *, ignore: Ignore = ()) -> Callable[[_F], _F]: ...
    def _begin(
        self, *key_parts: KeyPart, cost: int = 1, ignore: Ignore = ()
    ) -> Permit: ...

@final
class Guard(Handle):
    """A chain of guards, asked together."""

    def acquire(
        self, *key_parts: KeyPart, cost: int = 1, attempt: int = 1, ignore: Ignore = ()
    ) -> Permit: ...
    @overload
    def __call__(self, function: _F, /) -> _F: ...
    @overload
    def __call__(
        self,
        /,
        *,
        key: Callable[..., KeyPart | tuple[KeyPart, ...]] | None = None,
        ignore: Ignore = (),
        cost: int = 1,
    ) -> Callable[[_F], _F]: ...
    def _begin(
        self, *key_parts: KeyPart, cost: int = 1, ignore: Ignore = ()
    ) -> Permit: ...

class RatioReading(TypedDict):
    hits: int
    misses: int
    ratio: float

@final
class Ratio(Metric):
    """Hits and misses, such as those of a cache."""

    def record(self, hits: int = 0, misses: int = 0) -> None: ...
    def hit(self) -> None: ...
    def miss(self) -> None: ...
    def read(self, window: float = 0.0) -> RatioReading: ...

@final
class Enum(Metric):
    """One of several states."""

    def set(self, state: str, /) -> None: ...
