"""The scenarios of bindings/conformance, as every language runs them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tidegate import Decision, Engine, Outcome, Permit, TidegateError

FOLDER = Path(__file__).parents[2] / "conformance"
STATUS = {
    "TIDEGATE_OK": 0,
    "TIDEGATE_DENIED": 1,
    "TIDEGATE_E_ARGUMENT": -1,
    "TIDEGATE_E_CONFIG": -2,
    "TIDEGATE_E_NOT_FOUND": -3,
    "TIDEGATE_E_CONFLICT": -4,
    "TIDEGATE_E_CAPACITY": -5,
    "TIDEGATE_E_SPACE": -6,
    "TIDEGATE_E_FORMAT": -7,
    "TIDEGATE_E_SYSTEM": -8,
    "TIDEGATE_E_STALE": -9,
    "TIDEGATE_E_RANGE": -10,
    "TIDEGATE_E_STATE": -11,
}

Step = Mapping[str, Any]
#: A status, and what the call gave back.
Answer = tuple[int, Mapping[str, Any]]


def scenarios() -> list[Any]:
    return [
        pytest.param(scenario, id=f"{path.stem}: {scenario['name']}")
        for path in sorted(FOLDER.glob("*.json"))
        for scenario in json.loads(path.read_text(encoding="utf-8"))
    ]


def number(value: Any) -> Any:
    """`null` stands for NaN."""
    return math.nan if value is None else value


def parts(step: Step) -> tuple[str, ...]:
    return (step["key"],) if "key" in step else ()


def decided(decision: Decision) -> Answer:
    return int(not decision), {
        name: getattr(decision, name)
        for name in ("limit", "remaining", "retry_after_ns", "reset_after_ns")
    }


def columns(rows: list[dict[str, Any]]) -> Mapping[str, Any]:
    """What all rows have of each field."""
    names = ("event", "cause", "kind", "name", "key", "used", "denied")
    return {name: [row[name] for row in rows if name in row] for name in names}


class Run:
    """One scenario with an engine of its own; a method for each C function."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.engine = Engine({**config, "clock": "manual"})
        self.permits: dict[str, Permit] = {}
        self.throttled: list[Permit] = []
        self.latest: Decision | None = None
        self.next_event = 0

    def options(self, step: Step) -> dict[str, Any]:
        names = ("labels", "help", "unit", "relative_error", "slow_seconds")
        return {name: step[name] for name in names if name in step}

    def counter_add(self, step: Step) -> Answer:
        self.engine.counter(step["counter"], **self.options(step)).inc(step["amount"])
        return 0, {}

    def counter_value(self, step: Step) -> Answer:
        return 0, {"value": self.engine.counter(step["counter"], **self.options(step)).value()}

    def gauge_set(self, step: Step) -> Answer:
        self.engine.gauge(step["gauge"], **self.options(step)).set(number(step["value"]))
        return 0, {}

    def gauge_add(self, step: Step) -> Answer:
        self.engine.gauge(step["gauge"], **self.options(step)).inc(number(step["delta"]))
        return 0, {}

    def gauge_value(self, step: Step) -> Answer:
        return 0, {"value": self.engine.gauge(step["gauge"], **self.options(step)).value()}

    def histogram_record(self, step: Step) -> Answer:
        histogram = self.engine.histogram(step["histogram"], **self.options(step))
        histogram.record(number(step["value"]))
        return 0, {}

    def histogram_record_many(self, step: Step) -> Answer:
        histogram = self.engine.histogram(step["histogram"], **self.options(step))
        histogram.record_many([number(value) for value in step["values"]])
        return 0, {}

    def histogram_quantiles(self, step: Step) -> Answer:
        histogram = self.engine.histogram(step["histogram"], **self.options(step))
        return 0, {"values": histogram.quantiles(step["quantiles"], step["window_seconds"])}

    def record_metric(self, step: Step) -> Answer:
        self.engine.record(step["name"], number(step["value"]))
        return 0, {}

    def clock_advance(self, step: Step) -> Answer:
        self.engine._advance_ns(step["by_ns"])
        return 0, {}

    def limiter_check(self, step: Step) -> Answer:
        limiter = self.engine.limiter(step["limiter"])
        self.latest = limiter.check(*parts(step), cost=step.get("cost", 1))
        return decided(self.latest)

    def limiter_headers(self, step: Step) -> Answer:
        assert self.latest is not None
        return 0, dict(self.latest.headers(step["style"]))

    def limiter_top(self, step: Step) -> Answer:
        top = self.engine.limiter(step["limiter"]).top(step["count"], step["by"])
        return 0, columns([dict(key) for key in top])

    def events_read(self, step: Step) -> Answer:
        events, self.next_event, _ = self.engine.events(self.next_event)
        return 0, columns(events)

    def limiter_peek(self, step: Step) -> Answer:
        limiter = self.engine.limiter(step["limiter"])
        return decided(limiter.peek(*parts(step), cost=step.get("cost", 1)))

    def limiter_check_all(self, step: Step) -> Answer:
        requests = [
            (self.engine.limiter(request["limiter"]), *parts(request))
            for request in step["requests"]
        ]
        return decided(self.engine.check_all(*requests))

    def limiter_reserve(self, step: Step) -> Answer:
        wait = self.engine.limiter(step["limiter"]).reserve(
            *parts(step), cost=step.get("cost", 1), max_wait=step["max_wait_ns"] / 1e9
        )
        return (1, {}) if wait is None else (0, {"wait_ns": round(wait * 1e9)})

    def limiter_refund(self, step: Step) -> Answer:
        self.engine.limiter(step["limiter"]).refund(*parts(step), cost=step.get("cost", 1))
        return 0, {}

    def limiter_penalize(self, step: Step) -> Answer:
        self.engine.limiter(step["limiter"]).penalize(*parts(step), cost=step.get("cost", 1))
        return 0, {}

    def limiter_block(self, step: Step) -> Answer:
        self.engine.limiter(step["limiter"]).block(*parts(step), seconds=step["for_ns"] / 1e9)
        return 0, {}

    def limiter_allow(self, step: Step) -> Answer:
        self.engine.limiter(step["limiter"]).set_list(*parts(step), to=step["list"])
        return 0, {}

    def limiter_set_plan(self, step: Step) -> Answer:
        self.engine.limiter(step["limiter"]).set_plan(*parts(step), plan=step["plan"])
        return 0, {}

    def limiter_reconfigure(self, step: Step) -> Answer:
        self.engine.limiter(step["limiter"]).reconfigure(step["config"])
        return 0, {}

    def allow_request(self, step: Step) -> Answer:
        return int(not self.engine.allow(step["limiter"], *parts(step))), {}

    def health(self, step: Step) -> Answer:
        return 0, self.engine.health(step["probe"])._asdict()

    def keep(self, permit: Permit, step: Step) -> Answer:
        """A permit under the name that later steps use."""
        if permit:
            self.permits[step.get("as", "")] = permit
        return int(not permit), {}

    def breaker_acquire(self, step: Step) -> Answer:
        return self.keep(self.engine.breaker(step["breaker"]).acquire(), step)

    def breaker_report(self, step: Step) -> Answer:
        outcome = Outcome[step["outcome"].upper()]
        self.permits[step["permit"]].report(outcome, step.get("seconds", 0.0))
        return 0, {}

    def breaker_state(self, step: Step) -> Answer:
        return 0, {"phase": self.engine.breaker(step["breaker"]).state}

    def breaker_set_mode(self, step: Step) -> Answer:
        self.engine.breaker(step["breaker"]).set_mode(step["mode"])
        return 0, {}

    def breaker_read(self, step: Step) -> Answer:
        reading: dict[str, Any] = dict(self.engine.breaker(step["breaker"]).read())
        reading["retry_after_ns"] = round(reading["retry_after"] * 1e9)
        reading["tripped_age_ns"] = round(reading["tripped_age"] * 1e9)
        return 0, reading

    def guard_acquire(self, step: Step) -> Answer:
        permit = self.engine.guard(step["guard"]).acquire(
            *parts(step), cost=step.get("cost", 1), attempt=step.get("attempt", 1)
        )
        status, _ = self.keep(permit, step)
        return status, {
            "refused_by": permit.refused_by or "none",
            "retry_after_ns": round(permit.retry_after * 1e9),
        }

    def guard_report(self, step: Step) -> Answer:
        return self.breaker_report(step)

    def throttle_acquire(self, step: Step) -> Answer:
        permit = self.engine.throttle(step["throttle"]).acquire()
        if permit:
            self.throttled.append(permit)
        return int(not permit), {}

    def throttle_report(self, step: Step) -> Answer:
        # Its permits are all alike, and so the language may give back any.
        if not self.throttled:
            self.throttled.append(self.engine.throttle(step["throttle"]).acquire())
        self.throttled.pop().report(Outcome[step["outcome"].upper()])
        return 0, {}

    def bulkhead_enter_key(self, step: Step) -> Answer:
        return self.keep(self.engine.bulkhead(step["bulkhead"]).enter(step["key"]), step)

    def bulkhead_leave_with(self, step: Step) -> Answer:
        outcome = Outcome[step["outcome"].upper()]
        self.permits[step["permit"]].report(outcome, step.get("seconds", 0.0))
        return 0, {}

    def bulkhead_read(self, step: Step) -> Answer:
        return 0, dict(self.engine.bulkhead(step["bulkhead"]).read())

    def bulkhead_enter(self, step: Step) -> Answer:
        return self.keep(self.engine.bulkhead(step["bulkhead"]).enter(), step)

    def bulkhead_leave(self, step: Step) -> Answer:
        self.permits[step["permit"]].report(Outcome.SUCCESS)
        return 0, {}

    def retry_next(self, step: Step) -> Answer:
        delay = self.engine.retry(step["retry"]).next(step["attempt"])
        return (1, {}) if delay is None else (0, {"delay_ns": round(delay * 1e9)})

    def retry_next_after(self, step: Step) -> Answer:
        delay = self.engine.retry(step["retry"]).next(
            step["attempt"],
            elapsed=step.get("elapsed_ns", 0) / 1e9,
            server_retry_after=step.get("server_retry_after_ns", 0) / 1e9,
        )
        return (1, {}) if delay is None else (0, {"delay_ns": round(delay * 1e9)})

    def operation_record(self, step: Step) -> Answer:
        self.engine.operation(step["operation"], **self.options(step)).record(
            number(step["seconds"]),
            Outcome[step.get("outcome", "success").upper()],
            step.get("error_code"),
        )
        return 0, {}

    def operation_read(self, step: Step) -> Answer:
        operation = self.engine.operation(step["operation"], **self.options(step))
        return 0, dict(operation.read(step["window_seconds"]))

    def engine_open(self, step: Step) -> Answer:
        with Engine(step["config"]):
            return 0, {}

    def snapshot_render(self, step: Step) -> Answer:
        snapshot = self.engine.snapshot().to_dict()
        return 0, {pointer: pointed(snapshot, pointer) for pointer in step["expect"]}


def pointed(document: Any, pointer: str) -> Any:
    """What a JSON pointer points to."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def same(found: Any, expected: Any, within: float) -> bool:
    if isinstance(expected, list):
        return len(found) == len(expected) and all(
            same(one, other, within) for one, other in zip(found, expected, strict=True)
        )
    if expected is None:
        return found is None or (isinstance(found, float) and math.isnan(found))
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return isinstance(found, int | float) and (
            found == expected or abs(found - expected) <= within * abs(expected)
        )
    return bool(found == expected)


def call(function: Callable[[Step], Answer], step: Step) -> tuple[int, Mapping[str, Any], str]:
    try:
        return *function(step), ""
    except TidegateError as error:
        return error.code, {}, str(error)
    except ValueError as error:
        # What the binding refuses before the library sees it.
        return STATUS["TIDEGATE_E_ARGUMENT"], {}, str(error)


@pytest.mark.parametrize("scenario", scenarios())
def test_scenario(scenario: dict[str, Any]) -> None:
    run = Run(scenario["config"])
    for position, step in enumerate(scenario["steps"]):
        function = getattr(run, step["do"])
        wanted = STATUS[step.get("status", "TIDEGATE_OK")]
        for _ in range(step.get("repeat", 1)):
            status, given, message = call(function, step)
            where = f"step {position}, {step}: {given} {message}"
            assert status == wanted, where
            assert step.get("message", "") in message, where
            for name, expected in step.get("expect", {}).items():
                assert name in given, where
                assert same(given[name], expected, step.get("within", 0.0)), where
    run.engine.close()


def test_there_are_scenarios() -> None:
    assert len(scenarios()) > 10
