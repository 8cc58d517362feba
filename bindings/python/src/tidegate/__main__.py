"""``python -m tidegate``: the version, and whether everything works on this machine.

    python -m tidegate              checks an engine of its own, and says what it found
    python -m tidegate --version    the version
    python -m tidegate PATH         looks at the region of a running service, and changes nothing
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time

from . import Engine, TidegateError, __version__, _native


def check() -> list[tuple[str, bool, str]]:
    """What was tried, whether it worked, and what was found."""
    found: list[tuple[str, bool, str]] = []
    with Engine() as engine:
        counter = engine.counter("check.count")
        limiter = engine.limiter("check", algorithm="token_bucket", rate_per_second=1e-3, burst=10)
        admitted = engine.counter("check.admitted")

        def work() -> None:
            for _ in range(100):
                counter.inc()
                if limiter.check():
                    admitted.inc()

        if hasattr(os, "fork"):
            child = os.fork()
            if child == 0:
                work()
                os._exit(0)
            os.waitpid(child, 0)
        else:
            work()
        work()
        found.append(("counts of two processes", counter.value() == 200, f"{counter.value()}"))
        found.append(("one limit over them", admitted.value() == 10, f"{admitted.value()} of 10"))
        breaker = engine.breaker("check", consecutive_failures=1, open_seconds=60)
        permit = breaker.acquire()
        permit.report(_native.OUTCOME_FAILURE)
        found.append(("a breaker opens", breaker.state == "open", breaker.state))
        wait = engine.histogram("check.wait", unit="seconds")
        begun = time.perf_counter()
        with wait.time():
            time.sleep(0.03)
        took = time.perf_counter() - begun
        (measured,) = wait.quantiles([1.0])
        right = 0.03 * 0.99 <= measured <= took * 1.01
        found.append(("a block is measured", right, f"{measured:.4f} s of {took:.4f} s"))
        text = engine.snapshot().prometheus()
        found.append(("a scrape", "check_count_total 200" in text, f"{len(text)} bytes"))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tidegate",
        description="The version, and whether everything works on this machine.",
    )
    parser.add_argument("--version", action="version", version=f"tidegate {__version__}")
    parser.add_argument(
        "path", nargs="?", help="the region of a running service: print its metrics instead"
    )
    path = parser.parse_args(arguments).path
    if path is not None:
        try:
            with Engine.attach(path) as engine:
                print(engine.snapshot().prometheus(), end="")
        except TidegateError as error:
            print(f"tidegate: {error}", file=sys.stderr)
            return 1
        return 0
    print(f"tidegate {__version__}, {sys.implementation.name} {platform.python_version()},"
          f" {platform.system()} {platform.machine()}")
    results = check()
    rate = _native._ticks_per_second()
    print(f"durations: {f'processor counter, {rate / 1e9:.2f} GHz' if rate else 'kernel clock'}")
    for what, works, text in results:
        print(f"{'ok' if works else 'NOT OK':6} {what}: {text}")
    return 0 if all(works for _, works, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
