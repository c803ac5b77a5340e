"""Worlds that outlive the process: `--state DIR`, and a kill -9 at any moment."""

import json
import random
import signal
import sqlite3
import stat
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.emulator import DOCUMENTED, bearer
from tests.support.server_process import Server

CALLBACK = {"callback_url": "https://app.example.com/hook"}
PRICE = 11.9
"""Credits of the documented request."""


class Receiver(ThreadingHTTPServer):
    """Fails the first attempts for a task, as many as its id says, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[dict[str, Any]] = []
        self.attempts: Counter[str] = Counter()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def failures(self, task: str) -> int:
        return ord(task[-1]) % 3


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.seen.append(body)
            self.server.attempts[body["id"]] += 1
            fails = self.server.attempts[body["id"]] <= self.server.failures(body["id"])
        self.send_response(500 if fails else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def create(server: Server, key: str = "sk-state", **fields: Any) -> str:
    answer = httpx.post(f"{server.url}/v1/videos/generations", json=DOCUMENTED | fields, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def ask(server: Server, path: str, key: str = "sk-state") -> Any:
    answer = httpx.get(f"{server.url}{path}", headers=bearer(key), timeout=70)
    assert answer.status_code == 200, answer.text
    return answer.json()


def steer(server: Server, path: str, change: object, key: str = "sk-state") -> Any:
    answer = httpx.post(f"{server.url}/__mock/{path}", json=change, headers=bearer(key), timeout=70)
    assert answer.status_code == 200, answer.text
    return answer.json()


def deliveries(server: Server) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while page := ask(server, f"/__mock/deliveries?limit=1000&after={rows[-1]['number'] if rows else 0}")["deliveries"]:
        rows += page
    return rows


def tasks(server: Server) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while page := ask(server, f"/__mock/tasks?limit=1000&offset={len(rows)}")["tasks"]:
        rows += page
    return rows


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_no_kill_loses_a_task_a_credit_or_a_callback(receiver: Receiver, tmp_path: Path, rounds: int) -> None:
    luck = random.Random(rounds)
    arguments = (
        *("--state", str(tmp_path), "--forward-to", receiver.url, "--speed", "40", "--generation-time", "2s-20s"),
        # A fast machine makes more in these rounds than are kept for the record otherwise.
        *("--set", "delivery_limit=1000000"),
    )
    answered: list[str] = []
    for _ in range(rounds):
        with Server(*arguments) as server, httpx.Client(base_url=server.url, headers=bearer("sk-state")) as client:
            killer = threading.Timer(luck.uniform(0.0, 0.5), server.process.kill)
            killer.start()
            with suppress(httpx.TransportError):
                while True:
                    answer = client.post("/v1/videos/generations", json=DOCUMENTED | CALLBACK)
                    assert answer.status_code == 200
                    answered.append(answer.json()["id"])
                    if len(answered) % 20 == 0:
                        client.get("/v1/credits").raise_for_status()
            killer.join()
            server.process.wait()
    with Server(*arguments) as server:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            waiting = ask(server, "/__mock/deliveries?status=waiting&limit=1")["deliveries"]
            if not waiting and ask(server, "/__mock/clock")["next_event"] is None:
                break
            ask(server, "/__mock/deliveries?status=ended&wait=1s")
        made, rows = tasks(server), deliveries(server)
        money = ask(server, "/__mock/worlds")["worlds"][0]["credits"]
    assert answered
    kept = {row["id"] for row in made}
    assert kept >= set(answered)
    assert len(kept - set(answered)) <= rounds, "at most the one create whose answer the kill cut off"
    assert {row["status"] for row in made} == {"completed"}
    assert money == {"balance": None, "reserved": 0, "spent": round(PRICE * len(kept), 4)}
    assert sorted(row["task"] for row in rows) == sorted(kept), "one delivery for each"
    assert {row["status"] for row in rows} == {"delivered"}
    for row in rows:
        answered_ones = sum(attempt["status"] is not None for attempt in row["attempts"])
        extra = receiver.attempts[row["task"]] - answered_ones
        # An attempt without an answer may have arrived or not: under load a connection is refused before it is read.
        unanswered = len(row["attempts"]) - answered_ones
        assert 0 <= extra <= rounds + unanswered, "more than the record only by attempts that a kill cut off"
    assert sum(receiver.attempts.values()) - sum(len(row["attempts"]) for row in rows) <= rounds * 256


def test_a_chain_goes_on_where_it_was(receiver: Receiver, tmp_path: Path) -> None:
    """On a still clock everything is exact: after attempt 1 of a chain the process is killed, and attempt 2 follows."""
    arguments = ("--state", str(tmp_path), "--forward-to", "http://127.0.0.1:9", "--clock", "manual")
    with Server(*arguments, "--generation-time", "10s") as server:
        task = create(server, **CALLBACK)
        steer(server, "clock", {"advance": "10s"})
        before = deliveries(server)
        server.stop(signal.SIGKILL)
    assert [attempt["error"] for attempt in before[0]["attempts"]] == ["refused"]
    with Server(*arguments) as server:
        assert deliveries(server) == before
        steer(server, "clock", {"advance": "999ms"})
        assert len(deliveries(server)[0]["attempts"]) == 1
        steer(server, "clock", {"advance": "1ms"})
        assert len(deliveries(server)[0]["attempts"]) == 2
        steer(server, "clock", {"advance": "6s"})
        (row,) = deliveries(server)
    assert [attempt["due"] - row["queued"] for attempt in row["attempts"]] == [0, 1, 3, 7]
    assert (row["status"], row["task"]) == ("exhausted", task)


def test_worlds_come_back_as_they_were(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path), "--clock", "manual", "--generation-time", "10s")
    paths = ("/v1/credits", "/__mock/worlds", "/__mock/clock", "/__mock/tasks")
    with Server(*arguments) as server:
        ended, running = create(server), create(server)
        steer(server, f"tasks/{ended}/outcome", {"status": "failed", "code": "service_error"})
        steer(server, "clock", {"advance": "6s"})
        steer(server, "worlds", {"seed": 9})
        create(server, "sk-other")
        steer(server, "worlds", {"reset": True}, "sk-other")
        before = [ask(server, path, key) for key in ("sk-state", "sk-other") for path in paths]
        bodies = [ask(server, f"/v1/tasks/{task}") for task in (ended, running)]
        server.stop()
    with Server(*arguments) as server:
        assert [ask(server, path, key) for key in ("sk-state", "sk-other") for path in paths] == before
        assert [ask(server, f"/v1/tasks/{task}") for task in (ended, running)] == bodies
        steer(server, "clock", {"advance": "4s"})
        assert ask(server, f"/v1/tasks/{running}")["status"] == "completed"
        assert create(server) not in (ended, running)
        assert stat.S_IMODE((tmp_path / "evolink-mock.sqlite3").stat().st_mode) == 0o600


def test_a_task_that_ended_while_nothing_ran_is_called_back_at_once(receiver: Receiver, tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path), "--forward-to", receiver.url, "--speed", "1000", "--generation-time", "30s")
    with Server(*arguments) as server:
        task = create(server, **CALLBACK)
        server.stop(signal.SIGKILL)
    with Server(*arguments) as server:
        (row,) = ask(server, "/__mock/deliveries?status=delivered&wait=20s")["deliveries"]
        assert row["task"] == task
        assert row["queued"] == ask(server, f"/__mock/tasks/{task}")["plan"]["ends_at"]


def test_two_emulators_do_not_share_a_state(tmp_path: Path) -> None:
    with Server("--state", str(tmp_path)), pytest.raises(AssertionError, match="another emulator"):
        Server("--state", str(tmp_path)).__enter__()


def test_a_state_of_another_form_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "evolink-mock.sqlite3"
    base = sqlite3.connect(file)
    base.execute("PRAGMA user_version = 99")
    base.close()
    content = file.read_bytes()
    with pytest.raises(AssertionError, match="format 99"):
        Server("--state", str(tmp_path)).__enter__()
    assert file.read_bytes() == content


def test_a_state_that_is_no_database_or_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evolink-mock.sqlite3").write_bytes(b"not a database, surely" * 100)
    with pytest.raises(AssertionError, match="choose another directory"):
        Server("--state", str(tmp_path)).__enter__()
    (tmp_path / "file").touch()
    with pytest.raises(AssertionError, match="cannot keep the state"):
        Server("--state", str(tmp_path / "file")).__enter__()
