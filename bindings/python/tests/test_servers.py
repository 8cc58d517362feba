"""Real servers with several workers: one limit, one breaker, no count lost, also after kill -9."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tidegate import Engine

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples" / "python"
DEADLINE = 60.0


class Answer:
    """What a server said."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def worker(self) -> int:
        return int(self.headers["x-worker"])


class Server:
    """A server that runs, and the port that it chose."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        self.port = self.wait_for_port()

    def wait_for_port(self) -> int:
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline and self.process.poll() is None:
            text = self.log.read_text()
            found = re.search(r"http://127\.0\.0\.1:(\d+)", text)
            if found:
                return int(found[1])
            time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def wait_for_line(self, line: str, count: int) -> None:
        """Waits until the log has a line so many times."""
        deadline = time.monotonic() + DEADLINE
        while self.log.read_text().count(line) < count:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def ask(self, method: str, path: str, headers: Mapping[str, str] = {}) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=dict(headers))
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def until(self, path: str, status: int) -> Answer:
        """Asks until the answer has this status."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                answer = self.ask("GET", path)
                if answer.status == status or time.monotonic() > deadline:
                    assert answer.status == status, answer.body
                    return answer
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def load(
        self, threads: int, times: int, method: str, path: str, headers: Mapping[str, str] = {}
    ) -> list[Answer]:
        """Asks from several threads at once; connections that break give no answer."""
        answers: list[Answer] = []

        def work() -> None:
            for _ in range(times):
                try:
                    answers.append(self.ask(method, path, headers))
                except (OSError, http.client.HTTPException):
                    time.sleep(0.01)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(DEADLINE)
        return answers


@contextmanager
def server(
    command: list[str], folder: Path, log: Path, environment: Mapping[str, str]
) -> Iterator[Server]:
    """Runs a module of Python as a server, and ends it with all its workers."""
    with open(log, "w") as out:
        process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error::ResourceWarning:tidegate", "-m", *command],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        yield Server(process, log)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_workers_share(
    tmp_path: Path, region: Path, preload: bool, kind: str
) -> None:
    pytest.importorskip("gunicorn")
    command = ["gunicorn", "counting_app:app", "--bind", "127.0.0.1:0", "--workers", "3"]
    command += ["--worker-class", kind, "--threads", "2" if kind == "gthread" else "1"]
    command += ["--worker-tmp-dir", str(tmp_path)]
    if preload:
        command.append("--preload")
    environment = {} if preload else {"COUNTING_REGION": str(region)}
    with server(command, HERE, tmp_path / "log", environment) as shop:
        shop.until("/health/live", 200)
        answers = shop.load(4, 20, "GET", "/")
        victim = answers[0].worker
        os.kill(victim, signal.SIGKILL)
        answers += shop.load(4, 30, "GET", "/")
        assert len({answer.worker for answer in answers}) >= 2
        found = statuses(answers)
        # Nobody was answered while dying here: it slept. So nothing may be missing.
        assert found[200] <= 50
        assert found[200] + found[429] == len(answers)
        text = shop.ask("GET", "/metrics").body.decode()
        asked = int(re.search(r"^asked_total (\d+)$", text, re.MULTILINE)[1])  # type: ignore[index]
        assert asked >= len(answers)
        assert asked <= 4 * 50
        if asked == len(answers):
            assert found[200] == 50


@pytest.fixture
def shop(tmp_path: Path, region: Path) -> Iterator[Server]:
    """The example, with three workers that uvicorn spawns."""
    for name in ("uvicorn", "fastapi"):
        pytest.importorskip(name)
    command = ["uvicorn", "shop:app", "--host", "127.0.0.1", "--port", "0", "--workers", "3"]
    environment = {"SHOP_REGION": str(region), "SHOP_DATABASE": str(tmp_path / "shop.db")}
    with server(command, EXAMPLES, tmp_path / "log", environment) as running:
        running.until("/products/1", 200)
        # A worker that comes later would make the tables again, and its share of the load.
        running.wait_for_line("Application startup complete", 3)
        yield running


def rows(tmp_path: Path) -> int:
    connection = sqlite3.connect(tmp_path / "shop.db", timeout=10)
    try:
        return int(connection.execute("select count(*) from orders").fetchone()[0])
    finally:
        connection.close()


def test_the_shop_keeps_one_limit_and_every_count(
    shop: Server, tmp_path: Path, region: Path
) -> None:
    ann, bob = {"x-user": "ann"}, {"x-user": "bob"}
    begun = time.monotonic()
    first = shop.load(4, 3, "POST", "/orders?product=1", ann)
    assert statuses(first) == {201: 12}
    victim = first[0].worker
    os.kill(victim, signal.SIGKILL)
    answers = first + shop.load(4, 10, "POST", "/orders?product=1", ann)
    more = 0.02 * (time.monotonic() - begun) + 1
    kept = rows(tmp_path)
    assert 20 <= kept <= 20 + more, statuses(answers)
    assert statuses(answers)[201] <= kept
    assert statuses(answers)[429] >= 20
    assert len({answer.worker for answer in answers if answer.status == 201}) >= 1
    denied = next(answer for answer in answers if answer.status == 429)
    assert int(denied.headers["retry-after"]) >= 1
    assert statuses(shop.load(1, 1, "POST", "/orders?product=2", bob)) == {201: 1}
    with Engine.attach(region) as observer:
        found = observer.snapshot().to_dict()
    counters = {entry["name"]: entry["value"] for entry in found["counters"]}
    # A worker that is killed between the database and the counter loses that one at most.
    assert rows(tmp_path) - 1 <= counters["orders"] <= rows(tmp_path)
    recorded = sum(
        entry["lifetime"]["count"]
        for entry in found["histograms"]
        if entry["name"] == "http.server.request.duration"
        and entry["labels"].get("http_route") == "/orders"
    )
    # A request is counted when its answer has gone out: the killed worker may have had one for each
    # of the four clients that was answered and not yet counted, or counted and not answered.
    assert len(answers) + 1 - 4 <= recorded <= len(answers) + 1 + 4


def test_the_shop_breaks_its_circuit_and_mends(shop: Server, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "shop.db", timeout=10)
    with connection:
        connection.execute("alter table products rename to hidden")
    statuses_seen = statuses(shop.load(4, 15, "GET", "/products/1"))
    assert statuses_seen[500] >= 5
    assert statuses_seen[503] >= 1
    refused = shop.until("/products/1", 503)
    assert refused.headers["content-type"] == "application/problem+json"
    assert "the breaker database is open" in json.loads(refused.body)["detail"]
    assert 'tidegate_breaker_' in shop.ask("GET", "/metrics").body.decode()
    assert shop.ask("GET", "/health/live").status == 200
    with connection:
        connection.execute("alter table hidden rename to products")
    connection.close()
    assert json.loads(shop.until("/products/1", 200).body) == {"product": 1, "name": "lamp"}
    assert shop.ask("GET", "/products/3").status == 404
    # The log has the failures that were provoked.
    (tmp_path / "log").write_text("")


def test_the_shop_shows_metrics_and_health(shop: Server) -> None:
    shop.load(2, 10, "GET", "/products/2")
    text = shop.ask("GET", "/metrics").body.decode()
    line = re.search(
        r"^http_server_request_duration_seconds_count\{([^}]*/products/\{product\}[^}]*)\} (\d+)",
        text,
        re.MULTILINE,
    )
    assert line is not None and int(line[2]) >= 20
    assert shop.ask("GET", "/health").status == 200
    assert json.loads(shop.ask("GET", "/health/ready").body)["status"] == "pass"
