"""The same calls at the same times to tidegate's breaker and to those of others."""

import ctypes
import json
import os
import random
import subprocess
import sys

SECOND = 1_000_000_000
OK, DENIED = 0, 1
SUCCESS, FAILURE = 0, 1
CLOSED = 0


class Id(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint64)]


class Reading(ctypes.Structure):
    _fields_ = (
        [("phase", ctypes.c_int32), ("reason", ctypes.c_uint32)]
        + [(name, ctypes.c_uint64) for name in ("generation", "calls", "failures", "slow_calls")]
        + [(name, ctypes.c_double) for name in ("failure_rate", "slow_call_rate")]
        + [(name, ctypes.c_uint64) for name in (
            "retry_after_ns", "opened_count", "permits_out", "tripped_calls", "tripped_failures",
            "tripped_slow_calls", "tripped_age_ns")]
    )


class Breaker:
    """A breaker of an engine of its own, on a manual clock."""

    def __init__(self, library, config):
        self.library = ctypes.CDLL(library)
        self.engine, self.id, self.now_ns = ctypes.c_void_p(), Id(), 0
        self.expect_ok(self.library.tidegate_engine_open(
            b'{"clock":"manual"}', ctypes.byref(self.engine)))
        self.expect_ok(self.library.tidegate_breaker_open(
            self.engine, b"it", json.dumps(config).encode(), ctypes.byref(self.id)))

    def expect_ok(self, status):
        if status != OK:
            sentence = ctypes.create_string_buffer(400)
            self.library.tidegate_last_error(sentence, ctypes.c_size_t(400))
            raise AssertionError(f"status {status}: {sentence.value.decode()}")

    def advance(self, by_ns):
        self.now_ns += by_ns
        self.expect_ok(self.library.tidegate_clock_advance(self.engine, ctypes.c_uint64(by_ns)))

    def acquire(self):
        permit = ctypes.c_uint64()
        status = self.library.tidegate_breaker_acquire(self.engine, self.id, ctypes.byref(permit))
        if status == DENIED:
            return None
        self.expect_ok(status)
        return permit

    def report(self, permit, good):
        self.expect_ok(self.library.tidegate_breaker_report(
            self.engine, self.id, permit, ctypes.c_int32(SUCCESS if good else FAILURE),
            ctypes.c_double(0.001)))

    def read(self):
        reading = Reading()
        self.expect_ok(self.library.tidegate_breaker_read(
            self.engine, self.id, ctypes.byref(reading)))
        return reading

    def is_good(self, good, minimum):
        """The call that brings the calls to their minimum fails."""
        reading = self.read()
        return good and not (reading.phase == CLOSED and reading.calls + 1 == minimum)


def overlapping(breaker, minimum, seed, unit_ns):
    """Calls begin and end as chance has it; lines of the trace, and our answers."""
    dice = random.Random(seed)
    lines, answers, out = [], [], {}
    for number in range(3000):
        is_closed = breaker.read().phase == CLOSED
        longest = SECOND // 50 if is_closed else SECOND
        breaker.advance(dice.randrange(1, longest // unit_ns) * unit_ns)
        if out and dice.random() < 0.5:
            which = dice.choice(list(out))
            good = breaker.is_good(dice.random() < chance(number), minimum)
            breaker.report(out.pop(which), good)
            lines.append(f"{breaker.now_ns} {'ok' if good else 'fail'} {which}")
        elif len(out) < 8:
            permit = breaker.acquire()
            lines.append(f"{breaker.now_ns} begin {number}")
            answers.append(permit is not None)
            if permit is not None:
                out[number] = permit
    return lines, answers


def chance(number):
    """Good times and bad times."""
    return 0.9 if number // 100 % 2 else 0.35


def one_by_one(breaker, minimum, seed, unit_ns, pause_ns):
    """One call after the other; a pause after closing, and where the closed state took long."""
    dice = random.Random(seed)
    lines, answers, in_a_row, was_closed = [], [], 0, True
    for number in range(3000):
        is_closed = breaker.read().phase == CLOSED
        longest = SECOND // 50 if is_closed else SECOND
        in_a_row = in_a_row + 1 if is_closed and was_closed else 0
        breaker.advance(dice.randrange(1, longest // unit_ns) * unit_ns)
        if pause_ns and is_closed and (not was_closed or in_a_row > 100):
            breaker.advance(pause_ns)
            in_a_row = 0
        was_closed = is_closed
        permit = breaker.acquire()
        good = breaker.is_good(dice.random() < chance(number), minimum)
        if permit is not None:
            breaker.report(permit, good)
        lines.append(f"{breaker.now_ns} {'ok' if good else 'fail'}")
        answers.append(permit is not None)
    return lines, answers


def written(home, settings, lines):
    path = os.path.join(home, "trace.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join([json.dumps(settings)] + lines) + "\n")
    return path


def agree(name, ours, theirs, opened):
    for number, (one, other) in enumerate(zip(ours, theirs)):
        assert one == other, f"{name}: call {number}: {one} here, {other} there"
    assert len(ours) == len(theirs), (name, len(ours), len(theirs))
    assert opened > 1 and not all(ours), f"{name}: the trace shows nothing"
    print(f"{name}: {len(ours)} calls, {ours.count(False)} denied, opened {opened} times: the same")


def gobreaker(library, home):
    for seed in range(5):
        for consecutive, minimum, probes in [(5, 0, 1), (3, 0, 3), (0, 20, 2), (0, 10, 5)]:
            config = {"open_seconds": 5, "half_open_calls": probes, "permit_timeout_seconds": 86400}
            if consecutive:
                config["consecutive_failures"] = consecutive
            else:
                config |= {"failure_rate": 0.5, "minimum_calls": minimum, "window": {"seconds": 3600}}
            breaker = Breaker(library, config)
            lines, ours = overlapping(breaker, minimum, seed, 1)
            settings = {"consecutive": consecutive, "minimum": minimum, "probes": probes,
                        "open_ns": 5 * SECOND}
            path = os.path.join(home, "answers.txt")
            subprocess.run(
                [os.path.join(home, "go", "trace.test"), "-test.run=TestTrace"], check=True,
                stdout=subprocess.DEVNULL,
                env=os.environ | {"TRACE": written(home, settings, lines), "ANSWERS": path})
            with open(path, encoding="ascii") as file:
                theirs = [line == "1\n" for line in file]
            name = f"gobreaker {consecutive or minimum}/{probes}, seed {seed}"
            agree(name, ours, theirs, breaker.read().opened_count)


def opossum(library, home):
    for seed in range(5):
        for minimum in (5, 20):
            breaker = Breaker(library, {
                "failure_rate": 0.5, "minimum_calls": minimum, "window": {"seconds": 10},
                "open_seconds": 5, "half_open_calls": 1})
            lines, ours = one_by_one(breaker, minimum, seed, SECOND // 1000, 12 * SECOND)
            settings = {"minimum": minimum, "open_ns": 5 * SECOND}
            found = subprocess.run(
                ["node", os.path.join(home, "node", "opossum.mjs"),
                 written(home, settings, lines)],
                check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            theirs = [line == "1" for line in found.stdout.split()]
            agree(f"opossum {minimum}, seed {seed}", ours, theirs, breaker.read().opened_count)


def pybreaker(library, _home):
    import datetime

    import pybreaker as peer

    class Clock:
        at_ns = 0

        @classmethod
        def now(cls, zone):
            begin = datetime.datetime(2026, 1, 1, tzinfo=zone)
            return begin + datetime.timedelta(microseconds=cls.at_ns // 1000)

    peer.datetime = Clock
    for seed in range(5):
        for failures, successes in [(1, 1), (5, 1), (3, 4)]:
            ours_there = Breaker(library, {
                "consecutive_failures": failures, "open_seconds": 5, "half_open_calls": successes})
            lines, ours = one_by_one(ours_there, 0, seed, 1000, 0)
            Clock.at_ns = 0
            theirs_there = peer.CircuitBreaker(
                fail_max=failures, reset_timeout=5, success_threshold=successes)
            theirs = []
            for line in lines:
                at, outcome = line.split()
                Clock.at_ns = int(at)
                theirs.append(was_made(theirs_there, outcome == "ok"))
            agree(f"pybreaker {failures}/{successes}, seed {seed}", ours, theirs,
                  ours_there.read().opened_count)


def was_made(breaker, good):
    made = []

    def call():
        made.append(True)
        if not good:
            raise ValueError("as the trace says")

    try:
        breaker.call(call)
    except Exception:  # noqa: BLE001 - whatever it raises, only whether it called counts
        pass
    return bool(made)


def main():
    library, home, *peers = sys.argv[1:]
    for peer in peers:
        {"gobreaker": gobreaker, "opossum": opossum, "pybreaker": pybreaker}[peer](library, home)


main()
