"""What a call costs here and with the peers: medians of samples, nanoseconds a call.

Question: what does a Python developer pay for each count, check or guarded call? Data: constants,
and keys and latencies made from a fixed seed. Every row measures the peer and tidegate in turns in
one process, so that a machine that slows down does so for both. A loop that only takes the same
keys and values out of the same lists is taken off.

A bucket in use is one that was not full for some 30 ms: then a clock that is read from memory is good
enough to the unit. A full one has to know the time to the nanosecond, as does a denial of a window.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import backoff
import circuitbreaker
import limits
import limits.storage
import limits.strategies
import prometheus_client
import pybreaker
import tenacity
import tidegate

RESULTS = Path(__file__).parents[3] / "benches" / "results"

Statement = Callable[[int], None]
#: What is measured, and what is taken off.
Timed = tuple[Statement, Statement]


def loop(statement: str, names: dict[str, object], taken: str = "pass") -> Timed:
    """`statement` so many times, as straight code, and `taken` likewise."""

    def run(text: str) -> Statement:
        space: dict[str, object] = dict(names)
        exec(f"def run(n):\n for i in range(n):\n  {text}", space)
        return space["run"]  # type: ignore[return-value]

    return run(statement), run(taken)


def calls_for(run: Statement, seconds: float) -> int:
    """How many calls take about so long."""
    n = 64
    while True:
        begun = time.perf_counter()
        run(n)
        took = time.perf_counter() - begun
        if took > seconds / 8:
            return max(1, int(n * seconds / took))
        n *= 4


def measure(runs: list[Timed], samples: int, seconds: float) -> list[float]:
    """Median nanoseconds a call of each, sampled in turns."""
    counts = [calls_for(run, seconds) for run, _ in runs]
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(samples):
        for (run, empty), n, into in zip(runs, counts, found, strict=True):
            begun = time.perf_counter_ns()
            run(n)
            took = time.perf_counter_ns() - begun
            begun = time.perf_counter_ns()
            empty(n)
            into.append((took - (time.perf_counter_ns() - begun)) / n)
    return [statistics.median(values) for values in found]


def rows() -> list[tuple[str, float | None, dict[str, Timed]]]:
    """What is compared: a name, the most that tidegate may cost, and who does it how."""
    random.seed(1)
    engine = tidegate.Engine({"metrics": {"max_series": 8192, "max_series_per_name": 4096}})
    registry = prometheus_client.CollectorRegistry()
    keys = [f"user-{random.randrange(10_000)}" for _ in range(4096)]
    latencies = [random.lognormvariate(-5.0, 1.0) for _ in range(4096)]

    def work(x: int) -> int:
        return x

    theirs = {
        "counter": prometheus_client.Counter("c", "h", registry=registry),
        "histogram": prometheus_client.Histogram("h", "h", registry=registry),
        "labelled": prometheus_client.Counter("l", "h", ["a", "b"], registry=registry),
        "latencies": latencies,
    }
    ours = {
        "counter": engine.counter("c"),
        "histogram": engine.histogram("h"),
        "latencies": latencies,
    }
    storage = limits.storage.MemoryStorage()
    fixed = limits.strategies.FixedWindowRateLimiter(storage)
    moving = limits.strategies.MovingWindowRateLimiter(storage)
    rate = limits.parse("1000000000/second")
    some, one = limits.parse("10000/minute"), limits.parse("1/hour")
    full = engine.limiter(
        "full", algorithm="token_bucket", rate_per_second=1e7, burst=10**7, keyed=True
    )
    used = engine.limiter(
        "used", algorithm="token_bucket", rate_per_second=1e3, burst=10**9, keyed=True
    )
    window = engine.limiter(
        "window", algorithm="sliding_window", limit=10_000, window_seconds=60, keyed=True
    )
    denying = engine.limiter(
        "denying", algorithm="sliding_window", limit=1, window_seconds=3600, keyed=True
    )
    for key in set(keys):
        used.check(key, cost=10**8)
        for limiter in (full, window, denying):
            limiter.check(key)
    for number in range(1024):
        used.check("acme", number, cost=10**8)
    breaker = engine.breaker("breaker", {})
    retry = engine.retry("retry", {})
    operation = engine.operation("operation")
    bulkhead = engine.bulkhead("bulkhead", max_concurrent=10)
    engine.limiter("chain", algorithm="token_bucket", rate_per_second=1e9, burst=10**6)
    chain = engine.guard("chain", bulkhead="bulkhead", breaker="breaker", limiter="chain")
    forced = engine.breaker("forced", {"initial": "forced_open"})

    def f(call: Callable[[int], object]) -> Timed:
        return loop("f(i)", {"f": call})

    def by_key(check: Callable[[str], object]) -> Timed:
        return loop("check(keys[i & 4095])", {"check": check, "keys": keys}, "keys[i & 4095]")

    def by_limit(hit: Callable[..., object], limit: object) -> Timed:
        names = {"hit": hit, "limit": limit, "keys": keys}
        return loop("hit(limit, keys[i & 4095])", names, "keys[i & 4095]")

    for number in range(1000):
        series = engine.histogram("scrape", labels={"n": str(number)})
        series.record_many(latencies[:100])
    many = prometheus_client.CollectorRegistry()
    family = prometheus_client.Histogram("scrape", "h", ["n"], registry=many)
    for number in range(1000):
        child = family.labels(str(number))
        for latency in latencies[:20]:
            child.observe(latency)
    value = "latencies[i & 4095]"
    return [
        ("counter.inc()", 25, {
            "tidegate": loop("counter.inc()", ours),
            "prometheus_client": loop("counter.inc()", theirs)}),
        ("histogram.record(v)", 30, {
            "tidegate": loop("histogram.record(latencies[i & 4095])", ours, value),
            "prometheus_client": loop("histogram.observe(latencies[i & 4095])", theirs, value)}),
        ("counter.labels(a=…, b=…).inc()", 60, {
            "tidegate": loop("counter.labels(a='x', b='y').inc()", ours),
            "prometheus_client": loop("labelled.labels(a='x', b='y').inc()", theirs)}),
        ("with histogram.time()", 150, {
            "tidegate": loop("\n  with histogram.time(): pass", ours),
            "prometheus_client": loop("\n  with histogram.time(): pass", theirs)}),
        ("decorator that measures", 110, {
            "tidegate": f(operation(work)),
            "prometheus_client": f(theirs["histogram"].time()(work))}),
        ("limiter.check(key), buckets in use", 70, {
            "tidegate": by_key(used.check),
            "limits, fixed window": by_limit(fixed.hit, rate)}),
        ("limiter.check(key), buckets full", 70, {
            "tidegate": by_key(full.check),
            "limits, fixed window": by_limit(fixed.hit, rate)}),
        ("limiter.check(tenant, user), buckets in use", None, {
            "tidegate": loop("check('acme', i & 1023)", {"check": used.check}, "i & 1023"),
            "limits, fixed window": loop("hit(rate, 'acme', str(i & 1023))",
                                         {"hit": fixed.hit, "rate": rate}, "i & 1023")}),
        ("limiter.check(key), sliding window, admitted", 70, {
            "tidegate": by_key(window.check),
            "limits, moving window": by_limit(moving.hit, some)}),
        ("limiter.check(key), sliding window, denied", 70, {
            "tidegate": by_key(denying.check),
            "limits, moving window": by_limit(moving.hit, one)}),
        ("breaker decorator, closed", 110, {
            "tidegate": f(breaker(work)),
            "circuitbreaker": f(circuitbreaker.circuit(work)),
            "pybreaker": f(pybreaker.CircuitBreaker()(work))}),
        ("breaker denies", None, {"tidegate": loop("acquire()", {"acquire": forced.acquire})}),
        ("retry decorator, success", 200, {
            "tidegate": f(retry(work)),
            "tenacity": f(tenacity.retry(work)),
            "backoff": f(backoff.on_exception(backoff.expo, ValueError)(work))}),
        ("bulkhead decorator", None, {"tidegate": f(bulkhead(work))}),
        ("chain decorator: bulkhead, breaker, limiter", None, {"tidegate": f(chain(work))}),
        ("scrape of 1,000 histograms", 2e6, {
            "tidegate": loop("snapshot().prometheus(names=['scrape'])",
                             {"snapshot": engine.snapshot}),
            "prometheus_client": loop("generate(many)",
                                      {"generate": prometheus_client.generate_latest,
                                       "many": many})}),
    ]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--save", action="store_true", help="keep the table in benches/results")
    options.add_argument("--smoke", action="store_true", help="only show that everything runs")
    chosen = options.parse_args()
    samples, seconds = (1, 0.001) if chosen.smoke else (11, 0.05)
    gc.disable()
    now = datetime.datetime.now(datetime.timezone.utc)
    lines = [
        f"# Python, {now:%Y-%m-%d}",
        "",
        f"CPython {platform.python_version()} ({platform.python_compiler()}), {platform.machine()},"
        f" Linux {platform.release()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}."
        f" Medians of {samples} samples of {seconds * 1e3:.0f} ms, ns a call; tidegate"
        f" {tidegate.__version__}.",
        "",
        "| call | tidegate | at most | peers |",
        "|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for name, most, who in rows():
        found = dict(zip(who, measure(list(who.values()), samples, seconds), strict=True))
        mine = found.pop("tidegate")
        peers = ", ".join(f"{peer} {ns:,.0f}" for peer, ns in found.items()) or "-"
        bound = "-" if most is None else f"{most:,.0f}"
        lines.append(f"| `{name}` | {mine:,.0f} | {bound} | {peers} |")
        print(lines[-1], flush=True)
    if chosen.save:
        RESULTS.mkdir(parents=True, exist_ok=True)
        place = RESULTS / f"{now:%Y-%m-%d}-python.md"
        place.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"kept in {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
