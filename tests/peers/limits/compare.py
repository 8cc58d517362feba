"""The same calls at the same times to tidegate and to `limits`; and the HTTP fields to a parser."""

import ctypes
import json
import random
import sys
import time

SECOND = 1_000_000_000
OK, DENIED = 0, 1


class Decision(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in ("limit", "remaining", "retry_after_ns", "reset_after_ns")
    ]


class Id(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint64)]


class Tidegate:
    """An engine on a manual clock, and the clock."""

    def __init__(self, library):
        self.library = ctypes.CDLL(library)
        self.engine = ctypes.c_void_p()
        self.now_ns = 0
        self.expect(OK, self.library.tidegate_engine_open(
            b'{"clock":"manual"}', ctypes.byref(self.engine)))

    def expect(self, status, found):
        if status != found:
            sentence = ctypes.create_string_buffer(400)
            self.library.tidegate_last_error(sentence, ctypes.c_size_t(400))
            raise AssertionError(f"status {found}, not {status}: {sentence.value.decode()}")

    def limiter(self, name, config):
        limiter = Id()
        self.expect(OK, self.library.tidegate_limiter_open(
            self.engine, name.encode(), config.encode(), ctypes.byref(limiter)))
        return limiter

    def check(self, limiter, cost=1):
        decision = Decision()
        status = self.library.tidegate_limiter_check(
            self.engine, limiter, None, ctypes.c_size_t(0), ctypes.c_uint32(cost),
            ctypes.byref(decision))
        if status not in (OK, DENIED):
            self.expect(OK, status)
        return status, decision

    def advance(self, by_ns):
        self.now_ns += by_ns
        self.expect(OK, self.library.tidegate_clock_advance(self.engine, ctypes.c_uint64(by_ns)))

    def headers(self, limiter, decision, verdict, style=0):
        length = ctypes.c_size_t()
        text = ctypes.create_string_buffer(1000)
        self.expect(OK, self.library.tidegate_limiter_headers(
            self.engine, limiter, ctypes.byref(decision), ctypes.c_int32(verdict),
            ctypes.c_uint32(style), text, ctypes.c_size_t(1000), ctypes.byref(length)))
        lines = text.raw[:length.value].decode("ascii").split("\r\n")
        assert lines.pop() == "", lines
        return dict(line.split(": ", 1) for line in lines)

    def problem(self, limiter, decision):
        length = ctypes.c_size_t()
        text = ctypes.create_string_buffer(1000)
        self.expect(OK, self.library.tidegate_limiter_problem(
            self.engine, limiter, ctypes.byref(decision), text, ctypes.c_size_t(1000),
            ctypes.byref(length)))
        return json.loads(text.raw[:length.value])


def moving_window(tidegate, limits, limit, seconds, seed):
    """Exact: the same answers; above 64: never more than a log allows, nor much less."""
    dice = random.Random(seed)
    ours = tidegate.limiter(
        f"moving-{limit}-{seed}",
        f'{{"algorithm":"sliding_window","limit":{limit},"window_seconds":{seconds}}}')
    theirs = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
    item = limits.RateLimitItemPerSecond(limit, seconds)
    window_ns = seconds * SECOND
    log, admitted, wanted = [], 0, 0
    for _ in range(4000):
        # Multiples of 2 us, so that the other side's floating point keeps them apart.
        step = dice.choice([0, 1, 3]) * dice.randrange(window_ns // max(limit, 1) + 1)
        tidegate.advance(step // 2000 * 2000 + (2000 if dice.random() < 0.5 else 0))
        cost = dice.randrange(1, min(limit, 4) + 1)
        log = [at for at in log if at + window_ns > tidegate.now_ns]
        status, _ = tidegate.check(ours, cost)
        answer = theirs.hit(item, "key", cost=cost)
        if limit <= 64:
            # At the edge itself the two may differ; then the logs part, and the rest says nothing.
            edge = any(at + window_ns == tidegate.now_ns for at in edge_of(theirs, item))
            if (status == OK) != answer and edge:
                return "until an edge"
            assert (status == OK) == answer, (limit, seed, tidegate.now_ns)
        if status == OK:
            log += [tidegate.now_ns] * cost
            admitted += cost
            assert len(log) <= limit, (limit, seed)
        wanted += cost if answer else 0
    assert admitted >= 0.95 * wanted, (limit, admitted, wanted)
    return f"{admitted} units here, {wanted} there"


def edge_of(theirs, item):
    entries = theirs.storage.events.get(item.key_for("key"), [])
    return [round(entry.atime * SECOND) for entry in entries]


def fixed_window(tidegate, limits, limit, seconds, seed):
    """Costs of more than 1 are the same within a window: see README.md."""
    dice = random.Random(seed)
    ours = tidegate.limiter(
        f"fixed-{limit}-{seed}",
        f'{{"algorithm":"fixed_window","limit":{limit},"window_seconds":{seconds}}}')
    theirs = limits.strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage())
    item = limits.RateLimitItemPerSecond(limit, seconds)
    window_ns = seconds * SECOND
    calls = 0
    for _ in range(40):
        # To the beginning of the next window: the first call of a window anchors it there.
        tidegate.advance(window_ns - tidegate.now_ns % window_ns)
        left, cost = window_ns - 1, dice.randrange(1, min(limit, 4) + 1)
        for _ in range(3 * limit):
            status, _ = tidegate.check(ours, cost)
            answer = theirs.hit(item, "key", cost=cost)
            assert (status == OK) == answer, (limit, seed, tidegate.now_ns)
            calls += 1
            step = dice.randrange(window_ns // (2 * limit)) // 1000 * 1000
            if step > left - SECOND // 1000:
                break
            tidegate.advance(step)
            left -= step
    return f"{calls} calls"


SECONDS = {"auth": 900, "standard": 60, "api": 3600}
LIMITS = {"auth": 5, "standard": 60, "api": 1000}


def fields(tidegate, parse):
    """Every style of fields, and the body of a denial, through all of a limit and beyond."""
    for preset, limit in LIMITS.items():
        name = f"per:{preset}/v1.2-x"
        limiter = tidegate.limiter(name, f'{{"preset":"{preset}"}}')
        denied = 0
        while denied < 5:
            verdict, decision = tidegate.check(limiter, 1 + limit // 100)
            denied += verdict == DENIED
            wait = -(-decision.retry_after_ns // SECOND)
            reset = wait if verdict == DENIED else -(-decision.reset_after_ns // SECOND)

            found = tidegate.headers(limiter, decision, verdict)
            ((policy, of_policy),) = parse(found.pop("RateLimit-Policy").encode(), tltype="list")
            ((same, of_state),) = parse(found.pop("RateLimit").encode(), tltype="list")
            assert isinstance(policy, str) and policy == same == name, (policy, same)
            assert of_policy == {"q": limit, "w": SECONDS[preset]}, of_policy
            assert of_state == {"r": decision.remaining, "t": reset}, (of_state, reset)
            may_come_again(parse, found, verdict, wait)

            found = tidegate.headers(limiter, decision, verdict, 1)
            ((quota, of_policy),) = parse(found.pop("RateLimit-Policy").encode(), tltype="list")
            assert (quota, of_policy) == (limit, {"w": SECONDS[preset]}), found
            for field, value in [("Limit", limit), ("Remaining", decision.remaining),
                                 ("Reset", reset)]:
                item, none = parse(found.pop(f"RateLimit-{field}").encode(), tltype="item")
                assert (item, none) == (value, {}), (field, item)
            may_come_again(parse, found, verdict, wait)

            found = tidegate.headers(limiter, decision, verdict, 2)
            for field, value in [("Limit", limit), ("Remaining", decision.remaining),
                                 ("Reset", reset)]:
                assert int(found.pop(f"X-RateLimit-{field}")) == value, (field, value)
            may_come_again(parse, found, verdict, wait)

            if verdict == DENIED:
                body = tidegate.problem(limiter, decision)
                assert body["status"] == 429 and body["violated-policies"] == [name], body
                assert body["type"].startswith("https://iana.org/assignments/http-problem-types#")
                assert isinstance(body["title"], str) and f"{max(1, wait)} s" in body["detail"]
            # Also at the last nanosecond before a unit comes back, and in the middle of a second.
            tidegate.advance([0, 1, SECOND // 3, max(decision.retry_after_ns, 1) - 1][denied % 4])
    return "parsed"


def may_come_again(parse, left, verdict, wait):
    """Of what is left of the fields: Retry-After is there when denied, rounded up and at least 1."""
    if verdict == DENIED:
        item, none = parse(left.pop("Retry-After").encode(), tltype="item")
        assert (item, none) == (max(1, wait), {}), (item, wait)
    assert not left, left


def main():
    import http_sf
    import limits
    import limits.storage
    import limits.strategies

    tidegate = Tidegate(sys.argv[1])
    time.time = lambda: tidegate.now_ns / SECOND
    for limit, seconds in [(1, 1), (5, 1), (20, 10), (64, 60), (100, 60), (1000, 60)]:
        for seed in range(3):
            print("moving window", limit, seconds, moving_window(
                tidegate, limits, limit, seconds, seed))
    for limit, seconds in [(1, 1), (7, 10), (100, 60)]:
        print("fixed window", limit, seconds, fixed_window(tidegate, limits, limit, seconds, 1))
    print("fields", fields(tidegate, http_sf.parse))


main()
