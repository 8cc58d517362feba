"""The same calls at the same times to tidegate's token buckets, governor and x/time/rate."""

import ctypes
import os
import random
import subprocess
import sys

SECOND = 1_000_000_000
CALLS = 4000


class Id(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint64)]


def ours(library, rate, burst, trace):
    """The answers of a bucket on a manual clock."""
    engine, limiter = ctypes.c_void_p(), Id()
    config = f'{{"algorithm":"token_bucket","rate_per_second":{rate},"burst":{burst}}}'
    assert library.tidegate_engine_open(b'{"clock":"manual"}', ctypes.byref(engine)) == 0
    assert library.tidegate_limiter_open(
        engine, b"bucket", config.encode(), ctypes.byref(limiter)) == 0
    answers = []
    for step, cost in trace:
        assert library.tidegate_clock_advance(engine, ctypes.c_uint64(step)) == 0
        status = library.tidegate_limiter_check(
            engine, limiter, None, ctypes.c_size_t(0), ctypes.c_uint32(cost), None)
        assert status in (0, 1), status
        answers.append(status == 0)
    library.tidegate_engine_close(engine)
    return answers


def theirs(program, rate, burst, trace):
    lines = [f"{rate} {burst}"] + [f"{step} {cost}" for step, cost in trace]
    run = subprocess.run(
        [program], input="\n".join(lines), capture_output=True, text=True, check=True)
    return [line == "1" for line in run.stdout.split()]


def trace(dice, rate, burst, grain):
    """Calls around the rate, in bursts; times are multiples of `grain`."""
    unit = SECOND // rate
    calls = []
    for _ in range(CALLS):
        cost = dice.randrange(1, min(burst, 4) + 1)
        step = dice.choice([0, 0, 1, 1, 3, min(burst, 8)]) * dice.randrange(unit + 1)
        calls.append((step // grain * grain, cost))
    return calls


def compare(library, name, program, rate, burst, grain):
    dice = random.Random(f"{rate} {burst}")
    calls = trace(dice, rate, burst, grain)
    here, there = ours(library, rate, burst, calls), theirs(program, rate, burst, calls)
    assert len(here) == len(there) == CALLS, (name, len(there))
    differ = [at for at in range(CALLS) if here[at] != there[at]]
    assert not differ, (name, rate, burst, grain, differ[:3], [here[at] for at in differ[:3]])
    print(f"{name}: {rate}/s, burst {burst}, steps of {grain} ns: "
          f"{sum(here)} of {CALLS} admitted, every answer the same")


def main():
    library = ctypes.CDLL(sys.argv[1])
    for name, program in zip(sys.argv[2::2], sys.argv[3::2]):
        for rate, burst in [(1, 1), (10, 5), (100, 20), (1000, 1), (8, 64), (50_000, 100)]:
            compare(library, name, program, rate, burst, 1)
            if name == "governor":
                # Whole parts of a unit's time, so that calls come at the very edge.
                compare(library, name, program, rate, burst, SECOND // rate // 4)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    sys.exit(main())
